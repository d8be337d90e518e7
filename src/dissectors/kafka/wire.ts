import { u8, u16, u32 } from '../../bytes/read.ts'
import { base64, isAscii, latin1, utf8Text } from '../../bytes/text.ts'

/**
 * A place in the bytes of a message, which may be cut: `end` is as far as they are here, `limit` where the message
 * ends. What cannot be read is 0, "" or null, and from then on everything is: whoever reads looks at `state` once
 * in a while.
 */
export class Wire {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
  readonly limit: number
  /** `cut`: the next bytes are not here. `bad`: no message has these. */
  state: 'good' | 'cut' | 'bad' = 'good'

  constructor(bytes: Uint8Array, start: number, end: number, limit = end) {
    this.bytes = bytes
    this.at = start
    this.end = end
    this.limit = limit
  }

  get isAtEnd(): boolean {
    return this.at === this.limit
  }

  int8(): number {
    return this.#has(1) ? (u8(this.bytes, this.at++) << 24) >> 24 : 0
  }

  int16(): number {
    if (!this.#has(2)) return 0
    this.at += 2
    return (u16(this.bytes, this.at - 2) << 16) >> 16
  }

  uint16(): number {
    return this.int16() & 0xffff
  }

  int32(): number {
    return this.uint32() | 0
  }

  uint32(): number {
    if (!this.#has(4)) return 0
    this.at += 4
    return u32(this.bytes, this.at - 4)
  }

  /** Exact up to 2^53, like all numbers of scripts. */
  int64(): number {
    if (!this.#has(8)) return 0
    this.at += 8
    return (u32(this.bytes, this.at - 8) | 0) * 2 ** 32 + u32(this.bytes, this.at - 4)
  }

  float64(): number {
    if (!this.#has(8)) return 0
    this.at += 8
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at - 8, 8).getFloat64(0)
  }

  /** Seven bits a byte, the lowest first: lengths in flexible versions, and tags. */
  unsignedVarint(): number {
    const value = this.#varint(LONGEST_VARINT)
    if (value > MOST_UNSIGNED) this.state = 'bad'
    return value
  }

  /** The same, with the sign in the lowest bit: in records. */
  varint(): number {
    const value = this.#varint(LONGEST_VARLONG)
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Steps over `length` bytes; returns where they begin. */
  skip(length: number): number {
    const start = this.at
    if (!this.#has(length)) return this.end
    this.at += length
    return start
  }

  /** Length of a string, or −1 for null. */
  stringLength(isFlexible: boolean): number {
    return this.#checked(isFlexible ? this.unsignedVarint() - 1 : this.int16())
  }

  /** Of bytes. */
  bytesLength(isFlexible: boolean): number {
    return this.#checked(isFlexible ? this.unsignedVarint() - 1 : this.int32())
  }

  /** Elements of an array; each takes a byte at least. */
  count(isFlexible: boolean): number {
    return this.bytesLength(isFlexible)
  }

  text(length: number): string {
    const start = this.skip(length)
    return textOf(this.bytes, start, this.at)
  }

  /** 16 bytes as Kafka prints them: URL-safe base64 without padding. */
  uuid(): string {
    const start = this.skip(16)
    if (this.state !== 'good') return ''
    return base64(this.bytes, start, this.at).slice(0, 22).replaceAll('+', '-').replaceAll('/', '_')
  }

  #varint(longest: number): number {
    let value = 0
    let shift = 1
    for (let count = 0; count < longest; count++) {
      if (!this.#has(1)) return 0
      const byte = u8(this.bytes, this.at++)
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
      shift *= 128
    }
    this.state = 'bad'
    return 0
  }

  /** Null, or so much as the message has room for. */
  #checked(length: number): number {
    if (this.state !== 'good') return -1
    if (length < -1 || length > this.limit - this.at) this.state = 'bad'
    return this.state === 'good' ? length : -1
  }

  #has(length: number): boolean {
    if (this.state !== 'good') return false
    if (this.at + length <= this.end) return true
    this.state = this.at + length > this.limit ? 'bad' : 'cut'
    this.at = this.end
    return false
  }
}

/** UTF-8; bytes that are not become U+FFFD. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return isAscii(bytes, start, end) ? latin1(bytes, start, end) : utf8Text(bytes, start, end)
}

const LONGEST_VARINT = 5
const LONGEST_VARLONG = 10
const MOST_UNSIGNED = 0xffffffff
