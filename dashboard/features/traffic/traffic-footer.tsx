import { Tooltip } from '@mantine/core'
import { useEffect, useState } from 'react'
import { formatNumber, formatRate } from '../../lib/format.ts'
import { useNodes } from '../../lib/watched.ts'
import { total } from './empty-reason.ts'
import classes from './traffic.module.css'
import { type Traffic, useChanges } from './use-traffic.ts'

interface Props {
  readonly traffic: Traffic
  readonly isLive: boolean
  /** How many entries nodes had made when this page began to look. */
  readonly itemsBefore: number | undefined
}

/** How much of the traffic is shown, and what became of the rest. */
export function TrafficFooter({ traffic, isLive, itemsBefore }: Props) {
  return (
    <footer className={classes.footer}>
      {isLive ? <LiveCounts traffic={traffic} itemsBefore={itemsBefore} /> : <KeptCounts traffic={traffic} />}
      {traffic.kept.error instanceof Error && (
        <span className={classes.bad} role="alert">
          {traffic.kept.error.message}
        </span>
      )}
    </footer>
  )
}

function LiveCounts({ traffic: { feed }, itemsBefore }: Omit<Props, 'isLive'>) {
  useChanges(feed.numbers)
  useTick(1000)
  const { shown, seen, letGo, lost, perSecond } = feed.counts
  const items = total(useNodes()?.filter(({ component }) => component === 'worker') ?? [], 'items')
  const made = itemsBefore === undefined ? undefined : Math.max(items - itemsBefore, 0)
  return (
    <>
      <State holds={feed.holds} />
      <Count name="shown" value={shown} />
      <Count
        name="seen"
        value={seen}
        hint="Entries that matched and came to this page since it began to look"
      />
      {letGo > 0 && (
        <Count
          name="let go"
          value={letGo}
          hint="Seen, and gone from this list to make room for newer ones. Workers keep them for a while: scroll up, or go to their time."
        />
      )}
      {lost > 0 && (
        <span className={classes.bad}>
          <Count
            name="left out"
            value={lost}
            hint="Matched, and did not get here: they come faster than this page, or the way to it, takes them"
          />
        </span>
      )}
      {made !== undefined && (
        <Count name="made by workers meanwhile" value={made} hint="Entries of all kinds, matching or not" />
      )}
      <span className={classes.push} />
      <Sparkline values={perSecond} />
      <span data-testid="rate">{formatRate(perSecond.at(-1) ?? 0)}</span>
    </>
  )
}

function KeptCounts({ traffic: { feed, kept } }: { readonly traffic: Traffic }) {
  useChanges(feed.list)
  return (
    <>
      <Count name="shown" value={feed.lines.length} />
      <Count name="looked at" value={kept.scanned} hint="Entries that workers keep and that were asked" />
      <span>{kept.isAtBeginning ? 'from the beginning' : 'older ones are loaded as you scroll up'}</span>
      {kept.missing.length > 0 && (
        <span className={classes.bad}>no answer from {kept.missing.join(', ')}</span>
      )}
    </>
  )
}

function State({ holds }: { readonly holds: ReadonlySet<string> }) {
  const [word, why] = holds.has('paused')
    ? ['Paused', 'Space goes on']
    : holds.has('scrolled') || holds.has('cursor')
      ? ['Held', 'You look at what was; End goes back to the newest']
      : holds.has('pointer')
        ? ['Held', 'The pointer is on the list, and nothing moves below it']
        : ['Live', 'The newest are shown as they come']
  return (
    <Tooltip label={why}>
      <span className={classes.following}>
        <span className={classes.dot} data-state={holds.size > 0 ? 'held' : 'live'} />
        {word}
      </span>
    </Tooltip>
  )
}

interface CountProps {
  readonly name: string
  readonly value: number
  readonly hint?: string
}

function Count({ name, value, hint = '' }: CountProps) {
  return (
    <Tooltip label={hint} disabled={hint === ''} multiline maw={320}>
      <span data-count={name} data-value={value}>
        <strong>{formatNumber(value)}</strong> {name}
      </span>
    </Tooltip>
  )
}

/** Entries a second, of the last minute. */
function Sparkline({ values }: { readonly values: readonly number[] }) {
  const most = Math.max(...values, 1)
  const step = 96 / Math.max(values.length - 1, 1)
  const points = values.map(
    (value, at) => `${(at * step).toFixed(1)},${(15 - (value / most) * 14).toFixed(1)}`,
  )
  return (
    <svg
      className={classes.spark}
      viewBox="0 0 96 16"
      role="img"
      aria-label="Entries a second, in the last minute"
    >
      <polyline points={points.join(' ')} fill="none" stroke="currentColor" strokeWidth="1.2" />
    </svg>
  )
}

function useTick(everyMs: number): void {
  const [, set] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => set((before) => before + 1), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
}
