import type { AgentView } from '../../../src/wire/views.ts'

export type AgentStatus = 'inactive' | 'starting' | 'running' | 'stopped' | 'failed'

/** How an agent does on all nodes together. */
export interface AgentSummary {
  readonly status: AgentStatus
  /** In words: `Running`, `Failed on n1`. */
  readonly word: string
  /** Why it does not run somewhere; "" when it does. */
  readonly reason: string
  /** Running versions: `2`, or `1, 2` while nodes differ; "" where none runs. */
  readonly versions: string
  readonly callsPerSecond: number
  readonly errors: number
  /** Cores. */
  readonly cpu: number
  readonly memoryBytes: number
  readonly dropped: number
}

export function summaryOf(agent: AgentView): AgentSummary {
  const { nodes } = agent
  const sum = (of: (state: (typeof nodes)[number]) => number) =>
    nodes.reduce((total, state) => total + of(state), 0)
  const versions = new Set(nodes.map(({ version }) => version).filter((version) => version > 0))
  return {
    ...statusOf(agent),
    versions: [...versions].toSorted((a, b) => a - b).join(', '),
    callsPerSecond: sum(({ callsPerSecond }) => callsPerSecond),
    errors: sum(({ errors }) => errors),
    cpu: sum(({ cpu }) => cpu),
    memoryBytes: sum(({ memoryBytes }) => memoryBytes),
    dropped: sum(({ dropped }) => droppedIn(dropped)),
  }
}

export function droppedIn(dropped: Readonly<Record<string, number>>): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0)
}

function statusOf({ active, nodes }: AgentView): Pick<AgentSummary, 'status' | 'word' | 'reason'> {
  if (!active) return { status: 'inactive', word: 'Inactive', reason: '' }
  for (const status of ['failed', 'stopped'] as const) {
    const affected = nodes.filter(({ state }) => state === status)
    if (affected.length === 0) continue
    const where = [...new Set(affected.map(({ node }) => node))].join(', ')
    const word = `${status === 'failed' ? 'Failed' : 'Stopped'} on ${where}`
    return { status, word, reason: affected[0]?.reason ?? '' }
  }
  if (nodes.length === 0) return { status: 'starting', word: 'Starting', reason: '' }
  return { status: 'running', word: 'Running', reason: '' }
}

/** Those in whose title, source or code all words are, in capitals or not. */
export function foundAgents(agents: readonly AgentView[], searched: string): readonly AgentView[] {
  const words = searched.toLowerCase().split(/\s+/).filter(Boolean)
  return agents.filter(({ title, source, code }) => {
    const text = `${title}\n${source?.path ?? ''}\n${code}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}
