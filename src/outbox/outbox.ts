import { isDamaged } from '../bus/database.ts'
import { Mistake } from '../mistake/mistake.ts'
import { Bell } from '../waiting/bell.ts'
import type { CallSelector, DeadCall, OutboxFigures, OutboxLane } from '../wire/outbox.ts'
import type { NewCall } from './call.ts'
import { type Delivery, Sender } from './sender.ts'
import { OutboxStore, type Piece } from './store.ts'

export interface OutboxOptions {
  /** Of this program alone. */
  readonly folder: string
  readonly delivery: Delivery
  /** Bytes of what waits, and of what was given up, at most. */
  readonly maxBytes: number
  readonly whenFull: 'refuse' | 'drop-oldest'
  /** A call that has waited for so long, and fails, is given up; 0 = never. */
  readonly maxAgeMs: number
  /** A call that has failed so often is given up. */
  readonly mostAttempts: number
  /** Told what goes wrong with the disk. */
  readonly report: (text: string) => void
  /** Between a first failure and the next attempt, and at most. */
  readonly leastWaitMs?: number
  readonly mostWaitMs?: number
  readonly now?: () => number
}

/**
 * Calls on their way to others, kept on disk until they have arrived: neither an outage nor the end of the program loses them. Each
 * is sent at least once: one that was under way when the program was killed is sent again, with the same id. Calls of one
 * caller with the same key arrive in the order in which they came.
 */
export class Outbox {
  readonly #store: OutboxStore
  readonly #sender: Sender
  readonly #settled = new Bell()
  readonly #options: OutboxOptions
  #isClosed = false

  /** Throws `E_STORE` when the folder cannot be used, or is by another process. A damaged file is put aside, and reported. */
  constructor(options: OutboxOptions) {
    this.#options = options
    const { maxAgeMs, mostAttempts, leastWaitMs = 500, mostWaitMs = 60_000, now = Date.now } = options
    this.#store = new OutboxStore({ ...options, now, ends: options.delivery })
    this.#sender = new Sender({
      store: this.#store,
      delivery: {
        ...options.delivery,
        send: (...sent) =>
          options.delivery.send(...sent).finally(() => setImmediate(() => this.#settled.ring())),
      },
      ...{ maxAgeMs, mostAttempts, leastWaitMs, mostWaitMs, now },
      failed: (error) => this.#failed(error),
    })
  }

  /**
   * When it returns the call is safe, also from `kill -9`. Answers its id. Throws `E_HELPER_REFUSED` when there is no room, and
   * `E_STORE` when the disk refuses; both are counted.
   */
  push(call: NewCall): string {
    if (this.#isClosed) throw new Mistake('E_HELPER_REFUSED', 'the outbox is closed: the program ends')
    const { id, isFirst } = this.#mended(() => this.#store.push(call))
    // The others have their turn after those before them.
    if (isFirst) this.#sender.wake()
    return id
  }

  /** As `push`, of several at once, which takes less time. What came of each is in its place. */
  pushAll(calls: readonly NewCall[]): PromiseSettledResult<string>[] {
    const kept = calls.length > 1 && !this.#isClosed ? this.#together(calls) : undefined
    return kept ?? calls.map((call) => settled(() => this.push(call)))
  }

  /** Undefined when that cannot be: one by one each is told why. */
  #together(calls: readonly NewCall[]): PromiseSettledResult<string>[] | undefined {
    try {
      const kept = this.#store.pushAll(calls)
      if (kept.some(({ isFirst }) => isFirst)) this.#sender.wake()
      return kept.map(({ id }) => ({ status: 'fulfilled', value: id }))
    } catch {
      return undefined
    }
  }

  /** By agent and helper, also of earlier runs. */
  figures(): OutboxFigures[] {
    return this.#isClosed ? [] : this.#mended(() => this.#store.figures())
  }

  get waiting(): number {
    return this.#store.waiting
  }

  /** Keys of which something waits, oldest first. */
  lanes(most: number): OutboxLane[] {
    return this.#mended(() => this.#store.lanes(most))
  }

  /** Calls that were given up, newest first. */
  dead(most: number): DeadCall[] {
    return this.#mended(() => this.#store.dead(most))
  }

  /** Calls that were given up wait again. Answers how many. */
  async retry(selector: CallSelector): Promise<number> {
    return await this.#inPieces((after) => {
      const piece = this.#store.retry(selector, after, MOST_AT_ONCE)
      this.#sender.wake()
      return piece
    })
  }

  /** Deletes calls that were given up, or that wait and are not under way. Answers how many. */
  async drop(which: 'dead' | 'waiting', selector: CallSelector): Promise<number> {
    return await this.#inPieces((after) =>
      which === 'dead'
        ? this.#store.dropDead(selector, after, MOST_AT_ONCE)
        : this.#store.dropWaiting(selector, after, MOST_AT_ONCE),
    )
  }

  /** Traffic and everything else goes on between them. */
  async #inPieces(work: (after: number) => Piece): Promise<number> {
    let count = 0
    for (let after: number | undefined = -1; after !== undefined && !this.#isClosed; ) {
      const behind = after
      const piece: Piece = this.#mended(() => work(behind))
      count += piece.count
      after = piece.after
      await new Promise((resolve) => setImmediate(resolve))
    }
    return count
  }

  /** Forgets the figures of agents that are not among these identities any more, but for those of which something is left. */
  prune(left: ReadonlySet<string>): number {
    return this.#isClosed ? 0 : this.#mended(() => this.#store.prune(left))
  }

  /** Until nothing waits, or so long, or until nothing has arrived for so long. Answers how many are left. */
  async drained(withinMs: number, idleMs = withinMs, signal?: AbortSignal): Promise<number> {
    const end = AbortSignal.any([AbortSignal.timeout(withinMs), ...(signal === undefined ? [] : [signal])])
    let before = this.waiting
    for (let at = performance.now(); this.waiting > 0 && !end.aborted && performance.now() - at < idleMs; ) {
      await this.#settled.wait(end, LOOK_MS)
      if (this.waiting < before) at = performance.now()
      before = this.waiting
    }
    return this.waiting
  }

  /** Takes nothing any more, waits a moment for what is under way, and leaves the rest for who opens it next. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#sender.close(CLOSING_MS)
    this.#store.close()
  }

  /** Once more, when the file was damaged and another one is there. */
  #mended<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      if (!isDamaged(error) && this.#store.isOpen) throw error
      this.#store.mend()
      return work()
    }
  }

  #failed(error: unknown): void {
    try {
      if (isDamaged(error) || !this.#store.isOpen) this.#store.mend()
      else this.#tell(error)
    } catch (cause) {
      this.#tell(cause)
    }
  }

  /** The same is not told again and again. */
  #tell(error: unknown): void {
    const text = `the outbox: ${error instanceof Error ? error.message : error}`
    const now = performance.now()
    if (text === this.#told && now < this.#toldAt + TELL_MS) return
    this.#told = text
    this.#toldAt = now
    this.#options.report(text)
  }
  #told = ''
  #toldAt = 0
}

function settled<Result>(work: () => Result): PromiseSettledResult<Result> {
  try {
    return { status: 'fulfilled', value: work() }
  } catch (reason) {
    return { status: 'rejected', reason }
  }
}

const TELL_MS = 10_000
/** Some milliseconds. */
const MOST_AT_ONCE = 200
const CLOSING_MS = 2000
const LOOK_MS = 20
