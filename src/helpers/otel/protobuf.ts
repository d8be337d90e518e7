import { readFields, varintAt, WIRE } from '../../dissectors/http/grpc/wire.ts'
import type { Signal } from './messages.ts'

const { varint: VARINT, i64: I64, len: LEN, i32: I32 } = WIRE

/**
 * OTLP as protobuf. Names, numbers and types of fields are those of opentelemetry-proto 1.x (Apache-2.0,
 * https://github.com/open-telemetry/opentelemetry-proto); written by hand, since the 64-bit numbers of OTLP are times that
 * must not lose digits, and what is sent is little.
 */
export function encodeRequest(signal: Signal, request: object): Uint8Array {
  return encoded(request, REQUESTS[signal])
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
interface Message {
  readonly [name: string]: Field
}

const one = (number: number, type: Field['type']): Field => ({ number, type })
const list = (number: number, type: Field['type']): Field => ({ number, type, list: true })

const ANY_VALUE: Message = {
  stringValue: one(1, 'string'),
  boolValue: one(2, 'bool'),
  intValue: one(3, 'int64'),
  doubleValue: one(4, 'double'),
  arrayValue: one(5, { values: list(1, () => ANY_VALUE) }),
  kvlistValue: one(6, { values: list(1, () => KEY_VALUE) }),
}
const KEY_VALUE: Message = { key: one(1, 'string'), value: one(2, ANY_VALUE) }
const RESOURCE: Message = { attributes: list(1, KEY_VALUE) }
const SCOPE: Message = { name: one(1, 'string'), version: one(2, 'string') }

const SPAN: Message = {
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
  events: list(11, {
    timeUnixNano: one(1, 'fixed64'),
    name: one(2, 'string'),
    attributes: list(3, KEY_VALUE),
    droppedAttributesCount: one(4, 'uint32'),
  }),
  links: list(13, {
    traceId: one(1, 'id'),
    spanId: one(2, 'id'),
    traceState: one(3, 'string'),
    attributes: list(4, KEY_VALUE),
    droppedAttributesCount: one(5, 'uint32'),
    flags: one(6, 'fixed32'),
  }),
  droppedLinksCount: one(14, 'uint32'),
  status: one(15, { message: one(2, 'string'), code: one(3, 'enum') }),
  flags: one(16, 'fixed32'),
}

const LOG_RECORD: Message = {
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
}

const NUMBER_POINT: Message = {
  startTimeUnixNano: one(2, 'fixed64'),
  timeUnixNano: one(3, 'fixed64'),
  asDouble: one(4, 'double'),
  attributes: list(7, KEY_VALUE),
}
const HISTOGRAM_POINT: Message = {
  startTimeUnixNano: one(2, 'fixed64'),
  timeUnixNano: one(3, 'fixed64'),
  count: one(4, 'fixed64'),
  sum: one(5, 'double'),
  bucketCounts: list(6, 'fixed64'),
  explicitBounds: list(7, 'double'),
  attributes: list(9, KEY_VALUE),
  min: one(11, 'double'),
  max: one(12, 'double'),
}
const METRIC: Message = {
  name: one(1, 'string'),
  description: one(2, 'string'),
  unit: one(3, 'string'),
  gauge: one(5, { dataPoints: list(1, NUMBER_POINT) }),
  sum: one(7, {
    dataPoints: list(1, NUMBER_POINT),
    aggregationTemporality: one(2, 'enum'),
    isMonotonic: one(3, 'bool'),
  }),
  histogram: one(9, { dataPoints: list(1, HISTOGRAM_POINT), aggregationTemporality: one(2, 'enum') }),
}

const REQUESTS: Readonly<Record<Signal, Message>> = {
  traces: requestOf('resourceSpans', 'scopeSpans', 'spans', SPAN),
  metrics: requestOf('resourceMetrics', 'scopeMetrics', 'metrics', METRIC),
  logs: requestOf('resourceLogs', 'scopeLogs', 'logRecords', LOG_RECORD),
}

function requestOf(resources: string, scopes: string, items: string, item: Message): Message {
  return {
    [resources]: list(1, {
      resource: one(1, RESOURCE),
      [scopes]: list(2, { scope: one(1, SCOPE), [items]: list(2, item), schemaUrl: one(3, 'string') }),
    }),
  }
}

/** A message in the order of its table. What is undefined is not written; zeros are, where there are any. */
function encoded(message: object, fields: Message): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, field] of Object.entries(fields)) {
    const value = (message as Readonly<Record<string, unknown>>)[name]
    if (value !== undefined) writeField(parts, field, value)
  }
  return Buffer.concat(parts)
}

function writeField(parts: Uint8Array[], { number, type, list }: Field, value: unknown): void {
  const kind = typeof type === 'function' ? type() : type
  if (list !== true) writeOne(parts, number, kind, value)
  // Repeated numbers are packed.
  else if (kind === 'fixed64' || kind === 'double')
    writeBytes(
      parts,
      number,
      Buffer.concat((value as readonly unknown[]).map((each) => eightBytes(kind, each))),
    )
  else for (const each of value as readonly unknown[]) writeOne(parts, number, kind, each)
}

function writeOne(parts: Uint8Array[], number: number, type: Type, value: unknown): void {
  switch (type) {
    case 'string':
      writeBytes(parts, number, Buffer.from(value as string))
      break
    case 'id':
      writeBytes(parts, number, Buffer.from(value as string, 'hex'))
      break
    case 'bool':
    case 'enum':
    case 'uint32':
    case 'int64':
      parts.push(tag(number, VARINT), varint(BigInt(value as number | bigint | boolean)))
      break
    case 'fixed32': {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32LE(value as number)
      parts.push(tag(number, I32), bytes)
      break
    }
    case 'fixed64':
    case 'double':
      parts.push(tag(number, I64), eightBytes(type, value))
      break
    default:
      writeBytes(parts, number, encoded(value as object, type))
  }
}

function eightBytes(type: 'fixed64' | 'double', value: unknown): Uint8Array {
  const bytes = Buffer.alloc(8)
  if (type === 'double') bytes.writeDoubleLE(value as number)
  else bytes.writeBigUInt64LE(value as bigint)
  return bytes
}

function writeBytes(parts: Uint8Array[], number: number, bytes: Uint8Array): void {
  parts.push(tag(number, LEN), varint(BigInt(bytes.length)), bytes)
}

function tag(number: number, wire: number): Uint8Array {
  return varint(BigInt(number * 8 + wire))
}

/** Negative numbers take ten bytes, as of 64 bits. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let left = BigInt.asUintN(64, value)
  for (; left > 0x7fn; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  bytes.push(Number(left))
  return Uint8Array.from(bytes)
}
