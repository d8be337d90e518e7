import { Button } from '@mantine/core'
import { IconLayoutDistributeHorizontal, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { PageHeader } from '../../components/page-header.tsx'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { useOffer } from '../../lib/commands.ts'
import { formatCount, formatDuration, formatNumber } from '../../lib/format.ts'
import classes from './map.module.css'
import { MapCanvas } from './map-canvas.tsx'
import { MapEmpty } from './map-empty.tsx'
import { MapLegend } from './map-legend.tsx'
import { MapPanel } from './map-panel.tsx'
import { type MapPlace, placeIn, searchOf } from './map-place.ts'
import { MapTable } from './map-table.tsx'
import { MapTools } from './map-tools.tsx'
import { formatPace } from './numbers.ts'
import { aroundOf, busiestOf, graphOf, protocolsOf, type ServiceGraph, totalsOf } from './service-graph.ts'
import { useMap } from './use-map.ts'

/** Who talks to whom. */
export function MapPage() {
  const [place, setPlace] = usePlace()
  const [isPaused, setPaused] = useState(false)
  const [arranging, setArranging] = useState(0)
  const [sought, setSought] = useState<{ key: string }>()
  const { view, failure } = useMap(place.filter, place.window, isPaused)
  const hidden = useMemo(() => new Set(place.hidden), [place.hidden])
  const graph = useMemo(
    () => (view === undefined ? NOTHING : graphOf(view, { hidden, isFolded: !place.isTable })),
    [view, hidden, place.isTable],
  )
  const { chosen, isFocused } = place
  const shown = useMemo(() => {
    const near = isFocused && chosen !== undefined ? aroundOf(graph, chosen) : graph
    return place.isTable ? near : busiestOf(near, MOST_LINKS)
  }, [graph, isFocused, chosen, place.isTable])
  const seconds = Math.max(1, (view?.spanMs ?? 1000) / 1000)
  const choose = (key: string | undefined) => setPlace({ chosen: key })
  const pause = () => setPaused(!isPaused)
  const arrange = () => setArranging(arranging + 1)
  useOffer([
    {
      id: 'map.pause',
      label: isPaused ? 'Go on with the map' : 'Pause the map',
      group: 'Service map',
      run: pause,
    },
    { id: 'map.arrange', label: 'Arrange the map anew', group: 'Service map', run: arrange },
  ])

  return (
    <div className={classes.page}>
      <PageHeader title="Service map">
        {!place.isTable && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconLayoutDistributeHorizontal size={14} />}
            onClick={arrange}
          >
            Arrange
          </Button>
        )}
        <Button
          size="xs"
          variant="default"
          leftSection={isPaused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
          aria-pressed={isPaused}
          onClick={pause}
        >
          {isPaused ? 'Go on' : 'Pause'}
        </Button>
      </PageHeader>
      <MapTools
        graph={graph}
        place={place}
        onPlace={setPlace}
        onSought={(key) => {
          setPlace({ chosen: key })
          setSought({ key })
        }}
      />
      {view !== undefined && (
        <MapLegend
          protocols={protocolsOf(view)}
          hidden={hidden}
          seconds={seconds}
          onHidden={(next) => setPlace({ hidden: next })}
        >
          {formatNumber(shown.services.size)} services · {formatNumber(shown.links.size)}
          {shown.links.size < graph.links.size && ` of ${formatNumber(graph.links.size)}`} links ·{' '}
          {formatPace(totalsOf([...graph.links.values()]).count, seconds)} over {formatDuration(view.spanMs)}
          {view.isFilling && ' · reading what was kept'}
          {view.isCut && ' · older entries are left out'}
          {view.others.count > 0 && ` · ${formatCount(view.others.count)} more of too many others`}
        </MapLegend>
      )}
      <div className={classes.body}>
        <div className={classes.main}>
          {failure !== undefined ? (
            <ErrorState title="The map cannot be shown" error={failure.message} />
          ) : view === undefined ? (
            <LoadingState what="the map" />
          ) : graph.links.size === 0 ? (
            <MapEmpty view={view} place={place} onPlace={setPlace} />
          ) : place.isTable ? (
            <MapTable graph={shown} seconds={seconds} chosen={chosen} onChoose={choose} />
          ) : (
            <MapCanvas
              graph={shown}
              seconds={seconds}
              grouping={place.grouping}
              chosen={chosen}
              onChoose={choose}
              arranging={`${arranging} ${isFocused ? chosen : ''}`}
              sought={sought}
            />
          )}
        </div>
        {chosen !== undefined && view !== undefined && (
          <MapPanel
            graph={graph}
            chosen={chosen}
            seconds={seconds}
            filter={place.filter}
            isFocused={isFocused}
            onFocus={(next) => setPlace({ isFocused: next })}
            onChoose={choose}
          />
        )}
      </div>
    </div>
  )
}

function usePlace() {
  const [params, setParams] = useSearchParams()
  const text = params.toString()
  const place = useMemo(() => placeIn(new URLSearchParams(text)), [text])
  const change = (next: Partial<MapPlace>) =>
    setParams((before) => searchOf({ ...placeIn(before), ...next }), { replace: true })
  return [place, change] as const
}

const NOTHING: ServiceGraph = { services: new Map(), links: new Map() }
/** Of those that are drawn. */
const MOST_LINKS = 800
