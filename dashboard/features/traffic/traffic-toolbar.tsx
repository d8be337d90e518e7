import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core'
import {
  IconCircleDotFilled,
  IconDownload,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
} from '@tabler/icons-react'
import type { ReactNode, Ref } from 'react'
import { Link } from 'react-router'
import { FilterBox, type FilterBoxHandle } from '../../components/filter-box/filter-box.tsx'
import { saveAs } from '../../lib/api.ts'
import { useMay } from '../../lib/session.ts'
import { csvOf, jsonOf } from './export.ts'
import { TimeMenu } from './time-menu.tsx'
import classes from './traffic.module.css'
import type { TrafficFeed } from './traffic-feed.ts'
import { isLive, type TrafficPlace } from './traffic-place.ts'
import { type Traffic, useChanges } from './use-traffic.ts'
import { valuesIn } from './values-in.ts'

interface Props {
  readonly traffic: Traffic
  readonly place: TrafficPlace
  readonly filterBox: Ref<FilterBoxHandle>
  readonly onPlace: (change: Partial<TrafficPlace>) => void
  readonly onTogglePause: () => void
  readonly sources: ReactNode
}

/** What is shown: the filter, the time, where from; and what can be done with it. */
export function TrafficToolbar({
  traffic: { feed },
  place,
  filterBox,
  onPlace,
  onTogglePause,
  sources,
}: Props) {
  return (
    <div className={classes.toolbar}>
      {isLive(place) && <PauseButton feed={feed} onToggle={onTogglePause} />}
      <FilterBox
        ref={filterBox}
        value={place.filter}
        onApply={(filter) => {
          if (filter !== place.filter) onPlace({ filter })
        }}
        valuesOf={(path) => valuesIn(feed.lines, path)}
      />
      {sources}
      <TimeMenu from={place.from} to={place.to} onRange={onPlace} />
      <RecordButton filter={place.filter} />
      <ExportMenu feed={feed} />
    </div>
  )
}

function PauseButton({ feed, onToggle }: { readonly feed: TrafficFeed; readonly onToggle: () => void }) {
  useChanges(feed.list)
  const isPaused = feed.holds.has('paused')
  const label = isPaused ? 'Go on (Space)' : 'Pause (Space)'
  return (
    <Tooltip label={label}>
      <ActionIcon
        size={32}
        variant={isPaused ? 'filled' : 'default'}
        aria-label={label}
        aria-pressed={isPaused}
        onClick={onToggle}
      >
        {isPaused ? <IconPlayerPlayFilled size={15} /> : <IconPlayerPauseFilled size={15} />}
      </ActionIcon>
    </Tooltip>
  )
}

/** Keeps what the filter matches: see the recordings. */
function RecordButton({ filter }: { readonly filter: string }) {
  if (!useMay('author')) return null
  return (
    <Tooltip label="Record what the filter matches">
      <Button
        component={Link}
        to={`/recordings?new=1&filter=${encodeURIComponent(filter)}`}
        size="xs"
        variant="default"
        leftSection={<IconCircleDotFilled size={14} className={classes.bad} aria-hidden />}
      >
        Record
      </Button>
    </Tooltip>
  )
}

function ExportMenu({ feed }: { readonly feed: TrafficFeed }) {
  const save = (text: string, type: string, ending: string) =>
    saveAs(new Blob([text], { type }), `remora-traffic.${ending}`)
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label="Take along what is shown">
          <ActionIcon size={32} variant="default" aria-label="Export what is shown">
            <IconDownload size={16} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => save(csvOf(feed.lines), 'text/csv', 'csv')}>Rows as CSV</Menu.Item>
        <Menu.Item onClick={() => save(jsonOf(feed.lines), 'application/json', 'json')}>
          Whole entries as JSON
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
