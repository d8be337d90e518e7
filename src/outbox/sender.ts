import { waitAfter } from '../waiting/backoff.ts'
import { pause } from '../waiting/pause.ts'
import { Wake } from '../waiting/wake.ts'
import type { Caller, Lane, Settlement, WaitingCall } from './call.ts'
import type { OutboxStore } from './store.ts'

/** How calls leave the outbox. */
export interface Delivery {
  /** How many calls of a helper are sent at once, and bytes of their arguments. */
  limits(path: string): { readonly most: number; readonly mostBytes: number }
  /** Sends calls of one lane, oldest first. What it throws says what becomes of them: see `retryOf`, `failuresOf`. */
  send(lane: Lane, calls: readonly WaitingCall[], signal: AbortSignal): Promise<void>
  /** Whether what failed may pass, and when it makes sense to look. */
  retryOf(error: unknown): { readonly when: 'later' | 'never'; readonly afterMs?: number }
  /** Why each of these did not arrive, by place, while the others have; undefined when the error is about all of them. */
  failuresOf(error: unknown): ReadonlyMap<number, unknown> | undefined
  /** A call was given up. */
  died(lane: Lane, id: string, reason: string): void
  /** Whether `gone` wants to know of calls of a helper. */
  leavesSomething(path: string): boolean
  /** A call is here no longer, and will not come back. */
  gone(caller: Caller, args: string): void
}

export interface SenderOptions {
  readonly store: OutboxStore
  readonly delivery: Delivery
  readonly maxAgeMs: number
  readonly mostAttempts: number
  readonly leastWaitMs: number
  readonly mostWaitMs: number
  readonly now: () => number
  /** Told what goes wrong with the store; it is tried again. */
  readonly failed: (error: unknown) => void
}

/**
 * Sends what waits: the calls of one lane one after another, or in batches, and those of some lanes at the same time. A lane whose
 * oldest call fails waits, longer each time; the others go on, however many there are of the former.
 */
export class Sender {
  readonly #options: SenderOptions
  readonly #wake = new Wake()
  readonly #closing = new AbortController()
  readonly #working = new Set<Promise<void>>()
  /** Of these, those of lanes whose last attempt has failed. */
  #failing = 0
  readonly #running: Promise<void>

  constructor(options: SenderOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** Something has come. */
  wake(): void {
    this.#wake.ring()
  }

  /** Begins nothing any more, and waits so long for what is under way; what is not done by then is given up, and still waits. */
  async close(withinMs: number): Promise<void> {
    this.#stopping = true
    this.#wake.ring()
    const done = new AbortController()
    const all = this.#running.then(() => Promise.all(this.#working)).then(() => done.abort())
    await pause(withinMs, done.signal)
    this.#closing.abort()
    // What hangs in spite of that does not hold up the end.
    await Promise.race([all, pause(GRACE_MS, done.signal)])
    this.#isOver = true
  }
  #stopping = false
  /** The store is not to be touched any more. */
  #isOver = false

  async #run(): Promise<void> {
    const { store, now, failed } = this.#options
    let failures = 0
    let before = now()
    while (!this.#stopping)
      try {
        const free = MOST_AT_WORK - this.#working.size
        const at = now()
        if (at < before - LEAST_BACK_MS) store.clockBack(at, before - at)
        before = at
        const ready = free > 0 ? store.due(at, free, MOST_FAILING - this.#failing) : []
        for (const lane of ready) this.#begin(lane)
        // A lane that is done with wakes it, too.
        const due = this.#working.size < MOST_AT_WORK ? store.nextDue(at) : undefined
        failures = 0
        await this.#wake.next(this.#closing.signal, due === undefined ? undefined : Math.max(due - now(), 1))
      } catch (error) {
        failed(error)
        await pause(waitAfter(failures++, 100, 5000), this.#closing.signal)
      }
  }

  #begin(lane: Lane): void {
    const { store } = this.#options
    const { most, mostBytes } = this.#options.delivery.limits(lane.path)
    const calls = store.take(lane, most, mostBytes)
    if (calls.length === 0) return
    const failing = lane.failures > 0 ? 1 : 0
    this.#failing += failing
    const work = this.#work(lane, calls).finally(() => {
      this.#failing -= failing
      this.#working.delete(work)
      this.#wake.ring()
    })
    this.#working.add(work)
  }

  async #work(lane: Lane, calls: readonly WaitingCall[]): Promise<void> {
    const { store, maxAgeMs, now } = this.#options
    const outcome = await this.#send(lane, calls)
    // Given up since the program ends: nobody knows whether it has arrived.
    if (outcome === undefined) return
    await this.#note(() => {
      store.settle(lane, outcome)
      for (const { number, reason } of outcome.dead) this.#died(lane, store.idOf(number), reason)
    })
    if (outcome.failed.length === 0 || maxAgeMs === 0) return
    const reason = `it waited for longer than it may (scripting.outbox.maxAge); at last: ${outcome.error}`
    const { signal } = this.#closing
    for (let count = MOST_EXPIRED; count === MOST_EXPIRED && !signal.aborted; await pause(1, signal))
      await this.#note(() => {
        const ids = store.expire(lane, now() - maxAgeMs, reason, MOST_EXPIRED)
        for (const id of ids) this.#died(lane, id, reason)
        count = ids.length
      })
  }

  #died(lane: Lane, id: string, reason: string): void {
    this.#options.delivery.died(lane, id, reason)
  }

  /** What was sent must not be sent again because the disk is full for a moment. */
  async #note(work: () => void): Promise<void> {
    const { signal } = this.#closing
    for (let attempts = 0; !this.#isOver; attempts++)
      try {
        return work()
      } catch (error) {
        this.#options.failed(error)
        if (signal.aborted) return
        await pause(waitAfter(attempts, 100, 5000), signal)
      }
  }

  async #send(lane: Lane, calls: readonly WaitingCall[]): Promise<Settlement | undefined> {
    const { signal } = this.#closing
    try {
      await this.#options.delivery.send(lane, calls, signal)
      const delivered = calls.map(({ number }) => number)
      return { delivered, dead: [], failed: [], error: '', due: this.#options.now() }
    } catch (error) {
      return signal.aborted ? undefined : this.#afterFailure(lane, calls, error)
    }
  }

  #afterFailure(lane: Lane, calls: readonly WaitingCall[], error: unknown): Settlement {
    const { delivery, mostAttempts, leastWaitMs, mostWaitMs, now } = this.#options
    const failures = delivery.failuresOf(error)
    const delivered: number[] = []
    const dead: { number: number; reason: string }[] = []
    const failed: number[] = []
    let waitMs = 0
    let said = ''
    for (const [at, { number, attempts }] of calls.entries()) {
      if (failures?.has(at) === false) {
        delivered.push(number)
        continue
      }
      const why = failures === undefined ? error : failures.get(at)
      const { when, afterMs = 0 } = delivery.retryOf(why)
      const reason = why instanceof Error ? why.message : String(why)
      const count = attempts + 1
      if (when === 'never') dead.push({ number, reason })
      else if (count >= mostAttempts)
        dead.push({ number, reason: `it failed ${count} times; at last: ${reason}` })
      else {
        failed.push(number)
        said ||= reason
        // Those that were told the same time must not come at the same moment.
        waitMs = Math.max(waitMs, afterMs * (1 + Math.random() / 10))
      }
    }
    if (failed.length > 0) waitMs = Math.max(waitMs, waitAfter(lane.failures, leastWaitMs, mostWaitMs))
    return { delivered, dead, failed, error: said, due: Math.ceil(now() + waitMs) }
  }
}

const GRACE_MS = 500
/** A clock that goes back by less is being adjusted. */
const LEAST_BACK_MS = 1000
/** Lanes at a time. */
const MOST_AT_WORK = 32
/** Who does not answer takes time: there is always room for lanes that do well. */
const MOST_FAILING = 16
/** In one transaction. */
const MOST_EXPIRED = 1000
