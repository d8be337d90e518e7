import { addEdge, type EdgeSums, isFull, OTHERS } from './edge-sum.ts'

/**
 * Sums over the last so many milliseconds, in some steps; over everything when that is 0. Edges that are one too many are
 * summed as `OTHERS`.
 */
export class SumsWindow {
  readonly totals: EdgeSums = new Map()
  readonly #windowMs: number
  readonly stepMs: number
  /** What to take away again, by step. */
  readonly #steps = new Map<number, EdgeSums>()
  #from: number
  #oldest = Number.POSITIVE_INFINITY
  #newest = Number.NEGATIVE_INFINITY

  /** Begins to count at `nowMs`; what was before may be added. */
  constructor(windowMs: number, nowMs: number) {
    this.#windowMs = windowMs
    this.#from = nowMs
    this.stepMs = windowMs === 0 ? Number.MAX_SAFE_INTEGER : Math.max(MIN_STEP_MS, windowMs / STEPS)
  }

  /** `times`: of the oldest and the newest entry in it. */
  add(atMs: number, sums: EdgeSums, [oldestMs, newestMs]: readonly [number, number]): void {
    const step = Math.floor(atMs / this.stepMs)
    for (const [wanted, sum] of sums) {
      const key = this.totals.has(wanted) || !isFull(this.totals) ? wanted : OTHERS
      addEdge(this.totals, key, sum)
      if (this.#windowMs > 0) addEdge(this.#step(step), key, sum)
    }
    if (sums.size > 0) this.#from = Math.min(this.#from, atMs)
    this.#oldest = Math.min(this.#oldest, oldestMs)
    this.#newest = Math.max(this.#newest, newestMs)
  }

  /** Takes away what is older than the window. */
  expire(nowMs: number): void {
    if (this.#windowMs === 0) return
    const oldest = Math.floor((nowMs - this.#windowMs) / this.stepMs)
    for (const [step, sums] of this.#steps) {
      if (step > oldest) continue
      this.#steps.delete(step)
      for (const [key, sum] of sums) {
        addEdge(this.totals, key, sum, -1)
        if (this.totals.get(key)?.entries === 0) this.totals.delete(key)
      }
    }
  }

  /** How long the time is that the sums are of. */
  spanMs(nowMs: number): number {
    // Of everything: as long as it took, however long ago that was.
    if (this.#windowMs === 0) return Math.max(MIN_STEP_MS, this.#newest - this.#oldest)
    return Math.max(MIN_STEP_MS, Math.min(this.#windowMs, nowMs - this.#from))
  }

  #step(step: number): EdgeSums {
    const known = this.#steps.get(step)
    if (known !== undefined) return known
    const sums: EdgeSums = new Map()
    this.#steps.set(step, sums)
    return sums
  }
}

const STEPS = 60
const MIN_STEP_MS = 1000
