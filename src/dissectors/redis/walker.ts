import { u8 } from '../../bytes/read.ts'

/** Bytes of one string that are kept; the rest passes by unread. */
export const LONGEST_VALUE = 64 << 10
/** Arrays in arrays. Replies of Redis itself stay below ten, Lua scripts may nest further. */
export const DEEPEST = 64
/** Longest string that a server accepts as it is delivered (`proto-max-bulk-len`). */
const LONGEST_BULK = 512 << 20
/** Most elements that an aggregate may announce; they are counted, not allotted. */
const MOST_ELEMENTS = 0x7fffffff
/** Longest status, error or number. */
const LONGEST_LINE = 64 << 10

/**
 * Walks over one RESP value after another (RESP2 and RESP3) and finds where each ends, without building anything. It
 * may stop after any token and goes on from there, so a value in a thousand segments is still read once.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class Walker {
  /** Where the walk stopped: the tokens before it are whole. */
  at = 0
  /** After `more`: bytes needed from `at` on. */
  need = 0
  /** After `long`: bytes of the string, with its line end, that were not walked over and are to be skipped. */
  rest = 0
  /** After `invalid`. */
  reason = ''
  /** Elements still to come of each value that is open; `STREAMED` ends with `.`, `CHUNKS` with `;0`. */
  readonly #left: number[] = []
  readonly #onlyStrings: boolean
  /** Bytes of the line at `at` that were searched for its end before. */
  #searched = 0
  #number = 0

  /** With `onlyStrings` elements must be strings, as they are in commands. */
  constructor(onlyStrings: boolean) {
    this.#onlyStrings = onlyStrings
  }

  /** Between values: nothing is open. */
  get isBetween(): boolean {
    return this.#left.length === 0
  }

  /**
   * `whole`: the value ends at `at`. `long`: at `at` a long string was cut short and `rest` bytes are to be skipped;
   * the value is whole then if the walker is between values. `more`: `need` bytes are needed from `at` on.
   */
  walk(bytes: Uint8Array, start: number, end: number): 'whole' | 'long' | 'more' | 'invalid' {
    this.at = start
    while (this.at < end) {
      const outcome = this.#token(bytes, end)
      if (outcome !== 'next') return outcome
    }
    return this.#more(1)
  }

  #token(bytes: Uint8Array, end: number): 'next' | 'whole' | 'long' | 'more' | 'invalid' {
    const type = u8(bytes, this.at)
    if (this.#onlyStrings && type !== (this.isBetween ? ARRAY : BULK))
      return this.#invalid('a command is an array of strings')
    if (this.#left.at(-1) === CHUNKS && type !== CHUNK)
      return this.#invalid('a streamed string consists of chunks')
    switch (type) {
      case BULK:
      case BULK_ERROR:
      case VERBATIM:
        return this.#string(bytes, end)
      case ARRAY:
      case SET:
      case PUSH:
        return this.#aggregate(bytes, end, 1, 0)
      case MAP:
        return this.#aggregate(bytes, end, 2, 0)
      case ATTRIBUTE:
        // Stands before the value that it describes, which thus is its last element.
        return this.#aggregate(bytes, end, 2, 1)
      case CHUNK:
        return this.#chunk(bytes, end)
      case STREAM_END:
        return this.#streamEnd(bytes, end)
      case INTEGER:
      case SIMPLE:
      case ERROR:
      case DOUBLE:
      case BOOLEAN:
      case NULL:
      case BIG_NUMBER:
        return this.#line(bytes, end)
      default:
        return this.#invalid('unknown type of value')
    }
  }

  #line(bytes: Uint8Array, end: number): 'next' | 'whole' | 'more' | 'invalid' {
    const { at } = this
    const longest = Math.min(end, at + LONGEST_LINE)
    let lineEnd = at + 1 + this.#searched
    while (lineEnd < longest && u8(bytes, lineEnd) !== CR && u8(bytes, lineEnd) !== LF) lineEnd++
    if (lineEnd + 1 >= longest) {
      if (longest < end) return this.#invalid('line too long')
      if (lineEnd < longest && u8(bytes, lineEnd) === LF) return this.#invalid('line without CR')
      this.#searched = lineEnd - at - 1
      return this.#more(end - at + 1)
    }
    this.#searched = 0
    if (u8(bytes, lineEnd) !== CR || u8(bytes, lineEnd + 1) !== LF) return this.#invalid('line end in a line')
    if (!isScalar(bytes, at, lineEnd)) return this.#invalid('not a value of its type')
    return this.#pass(lineEnd + 2)
  }

  #string(bytes: Uint8Array, end: number): 'next' | 'whole' | 'long' | 'more' | 'invalid' {
    const body = this.#header(bytes, end)
    if (body < 0) return body === CUT ? this.#moreOfHeader(end) : this.#invalid('bad length')
    const length = this.#number
    if (length === -1 && !this.#onlyStrings) return this.#pass(body)
    if (length === UNTOLD && !this.#onlyStrings) return this.#open(body, CHUNKS)
    if (length < 0 || length > LONGEST_BULK) return this.#invalid('bad length')
    return this.#body(bytes, end, body, length)
  }

  #body(
    bytes: Uint8Array,
    end: number,
    body: number,
    length: number,
  ): 'next' | 'whole' | 'long' | 'more' | 'invalid' {
    const kept = body + Math.min(length, LONGEST_VALUE)
    const last = length > LONGEST_VALUE ? kept : kept + 2
    if (last > end) return this.#more(last - this.at)
    if (length > LONGEST_VALUE) {
      this.rest = length - LONGEST_VALUE + 2
      this.#pass(last)
      return 'long'
    }
    if (u8(bytes, kept) !== CR || u8(bytes, kept + 1) !== LF) return this.#invalid('string without an end')
    return this.#pass(last)
  }

  #aggregate(
    bytes: Uint8Array,
    end: number,
    each: number,
    more: number,
  ): 'next' | 'whole' | 'more' | 'invalid' {
    const first = this.#header(bytes, end)
    if (first < 0) return first === CUT ? this.#moreOfHeader(end) : this.#invalid('bad count')
    const count = this.#number
    if (count === UNTOLD && more === 0 && !this.#onlyStrings) return this.#open(first, STREAMED)
    if (count < -1 || count > MOST_ELEMENTS) return this.#invalid('bad count')
    const elements = count * each + more
    if (elements <= 0) return this.#pass(first)
    return this.#open(first, elements)
  }

  #chunk(bytes: Uint8Array, end: number): 'next' | 'whole' | 'long' | 'more' | 'invalid' {
    if (this.#left.at(-1) !== CHUNKS) return this.#invalid('chunk outside of a string')
    const body = this.#header(bytes, end)
    if (body < 0) return body === CUT ? this.#moreOfHeader(end) : this.#invalid('bad length')
    if (this.#number < 0 || this.#number > LONGEST_BULK) return this.#invalid('bad length')
    if (this.#number > 0) return this.#body(bytes, end, body, this.#number)
    this.#left.pop()
    return this.#pass(body)
  }

  #streamEnd(bytes: Uint8Array, end: number): 'next' | 'whole' | 'more' | 'invalid' {
    if (this.#left.at(-1) !== STREAMED) return this.#invalid('end of something not begun')
    if (end - this.at < 3) return this.#more(3)
    if (u8(bytes, this.at + 1) !== CR || u8(bytes, this.at + 2) !== LF) return this.#invalid('bad end')
    this.#left.pop()
    return this.#pass(this.at + 3)
  }

  #open(at: number, elements: number): 'next' | 'invalid' {
    if (this.#left.length === DEEPEST) return this.#invalid('nested too deeply')
    this.#left.push(elements)
    this.at = at
    return 'next'
  }

  /** An element ended at `at`, and with it perhaps all that it was the last element of. */
  #pass(at: number): 'next' | 'whole' {
    this.at = at
    const left = this.#left
    while (left.length > 0) {
      const last = left.length - 1
      const elements = left[last] as number
      if (elements < 0) return 'next'
      if (elements > 1) {
        left[last] = elements - 1
        return 'next'
      }
      left.pop()
    }
    return 'whole'
  }

  /** Reads the number after the type byte into `#number`. Returns where the line ends, `CUT` or `BROKEN`. */
  #header(bytes: Uint8Array, end: number): number {
    let at = this.at + 1
    if (at < end && u8(bytes, at) === QUESTION) {
      this.#number = UNTOLD
      return lineEndAt(bytes, at + 1, end)
    }
    const negative = at < end && u8(bytes, at) === MINUS
    if (negative) at++
    const first = at
    let number = 0
    while (at < end && isDigit(u8(bytes, at)) && at - first < MOST_DIGITS)
      number = number * 10 + u8(bytes, at++) - ZERO
    if (at === end) return CUT
    if (at === first || (negative && number !== 1)) return BROKEN
    this.#number = negative ? -1 : number
    return lineEndAt(bytes, at, end)
  }

  #more(need: number): 'more' {
    this.need = need
    return 'more'
  }

  #moreOfHeader(end: number): 'more' {
    return this.#more(end - this.at + 1)
  }

  #invalid(reason: string): 'invalid' {
    this.reason = reason
    return 'invalid'
  }
}

/** Past the CRLF at `at`, or `CUT`, or `BROKEN` when something else stands there. */
function lineEndAt(bytes: Uint8Array, at: number, end: number): number {
  if (at < end && u8(bytes, at) !== CR) return BROKEN
  if (at + 1 < end && u8(bytes, at + 1) !== LF) return BROKEN
  return at + 1 < end ? at + 2 : CUT
}

/** `[at, end)` is a type byte and what may follow it on its line. */
export function isScalar(bytes: Uint8Array, at: number, end: number): boolean {
  const first = u8(bytes, at + 1)
  switch (u8(bytes, at)) {
    case INTEGER:
    case BIG_NUMBER:
      return isInteger(bytes, at + 1, end)
    case DOUBLE:
      return isDouble(bytes, at + 1, end)
    case BOOLEAN:
      return end - at === 2 && (first === LETTER_T || first === LETTER_F)
    case NULL:
      return end - at === 1
    default:
      return true
  }
}

function isInteger(bytes: Uint8Array, start: number, end: number): boolean {
  const first = u8(bytes, start)
  let at = first === MINUS || first === PLUS ? start + 1 : start
  if (at >= end) return false
  while (at < end) if (!isDigit(u8(bytes, at++))) return false
  return true
}

/** Also `inf`, `-inf` and `nan`; the order of the characters is not checked. */
function isDouble(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end || end - start > LONGEST_DOUBLE) return false
  for (let at = start; at < end; at++)
    if (!DOUBLE_CHARACTERS.includes(String.fromCharCode(u8(bytes, at)))) return false
  return true
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

/** Type bytes. */
export const SIMPLE = 0x2b // +
export const ERROR = 0x2d // -
export const INTEGER = 0x3a // :
export const BULK = 0x24 // $
export const ARRAY = 0x2a // *
export const NULL = 0x5f // _
export const BOOLEAN = 0x23 // #
export const DOUBLE = 0x2c // ,
export const BIG_NUMBER = 0x28 // (
export const BULK_ERROR = 0x21 // !
export const VERBATIM = 0x3d // =
export const MAP = 0x25 // %
export const SET = 0x7e // ~
export const PUSH = 0x3e // >
export const ATTRIBUTE = 0x7c // |
export const CHUNK = 0x3b // ;
export const STREAM_END = 0x2e // .

export const CR = 0x0d
export const LF = 0x0a
const PLUS = 0x2b
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
export const QUESTION = 0x3f
const LETTER_F = 0x66
const LETTER_T = 0x74
const DOUBLE_CHARACTERS = '0123456789+-.eEinfa'
const LONGEST_DOUBLE = 400
/** Enough for every length and count that is let through. */
const MOST_DIGITS = 10

/** Instead of a number of elements. */
const STREAMED = -1
const CHUNKS = -2
/** Instead of a length or count: `?`. */
const UNTOLD = -2
/** Instead of the place where a header ends. */
const CUT = -1
const BROKEN = -2
