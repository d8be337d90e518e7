import type { AgentView } from '../../../src/wire/views.ts'

type NodeState = AgentView['nodes'][number]

/** An agent as the hub tells of it, for tests. */
export function testAgent(changes: Partial<AgentView> = {}): AgentView {
  return {
    id: 'a',
    index: 0,
    title: 'A',
    code: '// A',
    active: true,
    version: 1,
    hash: '',
    createdAt: '',
    updatedAt: '2026-11-27T00:00:00Z',
    updatedBy: 'ann',
    nodes: [],
    ...changes,
  }
}

export function testState(changes: Partial<NodeState> = {}): NodeState {
  return {
    id: 'a',
    node: 'n1',
    component: 'worker',
    version: 1,
    state: 'running',
    reason: '',
    calls: 0,
    callsPerSecond: 0,
    errors: 0,
    cpuMs: 0,
    waitMs: 0,
    cpu: 0,
    memoryBytes: 0,
    received: 0,
    delivered: 0,
    dropped: {},
    jobRuns: 0,
    jobErrors: 0,
    lines: 0,
    faults: [],
    ...changes,
  }
}
