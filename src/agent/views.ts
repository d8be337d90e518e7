import type { AgentState } from '../wire/agents.ts'
import type { JobView } from '../wire/jobs.ts'
import type { Agent } from './agents.ts'
import type { AgentResult, GroupJob } from './group.ts'
import type { AgentAccount, DropReason, Fate } from './ledger.ts'

/** How agents do, as nodes tell each other: sums since the start, and rates over the last while. */
export class AgentStates {
  /** By agent and component, what was told some time ago. */
  #before = new Map<string, Sample>()

  /** Of agents that were not removed. `nowMs` only ever goes on. */
  of(results: readonly AgentResult[], nowMs: number): AgentState[] {
    const samples = new Map<string, Sample>()
    const states = results
      .filter(({ isGone }) => !isGone)
      .map((result) => {
        const key = `${result.component} ${idOf(result.agent)}`
        const { micros, waitMicros } = result.account
        const sample = { nowMs, calls: callsOf(result.account), micros: micros - waitMicros }
        const before = this.#before.get(key)
        // Rates over a moment would say little.
        const isYoung = before !== undefined && nowMs - before.nowMs < SHORTEST_MS
        samples.set(key, isYoung ? before : sample)
        return stateOf(result, sample, before)
      })
    this.#before = samples
    return states
  }
}

/** A job as nodes tell each other. */
export function jobView({ agent, component, ...job }: GroupJob, nodeName: string): JobView {
  const node = component === 'hub' ? 'hub' : nodeName
  return { agent: idOf(agent), index: agent.index, title: agent.title, node, ...job }
}

interface Sample {
  readonly nowMs: number
  readonly calls: number
  readonly micros: number
}

function stateOf(
  { agent, component, account, loadError, declined, runs }: AgentResult,
  now: Sample,
  before: Sample | undefined,
): AgentState {
  const seconds = before === undefined ? 0 : (now.nowMs - before.nowMs) / 1000
  const perSecond = (sum: number, sumBefore: number) =>
    seconds > 0 ? Math.max(0, sum - sumBefore) / seconds : 0
  const { items, packets, pods } = account
  return {
    id: idOf(agent),
    component,
    version: runs ? (agent.version ?? 1) : 0,
    state: runs
      ? 'running'
      : loadError !== undefined
        ? 'failed'
        : declined === undefined
          ? 'stopped'
          : 'declined',
    reason: loadError ?? declined ?? account.stopped,
    calls: now.calls,
    callsPerSecond: perSecond(now.calls, before?.calls ?? 0),
    errors: account.errors,
    cpuMs: now.micros / 1000,
    cpu: perSecond(now.micros, before?.micros ?? 0) / 1e6,
    waitMs: account.waitMicros / 1000,
    memoryBytes: account.heapBytes,
    received: items.received + packets.received + pods.received,
    delivered: items.delivered + packets.delivered + pods.delivered,
    dropped: droppedOf([items, packets, pods]),
    jobRuns: account.jobRuns,
    jobErrors: account.jobErrors,
    lines: account.lines,
    faults: [...account.faults],
  }
}

function callsOf({ calls, jobRuns }: AgentAccount): number {
  return calls + jobRuns
}

function droppedOf(fates: readonly Fate[]): Record<DropReason, number> {
  const sum = (reason: DropReason) => fates.reduce((all, { dropped }) => all + dropped[reason], 0)
  return { 'queue-full': sum('queue-full'), stopped: sum('stopped') }
}

/** Those that no store has named are known by their index. */
function idOf({ id, index }: Agent): string {
  return id ?? String(index)
}

const SHORTEST_MS = 500
