import type { ReactNode } from 'react'
import classes from './listing.module.css'

/** The last line of a screen: how many there are, and what else holds for all. */
export function Foot({ children }: { readonly children: ReactNode }) {
  return <footer className={classes.foot}>{children}</footer>
}
