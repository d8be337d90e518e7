import type { ErrandAttempt } from './sandbox-process.ts'

/**
 * Names what an errand adds to shared values. It comes in pieces, one before each time that an agent reads some: when the
 * errand is done again, by a process that follows one that died, the same piece has the same name.
 */
export class ErrandPieces {
  /** By errand: the attempt at hand, and pieces that have come of each slot. */
  readonly #pieces = new WeakMap<ErrandAttempt, { attempt: number; counts: Map<number, number> }>()

  /** Undefined for an errand without a name. */
  idOf(errand: ErrandAttempt, slot: number): string | undefined {
    if (errand.id === '') return undefined
    const counts = this.#countsOf(errand)
    const piece = counts.get(slot) ?? 0
    counts.set(slot, piece + 1)
    // An agent that runs as on the hub, too, has two slots.
    return `${piece}${slot % 2 === 0 ? 'w' : 'h'}:${errand.id}`
  }

  #countsOf(errand: ErrandAttempt): Map<number, number> {
    const known = this.#pieces.get(errand)
    if (known?.attempt === errand.attempt) return known.counts
    const counts = new Map<number, number>()
    this.#pieces.set(errand, { attempt: errand.attempt, counts })
    return counts
  }
}
