import { u8 } from '../../bytes/read.ts'
import { base64, utf8Text } from '../../bytes/text.ts'

/**
 * Elements of BER as LDAP uses it: tags of one byte and definite lengths (RFC 4511 §5.1). Reads within `[at, end)` and
 * never past it: what is not there, or not as it should be, reads as nothing.
 */
export class BerReader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
  /** Of the element that `next` stepped over. */
  tag = 0
  start = 0
  stop = 0

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Steps over the element that begins here; false when there is none. One that is cut off ends where the bytes end. */
  next(): boolean {
    const header = readHeader(this.bytes, this.at, this.end)
    if (header === undefined) {
      this.at = this.end
      return false
    }
    this.tag = u8(this.bytes, this.at)
    this.start = header.start
    this.stop = Math.min(header.start + header.length, this.end)
    this.at = this.stop
    return true
  }

  /** The same when the element has this tag; otherwise it stays before it. */
  nextIf(tag: number): boolean {
    return this.at < this.end && u8(this.bytes, this.at) === tag && this.next()
  }

  /** What is within the element that was stepped over. */
  inside(): BerReader {
    return new BerReader(this.bytes, this.start, this.stop)
  }

  /** The text of the next element, when it has this tag; else "". */
  text(tag = OCTET_STRING): string {
    return this.nextIf(tag) ? this.content() : ''
  }

  /** The number of the next element, when it has this tag; else 0. */
  number(tag: number): number {
    return this.nextIf(tag) ? this.integer() : 0
  }

  /** UTF-8, as strings of LDAP are. */
  content(): string {
    return utf8Text(this.bytes, this.start, this.stop)
  }

  /** Text, or `{ base64 }` where the bytes are none. */
  value(): Value {
    const text = this.content()
    return BINARY.test(text) ? { base64: base64(this.bytes, this.start, this.stop) } : text
  }

  integer(): number {
    return readInteger(this.bytes, this.start, this.stop)
  }
}

export type Value = string | { readonly base64: string }

/** Where the content of the element at `at` begins and how long it says it is; undefined when that is not (yet) to be seen. */
export function readHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
): { readonly start: number; readonly length: number } | undefined {
  if (at + 2 > end) return undefined
  const first = u8(bytes, at + 1)
  if (first < 0x80) return { start: at + 2, length: first }
  // Active Directory writes all lengths in four bytes; 0x80 alone is an indefinite length, which LDAP forbids.
  const count = first & 0x7f
  if (count === 0 || count > 4 || at + 2 + count > end) return undefined
  let length = 0
  for (let each = 0; each < count; each++) length = length * 256 + u8(bytes, at + 2 + each)
  return { start: at + 2 + count, length }
}

/** Two's complement of up to 32 bits; of more the last ones. */
export function readInteger(bytes: Uint8Array, start: number, stop: number): number {
  let number = start < stop && u8(bytes, start) > 0x7f ? -1 : 0
  for (let at = start; at < stop; at++) number = (number << 8) | u8(bytes, at)
  return number
}

export const BOOLEAN = 0x01
export const INTEGER = 0x02
export const OCTET_STRING = 0x04
export const ENUMERATED = 0x0a
export const SEQUENCE = 0x30
export const SET = 0x31
/** What no text has: bytes that are not UTF-8, and controls that are no white space. */
const BINARY = /[[\p{Cc}\ufffd]--[\s\x7f-\x9f]]/v
