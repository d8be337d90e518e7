import { u8, u16le, u24le, u32le } from '../../bytes/read.ts'
import { latin1, textOf } from '../../bytes/text.ts'

/**
 * Reads the fields of a packet one after another (MySQL's protocol basics: integers, strings). Past the end numbers are 0
 * and texts empty, and `isBroken` says so.
 */
export class Cursor {
  readonly bytes: Uint8Array
  readonly end: number
  at: number
  isBroken = false

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  u8(): number {
    return this.#has(1) ? u8(this.bytes, this.at++) : 0
  }

  u16(): number {
    if (!this.#has(2)) return 0
    this.at += 2
    return u16le(this.bytes, this.at - 2)
  }

  u24(): number {
    if (!this.#has(3)) return 0
    this.at += 3
    return u24le(this.bytes, this.at - 3)
  }

  u32(): number {
    if (!this.#has(4)) return 0
    this.at += 4
    return u32le(this.bytes, this.at - 4)
  }

  /** Above 2^53 as near as a number gets. */
  u64(): number {
    const low = this.u32()
    return this.u32() * 2 ** 32 + low
  }

  /** `int<lenenc>`; `NULL` where a row has no value. */
  lenenc(): number {
    const first = this.u8()
    switch (first) {
      case 0xfb:
        return NULL
      case 0xfc:
        return this.u16()
      case 0xfd:
        return this.u24()
      case 0xfe:
        return this.u64()
      case 0xff:
        this.isBroken = true
        return 0
      default:
        return first
    }
  }

  skip(length: number): void {
    if (this.#has(length)) this.at += length
  }

  /** Steps over a `string<lenenc>`. */
  skipText(): void {
    this.skip(Math.max(0, this.lenenc()))
  }

  /** `string<lenenc>`; undefined for NULL. */
  value(): string | undefined {
    const length = this.lenenc()
    return length === NULL ? undefined : this.text(length)
  }

  /** `string<fix>` */
  text(length: number): string {
    if (!this.#has(length)) return ''
    this.at += length
    return textOf(this.bytes, this.at - length, this.at)
  }

  /** `string<NUL>`; without a NUL it is broken. */
  nulText(): string {
    const start = this.at
    let end = start
    while (end < this.end && this.bytes[end] !== 0) end++
    if (end === this.end) {
      this.at = end
      this.isBroken = true
      return ''
    }
    this.at = end + 1
    return textOf(this.bytes, start, end)
  }

  /** `string<EOF>`, which old servers may end with a NUL. */
  rest(): string {
    const start = this.at
    this.at = this.end
    const end = this.end > start && this.bytes[this.end - 1] === 0 ? this.end - 1 : this.end
    return textOf(this.bytes, start, end)
  }

  /** So many characters of ASCII. */
  ascii(length: number): string {
    if (!this.#has(length)) return ''
    this.at += length
    return latin1(this.bytes, this.at - length, this.at)
  }

  #has(length: number): boolean {
    if (length <= this.end - this.at) return true
    this.at = this.end
    this.isBroken = true
    return false
  }
}

/** In the place of a length: there is no value. */
export const NULL = -1
