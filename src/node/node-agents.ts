import type { Agent } from '../agent/agents.ts'
import type { AgentGroup, AgentResult, ConsoleLine as GroupLine, GroupObserver } from '../agent/group.ts'
import type { Bucket, Bus } from '../bus/bus.ts'
import type { SharedState } from '../store/shared-state.ts'
import type { HubAction } from '../wire/actions.ts'
import type { AgentState } from '../wire/agents.ts'
import type { ConsoleOut, NewLine } from './console-out.ts'
import type { AgentRunner, DeploymentFollower, Known } from './deployment-follower.ts'
import type { Fleet } from './fleet.ts'
import { NodeJobs } from './node-jobs.ts'
import type { Note } from './note.ts'

export interface NodeAgentsOptions {
  readonly component: 'worker' | 'hub'
  readonly node: string
  readonly boot: string
  readonly bus: Bus
  readonly fleet: Fleet
  /** Where nodes agree about jobs of scope `cluster`. */
  readonly jobs: Bucket
  readonly shared: SharedState
  readonly console: ConsoleOut
  readonly note: Note
  readonly open: (observer: NodeObserver) => AgentGroup
}

/** What agents tell that concerns the rest of the system. */
export type NodeObserver = Required<Pick<GroupObserver, 'line' | 'clusterJob' | 'ordered'>>

/** The agents of a node as the rest of the system sees them: what runs, what it says, how it does. */
export class NodeAgents implements AgentRunner {
  readonly #options: NodeAgentsOptions
  readonly group: AgentGroup
  readonly #jobs: NodeJobs
  #follower: DeploymentFollower | undefined
  readonly #lines = new Map<string, number>()
  #before: Sample = { atMs: performance.now(), agents: new Map() }
  #rates = new Map<string, Rates>()

  constructor(options: NodeAgentsOptions) {
    this.#options = options
    this.group = options.open({
      line: (line) => this.#line(line),
      clusterJob: (change) => this.#jobs.changed(change),
      ordered: (order) => this.#jobs.tell(order),
    })
    this.#jobs = new NodeJobs({ ...options, bucket: options.jobs, group: this.group })
  }

  /** Says what is deployed here, and what does not load. */
  follow(follower: DeploymentFollower): void {
    this.#follower = follower
  }

  get failed(): Promise<never> {
    return this.group.failed
  }

  get counters(): Readonly<Record<string, number>> {
    const { shared } = this.#options
    const dropped = Object.entries(shared.dropped).map(([why, count]) => [`dropped.shared.${why}`, count])
    return { ...this.#jobs.counters, 'queue.shared': shared.unwritten, ...Object.fromEntries(dropped) }
  }

  reload(agent: Agent): Promise<string | undefined> {
    return this.group.reload(agent)
  }

  relabel(agent: Agent): void {
    this.group.relabel(agent)
  }

  remove(index: number): Promise<void> {
    return this.group.remove(index)
  }

  /**
   * Tells the agents of an action. Resolves when all have been told, and what they printed and shared is kept: told again after
   * a crash, they print and share it once.
   */
  async deliver(action: HubAction, redelivered: boolean): Promise<void> {
    const { console, shared } = this.#options
    const { id, node, index, title, at, object } = action
    const meta = { node, script: index, title, time: at, redelivered }
    const { lines } = await this.group.action({
      id,
      action: action.action,
      meta,
      ...(object === undefined ? {} : { object }),
    })
    await console.keep(`action/${id}`, lines.map(newLine))
    if (shared.unwritten > 0) await shared.flush()
  }

  /** How each agent does that is deployed here. */
  states(): AgentState[] {
    this.#measureSometimes()
    const results = this.group.results()
    this.#sample(results)
    return (this.#follower?.known() ?? []).map((known) => this.#state(known, results))
  }

  async close(): Promise<void> {
    await this.#jobs.close()
    await this.group.close()
  }

  /** What agents hold is not known without looking, which takes a moment. */
  #measureSometimes(): void {
    const now = performance.now()
    if (now < this.#measureAt) return
    this.#measureAt = now + MEASURE_MS
    this.group.measure().catch(() => {})
  }
  #measureAt = performance.now() + FIRST_MEASURE_MS

  #line(line: GroupLine): void {
    const { agent } = line
    if (agent.id === undefined) return
    this.#lines.set(agent.id, (this.#lines.get(agent.id) ?? 0) + 1)
    this.#options.console.push(newLine(line))
  }

  #state({ deployed, running, reason = '' }: Known, results: readonly AgentResult[]): AgentState {
    const { component } = this.#options
    const { id } = deployed
    const result = results.find((each) => each.agent.id === id && each.component === component)
    const account = result?.account
    const stopped = account?.stopped ?? ''
    const why = stopped || reason || (result?.loadError ?? '')
    const dropped: Record<string, number> = {}
    for (const fate of account === undefined ? [] : [account.items, account.packets])
      for (const [cause, count] of Object.entries(fate.dropped))
        dropped[cause] = (dropped[cause] ?? 0) + count
    return {
      id,
      component,
      version: stopped === '' ? (running?.version ?? 0) : 0,
      state: stopped !== '' ? 'stopped' : why === '' ? 'running' : 'failed',
      reason: why,
      calls: account?.calls ?? 0,
      errors: account?.errors ?? 0,
      cpuMs: Math.round((account?.micros ?? 0) / 1000),
      ...(this.#rates.get(id) ?? NO_RATES),
      memoryBytes: account?.heapBytes ?? 0,
      received: (account?.items.received ?? 0) + (account?.packets.received ?? 0),
      delivered: (account?.items.delivered ?? 0) + (account?.packets.delivered ?? 0),
      dropped,
      jobRuns: account?.jobRuns ?? 0,
      jobErrors: account?.jobErrors ?? 0,
      lines: this.#lines.get(id) ?? 0,
    }
  }

  /** Rates are over the time since the sample before, when that was long enough ago. */
  #sample(results: readonly AgentResult[]): void {
    const atMs = performance.now()
    const seconds = (atMs - this.#before.atMs) / 1000
    if (seconds < SHORTEST_S) return
    const agents = new Map<string, Totals>()
    const rates = new Map<string, Rates>()
    for (const { agent, account } of results) {
      if (agent.id === undefined) continue
      const before = this.#before.agents.get(agent.id) ?? { calls: 0, micros: 0 }
      agents.set(agent.id, { calls: account.calls, micros: account.micros })
      rates.set(agent.id, {
        callsPerSecond: Math.max(0, (account.calls - before.calls) / seconds),
        cpu: Math.max(0, (account.micros - before.micros) / 1e6 / seconds),
      })
    }
    this.#before = { atMs, agents }
    this.#rates = rates
  }
}

/** A line without where and when. */
export function newLine({ agent, level, text }: Pick<GroupLine, 'agent' | 'level' | 'text'>): NewLine {
  return { agent: agent.id ?? '', index: agent.index, title: agent.title, level, text }
}

interface Totals {
  readonly calls: number
  readonly micros: number
}

interface Sample {
  readonly atMs: number
  readonly agents: ReadonlyMap<string, Totals>
}

type Rates = Pick<AgentState, 'callsPerSecond' | 'cpu'>

const NO_RATES: Rates = { callsPerSecond: 0, cpu: 0 }
const SHORTEST_S = 0.5
const FIRST_MEASURE_MS = 3000
const MEASURE_MS = 30_000
