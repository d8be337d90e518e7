import { Table } from '@mantine/core'
import type { TrialOutcome } from '../../../src/wire/trials.ts'
import { formatMicros, formatNumber } from '../../lib/format.ts'
import classes from './trial.module.css'

/** What was called, how often, and how long that took; and what became of events. */
export function TrialCalls({ outcome }: { readonly outcome: TrialOutcome }) {
  const { calls, events } = outcome
  const nodes = new Set(calls.map(({ node }) => node))
  return (
    <>
      <Table className={classes.table ?? ''} aria-label="Calls" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Called</Table.Th>
            {nodes.size > 1 && <Table.Th>On</Table.Th>}
            <Table.Th className={classes.number ?? ''}>Times</Table.Th>
            <Table.Th className={classes.number ?? ''}>Errors</Table.Th>
            <Table.Th className={classes.number ?? ''}>Time</Table.Th>
            <Table.Th className={classes.number ?? ''}>Each</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {calls.map(({ node, name, calls: times, errors, micros }) => (
            <Table.Tr key={`${node} ${name}`}>
              <Table.Td className={classes.code ?? ''}>{name}</Table.Td>
              {nodes.size > 1 && <Table.Td>{node === 'hub' ? 'hub' : 'worker'}</Table.Td>}
              <Table.Td className={classes.number ?? ''}>{times === 0 ? '' : formatNumber(times)}</Table.Td>
              <Table.Td className={classes.number ?? ''} data-bad={errors > 0}>
                {errors === 0 ? '' : formatNumber(errors)}
              </Table.Td>
              <Table.Td className={classes.number ?? ''}>{formatMicros(micros)}</Table.Td>
              <Table.Td className={classes.number ?? ''}>
                {times === 0 ? '' : formatMicros(micros / times)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <p className={classes.rest}>
        {(['entries', 'packets'] as const)
          .filter((kind) => events[kind].received > 0)
          .map((kind) => fateText(kind, events[kind]))
          .join(' ')}
      </p>
    </>
  )
}

function fateText(kind: string, { received, delivered, dropped }: TrialOutcome['events']['entries']): string {
  const rest = dropped === 0 ? '' : `, ${formatNumber(dropped)} dropped`
  return `${formatNumber(received)} ${kind} received: ${formatNumber(delivered)} delivered${rest}.`
}
