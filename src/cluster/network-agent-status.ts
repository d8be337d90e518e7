import type { AgentRecord } from '../wire/agents.ts'
import type { NetworkAgentStatus } from '../wire/network-agents.ts'
import type { NodeView } from '../wire/views.ts'

/** What became of a resource in the store. */
export type Outcome =
  | { readonly kind: 'stored'; readonly record: AgentRecord }
  /** Why it is not, with the agent that it was before where there is one. */
  | {
      readonly kind: 'refused'
      readonly reason: string
      readonly message: string
      readonly record?: AgentRecord | undefined
    }

/** What one node says of an agent. */
export interface NodeStateOf {
  readonly node: string
  readonly state: 'running' | 'failed' | 'stopped' | 'declined' | 'pending'
  readonly version: number
  readonly message: string
}

/** What all nodes say of their agents, by the identity of these. */
export function statesByAgent(nodes: readonly NodeView[]): ReadonlyMap<string, readonly NodeStateOf[]> {
  const states = new Map<string, NodeStateOf[]>()
  for (const { node, agents } of nodes)
    for (const { id, state, version, reason } of agents) {
      const all = states.get(id) ?? []
      states.set(id, all)
      all.push({ node, state, version, message: reason.slice(0, LONGEST_MESSAGE) })
    }
  return states
}

/**
 * The status of a resource (https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md):
 * `Accepted`, it is stored; `Loaded`, it runs on all nodes that are to run it; `Ready`, both. Conditions keep the time of their last
 * change.
 */
export function statusOf(input: StatusInput): object {
  const { generation, outcome, states, nodes, before, nowMs } = input
  const { record } = outcome
  const all = record === undefined ? [] : expected(record, states, nodes)
  const summary = summed(all)
  const accepted: Verdict =
    outcome.kind === 'stored'
      ? { status: 'True', reason: 'Stored', message: `version ${outcome.record.version} is stored` }
      : { status: 'False', reason: outcome.reason, message: outcome.message }
  const loaded = loadedVerdict(record, all)
  const verdicts = { Accepted: accepted, Loaded: loaded, Ready: readyVerdict(accepted, loaded, record) }
  return {
    observedGeneration: generation,
    agent:
      record === undefined
        ? null
        : { id: record.id, index: record.index, title: record.title, version: record.version },
    conditions: Object.entries(verdicts).map(([type, verdict]) =>
      condition(type, verdict, generation, before, nowMs),
    ),
    summary: { text: `${summary.running + summary.declined}/${all.length}`, nodes: all.length, ...summary },
    nodes: all.toSorted(byTrouble).slice(0, MOST_NODES),
  }
}

export interface StatusInput {
  readonly generation: number
  readonly outcome: Outcome
  /** What nodes say of the agent that it is. */
  readonly states: readonly NodeStateOf[]
  /** Names of the workers and hubs that are to run agents. */
  readonly nodes: readonly string[]
  readonly before: NetworkAgentStatus | undefined
  readonly nowMs: number
}

interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

/** Those of which nothing is known yet are pending. */
function expected(
  { active, version }: AgentRecord,
  states: readonly NodeStateOf[],
  nodes: readonly string[],
): readonly NodeStateOf[] {
  if (!active) return []
  const byNode = new Map(states.map((each) => [each.node, each]))
  return nodes.map((node) => {
    const state = byNode.get(node)
    if (state === undefined) return { node, state: 'pending', version: 0, message: '' }
    const isBehind = state.state === 'running' && state.version !== version
    return isBehind ? { ...state, state: 'pending' } : state
  })
}

function loadedVerdict(record: AgentRecord | undefined, all: readonly NodeStateOf[]): Verdict {
  if (record === undefined) return { status: 'False', reason: 'NotStored', message: 'there is no agent' }
  const { failure, version, active } = record
  if (failure !== undefined)
    return {
      status: 'False',
      reason: 'TakenBack',
      message: `version ${failure.version} did not load on ${failure.node}: ${failure.reason}`.slice(
        0,
        LONGEST_MESSAGE,
      ),
    }
  if (!active) return { status: 'False', reason: 'Inactive', message: 'it is switched off' }
  const broken = all.filter(({ state }) => state === 'failed' || state === 'stopped')
  const [first] = broken
  if (first !== undefined)
    return {
      status: 'False',
      reason: first.state === 'failed' ? 'Failed' : 'Stopped',
      message: `on ${broken.length} of ${all.length} nodes; ${first.node}: ${first.message}`,
    }
  const pending = all.filter(({ state }) => state === 'pending').length
  if (pending > 0 || all.length === 0)
    return {
      status: 'Unknown',
      reason: 'Loading',
      message: `${pending} of ${all.length} nodes have not loaded version ${version} yet`,
    }
  return { status: 'True', reason: 'Running', message: `version ${version} runs on ${all.length} nodes` }
}

function readyVerdict(accepted: Verdict, loaded: Verdict, record: AgentRecord | undefined): Verdict {
  if (accepted.status !== 'True') return accepted
  // What was wanted is so.
  if (loaded.reason === 'Inactive' && record?.failure === undefined) return { ...loaded, status: 'True' }
  return loaded
}

/** `lastTransitionTime` stays for as long as the status does. */
function condition(
  type: string,
  verdict: Verdict,
  observedGeneration: number,
  before: NetworkAgentStatus | undefined,
  nowMs: number,
): object {
  const old = before?.conditions.find((each) => each.type === type)
  const isSame = old?.status === verdict.status
  const lastTransitionTime = isSame
    ? old.lastTransitionTime
    : new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  return { type, ...verdict, lastTransitionTime, observedGeneration }
}

function summed(all: readonly NodeStateOf[]) {
  const count = (wanted: NodeStateOf['state']) => all.filter(({ state }) => state === wanted).length
  return {
    running: count('running'),
    failed: count('failed'),
    stopped: count('stopped'),
    declined: count('declined'),
    pending: count('pending'),
  }
}

function byTrouble(one: NodeStateOf, other: NodeStateOf): number {
  return TROUBLE.indexOf(one.state) - TROUBLE.indexOf(other.state) || (one.node < other.node ? -1 : 1)
}

const TROUBLE: readonly NodeStateOf['state'][] = ['failed', 'stopped', 'pending', 'running', 'declined']
/** In the status; `summary` counts all. */
const MOST_NODES = 20
const LONGEST_MESSAGE = 1000
