/** What decompression gave: all, or what came out before the bytes ended, broke or became too many. */
export interface Unpacked {
  readonly bytes: Uint8Array
  readonly isWhole: boolean
}

/**
 * How much is made of `length` compressed bytes: a peer must not have us make 30,000 of each that it sends. What repeats
 * itself comes to a hundredth.
 */
export function mostUnpacked(length: number): number {
  return ROOM + length * MOST_RATIO
}

/** Where decompressed bytes gather: at most `limit`. Formats of the LZ77 kind also copy from what is there already. */
export class Output {
  readonly #limit: number
  #buffer: Uint8Array
  length = 0

  constructor(expected: number, limit: number) {
    this.#limit = limit
    this.#buffer = new Uint8Array(Math.min(expected, limit))
  }

  /** False when it became too many: what fits is there. */
  append(bytes: Uint8Array, start: number, end: number): boolean {
    const fits = this.#room(end - start)
    this.#buffer.set(bytes.subarray(start, start + fits), this.length)
    this.length += fits
    return fits === end - start
  }

  /** Repeats `length` bytes that begin `distance` before the end; they may reach into themselves. */
  repeat(distance: number, length: number): boolean {
    if (distance < 1 || distance > this.length) return false
    const fits = this.#room(length)
    const buffer = this.#buffer
    const start = this.length
    if (distance >= fits) buffer.copyWithin(start, start - distance, start - distance + fits)
    else for (let at = start; at < start + fits; at++) buffer[at] = buffer[at - distance] as number
    this.length += fits
    return fits === length
  }

  unpacked(isWhole: boolean): Unpacked {
    return { bytes: this.#buffer.subarray(0, this.length), isWhole }
  }

  #room(wanted: number): number {
    const needed = Math.min(this.length + wanted, this.#limit)
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2)))
      larger.set(this.#buffer.subarray(0, this.length))
      this.#buffer = larger
    }
    return needed - this.length
  }
}

const ROOM = 256 << 10
const MOST_RATIO = 200
