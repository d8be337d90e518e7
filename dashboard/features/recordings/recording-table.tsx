import { Anchor, Checkbox, Group, Tooltip } from '@mantine/core'
import {
  IconAlertTriangle,
  IconArchive,
  IconFileDownload,
  IconPlayerStop,
  IconTrash,
} from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import type { RecordingView } from '../../../src/wire/recordings.ts'
import { IconAction } from '../../components/icon-action.tsx'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { RowOpener } from '../../components/listing/row-opener.tsx'
import { formatBytes, formatDateTime, formatNumber } from '../../lib/format.ts'
import { canStop, lossesOf, nextStep, progress } from './recording-list.ts'
import { RecordingNodes } from './recording-nodes.tsx'
import classes from './recordings.module.css'
import { State } from './state.tsx'

export interface RecordingActs {
  stop(names: readonly string[]): void
  remove(names: readonly string[]): void
  fetchFile(name: string, what: 'pcap' | 'download'): void
}

interface Props {
  readonly recordings: readonly RecordingView[]
  /** By the clock of the hub, ms since the epoch. */
  readonly now: number
  readonly selected: ReadonlySet<string>
  readonly onSelect: (selected: ReadonlySet<string>) => void
  readonly acts: RecordingActs
  /** Files that are on their way, as `name/what`. */
  readonly fetching: readonly string[]
  readonly mayOperate: boolean
}

/** Recordings, a line each; more of each is a click away. */
export function RecordingTable(props: Props) {
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set())
  return (
    <Listing
      label="All recordings"
      columns={[...(props.mayOperate ? [selection(props)] : []), ...columnsOf(props, opened, setOpened)]}
      rows={props.recordings}
      keyOf={({ name }) => name}
      below={(recording) =>
        opened.has(recording.name) ? <RecordingNodes recording={recording} /> : undefined
      }
      toneOf={({ name }) => (props.selected.has(name) ? 'chosen' : undefined)}
    />
  )
}

function selection({ recordings, selected, onSelect }: Props): Column<RecordingView> {
  const names = recordings.map(({ name }) => name)
  const chosen = names.filter((name) => selected.has(name))
  return {
    name: 'Select',
    width: 38,
    head: (
      <Checkbox
        size="xs"
        aria-label="Select all"
        checked={chosen.length > 0 && chosen.length === names.length}
        indeterminate={chosen.length > 0 && chosen.length < names.length}
        onChange={({ currentTarget }) => onSelect(new Set(currentTarget.checked ? names : []))}
      />
    ),
    cell: ({ name }) => (
      <Checkbox
        size="xs"
        aria-label={`Select ${name}`}
        checked={selected.has(name)}
        onChange={() => onSelect(toggled(selected, name))}
      />
    ),
  }
}

function columnsOf(
  { now, acts, fetching, mayOperate }: Props,
  opened: ReadonlySet<string>,
  onOpened: (opened: ReadonlySet<string>) => void,
): readonly Column<RecordingView>[] {
  return [
    {
      name: 'Name',
      width: 150,
      cell: ({ name }) => (
        <RowOpener of={name} isOpen={opened.has(name)} onToggle={() => onOpened(toggled(opened, name))}>
          <Anchor
            component={Link}
            to={trafficOf(name)}
            className={classes.name}
            title={`Show the entries of ${name}`}
          >
            {name}
          </Anchor>
        </RowOpener>
      ),
    },
    { name: 'State', width: 115, cell: ({ state }) => <State state={state} /> },
    { name: 'Next', width: 115, cell: (recording) => <Next recording={recording} now={now} /> },
    {
      name: 'Filter',
      title: ({ filter }) => filter,
      cell: ({ filter }) =>
        filter === '' ? (
          <span className={classes.muted}>everything</span>
        ) : (
          <span className={classes.filter}>{filter}</span>
        ),
    },
    { name: 'Entries', width: 72, isRight: true, cell: ({ entries }) => formatNumber(entries) },
    { name: 'Packets', width: 76, isRight: true, cell: ({ packets }) => formatNumber(packets) },
    { name: 'Size', width: 98, isRight: true, cell: (recording) => <Size recording={recording} /> },
    { name: 'Begin', width: 156, isRight: true, cell: ({ start }) => formatDateTime(start).slice(0, 16) },
    ...(mayOperate
      ? [
          {
            name: 'Actions',
            width: 136,
            isRight: true,
            cell: (recording: RecordingView) => (
              <Actions recording={recording} acts={acts} fetching={fetching} />
            ),
          },
        ]
      : []),
  ]
}

function toggled(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  return names.has(name) ? new Set([...names].filter((each) => each !== name)) : new Set([...names, name])
}

/** What there is of it, with a sign where that is not all. */
function Size({ recording }: { readonly recording: RecordingView }) {
  const { reason, bytes } = recording
  const warning = [reason, lossesOf(recording)].filter((each) => each !== undefined && each !== '').join('; ')
  return (
    <>
      {warning !== '' && (
        <Tooltip label={warning} multiline maw={420}>
          <span className={classes.warning} role="img" aria-label={`Not all of it: ${warning}`}>
            <IconAlertTriangle size={14} />
          </span>
        </Tooltip>
      )}
      {formatBytes(bytes)}
    </>
  )
}

function Next({ recording, now }: { readonly recording: RecordingView; readonly now: number }) {
  const passed = progress(recording, now)
  return (
    <span className={classes.next}>
      {nextStep(recording, now)}
      {passed !== undefined && (
        <span className={classes.bar} aria-hidden="true">
          <span style={{ width: `${(100 * passed).toFixed(1)}%` }} />
        </span>
      )}
    </span>
  )
}

type ActionProps = Pick<Props, 'acts' | 'fetching'> & { readonly recording: RecordingView }

function Actions({ recording, acts, fetching }: ActionProps) {
  const { name, entries, packets } = recording
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      <IconAction
        label={`Download the packets of ${name} (pcap)`}
        isDisabled={packets === 0}
        isBusy={fetching.includes(`${name}/pcap`)}
        onClick={() => acts.fetchFile(name, 'pcap')}
      >
        <IconFileDownload size={16} />
      </IconAction>
      <IconAction
        label={`Download all of ${name} (tar.gz)`}
        isDisabled={entries + packets === 0}
        isBusy={fetching.includes(`${name}/download`)}
        onClick={() => acts.fetchFile(name, 'download')}
      >
        <IconArchive size={16} />
      </IconAction>
      <IconAction label={`Stop ${name}`} isDisabled={!canStop(recording)} onClick={() => acts.stop([name])}>
        <IconPlayerStop size={16} />
      </IconAction>
      <IconAction label={`Delete ${name}`} onClick={() => acts.remove([name])}>
        <IconTrash size={16} />
      </IconAction>
    </Group>
  )
}

/** Where the entries of a recording are shown. */
function trafficOf(name: string): string {
  return `/traffic?source=recording:${encodeURIComponent(name)}`
}
