import { Button, VisuallyHidden } from '@mantine/core'
import { useElementSize, useLocalStorage } from '@mantine/hooks'
import { IconArrowDown } from '@tabler/icons-react'
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'
import { useSearchParams } from 'react-router'
import { languageOf, withClause } from '../../components/filter-box/clause.ts'
import type { FilterBoxHandle } from '../../components/filter-box/filter-box.tsx'
import { Splitter, useSplitter } from '../../components/splitter/splitter.tsx'
import { useOffer } from '../../lib/commands.ts'
import { formatNumber } from '../../lib/format.ts'
import { useNodes } from '../../lib/watched.ts'
import { type ColumnWidths, widthsIn } from './columns.ts'
import type { EntryAsked } from './details/entry-details.tsx'
import { OpenEntry } from './details/open-entry.tsx'
import { total } from './empty-reason.ts'
import { NothingShown } from './nothing-shown.tsx'
import classes from './traffic.module.css'
import { TrafficFooter } from './traffic-footer.tsx'
import { TrafficList, type TrafficListHandle } from './traffic-list.tsx'
import { isLive, placeIn, searchOf, type TrafficPlace } from './traffic-place.ts'
import { TrafficToolbar } from './traffic-toolbar.tsx'
import { type Traffic, useChanges, useTraffic } from './use-traffic.ts'

/** What other features put on this screen. */
export interface TrafficSlots {
  /** Chooses between what workers keep, recordings and capture files. */
  readonly sources?: (chosen: string | undefined, onChoose: (source: string | undefined) => void) => ReactNode
  readonly packets?: (entry: EntryAsked) => ReactNode
  readonly downloads?: (entry: EntryAsked) => ReactNode
}

/** The traffic as it comes, or as it was: a list, and all that there is of the entry that is open. */
export function TrafficPage({ slots = {} }: { readonly slots?: TrafficSlots }) {
  const { place, go } = usePlace()
  const traffic = useTraffic(place)
  const { feed } = traffic
  const live = isLive(place)
  const list = useRef<TrafficListHandle>(null)
  const filterBox = useRef<FilterBoxHandle>(null)
  const [cursor, setCursor] = useState(place.entry)
  const itemsBefore = useItemsBefore(place)
  const [widths, setWidths] = useWidths()
  const { ref, width } = useElementSize()
  const splitter = useSplitter('traffic', 0.52)
  const direction = width === 0 || width >= SIDE_BY_SIDE ? 'right' : 'down'
  useEffect(() => {
    document.title = 'Traffic · Remora'
  }, [])
  useEffect(() => {
    if (place.entry !== undefined) setCursor(place.entry)
  }, [place.entry])

  const open = (entry: string) => {
    setCursor(entry)
    go({ entry }, place.entry !== undefined)
  }
  const close = () => {
    go({ entry: undefined }, true)
    list.current?.focus()
  }
  const select = (id: string) => {
    setCursor(id)
    if (place.entry !== undefined) go({ entry: id }, true)
  }
  const togglePause = () => (feed.holds.has('paused') ? feed.release('paused') : feed.hold('paused'))
  const addClause = useCallback(
    (clause: string) =>
      go({
        filter: withClause(
          place.filter,
          clause,
          languageOf(place.filter === '' ? clause : place.filter) ?? 'kfl2',
        ),
      }),
    [go, place.filter],
  )
  useTrafficKeys({ list, filterBox, togglePause, close, isOpen: place.entry !== undefined })

  return (
    <div className={classes.screen}>
      <VisuallyHidden component="h1">Traffic</VisuallyHidden>
      <TrafficToolbar
        traffic={traffic}
        place={place}
        filterBox={filterBox}
        onPlace={go}
        onTogglePause={togglePause}
        sources={slots.sources?.(place.source, (source) => go({ source, from: undefined, to: undefined }))}
      />
      <div ref={ref} className={classes.split} data-direction={direction}>
        <section className={classes.list} aria-label="List">
          <TrafficList
            ref={list}
            traffic={traffic}
            selected={place.entry ?? cursor}
            onSelect={select}
            onOpen={open}
            widths={widths}
            onWidths={setWidths}
          >
            <NothingShown
              traffic={traffic}
              place={place}
              itemsBefore={itemsBefore}
              onPlace={go}
              onResume={togglePause}
            />
          </TrafficList>
          {live && <FreshPill traffic={traffic} onClick={() => list.current?.toNewest()} />}
        </section>
        {place.entry !== undefined && (
          <>
            <Splitter {...splitter} direction={direction} label="Share of the details" />
            <section
              className={classes.panel}
              aria-label="Details"
              style={{ flexBasis: `${(splitter.share * 100).toFixed(2)}%` }}
            >
              <OpenEntry
                id={place.entry}
                line={feed.lines.find(({ id }) => id === place.entry)}
                source={place.source}
                filter={place.filter}
                onClause={addClause}
                onClose={close}
                {...(slots.packets === undefined ? {} : { packets: slots.packets })}
                {...(slots.downloads === undefined ? {} : { downloads: slots.downloads })}
              />
            </section>
          </>
        )}
      </div>
      <TrafficFooter traffic={traffic} isLive={live} itemsBefore={itemsBefore} />
    </div>
  )
}

/** How much waits behind a list that stands still; takes one to it. */
function FreshPill({
  traffic: { feed },
  onClick,
}: {
  readonly traffic: Traffic
  readonly onClick: () => void
}) {
  useChanges(feed.numbers)
  const { fresh } = feed.counts
  if (fresh === 0 || feed.holds.has('paused')) return null
  return (
    <Button
      className={classes.pill ?? ''}
      size="compact-sm"
      radius="xl"
      leftSection={<IconArrowDown size={14} aria-hidden />}
      onClick={onClick}
    >
      {formatNumber(fresh)} new
    </Button>
  )
}

/** Where the address says that one is, and how to go elsewhere. */
function usePlace() {
  const [search, setSearch] = useSearchParams()
  const place = placeIn(search)
  const go = useCallback(
    (change: Partial<TrafficPlace>, isReplaced = false) =>
      setSearch((before) => searchOf({ ...placeIn(before), ...change }, before), { replace: isReplaced }),
    [setSearch],
  )
  return { place, go }
}

/** How many entries workers had made when this place was first looked at; undefined until they have told. */
function useItemsBefore({ filter, from, to, source }: TrafficPlace): number | undefined {
  const nodes = useNodes()
  const key = JSON.stringify([filter, from, to, source])
  const [known, setKnown] = useState<{ readonly key: string; readonly items: number }>()
  useEffect(() => {
    if (nodes !== undefined && known?.key !== key) setKnown({ key, items: total(nodes, 'items') })
  }, [nodes, key, known])
  return known?.key === key ? known.items : undefined
}

function useWidths() {
  return useLocalStorage<ColumnWidths>({
    key: 'remora.traffic.columns',
    defaultValue: {},
    getInitialValueInEffect: false,
    deserialize: (text) => widthsIn(text ?? null),
  })
}

interface Keys {
  readonly list: React.RefObject<TrafficListHandle | null>
  readonly filterBox: React.RefObject<FilterBoxHandle | null>
  readonly togglePause: () => void
  readonly close: () => void
  readonly isOpen: boolean
}

function useTrafficKeys({ list, filterBox, togglePause, close, isOpen }: Keys): void {
  useOffer([
    {
      id: 'traffic filter',
      label: 'Filter the traffic',
      group: 'Traffic',
      keys: '/',
      run: () => filterBox.current?.focus(),
    },
    { id: 'traffic pause', label: 'Pause the traffic, or go on (Space)', group: 'Traffic', run: togglePause },
    {
      id: 'traffic next',
      label: 'Next entry',
      group: 'Traffic',
      keys: 'j',
      run: () => list.current?.move(1),
    },
    {
      id: 'traffic previous',
      label: 'Previous entry',
      group: 'Traffic',
      keys: 'k',
      run: () => list.current?.move(-1),
    },
    {
      id: 'traffic newest',
      label: 'Newest entries',
      group: 'Traffic',
      keys: 'G',
      run: () => list.current?.toNewest(),
    },
    {
      id: 'traffic oldest',
      label: 'Oldest entries',
      group: 'Traffic',
      keys: 'g g',
      run: () => list.current?.toOldest(),
    },
  ])
  const acts = useRef({ togglePause, close, isOpen })
  acts.current = { togglePause, close, isOpen }
  // Where a button or a field has the focus, these keys are its own.
  useEffect(() => {
    const take = (event: KeyboardEvent) => {
      const { target } = event
      const isElsewhere =
        target instanceof Element &&
        target.closest('button, a, input, textarea, [role=slider], [role=dialog]') !== null
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === ' ' && !isElsewhere) acts.current.togglePause()
      else if (event.key === 'Escape' && acts.current.isOpen && !isInDialog(target)) acts.current.close()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', take)
    return () => removeEventListener('keydown', take)
  }, [])
}

function isInDialog(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('[role=dialog]') !== null
}

/** px of the room for list and details from which on they stand side by side. */
const SIDE_BY_SIDE = 900
