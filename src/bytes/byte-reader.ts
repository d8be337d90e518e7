import { u8, u16, u32 } from './read.ts'

/**
 * Reads values one after another, in network byte order. Past the end they are "" and 0, and `isWhole` becomes false: bad
 * bytes are no exception. Protocols add their own types.
 */
export class ByteReader {
  /** All that was asked for was there and made sense. */
  isWhole = true
  at: number
  protected readonly bytes: Uint8Array
  protected readonly end: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  /** Bytes that are left. */
  get left(): number {
    return this.isWhole ? this.end - this.at : 0
  }

  /** Nothing is left, and nothing was missing. */
  get isExact(): boolean {
    return this.isWhole && this.at === this.end
  }

  octet(): number {
    const at = this.take(1)
    return at < 0 ? 0 : u8(this.bytes, at)
  }

  short(): number {
    const at = this.take(2)
    return at < 0 ? 0 : u16(this.bytes, at)
  }

  long(): number {
    const at = this.take(4)
    return at < 0 ? 0 : u32(this.bytes, at)
  }

  /** Where the next `length` bytes begin; −1 when they are not there, and nothing is from then on. */
  protected take(length: number): number {
    if (!this.isWhole || length > this.end - this.at) {
      this.isWhole = false
      return -1
    }
    this.at += length
    return this.at - length
  }
}
