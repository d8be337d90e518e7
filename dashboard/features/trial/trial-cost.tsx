import { Progress } from '@mantine/core'
import type { TrialOutcome } from '../../../src/wire/trials.ts'
import { costOf } from './outcome.ts'
import classes from './trial.module.css'

/** What the agent costs, beside what it may. */
export function TrialCost({ outcome }: { readonly outcome: TrialOutcome }) {
  return (
    <dl className={classes.cost}>
      {costOf(outcome).map(({ label, value, words, share }) => (
        <div key={label} className={classes.costLine}>
          <dt>{label}</dt>
          <dd>
            <strong className={classes.costValue}>{value}</strong>
            {share !== undefined && (
              <Progress
                className={classes.share ?? ''}
                value={Math.min(100, share * 100)}
                color={share > 0.8 ? 'red' : share > 0.5 ? 'yellow' : 'teal'}
                aria-label={`${label}: ${Math.round(share * 100)} % of what is allowed`}
              />
            )}
            <span className={classes.muted}>{words}</span>
          </dd>
        </div>
      ))}
    </dl>
  )
}
