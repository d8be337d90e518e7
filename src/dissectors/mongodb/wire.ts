import { u8, u32le } from '../../bytes/read.ts'
import { utf8Text } from '../../bytes/text.ts'

/**
 * The messages of MongoDB, all numbers little-endian.
 * https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ and, for the opcodes that servers before 5.1 took,
 * https://www.mongodb.com/docs/manual/legacy-opcodes/
 */
export const OP_REPLY = 1
export const OP_UPDATE = 2001
export const OP_INSERT = 2002
export const OP_QUERY = 2004
export const OP_GET_MORE = 2005
export const OP_DELETE = 2006
export const OP_KILL_CURSORS = 2007
/** Of MongoDB 3.2 to 4.0, between members of a cluster and from the shell. */
export const OP_COMMAND = 2010
export const OP_COMMANDREPLY = 2011
export const OP_COMPRESSED = 2012
export const OP_MSG = 2013

export const OPCODE_NAMES: Readonly<Record<number, string>> = {
  [OP_REPLY]: 'OP_REPLY',
  [OP_UPDATE]: 'OP_UPDATE',
  [OP_INSERT]: 'OP_INSERT',
  [OP_QUERY]: 'OP_QUERY',
  [OP_GET_MORE]: 'OP_GET_MORE',
  [OP_DELETE]: 'OP_DELETE',
  [OP_KILL_CURSORS]: 'OP_KILL_CURSORS',
  [OP_COMMAND]: 'OP_COMMAND',
  [OP_COMMANDREPLY]: 'OP_COMMANDREPLY',
  [OP_COMPRESSED]: 'OP_COMPRESSED',
  [OP_MSG]: 'OP_MSG',
}

/** What each side may send. */
export const SENT_BY: Readonly<Record<'client' | 'server', ReadonlySet<number>>> = {
  client: new Set([
    OP_UPDATE,
    OP_INSERT,
    OP_QUERY,
    OP_GET_MORE,
    OP_DELETE,
    OP_KILL_CURSORS,
    OP_COMMAND,
    OP_COMPRESSED,
    OP_MSG,
  ]),
  server: new Set([OP_REPLY, OP_COMMANDREPLY, OP_COMPRESSED, OP_MSG]),
}

/** Bytes of messageLength, requestID, responseTo and opCode. */
export const HEADER = 16
/** Servers take 48,000,000 bytes (`maxMessageSizeBytes`); what is around the documents comes on top. */
export const LONGEST_MESSAGE = 48_000_000 + (16 << 10)

export interface Header {
  readonly length: number
  readonly requestId: number
  readonly responseTo: number
  readonly opcode: number
}

export function readHeader(bytes: Uint8Array, at: number): Header {
  return {
    length: u32le(bytes, at),
    requestId: i32le(bytes, at + 4),
    responseTo: i32le(bytes, at + 8),
    opcode: u32le(bytes, at + 12),
  }
}

/** A length that a message can have, and an opcode that the side can send. */
export function isHeader({ length, opcode }: Header, from: 'client' | 'server'): boolean {
  return (
    length >= HEADER + (SHORTEST[opcode] ?? Number.NaN) &&
    length <= LONGEST_MESSAGE &&
    SENT_BY[from].has(opcode)
  )
}

/** What stands between the header of a message and its documents or sections. */
export interface Prelude {
  /** Where it ends. */
  readonly at: number
  readonly flags: number
  /** `database.collection`; of OP_COMMAND the database. "" where there is none. */
  readonly namespace: string
  /** Of OP_COMMAND. */
  readonly command: string
  /** Documents that OP_REPLY says it has. */
  readonly count: number
  /** Of OP_REPLY and OP_GET_MORE; else "". */
  readonly cursorId: string
}

/** Undefined when it is not all there, or not what it should be: no message has one that is longer than `LONGEST_PRELUDE`. */
export function readPrelude(
  opcode: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): Prelude | undefined {
  switch (opcode) {
    case OP_MSG:
      return end - start < 4 ? undefined : prelude(start + 4, u32le(bytes, start))
    case OP_REPLY:
      if (end - start < REPLY_PRELUDE) return undefined
      return {
        ...prelude(start + REPLY_PRELUDE, u32le(bytes, start)),
        count: u32le(bytes, start + 16),
        cursorId: String(i64le(bytes, start + 4)),
      }
    case OP_COMMANDREPLY:
      return prelude(start, 0)
    case OP_COMMAND:
      return commandPrelude(bytes, start, end)
    case OP_KILL_CURSORS:
      return end - start < 8 ? undefined : { ...prelude(start + 8, 0), count: u32le(bytes, start + 4) }
    default:
      return namedPrelude(opcode, bytes, start, end)
  }
}

/** Of OP_QUERY, OP_INSERT, OP_UPDATE, OP_DELETE and OP_GET_MORE: 32 bits, the name of a collection, and what comes behind. */
function namedPrelude(opcode: number, bytes: Uint8Array, start: number, end: number): Prelude | undefined {
  const nameEnd = cstringEnd(bytes, start + 4, end, LONGEST_NAMESPACE)
  if (nameEnd < 0) return undefined
  const at = nameEnd + 1
  const behind = BEHIND_NAME[opcode] ?? 0
  if (end - at < behind) return undefined
  const hasFlagsBehind = opcode === OP_UPDATE || opcode === OP_DELETE
  return {
    ...prelude(at + behind, u32le(bytes, hasFlagsBehind ? at : start)),
    namespace: utf8Text(bytes, start + 4, nameEnd),
    cursorId: opcode === OP_GET_MORE ? String(i64le(bytes, at + 4)) : '',
  }
}

function commandPrelude(bytes: Uint8Array, start: number, end: number): Prelude | undefined {
  const databaseEnd = cstringEnd(bytes, start, end, LONGEST_NAMESPACE)
  const nameEnd = databaseEnd < 0 ? -1 : cstringEnd(bytes, databaseEnd + 1, end, LONGEST_NAMESPACE)
  if (nameEnd < 0) return undefined
  return {
    ...prelude(nameEnd + 1, 0),
    namespace: utf8Text(bytes, start, databaseEnd),
    command: utf8Text(bytes, databaseEnd + 1, nameEnd),
  }
}

function prelude(at: number, flags: number): Prelude {
  return { at, flags, namespace: '', command: '', count: 0, cursorId: '' }
}

/** Where the NUL is that ends the text at `start`; −1 when it is not among the next `longest` bytes before `end`. */
export function cstringEnd(bytes: Uint8Array, start: number, end: number, longest: number): number {
  const last = Math.min(end, start + longest)
  for (let at = start; at < last; at++) if (u8(bytes, at) === 0) return at
  return -1
}

export function i32le(bytes: Uint8Array, at: number): number {
  return u32le(bytes, at) | 0
}

export function i64le(bytes: Uint8Array, at: number): bigint {
  return (BigInt(i32le(bytes, at + 4)) << 32n) | BigInt(u32le(bytes, at))
}

export function f64le(bytes: Uint8Array, at: number): number {
  for (let each = 0; each < 8; each++) DOUBLE_BYTES[each] = u8(bytes, at + each)
  return DOUBLE[0] as number
}

const DOUBLE_BYTES = new Uint8Array(8)
const DOUBLE = new Float64Array(DOUBLE_BYTES.buffer)

/** responseFlags, cursorID, startingFrom, numberReturned. */
const REPLY_PRELUDE = 20
/** Names of collections have at most 255 bytes, in old versions 120; no server takes more. */
const LONGEST_NAMESPACE = 1024
export const LONGEST_PRELUDE = 2 * LONGEST_NAMESPACE + 32
/** Bytes after the name: numberToSkip and numberToReturn; flags; numberToReturn and cursorID. */
const BEHIND_NAME: Readonly<Record<number, number>> = {
  [OP_QUERY]: 8,
  [OP_UPDATE]: 4,
  [OP_DELETE]: 4,
  [OP_GET_MORE]: 12,
}
/** Least bytes after the header. An empty document has 5. */
const SHORTEST: Readonly<Record<number, number>> = {
  [OP_REPLY]: REPLY_PRELUDE,
  [OP_UPDATE]: 4 + 2 + 4 + 10,
  [OP_INSERT]: 4 + 2 + 5,
  [OP_QUERY]: 4 + 2 + 8 + 5,
  [OP_GET_MORE]: 4 + 2 + 12,
  [OP_DELETE]: 4 + 2 + 4 + 5,
  [OP_KILL_CURSORS]: 8,
  [OP_COMMAND]: 2 + 10,
  [OP_COMMANDREPLY]: 10,
  [OP_COMPRESSED]: 9,
  [OP_MSG]: 4 + 6,
}

/** Flags of OP_MSG. */
export const CHECKSUM_PRESENT = 1
export const MORE_TO_COME = 2
export const EXHAUST_ALLOWED = 1 << 16
/** Bits 0 to 15 must be understood by the receiver; these are all that mean something. */
export const REQUIRED_FLAGS = 0xffff & ~(CHECKSUM_PRESENT | MORE_TO_COME)
/** Of OP_QUERY: the server sends all that the cursor has without being asked for more. */
export const QUERY_EXHAUST = 1 << 6
/** Of OP_REPLY. */
export const CURSOR_NOT_FOUND = 1
export const QUERY_FAILURE = 2

/** Kinds of sections of OP_MSG. */
export const BODY_SECTION = 0
export const SEQUENCE_SECTION = 1
