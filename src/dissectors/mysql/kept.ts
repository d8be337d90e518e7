import { u32le } from '../../bytes/read.ts'

/** The first bytes of something that comes in pieces, as many as are wanted. Grows with what comes, not with what is announced. */
export class Kept {
  length = 0
  /** Something was left out. */
  isCut = false
  readonly #limit: number
  #bytes: Uint8Array = NOTHING

  constructor(limit: number) {
    this.#limit = limit
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.#limit - this.length
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const length = Math.min(end - start, this.room)
    if (length < end - start) this.isCut = true
    if (length <= 0) return
    this.#makeRoom(length)
    this.#bytes.set(bytes.subarray(start, start + length), this.length)
    this.length += length
  }

  /** Adds `bytes[start, end)` with its length in front, whole or not at all. After one that did not fit none is added. */
  addPacket(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.isCut || length + LENGTH > this.room) {
      this.isCut = true
      return
    }
    this.#makeRoom(length + LENGTH)
    for (let at = 0; at < LENGTH; at++) this.#bytes[this.length + at] = (length >>> (8 * at)) & 0xff
    this.length += LENGTH
    this.add(bytes, start, end)
  }

  /** What `addPacket` has added, as places in `bytes`. */
  *packets(): Generator<{ readonly start: number; readonly end: number }> {
    for (let at = 0; at + LENGTH <= this.length; ) {
      const start = at + LENGTH
      const end = start + u32le(this.#bytes, at)
      yield { start, end }
      at = end
    }
  }

  #makeRoom(length: number): void {
    const needed = this.length + length
    if (needed <= this.#bytes.length) return
    const generous = Math.max(this.length * 2, SMALLEST)
    const larger = new Uint8Array(Math.max(needed, Math.min(this.#limit, generous)))
    larger.set(this.bytes)
    this.#bytes = larger
  }
}

const NOTHING = new Uint8Array(0)
const LENGTH = 4
const SMALLEST = 256
