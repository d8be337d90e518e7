import type { ConsoleRow } from '../../components/console/rows.ts'
import { formatNumber } from '../../lib/format.ts'
import classes from './console-page.module.css'

interface Props {
  readonly rows: readonly ConsoleRow[]
  readonly leftOut: number
  readonly missed: number
  /** Undefined: it goes on. */
  readonly newSincePause: number | undefined
}

/** What is shown, in numbers, and what is not. */
export function ConsoleFoot({ rows, leftOut, missed, newSincePause }: Props) {
  const lines = rows.reduce((sum, { count }) => sum + count, 0)
  const errors = rows.reduce((sum, { line, count }) => sum + (line.level === 'error' ? count : 0), 0)
  return (
    <footer className={classes.foot}>
      <span>{plural(lines, 'line')}</span>
      {errors > 0 && <span className={classes.errors}>{plural(errors, 'error')}</span>}
      {leftOut > 0 && (
        <span>{plural(leftOut, 'older line')} left out: the newest 10,000 of an agent are kept</span>
      )}
      {missed > 0 && <strong>{plural(missed, 'line')} came too fast to be shown</strong>}
      {newSincePause !== undefined && (
        <strong>Paused{newSincePause > 0 && `, ${plural(newSincePause, 'new line')}`}</strong>
      )}
    </footer>
  )
}

function plural(count: number, what: string): string {
  return `${formatNumber(count)} ${what}${count === 1 ? '' : 's'}`
}
