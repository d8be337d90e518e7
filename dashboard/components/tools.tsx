import type { ReactNode } from 'react'
import classes from './tools.module.css'

/** Above what a screen shows: of what it is shown, and what can be done with all of it. */
export function Tools({ children }: { readonly children: ReactNode }) {
  return <div className={classes.tools}>{children}</div>
}
