import { u8, u32le } from '../../../bytes/read.ts'

/** How the value of a field is written (https://protobuf.dev/programming-guides/encoding/#structure). */
export const WIRE = { varint: 0, i64: 1, len: 2, group: 3, endGroup: 4, i32: 5 } as const

/** A field of a protobuf message as it is on the wire. */
export interface WireField {
  readonly number: number
  readonly wire: number
  /** Its value is in `bytes[start, end)`; of a length-delimited one and of a group what is inside. */
  readonly start: number
  readonly end: number
}

/** The fields of the message that is all of `bytes[start, end)`; undefined when it is none, or has too many. */
export function readFields(bytes: Uint8Array, start: number, end: number): WireField[] | undefined {
  const fields: WireField[] = []
  for (let at = start; at < end; ) {
    const field = readField(bytes, at, end, 0)
    if (field === undefined || fields.length === MOST_FIELDS) return undefined
    fields.push(field.read)
    at = field.next
  }
  return fields
}

/** A varint at `start`, of 64 bits: a number where that is exact, else a bigint. */
export function varintAt(bytes: Uint8Array, start: number): number | bigint {
  let low = 0
  for (let at = start, factor = 1; at < start + SAFE_VARINT; at++, factor *= 128) {
    const byte = u8(bytes, at)
    low += (byte & 0x7f) * factor
    if (byte < 0x80) return low
  }
  let value = 0n
  let shift = 0n
  for (let at = start; ; at++, shift += 7n) {
    value |= BigInt(u8(bytes, at) & 0x7f) << shift
    if (u8(bytes, at) < 0x80) return exact(BigInt.asUintN(64, value))
  }
}

/** Eight bytes at `at`, little-endian. */
export function u64le(bytes: Uint8Array, at: number): bigint {
  return (BigInt(u32le(bytes, at + 4)) << 32n) | BigInt(u32le(bytes, at))
}

/** As a number where that loses nothing. */
export function exact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function readField(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
): { readonly read: WireField; readonly next: number } | undefined {
  const from = afterVarint(bytes, start, end)
  if (from < 0 || from - start > LONGEST_TAG) return undefined
  const tag = Number(varintAt(bytes, start))
  const number = Math.floor(tag / 8)
  const wire = tag % 8
  if (number === 0 || number > LARGEST_NUMBER) return undefined
  const field = (valueStart: number, valueEnd: number, next = valueEnd) =>
    next < 0 || next > end ? undefined : { read: { number, wire, start: valueStart, end: valueEnd }, next }
  switch (wire) {
    case WIRE.varint:
      return field(from, afterVarint(bytes, from, end))
    case WIRE.i64:
      return field(from, from + 8)
    case WIRE.i32:
      return field(from, from + 4)
    case WIRE.len: {
      const inside = afterVarint(bytes, from, end)
      return inside < 0 ? undefined : field(inside, inside + Number(varintAt(bytes, from)))
    }
    case WIRE.group: {
      const stop = endOfGroup(bytes, from, end, number, depth)
      return stop < 0 ? undefined : field(from, stop, afterVarint(bytes, stop, end))
    }
    default:
      return undefined
  }
}

/** Where the tag is that ends the group whose fields begin at `start`; −1 when there is none. */
function endOfGroup(bytes: Uint8Array, start: number, end: number, number: number, depth: number): number {
  if (depth === DEEPEST_GROUP) return -1
  for (let at = start; at < end; ) {
    const after = afterVarint(bytes, at, end)
    if (after < 0) return -1
    const tag = varintAt(bytes, at)
    if (tag === number * 8 + WIRE.endGroup) return at
    const field = readField(bytes, at, end, depth + 1)
    if (field === undefined) return -1
    at = field.next
  }
  return -1
}

/** Where the varint at `start` ends; −1 when it is longer than 64 bits, or than what is here. */
function afterVarint(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + LONGEST_VARINT)
  for (let at = start; at < limit; at++) if (u8(bytes, at) < 0x80) return at + 1
  return -1
}

const LONGEST_VARINT = 10
/** Varints of so many bytes are exact as numbers. */
const SAFE_VARINT = 7
const LONGEST_TAG = 5
/** 2^29 − 1 */
const LARGEST_NUMBER = 536_870_911
/** Of one message. */
const MOST_FIELDS = 20_000
const DEEPEST_GROUP = 16
