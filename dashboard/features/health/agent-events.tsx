import { Anchor, Table } from '@mantine/core'
import { Link } from 'react-router'
import type { AgentView, NodeView } from '../../../src/wire/views.ts'
import { formatNumber } from '../../lib/format.ts'
import { useAgents } from '../../lib/watched.ts'
import classes from './health.module.css'
import { Section } from './section.tsx'

/** Events that agents did not get, by reason. */
export function AgentEvents({ nodes }: { readonly nodes: readonly NodeView[] }) {
  const agents = useAgents()
  const rows = nodes.flatMap(({ node, agents: states }) =>
    states
      .map((state) => ({ node, state, reasons: reasonsOf(state.dropped) }))
      .filter(({ reasons }) => reasons !== ''),
  )
  const received = nodes.flatMap((node) => node.agents).reduce((sum, agent) => sum + agent.received, 0)
  return (
    <Section title="Events that agents did not get">
      {rows.length === 0 ? (
        <p className={classes.nothing}>
          {received === 0
            ? 'No agent asks for events.'
            : `None: all of ${formatNumber(received)} were for somebody who got them.`}
        </p>
      ) : (
        <Table className={classes.table ?? ''}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Agent</Table.Th>
              <Table.Th>Node</Table.Th>
              <Table.Th className={classes.number ?? ''}>Meant for it</Table.Th>
              <Table.Th className={classes.number ?? ''}>Delivered</Table.Th>
              <Table.Th>Dropped</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ node, state, reasons }) => (
              <Table.Tr key={`${node}/${state.id}`}>
                <Table.Th scope="row">
                  <Anchor component={Link} to={`/agents/${encodeURIComponent(state.id)}`} size="sm">
                    {titleOf(agents, state.id)}
                  </Anchor>
                </Table.Th>
                <Table.Td>{node}</Table.Td>
                <Table.Td className={classes.number ?? ''}>{formatNumber(state.received)}</Table.Td>
                <Table.Td className={classes.number ?? ''}>{formatNumber(state.delivered)}</Table.Td>
                <Table.Td>{reasons}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Section>
  )
}

function reasonsOf(dropped: Readonly<Record<string, number>>): string {
  return Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${formatNumber(count)} ${WORDS[reason] ?? reason}`)
    .join(', ')
}

function titleOf(agents: readonly AgentView[] | undefined, id: string): string {
  return agents?.find((agent) => agent.id === id)?.title ?? id
}

const WORDS: Readonly<Record<string, string>> = {
  'queue-full': 'since the sandbox was behind',
  stopped: 'since it had been stopped',
}
