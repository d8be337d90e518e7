import { UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './map.module.css'
import { formatPace } from './numbers.ts'
import type { Protocol, Totals } from './service-graph.ts'

interface Props {
  readonly protocols: readonly (Protocol & Totals)[]
  readonly hidden: ReadonlySet<string>
  readonly seconds: number
  readonly onHidden: (hidden: readonly string[]) => void
  /** At the right. */
  readonly children: ReactNode
}

/** The protocols that there are; pressing one leaves it out, or takes it in again. */
export function MapLegend({ protocols, hidden, seconds, onHidden, children }: Props) {
  const toggle = (abbr: string) =>
    onHidden(hidden.has(abbr) ? [...hidden].filter((each) => each !== abbr) : [...hidden, abbr])
  return (
    <fieldset className={classes.legend} aria-label="Protocols">
      {protocols.map(({ abbr, backgroundColor, count }) => (
        <UnstyledButton
          key={abbr}
          className={classes.protocol}
          fz="inherit"
          aria-pressed={!hidden.has(abbr)}
          onClick={() => toggle(abbr)}
        >
          <span className={classes.swatch} style={{ backgroundColor: colour(backgroundColor) }} />
          {abbr} <span>{formatPace(count, seconds)}</span>
        </UnstyledButton>
      ))}
      <span className={classes.summary}>{children}</span>
    </fieldset>
  )
}

/** Dissectors of agents may say anything. */
function colour(text: string): string {
  return /^#[0-9a-f]{3,8}$/i.test(text) ? text : '#666666'
}
