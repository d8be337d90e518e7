import { useMemo } from 'react'
import { rowsOf } from './console/rows.ts'
import { useConsole } from './console/use-console.ts'
import { ConsoleLines } from './console-lines.tsx'
import { EmptyState, ErrorState, LoadingState } from './states.tsx'

interface Props {
  /** Identity of the agent. */
  readonly agent: string
  readonly onGoToPlace?: (agent: string, line: number, column: number) => void
}

/** The console of one agent, in whatever room there is. */
export function AgentConsole({ agent, onGoToPlace }: Props) {
  const { lines, isThere, failure } = useConsole(agent)
  const rows = useMemo(() => rowsOf(lines, { agent }), [lines, agent])
  if (failure !== undefined) return <ErrorState title="The console cannot be shown" error={failure.message} />
  if (!isThere) return <LoadingState what="the console" />
  return (
    <ConsoleLines
      rows={rows}
      label="Console of this agent"
      onGoToPlace={onGoToPlace}
      empty={
        <EmptyState title="Nothing printed yet">
          What the agent prints with console.log is shown here.
        </EmptyState>
      }
    />
  )
}
