import { isDeepStrictEqual } from 'node:util'
import type { Bucket, Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { Note } from '../node/note.ts'
import type { AgentStore } from '../store/agent-store.ts'
import { pause } from '../waiting/pause.ts'
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
  /** Agents that are stored: at the beginning, and after each change. */
  readonly stored?: (ids: readonly string[]) => void
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
  /** Changes of the store on our own account wait for each other. */
  #mending: Promise<void> = Promise.resolve()
  /** Code that did not load somewhere, by agent and hash. */
  readonly #failed = new Set<string>()
  malformed = 0
  /** Failures beyond those that could be looked at. */
  refused = 0

  constructor(options: DeployerOptions) {
    this.#options = options
    const stop = options.bus.subscribe(SUBJECTS.deployed, (payload) => this.#hear(payload))
    this.#running = Promise.all([this.#run(), this.#patiently(() => this.#guard())])
      .then(() => {})
      .finally(stop)
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
    const { signal } = this.#abort
    const { store, deleted, stored } = this.#options
    let known: readonly string[] = []
    for await (const records of store.watch(signal)) {
      await this.#patiently(() => this.#deploy())
      const ids = new Set(records.map(({ id }) => id))
      if (known.some((id) => !ids.has(id))) await this.#patiently(() => deleted(ids))
      known = [...ids]
      stored?.(known)
    }
  }

  /** What others write over the deployment, or take away, is put right: nodes that start would run that, or nothing. */
  async #guard(): Promise<void> {
    const { signal } = this.#abort
    for await (const change of this.#options.state.watch({ prefix: DEPLOYMENT, signal }))
      if (change.kind !== 'current' && change.key === DEPLOYMENT) await this.#patiently(() => this.#deploy())
  }

  /** What the store or the bus cannot do now is tried again: agents run on meanwhile. */
  async #patiently(step: () => Promise<void>): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted)
      try {
        await step()
        return
      } catch (error) {
        if (!(error instanceof Mistake)) throw error
        // A conflict: another hub has led meanwhile.
        if (error.code === 'E_CONFLICT') continue
        this.#options.note('warning', 'could not deploy, and tries again', { error: error.message })
        await pause(AGAIN_MS, signal)
      }
  }

  async #deploy(): Promise<void> {
    const { state, store, note } = this.#options
    const { current, revision } = await this.#current()
    // Read after what is deployed: so nobody takes back what another has deployed of a newer state.
    const records = (await store.list()).filter(({ active }) => active)
    const agents = records.map(deployedAgent)
    const hasLost = await this.#keepCode(records)
    if (current !== undefined && !hasLost && isDeepStrictEqual(current.agents, agents)) return
    if (this.#abort.signal.aborted) return
    const next = { generation: nextAfter(current?.generation ?? 0), agents }
    if (revision === 0) await state.create(DEPLOYMENT, encode(next))
    else await state.update(DEPLOYMENT, encode(next), revision)
    note('info', 'deployed', { generation: next.generation, agents: agents.length })
    for (const { id } of current?.agents ?? [])
      if (!agents.some((each) => each.id === id)) await this.#options.retired(id)
    await this.#dropCode(agents)
  }

  async #current(): Promise<{ current: Deployment | undefined; revision: number }> {
    const kept = await this.#options.state.get(DEPLOYMENT)
    const current = kept === undefined ? undefined : decode(deployment, kept.value)
    return { current, revision: kept?.revision ?? 0 }
  }

  /**
   * Answers whether some was not there, or not what it should be: what lies there under its hash and is something else no node
   * would load.
   */
  async #keepCode(records: readonly AgentRecord[]): Promise<boolean> {
    const { state } = this.#options
    const put = records.map(async ({ hash, code }) => {
      const wanted = new TextEncoder().encode(code)
      const kept = await state.get(codeKey(hash))
      if (kept !== undefined && Buffer.from(kept.value).equals(wanted)) return false
      await state.put(codeKey(hash), wanted)
      return true
    })
    return (await Promise.all(put)).includes(true)
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
    for (const failure of report.failures) this.#mend(report, failure)
  }

  #mend(report: DeployReport, failure: DeployReport['failures'][number]): void {
    if (this.#waiting >= MOST_WAITING) {
      this.refused++
      return
    }
    this.#waiting++
    this.#mending = this.#mending
      .then(() => this.#takeBack(report, failure))
      .catch((error: unknown) => {
        // Somebody has saved another version in this moment.
        if (error instanceof Mistake && error.code === 'E_CONFLICT') return
        this.#options.note('warning', 'a version could not be taken back', { error: String(error) })
      })
      .finally(() => this.#waiting--)
  }
  #waiting = 0

  async #takeBack(report: DeployReport, { id, version, ...told }: DeployReport['failures'][number]) {
    const { store, now, note } = this.#options
    const node = report.node.slice(0, LONGEST_NODE)
    const reason = told.reason.slice(0, LONGEST_REASON)
    const record = (await store.list()).find((each) => each.id === id)
    if (record === undefined || !record.active || !isFresh(record, now())) return
    const versions = await store.history(id)
    const failed = versions.find((each) => each.version === version)
    if (failed === undefined) return
    this.#noteFailed(`${id} ${failed.hash}`)
    // It was changed meanwhile, or another node has told already.
    if (record.version !== version) return
    const why = `version ${version} does not load on ${node}: ${reason}`
    const earlier = versions.find((each) => each.version < version && !this.#failed.has(`${id} ${each.hash}`))
    // In one step with the look at its version: what somebody saves at the same time stays.
    const change = earlier === undefined ? { active: false } : { code: earlier.code, title: earlier.title }
    const done = earlier === undefined ? 'deactivated' : `rolled back to ${earlier.version}`
    const failure = { version, node, reason, at: new Date(now()).toISOString() }
    await store.update(id, { ...change, ifVersion: version }, REMORA, { note: `${done}: ${why}`, failure })
    note('warning', 'taken back', { title: record.title, version, on: node, reason })
  }

  #noteFailed(code: string): void {
    this.#failed.add(code)
    const [oldest] = this.#failed
    if (this.#failed.size > MOST_FAILED && oldest !== undefined) this.#failed.delete(oldest)
  }
}

/** Nodes follow any other number: what somebody has forged must not be the last. */
function nextAfter(generation: number): number {
  return generation < Number.MAX_SAFE_INTEGER ? generation + 1 : 1
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
const AGAIN_MS = 1000
/** Code that did not load, of all agents; somebody may edit for a long time. */
const MOST_FAILED = 10_000
/** Failures that wait to be looked at. */
const MOST_WAITING = 1000
/** They are kept with the agent. */
const LONGEST_NODE = 256
const LONGEST_REASON = 4096
