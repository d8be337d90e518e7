import { type ApiTable, NEVER } from './api.ts'

/** What clients say when they connect: versions, logins, their own metrics. */
export const connection: readonly ApiTable[] = [
  {
    key: 17,
    name: 'SaslHandshake',
    newest: 1,
    flexible: NEVER,
    request: `
      mechanism subject`,
    response: `
      errorCode error
      mechanisms []string`,
  },
  {
    key: 18,
    name: 'ApiVersions',
    newest: 4,
    flexible: 3,
    request: `
      clientSoftwareName string 3+
      clientSoftwareVersion string 3+`,
    response: `
      errorCode error
      apiKeys []
        apiKey int16
        minVersion int16
        maxVersion int16
      throttleTimeMs int32 1+
      supportedFeatures [] 3+ tag 0
        name string
        minVersion int16
        maxVersion int16
      finalizedFeaturesEpoch int64 3+ tag 1
      finalizedFeatures [] 3+ tag 2
        name string
        maxVersionLevel int16
        minVersionLevel int16
      zkMigrationReady bool 3+ tag 3`,
  },
  {
    key: 36,
    name: 'SaslAuthenticate',
    newest: 2,
    flexible: 2,
    request: `
      authBytes secret`,
    response: `
      errorCode error
      errorMessage string?
      authBytes secret
      sessionLifetimeMs int64 1+`,
  },
  {
    key: 38,
    name: 'CreateDelegationToken',
    newest: 3,
    flexible: 2,
    request: `
      ownerPrincipalType string? 3+
      ownerPrincipalName string? 3+
      renewers []
        principalType string
        principalName string
      maxLifetimeMs int64`,
    response: `
      errorCode error
      principalType string
      principalName string
      tokenRequesterPrincipalType string 3+
      tokenRequesterPrincipalName string 3+
      issueTimestampMs int64
      expiryTimestampMs int64
      maxTimestampMs int64
      tokenId string
      hmac secret
      throttleTimeMs int32`,
  },
  {
    key: 39,
    name: 'RenewDelegationToken',
    newest: 2,
    flexible: 2,
    request: `
      hmac secret
      renewPeriodMs int64`,
    response: `
      errorCode error
      expiryTimestampMs int64
      throttleTimeMs int32`,
  },
  {
    key: 40,
    name: 'ExpireDelegationToken',
    newest: 2,
    flexible: 2,
    request: `
      hmac secret
      expiryTimePeriodMs int64`,
    response: `
      errorCode error
      expiryTimestampMs int64
      throttleTimeMs int32`,
  },
  {
    key: 41,
    name: 'DescribeDelegationToken',
    newest: 3,
    flexible: 2,
    request: `
      owners []?
        principalType string
        principalName string`,
    response: `
      errorCode error
      tokens []
        principalType string
        principalName string
        tokenRequesterPrincipalType string 3+
        tokenRequesterPrincipalName string 3+
        issueTimestamp int64
        expiryTimestamp int64
        maxTimestamp int64
        tokenId string
        hmac secret
        renewers []
          principalType string
          principalName string
      throttleTimeMs int32`,
  },
  {
    key: 71,
    name: 'GetTelemetrySubscriptions',
    newest: 0,
    flexible: 0,
    request: `
      clientInstanceId uuid`,
    response: `
      throttleTimeMs int32
      errorCode error
      clientInstanceId uuid
      subscriptionId int32
      acceptedCompressionTypes []int8
      pushIntervalMs int32
      telemetryMaxBytes int32
      deltaTemporality bool
      requestedMetrics []string`,
  },
  {
    key: 72,
    name: 'PushTelemetry',
    newest: 0,
    flexible: 0,
    request: `
      clientInstanceId uuid
      subscriptionId int32
      terminating bool
      compressionType int8
      metrics bytes`,
    response: `
      throttleTimeMs int32
      errorCode error`,
  },
]
