import type { EffectOutcome } from '../../../src/wire/effects.ts'

export const VIEWS = ['log', 'waiting', 'dead'] as const
export type View = (typeof VIEWS)[number]

/** What is shown of the effects, as the address of the page says. "": all of it. */
export interface EffectsPlace {
  readonly view: View
  /** Identity, or title. */
  readonly agent: string
  readonly helper: string
  readonly outcome: EffectOutcome | ''
  /** Identity. */
  readonly entry: string
}

/** `mayLog`: whether this person may see what was done; others begin with what waits. */
export function placeIn(search: URLSearchParams, mayLog: boolean): EffectsPlace {
  const views = VIEWS.filter((view) => mayLog || view !== 'log')
  const wanted = search.get('view')
  const outcome = search.get('outcome')
  return {
    view: views.find((view) => view === wanted) ?? views[0] ?? 'waiting',
    agent: search.get('agent') ?? '',
    helper: search.get('helper') ?? '',
    outcome: OUTCOMES.find((each) => each === outcome) ?? '',
    entry: search.get('entry') ?? '',
  }
}

/** What became of effects, in words. */
export const OUTCOME_WORDS: Readonly<Record<EffectOutcome, string>> = {
  ok: 'ok',
  failed: 'failed',
  refused: 'refused',
  queued: 'queued',
  delivered: 'delivered',
  dead: 'dead letter',
  rehearsed: 'rehearsed',
}

export const OUTCOMES = Object.keys(OUTCOME_WORDS) as readonly EffectOutcome[]
