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
  /** One after another takes what is new. */
  #taking: Promise<void> = Promise.resolve()
  #following: FollowedConnections | undefined
  /** Entries that could not be read. */
  malformed = 0

  constructor(options: FlowsOptions, failed: (error: unknown) => void) {
    this.#options = options
    this.#failed = failed
    this.#forget = options.cluster.onChanges((changes) => this.#ends.take(changes))
    this.#running = this.#run().catch((error: unknown) => this.#fail(error))
  }

  /** A part of what was seen since `sinceMs`, up to now. */
  async page(sinceMs: number, after: string): Promise<FlowPage> {
    if (after === '') await this.#take().catch((error: unknown) => this.#fail(error))
    return this.#options.log.page(sinceMs, after)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await this.#take().catch(() => {}) // Of the last second.
    this.#following?.stop()
    this.#forget()
    this.#options.log.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    this.#following = await this.#options.reader.connections()
    while (!signal.aborted) {
      await this.#take()
      await pause(TAKE_MS, signal)
    }
  }

  #take(): Promise<void> {
    this.#taking = this.#taking.then(async () => {
      const taken = await this.#following?.take()
      if (taken === undefined) return
      this.#options.log.miss(taken.missed)
      this.malformed += taken.malformed
      for (const sum of taken.sums) this.#add(sum)
    })
    return this.#taking
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return
    this.#options.log.miss(1)
    this.#abort.abort()
    this.#failed(error)
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
