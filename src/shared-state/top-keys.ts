import { isNumber, isRecord, LONGEST_KEY, type Shared } from './value.ts'

/**
 * The most frequent keys among any number of them, in bounded memory: the summary of Misra and Gries, which says the same as
 * "space-saving" and, other than that, can be merged with a bound (Agarwal et al., Mergeable Summaries, 2012). A count is
 * never more than what was added, and less by `missed` at most, which is no more than all that was added divided by
 * `MOST_KEYS`: a key that has more than that is there for certain. Up to `MOST_KEYS` different keys all is exact.
 */
export class TopKeys implements Shared {
  readonly kind = 'topk'
  readonly #counts = new Map<string, number>()
  #missed = 0

  get isEmpty(): boolean {
    return this.#counts.size === 0 && this.#missed === 0
  }

  /** By how much a count may be too low, and what a key that is not there may have. */
  get missed(): number {
    return this.#missed
  }

  add(key: string, by: number): void {
    const counts = this.#counts
    counts.set(key, (counts.get(key) ?? 0) + by)
    // Seldom, for it looks at all of them.
    if (counts.size > 2 * MOST_KEYS) this.#shrink()
  }

  /** Notes that so much may be missing of any count. */
  miss(by: number): void {
    this.#missed += by
  }

  merge(part: Shared): void {
    if (!(part instanceof TopKeys)) return
    for (const [key, count] of part.#counts) this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
    this.#missed += part.#missed
    if (this.#counts.size > 2 * MOST_KEYS) this.#shrink()
  }

  /** All counts, as they are: for who adds those of several nodes and shrinks nothing. */
  counts(): Iterable<readonly [key: string, count: number]> {
    return this.#counts
  }

  toJSON(): { missed: number; keys: (string | number)[] } {
    if (this.#counts.size > MOST_KEYS) this.#shrink()
    return { missed: this.#missed, keys: [...this.#counts].flat() }
  }

  /** Takes from each what the first one that has to go has: each key that goes takes as much from all that stay. */
  #shrink(): void {
    const sorted = [...this.#counts.values()].sort((a, b) => b - a)
    const least = sorted[MOST_KEYS] ?? 0
    this.#missed += least
    for (const [key, count] of this.#counts)
      if (count > least) this.#counts.set(key, count - least)
      else this.#counts.delete(key)
  }
}

export function readTopKeys(json: unknown): TopKeys | undefined {
  if (!isRecord(json)) return undefined
  const { missed, keys } = json
  if (!isNumber(missed) || missed < 0 || !Array.isArray(keys) || keys.length > 2 * MOST_KEYS) return undefined
  const top = new TopKeys()
  for (let at = 0; at < keys.length; at += 2) {
    const [key, count] = [keys[at], keys[at + 1]] as [unknown, unknown]
    if (typeof key !== 'string' || key.length > LONGEST_KEY || !isNumber(count) || count <= 0)
      return undefined
    top.add(key, count)
  }
  top.miss(missed)
  return top
}

export interface TopKey {
  readonly key: string
  /** Never more than what was added for it. */
  readonly count: number
  /** By how much the count may be too low; 0 when it is exact. */
  readonly error: number
}

/** The `k` largest of several parts: by count, those that are equal in the order of their keys. */
export function topOf(parts: readonly TopKeys[], k: number): TopKey[] {
  const counts = new Map<string, number>()
  let error = 0
  for (const part of parts) {
    error += part.missed
    for (const [key, count] of part.counts()) counts.set(key, (counts.get(key) ?? 0) + count)
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, k)
    .map(([key, count]) => ({ key, count, error }))
}

/** Keys that a node keeps of one name. */
export const MOST_KEYS = 1000
