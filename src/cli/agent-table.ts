import type { AgentVersion } from '../wire/agents.ts'
import type { AgentView } from '../wire/views.ts'
import { bytes, count, table } from './table.ts'
import { fitted, printable } from './text.ts'

type NodeState = AgentView['nodes'][number]

/** A line for each agent, with what it costs on all nodes together; and one for each node on which it does not run well. */
export function agentsTable(agents: readonly AgentView[], everyNode: boolean): string {
  if (agents.length === 0) return 'no agents; remora scripts FOLDER syncs those of a folder'
  const rows = agents.flatMap((agent) => [
    [agent.index, fitted(agent.title, 36), stateOf(agent), ...figures(agent.nodes)],
    ...agent.nodes
      .filter((node) => everyNode || isOff(agent, node))
      .map((node) => ['', `  ${fitted(node.node, 34)}`, nodeState(agent, node), ...figures([node])]),
  ])
  return table(
    [['', 'agent', 'state', 'calls/s', 'errors', 'cpu', 'memory', 'dropped'].map(String), ...rows],
    '',
  )
}

/** Why agents do not run, below the table. */
export function agentReasons(agents: readonly AgentView[]): string[] {
  return agents.flatMap((agent) => {
    const { failure, index, title } = agent
    const name = `${index} "${fitted(title, 36)}"`
    const failed =
      failure === undefined || failure.version !== agent.version
        ? []
        : [
            `${name}: version ${failure.version} did not load on ${printable(failure.node)}: ${printable(failure.reason)}`,
          ]
    const reasons = agent.nodes
      .filter(({ reason, state }) => reason !== '' && state !== 'declined')
      .map((node) => `${name} on ${printable(node.node)}: ${printable(node.reason)}`)
    return [...failed, ...reasons]
  })
}

/** All that there is to say of an agent. */
export function agentPage(agent: AgentView): string {
  const { id, index, title, active, version, hash, source, createdAt, updatedAt, updatedBy } = agent
  const facts = [
    ['agent', `${index} "${printable(title)}"`],
    ['identity', id],
    ['state', active ? `active: ${stateOf(agent)}` : 'inactive'],
    ['version', `${version}, of ${updatedAt} by ${printable(updatedBy)}`],
    ['created', createdAt],
    ['code', `${agent.code.split('\n').length} lines, SHA-256 ${hash.slice(0, 12)}`],
    ...(source === undefined
      ? []
      : [['file', `${printable(source.path)} of ${printable(source.syncedBy)}${editedNote(agent)}`]]),
  ]
  const nodes = agent.nodes.map((node) => [
    fitted(node.node, 28),
    node.component,
    nodeState(agent, node),
    ...figures([node]),
  ])
  const head = ['node', '', 'state', 'calls/s', 'errors', 'cpu', 'memory', 'dropped']
  const drops = agent.nodes.flatMap(({ node, dropped }) =>
    Object.entries(dropped)
      .filter(([, number]) => number > 0)
      .map(
        ([reason, number]) => `  ${printable(node)} dropped ${count(number)} events: ${printable(reason)}`,
      ),
  )
  return [
    table(facts, ''),
    ...(nodes.length === 0 ? ['it runs on no node'] : ['', table([head, ...nodes], '')]),
    ...drops,
    ...agentReasons([agent]),
  ].join('\n')
}

export function historyTable(versions: readonly AgentVersion[]): string {
  const rows = versions.map(({ version, at, by, title, note = '' }) => [
    version,
    at,
    fitted(by, 20),
    fitted(title, 30),
    fitted(note, 40),
  ])
  return table([['version', 'saved', 'by', 'title', ''], ...rows], '')
}

function editedNote({ source, hash }: AgentView): string {
  return source !== undefined && source.hash !== hash ? ', edited on the hub since' : ''
}

function stateOf(agent: AgentView): string {
  const { active } = agent
  const nodes = agent.nodes.filter(({ state }) => state !== 'declined')
  if (!active) return 'inactive'
  if (nodes.length === 0) return 'no node'
  const states = nodes.map((node) => nodeState(agent, node))
  const [first = ''] = states
  if (states.every((state) => state === first)) return first
  return `${states.filter((state) => state === 'running').length} of ${nodes.length} running`
}

function isOff(agent: AgentView, node: NodeState): boolean {
  const { active, nodes } = agent
  return active && !['running', 'declined'].includes(nodeState(agent, node)) && nodes.length > 1
}

/** A node may still run what was there before. */
function nodeState({ version, active }: AgentView, node: NodeState): string {
  if (node.state !== 'running') return node.state
  if (!active) return 'ending'
  return node.version === version ? 'running' : `still version ${node.version}`
}

function figures(nodes: readonly NodeState[]): string[] {
  if (nodes.length === 0) return ['', '', '', '', '']
  const sum = (of: (node: NodeState) => number) => nodes.reduce((total, node) => total + of(node), 0)
  return [
    sum((node) => node.callsPerSecond).toFixed(1),
    count(sum((node) => node.errors)),
    `${(100 * sum((node) => node.cpu)).toFixed(1)} %`,
    bytes(sum((node) => node.memoryBytes)),
    count(sum((node) => Object.values(node.dropped).reduce((total, each) => total + each, 0))),
  ]
}
