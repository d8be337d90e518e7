import { Wake } from './wake.ts'

/** What comes for one reader, in order, until the signal aborts. Of one that reads too slowly the oldest are dropped. */
export class Incoming<Item> implements AsyncIterable<Item> {
  readonly #signal: AbortSignal
  readonly #most: number
  readonly #wake = new Wake()
  #waiting: Item[] = []

  constructor(signal: AbortSignal, most = Number.POSITIVE_INFINITY) {
    this.#signal = signal
    this.#most = most
  }

  /** Answers how many were dropped for these. */
  push(items: readonly Item[]): number {
    for (const item of items) this.#waiting.push(item)
    const dropped = Math.max(this.#waiting.length - this.#most, 0)
    if (dropped > 0) this.#waiting.splice(0, dropped)
    this.#wake.ring()
    return dropped
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Item> {
    while (!this.#signal.aborted) {
      const items = this.#waiting
      this.#waiting = []
      for (const item of items) {
        if (this.#signal.aborted) return
        yield item
      }
      if (this.#waiting.length === 0) await this.#wake.next(this.#signal)
    }
  }
}
