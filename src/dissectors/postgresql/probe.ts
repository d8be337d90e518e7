import { u8, u16, u32 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import { nulAt, textPairs } from './fields.ts'
import { BACKEND, FRONTEND, HEADER, type MessageTypes } from './frames.ts'
import { areOptions, startupLength, UNTYPED } from './startup.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * How much the body `[start, end)` of a message, which goes on behind `end` if not whole, speaks for this protocol:
 * `REJECT`, or points from 0 to 2.
 */
type Grammar = (bytes: Uint8Array, start: number, end: number, isWhole: boolean) => number
type Grammars = Readonly<Record<string, Grammar>>

/** Begins a connection, or what a client says in one that was joined midway. */
export function probeFrontend(bytes: Uint8Array, start: number, end: number): Verdict {
  if (u8(bytes, start) === 0) return probeUntyped(bytes, start, end)
  return verdict(weigh(bytes, start, end, FRONTEND, FRONTEND_GRAMMARS), ENOUGH)
}

export function probeBackend(bytes: Uint8Array, start: number, end: number): Verdict {
  return verdict(weigh(bytes, start, end, BACKEND, BACKEND_GRAMMARS), ENOUGH)
}

/** In a connection of this protocol less will do. */
export function resumesFrontend(bytes: Uint8Array, start: number, end: number): boolean {
  return weigh(bytes, start, end, FRONTEND, FRONTEND_GRAMMARS) >= 1
}

export function resumesBackend(bytes: Uint8Array, start: number, end: number): boolean {
  return weigh(bytes, start, end, BACKEND, BACKEND_GRAMMARS) >= 1
}

function verdict(points: number, enough: number): Verdict {
  if (points < 0) return 'reject'
  return points >= enough ? 'match' : 'unsure'
}

function probeUntyped(bytes: Uint8Array, start: number, end: number): Verdict {
  if (end - start < UNTYPED.header) return beginsUntyped(bytes, start, end) ? 'unsure' : 'reject'
  const length = startupLength(bytes, start)
  if (length === 0) return 'reject'
  if (length === UNTYPED.header || u32(bytes, start + 4) === UNTYPED.cancel) return 'match'
  const optionsEnd = Math.min(end, start + length)
  if (!areOptions(bytes, start + UNTYPED.header, optionsEnd)) return 'reject'
  if (end - start < length) return 'unsure'
  // Only `user` must be there.
  return 'user' in textPairs(bytes, start + UNTYPED.header, optionsEnd) ? 'match' : 'reject'
}

/** Two bytes of the length are 0, and two of the code that follows are those of one. */
function beginsUntyped(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 1 && u8(bytes, start + 1) !== 0) return false
  return end - start < 6 || [UNTYPED.version, UNTYPED.tls >>> 16].includes(u16(bytes, start + 4))
}

/** The points of messages one after another, up to the end or to as many as are enough; negative when one is none. */
function weigh(
  bytes: Uint8Array,
  start: number,
  end: number,
  types: MessageTypes,
  grammars: Grammars,
): number {
  let points = 0
  let at = start
  for (let count = 0; count < MANY_MESSAGES && at < end; count++) {
    const type = u8(bytes, at)
    if (!types.has(type)) return REJECT
    if (end - at > 1 && u8(bytes, at + 1) !== 0) return REJECT
    if (end - at < HEADER) break
    const length = types.lengthAt(bytes, at)
    if (length === 0) return REJECT
    const bodyEnd = at + 1 + length
    const grammar = grammars[String.fromCharCode(type)] ?? NO_GRAMMAR
    const found = grammar(bytes, at + HEADER, Math.min(end, bodyEnd), bodyEnd <= end)
    if (found === REJECT) return REJECT
    // That one message begins where the last one ends says something, too.
    points += count === 0 ? found : found + 1
    at = bodyEnd
  }
  return points
}

const REJECT = -1
const NO_GRAMMAR: Grammar = () => 0
/** Nothing follows the header, all five bytes of which are given. */
const SHORT: Grammar = () => 1

const FRONTEND_GRAMMARS: Grammars = {
  Q: (bytes, start, end, isWhole) => {
    if (!isWhole) return beginsQuery(bytes, start, end)
    return u8(bytes, end - 1) === 0 && isText(bytes, start, end - 1) ? 2 : REJECT
  },
  P: (bytes, start, end, isWhole) => {
    const nameEnd = nulAt(bytes, start, Math.min(end, start + LONGEST_NAME))
    if (!isText(bytes, start, nameEnd)) return REJECT
    if (nameEnd === end) return isWhole ? REJECT : 0
    if (!isWhole) return beginsQuery(bytes, nameEnd + 1, nulAt(bytes, nameEnd + 1, end))
    const textEnd = nulAt(bytes, nameEnd + 1, end)
    if (!isText(bytes, nameEnd + 1, textEnd) || textEnd + 3 > end) return REJECT
    return textEnd + 3 + 4 * u16(bytes, textEnd + 1) === end ? 2 : REJECT
  },
  B: probeBind,
  D: probeTarget,
  C: probeTarget,
  E: (bytes, start, end, isWhole) => {
    if (!isWhole) return 0
    return nulAt(bytes, start, end) === end - 5 && isText(bytes, start, end - 5) ? 2 : REJECT
  },
  S: SHORT,
  H: SHORT,
  c: SHORT,
  X: SHORT,
  f: (bytes, start, end, isWhole) => {
    if (!isWhole) return 0
    return nulAt(bytes, start, end) === end - 1 && isText(bytes, start, end - 1) ? 1 : REJECT
  },
}

const BACKEND_GRAMMARS: Grammars = {
  R: (bytes, start, end, isWhole) => {
    if (!isWhole) return 0
    const kind = u32(bytes, start)
    if (kind > LAST_AUTHENTICATION) return REJECT
    const rest = end - start - 4
    if (kind < 10 && kind !== 8) return rest === (kind === 5 ? 4 : kind === 4 ? 2 : 0) ? 2 : REJECT
    if (kind === 8) return 0
    return isText(bytes, start + 4, nulAt(bytes, start + 4, end)) ? 2 : REJECT
  },
  S: (bytes, start, end, isWhole) => (isWhole ? probeTexts(bytes, start, end, 2) : 0),
  K: (_bytes, start, end, isWhole) => (isWhole && end - start === 8 ? 1 : 0),
  Z: (bytes, start, end, isWhole) => {
    if (!isWhole) return 0
    return 'ITE'.includes(String.fromCharCode(u8(bytes, start))) && end - start === 1 ? 2 : REJECT
  },
  T: probeColumns,
  t: (bytes, start, end, isWhole) => {
    if (!isWhole) return 0
    return 2 + 4 * u16(bytes, start) === end - start ? 1 : REJECT
  },
  D: probeRow,
  C: (bytes, start, end, isWhole) => {
    if (!isWhole) return 0
    const first = u8(bytes, start)
    return first >= 0x41 && first <= 0x5a ? probeTexts(bytes, start, end, 1) : REJECT
  },
  E: probeFields,
  N: probeFields,
  A: (bytes, start, end, isWhole) => (isWhole ? probeTexts(bytes, start + 4, end, 2) : 0),
  '1': SHORT,
  '2': SHORT,
  '3': SHORT,
  n: SHORT,
  s: SHORT,
  I: SHORT,
  c: SHORT,
  G: probeCopy,
  H: probeCopy,
  W: probeCopy,
}

function beginsQuery(bytes: Uint8Array, start: number, end: number): number {
  if (!isText(bytes, start, end)) return REJECT
  return SQL.test(latin1(bytes, start, Math.min(end, start + LONGEST_NAME))) ? 2 : 1
}

function probeBind(bytes: Uint8Array, start: number, end: number, isWhole: boolean): number {
  const portalEnd = nulAt(bytes, start, Math.min(end, start + LONGEST_NAME))
  const nameEnd = nulAt(bytes, portalEnd + 1, Math.min(end, portalEnd + 1 + LONGEST_NAME))
  if (!isText(bytes, start, portalEnd) || !isText(bytes, portalEnd + 1, nameEnd)) return REJECT
  const formats = nameEnd + 1
  if (formats + 2 > end) return isWhole ? REJECT : 0
  const values = formats + 2 + 2 * u16(bytes, formats)
  if (values + 2 > end) return isWhole ? REJECT : 0
  const results = afterValues(bytes, values, end)
  if (results < 0) return REJECT
  if (!isWhole) return 1
  return results + 2 <= end && results + 2 + 2 * u16(bytes, results) === end ? 2 : REJECT
}

/** `S` or `P`, and a name. */
function probeTarget(bytes: Uint8Array, start: number, end: number, isWhole: boolean): number {
  if (start < end && u8(bytes, start) !== 0x53 && u8(bytes, start) !== 0x50) return REJECT
  return isWhole ? probeTexts(bytes, start + 1, end, 1) : 0
}

/** So many strings, and nothing behind them. */
function probeTexts(bytes: Uint8Array, start: number, end: number, count: number): number {
  let at = start
  for (let each = 0; each < count; each++) {
    const textEnd = nulAt(bytes, at, end)
    if (textEnd >= end || !isText(bytes, at, textEnd)) return REJECT
    at = textEnd + 1
  }
  return at === end ? 2 : REJECT
}

function probeColumns(bytes: Uint8Array, start: number, end: number, isWhole: boolean): number {
  if (start + 2 > end) return 0
  const count = u16(bytes, start)
  let at = start + 2
  let columns = 0
  while (columns < Math.min(count, MANY_COLUMNS)) {
    const nameEnd = nulAt(bytes, at, end)
    if (!isText(bytes, at, nameEnd)) return REJECT
    if (nameEnd + 19 > end) return isWhole ? REJECT : columns
    if (u16(bytes, nameEnd + 17) > 1) return REJECT
    at = nameEnd + 19
    columns++
  }
  if (isWhole && columns === count && at !== end) return REJECT
  return Math.min(columns + 1, 2)
}

function probeRow(bytes: Uint8Array, start: number, end: number, isWhole: boolean): number {
  if (start + 2 > end) return 0
  const rest = afterValues(bytes, start, end)
  if (rest < 0) return REJECT
  if (!isWhole) return start + 6 <= end ? 1 : 0
  if (rest !== end) return REJECT
  return u16(bytes, start) > 0 ? 2 : 1
}

/**
 * Steps over values with their lengths in front: returns where they end; where they go on behind `end`, a place behind
 * it; negative when one is longer than may be.
 */
function afterValues(bytes: Uint8Array, start: number, end: number): number {
  const count = u16(bytes, start)
  let at = start + 2
  for (let each = 0; each < count; each++) {
    if (at + 4 > end) return end + 1
    const length = u32(bytes, at)
    if (length !== IS_NULL && length > LONGEST_VALUE) return REJECT
    at += 4 + (length === IS_NULL ? 0 : length)
  }
  return at
}

/** An error or a notice: the severity first, a SQLSTATE, fields up to a NUL. */
function probeFields(bytes: Uint8Array, start: number, end: number, isWhole: boolean): number {
  if (start === end) return 0
  if (u8(bytes, start) !== 0x53) return REJECT
  let hasCode = false
  let at = start
  while (at < end && u8(bytes, at) !== 0) {
    const textEnd = nulAt(bytes, at + 1, end)
    if (!isText(bytes, at + 1, textEnd)) return REJECT
    if (u8(bytes, at) === 0x43) hasCode ||= textEnd - at === 6
    at = textEnd + 1
  }
  if (!isWhole) return hasCode ? 2 : 0
  return hasCode && at === end - 1 ? 2 : REJECT
}

/** A format, and one for each column. */
function probeCopy(bytes: Uint8Array, start: number, end: number, isWhole: boolean): number {
  if (!isWhole) return 0
  return u8(bytes, start) <= 1 && 3 + 2 * u16(bytes, start + 1) === end - start ? 2 : REJECT
}

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < Math.min(end, start + LONGEST_LOOK); at++) {
    const byte = u8(bytes, at)
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false
  }
  return true
}

/** How statements begin, and comments. */
const SQL =
  /^\s*(--|\/\*|\(|(abort|alter|analy[sz]e|begin|call|checkpoint|close|cluster|comment|commit|copy|create|deallocate|declare|delete|discard|do|drop|end|execute|explain|fetch|grant|import|insert|listen|load|lock|merge|move|notify|prepare|reassign|refresh|reindex|release|reset|revoke|rollback|savepoint|security|select|set|show|start|table|truncate|unlisten|update|vacuum|values|with)\b)/i

/** Points that make it this protocol. */
const ENOUGH = 2
const MANY_MESSAGES = 8
const MANY_COLUMNS = 16
const LAST_AUTHENTICATION = 12
const IS_NULL = 0xffffffff
const LONGEST_NAME = 256
/** Bytes of a text that are looked at. */
const LONGEST_LOOK = 256
/** With the first byte of its length 0, as is looked for here. */
const LONGEST_VALUE = 1 << 24
