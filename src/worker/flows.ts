import type { ClusterFollower } from '../node/cluster-follower.ts'
import { ClusterEnds } from '../policy/ends.ts'
import type { SeenSum } from '../policy/seen.ts'
import type { EntryConnections, FollowedConnections } from '../store/entries/entry-store.ts'
import type { FlowLog, FlowPage } from '../store/flow-log.ts'
import { pause } from '../waiting/pause.ts'

export interface FlowsOptions {
  readonly reader: EntryConnections
  readonly log: FlowLog
  readonly cluster: Pick<ClusterFollower, 'onChanges'>
}

/**
 * Notes of every entry of this worker who has connected to whom, with the pods as they are at that time. Entries are read and
 * summed in the thread that follows them; here only the sums come by, once a second.
 */
export class Flows {
  readonly #options: FlowsOptions
  readonly #ends = new ClusterEnds()
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  readonly #forget: () => void
  readonly #failed: (error: unknown) => void
  #hasFailed = false
  /** One after another takes what is new. */
  #taking: Promise<void> = Promise.resolve()
  #following: FollowedConnections | undefined
  /** Entries that could not be read. */
  malformed = 0

  constructor(options: FlowsOptions, failed: (error: unknown) => void) {
    this.#options = options
    this.#failed = failed
    this.#forget = options.cluster.onChanges((changes) => this.#ends.take(changes))
    this.#running = this.#run()
  }

  /** A part of what was seen since `sinceMs`, up to now. */
  async page(sinceMs: number, after: string): Promise<FlowPage> {
    if (after === '') await this.#take()
    return this.#options.log.page(sinceMs, after)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await this.#take() // Of the last second.
    this.#following?.stop()
    this.#forget()
    this.#options.log.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      await this.#take()
      await pause(TAKE_MS, signal)
    }
  }

  #take(): Promise<void> {
    this.#taking = this.#taking.then(() => this.#takeNow()).catch((error: unknown) => this.#lose(error))
    return this.#taking
  }

  async #takeNow(): Promise<void> {
    const { reader, log } = this.#options
    this.#following ??= await reader.connections()
    const taken = await this.#following.take()
    this.#hasFailed = false
    log.miss(taken.missed)
    this.malformed += taken.malformed
    for (const sum of taken.sums) this.#add(sum)
  }

  /** The thread that reads is gone: the next second begins with another one. Told once until it is well. */
  #lose(error: unknown): void {
    this.#following = undefined
    if (this.#abort.signal.aborted) return
    this.#options.log.miss(1)
    if (!this.#hasFailed) this.#failed(error)
    this.#hasFailed = true
  }

  #add({ from, to, protocol, requests, firstAt, lastAt }: SeenSum): void {
    const target =
      to.pod === undefined
        ? this.#ends.target(to.address, to.port, protocol)
        : { end: this.#ends.end(to.address, to.pod), port: to.port }
    this.#options.log.add({
      from: this.#ends.end(from.address, from.pod),
      to: target.end,
      port: target.port,
      ...{ protocol, requests, firstAt, lastAt },
    })
  }
}

const TAKE_MS = 1000
