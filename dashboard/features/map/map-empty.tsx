import { Button, Group } from '@mantine/core'
import type { MapView } from '../../../src/wire/map.ts'
import { EmptyState } from '../../components/states.tsx'
import type { MapPlace } from './map-place.ts'
import { windowWords } from './window-words.ts'

interface Props {
  readonly view: MapView
  readonly place: MapPlace
  readonly onPlace: (change: Partial<MapPlace>) => void
}

/** Why there is nothing on the map, and what to do about it. */
export function MapEmpty({ view, place, onPlace }: Props) {
  const { filter, window, hidden } = place
  const isAllHidden = view.edges.length > 0 && hidden.length > 0
  const title = isAllHidden
    ? 'All protocols are left out'
    : view.workers.length === 0
      ? 'No worker has answered yet'
      : filter === ''
        ? `No traffic ${windowWords(window)}`
        : `Nothing matches ${windowWords(window)}`
  return (
    <EmptyState title={title}>
      {isAllHidden
        ? 'There is traffic, of protocols that are switched off above.'
        : view.isFilling
          ? 'What was kept is still being read.'
          : 'The map shows what comes, and what workers have kept of the time before.'}
      <Group justify="center" mt="sm" gap="xs">
        {isAllHidden && (
          <Button size="xs" variant="default" onClick={() => onPlace({ hidden: [] })}>
            Show all protocols
          </Button>
        )}
        {filter !== '' && (
          <Button size="xs" variant="default" onClick={() => onPlace({ filter: '' })}>
            Clear the filter
          </Button>
        )}
        {window !== 0 && !isAllHidden && (
          <Button size="xs" variant="default" onClick={() => onPlace({ window: 0 })}>
            Look at all that is kept
          </Button>
        )}
      </Group>
    </EmptyState>
  )
}
