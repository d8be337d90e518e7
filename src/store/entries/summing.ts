import type { Filter } from '../../filter/index.ts'
import { callOf } from '../../service-map/call.ts'
import { addCall, type EdgeSums } from '../../service-map/edge-sum.ts'
import { type Outcome, YES } from './decisions.ts'
import type { SumPart } from './entry-store.ts'
import type { Line } from './lines.ts'
import { NeedsLine, RowView } from './row-view.ts'
import { safely } from './safely.ts'
import type { Findings } from './scanner.ts'
import type { SealedSegment } from './sealed-segment.ts'

/** Sums over entries, by steps of time. */
export interface SummedEntries {
  readonly steps: ReadonlyMap<number, EdgeSums>
  readonly scanned: number
  readonly unreadable: number
  readonly times: SumPart['times']
}

/** Sums of what was appended for a while. */
export type TakenSums = Pick<SumPart, 'sums' | 'times'>

/** Sums entries of a segment, from the columns as far as they go. */
export class SumFindings implements Findings {
  readonly isFull = false
  scanned = 0
  unreadable = 0
  readonly #filter: Filter
  readonly #stepMs: number
  readonly #steps = new Map<number, EdgeSums>()
  #view: RowView | undefined
  #times = NEVER

  constructor(filter: Filter, stepMs: number) {
    this.#filter = filter
    this.#stepMs = stepMs
  }

  offer(line: Line, _row: number, outcome: Outcome | undefined): void {
    const entry = parsed(line.json)
    if (entry === undefined) this.unreadable++
    else if (outcome === YES || safely(this.#filter, entry.value)) this.#add(line.atMs, entry.value)
  }

  /** False when the line has to be read. */
  takeRow(sealed: SealedSegment, row: number): boolean {
    this.#view ??= new RowView(sealed)
    const view = this.#view
    view.begin(row)
    try {
      this.#add(sealed.times[row] ?? 0, view.entry)
      return true
    } catch (error) {
      if (error instanceof NeedsLine) return false
      throw error
    }
  }

  result(): SummedEntries {
    const { scanned, unreadable } = this
    return {
      steps: this.#steps,
      scanned,
      unreadable,
      times: this.#times,
    }
  }

  #add(atMs: number, entry: unknown): void {
    const call = callOf(entry)
    if (call === undefined) return
    const step = Math.floor(atMs / this.#stepMs)
    let sums = this.#steps.get(step)
    if (sums === undefined) {
      sums = new Map()
      this.#steps.set(step, sums)
    }
    addCall(sums, call)
    this.#times = withTime(this.#times, atMs)
  }
}

/** Sums entries as they are appended. */
export class SumFollowing {
  readonly #filter: Filter
  #sums: EdgeSums = new Map()
  #times = NEVER

  constructor(filter: Filter) {
    this.#filter = filter
  }

  offer({ atMs }: Line, entry: unknown): void {
    if (!safely(this.#filter, entry)) return
    const call = callOf(entry)
    if (call === undefined) return
    addCall(this.#sums, call)
    this.#times = withTime(this.#times, atMs)
  }

  /** What came since the last time. */
  take(): TakenSums {
    const taken = { sums: this.#sums, times: this.#times }
    this.#sums = new Map()
    this.#times = NEVER
    return taken
  }
}

function withTime([oldest, newest]: SumPart['times'], atMs: number): SumPart['times'] {
  return atMs >= oldest && atMs <= newest
    ? [oldest, newest]
    : [Math.min(oldest, atMs), Math.max(newest, atMs)]
}

/** Times of nothing. */
export const NEVER: SumPart['times'] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

function parsed(json: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(json) }
  } catch {
    return undefined
  }
}
