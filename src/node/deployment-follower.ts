import type { Agent, AgentOptions } from '../agent/agents.ts'
import { understandAgent } from '../agent/agents.ts'
import type { Bucket, Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decode, encode } from '../wire/codec.ts'
import { codeKey, DEPLOYMENT, type DeployedAgent, type Deployment, deployment } from '../wire/deployment.ts'
import type { DeployReport } from '../wire/nodes.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { Note } from './note.ts'

/** What runs agents on a node. */
export interface AgentRunner {
  /** Loads an agent, or a new version of it; answers why it does not load: the version before runs on then. */
  reload(agent: Agent): Promise<string | undefined>
  /** The same code under another version. */
  relabel(agent: Agent): void
  remove(index: number): Promise<void>
}

export interface FollowerOptions {
  readonly bus: Bus
  readonly state: Bucket
  readonly node: string
  readonly boot: string
  readonly agents: AgentOptions
  readonly note: Note
}

/**
 * Runs on a node what the hub has deployed: generations one after another, the newest when several came meanwhile. What
 * runs goes on through an outage of the bus.
 */
export class DeploymentFollower {
  readonly #options: FollowerOptions
  readonly #runner: AgentRunner
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  /** By identity, with why a version does not run. */
  readonly #known = new Map<string, Known>()
  #generation = 0
  malformed = 0

  constructor(runner: AgentRunner, options: FollowerOptions) {
    this.#runner = runner
    this.#options = options
    this.#running = this.#run()
  }

  /** The generation that runs here. */
  get generation(): number {
    return this.#generation
  }

  /** What is deployed here: also what does not load. */
  known(): readonly Known[] {
    return [...this.#known.values()]
  }

  /** Rejects when it cannot go on. */
  get running(): Promise<void> {
    return this.#running
  }

  /** Follows no more; what runs, runs on. */
  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running.catch(() => {})
  }

  async #run(): Promise<void> {
    const { state } = this.#options
    const { signal } = this.#abort
    for await (const change of state.watch({ prefix: DEPLOYMENT, signal })) {
      if (change.kind !== 'put' || change.key !== DEPLOYMENT) continue
      const next = decode(deployment, change.value)
      if (next === undefined) this.malformed++
      // An outage brings back what is known already.
      else if (next.generation !== this.#generation) await this.#apply(next)
    }
  }

  async #apply({ generation, agents }: Deployment): Promise<void> {
    const { bus, node, boot, note } = this.#options
    const failures: { id: string; version: number; reason: string }[] = []
    const ids = new Set(agents.map(({ id }) => id))
    for (const [id, { deployed }] of [...this.#known]) {
      if (ids.has(id)) continue
      await this.#runner.remove(deployed.index)
      this.#known.delete(id)
    }
    for (const agent of [...agents].sort((a, b) => a.index - b.index)) {
      const reason = await this.#bring(agent)
      if (reason !== undefined) failures.push({ id: agent.id, version: agent.version, reason })
    }
    this.#generation = generation
    note('info', 'deployment in force', { generation, agents: agents.length, failures: failures.length })
    const report: DeployReport = { node, boot, generation, failures }
    bus.publish(SUBJECTS.deployed, encode(report))
  }

  /** Answers why a version that is new here does not run. */
  async #bring(deployed: DeployedAgent): Promise<string | undefined> {
    const { id, version, hash, title } = deployed
    const before = this.#known.get(id)
    if (before?.deployed.version === version && before.deployed.title === title) return before.reason
    const read = await this.#read(deployed)
    if (typeof read === 'string') return this.#fail(deployed, before, read)
    if (before?.running?.hash === hash) {
      this.#runner.relabel(read)
      this.#known.set(id, { deployed, running: deployed, reason: undefined })
      return undefined
    }
    const reason = await this.#runner.reload(read)
    if (reason !== undefined) return this.#fail(deployed, before, reason)
    this.#known.set(id, { deployed, running: deployed, reason: undefined })
    return undefined
  }

  #fail(deployed: DeployedAgent, before: Known | undefined, reason: string): string {
    this.#known.set(deployed.id, { deployed, running: before?.running, reason })
    return reason
  }

  /** The agent, or why it cannot be read. */
  async #read(deployed: DeployedAgent): Promise<Agent | string> {
    const { id, index, title, version, hash } = deployed
    try {
      const kept = await this.#options.state.get(codeKey(hash))
      if (kept === undefined) return `its code (${hash.slice(0, 12)}) is not there`
      const code = new TextDecoder().decode(kept.value)
      return { ...understandAgent(code, title, index, this.#options.agents), id, title, version }
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      return error.hint === undefined ? error.message : `${error.message}\n${error.hint}`
    }
  }
}

/** An agent that is deployed here. */
export interface Known {
  readonly deployed: DeployedAgent
  /** The version that runs; undefined when none does. */
  readonly running: DeployedAgent | undefined
  /** Why the deployed version does not. */
  readonly reason: string | undefined
}
