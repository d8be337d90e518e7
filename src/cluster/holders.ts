/**
 * From when to when somebody has an address. Neither is known exactly: Kubernetes tells times in whole seconds, and changes
 * some time after they have happened. Times are ms since the epoch.
 */
export interface Holding<Who> {
  readonly who: Who
  /** Not before. */
  readonly begin: number
  /** By then it had it for certain. */
  seen: number
  /** Until then it had it for certain, once it has ended … */
  endLow: number
  /** … and from then on it had it no more. Infinity while it has it. */
  endHigh: number
}

/** Who had an address, one after another. */
export class Holders<Who> {
  /** In the order in which they have had it: that in which they were told of, where their times do not say otherwise. */
  readonly #list: Holding<Who>[] = []

  get size(): number {
    return this.#list.length
  }

  /** The last that has had it. */
  get last(): Holding<Who> | undefined {
    return this.#list.at(-1)
  }

  begin({ who, begin, seen }: Pick<Holding<Who>, 'who' | 'begin' | 'seen'>): Holding<Who> {
    const holding = { who, begin, seen: Math.max(seen, begin), endLow: Infinity, endHigh: Infinity }
    let at = this.#list.length
    // Of what is listed, the one that has it now may come before those that have had it.
    while (at > 0 && holding.seen < (this.#list[at - 1] as Holding<Who>).begin) at--
    this.#list.splice(at, 0, holding)
    return holding
  }

  remove(holding: Holding<Who>): void {
    const at = this.#list.indexOf(holding)
    if (at >= 0) this.#list.splice(at, 1)
  }

  [Symbol.iterator](): IterableIterator<Holding<Who>> {
    return this.#list.values()
  }

  /**
   * The only one that can have had it then, where one comes after another; undefined when there was nobody, or when it may have
   * been either of two.
   */
  only(atMs: number): Holding<Who> | undefined {
    const list = this.#list
    let found: Holding<Who> | undefined
    let nextSeen = Infinity
    for (let at = list.length - 1; at >= 0; at--) {
      const holding = list[at] as Holding<Who>
      const end = Math.min(holding.endHigh, nextSeen)
      if (atMs < end && atMs >= beginOf(holding, list[at - 1])) {
        if (found !== undefined) return undefined
        found = holding
      }
      nextSeen = Math.min(nextSeen, holding.seen)
    }
    return found
  }

  /** All that may have had it then, where several can. */
  all(atMs: number): Holding<Who>[] {
    return this.#list.filter(({ begin, endHigh }) => atMs >= begin && atMs < endHigh)
  }
}

/** Nobody begins before the one before has ended; where one was seen to have it by then, that end was told too late. */
function beginOf<Who>({ begin, seen }: Holding<Who>, before: Holding<Who> | undefined): number {
  return before === undefined || before.endLow > seen ? begin : Math.max(begin, before.endLow)
}
