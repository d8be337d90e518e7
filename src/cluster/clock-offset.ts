/**
 * How far the clock of whoever tells of changes is behind ours. Each was told before it came here, so the shortest way that one
 * took is near to the difference of the clocks; changes that are told anew say nothing, as they took longer.
 */
export class ClockOffset {
  readonly #ways: number[] = []
  #next = 0

  /** A change of `at` by their clock came at `now` by ours, ms. */
  note(at: number, now: number): void {
    this.#ways[this.#next] = now - at
    this.#next = (this.#next + 1) % MOST_WAYS
  }

  /** ms to add to their times; 0 while the clocks agree as far as one can tell. */
  get ms(): number {
    const shortest = Math.min(...this.#ways)
    // What comes before it was told has certainly been told by a clock that is ahead.
    return shortest < 0 || (shortest >= LEAST_OFFSET_MS && shortest < Infinity) ? shortest : 0
  }
}

const MOST_WAYS = 256
/** No more than news may take on its way. */
const LEAST_OFFSET_MS = 300
