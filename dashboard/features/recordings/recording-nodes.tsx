import type { RecordingView } from '../../../src/wire/recordings.ts'
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
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {nodes.length === 0 ? (
        <p className={classes.muted}>No worker has said anything of it yet.</p>
      ) : (
        <table className={classes.nodes} aria-label={`${recording.name} on each node`}>
          <thead>
            <tr>
              {['Node', 'State', 'Entries', 'Packets', 'Size'].map((head, at) => (
                <th key={head} scope="col" className={at > 1 ? classes.right : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {nodes.map(({ node, state, reason, entries, packets, bytes, isAlive }) => (
              <tr key={node}>
                <td>{node}</td>
                <td className={state === 'failed' || !isAlive ? classes.failed : undefined}>
                  {isAlive ? state : `${state}, and does not answer now`}
                  {reason !== '' && `: ${reason}`}
                </td>
                <td className={classes.right}>{formatNumber(entries)}</td>
                <td className={classes.right}>{formatNumber(packets)}</td>
                <td className={classes.right}>{formatBytes(bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}
