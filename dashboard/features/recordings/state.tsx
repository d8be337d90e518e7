import type { RecordingState } from '../../../src/wire/recordings.ts'
import classes from './recordings.module.css'

/** By its word, and by a sign of its own form. */
export function State({ state }: { readonly state: RecordingState }) {
  return (
    <span className={classes.state} data-state={state}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" fill="currentColor">
        {SIGNS[state]}
      </svg>
      {state}
    </span>
  )
}

const SIGNS = {
  scheduled: <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  recording: <circle cx="5" cy="5" r="4.5" />,
  done: <path d="M1 5l1-1 2 2 4-4 1 1-5 5z" />,
  expired: <path d="M2 4.25h6v1.5H2z" />,
  failed: <path d="M2 1l3 3 3-3 1 1-3 3 3 3-1 1-3-3-3 3-1-1 3-3-3-3z" />,
} as const
