import { Button, Group } from '@mantine/core'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useNodes } from '../../lib/watched.ts'
import { emptyReason } from './empty-reason.ts'
import { isLive, type TrafficPlace } from './traffic-place.ts'
import { type Traffic, useChanges } from './use-traffic.ts'

interface Props {
  readonly traffic: Traffic
  readonly place: TrafficPlace
  readonly itemsBefore: number | undefined
  readonly onPlace: (change: Partial<TrafficPlace>) => void
  readonly onResume: () => void
}

/** Why the list is empty, and the way out. */
export function NothingShown({
  traffic: { feed, kept, retry },
  place,
  itemsBefore,
  onPlace,
  onResume,
}: Props) {
  useChanges(feed.numbers)
  const nodes = useNodes()
  if (kept.error !== undefined)
    return <ErrorState title="The entries cannot be shown" error={kept.error} onRetry={retry} />
  if (kept.isLoading) return <LoadingState what="entries" />
  const { title, hint, remedy } = emptyReason({
    filter: place.filter,
    isLive: isLive(place),
    isPaused: feed.holds.has('paused'),
    source: place.source,
    nodes,
    itemsBefore: itemsBefore ?? 0,
    missing: kept.missing,
    scanned: kept.scanned,
  })
  return (
    <EmptyState title={title}>
      {hint}
      <Group justify="center" mt="sm">
        {remedy === 'clear filter' && (
          <Button size="xs" variant="light" onClick={() => onPlace({ filter: '' })}>
            Clear the filter
          </Button>
        )}
        {remedy === 'go live' && (
          <Button
            size="xs"
            variant="light"
            onClick={() => onPlace({ from: undefined, to: undefined, source: undefined })}
          >
            Show what comes now
          </Button>
        )}
        {remedy === 'resume' && (
          <Button size="xs" variant="light" onClick={onResume}>
            Go on
          </Button>
        )}
      </Group>
    </EmptyState>
  )
}
