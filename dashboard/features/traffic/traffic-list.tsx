import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
} from 'react'
import { type ColumnWidths, columnTemplates } from './columns.ts'
import { ListHead } from './list-head.tsx'
import classes from './traffic.module.css'
import { TrafficRow } from './traffic-row.tsx'
import { type Traffic, useChanges } from './use-traffic.ts'

export interface TrafficListHandle {
  /** The entry so many lines further down. */
  move(by: number): void
  toNewest(): void
  toOldest(): void
  focus(): void
}

interface Props {
  readonly traffic: Traffic
  /** Identity of the entry under the cursor. */
  readonly selected: string | undefined
  readonly onSelect: (id: string) => void
  readonly onOpen: (id: string) => void
  readonly widths: ColumnWidths
  readonly onWidths: (widths: ColumnWidths) => void
  /** Instead of the rows, where there are none. */
  readonly children: ReactNode
  readonly ref: Ref<TrafficListHandle>
}

/** Entries in the order of time, the newest at the bottom. Only the rows on the screen exist. */
export function TrafficList({ traffic, selected, onSelect, onOpen, widths, onWidths, children, ref }: Props) {
  const { feed, loadOlder } = traffic
  const version = useChanges(feed.list)
  const id = useId()
  const scroller = useRef<HTMLDivElement>(null)
  const { lines } = feed
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    useFlushSync: false,
  })
  const isFollowing = feed.holds.size === 0
  const followedTo = useFollowing(scroller, { isFollowing, version })
  useSteady(scroller, feed.olderCount)
  useScrollHolds(scroller, traffic, followedTo)

  const cursor = selected === undefined ? -1 : lines.findIndex((line) => line.id === selected)
  const stream = selected?.slice(0, selected.lastIndexOf('-') + 1)
  const move = (by: number) => {
    feed.hold('cursor')
    const held = feed.lines
    const from = cursor >= 0 ? cursor : by > 0 ? held.length - 1 : held.length
    const at = Math.min(Math.max(from + by, 0), held.length - 1)
    const line = held[at]
    if (line === undefined) return
    onSelect(line.id)
    virtual.scrollToIndex(at, { align: 'auto' })
    if (at === 0) loadOlder()
  }
  const toNewest = () => {
    feed.release('cursor', 'scrolled', 'pointer')
    virtual.scrollToIndex(feed.lines.length - 1, { align: 'end' })
  }
  const toOldest = () => move(-feed.lines.length)
  useImperativeHandle(ref, () => ({ move, toNewest, toOldest, focus: () => scroller.current?.focus() }))

  const pageRows = () => Math.max(Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 1, 1)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const act = (
      {
        ArrowDown: () => move(1),
        ArrowUp: () => move(-1),
        PageDown: () => move(pageRows()),
        PageUp: () => move(-pageRows()),
        Home: toOldest,
        End: toNewest,
        Enter: () => selected !== undefined && onOpen(selected),
      } as Readonly<Record<string, () => void>>
    )[event.key]
    if (act === undefined || event.target !== scroller.current) return
    event.preventDefault()
    act()
  }
  const onClick = (event: MouseEvent) => {
    const row = (event.target as Element).closest<HTMLElement>('[data-id]')
    if (row?.dataset.id === undefined) return
    feed.hold('cursor')
    onOpen(row.dataset.id)
  }

  return (
    <div className={classes.grid} style={columnTemplates(widths)}>
      <ListHead widths={widths} onWidths={onWidths} />
      <div
        ref={scroller}
        className={classes.scroller}
        role="listbox"
        tabIndex={0}
        aria-label="Entries"
        aria-activedescendant={cursor >= 0 ? `${id}-${cursor}` : undefined}
        onKeyDown={onKeyDown}
        onClick={onClick}
        onPointerMove={() => feed.hold('pointer')}
        onPointerLeave={() => feed.release('pointer')}
      >
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const line = lines[index]
            return line === undefined ? null : (
              <TrafficRow
                key={index % POOL}
                id={`${id}-${index}`}
                line={line}
                at={index}
                top={start}
                isSelected={line.id === selected}
                isRelated={stream !== undefined && line.id.startsWith(stream)}
              />
            )
          })}
        </div>
      </div>
      {lines.length === 0 && <div className={classes.overlay}>{children}</div>}
    </div>
  )
}

/** The newest stay in sight while nothing holds the list. Answers where it was scrolled to last. */
function useFollowing(
  scroller: React.RefObject<HTMLDivElement | null>,
  { isFollowing, version }: { readonly isFollowing: boolean; readonly version: number },
): React.RefObject<number> {
  const followedTo = useRef(-1)
  useLayoutEffect(() => {
    const element = scroller.current
    if (!isFollowing || element === null || version < 0) return
    element.scrollTop = element.scrollHeight
    followedTo.current = element.scrollTop
  }, [scroller, isFollowing, version])
  return followedTo
}

/** What is seen stays where it is when lines come in front of it. */
function useSteady(scroller: React.RefObject<HTMLDivElement | null>, olderCount: number): void {
  const before = useRef(0)
  useLayoutEffect(() => {
    const added = olderCount - before.current
    before.current = olderCount
    if (added > 0 && scroller.current !== null) scroller.current.scrollTop += added * ROW_HEIGHT
  }, [scroller, olderCount])
}

/** Who scrolls away from the newest holds the list; who comes back to them lets it go. */
function useScrollHolds(
  scroller: React.RefObject<HTMLDivElement | null>,
  { feed, loadOlder }: Traffic,
  followedTo: React.RefObject<number>,
): void {
  const older = useRef(loadOlder)
  older.current = loadOlder
  useEffect(() => {
    const element = scroller.current
    const take = () => {
      // Browsers tell of it a frame later, when somebody may have begun to hold the list.
      if (element === null || element.scrollTop === followedTo.current) return
      followedTo.current = -1
      const below = element.scrollHeight - element.clientHeight - element.scrollTop
      if (below > ROW_HEIGHT) feed.hold('scrolled')
      else if (below < 2) feed.release('scrolled', 'cursor')
      if (element.scrollTop < NEAR_TOP && below > ROW_HEIGHT) older.current()
    }
    element?.addEventListener('scroll', take, { passive: true })
    return () => element?.removeEventListener('scroll', take)
  }, [scroller, feed, followedTo])
}

const ROW_HEIGHT = 28
const OVERSCAN = 8
/** More rows than any screen shows: rows that leave it are used for those that come. */
const POOL = 160
const NEAR_TOP = 20 * ROW_HEIGHT
