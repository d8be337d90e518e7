import { copyOf, i32 } from '../../bytes/read.ts'
import type { DissectContext, Instant } from '../../dissect/dissector.ts'

/** A message as it is on the wire: its length, then so many bytes. Of long ones the beginning is kept. */
export interface Frame {
  /** From the length on: all, or as much as is kept. */
  readonly bytes: Uint8Array
  /** What the length says: bytes after it. */
  readonly size: number
  /** When the first byte came. */
  readonly since: Instant
  /** Some of it was not captured. */
  readonly incomplete: boolean
}

/** A frame whose bytes are still coming. */
export class OpenFrame {
  readonly since: Instant
  readonly #total: number
  readonly #most: number
  #taken = 0
  #kept = 0
  #buffer: Uint8Array = NOTHING
  #incomplete = false

  constructor(bytes: Uint8Array, start: number, { seconds, nanos }: Instant, context: DissectContext) {
    this.#total = 4 + i32(bytes, start)
    this.#most = Math.min(this.#total, longestKept(context))
    this.since = { seconds, nanos }
  }

  /** Bytes that are held here. */
  get held(): number {
    return this.#buffer.length
  }

  get left(): number {
    return this.#total - this.#taken
  }

  get isLong(): boolean {
    return this.#kept === this.#most || this.#incomplete
  }

  /** Takes what belongs to the frame from the beginning of these bytes; returns how many. */
  take(bytes: Uint8Array, start: number, end: number): number {
    const taken = Math.min(this.left, end - start)
    const kept = this.#incomplete ? 0 : Math.min(this.#most - this.#kept, taken)
    if (this.#kept + kept > this.#buffer.length) this.#grow(this.#kept + kept)
    this.#buffer.set(bytes.subarray(start, start + kept), this.#kept)
    this.#kept += kept
    this.#taken += taken
    return taken
  }

  /** The rest passes by unseen. Returns how long it is. */
  passRest(): number {
    const { left } = this
    this.#taken = this.#total
    return left
  }

  /** `length` bytes were lost; returns how many of them were the frame's. What comes after them is not kept. */
  lose(length: number): number {
    const lost = Math.min(this.left, length)
    this.#taken += lost
    this.#incomplete = true
    return lost
  }

  close(): Frame {
    return {
      bytes: this.#kept === this.#buffer.length ? this.#buffer : copyOf(this.#buffer, 0, this.#kept),
      size: this.#total - 4,
      since: this.since,
      incomplete: this.#incomplete || this.left > 0,
    }
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.min(this.#most, Math.max(needed, this.#buffer.length * 2)))
    larger.set(this.#buffer.subarray(0, this.#kept))
    this.#buffer = larger
  }
}

/** A frame that is all here. */
export function frameAt(
  bytes: Uint8Array,
  start: number,
  { seconds, nanos }: Instant,
  context: DissectContext,
): Frame {
  const size = i32(bytes, start)
  const kept = Math.min(4 + size, longestKept(context))
  return {
    bytes: copyOf(bytes, start, start + kept),
    size,
    since: { seconds, nanos },
    incomplete: false,
  }
}

function longestKept({ wantsBodies, maxBody }: DissectContext): number {
  return wantsBodies ? Math.max(maxBody, LONGEST_HEAD) : LONGEST_HEAD
}

const NOTHING = new Uint8Array(0)
/** Bytes of a message that are kept in any case: what it is about, and most messages as a whole. */
const LONGEST_HEAD = 64 << 10
