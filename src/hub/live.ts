import { randomUUID } from 'node:crypto'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { Wake } from '../waiting/wake.ts'
import { decodeLines, encode } from '../wire/codec.ts'
import { type LiveRequest, liveBatch } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { LivePart } from '../wire/views.ts'

/**
 * Entries of all workers as they come. Those who watch with the same filter share what comes; workers send only while
 * somebody watches, and stop by themselves when a hub dies.
 */
export class LiveEntries {
  readonly #bus: Bus
  readonly #feeds = new Map<string, Feed>()
  #isClosed = false
  malformed = 0

  constructor(bus: Bus) {
    this.#bus = bus
  }

  async *watch(filter: string, signal: AbortSignal): AsyncIterable<LivePart> {
    if (filter.length > LONGEST_FILTER)
      throw new Mistake('E_TOO_LARGE', `a filter of ${filter.length} characters`, {
        hint: `At most ${LONGEST_FILTER} are taken.`,
      })
    if (this.#isClosed) return
    const feed = this.#feeds.get(filter) ?? this.#open(filter)
    const viewer = new Viewer()
    feed.viewers.add(viewer)
    try {
      while (!signal.aborted && !this.#isClosed) {
        yield* viewer.taken()
        if (!this.#isClosed) await viewer.wake.next(signal)
      }
    } finally {
      feed.viewers.delete(viewer)
      if (feed.viewers.size === 0 && !this.#isClosed) this.#close(filter, feed)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const [filter, feed] of this.#feeds) {
      this.#close(filter, feed)
      for (const viewer of feed.viewers) viewer.wake.ring()
    }
  }

  #open(filter: string): Feed {
    const id = randomUUID()
    const viewers = new Set<Viewer>()
    const ask = (mostPerSecond: number) => {
      const request: LiveRequest = { id, filter, mostPerSecond }
      this.#bus.publish(SUBJECTS.wanted, encode(request))
    }
    const unsubscribe = this.#bus.subscribe(SUBJECTS.live(id), (payload) => {
      const batch = decodeLines(liveBatch, payload)
      if (batch === undefined) this.malformed++
      else {
        const { node, dropped } = batch.header
        for (const viewer of viewers) viewer.push({ node, entries: batch.texts, dropped })
      }
    })
    ask(MOST_PER_SECOND)
    const timer = setInterval(() => ask(MOST_PER_SECOND), ASK_EVERY_MS)
    const stop = () => {
      clearInterval(timer)
      unsubscribe()
      ask(0)
    }
    const feed = { viewers, stop }
    this.#feeds.set(filter, feed)
    return feed
  }

  #close(filter: string, feed: Feed): void {
    feed.stop()
    this.#feeds.delete(filter)
  }
}

interface Feed {
  readonly viewers: Set<Viewer>
  readonly stop: () => void
}

/** One that watches. When it reads too slowly the oldest are dropped, and it is told how many. */
class Viewer {
  #parts: LivePart[] = []
  #entries = 0
  #letters = 0
  #dropped = 0
  readonly wake = new Wake()

  push(part: LivePart): void {
    this.#add(part, 1)
    this.#parts.push(part)
    while ((this.#entries > MOST_ENTRIES || this.#letters > MOST_LETTERS) && this.#parts.length > 1) {
      const oldest = this.#parts.shift()
      if (oldest === undefined) break
      this.#add(oldest, -1)
      this.#dropped += oldest.entries.length + oldest.dropped
    }
    this.wake.ring()
  }

  taken(): LivePart[] {
    const [first, ...others] = this.#parts
    this.#parts = []
    this.#entries = 0
    this.#letters = 0
    if (first === undefined) return []
    const dropped = first.dropped + this.#dropped
    this.#dropped = 0
    return [{ ...first, dropped }, ...others]
  }

  #add({ entries }: LivePart, sign: 1 | -1): void {
    this.#entries += sign * entries.length
    for (const { length } of entries) this.#letters += sign * length
  }
}

const ASK_EVERY_MS = 1000
/** Of one worker. */
const MOST_PER_SECOND = 50_000
/** For one that watches. */
const MOST_ENTRIES = 50_000
const MOST_LETTERS = 64 << 20
const LONGEST_FILTER = 64 << 10
