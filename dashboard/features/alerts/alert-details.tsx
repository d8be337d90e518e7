import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import type { AlertEntry, AlertView } from '../../../src/wire/alerts.ts'
import { type Fact, Facts } from '../../components/listing/facts.tsx'
import { InnerTable } from '../../components/listing/inner-table.tsx'
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
      <Facts facts={factsOf(alert)} />
      {entries.length > 0 && (
        <InnerTable
          label={`Entries of ${title}`}
          columns={[
            { name: 'Time', cell: ({ timestamp }) => formatDateTime(timestamp) },
            { name: 'Protocol', cell: ({ protocol }) => protocol },
            { name: 'From', cell: ({ source }) => source },
            { name: 'To', cell: ({ destination }) => destination },
            { name: 'Request', cell: (entry) => <Request entry={entry} /> },
            { name: 'Status', cell: ({ status }) => status },
          ]}
          rows={entries}
          keyOf={({ id, timestamp }) => `${id} ${timestamp}`}
        />
      )}
    </div>
  )
}

function Request({ entry: { id, protocol, summary } }: { readonly entry: AlertEntry }) {
  const what = summary === '' ? protocol : summary
  return (
    <div className={classes.request}>
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
    </div>
  )
}

function factsOf(alert: AlertView): Fact[] {
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
