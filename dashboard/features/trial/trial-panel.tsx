import { Badge, Group, Text } from '@mantine/core'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useOffer } from '../../lib/commands.ts'
import { useMay } from '../../lib/session.ts'
import { ErrorPlaces } from './error-places.tsx'
import { findingsOf } from './outcome.ts'
import classes from './trial.module.css'
import { TrialResults } from './trial-results.tsx'
import { TrialTools } from './trial-tools.tsx'
import { useTrial } from './use-trial.ts'

interface Props {
  /** As it stands in the editor. */
  readonly code: string
  readonly title: string
  /** Shows a line of the code, from 1. */
  readonly onGoToLine?: ((line: number, column?: number) => void) | undefined
}

/** Runs code that is not saved on traffic that was, with its effects recorded, and shows what came of it. */
export function TrialPanel(props: Props) {
  const mayTry = useMay('author')
  if (mayTry) return <AuthorsPanel {...props} />
  return (
    <EmptyState title="Only authors try agents out">
      Code that is tried runs on the hub, like an agent that is saved: ask for a token with the role author.
    </EmptyState>
  )
}

function AuthorsPanel({ code, title, onGoToLine }: Props) {
  const trial = useTrial()
  const { source, tried, error, isRunning } = trial
  const run = () => trial.run({ code, title, source })
  useOffer([{ id: 'trial run', label: 'Try this agent', group: 'Agent', keys: 'mod+Enter', run }])
  return (
    <section className={classes.panel} aria-label="Try this agent">
      <TrialTools
        source={source}
        onSource={trial.setSource}
        isRunning={isRunning}
        onRun={run}
        isMaking={trial.isMaking}
        onMakeTest={tried === undefined ? undefined : () => trial.makeTest(tried.answer.id)}
      />
      {error !== null && !isRunning ? (
        <ErrorState title="The agent could not be tried" error={error} onRetry={run} />
      ) : tried === undefined ? (
        isRunning ? (
          <LoadingState what="the trial" />
        ) : (
          <Invitation />
        )
      ) : (
        <div className={classes.outcome} aria-busy={isRunning}>
          <Group gap={6} className={classes.findings ?? ''} role="status">
            {findingsOf(tried.answer).map(({ text, tone }) => (
              <Badge
                key={text}
                className={classes.finding ?? ''}
                data-tone={tone}
                variant="default"
                radius="sm"
              >
                {text}
              </Badge>
            ))}
            {tried.code !== code && <Text size="xs">The code is another one by now: run it again.</Text>}
          </Group>
          <ErrorPlaces outcome={tried.answer} onGoToLine={onGoToLine} />
          <TrialResults tried={tried} onGoToLine={onGoToLine} />
        </div>
      )}
    </section>
  )
}

function Invitation() {
  return (
    <EmptyState title="Try it before you save it">
      The code runs in the sandbox on traffic that was seen lately. What it would send or write is recorded
      instead of done: you see its console, its calls, its effects and its cost.
    </EmptyState>
  )
}
