import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { splitEntries } from '../../../src/wire/entry-lines.ts'
import { ApiError, api } from '../../lib/api.ts'
import { useSubscription } from '../../lib/page-stream.ts'
import { type Changes, TrafficFeed } from './traffic-feed.ts'
import { isLive, type TrafficPlace } from './traffic-place.ts'

/** What is known of the entries that are kept. */
export interface KeptState {
  readonly isLoading: boolean
  /** Nothing is kept before the first line. */
  readonly isAtBeginning: boolean
  readonly scanned: number
  readonly missing: readonly string[]
  readonly error: unknown
}

export interface Traffic {
  readonly feed: TrafficFeed
  readonly kept: KeptState
  /** Loads what was kept before the first line, where there is more. */
  loadOlder(): void
  retry(): void
}

/** The entries of a place: as they come, after those that were kept; or those that were kept, page by page. */
export function useTraffic({ filter, from, to, source, ...rest }: TrafficPlace): Traffic {
  const [feed] = useState(() => new TrafficFeed(PAGE_CLOCK))
  const [kept, setKept] = useState<KeptState>(NOTHING_YET)
  const [attempt, setAttempt] = useState(0)
  const end = useRef(new AbortController())
  const cursor = useRef<string | undefined>(undefined)
  const hasGoneBack = useRef(false)
  const live = isLive({ filter, from, to, source, ...rest })

  /** One page; the older ones follow its cursor. */
  const load = useCallback(
    async (
      before: { readonly cursor?: string | undefined; readonly to?: number | undefined },
      take: (texts: readonly string[]) => void,
    ) => {
      const { signal } = end.current
      setKept((state) => ({ ...state, isLoading: true, error: undefined }))
      try {
        const query = { filter, from, to, source, limit: PAGE, ...before }
        const { head, entries } = splitEntries(await (await api.fetch('/entries', { query, signal })).text())
        const { cursor: next, scanned, missing } = head as PageHead
        cursor.current = next ?? undefined
        take(entries)
        setKept((state) => ({
          isLoading: false,
          isAtBeginning: next === null,
          scanned: state.scanned + scanned,
          missing,
          error: undefined,
        }))
      } catch (error) {
        if (!signal.aborted) setKept((state) => ({ ...state, isLoading: false, error }))
      }
    },
    [filter, from, to, source],
  )

  const begin = useCallback(() => {
    end.current.abort()
    end.current = new AbortController()
    setKept(NOTHING_YET)
    feed.begin(live)
    hasGoneBack.current = false
    void load({}, (texts) => (live ? feed.addKept(texts) : void feed.addOlder(texts)))
  }, [feed, load, live])

  useEffect(() => {
    begin()
    return () => end.current.abort()
  }, [begin])

  // Workers hear of a subscription a moment after the hub: what came before that is kept by now.
  const catchUp = () => {
    const { signal } = end.current
    setTimeout(() => {
      if (!signal.aborted) void load({}, (texts) => feed.addKept(texts))
    }, CATCH_UP_MS)
  }

  useSubscription(
    live ? `${attempt} ${filter}` : undefined,
    { subscribe: 'entries', filter },
    {
      onMessage: catchUp,
      onEntries: ({ texts, dropped }) => feed.take(texts, dropped),
      onError: (failure) => setKept((state) => ({ ...state, error: new ApiError(REFUSED, failure) })),
      onReconnect: catchUp,
    },
  )

  const loadOlder = useCallback(() => {
    if (kept.isLoading || kept.isAtBeginning || feed.olderCount >= MOST_OLDER) return
    const first = feed.lines[0]
    // While the newest are shown, the list moves away from where the last page ended.
    if (feed.holds.size === 0) hasGoneBack.current = false
    const goesOn = cursor.current !== undefined && (!live || hasGoneBack.current)
    hasGoneBack.current = true
    const before = goesOn ? { cursor: cursor.current } : first === undefined ? {} : { to: first.at }
    void load(before, (texts) => {
      feed.hold('scrolled')
      feed.addOlder(texts)
    })
  }, [feed, kept, live, load])

  const retry = () => {
    begin()
    setAttempt((before) => before + 1)
  }
  return { feed, kept, loadOlder, retry }
}

/** Renders anew when that changes. */
export function useChanges(changes: Changes): number {
  return useSyncExternalStore(changes.listen, changes.get)
}

interface PageHead {
  readonly cursor: string | null
  readonly scanned: number
  readonly missing: readonly string[]
}

const PAGE_CLOCK = {
  now: () => performance.now(),
  onFrame: (callback: () => void) => void requestAnimationFrame(callback),
}
const NOTHING_YET: KeptState = {
  isLoading: true,
  isAtBeginning: false,
  scanned: 0,
  missing: [],
  error: undefined,
}
const REFUSED = 400
const CATCH_UP_MS = 1500
const PAGE = 500
const MOST_OLDER = 50_000
