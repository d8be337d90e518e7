import type { Bus } from '../bus/bus.ts'
import type { EntryReader, StoredEntry } from '../store/entries/entry-store.ts'
import { decode, encodeLines } from '../wire/codec.ts'
import { type LiveRequest, liveRequest } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { parts } from './message-parts.ts'

/** Takes entries through onItemQueried of every agent: JSON texts, null for those that are hidden. */
export type Redact = (filter: string, entries: readonly string[]) => Promise<readonly (string | null)[]>

export interface LiveOptions {
  readonly bus: Bus
  readonly reader: EntryReader
  readonly redact: Redact
  readonly node: string
}

/**
 * What hubs want to see of the entries of this worker as they come. A query is asked for again each second; one that is not
 * any more ends, so that nothing is sent for a hub that has died.
 */
export class LiveQueries {
  readonly #options: LiveOptions
  readonly #queries = new Map<string, LiveQuery>()
  readonly #unsubscribe: () => void
  readonly #sweep: NodeJS.Timeout
  malformed = 0
  /** Matching entries that were not sent: too many a second. */
  dropped = 0
  sent = 0
  /** Requests that came while so many were answered already that one more would be too many; each time. */
  refused = 0

  constructor(options: LiveOptions) {
    this.#options = options
    this.#unsubscribe = options.bus.subscribe(SUBJECTS.wanted, (payload) => this.#wanted(payload))
    this.#sweep = setInterval(() => this.#endForgotten(), SWEEP_MS)
  }

  async close(): Promise<void> {
    this.#unsubscribe()
    clearInterval(this.#sweep)
    const queries = [...this.#queries.values()]
    for (const { abort } of queries) abort.abort()
    await Promise.all(queries.map(({ running }) => running))
  }

  #wanted(payload: Uint8Array): void {
    const request = decode(liveRequest, payload)
    if (request === undefined) {
      this.malformed++
      return
    }
    const query = this.#queries.get(request.id)
    if (request.mostPerSecond <= 0) query?.abort.abort()
    else if (query !== undefined) query.askedAt = performance.now()
    else if (this.#queries.size < MOST_QUERIES) this.#open(request)
    else this.refused++
  }

  #open(request: LiveRequest): void {
    const abort = new AbortController()
    const running = this.#follow(request, abort.signal)
      // A filter that is none: whoever asked has been told by the hub.
      .catch(() => {})
      .finally(() => this.#queries.delete(request.id))
    this.#queries.set(request.id, { abort, running, askedAt: performance.now() })
  }

  #endForgotten(): void {
    const now = performance.now()
    for (const { askedAt, abort } of this.#queries.values()) if (now - askedAt > FORGOTTEN_MS) abort.abort()
  }

  async #follow({ id, filter, mostPerSecond }: LiveRequest, signal: AbortSignal): Promise<void> {
    const { bus, reader, redact, node } = this.#options
    const budget = new Budget(mostPerSecond)
    for await (const found of reader.follow(filter, signal)) {
      const taken = budget.take(found.entries)
      const shown = await redact(
        filter,
        taken.map(({ json }) => json),
      )
      const texts = shown.filter((text) => text !== null)
      let dropped = found.entries.length - taken.length + found.dropped
      this.dropped += dropped
      this.sent += texts.length
      for (const part of parts(texts, bus.mostBytes - ROOM)) {
        bus.publish(SUBJECTS.live(id), encodeLines({ node, count: part.length, dropped }, part))
        dropped = 0
      }
      if (dropped > 0) bus.publish(SUBJECTS.live(id), encodeLines({ node, count: 0, dropped }, []))
    }
  }
}

interface LiveQuery {
  readonly abort: AbortController
  readonly running: Promise<void>
  askedAt: number
}

/** So many a second, and as many at once. */
class Budget {
  readonly #perSecond: number
  #left: number
  #at = performance.now()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
    this.#left = perSecond
  }

  take(entries: readonly StoredEntry[]): readonly StoredEntry[] {
    const now = performance.now()
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) * this.#perSecond) / 1000)
    this.#at = now
    const most = Math.floor(this.#left)
    const taken = entries.length <= most ? entries : entries.slice(entries.length - most)
    this.#left -= taken.length
    return taken
  }
}

const MOST_QUERIES = 100
const SWEEP_MS = 1000
/** Five times as long as it takes a hub to ask again. */
const FORGOTTEN_MS = 5000
/** For the header. */
const ROOM = 64 << 10
