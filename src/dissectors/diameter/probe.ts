import { u8, u24, u32 } from '../../bytes/read.ts'
import { avpEnd, headerLength, padded } from './avps.ts'
import { avpDefinition } from './dictionary/dictionary.ts'
import { HEADER, REQUEST } from './message.ts'

/** Whether a message begins here: its header, and AVPs that fit as far as they are here. */
export function beginsMessage(bytes: Uint8Array, start: number, end: number): 'match' | 'reject' | 'unsure' {
  if (u8(bytes, start) !== VERSION) return 'reject'
  if (end - start < HEADER + AVP_HEADER) return mayBegin(bytes, start, end) ? 'unsure' : 'reject'
  return mayBegin(bytes, start, end) && avpsFit(bytes, start, end) ? 'match' : 'reject'
}

/** Whether the message at `start` is a request. */
export function asks(bytes: Uint8Array, start: number): boolean {
  return (u8(bytes, start + 4) & REQUEST) !== 0
}

/** As much of the header as is here. */
function mayBegin(bytes: Uint8Array, start: number, end: number): boolean {
  const have = end - start
  if (have < 4) return have < 2 || u8(bytes, start + 1) <= LONGEST >> 16
  const length = u24(bytes, start + 1)
  if (length < HEADER + AVP_HEADER || length > LONGEST || length % 4 !== 0) return false
  if (have < 5) return true
  const flags = u8(bytes, start + 4)
  return (flags & RESERVED) === 0 && (flags & (REQUEST | ERROR)) !== (REQUEST | ERROR)
}

/**
 * The AVPs that are here fit into the message, and the last one ends with it. The first one is known; or else the message
 * is whole, and has several.
 */
function avpsFit(bytes: Uint8Array, start: number, end: number): boolean {
  const messageEnd = start + u24(bytes, start + 1)
  const last = Math.min(end, messageEnd)
  let count = 0
  let at = start + HEADER
  for (; at + AVP_HEADER <= last; count++) {
    const next = avpEnd(bytes, at, messageEnd)
    if (next < 0 || (u8(bytes, at + 4) & AVP_RESERVED) !== 0) return false
    at = padded(at, next)
  }
  if (last === messageEnd && at !== messageEnd) return false
  return isKnown(bytes, start + HEADER, last) || (last === messageEnd && count > 1)
}

function isKnown(bytes: Uint8Array, at: number, end: number): boolean {
  const header = headerLength(bytes, at)
  if (at + header > end) return false
  return avpDefinition(header === AVP_HEADER ? 0 : u32(bytes, at + AVP_HEADER), u32(bytes, at)) !== undefined
}

const VERSION = 1
/** Without a vendor. */
const AVP_HEADER = 8
const ERROR = 0x20
const RESERVED = 0x0f
const AVP_RESERVED = 0x1f
/** More than any message is: something else begins like one. */
const LONGEST = 1 << 20
