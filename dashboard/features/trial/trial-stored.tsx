import { Table } from '@mantine/core'
import type { TrialOutcome } from '../../../src/wire/trials.ts'
import { EmptyState } from '../../components/states.tsx'
import { formatBytes } from '../../lib/format.ts'
import classes from './trial.module.css'

/** Files, shared values and metrics that the agent has left. */
export function TrialStored({ stored }: { readonly stored: TrialOutcome['stored'] }) {
  const { files, shared, metrics } = stored
  if (files.length + shared.length + metrics.length === 0)
    return (
      <EmptyState title="Nothing was stored">
        Files that file.* writes, values of cluster.* and metrics of prometheus.* are shown here. They are
        gone with the trial.
      </EmptyState>
    )
  return (
    <Table className={classes.table ?? ''} aria-label="Stored" verticalSpacing={4}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>What</Table.Th>
          <Table.Th>Name</Table.Th>
          <Table.Th>Content</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {files.map(({ path, bytes, head }) => (
          <Table.Tr key={`file ${path}`}>
            <Table.Td>File, {formatBytes(bytes)}</Table.Td>
            <Table.Td className={classes.code ?? ''}>{path}</Table.Td>
            <Table.Td className={classes.content ?? ''}>{head}</Table.Td>
          </Table.Tr>
        ))}
        {shared.map(({ kind, name, value }) => (
          <Table.Tr key={`${kind} ${name}`}>
            <Table.Td>cluster.{kind}</Table.Td>
            <Table.Td className={classes.code ?? ''}>{name}</Table.Td>
            <Table.Td className={classes.content ?? ''}>{JSON.stringify(value, null, 1)}</Table.Td>
          </Table.Tr>
        ))}
        {metrics.map(({ name, type, text }) => (
          <Table.Tr key={`${type} ${name}`}>
            <Table.Td>Prometheus, {type}</Table.Td>
            <Table.Td className={classes.code ?? ''}>{name}</Table.Td>
            <Table.Td className={classes.content ?? ''}>{text}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
