import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Agent, AgentOptions } from '../agent/agents.ts'
import { understandAgent } from '../agent/agents.ts'
import type { Bucket, Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { pause } from '../waiting/pause.ts'
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
  /** Told when a deployment is in force here, whether all of it loads or not. */
  readonly applied?: () => void
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
  readonly #current = Promise.withResolvers<void>()
  readonly #running: Promise<void>
  /** By identity, with why a version does not run. */
  readonly #known = new Map<string, Known>()
  #inForce: Deployment | undefined
  #report: DeployReport | undefined
  readonly #reporting: NodeJS.Timeout
  readonly #stopListening: () => void
  malformed = 0

  constructor(runner: AgentRunner, options: FollowerOptions) {
    this.#runner = runner
    this.#options = options
    this.#reporting = setInterval(() => this.#remind(), REMIND_MS).unref()
    this.#stopListening = options.bus.onConnection((connected) => connected && this.#remind())
    this.#running = this.#run()
  }

  /** The generation that runs here. */
  get generation(): number {
    return this.#inForce?.generation ?? 0
  }

  /** Resolves when all runs that was deployed as it began to follow. */
  get current(): Promise<void> {
    return this.#current.promise
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
    clearInterval(this.#reporting)
    this.#stopListening()
    await this.#running.catch(() => {})
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted)
      try {
        await this.#watch(signal)
      } catch (error) {
        // Only the bus mends itself: a sandbox that is gone for good does not.
        if (!(error instanceof Mistake) || error.code !== 'E_BUS') throw error
        if (!signal.aborted)
          this.#options.note('warning', 'deployments are followed again soon', { error: error.message })
        await pause(AGAIN_MS, signal)
      }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { state } = this.#options
    for await (const change of state.watch({ prefix: DEPLOYMENT, signal })) {
      if (change.kind === 'current') this.#current.resolve()
      if (change.kind !== 'put' || change.key !== DEPLOYMENT) continue
      const next = decode(deployment, change.value)
      if (next === undefined) this.malformed++
      // An outage brings back what is known already. A bucket that was lost begins to count anew.
      else if (!isDeepStrictEqual(next, this.#inForce)) await this.#apply(next)
    }
  }

  async #apply(deployed: Deployment): Promise<void> {
    const { node, boot, note } = this.#options
    const { generation, agents } = deployed
    const failures: { id: string; version: number; reason: string }[] = []
    const ids = new Set(agents.map(({ id }) => id))
    for (const [id, { deployed }] of [...this.#known]) {
      if (ids.has(id)) continue
      await this.#runner.remove(deployed.index)
      this.#known.delete(id)
    }
    for (const agent of [...agents].sort((a, b) => a.index - b.index)) {
      const reason = await this.#bring(agent)
      if (reason === OVERTAKEN && (await this.#isOvertaken(generation))) return
      if (reason === OVERTAKEN) this.#known.set(agent.id, this.#lost(agent))
      else if (reason !== undefined)
        failures.push({ id: agent.id, version: agent.version, reason: reason.slice(0, LONGEST_REASON) })
    }
    this.#inForce = deployed
    note('info', 'deployment in force', { generation, agents: agents.length, failures: failures.length })
    this.#report = { node, boot, generation, failures }
    this.#send(this.#report)
    this.#options.applied?.()
  }

  /** A report may be lost, or come when no hub leads: what does not load is told until it is taken back. */
  #remind(): void {
    if (this.#report !== undefined && this.#report.failures.length > 0) this.#send(this.#report)
  }

  #send(report: DeployReport): void {
    this.#options.bus.publish(SUBJECTS.deployed, encode(report))
  }

  /** Code goes when what is deployed has moved on: then that comes next. */
  async #isOvertaken(generation: number): Promise<boolean> {
    const kept = await this.#options.state.get(DEPLOYMENT)
    return kept !== undefined && decode(deployment, kept.value)?.generation !== generation
  }

  /** Nobody's version is to blame: it is looked for again with the next deployment. */
  #lost(deployed: DeployedAgent): Known {
    const reason = `its code (${deployed.hash.slice(0, 12)}) is not there`
    return { deployed, running: this.#known.get(deployed.id)?.running, reason, isLost: true }
  }

  /** Answers why a version that is new here does not run. */
  async #bring(deployed: DeployedAgent): Promise<string | typeof OVERTAKEN | undefined> {
    const { id, hash } = deployed
    const before = this.#known.get(id)
    const isSame = before !== undefined && isDeepStrictEqual(before.deployed, deployed)
    if (isSame && before.isLost !== true) return before.reason
    const read = await this.#read(deployed)
    if (read === OVERTAKEN) return read
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
  async #read(deployed: DeployedAgent): Promise<Agent | string | typeof OVERTAKEN> {
    const { id, index, title, version, hash } = deployed
    const kept = await this.#code(hash)
    if (kept === undefined) return OVERTAKEN
    // Whoever can write to the bus could give it other code under this hash.
    if (createHash('sha256').update(kept).digest('hex') !== hash)
      return `its code is not the one with the hash ${hash.slice(0, 12)}`
    const code = new TextDecoder('utf-8', { ignoreBOM: true }).decode(kept)
    try {
      return { ...understandAgent(code, title, index, this.#options.agents), id, title, version }
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      return error.hint === undefined ? error.message : `${error.message}\n${error.hint}`
    }
  }

  /** Waits for a bus that cannot be reached: no version is to blame for that. */
  async #code(hash: string): Promise<Uint8Array | undefined> {
    const { signal } = this.#abort
    for (;;)
      try {
        return (await this.#options.state.get(codeKey(hash)))?.value
      } catch (error) {
        if (!(error instanceof Mistake) || error.code !== 'E_BUS' || signal.aborted) throw error
        await pause(AGAIN_MS, signal)
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
  /** Its code was not there. */
  readonly isLost?: boolean
}

const OVERTAKEN = Symbol('the code is not there')
/** How often what does not load is told again. */
const REMIND_MS = 2000
const AGAIN_MS = 1000
/** Of what is told to the hub. */
const LONGEST_REASON = 4000
