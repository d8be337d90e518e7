import type { ClusterFollower } from '../node/cluster-follower.ts'
import { ClusterEnds } from '../policy/ends.ts'
import { SeenEntries } from '../policy/seen.ts'
import type { EntryReader, StoredEntry } from '../store/entries/entry-store.ts'
import type { FlowLog } from '../store/flow-log.ts'

export interface FlowsOptions {
  readonly reader: EntryReader
  readonly log: FlowLog
  readonly cluster: Pick<ClusterFollower, 'onChanges'>
}

/** Notes of every entry of this worker who has connected to whom, with the pods as they are at that time. */
export class Flows {
  readonly #options: FlowsOptions
  readonly #ends = new ClusterEnds()
  readonly #seen = new SeenEntries()
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  readonly #forget: () => void
  /** Entries that could not be read. */
  malformed = 0

  constructor(options: FlowsOptions, failed: (error: unknown) => void) {
    this.#options = options
    this.#forget = options.cluster.onChanges((changes) => this.#ends.take(changes))
    this.#running = this.#run().catch((error: unknown) => {
      if (this.#abort.signal.aborted) return
      this.#options.log.miss(1)
      failed(error)
    })
  }

  async close(): Promise<void> {
    this.#abort.abort()
    this.#forget()
    await this.#running
    this.#options.log.close()
  }

  async #run(): Promise<void> {
    const { reader, log } = this.#options
    for await (const { entries, dropped } of reader.follow('', this.#abort.signal)) {
      log.miss(dropped)
      for (const entry of entries) this.#add(entry)
    }
  }

  #add({ json }: StoredEntry): void {
    const seen = this.#seen.read(parsed(json))
    if (seen === undefined) {
      this.malformed++
      return
    }
    const { from, to, protocol, at, isReport } = seen
    const target =
      to.pod === undefined
        ? this.#ends.target(to.address, to.port, protocol)
        : { end: this.#ends.end(to.address, to.pod), port: to.port }
    this.#options.log.add({
      from: this.#ends.end(from.address, from.pod),
      to: target.end,
      protocol,
      port: target.port,
      at,
      isRequest: !isReport,
    })
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
