import { Button, Group } from '@mantine/core'
import { IconRefresh, IconTrash } from '@tabler/icons-react'
import { confirm } from '../../components/confirm.tsx'
import { Foot } from '../../components/listing/foot.tsx'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { useMay } from '../../lib/session.ts'
import { useNodes } from '../../lib/watched.ts'
import { DeadTable } from './dead-table.tsx'
import type { EffectsPlace } from './effects-place.ts'
import { EffectsTools } from './effects-tools.tsx'
import { Nothing } from './nothing.tsx'
import { counted, type DeadRow, isOf, silentNodes } from './outbox-rows.ts'
import { type Calls, type GiveOrder, type useDead, useOrders } from './use-outbox.ts'

interface Props {
  readonly place: EffectsPlace
  readonly onPlace: (change: Partial<EffectsPlace>) => void
  readonly dead: ReturnType<typeof useDead>
}

/** Calls that were given up: to be looked at, sent again or discarded. */
export function DeadView({ place, onPlace, dead }: Props) {
  const { data: answers = NONE, rows: all, error, isPending, refetch } = dead
  const rows = all.filter((call) => isOf(call, place))
  const give = useOrders()
  const mayOperate = useMay('operator')
  const silent = silentNodes(useNodes() ?? [], answers)
  return (
    <>
      <EffectsTools place={place} onPlace={onPlace} callers={all}>
        {mayOperate && rows.length > 0 && (
          <AllActions rows={rows} isAll={rows.length === all.length} give={give} />
        )}
      </EffectsTools>
      {error !== null ? (
        <ErrorState title="The dead letters cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingState what="the dead letters" />
      ) : rows.length === 0 ? (
        <Nothing title="No call was given up" place={place} onPlace={onPlace}>
          Queued calls that cannot arrive, or have failed too often or for too long, are kept here, to be sent
          again or discarded.
        </Nothing>
      ) : (
        <DeadTable rows={rows} give={give} mayOperate={mayOperate} />
      )}
      <Foot>
        {counted(rows.length, 'dead letter')}
        {silent.length > 0 && `; no answer from ${silent.join(', ')}`}.
        {answers.some(({ dead }) => dead.length >= MOST) && ' Only the newest 1,000 of each node are listed.'}
      </Foot>
    </>
  )
}

interface AllProps {
  readonly rows: readonly DeadRow[]
  /** None is left out. */
  readonly isAll: boolean
  readonly give: GiveOrder
}

/** What is done with all that are shown, and with those like them that the list has no room for. */
function AllActions({ rows, isAll, give }: AllProps) {
  const calls: readonly Calls[] = isAll ? [{}] : callersOf(rows)
  const what = counted(rows.length, 'dead letter')
  return (
    <Group gap="xs" ml="auto" wrap="nowrap">
      <Button
        size="xs"
        variant="default"
        leftSection={<IconRefresh size={14} aria-hidden />}
        onClick={() =>
          confirm({
            title: `Send ${what} again?`,
            text: 'They wait again, as if they had just been queued, and are sent in the order in which they were made.',
            act: 'Send again',
            isHarmless: true,
            onConfirm: () => give('retry', ...calls),
          })
        }
      >
        Send all again
      </Button>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconTrash size={14} aria-hidden />}
        onClick={() =>
          confirm({
            title: `Discard ${what}?`,
            text: 'They will never be sent. This cannot be undone.',
            act: 'Discard',
            onConfirm: () => give('drop-dead', ...calls),
          })
        }
      >
        Discard all
      </Button>
    </Group>
  )
}

function callersOf(rows: readonly DeadRow[]): Calls[] {
  const callers = rows.map(
    ({ agent, helper }) => [JSON.stringify([agent, helper]), { agent, helper }] as const,
  )
  return [...new Map(callers).values()]
}

const NONE: NonNullable<Props['dead']['data']> = []
/** As many as a node lists. */
const MOST = 1000
