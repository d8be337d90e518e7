import type { ApiTable } from './api.ts'

/** What administrators ask for: access, configuration, quotas, disks. */
export const admin: readonly ApiTable[] = [
  {
    key: 29,
    name: 'DescribeAcls',
    newest: 3,
    flexible: 2,
    request: `
      resourceTypeFilter int8
      resourceNameFilter string?
      patternTypeFilter int8 1+
      principalFilter string?
      hostFilter string?
      operation int8
      permissionType int8`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      resources []
        resourceType int8
        resourceName string
        patternType int8 1+
        acls []
          principal string
          host string
          operation int8
          permissionType int8`,
  },
  {
    key: 30,
    name: 'CreateAcls',
    newest: 3,
    flexible: 2,
    request: `
      creations []
        resourceType int8
        resourceName string
        resourcePatternType int8 1+
        principal string
        host string
        operation int8
        permissionType int8`,
    response: `
      throttleTimeMs int32
      results []
        errorCode error
        errorMessage string?`,
  },
  {
    key: 31,
    name: 'DeleteAcls',
    newest: 3,
    flexible: 2,
    request: `
      filters []
        resourceTypeFilter int8
        resourceNameFilter string?
        patternTypeFilter int8 1+
        principalFilter string?
        hostFilter string?
        operation int8
        permissionType int8`,
    response: `
      throttleTimeMs int32
      filterResults []
        errorCode error
        errorMessage string?
        matchingAcls []
          errorCode error
          errorMessage string?
          resourceType int8
          resourceName string
          patternType int8 1+
          principal string
          host string
          operation int8
          permissionType int8`,
  },
  {
    key: 32,
    name: 'DescribeConfigs',
    newest: 4,
    flexible: 4,
    request: `
      resources []
        resourceType int8
        resourceName subject
        configurationKeys []string?
      includeSynonyms bool 1+
      includeDocumentation bool 3+`,
    response: `
      throttleTimeMs int32
      results []
        errorCode error
        errorMessage string?
        resourceType int8
        resourceName subject
        configs []
          name string
          value config?
          readOnly bool
          isDefault bool 0
          configSource int8 1+
          isSensitive bool
          synonyms [] 1+
            name string
            value config?
            source int8
          configType int8 3+
          documentation string? 3+`,
  },
  {
    key: 33,
    name: 'AlterConfigs',
    newest: 2,
    flexible: 2,
    request: `
      resources []
        resourceType int8
        resourceName subject
        configs []
          name string
          value config?
      validateOnly bool`,
    response: `
      throttleTimeMs int32
      responses []
        errorCode error
        errorMessage string?
        resourceType int8
        resourceName subject`,
  },
  {
    key: 34,
    name: 'AlterReplicaLogDirs',
    newest: 2,
    flexible: 2,
    request: `
      dirs []
        path string
        topics []
          name topic
          partitions []int32`,
    response: `
      throttleTimeMs int32
      results []
        topicName topic
        partitions []
          partitionIndex int32
          errorCode error`,
  },
  {
    key: 35,
    name: 'DescribeLogDirs',
    newest: 4,
    flexible: 2,
    request: `
      topics []?
        topic topic
        partitions []int32`,
    response: `
      throttleTimeMs int32
      errorCode error 3+
      results []
        errorCode error
        logDir string
        topics []
          name topic
          partitions []
            partitionIndex int32
            partitionSize int64
            offsetLag int64
            isFutureKey bool
        totalBytes int64 4+
        usableBytes int64 4+`,
  },
  {
    key: 44,
    name: 'IncrementalAlterConfigs',
    newest: 1,
    flexible: 1,
    request: `
      resources []
        resourceType int8
        resourceName subject
        configs []
          name string
          configOperation int8
          value config?
      validateOnly bool`,
    response: `
      throttleTimeMs int32
      responses []
        errorCode error
        errorMessage string?
        resourceType int8
        resourceName subject`,
  },
  {
    key: 48,
    name: 'DescribeClientQuotas',
    newest: 1,
    flexible: 1,
    request: `
      components []
        entityType string
        matchType int8
        match string?
      strict bool`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      entries []?
        entity []
          entityType string
          entityName string?
        values []
          key string
          value float64`,
  },
  {
    key: 49,
    name: 'AlterClientQuotas',
    newest: 1,
    flexible: 1,
    request: `
      entries []
        entity []
          entityType string
          entityName string?
        ops []
          key string
          value float64
          remove bool
      validateOnly bool`,
    response: `
      throttleTimeMs int32
      entries []
        errorCode error
        errorMessage string?
        entity []
          entityType string
          entityName string?`,
  },
  {
    key: 50,
    name: 'DescribeUserScramCredentials',
    newest: 0,
    flexible: 0,
    request: `
      users []?
        name string`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      results []
        user string
        errorCode error
        errorMessage string?
        credentialInfos []
          mechanism int8
          iterations int32`,
  },
  {
    key: 51,
    name: 'AlterUserScramCredentials',
    newest: 0,
    flexible: 0,
    request: `
      deletions []
        name string
        mechanism int8
      upsertions []
        name string
        mechanism int8
        iterations int32
        salt secret
        saltedPassword secret`,
    response: `
      throttleTimeMs int32
      results []
        user string
        errorCode error
        errorMessage string?`,
  },
  {
    key: 57,
    name: 'UpdateFeatures',
    newest: 2,
    flexible: 0,
    request: `
      timeoutMs int32
      featureUpdates []
        feature string
        maxVersionLevel int16
        allowDowngrade bool 0
        upgradeType int8 1+
      validateOnly bool 1+`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      results [] 0-1
        feature string
        errorCode error
        errorMessage string?`,
  },
  {
    key: 74,
    name: 'ListConfigResources',
    newest: 1,
    flexible: 0,
    request: `
      resourceTypes []int8 1+`,
    response: `
      throttleTimeMs int32
      errorCode error
      configResources []
        resourceName string
        resourceType int8 1+`,
  },
]
