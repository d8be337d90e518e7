import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Bucket } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { firstOf } from '../waiting/first-of.ts'
import { pause } from '../waiting/pause.ts'
import { Wake } from '../waiting/wake.ts'
import { type AgentRecord, type AgentVersion, agentRecord, agentVersion } from '../wire/agents.ts'
import { AgentBook } from './agent-book.ts'
import { hashOf, keptVersions } from './records.ts'
import type { Damage, Shelf, ShelfChange, Shelved, StoreRules } from './shelf.ts'

/**
 * Agents in a bucket of the bus. The key `book` has all that is about agents but their code, and the activation list: to
 * write it is to make a change. Code lies under keys of its own, `version.<id>.<number>.<random>`, which are written before
 * and never again, so that a change of one agent does not send the code of all others.
 */
export function openBucketStore(bucket: Bucket, options: BucketStoreOptions): AgentBook {
  return new AgentBook(new BucketShelf(bucket, options), options)
}

export interface BucketStoreOptions extends StoreRules {
  /** Where the bucket is: `bucket agents of nats://10.0.0.1:4222`. */
  readonly description: string
  /** How long versions may lie there that are in no book. */
  readonly sweepAfterMs?: number
}

const keptRecord = agentRecord.omit({ code: true }).extend({
  /** Keys of the versions that are kept, by number. */
  versions: z.array(z.object({ version: z.number().int(), key: z.string().regex(/^version\./) })).min(1),
})
type KeptRecord = z.infer<typeof keptRecord>

const keptBook = z.object({ agents: z.array(z.unknown()), active: z.array(z.string()) })

type Current = readonly [agent: KeptRecord, key: string, version: AgentVersion | undefined]

interface NewBook {
  readonly agents: readonly unknown[]
  readonly active: readonly string[]
}

/** The book as it is found. */
interface Found {
  /** 0: there is none yet. */
  readonly revision: number
  readonly agents: readonly KeptRecord[]
  /** Those that nobody can read, as they are: they stay. */
  readonly unreadable: readonly unknown[]
  readonly active: readonly string[]
}

class BucketShelf implements Shelf {
  readonly description: string
  readonly #bucket: Bucket
  readonly #rules: StoreRules
  readonly #sweepAfterMs: number
  readonly #closed = new AbortController()
  /** What was read of versions in use; a key never gets another value. */
  #versions: ReadonlyMap<string, AgentVersion> = new Map()
  /** Once in the life of a store; nobody waits for it. */
  #swept: Promise<void> | undefined

  constructor(bucket: Bucket, options: BucketStoreOptions) {
    this.description = options.description
    this.#bucket = bucket
    this.#rules = options
    this.#sweepAfterMs = options.sweepAfterMs ?? SWEEP_AFTER_MS
  }

  async read(): Promise<Shelved> {
    const found = await this.#book()
    const damaged: Damage[] = found.unreadable.map((each) => damageOf(each, this.description))
    const records: AgentRecord[] = []
    const current = await this.#currentVersions(found.agents)
    for (const [{ versions: _versions, ...kept }, key, version] of current)
      if (version?.hash === kept.hash) records.push({ ...kept, code: version.code })
      else damaged.push({ index: kept.index, id: kept.id, mistake: this.#lostCode(kept.title, key) })
    this.#versions = new Map(
      current.flatMap(([, key, version]) => (version === undefined ? [] : [[key, version]])),
    )
    return { records, damaged, activeTitles: found.active, revision: String(found.revision) }
  }

  async write(base: Shelved, change: ShelfChange): Promise<boolean> {
    const found = await this.#book()
    if (String(found.revision) !== base.revision) return false
    const { put, version, remove, activeTitles } = change
    const before = found.agents.find(({ id }) => id === (put?.id ?? remove))
    const key = version && (await this.#keep(put?.id ?? '', version))
    const after =
      put && this.#recordAfter(put, before, key === undefined ? [] : [{ version: put.version, key }])
    const agents = [
      ...found.agents.filter((each) => each !== before),
      ...(after === undefined ? [] : [after]),
    ]
    const book = { agents: [...agents, ...found.unreadable], active: activeTitles ?? found.active }
    const isWritten = await this.#writeBook(book, found.revision)
    const [used, unused] = isWritten ? [keysOf(after), keysOf(before)] : [[], key === undefined ? [] : [key]]
    for (const each of unused) if (!used.includes(each)) await this.#bucket.delete(each)
    if (isWritten) this.#swept ??= this.#sweep()
    return isWritten
  }

  async versions(record: AgentRecord): Promise<readonly AgentVersion[]> {
    const kept = (await this.#book()).agents.find(({ id }) => id === record.id)
    if (kept === undefined) throw new Mistake('E_NOT_FOUND', `there is no agent ${record.id}`)
    const versions: AgentVersion[] = []
    for (const { key } of kept.versions) {
      const version = await this.#version(key)
      if (version !== undefined) versions.push(version)
      else this.#rules.warn(`${key} in ${this.description} is not what was saved: this version is left out`)
    }
    return versions
  }

  async *changes(signal: AbortSignal): AsyncIterable<void> {
    const stop = new AbortController()
    const { signal: ending, release } = firstOf(signal, this.#closed.signal, stop.signal)
    const wake = new Wake()
    const listening = this.#listen(wake, ending)
    try {
      while (!ending.aborted) {
        yield
        await wake.next(ending, LOOK_EVERY_MS)
      }
    } finally {
      stop.abort()
      await listening
      release()
    }
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#swept
  }

  async #listen(wake: Wake, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        for await (const { kind } of this.#bucket.watch({ prefix: BOOK, signal }))
          if (kind !== 'current') wake.ring()
      } catch (error) {
        if (attempt === 0) this.#rules.warn(`changes of agents are seen late: ${(error as Error).message}`)
      }
      await pause(LISTEN_AGAIN_MS, signal)
    }
  }

  async #book(): Promise<Found> {
    const kept = await this.#bucket.get(BOOK)
    if (kept === undefined) return { revision: 0, agents: [], unreadable: [], active: [] }
    const book = keptBook.safeParse(jsonOf(kept.value))
    if (!book.success)
      throw new Mistake('E_STORE', `the key ${BOOK} in ${this.description} is damaged`, {
        hint: `It lists all agents. Put back an older value; their code is still there, under the keys ${VERSION}*.`,
      })
    const agents: KeptRecord[] = []
    const unreadable: unknown[] = []
    for (const each of book.data.agents) {
      const record = keptRecord.safeParse(each)
      const isTaken = agents.some(({ id, index }) => id === record.data?.id || index === record.data?.index)
      if (record.success && !isTaken) agents.push(record.data)
      else unreadable.push(each)
    }
    return { revision: kept.revision, agents, unreadable, active: book.data.active }
  }

  async #writeBook(book: NewBook, revision: number): Promise<boolean> {
    const value = Buffer.from(JSON.stringify(book))
    if (value.length > MOST_BOOK_BYTES)
      throw new Mistake(
        'E_TOO_LARGE',
        `the list of all agents would have ${value.length} bytes; ${this.description} takes ${MOST_BOOK_BYTES}`,
        { hint: 'Delete agents that nobody needs, or keep fewer versions (scripting.history.keep).' },
      )
    try {
      if (revision === 0) await this.#bucket.create(BOOK, value)
      else await this.#bucket.update(BOOK, value, revision)
      return true
    } catch (error) {
      if (error instanceof Mistake && error.code === 'E_CONFLICT') return false
      throw error
    }
  }

  #recordAfter(put: AgentRecord, before: KeptRecord | undefined, fresh: KeptRecord['versions']): KeptRecord {
    const { code: _code, ...record } = put
    return { ...record, versions: keptVersions([...fresh, ...(before?.versions ?? [])], this.#rules.keep) }
  }

  /** What agents run, in order of index, with the key under which it lies. */
  async #currentVersions(agents: readonly KeptRecord[]): Promise<Current[]> {
    const inOrder = agents.toSorted((a, b) => a.index - b.index)
    const current: Current[] = []
    for (let at = 0; at < inOrder.length; at += AT_ONCE)
      current.push(
        ...(await Promise.all(
          inOrder.slice(at, at + AT_ONCE).map(async (agent): Promise<Current> => {
            const key = agent.versions.find(({ version }) => version === agent.version)?.key ?? ''
            return [agent, key, key === '' ? undefined : await this.#version(key)]
          }),
        )),
      )
    return current
  }

  async #keep(id: string, { code, ...about }: AgentVersion): Promise<string> {
    // Two may make the same number of the same agent: only one of them gets into the book.
    const key = `${VERSION}${id}.${about.version}.${randomUUID().slice(0, 8)}`
    // Code is not written as JSON, which would make it longer.
    await this.#bucket.create(key, Buffer.from(`${JSON.stringify(about)}\n${code}`))
    return key
  }

  async #version(key: string): Promise<AgentVersion | undefined> {
    const known = this.#versions.get(key)
    if (known !== undefined) return known
    const value = (await this.#bucket.get(key))?.value
    if (value === undefined) return undefined
    const end = value.indexOf(LINE_END)
    const about = jsonOf(value.subarray(0, Math.max(0, end)))
    const code = Buffer.from(value.subarray(end + 1)).toString()
    const version = agentVersion.omit({ code: true }).safeParse(about)
    return version.success && version.data.hash === hashOf(code) ? { ...version.data, code } : undefined
  }

  /** Clears away versions that somebody wrote who died, or lost the race, before they were in the book. */
  async #sweep(): Promise<void> {
    try {
      const there = await this.#bucket.keys(VERSION)
      // Who has written one of them and not yet the book does so by then; or tries again, with another key.
      await pause(this.#sweepAfterMs, this.#closed.signal)
      if (this.#closed.signal.aborted) return
      const used = new Set((await this.#book()).agents.flatMap(keysOf))
      for (const key of there) if (!used.has(key)) await this.#bucket.delete(key)
    } catch (error) {
      this.#rules.warn(`versions that nobody uses stay in ${this.description}: ${(error as Error).message}`)
    }
  }

  #lostCode(title: string, key: string): Mistake {
    return new Mistake(
      'E_STORE',
      `the code of agent "${title}" is not in ${this.description} any more, or damaged`,
      {
        hint: `It was under the key "${key}". Save the agent again under another title, or put that value back.`,
      },
    )
  }
}

function keysOf(record: KeptRecord | undefined): string[] {
  return record?.versions.map(({ key }) => key) ?? []
}

/** What little can be read of it tells whose it is. */
function damageOf(found: unknown, where: string): Damage {
  const hints = z
    .looseObject({ id: z.string().optional(), index: z.number().int().optional() })
    .safeParse(found)
  const { id, index } = hints.data ?? {}
  const which = index === undefined ? 'an agent' : `agent ${index}`
  const mistake = new Mistake(
    'E_STORE',
    `${which} in the key ${BOOK} in ${where} is damaged: it is left out`,
    {
      hint: 'Mend it there, with the tools of the bus; nobody will overwrite it.',
    },
  )
  return { ...(id === undefined ? {} : { id }), ...(index === undefined ? {} : { index }), mistake }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

const BOOK = 'book'
const VERSION = 'version.'
const LINE_END = 0x0a
/** A message of NATS takes 1 MiB by default, with its head. */
const MOST_BOOK_BYTES = (1 << 20) - (8 << 10)
/** How many keys are asked for without waiting in between. */
const AT_ONCE = 64
const LOOK_EVERY_MS = 30_000
const LISTEN_AGAIN_MS = 1000
const SWEEP_AFTER_MS = 120_000
