import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import { beginsCommandName, isCommandName, isSharedName, LONGEST_NAME } from './command-names.ts'
import { ARRAY, BULK, CR, LF } from './walker.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/** Begins a command: an array of strings, the first of them a known name; or a line that no other protocol sends. */
export function probeClient(bytes: Uint8Array, start: number, end: number): Verdict {
  return u8(bytes, start) === ARRAY ? probeCommand(bytes, start, end) : probeInline(bytes, start, end)
}

/**
 * Begins replies or pushes. Mail servers and NATS say `+OK` and `-ERR`, too, and numbers on lines are nobody's own: it
 * takes both, or something that only Redis says, or many of them.
 */
export function probeServer(bytes: Uint8Array, start: number, end: number): Verdict {
  let at = start
  let kinds = ''
  for (let count = 0; count < MANY_REPLIES && at < end; count++) {
    const verdict = beginsReply(bytes, at, end)
    const line = lineAt(bytes, at, end) ?? ''
    if (verdict !== 'match' || !COMMON.test(line)) return verdict
    const kind = line[0] === ':' ? 'number' : 'status'
    if (kinds !== '' && kinds !== kind) return 'match'
    kinds = kind
    at += line.length + 2
  }
  return at < end ? 'match' : 'unsure'
}

/** Begins one reply, or a push. Status lines count when their words are Redis' own. */
export function beginsReply(bytes: Uint8Array, start: number, end: number): Verdict {
  const line = lineAt(bytes, start, end)
  const grammar = LINES[String.fromCharCode(u8(bytes, start))]
  if (grammar === undefined) return 'reject'
  if (line === undefined) return mayBecomeLine(bytes, start, end) ? 'unsure' : 'reject'
  if (!grammar.test(line)) return 'reject'
  return followsRightly(bytes, start, end, line) ? 'match' : 'reject'
}

/** The type byte and what may stand on its line. */
const LINES: Readonly<Record<string, RegExp>> = {
  '+': /^\+(OK|PONG|QUEUED|RESET|FULLRESYNC .*|CONTINUE.*|Background .*|string|list|z?set|hash|stream|none|\d{9,}\.\d{6} \[.*)$/,
  '-': /^-[A-Z]{3,}[A-Z0-9]*( .*)?$/,
  ':': /^:[+-]?\d{1,19}$/,
  $: /^\$(\d{1,9}|-1|\?)$/,
  '*': /^\*(\d{1,9}|-1|\?)$/,
  '%': /^%(\d{1,9}|\?)$/,
  '~': /^~(\d{1,9}|\?)$/,
  '>': /^>\d{1,9}$/,
  '|': /^\|\d{1,9}$/,
  '=': /^=\d{1,9}$/,
  '!': /^!\d{1,9}$/,
  '(': /^\([+-]?\d{1,}$/,
  ',': /^,([+-]?\d+(\.\d+)?([eE][+-]?\d+)?|[+-]?inf|nan)$/,
  '#': /^#[tf]$/,
  _: /^_$/,
}

/** Replies as others may send them. */
const COMMON = /^(\+OK|-ERR.*|:.*)$/

/** What stands on the next line fits: a string has its length, an element has a type. */
function followsRightly(bytes: Uint8Array, start: number, end: number, line: string): boolean {
  const next = start + line.length + 2
  const type = line[0] ?? ''
  const count = Number(line.slice(1))
  if ('$=!'.includes(type) && count >= 0) return isLineEnd(bytes, next + count, end)
  if ('*%~>|'.includes(type) && count !== 0 && count !== -1 && next < end)
    return String.fromCharCode(u8(bytes, next)) in LINES
  return true
}

function probeCommand(bytes: Uint8Array, start: number, end: number): Verdict {
  const head = latin1(bytes, start, Math.min(end, start + LONGEST_HEAD))
  const found = /^\*([1-9]\d{0,6})\r\n\$([1-9]\d{0,1})\r\n([A-Za-z][\w.|-]*)/.exec(head)
  if (found === null) return isHeadOfCommand(head) ? 'unsure' : 'reject'
  const [whole, count = '', length = '', name = ''] = found
  const nameEnd = start + whole.length - name.length + Number(length)
  if (name.length < Number(length)) return start + whole.length === end ? 'unsure' : 'reject'
  if (name.length > Number(length) || !isLineEnd(bytes, nameEnd, end)) return 'reject'
  if (!areStrings(bytes, nameEnd + 2, end, Number(count) - 1)) return 'reject'
  return isCommandName(name.toUpperCase()) ? 'match' : 'unsure'
}

/** So few bytes that a command may still become of them. */
function isHeadOfCommand(head: string): boolean {
  return /^\*([1-9]\d{0,6}(\r(\n(\$([1-9]\d{0,1}(\r\n?)?)?)?)?)?)?$/.test(head)
}

/** Servers confirm subscriptions with `*3 $9 subscribe $3 ch1 :1`: the elements tell, as far as they are here. */
function areStrings(bytes: Uint8Array, start: number, end: number, count: number): boolean {
  let at = start
  for (let each = 0; each < Math.min(count, MOST_LOOKED_AT) && at < end; each++) {
    if (u8(bytes, at) !== BULK) return false
    const line = lineAt(bytes, at, end)
    if (line === undefined) return end - at < LONGEST_HEAD
    if (!/^\$\d{1,9}$/.test(line)) return false
    at += line.length + 2 + Number(line.slice(1)) + 2
  }
  return true
}

function probeInline(bytes: Uint8Array, start: number, end: number): Verdict {
  const head = latin1(bytes, start, Math.min(end, start + LONGEST_HEAD))
  // Names of modules' commands have dots, as have host names and metrics: they count in arrays only.
  const found = /^([A-Za-z][A-Za-z_]*)([ \r\n]?)/.exec(head)
  const name = found?.[1] ?? ''
  if (found === null || name.length > LONGEST_NAME) return 'reject'
  if (found[2] === '')
    return name.length === end - start && beginsCommandName(name.toUpperCase()) ? 'unsure' : 'reject'
  if (!isCommandName(name.toUpperCase()) || !/^[\t\r\n\x20-\x7e\x80-\xff]*$/.test(head)) return 'reject'
  if (/^\S+ (\/|\S+ (HTTP|SIP|RTSP)\/)/.test(head)) return 'reject'
  if (isSharedName(name.toUpperCase())) return areLines(bytes, start, end) ? 'match' : 'unsure'
  return head.includes('\n') || head.length === LONGEST_HEAD ? 'match' : 'unsure'
}

/** Several commands, one a line, and one of them is no other protocol's: memcached's `set` has more words. */
function areLines(bytes: Uint8Array, start: number, end: number): boolean {
  const lines = latin1(bytes, start, Math.min(end, start + LONGEST_HEAD))
    .split('\n')
    .slice(0, -1)
  const areNames = lines.every((line) => isCommandName(/^[A-Za-z_]*/.exec(line)?.[0].toUpperCase() ?? ''))
  return areNames && lines.length >= SEVERAL_LINES && lines.some((line) => OWN_LINE.test(line))
}

/** The line that begins at `start`, without its end; undefined while that is not here. */
function lineAt(bytes: Uint8Array, start: number, end: number): string | undefined {
  const last = Math.min(end, start + LONGEST_HEAD) - 1
  for (let at = start; at < last; at++)
    if (u8(bytes, at) === CR && u8(bytes, at + 1) === LF) return latin1(bytes, start, at)
  return undefined
}

/** Or the place is not here yet. */
function isLineEnd(bytes: Uint8Array, at: number, end: number): boolean {
  return (at >= end || u8(bytes, at) === CR) && (at + 1 >= end || u8(bytes, at + 1) === LF)
}

function mayBecomeLine(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start >= ('+-('.includes(String.fromCharCode(u8(bytes, start))) ? LONGEST_HEAD : LONGEST_NUMBER))
    return false
  for (let at = start; at < end; at++) if (u8(bytes, at) < 0x20 && u8(bytes, at) !== CR) return false
  return true
}

/** Line of a number. */
const LONGEST_NUMBER = 32
/** Bytes that are enough to tell. */
const LONGEST_HEAD = 256
/** Replies that others may send, too, after which it is Redis all the same. */
const MANY_REPLIES = 16
const SEVERAL_LINES = 3
const OWN_LINE = /^(set \S+ \S+|h[a-z]+ .*|[lrsz](add|push|pop|rem) .*)\r?$/i
/** Elements of a command after its name. */
const MOST_LOOKED_AT = 4
