import { Button } from '@mantine/core'
import { IconPlayerStop, IconPlus, IconTrash } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import type { RecordingView } from '../../../src/wire/recordings.ts'
import { confirm } from '../../components/confirm.tsx'
import { Foot } from '../../components/listing/foot.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { SearchBox } from '../../components/search-box.tsx'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { useOffer } from '../../lib/commands.ts'
import { formatBytes } from '../../lib/format.ts'
import { useHubClock } from '../../lib/hub-clock.ts'
import { useMay } from '../../lib/session.ts'
import { useTyped } from '../../lib/use-typed.ts'
import { NewRecording } from './new-recording.tsx'
import { canStop, counted, found } from './recording-list.ts'
import { type RecordingActs, RecordingTable } from './recording-table.tsx'
import classes from './recordings.module.css'
import { useEndings, useFiles, useRecordings } from './use-recordings.ts'

/** Traffic that somebody wanted to keep, or wants to. */
export function RecordingsPage() {
  const { data: recordings = NONE, error, isPending, refetch } = useRecordings()
  const place = usePlace()
  const mayOperate = useMay('operator')
  const now = useHubClock(TICK_MS)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const { fetching, fetchFile } = useFiles()
  const endings = useEndings()
  const shown = useMemo(() => found(recordings, place.searched), [recordings, place.searched])
  const chosen = shown.filter(({ name }) => selected.has(name))
  const acts: RecordingActs = {
    fetchFile,
    stop: (names) => askToStop(names, () => endings.stop(names)),
    remove: (names) => askToDelete(names, () => endings.remove(names)),
  }
  return (
    <>
      <PageHeader title="Recordings">
        <SearchBox
          what="recordings"
          fields="Name, filter or who"
          value={place.searched}
          onChange={place.search}
        />
        {mayOperate && <HeaderActions chosen={chosen} acts={acts} onNew={place.open} />}
      </PageHeader>
      {error !== null ? (
        <ErrorState title="The recordings cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingState what="the recordings" />
      ) : shown.length === 0 ? (
        <NoRecordings
          isSearched={recordings.length > 0}
          onShowAll={() => place.search('')}
          onNew={mayOperate ? place.open : undefined}
        />
      ) : (
        <>
          <RecordingTable
            recordings={shown}
            now={now}
            selected={selected}
            onSelect={setSelected}
            acts={acts}
            fetching={fetching}
            mayOperate={mayOperate}
          />
          <Foot>
            {counted(shown.length, 'recording', 'recordings')}, {formatBytes(sizeOf(shown))} on the disks of
            the workers. New ones, and what they keep, need some seconds to show up here.
          </Foot>
        </>
      )}
      {place.isNew && mayOperate && !isPending && (
        <NewRecording
          filter={place.filter}
          taken={recordings.map(({ name }) => name)}
          now={now}
          onClose={place.close}
        />
      )}
    </>
  )
}

interface HeaderProps {
  readonly chosen: readonly RecordingView[]
  readonly acts: RecordingActs
  readonly onNew: () => void
}

function HeaderActions({ chosen, acts, onNew }: HeaderProps) {
  const going = chosen.filter(canStop).map(({ name }) => name)
  useOffer([{ id: 'recordings new', label: 'New recording', group: 'Recordings', keys: 'n', run: onNew }])
  return (
    <>
      {going.length > 0 && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconPlayerStop size={14} aria-hidden />}
          onClick={() => acts.stop(going)}
        >
          Stop {going.length}
        </Button>
      )}
      {chosen.length > 0 && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconTrash size={14} aria-hidden />}
          onClick={() => acts.remove(chosen.map(({ name }) => name))}
        >
          Delete {chosen.length}
        </Button>
      )}
      <Button size="compact-sm" leftSection={<IconPlus size={14} aria-hidden />} onClick={onNew}>
        New recording
      </Button>
    </>
  )
}

interface NoneProps {
  readonly isSearched: boolean
  readonly onShowAll: () => void
  /** Undefined for those who may not. */
  readonly onNew: (() => void) | undefined
}

function NoRecordings({ isSearched, onShowAll, onNew }: NoneProps) {
  if (isSearched)
    return (
      <EmptyState title="No recording is like that">
        <Button size="xs" variant="default" onClick={onShowAll}>
          Show all recordings
        </Button>
      </EmptyState>
    )
  return (
    <EmptyState title="Nothing is recorded yet">
      Entries are gone after minutes. A recording keeps those that match a filter, and all packets of their
      connections, for as long as you want: from now on, each day at a time, or what there still is of the
      last minutes.
      {onNew !== undefined && (
        <div className={classes.begin}>
          <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={onNew}>
            New recording
          </Button>
        </div>
      )}
    </EmptyState>
  )
}

function askToStop(names: readonly string[], onConfirm: () => void): void {
  confirm({
    title: `Stop ${namesIn(names)}?`,
    text: 'It does not go on, and does not begin again on another day. What was recorded stays until it expires.',
    act: 'Stop',
    onConfirm,
  })
}

function askToDelete(names: readonly string[], onConfirm: () => void): void {
  confirm({
    title: `Delete ${namesIn(names)}?`,
    text: 'All entries and packets of it are deleted on all workers. This cannot be undone.',
    act: 'Delete',
    onConfirm,
  })
}

function namesIn(names: readonly string[]): string {
  const [only] = names
  return names.length === 1 && only !== undefined ? only : counted(names.length, 'recording', 'recordings')
}

function sizeOf(recordings: readonly RecordingView[]): number {
  return recordings.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** What of the screen is in its address: the search, and the dialog with its filter. */
function usePlace() {
  const [address, go] = useAddress()
  const [searched, search] = useTyped(address.get('q') ?? '', (q) => go({ q }))
  return {
    searched,
    search,
    isNew: address.has('new'),
    filter: address.get('filter') ?? '',
    open: () => go({ new: '1' }),
    close: () => go({ new: undefined, filter: undefined }),
  }
}

const NONE: readonly RecordingView[] = []
/** A countdown needs it so often. */
const TICK_MS = 1000
