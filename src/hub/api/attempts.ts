/** How often each address has failed lately. Remembers so many addresses, the newest. */
export class Attempts {
  readonly #failed = new Map<string, { count: number; readonly since: number }>()
  readonly #most: number
  readonly #perMs: number

  constructor({ most, perMs }: { readonly most: number; readonly perMs: number }) {
    this.#most = most
    this.#perMs = perMs
  }

  /** Counts one more. Whether they were too many already. */
  fail(address: string, nowMs: number): boolean {
    const before = this.#failed.get(address)
    const isRecent = before !== undefined && nowMs - before.since < this.#perMs
    const attempt = isRecent ? before : { count: 0, since: nowMs }
    this.#failed.delete(address)
    this.#failed.set(address, attempt)
    if (this.#failed.size > MOST_ADDRESSES) this.#forgetOldest()
    return ++attempt.count > this.#most
  }

  #forgetOldest(): void {
    for (const address of this.#failed.keys()) {
      this.#failed.delete(address)
      return
    }
  }
}

const MOST_ADDRESSES = 10_000
