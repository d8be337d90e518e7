/** Why messages did not reach who listens. Names are for people: they stand in the ledger, in metrics and `doctor`. */
export type DropReason =
  /** Nobody could be reached, for longer than what is put by waits. */
  | 'not-connected'
  /** More came in a moment than is put by. */
  | 'behind'
  /** A handler threw. */
  | 'handler-failed'
  /** An answer that is none of ours. */
  | 'malformed'

/** Counters by name; each appears with its first drop. */
export class Counts {
  readonly #counts: Partial<Record<DropReason, number>> = {}

  add(reason: DropReason, count = 1): void {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + count
  }

  get all(): Readonly<Record<string, number>> {
    return { ...this.#counts }
  }
}
