import type { CodeProblem } from '../../../src/wire/authoring.ts'
import { formatNumber } from '../../lib/format.ts'
import classes from './agent-page.module.css'
import type { FaultMark } from './faults.ts'

interface Props {
  readonly problems: readonly CodeProblem[]
  readonly faults: readonly FaultMark[]
  readonly onGoTo: (line: number, column: number) => void
}

/** What is wrong with the code, and what went wrong when it ran; each leads to its line. */
export function Problems({ problems, faults, onGoTo }: Props) {
  if (problems.length + faults.length === 0)
    return (
      <p className={classes.quiet}>
        No problems: the code is in the language, and nothing went wrong while it ran.
      </p>
    )
  return (
    <ul className={classes.problems} aria-label="Problems">
      {faults.map((fault) => (
        <Problem
          key={`${fault.line}:${fault.column} ${fault.message}`}
          kind="runtime"
          word="Run time"
          message={fault.message}
          more={`${formatNumber(fault.count)} × on ${fault.nodes.join(', ')}`}
          line={fault.line}
          column={fault.column}
          onGoTo={onGoTo}
        />
      ))}
      {problems.map(({ line, column, severity, message, rule }) => (
        <Problem
          key={`${line}:${column} ${rule} ${message}`}
          kind={severity}
          word={severity === 'error' ? 'Error' : 'Warning'}
          message={message}
          more={rule}
          line={line}
          column={column}
          onGoTo={onGoTo}
        />
      ))}
    </ul>
  )
}

interface ProblemProps extends Pick<Props, 'onGoTo'> {
  readonly kind: string
  readonly word: string
  readonly message: string
  readonly more: string
  readonly line: number
  readonly column: number
}

function Problem({ kind, word, message, more, line, column, onGoTo }: ProblemProps) {
  return (
    <li>
      <button type="button" className={classes.problem} onClick={() => onGoTo(line, column)}>
        <span className={classes.kind} data-kind={kind}>
          {word}
        </span>
        <span className={classes.message}>{message}</span>
        <span className={classes.place}>
          {more} · {line}:{column}
        </span>
      </button>
    </li>
  )
}
