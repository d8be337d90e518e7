import { u8, u16le, u24le, u32le } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import type { Side } from '../../dissect/dissector.ts'
import { FRAME_HEADER, inflate, ZSTD_MAGIC } from './channel.ts'
import { COM, fitsCommand, isCommand } from './commands.ts'
import { isSslRequest, readGreeting, readLogin, V9, V10 } from './handshake.ts'
import { readOk, STATUS } from './replies.ts'
import { hasAttributes } from './requests.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/** Begins what a client sends: its login, or from the middle of a connection commands, also in frames. */
export function probeClient(bytes: Uint8Array, start: number, end: number): Verdict {
  const verdict = beginsCommands(bytes, start, end)
  if (verdict === 'match' || verdict === 'unsure') return verdict
  return beginsFrame(bytes, start, end, 'client')
}

/** Begins what a server sends: its greeting, or from the middle of a connection replies, also in frames. */
export function probeServer(bytes: Uint8Array, start: number, end: number): Verdict {
  const verdict = beginsReply(bytes, start, end)
  if (verdict === 'match' || verdict === 'unsure') return verdict
  return beginsFrame(bytes, start, end, 'server')
}

/** Whether a side of a connection that is known to be of this protocol may be read from here on. */
export function mayResume(bytes: Uint8Array, start: number, end: number, from: Side): boolean {
  if (from === 'server')
    return probeServer(bytes, start, end) === 'match' || goesOnWithLogin(bytes, start, end)
  return end - start > HEADER && probeClient(bytes, start, end) !== 'reject'
}

/** Whether packets that begin here, of a connection whose login was not seen, are in frames; undefined = more must come. */
export function isFramed(bytes: Uint8Array, start: number, end: number, from: Side): boolean | undefined {
  const plain = from === 'client' ? beginsCommands(bytes, start, end) : beginsReply(bytes, start, end)
  if (plain === 'match') return false
  const framed = beginsFrame(bytes, start, end, from)
  if (plain === 'reject' || framed === 'match') return framed !== 'reject'
  return framed === 'unsure' && end - start < LONGEST_PROBED ? undefined : false
}

function beginsCommands(bytes: Uint8Array, start: number, end: number): Verdict {
  let at = start
  for (let count = 0; count < MOST_PACKETS && at < end; count++) {
    const verdict = beginsRequest(bytes, at, end)
    if (verdict !== 'unsure') return verdict
    if (end - at < HEADER) break
    at += HEADER + u24le(bytes, at)
  }
  return 'unsure'
}

/** `unsure` of a command whose bytes could be another protocol's, too; it is whole, or more may come. */
function beginsRequest(bytes: Uint8Array, start: number, end: number): Verdict {
  if (end - start <= HEADER) return mayBegin(bytes, start, end) ? 'unsure' : 'reject'
  const length = u24le(bytes, start)
  const sequence = u8(bytes, start + 3)
  const payload = start + HEADER
  if (sequence === 1) return beginsLogin(bytes, payload, end, length)
  const code = u8(bytes, payload)
  if (sequence !== 0 || !isCommand(code) || !fitsCommand(code, length)) return 'reject'
  const until = payload + length
  if (until < end && !mayBegin(bytes, until, end)) return 'reject'
  switch (code) {
    case COM.query:
    case COM.prepare:
      return beginsSql(bytes, payload, end, until)
    case COM.execute:
      return beginsExecute(bytes, payload, end)
    case COM.initDb:
    case COM.createDb:
    case COM.dropDb:
    case COM.fieldList:
      return length <= LONGEST_NAME && isText(bytes, payload + 1, Math.min(end, until)) ? 'unsure' : 'reject'
    default:
      return length <= LONGEST_OTHER ? 'unsure' : 'reject'
  }
}

/** The head of a command, as far as it is here. */
function mayBegin(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < HEADER) return true
  if (u24le(bytes, start) === 0 || u8(bytes, start + 3) > 1) return false
  return end - start === HEADER || u8(bytes, start + 3) === 1 || isCommand(u8(bytes, start + HEADER))
}

function beginsLogin(bytes: Uint8Array, payload: number, end: number, length: number): Verdict {
  const until = payload + length
  if (length < SHORTEST_LOGIN || length > LONGEST_LOGIN) return 'reject'
  if (end - payload < 2) return 'unsure'
  // TLS follows at once.
  if (until < end) return isSslRequest(bytes, payload, until) && isTls(bytes, until, end) ? 'match' : 'reject'
  if ((u16le(bytes, payload) & PROTOCOL_41) === 0) {
    const isWhole = until === end && readLogin(bytes, payload, end) !== undefined
    return isWhole ? 'unsure' : 'reject'
  }
  if (end - payload < FILLER_END) return 'unsure'
  for (let at = FILLER_START; at < FILLER_END; at++) if (u8(bytes, payload + at) !== 0) return 'reject'
  if (end < until) return 'unsure'
  if (isSslRequest(bytes, payload, end)) return 'match'
  return readLogin(bytes, payload, end) === undefined ? 'reject' : 'match'
}

/** A record of a handshake, as far as it is here (RFC 8446 §5.1). */
function isTls(bytes: Uint8Array, start: number, end: number): boolean {
  return u8(bytes, start) === 22 && (end - start < 2 || u8(bytes, start + 1) === 3)
}

/** SQL, which begins with a word that SQL begins with; as long as its packet says, or cut off where a segment is full. */
function beginsSql(bytes: Uint8Array, payload: number, end: number, until: number): Verdict {
  const at = payload + 1
  if (end - at < 2) return 'unsure'
  const isQuery = u8(bytes, payload) === COM.query
  const hasBinary = isQuery && hasAttributes(bytes, at)
  const start = hasBinary && u8(bytes, at) === 0 ? at + 2 : at
  // Attributes stand before the text; then the word is somewhere in the packet.
  const headEnd = Math.min(end, until, start + LONGEST_HEAD)
  const isWithin = hasBinary && start === at
  const isSql = isWithin
    ? SQL_WITHIN.test(latin1(bytes, start, headEnd))
    : WORDS.has(firstWord(bytes, start, headEnd)) &&
      !bytes.subarray(start, Math.min(headEnd, until - 1)).includes(0)
  if (isSql) return until <= end || isLong(bytes, start, end) ? 'match' : 'unsure'
  const mayCome = end < until && end - start < LONGEST_HEAD
  return mayCome && (isWithin || isText(bytes, start, end)) ? 'unsure' : 'reject'
}

/** The first word of a statement, in lower case, behind white space, comments and parentheses. */
function firstWord(bytes: Uint8Array, start: number, end: number): string {
  let at = start
  for (;;) {
    const two = latin1(bytes, at, Math.min(at + 2, end))
    if (/^[\s(;]/.test(two)) at++
    else if (two === '/*' && isExecutable(bytes, at + 2)) at = afterDigits(bytes, at + 3, end)
    else if (two === '/*') at = after('*/', bytes, at + 2, end)
    else if (two === '--' || two[0] === '#') at = after('\n', bytes, at + 1, end)
    else break
  }
  return (
    /^[a-z]*(?![\w.])/i.exec(latin1(bytes, at, Math.min(at + LONGEST_WORD, end)))?.[0].toLowerCase() ?? ''
  )
}

function after(text: string, bytes: Uint8Array, start: number, end: number): number {
  const found = latin1(bytes, start, end).indexOf(text)
  return found < 0 ? end : start + found + text.length
}

/** `/*!40101 SET` and `/*M!100100 SET` are comments for others than MySQL and MariaDB. */
function isExecutable(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === EXCLAMATION || (bytes[at] === LETTER_M && bytes[at + 1] === EXCLAMATION)
}

/** Past the number of the version from which on they are none. */
function afterDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === EXCLAMATION ? start + 1 : start
  while (at < end && u8(bytes, at) >= 0x30 && u8(bytes, at) <= 0x39) at++
  return at
}

/** More of a text than one would see of another protocol's message by chance. */
function isLong(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= LONG_TEXT && isText(bytes, start, start + LONG_TEXT)
}

/** Statement, flags, and the number of iterations, which always is 1. */
function beginsExecute(bytes: Uint8Array, payload: number, end: number): Verdict {
  if (end - payload < 10) return 'unsure'
  const isOne = u32le(bytes, payload + 6) === 1
  return isOne && u8(bytes, payload + 5) < 16 ? 'match' : 'reject'
}

function beginsReply(bytes: Uint8Array, start: number, end: number): Verdict {
  if (end - start <= HEADER) return end - start < HEADER || u8(bytes, start + 3) <= 1 ? 'unsure' : 'reject'
  const length = u24le(bytes, start)
  const sequence = u8(bytes, start + 3)
  const payload = start + HEADER
  const until = payload + length
  const first = u8(bytes, payload)
  if (sequence === 0) return beginsConversation(bytes, payload, end, length)
  if (sequence !== 1 || length === 0) return 'reject'
  switch (first) {
    case 0x00:
      return beginsOk(bytes, payload, end, length)
    case 0xff:
      return isError(bytes, payload, end, length)
    case 0xfe:
      if (length !== 5) return beginsOk(bytes, payload, end, length)
      return until <= end && hasStatus(u16le(bytes, payload + 3)) ? 'match' : 'reject'
    case 0x55:
      return /^Uptime: \d/.test(latin1(bytes, payload, Math.min(end, payload + 10))) ? 'match' : 'reject'
    default:
      return beginsResult(bytes, payload, end, length)
  }
}

/** A greeting, or that the server will not listen. */
function beginsConversation(bytes: Uint8Array, payload: number, end: number, length: number): Verdict {
  const first = u8(bytes, payload)
  if (length > LONGEST_GREETING || payload + length < end) return 'reject'
  if (first === 0xff) return isError(bytes, payload, end, length)
  if (first !== V10 && first !== V9) return 'reject'
  if (payload + length > end)
    return isText(bytes, payload + 1, Math.min(end, payload + 3)) ? 'unsure' : 'reject'
  const greeting = readGreeting(bytes, payload, end)
  if (greeting === undefined || !/^\d+\.[\x20-\x7e]+$/.test(greeting.serverVersion)) return 'reject'
  return 'match'
}

/** An OK packet that is exactly one, or the answer to a statement that was prepared. */
function beginsOk(bytes: Uint8Array, payload: number, end: number, length: number): Verdict {
  const until = payload + length
  if (until > end) return length <= LONGEST_GREETING ? 'unsure' : 'reject'
  const { isExact, status } = readOk(bytes, payload + 1, until, true)
  const isAlone = until === end || u8(bytes, until + 3) <= 2
  if (length >= 7 && isExact && hasStatus(status) && isAlone) return 'match'
  const isPrepared =
    u8(bytes, payload) === 0 && (length === 12 || length === 13) && u8(bytes, payload + 9) === 0
  if (!isPrepared) return 'reject'
  const hasDefinitions = u32le(bytes, payload + 5) !== 0
  return hasDefinitions ? isDefinition(bytes, until, end, 2) : isAlone ? 'match' : 'reject'
}

/** Packets of a login, behind the greeting: what a plugin says, and in the end an OK or an error. */
function goesOnWithLogin(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  for (let count = 0; count < MOST_PACKETS && at < end; count++) {
    const length = u24le(bytes, at)
    const sequence = u8(bytes, at + 3)
    const payload = at + HEADER
    at = payload + length
    if (end <= payload || at > end || sequence < 2 || sequence > LAST_OF_LOGIN) return false
    const first = u8(bytes, payload)
    if (first === 0xff) return isError(bytes, payload, end, length) === 'match'
    if (first === 0) return beginsOk(bytes, payload, end, length) === 'match'
    if (first !== 1 && first !== 0xfe) return false
  }
  return at === end
}

function beginsResult(bytes: Uint8Array, payload: number, end: number, length: number): Verdict {
  const first = u8(bytes, payload)
  const isCount = first < 0xfb ? length <= 2 : first === 0xfc && (length === 3 || length === 4)
  return isCount ? isDefinition(bytes, payload + length, end, 2) : 'reject'
}

/** The definition of a column or of a parameter: its first text always is `def`. */
function isDefinition(bytes: Uint8Array, start: number, end: number, sequence: number): Verdict {
  const expected = [undefined, undefined, undefined, sequence, 3, 0x64, 0x65, 0x66]
  for (let at = 0; at < expected.length && start + at < end; at++)
    if (expected[at] !== undefined && u8(bytes, start + at) !== expected[at]) return 'reject'
  return end - start >= expected.length ? 'match' : 'unsure'
}

function isError(bytes: Uint8Array, payload: number, end: number, length: number): Verdict {
  if (length > LONGEST_ERROR || length < 4) return 'reject'
  const until = payload + length
  const code = u16le(bytes, payload + 1)
  const isKnown = code >= FIRST_ERROR && code <= LAST_ERROR
  if (!isKnown || !isText(bytes, payload + 3, Math.min(until, end))) return 'reject'
  return until <= end ? 'match' : 'unsure'
}

/** The status of a session: one bit of two always is set. */
function hasStatus(status: number): boolean {
  return (status & (STATUS.autocommit | STATUS.inTransaction)) !== 0
}

/** A frame: its packets, plain or compressed, are what they are without it. */
function beginsFrame(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  const begins = from === 'client' ? beginsCommands : beginsReply
  if (end - start < HEADER) return 'unsure'
  const length = u24le(bytes, start)
  const size = u24le(bytes, start + 4)
  const content = start + FRAME_HEADER
  const until = content + length
  if (u8(bytes, start + 3) !== (from === 'client' ? 0 : 1) || length <= HEADER) return 'reject'
  if (end <= content) return 'unsure'
  if (size === 0) return begins(bytes, content, Math.min(end, until))
  const isCompressed = u32le(bytes, content) === ZSTD_MAGIC || u8(bytes, content) === ZLIB
  if (!isCompressed || size <= length - SLACK) return 'reject'
  if (until > end) return length <= LONGEST_PROBED ? 'unsure' : 'reject'
  const inflated = size <= LONGEST_INFLATED ? inflate(bytes.subarray(content, until), size) : undefined
  return inflated !== undefined && begins(inflated, 0, size) === 'match' ? 'match' : 'reject'
}

/** ASCII, or bytes above. */
function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = u8(bytes, at)
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false
  }
  return true
}

const HEADER = 4
/** Packets that are looked at until one is sure. */
const MOST_PACKETS = 8
const PROTOCOL_41 = 1 << 9
const SHORTEST_LOGIN = 5
const LONGEST_LOGIN = 128 << 10
/** Zeroes in every login: after the character set, before MariaDB's own flags. */
const FILLER_START = 9
const FILLER_END = 28
/** Longest name of a database or table, in bytes. */
const LONGEST_NAME = 64 * 4 + 1
/** Commands of which little is known. */
const LONGEST_OTHER = 4096
const LONGEST_GREETING = 1024
const LONGEST_ERROR = 2048
/** Numbers of the errors that servers tell clients of: MySQL's and MariaDB's. */
const FIRST_ERROR = 1000
const LAST_ERROR = 15_000
/** Bytes of a query in which its first word must be. */
const LONGEST_HEAD = 2048
const LONG_TEXT = 400
/** Frames of which it is looked into. */
const LONGEST_PROBED = 4000
const LONGEST_INFLATED = 256 << 10
/** What is compressed may be a little longer than before. */
const SLACK = 32
const ZLIB = 0x78

/** Highest sequence number that a login has come to: as a rule 2, 4 or 6. */
const LAST_OF_LOGIN = 12
const EXCLAMATION = 0x21
const LETTER_M = 0x4d
/** Longest of the words, and what follows. */
const LONGEST_WORD = 16

/** Words that statements begin with. */
const WORDS: ReadonlySet<string> = new Set(
  `select insert update delete replace set show use begin start commit rollback savepoint release create drop alter
  truncate rename call do desc describe explain analyze optimize check checksum repair lock unlock flush grant revoke
  load prepare execute deallocate handler kill purge change reset stop xa with values table import install uninstall
  binlog cache help signal resignal get shutdown restart clone declare`.split(/\s+/),
)
const SQL_WITHIN = new RegExp(`(?:${[...WORDS].join('|')})[\\s(*;]`, 'i')
