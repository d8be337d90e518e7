import { u8, u24, u32 } from '../../bytes/read.ts'
import { octets } from '../aaa/value.ts'
import { avpDefinition } from './dictionary/dictionary.ts'
import { readValue } from './value.ts'

/** An AVP as it is shown. RFC 6733 §4.1 */
export interface Avp {
  readonly code: number
  /** `AVP-99` where it is not known here. */
  readonly name: string
  /** Number of the vendor whose AVP it is; 0 = none. */
  readonly vendorId: number
  /** V (vendor), M (mandatory), P (protected), or - in its place. */
  readonly flags: string
  readonly length: number
  /** Of a grouped one those that are in it. Numbers that have names are shown by name. */
  readonly value: string | number | readonly Avp[]
}

/** The AVPs in `[start, end)` as far as they make sense. */
export function readAvps(bytes: Uint8Array, start: number, end: number): readonly Avp[] {
  return readList(bytes, start, end, { left: MOST_AVPS }, 0)
}

/** Behind the AVP at `at`, without its padding; −1 when there is none that ends before `end`. */
export function avpEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 8 > end) return -1
  const length = u24(bytes, at + 5)
  return length < headerLength(bytes, at) || at + length > end ? -1 : at + length
}

/** What is behind the padding of an AVP that ends at `end`. */
export function padded(start: number, end: number): number {
  return start + ((end - start + 3) & ~3)
}

/** V: a vendor's number is in the header. */
export function headerLength(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at + 4) & VENDOR) === 0 ? 8 : 12
}

/** Where the value of the first AVP with this code begins and ends, among those that are no vendor's. */
export function findAvp(
  bytes: Uint8Array,
  start: number,
  end: number,
  code: number,
): readonly [start: number, end: number] | undefined {
  for (let at = start; ; ) {
    const next = avpEnd(bytes, at, end)
    if (next < 0) return undefined
    if (u32(bytes, at) === code && headerLength(bytes, at) === 8) return [at + 8, next]
    at = padded(at, next)
  }
}

function readList(
  bytes: Uint8Array,
  start: number,
  end: number,
  budget: { left: number },
  depth: number,
): Avp[] {
  const avps: Avp[] = []
  for (let at = start; ; ) {
    const next = avpEnd(bytes, at, end)
    if (next < 0 || budget.left-- <= 0) return avps
    avps.push(readAvp(bytes, at, next, budget, depth))
    at = padded(at, next)
  }
}

function readAvp(bytes: Uint8Array, at: number, end: number, budget: { left: number }, depth: number): Avp {
  const code = u32(bytes, at)
  const flags = u8(bytes, at + 4)
  const header = headerLength(bytes, at)
  const vendorId = header === 12 ? u32(bytes, at + 8) : 0
  const definition = avpDefinition(vendorId, code)
  const start = at + header
  const isGroup = definition?.type === 'group' && depth < DEEPEST
  const value = isGroup
    ? readList(bytes, start, end, budget, depth + 1)
    : readValue(definition?.type, bytes, start, end)
  const isWhole = typeof value !== 'object' || value.length > 0 || start === end
  return {
    code,
    name: definition?.name ?? `AVP-${code}`,
    vendorId,
    flags: `${flags & VENDOR ? 'V' : '-'}${flags & MANDATORY ? 'M' : '-'}${flags & PROTECTED ? 'P' : '-'}`,
    length: end - at,
    value: isWhole
      ? ((typeof value === 'number' ? definition?.values?.get(value) : undefined) ?? value)
      : octets(bytes, start, end),
  }
}

const VENDOR = 0x80
const MANDATORY = 0x40
const PROTECTED = 0x20
/** Groups in groups. */
const DEEPEST = 8
/** Of a message, those in groups included. */
const MOST_AVPS = 4096
