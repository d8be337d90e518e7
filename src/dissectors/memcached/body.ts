import { type Octets, octets } from '../../bytes/octets.ts'

/** Data of a known length: the first of it is kept. */
export class Body {
  /** Bytes still to come. */
  left: number
  kept: Octets = ''
  isWhole = true
  readonly #limit: number

  constructor(length: number, limit: number) {
    this.left = length
    this.#limit = limit
  }

  /** Takes what is here; returns how much that is. */
  take(bytes: Uint8Array, start: number, end: number): number {
    const taken = Math.min(this.left, end - start)
    const wanted = Math.min(taken, this.#limit - this.kept.length)
    if (wanted > 0) this.kept += octets(bytes, start, start + wanted)
    this.left -= taken
    return taken
  }

  /** Some of it is lost, and nothing behind that is kept; returns how much. */
  miss(length: number): number {
    const missed = Math.min(this.left, length)
    this.left -= missed
    if (missed > 0) this.isWhole = false
    return missed
  }
}
