import type { TrialOutcome } from '../../../src/wire/trials.ts'
import { formatNumber } from '../../lib/format.ts'
import classes from './trial.module.css'

interface Props {
  readonly outcome: TrialOutcome
  readonly onGoToLine: ((line: number, column?: number) => void) | undefined
}

/** What went wrong, and where in the code: why it does not load or was stopped, and errors by their place. */
export function ErrorPlaces({ outcome, onGoToLine }: Props) {
  const { loadError, stopped, faults, notes } = outcome
  if (loadError === undefined && stopped === undefined && faults.length + notes.length === 0) return null
  return (
    <ul className={classes.problems} aria-label="What went wrong">
      {notes.map((note) => (
        <li key={note} className={classes.note}>
          {note}
        </li>
      ))}
      {loadError !== undefined && <li className={classes.problem}>{loadError}</li>}
      {stopped !== undefined && <li className={classes.problem}>It was stopped: {stopped}</li>}
      {faults.map(({ line, column, message, count }) => (
        <li key={`${line}:${column} ${message}`} className={classes.problem}>
          <button
            type="button"
            className={classes.place}
            title="Show in the code"
            disabled={onGoToLine === undefined}
            onClick={() => onGoToLine?.(line, column)}
          >
            Line {line}
          </button>
          <span>{message}</span>
          {count > 1 && <span className={classes.times}>{formatNumber(count)} times</span>}
        </li>
      ))}
    </ul>
  )
}
