import { ActionIcon, Anchor, Checkbox, Group, Tooltip } from '@mantine/core'
import {
  IconAlertTriangle,
  IconArchive,
  IconChevronRight,
  IconFileDownload,
  IconPlayerStop,
  IconTrash,
} from '@tabler/icons-react'
import { Fragment, useState } from 'react'
import { Link } from 'react-router'
import type { RecordingView } from '../../../src/wire/recordings.ts'
import { IconAction } from '../../components/icon-action.tsx'
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
  const { recordings, selected, onSelect, mayOperate } = props
  const names = recordings.map(({ name }) => name)
  const chosen = names.filter((name) => selected.has(name))
  return (
    <section className={classes.scroller} aria-label="All recordings">
      <table className={`listing ${classes.table}`}>
        <thead>
          <tr>
            {mayOperate && (
              <th scope="col" className={classes.narrow}>
                <Checkbox
                  size="xs"
                  aria-label="Select all"
                  checked={chosen.length > 0 && chosen.length === names.length}
                  indeterminate={chosen.length > 0 && chosen.length < names.length}
                  onChange={({ currentTarget }) => onSelect(new Set(currentTarget.checked ? names : []))}
                />
              </th>
            )}
            {HEADS.map(([head, isNumber]) => (
              <th key={head} scope="col" className={isNumber ? classes.right : undefined}>
                {head}
              </th>
            ))}
            <th scope="col" className={classes.right}>
              Actions
            </th>
          </tr>
        </thead>
        <tbody>
          {recordings.map((recording) => (
            <Row key={recording.name} {...props} recording={recording} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

type RowProps = Props & { readonly recording: RecordingView }

function Row({ recording, now, selected, onSelect, acts, fetching, mayOperate }: RowProps) {
  const { name, state, filter, entries, packets, bytes, start, reason } = recording
  const [isOpen, setOpen] = useState(false)
  const losses = lossesOf(recording)
  const warning = [reason, losses].filter((each) => each !== undefined && each !== '').join('; ')
  const select = (isSelected: boolean) => {
    const others = [...selected].filter((each) => each !== name)
    onSelect(new Set(isSelected ? [...others, name] : others))
  }
  return (
    <Fragment>
      <tr data-selected={selected.has(name)}>
        {mayOperate && (
          <td className={classes.narrow}>
            <Checkbox
              size="xs"
              aria-label={`Select ${name}`}
              checked={selected.has(name)}
              onChange={({ currentTarget }) => select(currentTarget.checked)}
            />
          </td>
        )}
        <td>
          <span className={classes.named}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              aria-label={`Details of ${name}`}
              aria-expanded={isOpen}
              onClick={() => setOpen(!isOpen)}
            >
              <IconChevronRight size={14} className={classes.chevron} data-open={isOpen} />
            </ActionIcon>
            <Anchor
              component={Link}
              to={trafficOf(name)}
              className={classes.name}
              title={`Show the entries of ${name}`}
            >
              {name}
            </Anchor>
          </span>
        </td>
        <td>
          <State state={state} />
        </td>
        <td className={classes.next}>
          <Next recording={recording} now={now} />
        </td>
        <td className={classes.filter} title={filter}>
          {filter === '' ? <span className={classes.muted}>everything</span> : filter}
        </td>
        <td className={classes.right}>{formatNumber(entries)}</td>
        <td className={classes.right}>{formatNumber(packets)}</td>
        <td className={classes.right}>
          {warning !== '' && (
            <Tooltip label={warning} multiline maw={420}>
              <span className={classes.warning} role="img" aria-label={`Not all of it: ${warning}`}>
                <IconAlertTriangle size={14} />
              </span>
            </Tooltip>
          )}
          {formatBytes(bytes)}
        </td>
        <td className={classes.right}>{formatDateTime(start).slice(0, 16)}</td>
        <td>{mayOperate && <Actions recording={recording} acts={acts} fetching={fetching} />}</td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={HEADS.length + (mayOperate ? 2 : 1)} className={classes.more}>
            <RecordingNodes recording={recording} />
          </td>
        </tr>
      )}
    </Fragment>
  )
}

function Next({ recording, now }: Pick<RowProps, 'recording' | 'now'>) {
  const passed = progress(recording, now)
  return (
    <>
      {nextStep(recording, now)}
      {passed !== undefined && (
        <span className={classes.bar} aria-hidden="true">
          <span style={{ width: `${(100 * passed).toFixed(1)}%` }} />
        </span>
      )}
    </>
  )
}

function Actions({ recording, acts, fetching }: Pick<RowProps, 'recording' | 'acts' | 'fetching'>) {
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

/** Names of columns, and whether numbers stand in them. */
const HEADS = [
  ['Name', false],
  ['State', false],
  ['Next', false],
  ['Filter', false],
  ['Entries', true],
  ['Packets', true],
  ['Size', true],
  ['Begin', true],
] as const
