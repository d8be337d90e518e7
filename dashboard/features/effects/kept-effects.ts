import type { EffectRecord, EffectsPage } from '../../../src/wire/effects.ts'

/** The effects that a page knows of. */
export interface KeptEffects {
  /** Newest first. */
  readonly effects: readonly KeyedEffect[]
  /** Nodes that did not answer. */
  readonly missing: readonly string[]
  /** By the clock of the hub, when all nodes have answered last, ms since the epoch; undefined: never, or nobody knows. */
  readonly upTo: number | undefined
}

export interface KeyedEffect extends EffectRecord {
  /** Another one for each, the same one whenever it comes. */
  readonly key: string
}

/** One asks for the effects since then, ms; undefined: for all. `apartMs`: how far clocks of nodes are apart. */
export function sinceOf(kept: KeptEffects | undefined, apartMs: number): number | undefined {
  return kept?.upTo === undefined ? undefined : kept.upTo - apartMs - OVERLAP_MS
}

export interface Question {
  /** As `sinceOf` has it. */
  readonly since: number | undefined
  /** No more than so many are answered. */
  readonly limit: number
  /** When it was asked by the clock of the hub, ms since the epoch; undefined: that is not known yet. */
  readonly askedAt: number | undefined
}

/**
 * What is known after an answer. One that is as long as it may be lacks older ones: what was before it is let go, rather than shown
 * with a hole.
 */
export function withAnswer(
  before: KeptEffects | undefined,
  { since, limit, askedAt }: Question,
  { effects, missing }: EffectsPage,
): KeptEffects {
  const isAll = before === undefined || since === undefined || effects.length >= limit
  const older = isAll ? [] : before.effects.filter(({ at, node }) => at < since || missing.includes(node))
  const all = [...keyed(effects), ...older].sort((one, other) => other.at - one.at).slice(0, MOST)
  return { effects: all, missing, upTo: missing.length === 0 ? askedAt : before?.upTo }
}

/** Two may be alike in all that there is to know of them. */
function keyed(effects: readonly EffectRecord[]): KeyedEffect[] {
  const seen = new Map<string, number>()
  return effects
    .toReversed()
    .map((effect) => {
      const { at, node, agent, helper, target, outcome, queuedId = '' } = effect
      const text = [at, node, agent, helper, target, outcome, queuedId].join(' ')
      const times = seen.get(text) ?? 0
      seen.set(text, times + 1)
      return { ...effect, key: `${text} ${times}` }
    })
    .toReversed()
}

/** Effects are written a moment after they are over. */
const OVERLAP_MS = 5000
/** Of those that are shown. */
const MOST = 10_000
