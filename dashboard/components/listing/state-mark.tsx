import type { ReactNode } from 'react'
import classes from './listing.module.css'

interface Props {
  readonly tone?: 'good' | 'bad' | 'warn' | 'muted' | 'plan' | undefined
  /** It goes on just now. */
  readonly isLive?: boolean
  /** 10 by 10: its form alone says what it is. */
  readonly sign: ReactNode
  readonly children: string
}

/** How something is, by its word, and by a sign of its own form. */
export function StateMark({ tone, isLive = false, sign, children }: Props) {
  return (
    <span className={classes.state} data-tone={tone} data-live={isLive}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" fill="currentColor">
        {sign}
      </svg>
      {children}
    </span>
  )
}
