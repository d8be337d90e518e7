import type { EffectOutcome } from '../../../src/wire/effects.ts'
import classes from './effects.module.css'
import { OUTCOME_WORDS } from './effects-place.ts'

/** By its word, and by a sign of its own form. */
export function Outcome({ outcome }: { readonly outcome: EffectOutcome }) {
  return (
    <span className={classes.outcome} data-outcome={outcome}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" fill="currentColor">
        {SIGNS[outcome]}
      </svg>
      {OUTCOME_WORDS[outcome]}
    </span>
  )
}

const DONE = <path d="M1 5l1-1 2 2 4-4 1 1-5 5z" />

const SIGNS: Readonly<Record<EffectOutcome, React.ReactNode>> = {
  ok: DONE,
  delivered: DONE,
  failed: <path d="M2 1l3 3 3-3 1 1-3 3 3 3-1 1-3-3-3 3-1-1 3-3-3-3z" />,
  refused: <path d="M5 .5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM2 4.2h6v1.6H2z" fillRule="evenodd" />,
  queued: <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  dead: <path d="M1 1h8v8H1z" />,
  rehearsed: <path d="M2 4.25h6v1.5H2z" />,
}
