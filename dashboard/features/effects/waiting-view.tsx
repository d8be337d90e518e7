import { useMemo } from 'react'
import { Foot } from '../../components/listing/foot.tsx'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { useHubClock } from '../../lib/hub-clock.ts'
import { useMay } from '../../lib/session.ts'
import { useNodes } from '../../lib/watched.ts'
import type { EffectsPlace } from './effects-place.ts'
import { EffectsTools } from './effects-tools.tsx'
import { Nothing } from './nothing.tsx'
import { counted, type DeadRow, silentNodes, waitingRows } from './outbox-rows.ts'
import { type useLanes, useOrders } from './use-outbox.ts'
import { WaitingTable } from './waiting-table.tsx'

interface Props {
  readonly place: EffectsPlace
  readonly onPlace: (change: Partial<EffectsPlace>) => void
  readonly lanes: ReturnType<typeof useLanes>
  readonly dead: readonly DeadRow[]
}

/** What is in the outboxes of all nodes. */
export function WaitingView({ place, onPlace, lanes, dead }: Props) {
  const { data: answers = NONE, error, isPending, refetch } = lanes
  const { agent, helper } = place
  const nodes = useNodes()
  const now = useHubClock(1000)
  const give = useOrders()
  const mayOperate = useMay('operator')
  const all = useMemo(() => waitingRows(nodes ?? [], answers, dead, ALL), [nodes, answers, dead])
  const rows = useMemo(
    () => waitingRows(nodes ?? [], answers, dead, { agent, helper }),
    [nodes, answers, dead, agent, helper],
  )
  const silent = silentNodes(nodes ?? [], answers)
  const waiting = rows.reduce((sum, row) => sum + row.waiting, 0)
  return (
    <>
      <EffectsTools place={place} onPlace={onPlace} callers={all} />
      {error !== null ? (
        <ErrorState title="The queued calls cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending || nodes === undefined ? (
        <LoadingState what="the queued calls" />
      ) : rows.length === 0 ? (
        <Nothing title="No agent has queued a call" place={place} onPlace={onPlace}>
          Agents queue calls that must not be lost with <code>vendor.webhook.queue(…)</code>, and calls in
          hooks for live traffic whose answer nobody looks at are queued by themselves.
        </Nothing>
      ) : (
        <WaitingTable
          rows={rows}
          now={now}
          onDead={(row) => onPlace({ view: 'dead', agent: row.agent || row.title, helper: row.helper })}
          give={give}
          mayOperate={mayOperate}
        />
      )}
      <Foot>
        {waiting === 0 ? 'Nothing waits' : `${counted(waiting, 'call')} ${waiting === 1 ? 'waits' : 'wait'}`}
        {silent.length > 0 && `; no answer from ${silent.join(', ')}`}.
      </Foot>
    </>
  )
}

const NONE: NonNullable<Props['lanes']['data']> = []
const ALL = { agent: '', helper: '' }
