import type { EffectOutcome } from '../wire/effects.ts'

/** What became of the calls of one helper by one agent: `calls` is the sum of the others when none is under way. */
export interface CalledEffects {
  readonly title: string
  readonly helper: string
  calls: number
  ok: number
  failed: number
  /** By a grant, a limit, or since there was no room in the outbox. */
  refused: number
  /** They went into the outbox, which counts them on. */
  queued: number
  rehearsed: number
}

/** Counts the effects that agents call for. What the outbox makes later of those that are queued, it counts itself. */
export class EffectBook {
  readonly #counts = new Map<string, CalledEffects>()

  began(title: string, helper: string): void {
    this.#of(title, helper).calls++
  }

  ended(title: string, helper: string, outcome: CallOutcome | 'delivered'): void {
    if (outcome !== 'delivered') this.#of(title, helper)[outcome]++
  }

  counts(): readonly CalledEffects[] {
    return [...this.#counts.values()]
  }

  #of(title: string, helper: string): CalledEffects {
    const key = `${helper} ${title}`
    const known = this.#counts.get(key)
    if (known !== undefined) return known
    const counts = { title, helper, calls: 0, ok: 0, failed: 0, refused: 0, queued: 0, rehearsed: 0 }
    this.#counts.set(key, counts)
    return counts
  }
}

export type CallOutcome = Exclude<EffectOutcome, 'delivered' | 'dead'>
