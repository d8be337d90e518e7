import { readFields, varintAt, WIRE } from '../../dissectors/http/grpc/wire.ts'
import type { Signal } from './messages.ts'

const { varint: VARINT, i64: I64, len: LEN, i32: I32 } = WIRE

/**
 * OTLP as protobuf. Names, numbers and types of fields are those of opentelemetry-proto 1.x (Apache-2.0,
 * https://github.com/open-telemetry/opentelemetry-proto); written by hand, since the 64-bit numbers of OTLP are times that
 * must not lose digits, and what is sent is little.
 */
export function encodeRequest(signal: Signal, request: object): Uint8Array {
  const writer = new Writer()
  writer.message(request, REQUESTS[signal])
  return writer.taken()
}

/** What an `Export…ServiceResponse` says of what was not taken. */
export interface PartialSuccess {
  readonly rejected: number
  readonly message: string
}

/** Undefined: all was taken, or these are no such bytes. */
export function readPartialSuccess(bytes: Uint8Array): PartialSuccess | undefined {
  const inner = bytesOf(bytes, 1)
  return inner && { rejected: numberOf(inner, 1), message: textOf(inner, 2) }
}

/** The message of a `google.rpc.Status`, with which receivers refuse over HTTP. */
export function readStatusMessage(bytes: Uint8Array): string {
  return textOf(bytes, 2)
}

/** `google.rpc.Status`, as `grpc-status-details-bin` has it: the pause of its `RetryInfo`, ms; undefined: there is none. */
export function readRetryDelay(bytes: Uint8Array): number | undefined {
  for (const detail of allBytesOf(bytes, 3)) {
    if (!textOf(detail, 1).endsWith('/google.rpc.RetryInfo')) continue
    const delay = bytesOf(bytesOf(detail, 2) ?? NOTHING, 1) ?? NOTHING
    return Math.max(numberOf(delay, 1) * 1000 + numberOf(delay, 2) / 1e6, 0)
  }
  return undefined
}

const NOTHING = new Uint8Array()

function allBytesOf(bytes: Uint8Array, number: number): Uint8Array[] {
  const fields = readFields(bytes, 0, bytes.length) ?? []
  return fields
    .filter((field) => field.number === number && field.wire === LEN)
    .map(({ start, end }) => bytes.subarray(start, end))
}

/** The last one counts, as protobuf has it. */
function bytesOf(bytes: Uint8Array, number: number): Uint8Array | undefined {
  return allBytesOf(bytes, number).at(-1)
}

function textOf(bytes: Uint8Array, number: number): string {
  return Buffer.from(bytesOf(bytes, number) ?? NOTHING).toString()
}

function numberOf(bytes: Uint8Array, number: number): number {
  const field = readFields(bytes, 0, bytes.length)?.findLast((each) => each.number === number)
  return field?.wire === VARINT ? Number(varintAt(bytes, field.start)) : 0
}

/** Types of fields: those of protobuf, an id in hexadecimal, or a message; `list`: any number of them. */
type Type =
  | 'string'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'int64'
  | 'fixed32'
  | 'fixed64'
  | 'double'
  | 'id'
  | Message
interface Field {
  readonly number: number
  readonly type: Type | (() => Message)
  readonly list?: true
}
/** Names with their fields, in the order in which they are written. */
type Message = readonly (readonly [name: string, field: Field])[]

const message = (fields: Readonly<Record<string, Field>>): Message => Object.entries(fields)

const one = (number: number, type: Field['type']): Field => ({ number, type })
const list = (number: number, type: Field['type']): Field => ({ number, type, list: true })

const ANY_VALUE: Message = message({
  stringValue: one(1, 'string'),
  boolValue: one(2, 'bool'),
  intValue: one(3, 'int64'),
  doubleValue: one(4, 'double'),
  arrayValue: one(5, message({ values: list(1, () => ANY_VALUE) })),
  kvlistValue: one(6, message({ values: list(1, () => KEY_VALUE) })),
})
const KEY_VALUE: Message = message({ key: one(1, 'string'), value: one(2, ANY_VALUE) })
const RESOURCE: Message = message({ attributes: list(1, KEY_VALUE) })
const SCOPE: Message = message({ name: one(1, 'string'), version: one(2, 'string') })

const SPAN: Message = message({
  traceId: one(1, 'id'),
  spanId: one(2, 'id'),
  traceState: one(3, 'string'),
  parentSpanId: one(4, 'id'),
  name: one(5, 'string'),
  kind: one(6, 'enum'),
  startTimeUnixNano: one(7, 'fixed64'),
  endTimeUnixNano: one(8, 'fixed64'),
  attributes: list(9, KEY_VALUE),
  droppedAttributesCount: one(10, 'uint32'),
  events: list(
    11,
    message({
      timeUnixNano: one(1, 'fixed64'),
      name: one(2, 'string'),
      attributes: list(3, KEY_VALUE),
      droppedAttributesCount: one(4, 'uint32'),
    }),
  ),
  links: list(
    13,
    message({
      traceId: one(1, 'id'),
      spanId: one(2, 'id'),
      traceState: one(3, 'string'),
      attributes: list(4, KEY_VALUE),
      droppedAttributesCount: one(5, 'uint32'),
      flags: one(6, 'fixed32'),
    }),
  ),
  droppedLinksCount: one(14, 'uint32'),
  status: one(15, message({ message: one(2, 'string'), code: one(3, 'enum') })),
  flags: one(16, 'fixed32'),
})

const LOG_RECORD: Message = message({
  timeUnixNano: one(1, 'fixed64'),
  severityNumber: one(2, 'enum'),
  severityText: one(3, 'string'),
  body: one(5, ANY_VALUE),
  attributes: list(6, KEY_VALUE),
  droppedAttributesCount: one(7, 'uint32'),
  flags: one(8, 'fixed32'),
  traceId: one(9, 'id'),
  spanId: one(10, 'id'),
  observedTimeUnixNano: one(11, 'fixed64'),
  eventName: one(12, 'string'),
})

const NUMBER_POINT: Message = message({
  startTimeUnixNano: one(2, 'fixed64'),
  timeUnixNano: one(3, 'fixed64'),
  asDouble: one(4, 'double'),
  attributes: list(7, KEY_VALUE),
})
const HISTOGRAM_POINT: Message = message({
  startTimeUnixNano: one(2, 'fixed64'),
  timeUnixNano: one(3, 'fixed64'),
  count: one(4, 'fixed64'),
  sum: one(5, 'double'),
  bucketCounts: list(6, 'fixed64'),
  explicitBounds: list(7, 'double'),
  attributes: list(9, KEY_VALUE),
  min: one(11, 'double'),
  max: one(12, 'double'),
})
const METRIC: Message = message({
  name: one(1, 'string'),
  description: one(2, 'string'),
  unit: one(3, 'string'),
  gauge: one(5, message({ dataPoints: list(1, NUMBER_POINT) })),
  sum: one(
    7,
    message({
      dataPoints: list(1, NUMBER_POINT),
      aggregationTemporality: one(2, 'enum'),
      isMonotonic: one(3, 'bool'),
    }),
  ),
  histogram: one(
    9,
    message({ dataPoints: list(1, HISTOGRAM_POINT), aggregationTemporality: one(2, 'enum') }),
  ),
})

const REQUESTS: Readonly<Record<Signal, Message>> = {
  traces: requestOf('resourceSpans', 'scopeSpans', 'spans', SPAN),
  metrics: requestOf('resourceMetrics', 'scopeMetrics', 'metrics', METRIC),
  logs: requestOf('resourceLogs', 'scopeLogs', 'logRecords', LOG_RECORD),
}

function requestOf(resources: string, scopes: string, items: string, item: Message): Message {
  const scoped = message({ scope: one(1, SCOPE), [items]: list(2, item), schemaUrl: one(3, 'string') })
  return message({
    [resources]: list(1, message({ resource: one(1, RESOURCE), [scopes]: list(2, scoped) })),
  })
}

/** What is undefined is not written; zeros are, where there are any. */
class Writer {
  #bytes = Buffer.allocUnsafe(FIRST_SIZE)
  #at = 0

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  message(value: object, fields: Message): void {
    for (const [name, field] of fields) {
      const each = (value as Readonly<Record<string, unknown>>)[name]
      if (each !== undefined) this.#field(field, each)
    }
  }

  #field({ number, type, list }: Field, value: unknown): void {
    const kind = typeof type === 'function' ? type() : type
    if (list !== true) this.#one(number, kind, value)
    // Repeated numbers are packed.
    else if (kind === 'fixed64' || kind === 'double')
      this.#delimited(number, () => {
        for (const each of value as readonly unknown[]) this.#eightBytes(kind, each)
      })
    else for (const each of value as readonly unknown[]) this.#one(number, kind, each)
  }

  #one(number: number, type: Type, value: unknown): void {
    switch (type) {
      case 'string':
      case 'id':
        this.#text(number, value as string, type === 'id' ? 'hex' : 'utf8')
        break
      case 'bool':
      case 'enum':
      case 'uint32':
        this.#varint(number * 8 + VARINT)
        this.#varint(Number(value))
        break
      case 'int64':
        this.#varint(number * 8 + VARINT)
        this.#bigVarint(value as bigint)
        break
      case 'fixed32':
        this.#varint(number * 8 + I32)
        this.#need(4)
        this.#at = this.#bytes.writeUInt32LE(value as number, this.#at)
        break
      case 'fixed64':
      case 'double':
        this.#varint(number * 8 + I64)
        this.#eightBytes(type, value)
        break
      default:
        this.#delimited(number, () => this.message(value as object, type))
    }
  }

  #text(number: number, text: string, encoding: 'hex' | 'utf8'): void {
    const length = Buffer.byteLength(text, encoding)
    this.#varint(number * 8 + LEN)
    this.#varint(length)
    this.#need(length)
    this.#at += this.#bytes.write(text, this.#at, encoding)
  }

  #eightBytes(type: 'fixed64' | 'double', value: unknown): void {
    this.#need(8)
    if (type === 'double') this.#at = this.#bytes.writeDoubleLE(value as number, this.#at)
    else this.#at = this.#bytes.writeBigUInt64LE(value as bigint, this.#at)
  }

  /** How long it is shows only when it is written; one byte is kept for that, which is enough for most. */
  #delimited(number: number, write: () => void): void {
    this.#varint(number * 8 + LEN)
    this.#need(1)
    const start = this.#at++
    write()
    const end = this.#at
    const more = bytesOfVarint(end - start - 1) - 1
    if (more > 0) {
      this.#need(more)
      this.#bytes.copyWithin(start + 1 + more, start + 1, end)
    }
    this.#at = start
    this.#varint(end - start - 1)
    this.#at = end + more
  }

  /** Of numbers from 0 to 2^53. */
  #varint(value: number): void {
    this.#need(LONGEST_VARINT)
    let left = value
    for (; left > 0x7f; left = Math.floor(left / 128)) this.#bytes[this.#at++] = (left % 128) | 0x80
    this.#bytes[this.#at++] = left
  }

  /** Negative numbers take ten bytes, as of 64 bits. */
  #bigVarint(value: bigint): void {
    if (value >= 0n && value <= Number.MAX_SAFE_INTEGER) {
      this.#varint(Number(value))
      return
    }
    this.#need(LONGEST_VARINT)
    let left = BigInt.asUintN(64, value)
    for (; left > 0x7fn; left >>= 7n) this.#bytes[this.#at++] = Number(left & 0x7fn) | 0x80
    this.#bytes[this.#at++] = Number(left)
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

const FIRST_SIZE = 16_384
const LONGEST_VARINT = 10

function bytesOfVarint(value: number): number {
  let bytes = 1
  for (let left = value; left > 0x7f; left = Math.floor(left / 128)) bytes++
  return bytes
}
