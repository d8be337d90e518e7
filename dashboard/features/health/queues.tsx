import { Progress, Table } from '@mantine/core'
import type { NodeView } from '../../../src/wire/views.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'
import classes from './health.module.css'
import { Section } from './section.tsx'

/** What waits, and what is kept on disk. */
export function Queues({ nodes }: { readonly nodes: readonly NodeView[] }) {
  return (
    <Section title="Queues and disk" note="now">
      <Table className={classes.table ?? ''}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Node</Table.Th>
            <Table.Th>What waits, or is kept</Table.Th>
            <Table.Th className={classes.number ?? ''}>How much</Table.Th>
            <Table.Th>Of what it may take</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {nodes.map((node) => (
            <NodeQueues key={`${node.component}/${node.node}`} node={node} />
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  )
}

function NodeQueues({ node }: { readonly node: NodeView }) {
  const { counters } = node
  const queues = Object.entries(counters).filter(([name]) => name.startsWith('queue.'))
  const waiting = queues.filter(([, count]) => count > 0)
  const { 'entries.stored': entries } = counters
  const { used, limit } = storageOf(node)
  return (
    <>
      {entries !== undefined && (
        <Table.Tr>
          <Table.Th scope="row">{node.node}</Table.Th>
          <Table.Td>Entries on disk: {formatNumber(entries)}</Table.Td>
          <Table.Td className={classes.number ?? ''}>{formatBytes(used)}</Table.Td>
          <Table.Td>
            {limit > 0 && (
              <div className={classes.disk}>
                <Progress
                  value={(100 * used) / limit}
                  aria-label={`Disk of ${node.node}: ${formatBytes(used)} of ${formatBytes(limit)}`}
                />
                {formatBytes(limit)}
              </div>
            )}
          </Table.Td>
        </Table.Tr>
      )}
      {waiting.map(([name, count]) => (
        <Table.Tr key={name}>
          <Table.Th scope="row">{node.node}</Table.Th>
          <Table.Td>{QUEUES[name.slice('queue.'.length)] ?? name}</Table.Td>
          <Table.Td className={classes.number ?? ''}>{formatNumber(count)}</Table.Td>
          <Table.Td />
        </Table.Tr>
      ))}
      {waiting.length === 0 && (
        <Table.Tr>
          <Table.Th scope="row">{node.node}</Table.Th>
          <Table.Td colSpan={3}>
            Nothing waits. Queues: {queues.map(([name]) => name.slice('queue.'.length)).join(', ')}
          </Table.Td>
        </Table.Tr>
      )}
    </>
  )
}

function storageOf({ health: { storage } }: NodeView): { readonly used: number; readonly limit: number } {
  if (typeof storage !== 'object' || storage === null) return { used: 0, limit: 0 }
  const { usage, requested } = storage as Readonly<Record<string, unknown>>
  return { used: Number(usage ?? 0), limit: Number(requested ?? 0) }
}

const QUEUES: Readonly<Record<string, string>> = {
  entries: 'Entries on their way to the disk',
  console: 'Console lines on their way to the hubs',
  actions: 'Actions of agents on their way to the hub',
  shared: 'Values that agents share, not yet written',
  archive: 'Entries on their way to the archive',
}
