import classes from './jobs.module.css'

interface Props {
  readonly status: 'waiting' | 'running' | 'finished' | 'paused' | 'started' | 'stopped'
  readonly label: string
}

/** By its word, and by a sign of its own form. */
export function Status({ status, label }: Props) {
  return (
    <span className={classes.status} data-status={status}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" fill="currentColor">
        {SIGNS[status]}
      </svg>
      {label}
    </span>
  )
}

const PAUSE = <path d="M2 1h2v8H2zM6 1h2v8H6z" />
const SIGNS = {
  waiting: <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  running: <path d="M2 1l7 4-7 4z" />,
  finished: <path d="M1 5l1-1 2 2 4-4 1 1-5 5z" />,
  paused: PAUSE,
  started: <circle cx="5" cy="5" r="4" />,
  stopped: PAUSE,
} as const
