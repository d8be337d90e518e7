import { copyOf } from '../../bytes/read.ts'

/** Follows a body as it comes, whether it is kept or not. */
export interface BodyWatcher {
  seen(bytes: Uint8Array, start: number, end: number): void
  /** So many bytes were not captured. */
  missed(length: number): void
}

/** The body of a message without its chunk framing: how long it was, and the first bytes of it. */
export class Body {
  /** Bytes that crossed the wire; where some were lost or cut off, as the message declares it. */
  size = 0
  watcher: BodyWatcher | undefined = undefined
  #limit: number
  readonly #expected: number
  readonly #shown: number
  #kept = 0
  #bytes: Uint8Array = NOTHING

  /** Keeps up to `limit` bytes of the `expected` (0 when that is not known), of which `shown` are more than looked into. */
  constructor(limit: number, expected: number, shown = limit) {
    this.#limit = limit
    this.#shown = shown
    this.#expected = expected
  }

  /** Counts `bytes[start, end)` and keeps a copy of what still fits. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.size += end - start
    this.watcher?.seen(bytes, start, end)
    const length = Math.min(end - start, this.#limit - this.#kept)
    if (length <= 0) return
    this.#makeRoom(length)
    this.#bytes.set(bytes.subarray(start, start + length), this.#kept)
    this.#kept += length
  }

  /** Counts bytes that nobody has seen. */
  skip(length: number): void {
    this.size += length
    this.watcher?.missed(length)
  }

  /** No more is kept, nor does anybody follow it. */
  get isFull(): boolean {
    return this.#kept >= this.#limit && this.watcher === undefined
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

  get keptSize(): number {
    return this.#kept
  }

  /** Lets go of what was kept to be looked into. */
  settle(): void {
    if (this.#kept <= this.#shown) return
    this.#bytes = copyOf(this.#bytes, 0, this.#shown)
    this.#kept = this.#shown
  }

  /** Lets go of what was kept; of what is still to come nothing is. */
  drop(): void {
    this.#limit = 0
    this.#kept = 0
    this.#bytes = NOTHING
  }

  /** Grows with what has come, not with what was announced: announcing costs a peer nothing. */
  #makeRoom(length: number): void {
    const needed = this.#kept + length
    if (needed <= this.#bytes.length) return
    const isWhole = needed === this.#expected || (this.#expected === 0 && this.#kept === 0)
    const most = Math.min(this.#limit, this.#expected > 0 ? this.#expected : this.#limit)
    const larger = new Uint8Array(isWhole ? needed : Math.min(needed * 2, most))
    larger.set(this.kept)
    this.#bytes = larger
  }
}

const NOTHING = new Uint8Array(0)
/** Of messages that have none. */
export const NO_BODY: Body = new Body(0, 0)
