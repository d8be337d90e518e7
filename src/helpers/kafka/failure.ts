import { Mistake } from '../../mistake/mistake.ts'
import { Refusal } from '../answer.ts'

/** What the library throws, in our own words: its messages may quote what was sent. */
export function failureOf(error: unknown): unknown {
  if (error instanceof Mistake || !(error instanceof Error)) return error
  const cause = rootOf(error)
  if (cause instanceof Mistake) return cause
  const type = typeOf(cause)
  if (type !== undefined) return refusalOf(type, isRetriable(cause))
  switch (cause.name) {
    case 'KafkaJSSASLAuthenticationError':
      return refusalOf('SASL_AUTHENTICATION_FAILED', false)
    case 'KafkaJSTopicMetadataNotLoaded':
    case 'KafkaJSMetadataNotLoaded':
      return refusalOf('UNKNOWN_TOPIC_OR_PARTITION', true)
    case 'KafkaJSRequestTimeoutError':
      return failed('no answer in time')
    case 'KafkaJSBrokerNotFound':
    case 'KafkaJSLockTimeout':
      return failed('no broker that leads the partition can be reached')
    case 'KafkaJSServerDoesNotSupportApiKey':
    case 'KafkaJSUnsupportedMagicByteInMessageSet':
      return refusalOf('UNSUPPORTED_VERSION', false)
  }
  if (isConnectionTrouble(error)) return failed('the connection was closed')
  if (cause.name.startsWith('KafkaJS')) return failed(cause.message.slice(0, LONGEST_REASON))
  return DECODING.has(cause.name) ? failed('the reply makes no sense') : error
}

/** The connection could not be made, or broke. */
export function isConnectionTrouble(error: unknown): boolean {
  return error instanceof Error && TROUBLE.has(rootOf(error).name)
}

/** The cluster has no idempotent producers, not for us, or nobody who says that it leads it and is asked for them. */
export function isRefusedIdempotence(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const cause = rootOf(error)
  return (
    cause.name === 'KafkaJSServerDoesNotSupportApiKey' ||
    cause.name === 'KafkaJSBrokerNotFound' ||
    typeOf(cause) === 'CLUSTER_AUTHORIZATION_FAILED' ||
    typeOf(cause) === 'UNSUPPORTED_VERSION'
  )
}

/** Under what says that it was tried several times. */
function rootOf(error: Error): Error {
  const { cause } = error
  return error.name.startsWith('KafkaJS') && cause instanceof Error ? rootOf(cause) : error
}

function typeOf(error: Error): string | undefined {
  return 'type' in error && typeof error.type === 'string' ? error.type : undefined
}

function isRetriable(error: Error): boolean {
  return 'retriable' in error && error.retriable === true
}

/** https://kafka.apache.org/protocol.html#protocol_error_codes */
function refusalOf(type: string, isRetriable: boolean): Refusal {
  const [status, words] = KNOWN[type] ?? [isRetriable ? 503 : 400, type]
  const retry = isRetriable || LATER.has(type) ? 'later' : 'never'
  return new Refusal(`${HELPER}: the cluster refused it: ${words}`, status, { when: retry })
}

function failed(reason: string): Mistake {
  return new Mistake('E_HELPER_FAILED', `${HELPER}: ${reason}`)
}

const HELPER = 'vendor.kafka.put'
const LONGEST_REASON = 200

/** With the status that HTTP has for it. */
const KNOWN: Readonly<Record<string, readonly [status: number, words: string]>> = {
  CLUSTER_AUTHORIZATION_FAILED: [403, 'not permitted (CLUSTER_AUTHORIZATION_FAILED)'],
  ILLEGAL_SASL_STATE: [401, 'it wants credentials of another kind (ILLEGAL_SASL_STATE)'],
  INVALID_TOPIC_EXCEPTION: [400, 'that is no name for a topic (INVALID_TOPIC_EXCEPTION)'],
  MESSAGE_TOO_LARGE: [413, 'the message is larger than the topic takes (MESSAGE_TOO_LARGE)'],
  RECORD_LIST_TOO_LARGE: [413, 'the messages are larger than the topic takes (RECORD_LIST_TOO_LARGE)'],
  SASL_AUTHENTICATION_FAILED: [401, 'wrong credentials (SASL_AUTHENTICATION_FAILED)'],
  TOPIC_AUTHORIZATION_FAILED: [403, 'not permitted for this topic (TOPIC_AUTHORIZATION_FAILED)'],
  UNKNOWN_TOPIC_OR_PARTITION: [404, 'there is no such topic (UNKNOWN_TOPIC_OR_PARTITION)'],
  UNSUPPORTED_SASL_MECHANISM: [401, 'it does not know this way to log in (UNSUPPORTED_SASL_MECHANISM)'],
}

/** Not to be tried again at once, but a new producer may do better. */
const LATER: ReadonlySet<string> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'BROKER_NOT_AVAILABLE',
])

const TROUBLE: ReadonlySet<string> = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
])

const DECODING: ReadonlySet<string> = new Set(['RangeError', 'TypeError'])
