import { NO_STATE } from '../node/node-agents.ts'
import type { AgentState } from '../wire/agents.ts'
import type { NodeStatus } from '../wire/nodes.ts'

/** The status of a worker on which all is well, with what a test says of it. */
export function nodeStatusOf(changes: Partial<NodeStatus> = {}): NodeStatus {
  return {
    node: 'node-1',
    boot: 'boot-1',
    component: 'worker',
    address: '',
    version: '0.2.0',
    generation: 7,
    startedAt: 1_700_000_000_000,
    now: 1_700_000_100_000,
    leading: false,
    agents: [],
    counters: {},
    health: {},
    ...changes,
  }
}

export function agentStateOf(id: string, changes: Partial<AgentState> = {}): AgentState {
  return { ...NO_STATE, id, component: 'worker', version: 1, state: 'running', ...changes }
}
