/** Entries that came to this browser, and those that matched and did not, in the last minute. */
export class Delivery {
  readonly #seconds = new Map<number, { shown: number; dropped: number }>()

  /** A message came with so many entries, and said that so many before it were left out. */
  note(shown: number, dropped: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    const sum = this.#seconds.get(second) ?? { shown: 0, dropped: 0 }
    this.#seconds.set(second, { shown: sum.shown + shown, dropped: sum.dropped + dropped })
    for (const old of this.#seconds.keys()) if (old <= second - SECONDS) this.#seconds.delete(old)
  }

  lastMinute(nowMs: number): { readonly shown: number; readonly dropped: number } {
    const since = Math.floor(nowMs / 1000) - SECONDS
    const recent = [...this.#seconds].filter(([second]) => second > since).map(([, sum]) => sum)
    return {
      shown: recent.reduce((all, { shown }) => all + shown, 0),
      dropped: recent.reduce((all, { dropped }) => all + dropped, 0),
    }
  }
}

const SECONDS = 60
