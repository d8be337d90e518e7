import { type KV, Kvm } from '@nats-io/kv'
import { Backoff } from '../waiting/backoff.ts'
import { pause } from '../waiting/pause.ts'
import type { Bucket, BucketOptions, Change, Kept } from './bus.ts'
import { checkSize, conflict } from './mistakes.ts'
import type { Api, NatsLink } from './nats-link.ts'
import { type Delivered, type Pulled, pull } from './nats-pull.ts'
import { dropReader, ensureStream, hasCode, makeReader, type StreamSetup } from './nats-setup.ts'
import { checkKey } from './subjects.ts'

export interface NatsBucketOptions extends BucketOptions {
  readonly prefix: string
  readonly replicas: number
  /** Aborts when the bus is closed. */
  readonly ending: AbortSignal
  readonly mostBytesOfOne: () => number
}

/** A bucket of the key-value store of JetStream, with one version of each key. */
export class NatsBucket implements Bucket {
  readonly #link: NatsLink
  readonly #name: string
  readonly #bucket: string
  readonly #subjects: string
  readonly #setup: StreamSetup
  readonly #ttlMs: number
  readonly #ending: AbortSignal
  readonly #mostBytes: () => number
  #kv: { readonly api: Api; readonly kv: KV } | undefined

  constructor(
    link: NatsLink,
    { name, prefix, replicas, ttlMs = 0, ending, mostBytesOfOne }: NatsBucketOptions,
  ) {
    this.#link = link
    this.#name = name
    this.#bucket = `${prefix}_${name}`
    this.#subjects = `$KV.${this.#bucket}.`
    this.#ttlMs = ttlMs
    this.#ending = ending
    this.#mostBytes = mostBytesOfOne
    this.#setup = {
      name: `KV_${this.#bucket}`,
      subjects: [`${this.#subjects}>`],
      retention: 'limits',
      storage: 'file',
      discard: 'new',
      max_msgs_per_subject: 1,
      max_age: ttlMs * 1e6,
      allow_rollup_hdrs: true,
      deny_delete: true,
      num_replicas: replicas,
    }
  }

  /** Rejects with `E_BUS`. */
  async open(): Promise<void> {
    await this.#or('cannot open', () => ensureStream(this.#link, this.#setup))
  }

  async get(key: string): Promise<Kept | undefined> {
    checkKey(key)
    const entry = await this.#or('cannot read', () => this.#with((kv) => kv.get(key)))
    if (entry === null || entry.operation !== 'PUT') return undefined
    return { value: entry.value, revision: entry.revision }
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, (kv) => kv.put(key, value))
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, (kv) => kv.create(key, value))
  }

  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    // To the server 0 means that there must be none.
    if (revision <= 0) throw conflict(this.#name, key)
    return this.#write(key, value, (kv) => kv.update(key, value, revision))
  }

  async #write(key: string, value: Uint8Array, write: (kv: KV) => Promise<number>): Promise<number> {
    checkKey(key)
    checkSize(value, this.#mostBytes())
    return this.#or('cannot write', () => this.#with(write), key)
  }

  async delete(key: string, revision?: number): Promise<void> {
    const kept = await this.get(key)
    if (kept === undefined) return
    if (revision !== undefined && kept.revision !== revision) throw conflict(this.#name, key)
    const options = revision === undefined ? {} : { previousSeq: revision }
    await this.#or('cannot delete', () => this.#with((kv) => kv.delete(key, options)), key)
  }

  async keys(prefix = ''): Promise<string[]> {
    return this.#or('cannot list', async () => {
      for (let attempt = 1; ; attempt++)
        try {
          return (await this.#list(prefix)).filter((key) => key.startsWith(prefix))
        } catch (error) {
          // A value that becomes too old while it is asked for makes the server silent.
          if (attempt === ATTEMPTS || !this.#link.connected) throw error
        }
    })
  }

  async #list(prefix: string): Promise<string[]> {
    const reader = await this.#reader(prefix, { headers_only: true })
    const signal = AbortSignal.any([this.#link.outage, this.#ending])
    const keys: string[] = []
    try {
      for (let left = reader.pending; left > 0; ) {
        const options = { most: Math.min(left, PAGE), waitMs: PAGE_MS, signal }
        const pulled = await pull(this.#link.api, this.#setup.name, reader.name, options)
        if (pulled.end === 'broken') throw this.#link.mistake('the connection was lost')
        for (const delivered of pulled.messages) if (isPut(delivered)) keys.push(this.#key(delivered))
        left = leftAfter(pulled)
      }
    } finally {
      dropReader(this.#link, this.#setup.name, reader.name)
    }
    return keys
  }

  async *watch({
    prefix = '',
    signal,
  }: {
    readonly prefix?: string
    readonly signal: AbortSignal
  }): AsyncIterable<Change> {
    const end = AbortSignal.any([signal, this.#ending])
    const watching: Watching = { prefix, end, known: new Map(), newest: 0, isCurrent: false, created: '' }
    const backoff = new Backoff(100, 5000)
    while (!end.aborted) {
      await this.#link.whenConnected(end)
      try {
        for await (const change of this.#follow(watching)) {
          backoff.reset()
          yield change
          if (end.aborted) return
        }
      } catch {
        // Whatever it was: what there is now is compared with what was told, until that succeeds.
      }
      if (!end.aborted) await pause(backoff.next(), end)
    }
  }

  /** What differs from what was told, then what changes, until an outage or until it is time to compare again. */
  async *#follow(watching: Watching): AsyncIterable<Change> {
    const created = await ensureStream(this.#link, this.#setup)
    if (created !== watching.created) {
      // Another bucket of that name counts from the beginning again.
      for (const key of watching.known.keys()) watching.known.set(key, 0)
      watching.newest = 0
    }
    watching.created = created
    const { api, outage } = this.#link
    const reader = await this.#reader(watching.prefix)
    const source: Source = {
      api,
      reader: reader.name,
      signal: AbortSignal.any([watching.end, outage]),
      consumed: 0,
    }
    try {
      if (reader.pending > 0) yield* this.#compare(watching, source, reader.pending)
      else yield* this.#gone(watching, new Set())
      if (source.signal.aborted) return
      if (!watching.isCurrent) yield { kind: 'current' }
      watching.isCurrent = true
      yield* this.#changes(watching, source)
    } finally {
      dropReader(this.#link, this.#setup.name, reader.name)
    }
  }

  async *#compare(watching: Watching, source: Source, pending: number): AsyncIterable<Change> {
    const seen = new Set<string>()
    for (let left = pending; left > 0; ) {
      const pulled = await this.#pull(source, Math.min(left, PAGE), PAGE_MS)
      if (pulled.end === 'broken') throw this.#link.mistake('the connection was lost')
      for (const delivered of pulled.messages) {
        if (isPut(delivered)) seen.add(this.#key(delivered))
        yield* this.#told(watching, delivered)
      }
      left = leftAfter(pulled)
    }
    yield* this.#gone(watching, seen)
  }

  /** Keys that were told of and are not there any more: deleted during an outage, or too old. */
  async *#gone({ known, newest }: Watching, seen: ReadonlySet<string>): AsyncIterable<Change> {
    for (const key of [...known.keys()]) {
      if (seen.has(key) || (await this.get(key)) !== undefined) continue
      known.delete(key)
      yield { kind: 'delete', key, revision: newest }
    }
  }

  async *#changes(watching: Watching, source: Source): AsyncIterable<Change> {
    // The server does not tell of values that have become too old.
    const until = performance.now() + (this.#ttlMs === 0 ? Number.POSITIVE_INFINITY : resyncMs(this.#ttlMs))
    while (!source.signal.aborted) {
      const leftMs = until - performance.now()
      if (leftMs <= 0) return
      const { messages, end } = await this.#pull(source, 1, Math.ceil(Math.min(WAIT_MS, leftMs)))
      for (const delivered of messages) yield* this.#told(watching, delivered)
      if (end === 'broken') return
    }
  }

  /** Breaks off where something got lost on the way. */
  async #pull(source: Source, most: number, waitMs: number) {
    const pulled = await pull(source.api, this.#setup.name, source.reader, {
      most,
      waitMs,
      signal: source.signal,
    })
    for (const { consumerSequence } of pulled.messages)
      if (consumerSequence !== ++source.consumed) throw this.#link.mistake('messages were lost')
    return pulled
  }

  *#told(watching: Watching, delivered: Delivered): Iterable<Change> {
    const { known, prefix } = watching
    const key = this.#key(delivered)
    const revision = delivered.streamSequence
    watching.newest = Math.max(watching.newest, revision)
    if (!key.startsWith(prefix)) return
    const before = known.get(key)
    if (isPut(delivered)) {
      if (before !== undefined && before >= revision) return
      known.set(key, revision)
      yield { kind: 'put', key, value: delivered.message.data, revision }
    } else if (before !== undefined) {
      known.delete(key)
      yield { kind: 'delete', key, revision }
    }
  }

  /** Over the last value of each key; a prefix that is not a whole number of tokens is narrowed by who reads. */
  #reader(prefix: string, options: { readonly headers_only?: boolean } = {}) {
    const whole = prefix.slice(0, prefix.lastIndexOf('.') + 1)
    return makeReader(this.#link, this.#setup.name, {
      deliver_policy: 'last_per_subject',
      filter_subject: `${this.#subjects}${whole}>`,
      ...options,
    })
  }

  #key({ message }: Delivered): string {
    return message.subject.slice(this.#subjects.length)
  }

  #with<Result>(work: (kv: KV) => Promise<Result>): Promise<Result> {
    return this.#link.call(async (api) => {
      if (this.#kv?.api !== api)
        // Directly from any replica would be faster, and not always what was written last.
        this.#kv = { api, kv: await new Kvm(api.js).open(this.#bucket, { allow_direct: false }) }
      return work(this.#kv.kv)
    })
  }

  async #or<Result>(what: string, work: () => Promise<Result>, key = ''): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (hasCode(error, ...CONFLICTS)) throw conflict(this.#name, key)
      throw this.#link.mistake(`${what} ${this.#name}`, error)
    }
  }
}

interface Watching {
  readonly prefix: string
  readonly end: AbortSignal
  /** Keys that were told of, with their revisions. */
  readonly known: Map<string, number>
  newest: number
  isCurrent: boolean
  created: string
}

interface Source {
  readonly api: Api
  readonly reader: string
  readonly signal: AbortSignal
  consumed: number
}

function isPut({ message }: Delivered): boolean {
  const operation = message.headers?.get('KV-Operation') ?? ''
  return operation === '' || operation === 'PUT'
}

/**
 * How many more there are. A page is never asked for that could be larger: of values that are written anew meanwhile there are
 * fewer than the server thinks, and what it owes then is sent when nobody listens any more.
 */
function leftAfter({ messages, end }: Pulled): number {
  return end === 'none' ? 0 : (messages.at(-1)?.pending ?? 0)
}

/** How often what has become too old is looked for. */
function resyncMs(ttlMs: number): number {
  return Math.min(Math.max(ttlMs / 4, 500), 30_000)
}

/** Wrong last sequence, as the server has it for one replica and for several. */
const CONFLICTS = [10071, 10164]
const PAGE = 256
const ATTEMPTS = 3
const WAIT_MS = 20_000
/** What there is comes at once; this is for what went while it was asked for. */
const PAGE_MS = 1000
