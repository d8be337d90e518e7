import type { Bus } from '../bus/bus.ts'
import type { EntryReader, StoredEntry } from '../store/entries/entry-store.ts'
import { encodeLines } from '../wire/codec.ts'
import { type LiveRequest, liveRequest } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { parts } from './message-parts.ts'
import { Wanted } from './wanted.ts'

/** Takes entries through onItemQueried of every agent: JSON texts, null for those that are hidden. */
export type Redact = (filter: string, entries: readonly string[]) => Promise<readonly (string | null)[]>

export interface LiveOptions {
  readonly bus: Bus
  readonly reader: EntryReader
  readonly redact: Redact
  readonly node: string
}

/** What hubs want to see of the entries of this worker as they come. */
export class LiveQueries {
  readonly #options: LiveOptions
  readonly #wanted: Wanted<typeof liveRequest>
  /** Matching entries that were not sent: too many a second. */
  dropped = 0
  sent = 0

  constructor(options: LiveOptions) {
    this.#options = options
    this.#wanted = new Wanted({
      bus: options.bus,
      subject: SUBJECTS.wanted,
      schema: liveRequest,
      most: MOST_QUERIES,
      isOver: ({ mostPerSecond }) => mostPerSecond <= 0,
      answer: (request, signal) => this.#follow(request, signal),
    })
  }

  get malformed(): number {
    return this.#wanted.malformed
  }

  get refused(): number {
    return this.#wanted.refused
  }

  close(): Promise<void> {
    return this.#wanted.close()
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
/** For the header. */
const ROOM = 64 << 10
