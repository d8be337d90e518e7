import { Tabs } from '@mantine/core'
import { useMemo, useState } from 'react'
import { rowsOf } from '../../components/console/rows.ts'
import { ConsoleLines } from '../../components/console-lines.tsx'
import { EmptyState } from '../../components/states.tsx'
import { formatCount } from '../../lib/format.ts'
import { consoleOf } from './outcome.ts'
import classes from './trial.module.css'
import { TrialCalls } from './trial-calls.tsx'
import { TrialCost } from './trial-cost.tsx'
import { TrialEffects } from './trial-effects.tsx'
import { TrialMarks } from './trial-marks.tsx'
import { TrialStored } from './trial-stored.tsx'
import type { Tried } from './use-trial.ts'

interface Props {
  readonly tried: Tried
  readonly onGoToLine: ((line: number, column?: number) => void) | undefined
}

/** All that came of a trial, a tab each. */
export function TrialResults({ tried, onGoToLine }: Props) {
  const { answer, source } = tried
  const [tab, setTab] = useState<string | null>('console')
  const counts = {
    console: answer.console.lines.length + answer.console.dropped,
    effects: answer.effects.list.length + answer.effects.dropped,
    marks: answer.marks.list.length + answer.marks.dropped,
    stored: answer.stored.files.length + answer.stored.shared.length + answer.stored.metrics.length,
  }
  return (
    <Tabs value={tab} onChange={setTab} keepMounted={false} className={classes.tabs ?? ''}>
      <Tabs.List>
        <CountedTab value="console" label="Console" count={counts.console} />
        <CountedTab value="calls" label="Calls" />
        <CountedTab value="effects" label="Effects" count={counts.effects} />
        <CountedTab value="marks" label="Entries" count={counts.marks} />
        <CountedTab value="stored" label="Stored" count={counts.stored} />
        <CountedTab value="cost" label="Cost" />
      </Tabs.List>
      <Tabs.Panel value="console" className={classes.filled ?? ''}>
        <TrialConsole tried={tried} onGoToLine={onGoToLine} />
      </Tabs.Panel>
      <Tabs.Panel value="calls" className={classes.scrolled ?? ''} tabIndex={0}>
        <TrialCalls outcome={answer} />
      </Tabs.Panel>
      <Tabs.Panel value="effects" className={classes.scrolled ?? ''} tabIndex={0}>
        <TrialEffects effects={answer.effects} hasLinks={source.kind === 'recent'} />
      </Tabs.Panel>
      <Tabs.Panel value="marks" className={classes.scrolled ?? ''} tabIndex={0}>
        <TrialMarks marks={answer.marks} hasLinks={source.kind === 'recent'} />
      </Tabs.Panel>
      <Tabs.Panel value="stored" className={classes.scrolled ?? ''} tabIndex={0}>
        <TrialStored stored={answer.stored} />
      </Tabs.Panel>
      <Tabs.Panel value="cost" className={classes.scrolled ?? ''} tabIndex={0}>
        <TrialCost outcome={answer} />
      </Tabs.Panel>
    </Tabs>
  )
}

function CountedTab({ value, label, count }: { value: string; label: string; count?: number }) {
  return (
    <Tabs.Tab value={value}>
      {label}
      {count !== undefined && count > 0 && <span className={classes.tabCount}> {formatCount(count)}</span>}
    </Tabs.Tab>
  )
}

function TrialConsole({ tried, onGoToLine }: Props) {
  const { answer } = tried
  const rows = useMemo(() => rowsOf(consoleOf(answer), {}), [answer])
  const { dropped } = answer.console
  return (
    <>
      <ConsoleLines
        rows={rows}
        label="Console of the trial"
        onGoToPlace={
          onGoToLine === undefined ? undefined : (_agent, line, column) => onGoToLine(line, column)
        }
        empty={
          <EmptyState title="Nothing printed">
            What the agent prints with console.log is shown here, with the time of the entries.
          </EmptyState>
        }
      />
      {dropped > 0 && <p className={classes.rest}>{formatCount(dropped)} more lines are not shown.</p>}
    </>
  )
}
