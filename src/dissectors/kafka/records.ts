import { i32, u8 } from '../../bytes/read.ts'
import { base64, utf8Text } from '../../bytes/text.ts'
import type { Unpacked } from '../../bytes/unpacked.ts'
import { codecName, unpack } from './compression.ts'
import type { Reading } from './reading.ts'
import { textOf, Wire } from './wire.ts'

/** How much of a payload is still shown: of records and their headers; below 0 where there were more headers. */
type Budget = Pick<Reading, 'records' | 'bytes'>

/** The records of a partition. Most requests have one batch a partition, so that one is the easiest to get at. */
export interface RecordSet {
  readonly recordBatch: RecordBatch | null
  /** The other batches. */
  readonly more: readonly RecordBatch[]
  /** Bytes of all of them. */
  readonly size: number
}

/**
 * A batch of version 2; or of versions 0 and 1, which have none, the messages that stand together or were compressed
 * together.
 */
export interface RecordBatch {
  readonly baseOffset: number
  readonly batchLength: number
  readonly partitionLeaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly compression: string
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly lastOffsetDelta: number
  /** Milliseconds since 1970, as are the others; −1 = none. */
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly record: readonly KafkaRecord[]
  /** There are more records than are shown. */
  readonly truncated: boolean
}

export interface KafkaRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  /** `base64` where the bytes are no text, else "". */
  readonly keyEncoding: string
  readonly value: string | null
  readonly valueEncoding: string
  readonly headers: readonly RecordHeader[]
}

interface RecordHeader {
  readonly headerKey: string
  readonly value: string | null
  readonly encoding: string
}

/** Reads `bytes[start, end)`, which may be cut: the set goes to `limit`. Brokers may cut the last batch, too. */
export function readRecords(
  bytes: Uint8Array,
  start: number,
  end: number,
  limit: number,
  budget: Budget,
): RecordSet {
  const batches: RecordBatch[] = []
  let at = start
  while (at + MAGIC_AT < end && budget.records > 0) {
    const wire = new Wire(bytes, at, end, limit)
    const isBatch = u8(bytes, at + MAGIC_AT) >= 2
    const batch = isBatch ? readBatch(wire, budget) : readMessages(wire, budget)
    if (batch === undefined) break
    batches.push(batch)
    at = wire.at
  }
  const [first, ...more] = batches
  return { recordBatch: first ?? null, more, size: limit - start }
}

/** A batch of version 2 (RecordBatch in DefaultRecordBatch.java). Undefined when not even its header is there. */
function readBatch(wire: Wire, budget: Budget): RecordBatch | undefined {
  const baseOffset = wire.int64()
  const batchLength = wire.int32()
  const batchEnd = wire.at + batchLength
  const partitionLeaderEpoch = wire.int32()
  const magic = wire.int8()
  const crc = wire.uint32()
  const attributes = wire.int16()
  const lastOffsetDelta = wire.int32()
  const firstTimestamp = wire.int64()
  const maxTimestamp = wire.int64()
  const producerId = wire.int64()
  const producerEpoch = wire.int16()
  const baseSequence = wire.int32()
  const count = wire.int32()
  if (wire.state !== 'good' || batchEnd < wire.at || magic > 2) return undefined
  const end = Math.min(batchEnd, wire.end)
  const { bytes, isWhole } = contentOf(wire.bytes, wire.at, end, attributes & CODEC, budget)
  wire.at = end
  const times = (attributes & LOG_APPEND_TIME) !== 0 ? maxTimestamp : undefined
  const isControl = (attributes & CONTROL) !== 0
  const record = readRecordsOf(bytes, count, baseOffset, firstTimestamp, times, isControl, budget)
  return {
    baseOffset,
    batchLength,
    partitionLeaderEpoch,
    magic,
    crc,
    attributes,
    compression: codecName(attributes & CODEC),
    timestampType: times === undefined ? 'CreateTime' : 'LogAppendTime',
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl,
    lastOffsetDelta,
    firstTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    record,
    truncated: !isWhole || end < batchEnd || record.length < count || budget.records < 0,
  }
}

function readRecordsOf(
  bytes: Uint8Array,
  count: number,
  baseOffset: number,
  firstTimestamp: number,
  appended: number | undefined,
  isControl: boolean,
  budget: Budget,
): KafkaRecord[] {
  const wire = new Wire(bytes, 0, bytes.length)
  const records: KafkaRecord[] = []
  while (records.length < count && budget.records > 0) {
    const length = wire.varint()
    const end = wire.at + length
    wire.int8()
    const timestamp = firstTimestamp + wire.varint()
    const offset = baseOffset + wire.varint()
    const key = readField(wire)
    const value = readField(wire)
    budget.records--
    const headers = readHeaders(wire, budget)
    if (wire.state !== 'good' || length < 0 || wire.at > end) break
    wire.skip(end - wire.at)
    const shown = isControl ? controlKey(key) : shownAs(bytes, key)
    const { text, encoding } = shownAs(bytes, value)
    records.push({
      offset,
      timestamp: appended ?? timestamp,
      key: shown.text,
      keyEncoding: shown.encoding,
      value: text,
      valueEncoding: encoding,
      headers,
    })
  }
  return records

  /** Of a control record (a transaction's end, say) the key is two numbers: a version and what it is. */
  function controlKey(key: Span | null): Shown {
    const type = key !== null && key.end - key.start === 4 ? i32(bytes, key.start) & 0xffff : -1
    const name = CONTROL_TYPES[type]
    return name === undefined ? shownAs(bytes, key) : { text: name, encoding: '' }
  }
}

function readHeaders(wire: Wire, budget: Budget): RecordHeader[] {
  const count = wire.varint()
  const headers: RecordHeader[] = []
  for (let at = 0; at < count && wire.state === 'good'; at++) {
    if (--budget.records < 0) break
    const key = readField(wire)
    const { text, encoding } = shownAs(wire.bytes, readField(wire))
    headers.push({
      headerKey: key === null ? '' : utf8Text(wire.bytes, key.start, key.end),
      value: text,
      encoding,
    })
  }
  return headers
}

interface Span {
  readonly start: number
  readonly end: number
}

function readField(wire: Wire): Span | null {
  const length = wire.varint()
  if (length < 0) return null
  const start = wire.skip(length)
  return { start, end: wire.at }
}

/**
 * Messages of versions 0 and 1: those up to the next compressed one, or one compressed one, which has a set of
 * messages for its value (Message format in the documentation of 0.10).
 */
function readMessages(wire: Wire, budget: Budget): RecordBatch | undefined {
  const start = wire.at
  const records: KafkaRecord[] = []
  let first: OldMessage | undefined
  let maxTimestamp = -1
  let isShort = false
  let isCut = false
  while (wire.at < wire.limit && budget.records > 0) {
    const at = wire.at
    const message = readMessage(wire)
    if (
      message === undefined ||
      (first !== undefined && (message.codec !== 0 || message.magic !== first.magic))
    ) {
      wire.at = at
      isCut = message === undefined
      break
    }
    first ??= message
    maxTimestamp = Math.max(maxTimestamp, message.timestamp)
    if (message.codec !== 0) {
      isShort = readWrapped(wire.bytes, message, records, budget)
      break
    }
    records.push(recordOf(wire.bytes, message, message.offset, message.timestamp))
    budget.records--
  }
  if (first === undefined) return undefined
  if (isCut) wire.at = wire.end
  const baseOffset = records[0]?.offset ?? first.offset
  return {
    baseOffset,
    batchLength: wire.at - start,
    partitionLeaderEpoch: -1,
    magic: first.magic,
    crc: first.crc,
    attributes: first.attributes,
    compression: codecName(first.codec),
    timestampType: isAppended(first) ? 'LogAppendTime' : 'CreateTime',
    isTransactional: false,
    isControl: false,
    lastOffsetDelta: (records.at(-1)?.offset ?? baseOffset) - baseOffset,
    firstTimestamp: records[0]?.timestamp ?? first.timestamp,
    maxTimestamp,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    record: records,
    truncated: isShort || isCut || (budget.records <= 0 && wire.at < wire.limit),
  }
}

interface OldMessage {
  readonly offset: number
  readonly crc: number
  readonly magic: number
  readonly attributes: number
  readonly codec: number
  readonly timestamp: number
  readonly key: Span | null
  readonly value: Span | null
}

/** Undefined when it is not all there. */
function readMessage(wire: Wire): OldMessage | undefined {
  const offset = wire.int64()
  const length = wire.int32()
  const end = wire.at + length
  const crc = wire.uint32()
  const magic = wire.int8()
  const attributes = wire.int8()
  const timestamp = magic === 1 ? wire.int64() : -1
  const key = readBytes(wire)
  const value = readBytes(wire)
  if (wire.state !== 'good' || wire.at !== end || magic < 0 || magic > 1) return undefined
  return { offset, crc, magic, attributes, codec: attributes & CODEC, timestamp, key, value }
}

function readBytes(wire: Wire): Span | null {
  const length = wire.bytesLength(false)
  if (length < 0) return null
  const start = wire.skip(length)
  return { start, end: wire.at }
}

/**
 * The messages inside a compressed one. In version 1 their offsets count from 0, and the outer one is that of the last
 * (KIP-31); producers may leave it 0. True when there are more than are shown.
 */
function readWrapped(bytes: Uint8Array, outer: OldMessage, records: KafkaRecord[], budget: Budget): boolean {
  if (outer.value === null) return false
  const content = contentOf(bytes, outer.value.start, outer.value.end, outer.codec, budget)
  const wire = new Wire(content.bytes, 0, content.bytes.length)
  const inner: OldMessage[] = []
  while (!wire.isAtEnd && budget.records > 0) {
    const message = readMessage(wire)
    if (message === undefined) break
    inner.push(message)
    budget.records--
  }
  const last = inner.at(-1)?.offset ?? 0
  const base = outer.magic === 1 && outer.offset >= last ? outer.offset - last : 0
  for (const message of inner) {
    const timestamp = isAppended(outer) ? outer.timestamp : message.timestamp
    records.push(recordOf(content.bytes, message, base + message.offset, timestamp))
  }
  return !content.isWhole || !wire.isAtEnd
}

function recordOf(bytes: Uint8Array, message: OldMessage, offset: number, timestamp: number): KafkaRecord {
  const key = shownAs(bytes, message.key)
  const value = shownAs(bytes, message.value)
  return {
    offset,
    timestamp,
    key: key.text,
    keyEncoding: key.encoding,
    value: value.text,
    valueEncoding: value.encoding,
    headers: [],
  }
}

function isAppended({ magic, attributes }: OldMessage): boolean {
  return magic === 1 && (attributes & LOG_APPEND_TIME) !== 0
}

function contentOf(bytes: Uint8Array, start: number, end: number, codec: number, budget: Budget): Unpacked {
  const content = bytes.subarray(start, end)
  if (codec === 0) return { bytes: content, isWhole: true }
  const unpacked = unpack(codec, content, budget.bytes)
  budget.bytes -= unpacked.made
  return unpacked
}

interface Shown {
  readonly text: string | null
  readonly encoding: string
}

/** Text where the bytes are that, else base64. */
function shownAs(bytes: Uint8Array, span: Span | null): Shown {
  if (span === null) return NULL
  const { start, end } = span
  const text = textOf(bytes, start, end)
  return NOT_TEXT.test(text)
    ? { text: base64(bytes, start, end), encoding: 'base64' }
    : { text, encoding: '' }
}

const NULL: Shown = { text: null, encoding: '' }
/** Begins the colours of lines that were meant for a terminal. */
const ESCAPE = '\x1b'
/** What text does not have: control characters, and what is in place of bytes that are no UTF-8. */
const NOT_TEXT = new RegExp(`[[\\p{Cc}\\ufffd]--[\\t\\n\\r${ESCAPE}\\x7f-\\x9f]]`, 'v')
/** Where both kinds of formats have their version. */
const MAGIC_AT = 16
/** Bits of attributes. */
const CODEC = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** By their number (ControlRecordType.java). */
const CONTROL_TYPES = [
  'ABORT',
  'COMMIT',
  'LEADER_CHANGE',
  'SNAPSHOT_HEADER',
  'SNAPSHOT_FOOTER',
  'KRAFT_VERSION',
  'KRAFT_VOTERS',
]
