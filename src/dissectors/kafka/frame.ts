import { copyOf, i32 } from '../../bytes/read.ts'
import type { DissectContext, Instant } from '../../dissect/dissector.ts'
import type { Span } from './payload.ts'

/** A message as it is on the wire: its length, then so many bytes. */
export interface Frame {
  /** From the length on: all, or what is kept. */
  readonly bytes: Uint8Array
  /** What the length says: bytes after it. */
  readonly size: number
  /** Bytes of records that were left out of `bytes`, which say so where they were: they are shorter there. */
  readonly omitted: number
  /** When the first byte came. */
  readonly since: Instant
  /** Some of it was not captured. */
  readonly incomplete: boolean
}

/**
 * A frame whose bytes are still coming, or too many. Of a long one the beginning is kept, and then of the records of
 * each partition only a little, so that what is said of all of them is there.
 */
export class OpenFrame {
  readonly since: Instant
  readonly #total: number
  /** So much is kept in the end … */
  readonly #longest: number
  /** … and so much before it is looked at what need not be. */
  #most: number
  #taken = 0
  #kept = 0
  #omitted = 0
  /** Values that were walked over to find records: from the beginning, each time. */
  #walked = 0
  #buffer: Uint8Array = NOTHING
  #incomplete = false

  constructor(bytes: Uint8Array, start: number, { seconds, nanos }: Instant, context: DissectContext) {
    this.#total = 4 + i32(bytes, start)
    this.#most = Math.min(this.#total, longestKept(context))
    this.#longest = Math.min(this.#total, longestKept(context) * 2)
    this.since = { seconds, nanos }
  }

  /** Bytes that are held here. */
  get held(): number {
    return this.#buffer.length
  }

  get left(): number {
    return this.#total - this.#taken
  }

  /** Takes as much as is kept for now from the beginning of these bytes; returns how many. */
  take(bytes: Uint8Array, start: number, end: number): number {
    const taken = Math.min(this.left, end - start, this.#most - this.#kept)
    if (this.#kept + taken > this.#buffer.length) this.#grow(this.#kept + taken)
    this.#buffer.set(bytes.subarray(start, start + taken), this.#kept)
    this.#kept += taken
    this.#taken += taken
    return taken
  }

  /**
   * How many of the next bytes pass by unseen, now that as much is kept as was to be. `recordsIn` finds the last
   * records in what is kept.
   */
  pass(recordsIn: (kept: Frame) => Span | undefined): number {
    if (this.left === 0 || (this.#kept < this.#most && !this.#incomplete)) return 0
    const isEnough = this.#most === this.#longest || this.#walked > this.#longest * MOST_WALKED
    if (this.#incomplete || isEnough) return this.#passed(this.left)
    this.#most = Math.min(this.#most + ROOM, this.#longest)
    const records = recordsIn(this.#frame(this.#buffer.subarray(0, this.#kept)))
    if (records === undefined) return this.#passed(this.left)
    this.#walked += records.behind
    if (records.end <= this.#kept) return 0
    const passed = records.end - this.#kept
    shorten(this.#buffer, records, this.#kept)
    this.#omitted += passed
    return this.#passed(passed)
  }

  /** `length` bytes were lost; returns how many of them were the frame's. What comes after them is not kept. */
  lose(length: number): number {
    this.#incomplete = true
    return this.#passed(Math.min(this.left, length))
  }

  close(): Frame {
    const isFull = this.#kept === this.#buffer.length
    return this.#frame(isFull ? this.#buffer : copyOf(this.#buffer, 0, this.#kept))
  }

  #frame(bytes: Uint8Array): Frame {
    return {
      bytes,
      size: this.#total - 4,
      omitted: this.#omitted,
      since: this.since,
      incomplete: this.#incomplete || this.left > 0,
    }
  }

  #passed(length: number): number {
    this.#taken += length
    return length
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.min(this.#most, Math.max(needed, this.#buffer.length * 2)))
    larger.set(this.#buffer.subarray(0, this.#kept))
    this.#buffer = larger
  }
}

/** A frame that is all here; undefined when it is not, or is longer than what is kept. */
export function frameAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  { seconds, nanos }: Instant,
  context: DissectContext,
): Frame | undefined {
  const size = i32(bytes, start)
  if (4 + size > Math.min(end - start, longestKept(context))) return undefined
  const kept = copyOf(bytes, start, start + 4 + size)
  return { bytes: kept, size, omitted: 0, since: { seconds, nanos }, incomplete: false }
}

/** Writes into the length of records that they end at `end`. */
function shorten(bytes: Uint8Array, { lengthAt, start, isCompact }: Span, end: number): void {
  if (!isCompact) {
    new DataView(bytes.buffer, bytes.byteOffset + lengthAt, 4).setInt32(0, end - start)
    return
  }
  let rest = end - start + 1
  for (let at = lengthAt; at < start; at++) {
    // In as many bytes as before: the last ones may say nothing.
    bytes[at] = (rest & 0x7f) | (at < start - 1 ? 0x80 : 0)
    rest >>>= 7
  }
}

function longestKept({ wantsBodies, maxBody }: DissectContext): number {
  return wantsBodies ? Math.max(maxBody, LONGEST_HEAD) : LONGEST_HEAD
}

const NOTHING = new Uint8Array(0)
/** Bytes of a message that are kept in any case: what it is about, and most messages as a whole. */
const LONGEST_HEAD = 64 << 10
/** Bytes that are kept after records that were left out: what is said of the next partition. */
const ROOM = 512
/** Values that may be walked over for each byte that is kept. */
const MOST_WALKED = 2
