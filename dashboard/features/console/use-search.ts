import { useCallback, useMemo, useState } from 'react'
import { plainText } from '../../components/console/ansi.ts'
import type { ConsoleRow } from '../../components/console/rows.ts'
import { type Match, matchesIn, nextMatch } from '../../components/console/search.ts'

interface Search {
  readonly matches: readonly Match[]
  /** Which of them one is at. */
  readonly current: number | undefined
  readonly go: (step: 1 | -1) => void
}

/** What is searched in rows that come and go: one stays at the match at which one is. */
export function useSearch(rows: readonly ConsoleRow[], searched: string): Search {
  const [at, setAt] = useState<{ readonly searched: string; readonly key: string; readonly from: number }>()
  const matches = useMemo(
    () => (searched === '' ? NONE : matchesIn(rows.values().map(textOfRow), searched)),
    [rows, searched],
  )
  const current = useMemo(() => {
    if (at === undefined || at.searched !== searched) return undefined
    const found = matches.findIndex(({ row, from }) => from === at.from && rows[row]?.key === at.key)
    return found < 0 ? undefined : found
  }, [matches, rows, at, searched])
  const go = useCallback(
    (step: 1 | -1) => {
      // What came last is looked at first.
      const next = nextMatch(matches, current, { step, row: step === 1 ? 0 : rows.length })
      const match = next === undefined ? undefined : matches[next]
      const key = match && rows[match.row]?.key
      setAt(match === undefined || key === undefined ? undefined : { searched, key, from: match.from })
    },
    [matches, current, rows, searched],
  )
  return { matches, current, go }
}

function textOfRow({ line }: ConsoleRow): string {
  return line.level === 'clear' ? '' : plainText(line.text)
}

const NONE: readonly Match[] = []
