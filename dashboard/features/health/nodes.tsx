import { Table, Tooltip } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import type { NodeView } from '../../../src/wire/views.ts'
import { Sparkline } from '../../components/sparkline.tsx'
import { formatBytes, formatDateTime, formatDuration, formatNumber } from '../../lib/format.ts'
import { numberIn } from '../../lib/node-history.ts'
import { nodeHistory } from '../../lib/watched.ts'
import classes from './health.module.css'
import { type NodeState, skewText, stateOf } from './node-state.ts'
import { Section } from './section.tsx'

/** Hubs and workers: whether they live, and what they take. */
export function Nodes({ nodes }: { readonly nodes: readonly NodeView[] }) {
  return (
    <Section title="Nodes" note={`${nodes.length} of which something was heard lately`}>
      <Table className={classes.table ?? ''}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Node</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th className={classes.number ?? ''}>Up for</Table.Th>
            <Table.Th>Clock</Table.Th>
            <Table.Th className={classes.number ?? ''}>CPU</Table.Th>
            <Table.Th className={classes.number ?? ''}>Memory</Table.Th>
            <Table.Th className={classes.number ?? ''}>Agents</Table.Th>
            <Table.Th>Metrics</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {nodes.map((node) => (
            <NodeRow key={`${node.component}/${node.node}`} node={node} />
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  )
}

function NodeRow({ node }: { readonly node: NodeView }) {
  const { startedAt, now, version, address, skewMs } = node
  const agents = node.agents.filter(({ state }) => state !== 'declined')
  const running = agents.filter(({ state }) => state === 'running').length
  return (
    <Table.Tr>
      <Table.Th scope="row">
        {node.node}
        <span className={classes.role}>{roleOf(node)}</span>
      </Table.Th>
      <Table.Td>
        <State state={stateOf(node)} />
      </Table.Td>
      <Table.Td>{version}</Table.Td>
      <Table.Td className={classes.number ?? ''} title={`since ${formatDateTime(startedAt)}`}>
        {formatDuration(now - startedAt)}
      </Table.Td>
      <Table.Td>{skewText(skewMs)}</Table.Td>
      <Table.Td>
        <Load node={node} what="cpu" text={`${formatNumber(100 * numberIn(node.health, 'cpuUsage'))} %`} />
      </Table.Td>
      <Table.Td>
        <Load node={node} what="memory" text={formatBytes(numberIn(node.health, 'memoryUsage'))} />
      </Table.Td>
      <Table.Td className={classes.number ?? ''}>
        {running === agents.length ? running : `${running} of ${agents.length}`}
      </Table.Td>
      <Table.Td className={classes.code ?? ''}>{address === '' ? '–' : address}</Table.Td>
    </Table.Tr>
  )
}

function Load(props: { readonly node: NodeView; readonly what: 'cpu' | 'memory'; readonly text: string }) {
  const { node, what, text } = props
  const name = what === 'cpu' ? 'CPU' : 'memory'
  return (
    <div className={classes.graph}>
      <Sparkline points={nodeHistory.loads(node, what)} label={`${name} of ${node.node}`} width={64} />
      <span className={classes.amount}>{text}</span>
    </div>
  )
}

function State({ state: { level, words } }: { readonly state: NodeState }) {
  const Icon = level === 'good' ? IconCircleCheck : level === 'warn' ? IconAlertTriangle : IconCircleX
  const [first, ...more] = words
  return (
    <Tooltip label={words.join('. ')} disabled={more.length === 0}>
      <span className={classes.state} data-level={level}>
        <Icon size={14} aria-hidden />
        {first}
        {more.length > 0 && `, and ${more.length} more`}
      </span>
    </Tooltip>
  )
}

function roleOf({ component, leading }: NodeView): string {
  if (component === 'worker') return 'worker'
  return leading ? 'hub, leads' : 'hub'
}
