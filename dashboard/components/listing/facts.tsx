import type { ReactNode } from 'react'
import classes from './listing.module.css'

export type Fact = readonly [name: string, value: ReactNode]

/** What there is to know of a row, a line each. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
