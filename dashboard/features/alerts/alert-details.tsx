import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import type { AlertEntry, AlertView } from '../../../src/wire/alerts.ts'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import classes from './alerts.module.css'

interface Props {
  readonly alert: AlertView
}

/** All that there is to know of an alert, with the entries that it is about. */
export function AlertDetails({ alert }: Props) {
  const { text, entries, title } = alert
  return (
    <div className={classes.details}>
      {text !== '' && <p className={classes.text}>{text}</p>}
      <dl className={classes.facts}>
        {factsOf(alert).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {entries.length > 0 && (
        <table className={classes.entries} aria-label={`Entries of ${title}`}>
          <thead>
            <tr>
              {['Time', 'Protocol', 'From', 'To', 'Request', 'Status'].map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <EntryRow key={`${entry.id} ${entry.timestamp}`} entry={entry} />
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}

function EntryRow({
  entry: { id, timestamp, protocol, source, destination, summary, status },
}: {
  readonly entry: AlertEntry
}) {
  const what = summary === '' ? protocol : summary
  return (
    <tr>
      <td>{formatDateTime(timestamp)}</td>
      <td>{protocol}</td>
      <td>{source}</td>
      <td>{destination}</td>
      <td className={classes.request}>
        {id === '' ? (
          what
        ) : (
          <Anchor
            component={Link}
            to={`/traffic?entry=${encodeURIComponent(id)}`}
            inherit
            title="Show it in the traffic, while it is kept"
          >
            {what}
          </Anchor>
        )}
      </td>
      <td>{status}</td>
    </tr>
  )
}

function factsOf(alert: AlertView): (readonly [string, string])[] {
  const { key, state, openedAt, lastAt, closedAt, closedBy, nodes, count, notifiedAt, suppressed, labels } =
    alert
  const closing = closedBy === 'time' ? 'by itself: nothing raised it any more' : `by ${closedBy}`
  return [
    ['Key', key],
    ['Opened', formatDateTime(openedAt)],
    ['Last', formatDateTime(lastAt)],
    ...(state === 'closed' && closedAt !== undefined
      ? ([['Closed', `${formatDateTime(closedAt)}, ${closing}`]] as const)
      : []),
    ['Raised', `${formatNumber(count)} times on ${nodes.join(', ')}`],
    [
      'Notices',
      notifiedAt === undefined
        ? 'none'
        : `the last at ${formatDateTime(notifiedAt)}, to whom channels name; ${formatNumber(suppressed)} held back`,
    ],
    ...Object.entries(labels),
  ]
}
