import { SegmentedControl, Select } from '@mantine/core'
import { useMemo } from 'react'
import { FilterBox } from '../../components/filter-box/filter-box.tsx'
import { Tools } from '../../components/tools.tsx'
import classes from './map.module.css'
import { GROUPINGS, type MapPlace, WINDOWS } from './map-place.ts'
import type { ServiceGraph } from './service-graph.ts'
import { windowTitle } from './window-words.ts'

interface Props {
  readonly graph: ServiceGraph
  readonly place: MapPlace
  readonly onPlace: (change: Partial<MapPlace>) => void
  readonly onSought: (key: string) => void
}

/** What is shown, and how. */
export function MapTools({ graph, place, onPlace, onSought }: Props) {
  const services = useMemo(
    () =>
      Array.from(graph.services.values(), ({ key, title, namespace }) => ({
        value: key,
        label: namespace === '' ? title : `${title} · ${namespace}`,
      })).sort((a, b) => a.label.localeCompare(b.label)),
    [graph],
  )
  return (
    <Tools>
      <div className={classes.filter}>
        <FilterBox value={place.filter} onApply={(filter) => onPlace({ filter })} label="Filter of the map" />
      </div>
      <Select
        className={classes.find}
        size="xs"
        aria-label="Find a service"
        placeholder="Find a service"
        searchable
        limit={50}
        data={services}
        value={null}
        nothingFoundMessage="No such service"
        onChange={(key) => {
          if (key !== null) onSought(key)
        }}
      />
      <Select
        size="xs"
        w={96}
        aria-label="Time"
        allowDeselect={false}
        data={WINDOWS.map((seconds) => ({ value: String(seconds), label: windowTitle(seconds) }))}
        value={String(place.window)}
        onChange={(seconds) => onPlace({ window: Number(seconds) })}
      />
      <Select
        size="xs"
        w={150}
        aria-label="Group by"
        allowDeselect={false}
        data={GROUPINGS.map((grouping) => ({ value: grouping, label: GROUPING_TITLES[grouping] }))}
        value={place.grouping}
        onChange={(grouping) => onPlace({ grouping: GROUPINGS.find((each) => each === grouping) ?? 'none' })}
      />
      <SegmentedControl
        size="xs"
        aria-label="View"
        data={[
          { value: 'map', label: 'Map' },
          { value: 'table', label: 'Table' },
        ]}
        value={place.isTable ? 'table' : 'map'}
        onChange={(view) => onPlace({ isTable: view === 'table' })}
      />
    </Tools>
  )
}

const GROUPING_TITLES = { none: 'Not grouped', namespace: 'By namespace', host: 'By host' } as const
