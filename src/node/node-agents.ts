import type { Agent } from '../agent/agents.ts'
import type { AgentGroup, AgentResult, ConsoleLine as GroupLine } from '../agent/group.ts'
import type { HubAction } from '../wire/actions.ts'
import type { AgentState } from '../wire/agents.ts'
import type { ConsoleOut, NewLine } from './console-out.ts'
import type { AgentRunner, DeploymentFollower, Known } from './deployment-follower.ts'

export interface NodeAgentsOptions {
  readonly component: 'worker' | 'hub'
  readonly group: AgentGroup
  readonly console: ConsoleOut
}

/** The agents of a node as the rest of the system sees them: what runs, what it says, how it does. */
export class NodeAgents implements AgentRunner {
  readonly #options: NodeAgentsOptions
  #follower: DeploymentFollower | undefined
  readonly #lines = new Map<string, number>()
  #before: Sample = { atMs: performance.now(), agents: new Map() }
  #rates = new Map<string, Rates>()

  constructor(options: NodeAgentsOptions) {
    this.#options = options
  }

  /** Says what is deployed here, and what does not load. */
  follow(follower: DeploymentFollower): void {
    this.#follower = follower
  }

  get group(): AgentGroup {
    return this.#options.group
  }

  get failed(): Promise<never> {
    return this.#options.group.failed
  }

  reload(agent: Agent): Promise<string | undefined> {
    return this.#options.group.reload(agent)
  }

  relabel(agent: Agent): void {
    this.#options.group.relabel(agent)
  }

  remove(index: number): Promise<void> {
    return this.#options.group.remove(index)
  }

  /** A line of a console, on its way to the hub. */
  line(line: GroupLine): void {
    const { agent } = line
    if (agent.id === undefined) return
    this.#lines.set(agent.id, (this.#lines.get(agent.id) ?? 0) + 1)
    this.#options.console.push(newLine(line))
  }

  /**
   * Tells the agents of an action. Resolves when all have been told, and what they printed is kept: told again after a crash,
   * they print it once.
   */
  async deliver(action: HubAction, redelivered: boolean): Promise<void> {
    const { group, console } = this.#options
    const { id, node, index, title, at, object } = action
    const meta = { node, script: index, title, time: at, redelivered }
    const { lines } = await group.action({
      id,
      action: action.action,
      meta,
      ...(object === undefined ? {} : { object }),
    })
    await console.keep(`action/${id}`, lines.map(newLine))
  }

  /** How each agent does that is deployed here. */
  states(): AgentState[] {
    const results = this.#options.group.results()
    this.#sample(results)
    return (this.#follower?.known() ?? []).map((known) => this.#state(known, results))
  }

  close(): Promise<void> {
    return this.#options.group.close()
  }

  #state({ deployed, running, reason = '' }: Known, results: readonly AgentResult[]): AgentState {
    const { component } = this.#options
    const { id } = deployed
    const result = results.find((each) => each.agent.id === id && each.component === component)
    const rates = this.#rates.get(id) ?? NO_RATES
    const stopped = result?.account.stopped ?? ''
    const dropped: Record<string, number> = {}
    const account = result?.account
    for (const fate of account === undefined ? [] : [account.items, account.packets])
      for (const [why, count] of Object.entries(fate.dropped)) dropped[why] = (dropped[why] ?? 0) + count
    return {
      id,
      component,
      version: stopped === '' ? (running?.version ?? 0) : 0,
      state: stopped !== '' ? 'stopped' : reason === '' ? 'running' : 'failed',
      reason: stopped === '' ? reason : stopped,
      calls: account?.calls ?? 0,
      errors: account?.errors ?? 0,
      cpuMs: Math.round((account?.micros ?? 0) / 1000),
      ...rates,
      memoryBytes: result?.heapBytes ?? 0,
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
