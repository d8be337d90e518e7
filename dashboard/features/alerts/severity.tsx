import type { AlertView } from '../../../src/wire/alerts.ts'
import classes from './alerts.module.css'

/** By its word, and by a sign of its own form. */
export function SeverityWord({ severity }: Pick<AlertView, 'severity'>) {
  return (
    <span className={classes.severity} data-severity={severity}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" fill="currentColor">
        {SIGNS[severity]}
      </svg>
      {severity}
    </span>
  )
}

const SIGNS = {
  info: <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  warning: <path d="M5 1l4.5 8h-9z" fill="none" stroke="currentColor" strokeWidth="1.3" />,
  error: <path d="M5 1l4.5 8h-9z" />,
  critical: <path d="M3 0h4l3 3v4l-3 3H3L0 7V3z" />,
} as const
