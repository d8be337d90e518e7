import { Command } from 'commander'
import { Mistake } from '../../mistake/mistake.ts'
import { CLOCK_SKEW_MS, NODE_GONE_MS } from '../../wire/nodes.ts'
import type { NodeView } from '../../wire/views.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { print, printJson } from '../print.ts'
import { count, duration, table } from '../table.ts'
import { fitted, printable } from '../text.ts'

interface NodesFlags extends HubFlags {
  readonly json?: boolean
}

export function nodesCommand(): Command {
  const command = new Command('nodes')
    .description('The workers and hubs of a running Remora.')
    .argument('[node]', 'say all of this one')
    .option('--json', 'print a line of JSON for each node')
    .action((name: string | undefined, flags: NodesFlags) =>
      withHub(flags, async (hub) => {
        const nodes = name === undefined ? await hub.nodes() : [named(await hub.nodes(), name)]
        if (flags.json === true) for (const node of nodes) await printJson({ type: 'node', ...node })
        else if (name === undefined) print(nodesTable(nodes))
        else print(nodes.map(nodePage).join('\n'))
      }),
    )
  return addHubOptions(command)
}

function named(nodes: readonly NodeView[], name: string): NodeView {
  const node = nodes.find((each) => each.node === name)
  if (node !== undefined) return node
  throw new Mistake('E_NOT_FOUND', `there is no node "${name}"`, {
    hint: `nodes: ${nodes.map((each) => each.node).join(', ')}`,
  })
}

export function nodesTable(nodes: readonly NodeView[]): string {
  if (nodes.length === 0) return 'no nodes'
  const rows = nodes.map((node) => [
    fitted(node.node, 23),
    node.leading ? `${node.component}, leads` : node.component,
    stateOf(node),
    running(node),
    node.generation,
    duration(node.now - node.startedAt),
    node.version,
  ])
  return table([['node', '', 'state', 'agents', 'deployed', 'up', 'version'], ...rows], '')
}

function nodePage(node: NodeView): string {
  const counters = Object.entries(node.counters).map(([name, value]) => [`  ${name}`, count(value)])
  const widest = Math.max(...Object.keys(node.health).map(({ length }) => length))
  const health = Object.entries(node.health).map(
    ([name, value]) => `  ${printable(name).padEnd(widest)}  ${printable(JSON.stringify(value))}`,
  )
  return [
    nodesTable([node]),
    ...(node.address === '' ? [] : [`metrics at ${node.address}`]),
    ...(counters.length === 0 ? [] : ['', 'counters', table(counters, '')]),
    ...(health.length === 0 ? [] : ['', 'health', ...health]),
  ].join('\n')
}

function stateOf({ silentMs, skewMs }: NodeView): string {
  if (silentMs > NODE_GONE_MS) return `silent for ${duration(silentMs)}`
  if (Math.abs(skewMs) > CLOCK_SKEW_MS)
    return `clock is ${duration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`
  return 'fine'
}

function running({ agents }: NodeView): string {
  const meant = agents.filter(({ state }) => state !== 'declined')
  return `${meant.filter(({ state }) => state === 'running').length} of ${meant.length}`
}
