import { Holders, type Holding } from './holders.ts'

/** Somebody who has an address. */
export interface Claim<Who> {
  readonly who: Who
  /** Not before, ms since the epoch. */
  readonly begin: number
  /** By then for certain. */
  readonly seen: number
}

/** Who has, and had, which address, or address and port. */
export class AddressTable<Who> {
  readonly #holders = new Map<string, Holders<Who>>()

  get(key: string): Holders<Who> | undefined {
    return this.#holders.get(key)
  }

  begin(key: string, claim: Claim<Who>): Holding<Who> {
    let holders = this.#holders.get(key)
    if (holders === undefined) {
      holders = new Holders()
      this.#holders.set(key, holders)
    }
    return holders.begin(claim)
  }

  remove(key: string, holding: Holding<Who>): void {
    const holders = this.#holders.get(key)
    holders?.remove(holding)
    if (holders?.size === 0) this.#holders.delete(key)
  }

  [Symbol.iterator](): IterableIterator<[string, Holders<Who>]> {
    return this.#holders.entries()
  }
}

/** What one object has in a table. */
export class Claims<Who> {
  readonly #table: AddressTable<Who>
  readonly #past: Past
  readonly #live = new Map<string, Holding<Who>>()

  constructor(table: AddressTable<Who>, past: Past) {
    this.#table = table
    this.#past = past
  }

  /** What it has from now on. What it had already it has had since then, unless it is another's by `isSame`. */
  set(claims: ReadonlyMap<string, Claim<Who>>, at: number, isSame: (a: Who, b: Who) => boolean = Object.is) {
    for (const [key, holding] of this.#live) {
      const claim = claims.get(key)
      if (claim !== undefined && isSame(claim.who, holding.who))
        holding.seen = Math.max(holding.begin, Math.min(holding.seen, claim.seen))
      else this.#end(key, holding, at - LATENCY_MS, at)
    }
    for (const [key, claim] of claims)
      if (!this.#live.has(key)) this.#live.set(key, this.#table.begin(key, claim))
  }

  /** It has nothing any more: it had it at least until `low`, and no longer than `high`. */
  end(low: number, high: number): void {
    for (const [key, holding] of this.#live) this.#end(key, holding, low, high)
  }

  #end(key: string, holding: Holding<Who>, low: number, high: number): void {
    this.#live.delete(key)
    holding.endLow = Math.max(low, holding.begin)
    holding.endHigh = Math.max(high, holding.endLow)
    this.#past.add(holding.endHigh, () => this.#table.remove(key, holding))
  }
}

/** What is no more and still asked about: let go of after a time, or when it is too much. */
export class Past {
  readonly #keepMs: number
  readonly #most: number
  #queue: { readonly atMs: number; readonly forget: () => void }[] = []
  #first = 0
  /** Let go of before its time. */
  forgotten = 0

  constructor(keepMs: number, most: number) {
    this.#keepMs = keepMs
    this.#most = most
  }

  get size(): number {
    return this.#queue.length - this.#first
  }

  /** `atMs`: when it ended. */
  add(atMs: number, forget: () => void): void {
    this.#queue.push({ atMs, forget })
    while (this.size > this.#most) {
      this.#forgetFirst()
      this.forgotten++
    }
  }

  /** It is `atMs`. */
  advance(atMs: number): void {
    for (let next = this.#queue[this.#first]; next !== undefined; next = this.#queue[this.#first]) {
      if (next.atMs >= atMs - this.#keepMs) return
      this.#forgetFirst()
    }
  }

  #forgetFirst(): void {
    this.#queue[this.#first++]?.forget()
    if (this.#first < MOST_GONE || this.#first * 2 < this.#queue.length) return
    this.#queue = this.#queue.slice(this.#first)
    this.#first = 0
  }
}

/** What was only seen to have changed has done so shortly before: news takes some tens of milliseconds, and longer on busy machines. */
export const LATENCY_MS = 100
const MOST_GONE = 1024
