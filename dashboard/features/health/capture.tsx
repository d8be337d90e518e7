import { Table } from '@mantine/core'
import type { NodeView } from '../../../src/wire/views.ts'
import { Sparkline } from '../../components/sparkline.tsx'
import { formatBytes, formatCount, formatNumber, formatRate } from '../../lib/format.ts'
import { nodeHistory } from '../../lib/watched.ts'
import classes from './health.module.css'
import { Section } from './section.tsx'

/** Where packets come from, and how fast. */
export function Capture({ workers }: { readonly workers: readonly NodeView[] }) {
  return (
    <Section title="Capture" note="rates of the last seconds; lines of the last five minutes">
      {workers.length === 0 ? (
        <p className={classes.nothing}>
          No worker is there, so nothing is captured. Start one with <code>remora worker</code>, or{' '}
          <code>remora tap</code> for all in one.
        </p>
      ) : (
        <Table className={classes.table ?? ''}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Worker</Table.Th>
              <Table.Th>Source</Table.Th>
              <Table.Th className={classes.number ?? ''}>Packets</Table.Th>
              <Table.Th className={classes.number ?? ''}>Bytes</Table.Th>
              <Table.Th className={classes.number ?? ''}>Entries</Table.Th>
              <Table.Th className={classes.number ?? ''}>TCP now</Table.Th>
              <Table.Th className={classes.number ?? ''}>Packets in all</Table.Th>
              <Table.Th className={classes.number ?? ''}>Lost before us</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {workers.map((worker) => (
              <Row key={worker.node} worker={worker} />
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Section>
  )
}

function Row({ worker }: { readonly worker: NodeView }) {
  const { counters, node } = worker
  const { packets = 0, 'packets.lost': lost = 0, 'streams.live': live = 0 } = counters
  return (
    <Table.Tr>
      <Table.Th scope="row">{node}</Table.Th>
      <Table.Td>{sourcesOf(worker)}</Table.Td>
      <Rate worker={worker} counter="packets" name="Packets" />
      <Table.Td className={classes.number ?? ''}>{formatBytes(nodeHistory.rate(worker, 'bytes'))}/s</Table.Td>
      <Rate worker={worker} counter="items" name="Entries" />
      <Table.Td className={classes.number ?? ''}>{formatNumber(live)}</Table.Td>
      <Table.Td className={classes.number ?? ''}>{formatCount(packets)}</Table.Td>
      <Table.Td className={classes.number ?? ''} data-lost={lost > 0 || undefined}>
        {lost === 0 ? 'none' : `${formatCount(lost)} (${percent(lost, packets + lost)})`}
      </Table.Td>
    </Table.Tr>
  )
}

function Rate(props: { readonly worker: NodeView; readonly counter: string; readonly name: string }) {
  const { worker, counter, name } = props
  return (
    <Table.Td>
      <div className={classes.graph}>
        <Sparkline points={nodeHistory.rates(worker, counter)} label={`${name} a second of ${worker.node}`} />
        <span className={classes.amount}>{formatRate(nodeHistory.rate(worker, counter))}</span>
      </div>
    </Table.Td>
  )
}

/** Names of interfaces, or of the file. */
function sourcesOf({ health: { snifferStats } }: NodeView): string {
  if (typeof snifferStats !== 'object' || snifferStats === null || !('Sources' in snifferStats)) return '–'
  return Object.keys(snifferStats.Sources ?? {}).join(', ')
}

function percent(part: number, whole: number): string {
  const share = (100 * part) / whole
  return `${share < 0.1 ? 'less than 0.1' : formatNumber(share, 1)} %`
}
