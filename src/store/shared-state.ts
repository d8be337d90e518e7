import type { Bucket, BucketOptions } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { Counter } from '../shared-state/counter.ts'
import { type Delta, readDelta } from '../shared-state/kinds.ts'
import { readPart } from '../shared-state/part.ts'
import { type QuantileSummary, quantileOf, summaryOf } from '../shared-state/quantile-answers.ts'
import { Quantiles } from '../shared-state/quantiles.ts'
import { readId } from '../shared-state/seen.ts'
import { MOST_KEYS, type TopKey, TopKeys, topOf } from '../shared-state/top-keys.ts'
import { Unique } from '../shared-state/unique.ts'
import { type Kind, MOST_NAMES, type Shared } from '../shared-state/value.ts'
import { pause } from '../waiting/pause.ts'
import { BUCKETS, token } from '../wire/subjects.ts'
import type { SharedValue } from '../wire/views.ts'
import { SharedName } from './shared-name.ts'

/** The bucket that `SharedState` takes. What a node that is gone has counted counts for as long after its last write. */
export const SHARED_BUCKET: BucketOptions = { name: BUCKETS.cluster, ttlMs: 30 * 24 * 3600_000 }

export interface SharedStateOptions {
  /** This node, or `hub`: no other writes what it writes. */
  readonly node: string
  /** This run of the program. */
  readonly boot: string
  /** Where the nodes meet; absent when there is one alone. */
  readonly bucket?: Bucket
  /** What was added is written that often. */
  readonly flushMs?: number
}

/** Who shares something: its identity, and what it is called. */
export interface SharingAgent {
  readonly id: string
  readonly title: string
}

/**
 * What agents share by `cluster.*`. Each node writes under keys of its own what it has added, in all, to each name; what all
 * have written is watched and at hand, so that reading is local, and everywhere the same as soon as it has been written
 * and seen. A node that starts again goes on where it was. Without a bucket it is shared within this program.
 *
 * Life: `new`, `start` (which need not be waited for), `apply` and `of`, and `close`, which writes what is left.
 */
export class SharedState {
  readonly #options: SharedStateOptions
  readonly #names = new Map<string, SharedName>()
  readonly #changed = new Set<SharedName>()
  readonly #abort = new AbortController()
  readonly #current = Promise.withResolvers<void>()
  readonly #dropped = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #refresher: NodeJS.Timeout | undefined
  #delayMs: number
  #flushing: Promise<void> | undefined
  #watching: Promise<void> | undefined

  constructor(options: SharedStateOptions) {
    this.#options = options
    this.#delayMs = this.#flushMs
    if (options.bucket === undefined) this.#current.resolve()
  }

  /** Begins to watch. Resolves when all that other nodes have written so far is known. */
  start(): Promise<void> {
    const { bucket } = this.#options
    if (bucket === undefined) return Promise.resolve()
    this.#watching ??= this.#watch(bucket)
    this.#refresher ??= setInterval(() => this.#refresh(), REFRESH_MS).unref()
    return this.#current.promise
  }

  /** What was refused, by reason: more names than an agent may have, and bytes that are not of our making. */
  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped)
  }

  /** Names of which something was added that is not written yet. */
  get unwritten(): number {
    return this.#changed.size
  }

  /**
   * Adds what an agent has added, as it comes out of a sandbox. What cannot be that is counted, and dropped. With the id of
   * the message that it comes of (`<node>/<boot>/<number>`) it is added once, however often that message is delivered: who
   * waits for `flush` before the message is acknowledged has counted it exactly once, crashes included.
   */
  apply(agent: SharingAgent, deltas: readonly unknown[], { id }: { readonly id?: string } = {}): void {
    const message = id === undefined ? undefined : readId(id)
    for (const { name, value } of this.#sorted(agent, deltas)) {
      name.add(value, message)
      this.#note(name)
    }
  }

  /** By name: what a message brings for one is one. */
  #sorted(agent: SharingAgent, deltas: readonly unknown[]): Iterable<{ name: SharedName; value: Shared }> {
    const sorted = new Map<SharedName, { name: SharedName; value: Shared }>()
    for (const each of deltas) {
      const delta = readDelta(each)
      if (delta === undefined) this.#drop('invalid')
      const name = delta === undefined ? undefined : this.#open(agent, delta)
      if (delta === undefined || name === undefined) continue
      const known = sorted.get(name)
      if (known === undefined) sorted.set(name, { name, value: delta.value })
      else known.value.merge(delta.value)
    }
    return sorted.values()
  }

  /** What an agent can read and reset. */
  of(agent: SharingAgent): AgentShares {
    return new AgentShares(agent, {
      find: (owner, kind, name) => this.#find(owner, kind, name),
      idOf: (title) => this.#idOf(title),
      note: (name) => this.#note(name),
    })
  }

  /** Everything there is, by agent, kind and name. */
  values(): SharedValue[] {
    return [...this.#names.values()]
      .filter((name) => !name.total().isEmpty)
      .map((name) => {
        const { agent, title, kind } = name
        return { agent, title, kind, name: name.name, value: viewOf(name) }
      })
      .sort((a, b) => order(a.title, b.title) || order(a.kind, b.kind) || order(a.name, b.name))
  }

  /**
   * Removes what agents have shared that do not exist any more, of all nodes: for the hub that leads, when an agent was
   * deleted and from time to time.
   */
  async prune(exists: (agent: string) => boolean): Promise<void> {
    for (const [key, name] of this.#names) {
      if (exists(name.agent)) continue
      this.#names.delete(key)
      this.#changed.delete(name)
      for (const node of name.nodes()) await this.#options.bucket?.delete(keyOfPart(name, node))
    }
  }

  /** Resolves when all that was added before is written. Rejects with `E_BUS` when it cannot be. */
  async flush(): Promise<void> {
    // One that is under way has begun without the latest.
    await this.#flushing?.catch(() => {})
    await this.#flushNow()
  }

  /** Writes what is left, if it can. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    clearInterval(this.#refresher)
    await this.flush().catch(() => {})
    clearTimeout(this.#timer)
    this.#abort.abort()
    await this.#watching
  }

  get #flushMs(): number {
    return this.#options.flushMs ?? FLUSH_MS
  }

  // --- names ---------------------------------------------------------------------------------------------------

  #find(agent: string, kind: Kind, name: string): SharedName | undefined {
    return this.#names.get(keyOf({ agent, kind, name }))
  }

  /** Makes it when it is not there. Undefined when the agent has too many. */
  #open(agent: SharingAgent, { name, value: { kind } }: Delta): SharedName | undefined {
    const found = this.#find(agent.id, kind, name)
    if (found !== undefined) {
      found.title = agent.title
      return found
    }
    const siblings = [...this.#names.values()].filter((each) => each.agent === agent.id && each.kind === kind)
    if (siblings.length >= MOST_NAMES[kind] || this.#names.size >= MOST_NAMES_IN_ALL) {
      this.#drop('too-many-names')
      return undefined
    }
    return this.#make(agent, kind, name)
  }

  #make({ id, title }: SharingAgent, kind: Kind, name: string): SharedName {
    const made = new SharedName({ agent: id, title, kind, name }, this.#options)
    this.#names.set(keyOf(made), made)
    return made
  }

  #idOf(title: string): string | undefined {
    for (const name of this.#names.values()) if (name.title === title) return name.agent
    return undefined
  }

  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }

  // --- what others write ---------------------------------------------------------------------------------------

  async #watch(bucket: Bucket): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        for await (const change of bucket.watch({ signal })) {
          if (change.kind === 'current') this.#current.resolve()
          else if (change.kind === 'put') this.#learn(change.key, change.value, change.revision)
          else this.#unlearn(change.key)
        }
      } catch {
        // It goes on by itself after an outage; whatever else ended it may be over soon.
        this.#drop('watch-ended')
      }
      await pause(LONGEST_DELAY_MS, signal)
    }
    this.#current.resolve()
  }

  #learn(key: string, bytes: Uint8Array, revision: number): void {
    const part = readPart(bytes)
    if (part === undefined || keyOfPart(part, part.node) !== key) {
      this.#drop('invalid')
      return
    }
    const { agent, title, kind, name } = part
    const found = this.#find(agent, kind, name)
    if (found === undefined && this.#names.size >= MOST_NAMES_IN_ALL) {
      this.#drop('too-many-names')
      return
    }
    const shared = found ?? this.#make({ id: agent, title }, kind, name)
    // What another node has reset is to be written as such by this one, too.
    if (shared.learn(part, revision)) this.#note(shared)
  }

  #unlearn(key: string): void {
    const end = key.lastIndexOf('.')
    const at = key.slice(0, end)
    const name = this.#names.get(at)
    const node = name?.nodes().find((each) => token(each) === key.slice(end + 1))
    if (name === undefined || node === undefined) return
    name.unlearn(node)
    if (name.isGone) this.#names.delete(at)
  }

  // --- what this node writes -----------------------------------------------------------------------------------

  #note(name: SharedName): void {
    if (this.#options.bucket === undefined) return
    this.#changed.add(name)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#abort.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      // Whatever went wrong, the next attempt is on its way.
      this.#flushNow().catch(() => {})
    }, this.#delayMs)
  }

  #flushNow(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  async #write(): Promise<void> {
    const { bucket } = this.#options
    const waiting = [...this.#changed]
    if (bucket === undefined || waiting.length === 0) return
    try {
      for (let at = 0; at < waiting.length; at += AT_ONCE)
        await allOf(waiting.slice(at, at + AT_ONCE).map((name) => this.#writeOne(bucket, name)))
      this.#delayMs = this.#flushMs
    } catch (error) {
      this.#delayMs = Math.min(2 * this.#delayMs, LONGEST_DELAY_MS)
      throw error
    } finally {
      if (this.#changed.size > 0) this.#schedule()
    }
  }

  async #writeOne(bucket: Bucket, name: SharedName): Promise<void> {
    const key = keyOfPart(name, this.#options.node)
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      // What is added from here on is noted again.
      this.#changed.delete(name)
      const { bytes, revision, isLatest } = name.toWrite()
      try {
        const written =
          revision === undefined ? await bucket.create(key, bytes) : await bucket.update(key, bytes, revision)
        name.written(written)
        if (isLatest) return
      } catch (error) {
        this.#changed.add(name)
        if (!(error instanceof Mistake && error.code === 'E_CONFLICT')) throw error
        // An earlier attempt came through after all, or another run of this node writes as well, or it was deleted.
        const kept = await bucket.get(key)
        const part = kept === undefined ? undefined : readPart(kept.value)
        if (kept !== undefined && part === undefined) this.#drop('invalid')
        if (name.rebase(part, kept?.revision)) this.#changed.delete(name)
        if (!this.#changed.has(name)) return
      }
    }
    throw new Mistake('E_CONFLICT', `somebody else keeps writing ${key}`)
  }

  /** What is not written for long goes, but not what a node that is there has counted. */
  #refresh(): void {
    for (const name of this.#names.values()) if (name.isWorthKeeping) this.#note(name)
  }
}

/** Where an agent's names are. */
interface Finder {
  find(owner: string, kind: Kind, name: string): SharedName | undefined
  /** Identity of the agent with this title that shares something. */
  idOf(title: string): string | undefined
  note(name: SharedName): void
}

/** What an agent reads. Names that nobody has added to are 0, empty or null. `of`: the title of another agent. */
export class AgentShares {
  readonly #agent: SharingAgent
  readonly #finder: Finder

  constructor(agent: SharingAgent, finder: Finder) {
    this.#agent = agent
    this.#finder = finder
  }

  counter(name: string, of?: string): number {
    const total = this.#find('counter', name, of)?.total()
    return total instanceof Counter ? total.value : 0
  }

  top(name: string, k: number, of?: string): TopKey[] {
    return topOf(this.#find('topk', name, of)?.parts().filter(isTop) ?? [], k)
  }

  unique(name: string, of?: string): number {
    const total = this.#find('unique', name, of)?.total()
    return total instanceof Unique ? total.count() : 0
  }

  quantile(name: string, q: number, of?: string): number | null {
    const total = this.#find('quantile', name, of)?.total()
    return (total instanceof Quantiles ? quantileOf(total, q) : undefined) ?? null
  }

  summary(name: string, of?: string): QuantileSummary | null {
    const total = this.#find('quantile', name, of)?.total()
    return (total instanceof Quantiles ? summaryOf(total) : undefined) ?? null
  }

  /** Begins again at nothing, on all nodes: what others add at the same time may count or not. */
  reset(kind: Kind, name: string): void {
    const found = this.#find(kind, name)
    if (found === undefined) return
    found.reset()
    this.#finder.note(found)
  }

  #find(kind: Kind, name: string, of?: string): SharedName | undefined {
    const owner = of === undefined || of === this.#agent.title ? this.#agent.id : this.#finder.idOf(of)
    return owner === undefined ? undefined : this.#finder.find(owner, kind, name)
  }
}

/** What an API says of it. */
function viewOf(name: SharedName): unknown {
  const total = name.total()
  if (total instanceof Counter) return total.value
  if (total instanceof Unique) return total.count()
  if (total instanceof Quantiles) return summaryOf(total)
  return topOf(name.parts().filter(isTop), MOST_KEYS)
}

function isTop(value: unknown): value is TopKeys {
  return value instanceof TopKeys
}

interface Name {
  readonly agent: string
  readonly kind: Kind
  readonly name: string
}

function keyOf({ agent, kind, name }: Name): string {
  return `${token(agent)}.${kind}.${token(name)}`
}

/** Where a node writes its part. */
function keyOfPart(name: Name, node: string): string {
  return `${keyOf(name)}.${token(node)}`
}

/** Waits for all of them, also when some fail. */
async function allOf(attempts: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(attempts))
    if (outcome.status === 'rejected') throw outcome.reason
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const FLUSH_MS = 200
const LONGEST_DELAY_MS = 5000
/** Keys that are written at the same time. */
const AT_ONCE = 16
const MOST_ATTEMPTS = 5
/** Of all agents. */
const MOST_NAMES_IN_ALL = 100_000
const REFRESH_MS = 24 * 3600_000
