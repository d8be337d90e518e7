import { latin1 } from '../../bytes/text.ts'
import { CAPTURE_MARK } from './capture-mark.ts'
import { COLON, CR, hasNameAt, readable, SPACE, TAB, trimmed } from './characters.ts'
import { type ContentKind, isPlain, kindOf } from './content-kind.ts'

/** Longest head that is read. Servers refuse far less, though some accept cookies of a hundred kilobytes. */
export const LONGEST_HEAD = 256 << 10

/**
 * Finds the head of a message, and in the same pass over its lines what the length of the body depends on
 * (RFC 9112 §6). The fields tell of the head that was read last. Lines may end in CRLF or LF (§2.2).
 */
export class HeadReader {
  /** The head, one character a byte, and maybe bytes after it. */
  text = ''
  /** Where the first line ends, its line ending not counted; −1 while that has not come. */
  lineEnd = -1
  /** Where the head ends, after its blank line. */
  end = 0
  /** Value of Content-Length; `NO_LENGTH`, or `BAD_LENGTH` when it is no number or there are two that differ. */
  contentLength = NO_LENGTH
  /** Values of Transfer-Encoding, joined by commas; "" when there are none. */
  transferEncoding = ''
  /** Value of Upgrade. */
  upgrade = ''
  /** Where the first Content-Type stands, after its name; −1 when there is none. */
  contentTypeAt = -1
  /** A field that helpers of scripts put into their requests is there. */
  isMarked = false
  /** Bytes from the start of the head in which its end was looked for in vain. */
  #searched = 0

  /** Reads the head at `start`. False: its end has not come, though the first line may have. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#searched < SHORT_HEAD) {
      const until = Math.min(start + SHORT_HEAD, end)
      if (this.#scan(latin1(bytes, start, until))) return true
      this.#searched = until - start
      if (until === end) return false
    }
    const length = this.#search(bytes, start, end)
    return length > 0 && this.#scan(latin1(bytes, start, start + length))
  }

  #scan(text: string): boolean {
    this.#forget(text)
    const lineFeed = text.indexOf('\n')
    this.lineEnd = lineFeed > 0 && text.charCodeAt(lineFeed - 1) === CR ? lineFeed - 1 : lineFeed
    for (let at = lineFeed + 1; at > 0; ) {
      const next = text.indexOf('\n', at)
      if (next < 0) return false
      if (next === at || (next === at + 1 && text.charCodeAt(at) === CR)) {
        this.end = next + 1
        this.#searched = 0
        return true
      }
      this.#noteField(text, at, next)
      at = next + 1
    }
    return false
  }

  #forget(text: string): void {
    this.text = text
    this.contentLength = NO_LENGTH
    this.transferEncoding = ''
    this.upgrade = ''
    this.contentTypeAt = -1
    this.isMarked = false
  }

  /** Only the names that matter, told apart by their first letter before anything is cut out. */
  #noteField(text: string, at: number, lineFeed: number): void {
    switch (text.charCodeAt(at) | 0x20) {
      case LOWER_C:
        if (hasNameAt(text, at, 'content-length')) this.#noteLength(fieldValue(text, at + 14, lineFeed))
        else if (this.contentTypeAt < 0 && hasNameAt(text, at, CONTENT_TYPE))
          this.contentTypeAt = at + CONTENT_TYPE.length
        break
      case LOWER_T:
        if (hasNameAt(text, at, 'transfer-encoding')) {
          const value = fieldValue(text, at + 17, lineFeed)
          if (value !== undefined) this.transferEncoding += this.transferEncoding === '' ? value : `,${value}`
        }
        break
      case LOWER_U:
        if (hasNameAt(text, at, 'upgrade')) this.upgrade = fieldValue(text, at + 7, lineFeed) ?? this.upgrade
        break
      case LOWER_X:
        if (hasNameAt(text, at, CAPTURE_MARK)) this.isMarked = true
        break
    }
  }

  #noteLength(value: string | undefined): void {
    if (value === undefined) return
    const length = parseLength(value)
    const isFirst = this.contentLength === NO_LENGTH
    this.contentLength = isFirst || this.contentLength === length ? length : BAD_LENGTH
  }

  /** Length of a head longer than `SHORT_HEAD`; −1 while its end has not come. Never looks at a byte twice. */
  #search(bytes: Uint8Array, start: number, end: number): number {
    // The end may lie across what was searched and what has come since.
    let from = start + this.#searched - 2
    for (let size = SHORT_HEAD; ; size *= 2) {
      const until = Math.min(from + size, end)
      const window = Buffer.from(bytes.buffer, bytes.byteOffset + from, until - from)
      const found = indexAfter(window, '\n\r\n') || indexAfter(window, '\n\n')
      if (found > 0) return from + found - start
      if (until === end) break
      from = until - 2
    }
    this.#searched = end - start
    return -1
  }
}

/** A head as the text that it is on the wire, and the lines after the last chunk. */
export class TextHead {
  readonly text: string
  /** Set by the parser when they have come. */
  trailerLines = ''
  /** Bytes of it, with its blank line. */
  readonly size: number
  readonly isMarked: boolean
  readonly #contentTypeAt: number
  #fields: readonly Field[] | undefined

  constructor({ text, end, contentTypeAt, isMarked }: HeadReader) {
    this.text = text
    this.size = end
    this.isMarked = isMarked
    this.#contentTypeAt = contentTypeAt
  }

  find(name: string): string {
    if (name === CONTENT_TYPE) return this.#contentType
    return findField(this.text, this.#fieldsAt, this.size, name)
  }

  get kind(): ContentKind {
    let at = this.#contentTypeAt
    if (at < 0) return 'other'
    while (isBeforeValue(this.text.charCodeAt(at))) at++
    return isPlain(this.text, at) ? 'other' : kindOf(this.#contentType)
  }

  get fields(): readonly Field[] {
    this.#fields ??= readFields(this.text, this.#fieldsAt, this.size)
    return this.#fields
  }

  get trailers(): readonly Field[] {
    return this.trailerLines === '' ? [] : readFields(this.trailerLines, 0, this.trailerLines.length)
  }

  get #contentType(): string {
    const at = this.#contentTypeAt
    return at < 0 ? '' : readable(fieldValue(this.text, at, endOfLine(this.text, at)) ?? '')
  }

  get #fieldsAt(): number {
    return this.text.indexOf('\n') + 1
  }
}

/** A header line. */
export interface Field {
  readonly name: string
  readonly value: string
}

/** The fields in `text[from, end)`: names as on the wire, folded lines unfolded, lines without a colon left out. */
function readFields(text: string, from: number, end: number): Field[] {
  const fields: Field[] = []
  for (let at = from; at < end && fields.length < MOST_FIELDS; ) {
    const lineFeed = endOfFolds(text, endOfLine(text, at))
    const colon = text.indexOf(':', at)
    const isFolded = isFold(text.charCodeAt(at)) // of the first line: RFC 9112 §2.2 has it passed over
    if (colon > at && colon < lineFeed && !isFolded) {
      const value = unfolded(trimmed(text, colon + 1, lineFeed))
      fields.push({ name: readable(trimmed(text, at, colon)), value: readable(value) })
    }
    at = lineFeed + 1
  }
  return fields
}

/** The value of the first field called `name`, given in lower case; "" when there is none. */
export function findField(text: string, from: number, end: number, name: string): string {
  for (let at = from; at < end; ) {
    const lineFeed = endOfLine(text, at)
    if (hasNameAt(text, at, name)) {
      const value = fieldValue(text, at + name.length, lineFeed)
      if (value !== undefined) return readable(value)
    }
    at = lineFeed + 1
  }
  return ''
}

/**
 * Whether the first line is `method SP target SP HTTP/1.x` (RFC 9112 §3): where its version begins, or −1. Servers
 * answer requests that lack the target or the last digit, so they are read too.
 */
export function versionOfRequest(text: string, lineEnd: number): number {
  const space = endOfMethod(text, lineEnd)
  if (space < 0) return -1
  while (text.charCodeAt(lineEnd - 1) === SPACE) lineEnd--
  const at = text.lastIndexOf(' ', lineEnd - 1) + 1
  const isVersion = text.startsWith('HTTP/1.', at) && at > space
  return isVersion && (lineEnd - at === 7 || (lineEnd - at === 8 && isDigit(text.charCodeAt(at + 7))))
    ? at
    : -1
}

/** Whether the first line is `HTTP/1.x SP status [SP reason]` (RFC 9112 §4). */
export function isStatusLine(text: string, lineEnd: number): boolean {
  if (lineEnd < 12 || !isVersion(text, 0) || text.charCodeAt(8) !== SPACE) return false
  const isStatus = isDigit(text.charCodeAt(9)) && isDigit(text.charCodeAt(10)) && isDigit(text.charCodeAt(11))
  return isStatus && text.charCodeAt(9) !== ZERO && (lineEnd === 12 || text.charCodeAt(12) === SPACE)
}

/** `HTTP/1.1` */
export const VERSION_LENGTH = 8

/** Value of the field whose name ends at `at`; undefined when that is not where its name ends. */
function fieldValue(text: string, at: number, lineFeed: number): string | undefined {
  while (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB) at++
  if (text.charCodeAt(at) !== COLON) return undefined
  return unfolded(trimmed(text, at + 1, endOfFolds(text, lineFeed)))
}

/** RFC 9110 §8.6: digits; several times the same number is that number. */
function parseLength(value: string): number {
  if (DIGITS.test(value)) return Number(value)
  const each = value.split(',', MOST_FIELDS).map((part) => trimmed(part))
  const first = each[0] ?? ''
  return DIGITS.test(first) && each.every((part) => part === first) ? Number(first) : BAD_LENGTH
}

function endOfLine(text: string, at: number): number {
  const lineFeed = text.indexOf('\n', at)
  return lineFeed < 0 ? text.length : lineFeed
}

/** Where the last of the lines ends that continue the one that ends at `lineFeed` (RFC 9112 §5.2). */
function endOfFolds(text: string, lineFeed: number): number {
  while (isFold(text.charCodeAt(lineFeed + 1))) lineFeed = endOfLine(text, lineFeed + 1)
  return lineFeed
}

function unfolded(value: string): string {
  return value.includes('\n') ? value.replace(/\r?\n[ \t]+/g, ' ') : value
}

/** Where the space after the method is; −1 when there is no method. */
function endOfMethod(text: string, lineEnd: number): number {
  const space = text.indexOf(' ')
  return space > 0 && space < lineEnd && space <= LONGEST_METHOD && METHOD.test(text.slice(0, space))
    ? space
    : -1
}

function isVersion(text: string, at: number): boolean {
  return text.startsWith('HTTP/1.', at) && isDigit(text.charCodeAt(at + 7))
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= 0x39
}

function isBeforeValue(code: number): boolean {
  return code === COLON || code === SPACE || code === TAB
}

function isFold(code: number): boolean {
  return code === SPACE || code === TAB
}

/** Index after the first `mark`; 0 when there is none. */
function indexAfter(window: Buffer, mark: string): number {
  const at = window.indexOf(mark, 0, 'latin1')
  return at < 0 ? 0 : at + mark.length
}

const CONTENT_TYPE = 'content-type'
export const NO_LENGTH = -1
export const BAD_LENGTH = -2
export const LONGEST_METHOD = 32
/** Heads up to this length are cut out before their end is known, which is the fastest way to find it. */
const SHORT_HEAD = 2048
/** Further fields are not shown. */
const MOST_FIELDS = 2000
const DIGITS = /^\d{1,15}$/
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const ZERO = 0x30
const LOWER_C = 0x63
const LOWER_T = 0x74
const LOWER_U = 0x75
const LOWER_X = 0x78
