import { u8, u16 } from '../../bytes/read.ts'
import { isReply, isRequest } from './codes.ts'
import { standardAttribute } from './dictionary/dictionary.ts'
import { HEADER } from './message.ts'

/** How far the attributes of a message make sense. */
export type Extent =
  /** All of them, to the end of the message. */
  | 'whole'
  /** Those that are here. */
  | 'cut'
  | 'broken'

/** Walks the attributes of a message at `start` without reading them; the header is here. */
export function extentOf(bytes: Uint8Array, start: number, end: number): Extent {
  const messageEnd = start + u16(bytes, start + 2)
  let at = start + HEADER
  while (at < messageEnd) {
    if (at + 2 > Math.min(end, messageEnd)) return end < messageEnd ? 'cut' : 'broken'
    const next = at + u8(bytes, at + 1)
    if (next < at + 2 || next > messageEnd || u8(bytes, at) === 0) return 'broken'
    at = next
  }
  return messageEnd <= end ? 'whole' : 'cut'
}

/** A datagram that is a message from its first byte to its last (what is behind is padding, RFC 2865 §3). */
export function probeDatagram(
  bytes: Uint8Array,
  start: number,
  end: number,
  isRequested: (code: number) => boolean,
): 'match' | 'reject' {
  if (end - start < HEADER || !isRequested(u8(bytes, start))) return 'reject'
  const length = u16(bytes, start + 2)
  if (length < HEADER || length > LONGEST_DATAGRAM || !isPadding(bytes, start + length, end)) return 'reject'
  if (length === HEADER) return looksRandom(bytes, start + 4, start + HEADER) ? 'match' : 'reject'
  const isLikely = hasLikelyAttributes(bytes, start, end) || beginsWithText(bytes, start + HEADER, end)
  return isLikely ? 'match' : 'reject'
}

/** A message in a stream: it must be whole, since the header alone says little. */
export function probeStream(
  bytes: Uint8Array,
  start: number,
  end: number,
  from: 'client' | 'server',
): 'match' | 'reject' | 'unsure' {
  const code = u8(bytes, start)
  if (!STREAM_CODES.has(code) || !(from === 'client' ? isRequest(code) : isReply(code))) return 'reject'
  if (end - start < 4) return 'unsure'
  const length = u16(bytes, start + 2)
  if (length < HEADER || length > LONGEST_DATAGRAM) return 'reject'
  if (end - start < HEADER) return 'unsure'
  if (length === HEADER) return looksRandom(bytes, start + 4, start + HEADER) ? 'match' : 'reject'
  if (end - start >= length) return hasLikelyAttributes(bytes, start, end) ? 'match' : 'reject'
  return extentOf(bytes, start, end) !== 'broken' && known(bytes, start, end).types >= 2 ? 'unsure' : 'reject'
}

/**
 * Attributes of known types, with the lengths of their types. A message that is cut off must have some of them, and
 * one whose value noise would not have either: nothing else says that it is one, as its end is not here.
 */
function hasLikelyAttributes(bytes: Uint8Array, start: number, end: number): boolean {
  const extent = extentOf(bytes, start, end)
  if (extent === 'broken') return false
  const { types, telling } = known(bytes, start, end)
  return extent === 'cut' ? types >= 2 && telling >= 1 : types >= 1
}

/** How many more attributes are of known types than not, and how many have a value that noise would not have. */
function known(bytes: Uint8Array, start: number, end: number): { types: number; telling: number } {
  let types = 0
  let telling = 0
  const last = Math.min(end, start + u16(bytes, start + 2))
  for (let at = start + HEADER; at + 2 <= last; at += u8(bytes, at + 1)) {
    const wanted = lengthOf(u8(bytes, at))
    const isKnown = wanted === u8(bytes, at + 1) || wanted === 0
    types += isKnown ? 1 : -1
    if ((isKnown && wanted > 0) || beginsWithText(bytes, at, end)) telling++
  }
  return { types, telling }
}

/** A text that can be read, all of which is here: as a rule the name of the user. */
function beginsWithText(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 2 > end || standardAttribute(String(u8(bytes, at)))?.type !== 'text') return false
  const next = at + u8(bytes, at + 1)
  if (next < at + 2 + SHORTEST_NAME || next > end) return false
  for (let each = at + 2; each < next; each++)
    if (u8(bytes, each) < 0x20 || u8(bytes, each) > 0x7e) return false
  return true
}

/** What an attribute of this type must have as its length; 0 = any, −1 = no such type is known. */
function lengthOf(type: number): number {
  if (lengths.length === 0) for (let each = 0; each < 256; each++) lengths.push(lengthInTable(each))
  return lengths[type] as number
}

function lengthInTable(type: number): number {
  const definition = standardAttribute(String(type))
  if (definition === undefined) return -1
  const isFixed = definition.type === 'integer' || definition.type === 'ipv4' || definition.type === 'time'
  return isFixed ? 6 : 0
}

/** By type; made when first needed. */
const lengths: number[] = []

/** As the sum of MD5 that it is, or the random number: so few of its bytes are never the same. */
function looksRandom(bytes: Uint8Array, start: number, end: number): boolean {
  const seen = new Set<number>()
  for (let at = start; at < end; at++) seen.add(u8(bytes, at))
  return seen.size >= FEWEST_DIFFERENT
}

function isPadding(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (u8(bytes, at) !== 0) return false
  return true
}

/** RFC 2865 §3; RFC 7930 allows more over TCP, which nobody sends. */
const LONGEST_DATAGRAM = 4096
const SHORTEST_NAME = 3
/** Of 16 bytes. */
const FEWEST_DIFFERENT = 10
/** Those that are sent over TCP, where a text may begin with one of the others. RFC 6613 §2.1, RFC 8559 */
const STREAM_CODES: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 11, 12, 40, 41, 42, 43, 44, 45, 52])
