import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { EntryMarks } from '../../agent/answers.ts'
import type { Bucket, Bus } from '../../bus/bus.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { Note } from '../../node/note.ts'
import type { EntryReader } from '../../store/entries/entry-store.ts'
import { pause } from '../../waiting/pause.ts'
import { decode, encode } from '../../wire/codec.ts'
import {
  PLANS,
  partKey,
  type RecordingPart,
  type RecordingPlan,
  recordingIn,
  recordingName,
  recordingPlan,
} from '../../wire/recordings.ts'
import { PacketAnswers } from './packet-answers.ts'
import { Recording, type RecordingOptions } from './recording.ts'

/** What recordings of a worker take. */
export interface RecordingSettings extends Omit<RecordingOptions, 'reader' | 'isFile'> {
  /** Disk that all of them may take. */
  readonly mostBytes: number
}

export interface RecordingsOptions extends RecordingSettings, Pick<RecordingOptions, 'reader' | 'isFile'> {
  readonly bus: Bus
  readonly bucket: Bucket
  readonly node: string
  readonly note: Note
  readonly now?: () => number
  /** How often is looked what is due; 0: whoever made it calls `step`. */
  readonly everyMs?: number
  /** How often hubs are told what is only counted. */
  readonly tellEveryMs?: number
}

/** The recordings of a worker: follows what is to be recorded, does its part of it, and says what it has. */
export class Recordings {
  readonly #options: RecordingsOptions
  readonly #now: () => number
  readonly #plans = new Map<string, RecordingPlan>()
  readonly #recordings = new Map<string, Recording>()
  readonly #told = new Map<string, { readonly text: string; readonly state: string; readonly at: number }>()
  readonly #answers: PacketAnswers
  readonly #abort = new AbortController()
  readonly #current = Promise.withResolvers<void>()
  readonly #watching: Promise<void>
  readonly #timer: NodeJS.Timeout | undefined
  #stepping: Promise<void> | undefined
  #isKnown = false
  malformed = 0

  constructor(options: RecordingsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    const { bus, node, everyMs = EVERY_MS } = options
    this.#answers = new PacketAnswers({ bus, node, find: (name) => this.#recordings.get(name) })
    this.#watching = this.#watch()
    if (everyMs > 0) this.#timer = setInterval(() => this.#stepNow(), everyMs)
  }

  /** Resolves when what is due now is being recorded. */
  get ready(): Promise<void> {
    return this.#current.promise.then(() => this.step())
  }

  /** Entries that matched and could not be kept. */
  get lost(): number {
    return [...this.#recordings.values()].reduce((sum, { part }) => sum + part.lostEntries, 0)
  }

  /** What agents think of entries that may be recorded. */
  mark(marks: readonly EntryMarks[]): void {
    const now = this.#now()
    for (const recording of this.#recordings.values()) recording.mark(marks, now)
  }

  /** Where the entries are that a query is about; undefined when there are none here. */
  readerOf(source: string): EntryReader | undefined {
    const name = recordingIn(source)
    if (name === undefined) throw new Mistake('E_REQUEST', 'workers have recordings alone')
    return this.#recordings.get(name)?.entries(this.#now())
  }

  /** Does what is due, after whatever is being done. */
  async step(): Promise<void> {
    await this.#stepping
    await this.#stepNow()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#abort.abort()
    await this.#stepping
    await this.#watching
    this.#answers.close()
    for (const recording of this.#recordings.values()) await recording.close()
    for (const [name, recording] of this.#recordings) await this.#tell(name, recording, true)
  }

  /** One at a time. */
  #stepNow(): Promise<void> {
    this.#stepping ??= this.#step()
      .catch((error: unknown) =>
        this.#options.note('error', 'recordings cannot go on', { error: String(error) }),
      )
      .finally(() => {
        this.#stepping = undefined
      })
    return this.#stepping
  }

  async #step(): Promise<void> {
    if (!this.#isKnown) return
    await this.#endThoseGone()
    for (const plan of this.#plans.values()) this.#beginOrChange(plan)
    for (const [name, recording] of this.#recordings) {
      await recording.step(this.#now(), this.#room())
      await this.#tell(name, recording, false)
    }
  }

  async #endThoseGone(): Promise<void> {
    for (const [name, recording] of this.#recordings) {
      if (this.#plans.get(name)?.id === recording.plan.id) continue
      this.#recordings.delete(name)
      this.#told.delete(name)
      await recording.remove()
      if (!this.#plans.has(name)) await this.#options.bucket.delete(partKey(name, this.#options.node))
    }
  }

  #beginOrChange(plan: RecordingPlan): void {
    const known = this.#recordings.get(plan.name)
    if (known !== undefined) known.plan = plan
    else {
      const folder = join(this.#options.folder, plan.name)
      this.#recordings.set(plan.name, new Recording(plan, { ...this.#options, folder }))
    }
  }

  #room(): number {
    const used = [...this.#recordings.values()].reduce((sum, { part }) => sum + part.bytes, 0)
    return this.#options.mostBytes - used
  }

  /** What has changed; what is only counted, not each time. */
  async #tell(name: string, recording: Recording, isLast: boolean): Promise<void> {
    const { bucket, node, note, tellEveryMs = TELL_MS } = this.#options
    const part: RecordingPart = { ...recording.part, node }
    const text = JSON.stringify(part)
    const told = this.#told.get(name)
    const now = performance.now()
    if (told?.text === text || (told?.state === part.state && now - told.at < tellEveryMs && !isLast)) return
    if (part.state === 'failed' && told?.state !== 'failed')
      note('warning', 'a recording has failed', { recording: name, reason: part.reason })
    try {
      await bucket.put(partKey(name, node), encode(part))
      this.#told.set(name, { text, state: part.state, at: now })
    } catch {
      // Nobody can be told now: it is tried again with the next step.
    }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        for await (const change of this.#options.bucket.watch({ prefix: PLANS, signal })) {
          if (change.kind === 'current') this.#onKnown()
          else if (change.kind === 'delete') this.#plans.delete(change.key.slice(PLANS.length))
          else this.#onPlan(change.value)
        }
      } catch (error) {
        if (signal.aborted) return
        this.#options.note('warning', 'recordings are not followed, and are tried again', {
          error: String(error),
        })
      }
      await pause(AGAIN_MS, signal)
    }
  }

  #onPlan(value: Uint8Array): void {
    const plan = decode(recordingPlan, value)
    if (plan === undefined) this.malformed++
    else this.#plans.set(plan.name, plan)
    if (this.#isKnown && this.#timer !== undefined) void this.#stepNow()
  }

  #onKnown(): void {
    if (this.#isKnown) return
    this.#removeForgotten()
    this.#isKnown = true
    this.#current.resolve()
  }

  /** Recordings that were deleted while this worker was away. */
  #removeForgotten(): void {
    const { folder } = this.#options
    for (const name of namesIn(folder))
      if (recordingName.safeParse(name).success && !this.#plans.has(name))
        rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const EVERY_MS = 1000
const TELL_MS = 2000
const AGAIN_MS = 1000
