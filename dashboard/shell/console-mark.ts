import { useEffect, useRef } from 'react'
import { useLocation } from 'react-router'
import { mark } from '../lib/marks.ts'
import { useNodes } from '../lib/watched.ts'
import { LineCounts } from './line-counts.ts'

/** Marks the console in the navigation while it has lines that came since one was there. */
export function useConsoleMark(): void {
  const nodes = useNodes()
  const isThere = useLocation().pathname === CONSOLE
  const counts = useRef(new LineCounts())
  useEffect(() => {
    if (nodes === undefined) return
    const more = counts.current.more(nodes)
    if (isThere) mark(CONSOLE, undefined)
    else if (more > 0) mark(CONSOLE, 'unread lines')
  }, [nodes, isThere])
}

const CONSOLE = '/console'
