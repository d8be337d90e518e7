import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type WheelEvent,
} from 'react'
import type { ConsoleRow } from './rows.ts'

interface Following {
  readonly virtualizer: Virtualizer<HTMLElement, Element>
  readonly scroller: RefObject<HTMLElement | null>
  readonly follows: boolean
  /** Rows that came since it stopped following. */
  readonly unseen: number
  readonly followAgain: () => void
  readonly handlers: {
    readonly onScroll: () => void
    readonly onWheel: (event: WheelEvent) => void
    readonly onKeyDown: (event: KeyboardEvent) => void
    readonly onPointerDown: () => void
    readonly onPointerUp: () => void
  }
}

/**
 * A virtual list that stays at its end until somebody scrolls up, clicks into it, or goes to a row (`goal`); being back at the
 * end, or End, resumes that. What one looks at stays where it is while rows come and go.
 */
export function useFollowing(rows: readonly ConsoleRow[], goal: number | undefined): Following {
  const scroller = useRef<HTMLElement>(null)
  const [follows, setFollows] = useState(true)
  const [seenUpTo, setSeenUpTo] = useState<number>()
  const isHeld = useRef(false)
  const virtualizer = useVirtualizer<HTMLElement, Element>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 12,
  })

  const stop = () => {
    if (!follows || !canScroll(scroller.current)) return
    setFollows(false)
    setSeenUpTo(rows.at(-1)?.number)
  }
  const followAgain = () => {
    setFollows(true)
    setSeenUpTo(undefined)
  }

  // Rows are measured when they are shown, which may move the end: again with each drawing.
  useLayoutEffect(() => {
    const { current } = scroller
    if (follows && current !== null) current.scrollTop = current.scrollHeight
  })

  const anchor = useAnchor(virtualizer, rows, scroller, follows)

  const latest = useRef({ virtualizer, stop })
  latest.current = { virtualizer, stop }
  useEffect(() => {
    if (goal === undefined) return
    latest.current.stop()
    latest.current.virtualizer.scrollToIndex(goal, { align: 'center' })
  }, [goal])

  return {
    virtualizer,
    scroller,
    follows,
    unseen: unseenSince(rows, seenUpTo),
    followAgain,
    handlers: {
      onScroll: () => {
        anchor.note()
        if (!follows && !isHeld.current && isAtEnd(scroller.current)) followAgain()
      },
      onWheel: ({ deltaY }) => {
        if (deltaY < 0) stop()
      },
      onKeyDown: ({ key }) => {
        if (key === 'ArrowUp' || key === 'PageUp' || key === 'Home') stop()
        if (key === 'End' || (key === 'PageDown' && isAtEnd(scroller.current))) followAgain()
      },
      onPointerDown: () => {
        isHeld.current = true
        stop()
      },
      onPointerUp: () => {
        isHeld.current = false
      },
    },
  }
}

/** Keeps the first row that can be seen in its place while others go above it. */
function useAnchor(
  virtualizer: Virtualizer<HTMLElement, Element>,
  rows: readonly ConsoleRow[],
  scroller: RefObject<HTMLElement | null>,
  follows: boolean,
) {
  const kept = useRef<{ readonly key: string; readonly below: number }>(undefined)
  const shown = useRef(rows)
  useLayoutEffect(() => {
    const before = shown.current
    shown.current = rows
    const { current } = scroller
    if (before === rows || follows || current === null || kept.current === undefined) return
    if (before[0]?.key === rows[0]?.key) return
    const { key, below } = kept.current
    const index = rows.findIndex((row) => row.key === key)
    const start = virtualizer.measurementsCache[index]?.start
    if (start !== undefined) current.scrollTop = start + below
  }, [rows, follows, scroller, virtualizer])
  return {
    note: () => {
      const top = scroller.current?.scrollTop ?? 0
      const item = virtualizer.getVirtualItemForOffset(top)
      const key = item === undefined ? undefined : rows[item.index]?.key
      kept.current = item === undefined || key === undefined ? undefined : { key, below: top - item.start }
    },
  }
}

function isAtEnd(element: HTMLElement | null): boolean {
  if (element === null) return true
  return element.scrollHeight - element.scrollTop - element.clientHeight < ROW_HEIGHT / 2
}

function canScroll(element: HTMLElement | null): boolean {
  return element !== null && element.scrollHeight > element.clientHeight
}

/** Numbers begin anew when a console is cleared: then all rows are new. */
function unseenSince(rows: readonly ConsoleRow[], number: number | undefined): number {
  const last = rows.at(-1)?.number
  if (number === undefined || last === undefined) return 0
  return last >= number ? last - number : last
}

const ROW_HEIGHT = 21
