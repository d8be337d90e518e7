import { copyOf } from '../../bytes/read.ts'
import type { Instant } from '../../dissect/dissector.ts'
import { rfc3339 } from '../../entry/entry.ts'
import { API_VERSIONS, CREATE_TOPICS, METADATA, PRODUCE } from './apis.ts'
import { errorName } from './errors.ts'
import type { Frame } from './frame.ts'
import { type RequestHeader, requestContent, responseContent } from './header.ts'
import { type Payload, readPayload, type Skimmed, type Span, skimPayload } from './payload.ts'
import type { Reading, TopicNames } from './reading.ts'
import type { RecordSet } from './records.ts'
import type { Layout } from './table.ts'
import { Wire } from './wire.ts'

/** Requests as scripts see them. */
export interface KafkaRequest {
  readonly size: number
  readonly apiKeyName: string
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationID: number
  readonly clientID: string
  readonly payload: unknown
  readonly captureTime: string
  readonly topics: readonly string[]
  readonly subject: string
  readonly truncated: boolean
  readonly incomplete: boolean
}

export interface KafkaResponse {
  readonly size: number
  readonly apiKeyName: string
  readonly correlationID: number
  readonly payload: unknown
  readonly captureTime: string
  readonly errorCode: number
  readonly errorName: string
  readonly truncated: boolean
  readonly incomplete: boolean
}

/** What requests and replies have in common: the bytes are kept, and read when somebody asks for what is in them. */
abstract class Message {
  readonly size: number
  readonly incomplete: boolean
  #bytes: Uint8Array
  readonly #since: Instant
  readonly #names: TopicNames
  /** Bytes after the length, without those that were left out. */
  protected readonly extent: number
  #content: Content | undefined
  #skimmed: Skimmed | undefined

  constructor({ bytes, size, omitted, since, incomplete }: Frame, names: TopicNames) {
    this.extent = size - omitted
    this.#names = names
    this.#bytes = bytes
    this.size = size
    this.incomplete = incomplete
    this.#since = since
  }

  /** As they came, the length first; of a long message the beginning. */
  protected get bytes(): Uint8Array {
    return this.#bytes
  }

  /** The last records that are in what is kept. */
  get lastRecords(): Span | undefined {
    return this.skimmed.records
  }

  /** Bytes that are kept. */
  get weight(): number {
    return this.#bytes.length
  }

  /** Keeps only what it is about. */
  shorten(): void {
    if (this.#bytes.length > SHORT) this.#bytes = copyOf(this.#bytes, 0, SHORT)
  }

  get captureTime(): string {
    return rfc3339(this.#since.seconds, this.#since.nanos)
  }

  get payload(): unknown {
    return this.#read.payload
  }

  get truncated(): boolean {
    return this.bytes.length < 4 + this.size || this.#read.isShort
  }

  protected get skimmed(): Skimmed {
    if (this.#skimmed === undefined) {
      const layout = this.layout()
      this.#skimmed = layout === undefined ? NOTHING_SEEN : skimPayload(this.wire(), layout, this.#names)
    }
    return this.#skimmed
  }

  get #read(): Content {
    this.#content ??= this.#readContent()
    return this.#content
  }

  #readContent(): Content {
    const layout = this.layout()
    if (layout === undefined) return NOTHING_READ
    const wire = this.wire()
    const reading: Reading = {
      structs: MOST_STRUCTS,
      records: MOST_RECORDS,
      bytes: MOST_DECOMPRESSED,
      names: this.#names,
    }
    const payload = this.shown(readPayload(wire, layout, reading))
    return { payload, isShort: wire.state !== 'good' }
  }

  protected shown(payload: Payload): Payload {
    return payload
  }

  protected abstract layout(): Layout | undefined
  protected abstract wire(): Wire
}

export class Request extends Message implements KafkaRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationID: number
  readonly clientID: string
  readonly #header: RequestHeader

  constructor(header: RequestHeader, frame: Frame, names: TopicNames) {
    super(frame, names)
    this.#header = header
    this.apiKey = header.apiKey
    this.apiVersion = header.apiVersion
    this.correlationID = header.correlationId
    this.clientID = header.clientId
  }

  get header(): RequestHeader {
    return this.#header
  }

  get apiKeyName(): string {
    return apiName(this.#header)
  }

  get topics(): readonly string[] {
    return this.skimmed.topics
  }

  get subject(): string {
    return subjectOf(this.skimmed)
  }

  /** A Produce request that wants no reply. */
  get hasNoReply(): boolean {
    const layout = this.apiKey === PRODUCE ? this.layout() : undefined
    if (layout === undefined) return false
    const wire = this.wire()
    if (this.apiVersion >= FIRST_WITH_TRANSACTIONS)
      wire.skip(Math.max(wire.stringLength(layout.tagged !== undefined), 0))
    return wire.int16() === 0 && wire.state === 'good'
  }

  protected override layout(): Layout | undefined {
    return this.#header.api?.request(this.apiVersion)
  }

  protected override wire(): Wire {
    return requestContent(this.bytes, this.extent, this.#header)
  }

  protected override shown(payload: Payload): Payload {
    return this.apiKey === PRODUCE ? producedAsOfOld(payload) : payload
  }
}

export class Response extends Message implements KafkaResponse {
  readonly correlationID: number
  /** Undefined when the request was not seen: nobody knows what this is. */
  readonly #header: RequestHeader | undefined

  constructor(correlationId: number, header: RequestHeader | undefined, frame: Frame, names: TopicNames) {
    super(frame, names)
    this.correlationID = correlationId
    this.#header = header
  }

  get apiKeyName(): string {
    return this.#header === undefined ? '' : apiName(this.#header)
  }

  get errorCode(): number {
    return this.skimmed.status
  }

  get errorName(): string {
    return errorName(this.errorCode)
  }

  /** Names of topics that the reply gives beside their ids. */
  get topicNames(): readonly (readonly [id: string, name: string])[] {
    if (!TELL_NAMES.has(this.#header?.apiKey ?? -1)) return []
    const topics = ((this.payload as Payload | null)?.topics ?? []) as Payload[]
    return topics.flatMap(({ topicID, name }) =>
      typeof topicID === 'string' && typeof name === 'string' ? [[topicID, name]] : [],
    )
  }

  protected override layout(): Layout | undefined {
    const { api, apiVersion } = this.#header ?? {}
    if (api === undefined || apiVersion === undefined) return undefined
    // Who asks for versions in one that the broker does not have is answered in the first (KIP-511).
    const isRefused = api.key === API_VERSIONS && this.wire().int16() === UNSUPPORTED_VERSION
    return api.response(isRefused ? 0 : apiVersion)
  }

  protected override wire(): Wire {
    const { api, apiVersion } = this.#header ?? {}
    return api === undefined || apiVersion === undefined
      ? new Wire(this.bytes, 0, 0)
      : responseContent(this.bytes, this.extent, api, apiVersion)
  }
}

/** A step of a login of old, which has no header: bytes of SASL, which are not shown. */
export class Token implements KafkaRequest, KafkaResponse {
  readonly size: number
  readonly incomplete: boolean
  readonly apiKeyName = 'SaslToken'
  readonly apiKey = -1
  readonly apiVersion = -1
  readonly correlationID = -1
  readonly clientID = ''
  readonly topics: readonly string[] = []
  readonly subject = ''
  readonly errorCode = 0
  readonly errorName = 'NONE'
  readonly truncated = false
  readonly payload = null
  readonly captureTime: string
  /** Pairs it with its answer. */
  readonly id: string
  readonly lastRecords = undefined

  constructor(number: number, { size, since, incomplete }: Frame) {
    this.id = `token ${number}`
    this.size = size
    this.incomplete = incomplete
    this.captureTime = rfc3339(since.seconds, since.nanos)
  }
}

function apiName({ api, apiKey }: RequestHeader): string {
  return api?.name ?? `Unknown(${apiKey})`
}

/** Topics as a row shows them, or else groups, transactions or what it is about. */
function subjectOf({ topics, others }: Skimmed): string {
  return (topics.length > 0 ? topics : others).join(', ')
}

/**
 * Partitions of a Produce request as Kubeshark has them: the first as `partitionData`, which is the only one in most
 * requests. The others are in `more`.
 */
function producedAsOfOld(payload: Payload): Payload {
  const topicData = (payload.topicData ?? []) as Payload[]
  return { ...payload, topicData: topicData.map((topic) => ({ ...topic, partitions: partitionsOf(topic) })) }
}

function partitionsOf({ partitions = [] }: Payload): Payload {
  const [partitionData = null, ...more] = (partitions as Payload[]).map(({ index, records }) => ({
    index,
    // What Kubeshark calls so is how many bytes of records there are.
    unknown: (records as RecordSet | null | undefined)?.size ?? -1,
    records: records ?? null,
  }))
  return { length: (partitions as Payload[]).length, partitionData, more }
}

interface Content {
  readonly payload: Payload | null
  /** Not everything could be read. */
  readonly isShort: boolean
}

const NOTHING_READ: Content = { payload: null, isShort: false }
const NOTHING_SEEN: Skimmed = { topics: [], others: [], status: 0, records: undefined }
const TELL_NAMES: ReadonlySet<number> = new Set([METADATA, CREATE_TOPICS])
/** Bytes that tell of most messages what they are about. */
const SHORT = 1024
const FIRST_WITH_TRANSACTIONS = 3
const UNSUPPORTED_VERSION = 35
/** Of one message so much is shown at most. */
const MOST_STRUCTS = 1 << 18
const MOST_RECORDS = 1 << 16
const MOST_DECOMPRESSED = 8 << 20
