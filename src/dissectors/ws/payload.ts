import { u8 } from '../../bytes/read.ts'

/** The payload of a message, unmasked, as far as it is kept: its first bytes, up to the first that was not captured. */
export class Payload {
  /** Bytes on the wire, kept or not. */
  size = 0
  #limit: number
  #kept = 0
  #bytes: Uint8Array = NOTHING

  /** Keeps up to `limit` bytes. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Counts `bytes[start, end)` and keeps a copy of what fits, unmasked with `key` turned by `phase` bytes. */
  add(bytes: Uint8Array, start: number, end: number, key: number, phase: number): void {
    this.size += end - start
    const length = Math.min(end - start, this.#limit - this.#kept)
    if (length <= 0) return
    this.#makeRoom(length)
    const target = this.#bytes
    if (key === 0) target.set(bytes.subarray(start, start + length), this.#kept)
    else unmask(bytes, start, target, this.#kept, length, turned(key, phase))
    this.#kept += length
  }

  /** Counts bytes that are not wanted. */
  skip(length: number): void {
    this.size += length
  }

  /** Counts bytes that were not captured; what comes after them is not kept either. */
  lose(length: number): void {
    this.size += length
    this.#limit = this.#kept
  }

  /** Keeps nothing. */
  forget(): void {
    this.#limit = this.#kept = 0
    this.#bytes = NOTHING
  }

  /** No more is kept. */
  get isFull(): boolean {
    return this.#kept >= this.#limit
  }

  /** Not all of it was kept. */
  get isCut(): boolean {
    return this.#kept < this.size
  }

  get kept(): Uint8Array {
    return this.#bytes.subarray(0, this.#kept)
  }

  /** Bytes of memory. */
  get memory(): number {
    return this.#bytes.length
  }

  /** Grows with what has come, not with what was announced. The first piece is often all. */
  #makeRoom(length: number): void {
    const needed = this.#kept + length
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(this.#kept === 0 ? needed : Math.min(needed * 2, this.#limit))
    larger.set(this.kept)
    this.#bytes = larger
  }
}

/** RFC 6455 §5.3 */
export function unmask(
  bytes: Uint8Array,
  start: number,
  target: Uint8Array,
  at: number,
  length: number,
  key: number,
): void {
  const [a, b, c, d] = [key >>> 24, (key >>> 16) & 0xff, (key >>> 8) & 0xff, key & 0xff]
  const fours = length & ~3
  for (let index = 0; index < fours; index += 4) {
    target[at + index] = u8(bytes, start + index) ^ a
    target[at + index + 1] = u8(bytes, start + index + 1) ^ b
    target[at + index + 2] = u8(bytes, start + index + 2) ^ c
    target[at + index + 3] = u8(bytes, start + index + 3) ^ d
  }
  if (length > fours) target[at + fours] = u8(bytes, start + fours) ^ a
  if (length > fours + 1) target[at + fours + 1] = u8(bytes, start + fours + 1) ^ b
  if (length > fours + 2) target[at + fours + 2] = u8(bytes, start + fours + 2) ^ c
}

/** The key as it meets the byte `phase` of a payload. */
function turned(key: number, phase: number): number {
  const bits = (phase & 3) * 8
  return bits === 0 ? key : ((key << bits) | (key >>> (32 - bits))) >>> 0
}

const NOTHING = new Uint8Array(0)
