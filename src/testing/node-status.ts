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
  return {
    id,
    component: 'worker',
    version: 1,
    state: 'running',
    reason: '',
    calls: 0,
    callsPerSecond: 0,
    errors: 0,
    cpuMs: 0,
    cpu: 0,
    memoryBytes: 0,
    received: 0,
    delivered: 0,
    dropped: {},
    jobRuns: 0,
    jobErrors: 0,
    lines: 0,
    ...changes,
  }
}
