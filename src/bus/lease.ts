import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { pause } from '../waiting/pause.ts'
import type { Bucket, Kept } from './bus.ts'

export interface LeaseOptions {
  readonly bucket: Bucket
  readonly key: string
  /** Name of this candidate, for people. */
  readonly holder: string
  /**
   * It leads from now on. The fence is larger than that of all who led before: what is written under it can be refused
   * where something with a larger one was written already.
   */
  readonly onGain: (fence: number) => void
  /** It does not lead any more, and nobody else does before this is called. */
  readonly onLoss: () => void
  /** Nobody else can be alive who led: the bus is in this process. Then it need not wait to see whether one is. */
  readonly isAlone?: boolean
  readonly report?: (error: unknown) => void
  readonly clock?: LeaseClock
}

/** Time as one candidate has it: it only grows, and says nothing of what time it is elsewhere. */
export interface LeaseClock {
  now(): number
  wait(ms: number, signal: AbortSignal): Promise<void>
}

/**
 * One of several programs leads: the one whose name stands in a key, and who writes it anew each second. The others take
 * over when they have seen no new revision for three seconds by their own clocks, so clocks may be as wrong as they like.
 * Who leads stops by itself two and a half seconds after it began its last renewal that succeeded: the others cannot have
 * seen that one before it began.
 */
export class Lease {
  readonly #options: LeaseOptions
  readonly #clock: LeaseClock
  readonly #id = randomUUID()
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  /** Revision of what was written last under this id, as far as is known. */
  #own: number | undefined
  /** What stands there of others (0: nothing), and since when at least. */
  #seen: { readonly revision: number; readonly at: number } | undefined
  #mayTakeAtOnce: boolean
  #deadline = Number.NEGATIVE_INFINITY
  #fence: number | undefined
  #holder: string | undefined
  #term = new AbortController()

  /** Begins at once to try, and goes on until it is closed. */
  constructor(options: LeaseOptions) {
    this.#options = options
    this.#clock = options.clock ?? MONOTONIC
    this.#mayTakeAtOnce = options.isAlone === true
    this.#running = this.#run()
  }

  /** Also right when this process stood still, and nobody was called yet. */
  get leading(): boolean {
    return this.#fence !== undefined && this.#clock.now() < this.#deadline
  }

  /** While it leads. */
  get fence(): number | undefined {
    return this.leading ? this.#fence : undefined
  }

  /** Who leads, as far as is known here. */
  get holder(): string | undefined {
    return this.leading ? this.#options.holder : this.#holder
  }

  /** Stops leading, and lets the next one know that it need not wait. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#lose()
    const done = new AbortController()
    const release = this.#release().finally(() => done.abort())
    await Promise.race([release, this.#clock.wait(RELEASE_MS, done.signal)])
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.#attempt()
      await this.#clock.wait(this.#fence === undefined ? LOOK_MS : RENEW_MS, signal)
    }
  }

  async #attempt(): Promise<void> {
    try {
      if (this.#own === undefined) await this.#look()
      else await this.#write(this.#own)
    } catch (error) {
      // Whether it was written is not known: look.
      this.#own = undefined
      if (isConflict(error)) this.#lose()
      else this.#options.report?.(error)
    }
  }

  async #look(): Promise<void> {
    const kept = await this.#options.bucket.get(this.#options.key)
    if (this.#closing.signal.aborted) return
    const record = read(kept)
    this.#holder = record?.holder
    // A write of its own whose answer was lost: when it was made is not known, so it is made again.
    if (record?.id === this.#id) return this.#write(kept?.revision ?? 0)
    this.#lose()
    const revision = kept?.revision ?? 0
    if (this.#seen?.revision !== revision) this.#seen = { revision, at: this.#clock.now() }
    const isSilent = this.#clock.now() - this.#seen.at >= SILENT_MS
    if (isSilent || record?.isReleased === true || this.#mayTakeAtOnce) await this.#write(revision)
  }

  async #write(over: number): Promise<void> {
    const { bucket, key } = this.#options
    const began = this.#clock.now()
    const value = pack({ id: this.#id, holder: this.#options.holder, isReleased: false })
    this.#own = await (over === 0 ? bucket.create(key, value) : bucket.update(key, value, over))
    this.#mayTakeAtOnce = false
    this.#seen = undefined
    const deadline = began + LEAD_MS
    // It took too long, and the others may be about to take over.
    if (this.#clock.now() >= deadline || this.#closing.signal.aborted) return
    this.#deadline = deadline
    if (this.#fence === undefined) this.#gain(this.#own)
  }

  #gain(fence: number): void {
    this.#fence = fence
    this.#term = new AbortController()
    this.#watchDeadline(this.#term.signal).catch((error: unknown) => this.#options.report?.(error))
    this.#call(() => this.#options.onGain(fence))
  }

  async #watchDeadline(term: AbortSignal): Promise<void> {
    while (!term.aborted) {
      const leftMs = this.#deadline - this.#clock.now()
      if (leftMs <= 0) this.#lose()
      else await this.#clock.wait(leftMs, term)
    }
  }

  #lose(): void {
    if (this.#fence === undefined) return
    this.#fence = undefined
    this.#deadline = Number.NEGATIVE_INFINITY
    this.#term.abort()
    this.#call(this.#options.onLoss)
  }

  async #release(): Promise<void> {
    await this.#running
    if (this.#own === undefined) return
    const { bucket, key, holder } = this.#options
    try {
      await bucket.update(key, pack({ id: this.#id, holder, isReleased: true }), this.#own)
    } catch (error) {
      // The next one has to wait, then.
      if (!isConflict(error)) this.#options.report?.(error)
    }
  }

  #call(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.report?.(error)
    }
  }
}

const record = z.object({ id: z.string(), holder: z.string(), isReleased: z.boolean() })

function pack(value: z.infer<typeof record>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** What nobody can read is held by somebody. */
function read(kept: Kept | undefined): z.infer<typeof record> | undefined {
  if (kept === undefined) return undefined
  try {
    return record.safeParse(JSON.parse(new TextDecoder().decode(kept.value))).data
  } catch {
    // No JSON.
    return undefined
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof Mistake && error.code === 'E_CONFLICT'
}

const MONOTONIC: LeaseClock = { now: () => performance.now(), wait: (ms, signal) => pause(ms, signal) }

const RENEW_MS = 1000
const LOOK_MS = 500
const LEAD_MS = 2500
const SILENT_MS = 3000
const RELEASE_MS = 2000
