import { availableParallelism } from 'node:os'
import { Worker as Thread } from 'node:worker_threads'
import { Mistake } from '../../mistake/mistake.ts'
import type { FollowedConnections, FollowedEntries } from './entry-store.ts'
import type { PlaceInStore } from './follower.ts'
import type { FromReader, ToReader } from './reader-messages.ts'
import type { FilterTask, ScanResult, ScanTask, SumTask } from './scanner.ts'
import type { SummedEntries, TakenSums } from './summing.ts'

/** The threads that read a folder: some that scan, which are there before anybody asks, and one that follows. */
export class ReaderPool {
  readonly #folder: string
  readonly #scanners: ReaderClient[] = []
  #follower: ReaderClient | undefined
  #isClosed = false

  constructor(folder: string) {
    this.#folder = folder
    for (let at = 0; at < SCANNERS; at++) this.#scanners.push(new ReaderClient(folder))
  }

  /**
   * A segment is always looked at by the same thread, which has its columns in memory. `isNeeded`: the process does not end
   * before it is answered.
   */
  scan(task: ScanTask, cancelled: Int32Array, isNeeded = true): Promise<ScanResult> {
    const at = task.segment % SCANNERS
    const client = this.#alive(this.#scanners[at])
    this.#scanners[at] = client
    return client.scan(task, cancelled, isNeeded)
  }

  sum(task: SumTask, cancelled: Int32Array): Promise<SummedEntries> {
    const at = task.segment % SCANNERS
    const client = this.#alive(this.#scanners[at])
    this.#scanners[at] = client
    return client.sum(task, cancelled)
  }

  /** Sums what is appended behind a place that is told first, until the signal. */
  followSums(filter: FilterTask): Promise<FollowedSums> {
    this.#follower = this.#alive(this.#follower)
    return this.#follower.followSums(filter)
  }

  /** Sums who connects to whom from now on. */
  followConnections(): Promise<FollowedConnections> {
    this.#follower = this.#alive(this.#follower)
    return this.#follower.followConnections()
  }

  follow(filter: FilterTask, signal: AbortSignal, begun?: () => void): AsyncGenerator<FollowedEntries> {
    this.#follower = this.#alive(this.#follower)
    return this.#follower.follow(filter, signal, begun)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const all = [...this.#scanners, this.#follower]
    await Promise.all(all.map((each) => each?.close()))
  }

  #alive(client: ReaderClient | undefined): ReaderClient {
    if (this.#isClosed) throw new Mistake('E_STORE', 'the store of entries is closed')
    return client === undefined || client.isGone ? new ReaderClient(this.#folder) : client
  }
}

/** Sums of what is appended. */
export interface FollowedSums {
  /** Behind it. */
  readonly place: PlaceInStore
  /** What came since the last time. */
  take(): Promise<TakenSums>
  stop(): void
}

interface Waiting {
  resolve(message: FromReader): void
  reject(error: unknown): void
}

/** One thread. */
class ReaderClient {
  isGone = false
  readonly #thread: Thread
  readonly #waiting = new Map<number, Waiting>()
  #number = 0
  #isClosing = false

  constructor(folder: string) {
    this.#thread = new Thread(new URL('./reader-thread.cjs', import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    this.#thread.on('message', (message: FromReader) => this.#receive(message))
    this.#thread.on('error', (error) => this.#onGone(error))
    this.#thread.on('exit', () => this.#onGone(undefined))
    this.#thread.unref()
    this.#post({ kind: 'open', folder })
  }

  async scan(task: ScanTask, cancelled: Int32Array, isNeeded: boolean): Promise<ScanResult> {
    const number = this.#number++
    const answer = await this.#ask(number, { kind: 'scan', number, task, cancelled }, isNeeded)
    if (answer.kind !== 'scanned') throw new Error('a scan was not answered with its result')
    return answer.result
  }

  async sum(task: SumTask, cancelled: Int32Array): Promise<SummedEntries> {
    const number = this.#number++
    const answer = await this.#ask(number, { kind: 'sum', number, task, cancelled })
    if (answer.kind !== 'summed') throw new Error('a sum was not answered with its result')
    return answer.result
  }

  async followSums(filter: FilterTask): Promise<FollowedSums> {
    const number = this.#number++
    const answer = await this.#ask(number, { kind: 'follow-sums', number, filter })
    if (answer.kind !== 'following-sums') throw new Error('sums were asked for, and something else follows')
    return {
      place: answer.place,
      take: async () => {
        const taken = await this.#ask(number, { kind: 'sums', number })
        if (taken.kind !== 'sums') throw new Error('sums were asked for, and something else came')
        return taken.taken
      },
      stop: () => this.#post({ kind: 'unfollow', number }),
    }
  }

  async followConnections(): Promise<FollowedConnections> {
    const number = this.#number++
    await this.#ask(number, { kind: 'follow-connections', number })
    return {
      take: async () => {
        const answer = await this.#ask(number, { kind: 'connections', number })
        if (answer.kind !== 'connections')
          throw new Error('connections were asked for, and something else came')
        return answer.taken
      },
      stop: () => this.#post({ kind: 'unfollow', number }),
    }
  }

  async *follow(
    filter: FilterTask,
    signal: AbortSignal,
    begun: () => void = () => {},
  ): AsyncGenerator<FollowedEntries> {
    const number = this.#number++
    const onAbort = () => this.#receive({ kind: 'followed', number, entries: [], dropped: 0 })
    signal.addEventListener('abort', onAbort)
    try {
      await this.#ask(number, { kind: 'follow', number, filter })
      begun()
      while (!signal.aborted) {
        const answer = await this.#ask(number, { kind: 'more', number })
        if (answer.kind === 'followed' && !signal.aborted)
          yield { entries: answer.entries, dropped: answer.dropped }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#post({ kind: 'unfollow', number })
    }
  }

  async close(): Promise<void> {
    if (this.isGone) return
    this.#isClosing = true
    const gone = new Promise((resolve) => this.#thread.once('exit', resolve))
    this.#thread.ref()
    this.#post({ kind: 'close' })
    await gone
  }

  #ask(number: number, message: ToReader, isNeeded = true): Promise<FromReader> {
    if (this.isGone) return Promise.reject(gone(undefined))
    if (isNeeded) this.#thread.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject })
      this.#post(message)
    })
  }

  #settle(number: number): void {
    this.#waiting.delete(number)
    if (this.#waiting.size === 0 && !this.#isClosing) this.#thread.unref()
  }

  #receive(message: FromReader): void {
    const waiting = this.#waiting.get(message.number)
    this.#settle(message.number)
    if (message.kind !== 'failed') waiting?.resolve(message)
    else waiting?.reject(new Mistake('E_STORE', `entries cannot be read: ${message.message}`))
  }

  /** A crash costs the queries that were running; the next ones get a new thread. */
  #onGone(error: unknown): void {
    this.isGone = true
    for (const { reject } of this.#waiting.values()) reject(gone(error))
    this.#waiting.clear()
  }

  #post(message: ToReader): void {
    this.#thread.postMessage(message)
  }
}

function gone(cause: unknown): Mistake {
  return new Mistake('E_STORE', 'the thread that reads entries has ended', { cause })
}

const SCANNERS = Math.max(1, Math.min(2, availableParallelism()))
/** Lines of a scan live shortly. */
const YOUNG_MB = 32
