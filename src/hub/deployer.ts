import type { Bucket, Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { Note } from '../node/note.ts'
import type { AgentStore } from '../store/agent-store.ts'
import type { AgentRecord } from '../wire/agents.ts'
import { decode, encode } from '../wire/codec.ts'
import {
  CODE,
  codeKey,
  DEPLOYMENT,
  type DeployedAgent,
  type Deployment,
  deployment,
} from '../wire/deployment.ts'
import { type DeployReport, deployReport } from '../wire/nodes.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface DeployerOptions {
  readonly store: AgentStore
  readonly state: Bucket
  readonly bus: Bus
  readonly now: () => number
  /** An agent is active nowhere any more. */
  readonly retired: (agent: string) => Promise<void>
  /** Agents were deleted: these are left. */
  readonly deleted: (left: ReadonlySet<string>) => Promise<void>
  /** For the log: what was done, and why. */
  readonly note: Note
}

/**
 * Brings what is stored to all nodes, while its hub leads. Every change of the active agents is a new generation of the
 * deployment, which all nodes follow in order; a version that does not load on one of them is taken back on all.
 */
export class Deployer {
  readonly #options: DeployerOptions
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  /** The newest of each agent as the store has it. */
  #records = new Map<string, AgentRecord>()
  /** Changes of the store on our own account wait for each other. */
  #mending: Promise<void> = Promise.resolve()
  /** Code that did not load somewhere, by agent and hash. */
  readonly #failed = new Set<string>()
  malformed = 0

  constructor(options: DeployerOptions) {
    this.#options = options
    const stop = options.bus.subscribe(SUBJECTS.deployed, (payload) => this.#hear(payload))
    this.#running = this.#run().finally(stop)
  }

  /** Rejects when it cannot go on. */
  get running(): Promise<void> {
    return this.#running
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running.catch(() => {})
    await this.#mending
  }

  async #run(): Promise<void> {
    const { store } = this.#options
    for await (const records of store.watch(this.#abort.signal)) {
      const ids = new Set(records.map(({ id }) => id))
      const isOneGone = [...this.#records.keys()].some((id) => !ids.has(id))
      this.#records = new Map(records.map((record) => [record.id, record]))
      await this.#deploy(records)
      if (isOneGone) await this.#options.deleted(ids)
    }
  }

  async #deploy(records: readonly AgentRecord[]): Promise<void> {
    const { state, note } = this.#options
    const agents = records.filter(({ active }) => active).map(deployedAgent)
    for (;;) {
      const { current, revision } = await this.#current()
      if (JSON.stringify(current.agents) === JSON.stringify(agents)) return
      for (const { hash } of agents) await this.#keepCode(hash, records)
      const next = { generation: current.generation + 1, agents }
      try {
        if (revision === 0) await state.create(DEPLOYMENT, encode(next))
        else await state.update(DEPLOYMENT, encode(next), revision)
      } catch (error) {
        // Another hub has led meanwhile.
        if (error instanceof Mistake && error.code === 'E_CONFLICT' && !this.#abort.signal.aborted) continue
        throw error
      }
      note('info', 'deployed', { generation: next.generation, agents: agents.length })
      for (const { id } of current.agents)
        if (!agents.some((each) => each.id === id)) await this.#options.retired(id)
      await this.#dropCode(agents)
      return
    }
  }

  async #current(): Promise<{ current: Deployment; revision: number }> {
    const kept = await this.#options.state.get(DEPLOYMENT)
    const current = kept === undefined ? undefined : decode(deployment, kept.value)
    return { current: current ?? { generation: 0, agents: [] }, revision: kept?.revision ?? 0 }
  }

  async #keepCode(hash: string, records: readonly AgentRecord[]): Promise<void> {
    const { state } = this.#options
    if ((await state.get(codeKey(hash))) !== undefined) return
    const record = records.find((each) => each.hash === hash)
    if (record !== undefined) await state.put(codeKey(hash), new TextEncoder().encode(record.code))
  }

  /** Nodes that are behind may still want the code of the generation before: only what neither has goes. */
  async #dropCode(agents: readonly DeployedAgent[]): Promise<void> {
    const { state } = this.#options
    const wanted = new Set([...agents.map(({ hash }) => hash), ...this.#before])
    this.#before = agents.map(({ hash }) => hash)
    for (const key of await state.keys(CODE)) if (!wanted.has(key.slice(CODE.length))) await state.delete(key)
  }
  #before: readonly string[] = []

  #hear(payload: Uint8Array): void {
    const report = decode(deployReport, payload)
    if (report === undefined) {
      this.malformed++
      return
    }
    for (const failure of report.failures)
      this.#mending = this.#mending
        .then(() => this.#takeBack(report, failure))
        .catch((error: unknown) =>
          this.#options.note('warning', 'a version could not be taken back', { error: String(error) }),
        )
  }

  async #takeBack({ node }: DeployReport, { id, version, reason }: DeployReport['failures'][number]) {
    const { store, now, note } = this.#options
    if (!this.#records.has(id)) return
    // What was watched may be older than what another report has led to.
    const record = await store.get(id)
    const versions = await store.history(id)
    const failed = versions.find((each) => each.version === version)
    if (failed === undefined) return
    const isKnown = this.#failed.has(`${id} ${failed.hash}`)
    this.#failed.add(`${id} ${failed.hash}`)
    // It was changed meanwhile, or another node has told already.
    if (record.version !== version || (isKnown && record.failure?.version === version)) return
    if (!isFresh(record, now())) return
    const why = `version ${version} does not load on ${node}: ${reason}`
    const earlier = versions.find((each) => each.version < version && !this.#failed.has(`${id} ${each.hash}`))
    // Refused when somebody saves another one in this moment, which is then what counts.
    if (earlier === undefined)
      await store.update(id, { active: false, ifVersion: version }, REMORA, `deactivated: ${why}`)
    else {
      const { title, code } = earlier
      await store.update(id, { title, code, ifVersion: version }, REMORA, `rolled back: ${why}`)
    }
    await store.setFailure(id, { version, node, reason, at: new Date(now()).toISOString() })
    note('warning', 'taken back', { title: record.title, version, on: node, reason })
  }
}

function deployedAgent({ id, index, title, version, hash }: AgentRecord): DeployedAgent {
  return { id, index, title, version, hash }
}

/** One that ran well until now and does not load on a node that is new is the node's trouble. */
function isFresh({ updatedAt }: AgentRecord, nowMs: number): boolean {
  return nowMs - Date.parse(updatedAt) < FRESH_MS
}

const REMORA = 'remora'
const FRESH_MS = 60_000
