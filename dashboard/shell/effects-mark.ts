import { useEffect, useRef } from 'react'
import { useLocation } from 'react-router'
import { mark } from '../lib/marks.ts'
import { useNodes } from '../lib/watched.ts'
import { DeadCounts } from './dead-counts.ts'

/** Marks the effects in the navigation when queued calls were given up since one was there. */
export function useEffectsMark(): void {
  const nodes = useNodes()
  const isThere = useLocation().pathname === EFFECTS
  const counts = useRef(new DeadCounts())
  useEffect(() => {
    if (nodes === undefined) return
    const more = counts.current.more(nodes)
    if (isThere) mark(EFFECTS, undefined)
    else if (more > 0) mark(EFFECTS, 'new dead letters')
  }, [nodes, isThere])
}

const EFFECTS = '/effects'
