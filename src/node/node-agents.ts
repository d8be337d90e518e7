import type { Agent } from '../agent/agents.ts'
import type { AgentGroup, ConsoleLine as GroupLine, GroupObserver } from '../agent/group.ts'
import { AgentStates } from '../agent/views.ts'
import type { Bucket, Bus } from '../bus/bus.ts'
import { whenReached } from '../bus/when-reached.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
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
    const { dropped, queue } = COUNTER_NAMES
    const gone = Object.entries(shared.dropped).map(([why, count]) => [dropped('shared', why), count])
    return {
      ...this.#jobs.counters,
      [queue('shared')]: shared.unwritten,
      [queue('pods')]: this.group.podsWaiting,
      ...Object.fromEntries(gone),
    }
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
   * a crash, they print and share it once. An outage of the bus is waited for: agents are not told again because of it. Rejects
   * when the signal aborts meanwhile.
   */
  async deliver(action: HubAction, redelivered: boolean, ending: AbortSignal): Promise<void> {
    const { bus, console, shared } = this.#options
    const { id, node, index, title, at, object } = action
    const meta = { node, script: index, title, time: at, redelivered }
    const { lines } = await this.group.action({
      id,
      action: action.action,
      meta,
      ...(object === undefined ? {} : { object }),
    })
    await whenReached(bus, () => console.keep(`action/${id}`, lines.map(newLine)), ending)
    if (shared.unwritten > 0) await whenReached(bus, () => shared.flush(), ending)
  }

  /** An agent is active nowhere any more: nothing is left of its jobs. */
  forget(agent: string): Promise<void> {
    return this.#jobs.forget(agent)
  }

  /** Agents were deleted: what those have shared that are not left goes. */
  prune(left: ReadonlySet<string>): Promise<void> {
    return this.#options.shared.prune((agent) => left.has(agent))
  }

  /** Titles by identity. */
  titles(): ReadonlyMap<string, string> {
    return new Map((this.#follower?.known() ?? []).map(({ deployed: { id, title } }) => [id, title]))
  }

  /** How each agent does that is deployed here. */
  states(): readonly AgentState[] {
    const now = performance.now()
    const generation = this.#follower?.generation
    // What was asked for a moment ago is good enough, unless something else runs since.
    if (now < this.#statesAt + SHORTEST_MS && generation === this.#statesOf) return this.#states
    this.#statesAt = now
    this.#statesOf = generation
    this.#measureSometimes(now)
    const states = this.#agentStates.of(this.group.results(), now)
    const known = this.#follower?.known() ?? []
    this.#states = known.map((each) => stateOf(each, this.#options.component, states))
    return this.#states
  }
  #statesAt = Number.NEGATIVE_INFINITY
  #statesOf: number | undefined
  #states: readonly AgentState[] = []
  readonly #agentStates = new AgentStates()

  async close(): Promise<void> {
    await this.#jobs.close()
    await this.group.close()
  }

  /** What agents hold is not known without looking, which takes a moment. */
  #measureSometimes(now: number): void {
    if (now < this.#measureAt) return
    this.#measureAt = now + MEASURE_MS
    this.group.measure().catch(() => {})
  }
  #measureAt = performance.now() + FIRST_MEASURE_MS

  #line(line: GroupLine): void {
    const { agent } = line
    if (agent.id === undefined) return
    this.#options.console.push(newLine(line))
  }
}

/** A line without where and when. */
export function newLine({ agent, level, text, place }: Omit<GroupLine, 'node'>): NewLine {
  const line = { agent: agent.id ?? '', index: agent.index, title: agent.title, level, text }
  return place === undefined ? line : { ...line, place }
}

/** One that does not load is told of, whether an earlier version runs or none. */
function stateOf(
  { deployed, running, reason }: Known,
  component: AgentState['component'],
  states: readonly AgentState[],
): AgentState {
  const state = states.find((each) => each.id === deployed.id) ?? { ...NO_STATE, id: deployed.id, component }
  if (reason === undefined) return state
  return { ...state, version: running?.version ?? 0, state: 'failed', reason }
}

/** Of an agent of which nothing runs. */
export const NO_STATE: Omit<AgentState, 'id' | 'component'> = {
  version: 0,
  state: 'failed',
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
}

const SHORTEST_MS = 500
const FIRST_MEASURE_MS = 3000
const MEASURE_MS = 30_000
