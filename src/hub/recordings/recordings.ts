import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Bucket, Bus } from '../../bus/bus.ts'
import { compileFilter } from '../../filter/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import { decode, encode } from '../../wire/codec.ts'
import { type EntriesQuery, entriesQuery } from '../../wire/entries.ts'
import { nextTimeOfDay, phaseAt } from '../../wire/recording-schedule.ts'
import {
  PARTS,
  partsOf,
  planKey,
  RECORDING_SOURCE,
  type RecordingDraft,
  type RecordingPart,
  type RecordingPlan,
  type RecordingView,
  recordedNames,
  recordingPart,
  recordingPlan,
} from '../../wire/recordings.ts'
import { SUBJECTS, token } from '../../wire/subjects.ts'
import type { EntriesPage } from '../../wire/views.ts'
import { queryWorkers } from '../entries.ts'
import { ArchiveFolder } from './archive-folder.ts'
import type { Download, RecordingControl } from './control.ts'
import { mergePackets, type PacketsAsked, RecordedPackets } from './merged-packets.ts'
import { RecentPackets, RecordedPlace } from './recorded-place.ts'
import { viewOf } from './view.ts'

export interface RecordingsOptions {
  readonly bus: Pick<Bus, 'request'>
  /** `BUCKETS.recordings` */
  readonly bucket: Bucket
  /** Names of the workers of which something was heard lately. */
  readonly workers: () => readonly string[]
  /** Words of filters. */
  readonly macros: Readonly<Record<string, string>>
  readonly now?: () => number
}

/**
 * Recordings of all workers: what is to be recorded is written into a bucket, where workers write what they have of it. What was
 * recorded stays with them until somebody wants it.
 */
export class Recordings implements RecordingControl {
  readonly #options: RecordingsOptions
  readonly #now: () => number
  readonly #plans = new Map<string, RecordingPlan>()
  readonly #parts = new Map<string, RecordingPart>()
  readonly #abort = new AbortController()
  readonly #watching: Promise<void>
  readonly #known = Promise.withResolvers<void>()
  readonly #recent = new RecentPackets()
  readonly #sweep: NodeJS.Timeout

  constructor(options: RecordingsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#watching = this.#watch()
    this.#sweep = setInterval(() => {
      this.sweep().catch(() => {}) // Nobody can be reached now; it is tried again.
    }, SWEEP_MS).unref()
  }

  async list(): Promise<RecordingView[]> {
    await this.#known.promise
    return [...this.#plans.values()].sort((a, b) => b.createdAt - a.createdAt).map((plan) => this.#view(plan))
  }

  async get(name: string): Promise<RecordingView> {
    return this.#view(await this.#find(name))
  }

  has(name: string): boolean {
    return this.#plans.has(name)
  }

  async create(draft: RecordingDraft, by: string): Promise<RecordingView> {
    await this.#known.promise
    const { bucket, macros } = this.#options
    const now = this.#now()
    compileFilter(draft.filter, { prefer: 'kfl2', macros, now })
    const plan = planOf(draft, now, by)
    const going = [...this.#plans.values()].filter((each) => isGoing(each, now))
    if (going.length >= MOST_GOING)
      throw new Mistake('E_CONFLICT', `${going.length} recordings are going on or scheduled already`, {
        hint: 'Stop one of them, or wait until one has ended.',
      })
    try {
      await bucket.create(planKey(plan.name), encode(plan))
    } catch (error) {
      if (!(error instanceof Mistake) || error.code !== 'E_CONFLICT') throw error
      throw new Mistake('E_CONFLICT', `there is a recording ${plan.name} already`, {
        hint: 'Take another name, or delete that one.',
      })
    }
    this.#plans.set(plan.name, plan)
    return this.#view(plan)
  }

  async stop(name: string): Promise<RecordingView> {
    const { bucket } = this.#options
    const kept = await bucket.get(planKey((await this.#find(name)).name))
    const plan = kept && decode(recordingPlan, kept.value)
    if (kept === undefined || plan === undefined) throw notFound(name)
    if (!isGoing(plan, this.#now())) return this.#view(plan)
    const stopped = { ...plan, stoppedAt: this.#now() }
    await bucket.update(planKey(name), encode(stopped), kept.revision)
    this.#plans.set(name, stopped)
    return this.#view(stopped)
  }

  async delete(name: string): Promise<void> {
    await this.#find(name)
    await this.#remove(name)
  }

  async entries(name: string, query: EntriesQuery, signal: AbortSignal): Promise<EntriesPage> {
    const view = await this.get(name)
    const { bus, macros } = this.#options
    const { limit: most = Number.POSITIVE_INFINITY } = compileFilter(query.filter, {
      prefer: 'kfl2',
      macros,
      now: this.#now(),
    })
    const asked = { ...query, source: `${RECORDING_SOURCE}:${name}` }
    const { here, away } = this.#withSome(view, ({ entries }) => entries > 0)
    const page = await queryWorkers(bus, here, asked, { signal, most })
    return { ...page, missing: [...new Set([...page.missing, ...away])] }
  }

  /** Packets of its entries, connection by connection. */
  async packets(name: string, signal: AbortSignal): Promise<RecordedPlace> {
    const view = await this.get(name)
    const { here } = this.#withSome(view, ({ packets }) => packets > 0)
    const recent = view.nodes.every(({ state }) => state === 'done') ? this.#recent : undefined
    return new RecordedPlace({ bus: this.#options.bus, name, workers: here, signal, recent })
  }

  async pcap(name: string, signal: AbortSignal): Promise<Download> {
    const { workers, missing } = await this.#openWorkers(await this.get(name), signal)
    const { extension, bytes } = mergePackets(workers)
    return { extension, missing, stream: Readable.from(bytes, { objectMode: false }) }
  }

  async archive(name: string, signal: AbortSignal): Promise<Download> {
    const view = await this.get(name)
    const folder = await ArchiveFolder.make()
    try {
      const { workers, missing: away } = await this.#openWorkers(view, signal)
      for (const worker of workers) {
        const { extension, bytes } = mergePackets([worker])
        await folder.add(`pcaps/${token(worker.node)}.${extension}`, bytes)
      }
      const missing = [...new Set([...away, ...(await this.#archiveEntries(name, folder, signal))])]
      await folder.add(
        'name_resolution_history.json',
        JSON.stringify(await this.#names(name, workers, signal)),
      )
      await folder.add('recording.json', JSON.stringify({ ...view, missing }, undefined, 2))
      return { extension: 'tar.gz', missing, stream: folder.stream() }
    } catch (error) {
      await folder.remove()
      throw error
    }
  }

  /** Removes what has expired long ago, and what workers have said of recordings that there are not any more. */
  async sweep(): Promise<void> {
    await this.#known.promise
    const now = this.#now()
    for (const plan of [...this.#plans.values()]) {
      const phase = phaseAt(plan, now)
      if (phase.kind === 'expired' && now - phase.expiredAt > REMEMBER_MS) await this.#remove(plan.name)
    }
    for (const [key, { id }] of [...this.#parts])
      if (![...this.#plans.values()].some((plan) => plan.id === id)) await this.#options.bucket.delete(key)
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep)
    this.#abort.abort()
    await this.#watching
  }

  async #archiveEntries(
    name: string,
    folder: ArchiveFolder,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const missing = new Set<string>()
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const query = entriesQuery.parse({ limit: 1000, ...(cursor && { cursor }) })
      const page = await this.entries(name, query, signal)
      for (const each of page.missing) missing.add(each)
      await folder.addPage(page.entries)
      cursor = page.cursor
    }
    await folder.endPages()
    return [...missing]
  }

  async #names(name: string, workers: readonly RecordedPackets[], signal: AbortSignal) {
    const { bus } = this.#options
    const options = { timeoutMs: NAMES_MS, signal }
    const answers = await Promise.all(
      workers.map(({ node }) => bus.request(SUBJECTS.recordedNames(node), encode({ name }), options)),
    )
    const all: Record<string, Record<string, unknown>> = {}
    for (const answer of answers)
      for (const [second, names] of Object.entries(decode(recordedNames, answer) ?? {}))
        all[second] = { ...all[second], ...names }
    return all
  }

  async #openWorkers(view: RecordingView, signal: AbortSignal) {
    const { here, away } = this.#withSome(view, ({ packets, entries }) => packets + entries > 0)
    const asked: PacketsAsked = { bus: this.#options.bus, name: view.name, session: randomUUID(), signal }
    const missing = [...away]
    const opened = await Promise.all(
      here.map((node) =>
        RecordedPackets.open(node, asked).catch((error: unknown) => {
          if (!(error instanceof Mistake) || !SILENT.has(error.code)) throw error
          missing.push(node)
          return undefined
        }),
      ),
    )
    return { workers: opened.filter((each) => each !== undefined), missing }
  }

  /** Workers that have something of a recording: those that can be asked, and those that are not there. */
  #withSome({ nodes }: RecordingView, has: (node: RecordingView['nodes'][number]) => boolean) {
    const some = nodes.filter(has)
    return {
      here: some.filter(({ isAlive }) => isAlive).map(({ node }) => node),
      away: some.filter(({ isAlive }) => !isAlive).map(({ node }) => node),
    }
  }

  async #find(name: string): Promise<RecordingPlan> {
    await this.#known.promise
    const plan = this.#plans.get(name)
    if (plan === undefined) throw notFound(name)
    return plan
  }

  #view(plan: RecordingPlan): RecordingView {
    const workers = this.#options.workers()
    const parts = [...this.#parts.values()].filter(({ id }) => id === plan.id)
    return viewOf(plan, { parts, isAlive: (node) => workers.includes(node), now: this.#now() })
  }

  async #remove(name: string): Promise<void> {
    const { bucket } = this.#options
    await bucket.delete(planKey(name))
    this.#plans.delete(name)
    this.#recent.clear()
    for (const key of await bucket.keys(partsOf(name))) {
      await bucket.delete(key)
      this.#parts.delete(key)
    }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        for await (const change of this.#options.bucket.watch({ signal })) {
          if (change.kind === 'current') this.#known.resolve()
          else if (change.kind === 'delete') this.#forget(change.key)
          else this.#learn(change.key, change.value)
        }
      } catch {
        // The bus goes on by itself; what it could not watch at all is tried again.
      }
      await pause(AGAIN_MS, signal)
    }
  }

  #forget(key: string): void {
    // Another one may come under the same name.
    this.#recent.clear()
    this.#parts.delete(key)
    for (const name of this.#plans.keys()) if (planKey(name) === key) this.#plans.delete(name)
  }

  #learn(key: string, value: Uint8Array): void {
    if (key.startsWith(PARTS)) {
      const part = decode(recordingPart, value)
      if (part !== undefined) this.#parts.set(key, part)
    } else {
      const plan = decode(recordingPlan, value)
      if (plan !== undefined) this.#plans.set(plan.name, plan)
    }
  }
}

/** Throws `E_REQUEST` when days would run into each other. */
function planOf(draft: RecordingDraft, now: number, by: string): RecordingPlan {
  const { name, filter, start, iterations, duration, expiration, lastMinutes } = draft
  const common = {
    ...{ id: randomUUID(), name, filter, createdAt: now, createdBy: by },
    expirationMs: expiration * MINUTE_MS,
  }
  if (lastMinutes !== undefined)
    return { ...common, startAt: now, durationMs: 0, iterations: 1, lastMs: lastMinutes * MINUTE_MS }
  if (iterations !== 1 && duration > DAY_MINUTES)
    throw new Mistake('E_REQUEST', `${duration} minutes each day: a day has ${DAY_MINUTES}`)
  const startAt = start === undefined ? now : nextTimeOfDay(start, now)
  return { ...common, startAt, durationMs: duration * MINUTE_MS, iterations }
}

function isGoing(plan: RecordingPlan, now: number): boolean {
  return ['scheduled', 'recording'].includes(phaseAt(plan, now).kind)
}

function notFound(name: string): Mistake {
  return new Mistake('E_NOT_FOUND', `there is no recording ${JSON.stringify(name.slice(0, LONGEST_SHOWN))}`)
}

const SILENT: ReadonlySet<string> = new Set(['E_BUS_NO_ANSWER', 'E_BUS', 'E_STORE'])
const MINUTE_MS = 60_000
const DAY_MINUTES = 1440
const SWEEP_MS = 60_000
/** For so long it is said that something has expired. */
const REMEMBER_MS = 86_400_000
const AGAIN_MS = 1000
const NAMES_MS = 5000
/** Each that records takes a thread of its own on every worker. */
const MOST_GOING = 20
const LONGEST_SHOWN = 100
