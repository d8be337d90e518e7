import { briefCopyOf } from './read.ts'

/** Bytes that come piece by piece. What comes at once is copied once; memory grows with what has come. */
export class Gathered {
  length = 0
  #room: Uint8Array = NOTHING

  /** Adds a copy of `bytes[start, end)`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start
    if (this.length === 0) this.#room = briefCopyOf(bytes, start, end)
    else {
      if (length > this.#room.length) this.#grow(length)
      this.#room.set(bytes.subarray(start, end), this.length)
    }
    this.length = length
  }

  /** A view. */
  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.length)
  }

  #grow(length: number): void {
    const larger = new Uint8Array(Math.max(2 * this.#room.length, length))
    larger.set(this.bytes)
    this.#room = larger
  }
}

const NOTHING = new Uint8Array(0)
