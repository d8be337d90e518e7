import { SegmentedControl } from '@mantine/core'
import { PageHeader } from '../../components/page-header.tsx'
import { useAddress } from '../../lib/address.ts'
import { useMay } from '../../lib/session.ts'
import { DeadView } from './dead-view.tsx'
import { type EffectsPlace, placeIn, type View } from './effects-place.ts'
import { LogView } from './log-view.tsx'
import { useDead, useLanes } from './use-outbox.ts'
import { WaitingView } from './waiting-view.tsx'

/** What agents do outside of their sandboxes: what was done, what waits, and what was given up. */
export function EffectsPage() {
  const [address, go] = useAddress()
  const mayLog = useMay('operator')
  const place = placeIn(address, mayLog)
  const change = (changes: Partial<EffectsPlace>) => go(changes)
  const lanes = useLanes()
  const dead = useDead(place.view === 'dead')
  const waiting = (lanes.data ?? [])
    .flatMap((answer) => answer.lanes)
    .reduce((sum, lane) => sum + lane.waiting, 0)
  const views = [
    ...(mayLog ? [{ value: 'log', label: 'Log' }] : []),
    { value: 'waiting', label: counted('Waiting', waiting) },
    { value: 'dead', label: counted('Dead letters', dead.rows.length) },
  ]
  return (
    <>
      <PageHeader title="Effects">
        <SegmentedControl
          size="xs"
          aria-label="View"
          data={views}
          value={place.view}
          onChange={(view) => change({ view: view as View })}
        />
      </PageHeader>
      {place.view === 'log' ? (
        <LogView place={place} onPlace={change} />
      ) : place.view === 'waiting' ? (
        <WaitingView place={place} onPlace={change} lanes={lanes} dead={dead.rows} />
      ) : (
        <DeadView place={place} onPlace={change} dead={dead} />
      )}
    </>
  )
}

function counted(what: string, count: number): string {
  return count === 0 ? what : `${what} ${count.toLocaleString('en-US')}`
}
