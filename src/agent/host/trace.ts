import type { CallCounts, Trace } from './protocol.ts'

/** Counts what an agent does, hook by hook and job by job, for who tries it out. */
export class Tracer {
  readonly #calls = new Map<string, CallCounts>()

  called(where: string, calls: number, micros: number): void {
    const counts = this.#countsOf(where)
    counts.calls += calls
    counts.micros += micros
  }

  failed(where: string): void {
    this.#countsOf(where).errors++
  }

  get trace(): Trace {
    return Object.fromEntries(this.#calls)
  }

  /** What has too many names is counted under one. */
  #countsOf(where: string): CallCounts {
    const name = this.#calls.size < MOST_NAMES || this.#calls.has(where) ? where : 'others'
    const counts = this.#calls.get(name) ?? { calls: 0, errors: 0, micros: 0 }
    this.#calls.set(name, counts)
    return counts
  }
}

const MOST_NAMES = 200
