import { useCallback, useMemo, useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { rowsOf } from '../../components/console/rows.ts'
import { useConsole } from '../../components/console/use-console.ts'
import { ConsoleLines } from '../../components/console-lines.tsx'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { useAgents, useNodes } from '../../lib/watched.ts'
import { ConsoleActions } from './console-actions.tsx'
import { ConsoleFoot } from './console-foot.tsx'
import classes from './console-page.module.css'
import { type ConsolePlace, readPlace, writePlace } from './console-place.ts'
import { ConsoleTools } from './console-tools.tsx'
import { NoLines } from './no-lines.tsx'
import { useConsoleView } from './use-console-view.ts'
import { useSearch } from './use-search.ts'

/** What agents print: of one, or of all together. */
export function ConsolePage() {
  const [place, setPlace] = usePlace()
  const [view, setView] = useConsoleView()
  const [isFull, setFull] = useState(false)
  const agents = useAgents()
  const nodes = useNodes()
  const agent = agents?.find(({ id }) => id === place.agent)

  const console = useConsole(place.agent)
  const [held, setHeld] = useState<{ key: string | undefined; lines: typeof console.lines }>()
  const isPaused = held !== undefined && held.key === place.agent
  const lines = isPaused ? held.lines : console.lines
  const { node, levels, searched } = place
  const rows = useMemo(
    () =>
      rowsOf(
        lines,
        { agent: place.agent, node, levels: levels.length === 0 ? undefined : new Set(levels) },
        view.joinsRepeats,
      ),
    [lines, place.agent, node, levels, view.joinsRepeats],
  )
  const search = useSearch(rows, searched)

  const navigate = useNavigate()
  const goToPlace = useCallback(
    (id: string, line: number) => void navigate(`/agents/${id}?line=${line}`),
    [navigate],
  )

  return (
    <div className={classes.page} data-full={isFull}>
      <ConsoleActions
        agent={agent}
        rows={rows}
        isPaused={isPaused}
        isFull={isFull}
        view={view}
        onView={setView}
        onPause={() => setHeld(isPaused ? undefined : { key: place.agent, lines: console.lines })}
        onFull={() => setFull(!isFull)}
      />
      <ConsoleTools
        place={place}
        onPlace={setPlace}
        agents={agents ?? []}
        nodes={nodes ?? []}
        search={search}
      />
      {console.failure !== undefined ? (
        <ErrorState title="The console cannot be shown" error={console.failure.message} />
      ) : !console.isThere ? (
        <LoadingState what="the console" />
      ) : (
        <ConsoleLines
          rows={rows}
          label={agent === undefined ? 'Console of all agents' : `Console of ${agent.title}`}
          onGoToPlace={goToPlace}
          hasAgents={place.agent === undefined}
          hasTimes={view.hasTimes}
          hasNumbers={view.hasNumbers}
          wraps={view.wraps}
          matches={search.matches}
          current={search.current}
          empty={
            <NoLines
              agents={agents}
              agent={agent}
              isFiltered={lines.length > 0}
              onShowAll={() => setPlace({ ...(agent && { agent: agent.id }), levels: [], searched: '' })}
            />
          }
        />
      )}
      <ConsoleFoot
        rows={rows}
        leftOut={console.leftOut}
        missed={console.missed}
        newSincePause={isPaused ? newLines(console.lines, held.lines) : undefined}
      />
    </div>
  )
}

function usePlace() {
  const [params, setParams] = useSearchParams()
  const text = params.toString()
  const place = useMemo(() => readPlace(new URLSearchParams(text)), [text])
  const change = (next: ConsolePlace) => setParams(writePlace(next), { replace: true })
  return [place, change] as const
}

type Lines = ReturnType<typeof useConsole>['lines']

/** How many came that are not among those that are held. */
function newLines(all: Lines, held: Lines): number {
  const last = held.at(-1)
  const at = last === undefined ? -1 : all.lastIndexOf(last)
  return all.length - 1 - at
}
