import { u8, u32le } from '../../bytes/read.ts'
import type { Side } from '../../dissect/dissector.ts'
import { AROUND, FIXED, SHORTEST_DOCUMENT } from './walker.ts'
import {
  BODY_SECTION,
  HEADER,
  type Header,
  isHeader,
  OP_COMMAND,
  OP_COMMANDREPLY,
  OP_COMPRESSED,
  OP_GET_MORE,
  OP_KILL_CURSORS,
  OP_MSG,
  OP_REPLY,
  REQUIRED_FLAGS,
  readHeader,
  readPrelude,
  SENT_BY,
  SEQUENCE_SECTION,
} from './wire.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/** A message begins here, as this side sends them, and the conversation is to be recognised by it. */
export function probe(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  const verdict = beginsMessage(bytes, start, end, from)
  if (verdict !== 'match') return verdict
  const header = readHeader(bytes, start)
  return isFrom(header, from) ? 'match' : 'reject'
}

/** The same in a conversation that is known: who sends what is no question there. */
export function beginsMessage(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  if (end - start < HEADER) return mayBeHeader(bytes, start, end, from) ? 'unsure' : 'reject'
  const header = readHeader(bytes, start)
  if (!isHeader(header, from)) return 'reject'
  const last = Math.min(end, start + header.length)
  const verdict = hasContent(header, bytes, start + HEADER, last, start + header.length)
  if (verdict !== 'match' || end < start + header.length + HEADER) return verdict
  return isHeader(readHeader(bytes, start + header.length), from) ? 'match' : 'reject'
}

/** Requests answer nothing: 0, or −1 from old shells. Most opcodes tell by themselves. */
function isFrom({ opcode, responseTo }: Header, from: Side): boolean {
  const other = from === 'client' ? 'server' : 'client'
  if (!SENT_BY[other].has(opcode)) return true
  return (responseTo === 0 || responseTo === -1) === (from === 'client')
}

/** Of a header only so much is here: its length is no larger than a message's can be, and its opcode may become one. */
function mayBeHeader(bytes: Uint8Array, start: number, end: number, from: Side): boolean {
  const here = end - start
  if (here >= 4 && !(u32le(bytes, start) > HEADER && u8(bytes, start + 3) <= 2)) return false
  return here <= 12 || [...SENT_BY[from]].some((opcode) => (opcode & 0xff) === u8(bytes, start + 12))
}

function hasContent(header: Header, bytes: Uint8Array, start: number, end: number, last: number): Verdict {
  const { opcode } = header
  if (opcode === OP_COMPRESSED) return isCompressed(header, bytes, start, end)
  if (opcode === OP_MSG && end - start >= 4 && (u32le(bytes, start) & REQUIRED_FLAGS) !== 0) return 'reject'
  const prelude = readPrelude(opcode, bytes, start, end)
  if (prelude === undefined) return end === last ? 'reject' : 'unsure'
  const { at, namespace, count, flags } = prelude
  if (
    opcode === OP_REPLY &&
    (flags > 0xff || count > MOST_RETURNED || u32le(bytes, start + 12) > MOST_RETURNED)
  )
    return 'reject'
  if (opcode === OP_KILL_CURSORS) return last - at === 8 * count && count > 0 ? 'match' : 'reject'
  const hasName = opcode !== OP_REPLY && opcode !== OP_COMMANDREPLY && opcode !== OP_MSG
  if (hasName && !(NAMESPACE.test(namespace) && namespace.includes('.') === (opcode !== OP_COMMAND)))
    return 'reject'
  if (opcode === OP_GET_MORE) return at === last ? 'match' : 'reject'
  if (opcode === OP_REPLY && count === 0) return at === last ? 'match' : 'reject'
  return opcode === OP_MSG ? isSection(bytes, at, end, last) : isDocument(bytes, at, end, last)
}

function isSection(bytes: Uint8Array, at: number, end: number, last: number): Verdict {
  if (at >= end) return 'unsure'
  const kind = u8(bytes, at)
  if (kind === BODY_SECTION) return isDocument(bytes, at + 1, end, last)
  if (kind !== SEQUENCE_SECTION) return 'reject'
  if (end - at < 6) return 'unsure'
  const length = u32le(bytes, at + 1)
  return length > SHORTEST_DOCUMENT && at + 1 + length <= last && isNameByte(u8(bytes, at + 5))
    ? 'match'
    : 'reject'
}

/** Its length fits, its first element has a type and a key of letters; and where its end is here it ends as it should. */
function isDocument(bytes: Uint8Array, at: number, end: number, last: number): Verdict {
  if (end - at < 4) return end === last ? 'reject' : 'unsure'
  const length = u32le(bytes, at)
  if (length < SHORTEST_DOCUMENT || at + length > last) return 'reject'
  if (at + length <= end && u8(bytes, at + length - 1) !== 0) return 'reject'
  if (length === SHORTEST_DOCUMENT) return 'match'
  if (end - at < 6) return 'unsure'
  const type = u8(bytes, at + 4)
  if (!(type in FIXED) && !(type in AROUND) && type !== 0x0b) return 'reject'
  for (let each = at + 5; each < Math.min(end, at + 5 + LONGEST_NAME); each++) {
    if (u8(bytes, each) === 0) return each > at + 5 ? 'match' : 'reject'
    if (!isNameByte(u8(bytes, each))) return 'reject'
  }
  return end - at - 5 >= LONGEST_NAME ? 'reject' : 'unsure'
}

function isCompressed({ length }: Header, bytes: Uint8Array, start: number, end: number): Verdict {
  if (end - start < 9) return 'unsure'
  const opcode = u32le(bytes, start)
  const isKnown = opcode !== OP_COMPRESSED && (SENT_BY.client.has(opcode) || SENT_BY.server.has(opcode))
  const size = u32le(bytes, start + 4)
  return isKnown && size > 0 && size <= MOST_UNCOMPRESSED && u8(bytes, start + 8) <= 3 && length > 25
    ? 'match'
    : 'reject'
}

/** Of names of commands and fields: no control character. */
function isNameByte(byte: number): boolean {
  return byte > 0x20 && byte !== 0x7f
}

/** `database.collection`; of OP_COMMAND the first part alone. */
const NAMESPACE = /^[^\p{Cc}. "$]+(\.[^\p{Cc}]+)?$/u
const LONGEST_NAME = 256
const MOST_RETURNED = 1 << 24
const MOST_UNCOMPRESSED = 48_016_384
