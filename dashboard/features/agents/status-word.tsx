import classes from './status-word.module.css'
import type { AgentStatus } from './summary.ts'

/** A dot and a word: nobody has to tell colours apart. */
export function StatusWord({ status, word }: { readonly status: AgentStatus; readonly word: string }) {
  return (
    <span className={classes.status} data-status={status}>
      <svg width="8" height="8" aria-hidden="true">
        <circle cx="4" cy="4" r="3" className={classes.dot} />
      </svg>
      {word}
    </span>
  )
}
