import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import { CR, isTokenCharacter, LF, SPACE } from './characters.ts'
import { isStatusLine, LONGEST_METHOD, versionOfRequest } from './head.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * Whether a request begins here, perhaps after empty lines (RFC 9112 §2.2). A whole line is judged by its version, so that RTSP, SIP and the preface of HTTP/2
 * are not taken for HTTP/1; the beginning of one by its method and by how its target begins.
 */
export function probeClient(bytes: Uint8Array, start: number, end: number): Verdict {
  while (start < end && (u8(bytes, start) === CR || u8(bytes, start) === LF)) start++
  if (start === end) return 'unsure'
  if (!isLetter(u8(bytes, start))) return 'reject'
  const space = endOfToken(bytes, start, end)
  if (space < 0) return 'reject'
  if (space === end) return mayBeMethod(latin1(bytes, start, end)) ? 'unsure' : 'reject'
  const lineFeed = endOfLine(bytes, space, end)
  if (lineFeed < 0) return probeTarget(latin1(bytes, start, space), bytes, space + 1, end)
  const lineEnd = u8(bytes, lineFeed - 1) === CR ? lineFeed - 1 : lineFeed
  return versionOfRequest(latin1(bytes, start, lineEnd), lineEnd - start) < 0 ? 'reject' : 'match'
}

/** Whether a reply begins here. */
export function probeServer(bytes: Uint8Array, start: number, end: number): Verdict {
  const begin = latin1(bytes, start, Math.min(start + STATUS_LINE.length, end))
  if (begin.length === STATUS_LINE.length) return isStatusLine(begin, begin.length) ? 'match' : 'reject'
  for (let at = 0; at < begin.length; at++) {
    const isRight =
      STATUS_LINE[at] === '0' ? /\d/.test(begin.charAt(at)) : begin.charAt(at) === STATUS_LINE.charAt(at)
    if (!isRight) return 'reject'
  }
  return 'unsure'
}

/** Index after the token at `start`, where a space follows or nothing has come yet; −1 when something else does. */
function endOfToken(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + LONGEST_METHOD + 1)
  for (let at = start; at < limit; at++) {
    const byte = u8(bytes, at)
    if (byte === SPACE) return at
    if (!isTokenCharacter(byte)) return -1
  }
  return limit === end && end - start <= LONGEST_METHOD ? end : -1
}

/** Index of the line feed; −1 while it has not come. */
function endOfLine(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + LONGEST_LINE)
  for (let at = start; at < limit; at++) if (u8(bytes, at) === LF) return at
  return -1
}

/** Judges a line that has not ended yet. A known method and this much of a target is proof enough. */
function probeTarget(method: string, bytes: Uint8Array, at: number, end: number): Verdict {
  if (!mayBeMethod(method)) return 'reject'
  if (at === end) return 'unsure'
  if (!mayBeTarget(method, latin1(bytes, at, Math.min(end, at + LONGEST_SCHEME)).toLowerCase()))
    return 'reject'
  const shown = Math.min(end, at + LONGEST_LINE)
  for (let index = at; index < shown; index++)
    if (u8(bytes, index) < SPACE && u8(bytes, index) !== CR) return 'reject'
  return METHODS.has(method) && end - at >= ENOUGH_TARGET ? 'match' : 'unsure'
}

/** One of the methods, or a word in capitals that might be one (`M-SEARCH`, `CCM_POST`), but not HTTP/2's `PRI`. */
function mayBeMethod(word: string): boolean {
  return /^[A-Z][A-Z_-]*$/.test(word) && word !== 'PRI'
}

/** `/path`, `*`, `http://…`; for CONNECT a name. As far as it has come. */
function mayBeTarget(method: string, begin: string): boolean {
  if (method === 'CONNECT') return /^[a-z0-9[/]/.test(begin)
  if (begin.startsWith('/')) return true
  if (begin.startsWith('*')) return begin.length === 1 || begin[1] === ' '
  // Some leave it out, and the version follows.
  if ('http/1.1'.startsWith(begin) || 'http/1.0'.startsWith(begin)) return true
  return 'https://'.startsWith(begin) || 'http://'.startsWith(begin) || /^https?:\/\//.test(begin)
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
}

/** What a reply begins with; 0 is any digit. */
const STATUS_LINE = 'HTTP/1.0 000'
/** How much of a line is looked at. */
const LONGEST_LINE = 64 << 10
/** `https://` */
const LONGEST_SCHEME = 8
/** Characters of a target after which a line that has not ended is taken for a request. */
const ENOUGH_TARGET = 2048
/** https://www.iana.org/assignments/http-methods, and what is common beside it. */
const METHODS: ReadonlySet<string> = new Set(
  (
    'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL ' +
    'LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE NOTIFY ORDERPATCH PROPFIND ' +
    'PROPPATCH PURGE QUERY REBIND REPORT SEARCH SUBSCRIBE UNBIND UNCHECKOUT UNLINK UNLOCK UNSUBSCRIBE UPDATE ' +
    'UPDATEREDIRECTREF VERSION-CONTROL'
  ).split(' '),
)
