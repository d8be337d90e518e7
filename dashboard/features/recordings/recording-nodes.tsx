import type { RecordingView } from '../../../src/wire/recordings.ts'
import { Facts } from '../../components/listing/facts.tsx'
import { InnerTable } from '../../components/listing/inner-table.tsx'
import type { Column } from '../../components/listing/listing.tsx'
import { formatBytes, formatDateTime, formatNumber } from '../../lib/format.ts'
import { minutesInWords } from './minutes.ts'
import { lossesOf, scheduleOf } from './recording-list.ts'
import classes from './recordings.module.css'

interface Props {
  readonly recording: RecordingView
}

/** All that there is to know of a recording, node by node. */
export function RecordingNodes({ recording }: Props) {
  const { filter, nodes, createdBy, createdAt, start, end, expires, expiration } = recording
  const facts = [
    ['Filter', filter === '' ? 'everything' : filter],
    ['Records', scheduleOf(recording)],
    ['Begins', formatDateTime(start)],
    ['Ends', end === null ? 'when somebody stops it' : formatDateTime(end)],
    [
      'Is deleted',
      expires === null ? `${minutesInWords(expiration)} after each day` : formatDateTime(expires),
    ],
    ['Made by', `${createdBy}, ${formatDateTime(createdAt)}`],
    ['Lost', lossesOf(recording) ?? 'nothing'],
  ] as const
  return (
    <div className={classes.details}>
      <Facts facts={facts} />
      {nodes.length === 0 ? (
        <p className={classes.muted}>No worker has said anything of it yet.</p>
      ) : (
        <InnerTable
          label={`${recording.name} on each node`}
          columns={COLUMNS}
          rows={nodes}
          keyOf={({ node }) => node}
        />
      )}
    </div>
  )
}

const COLUMNS: readonly Column<RecordingView['nodes'][number]>[] = [
  { name: 'Node', cell: ({ node }) => node },
  {
    name: 'State',
    cell: ({ state, reason, isAlive }) => (
      <span className={state === 'failed' || !isAlive ? classes.failed : undefined}>
        {isAlive ? state : `${state}, and does not answer now`}
        {reason !== '' && `: ${reason}`}
      </span>
    ),
  },
  { name: 'Entries', isRight: true, cell: ({ entries }) => formatNumber(entries) },
  { name: 'Packets', isRight: true, cell: ({ packets }) => formatNumber(packets) },
  { name: 'Size', isRight: true, cell: ({ bytes }) => formatBytes(bytes) },
]
