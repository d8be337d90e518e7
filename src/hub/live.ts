import { randomUUID } from 'node:crypto'
import type { Bus } from '../bus/bus.ts'
import { BoundedQueue } from '../node/bounded-queue.ts'
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
  malformed = 0

  constructor(bus: Bus) {
    this.#bus = bus
  }

  async *watch(filter: string, signal: AbortSignal): AsyncIterable<LivePart> {
    const feed = this.#feeds.get(filter) ?? this.#open(filter)
    const viewer = new Viewer()
    feed.viewers.add(viewer)
    try {
      while (!signal.aborted) {
        yield* viewer.taken()
        await viewer.wake.next(signal)
      }
    } finally {
      feed.viewers.delete(viewer)
      if (feed.viewers.size === 0) this.#close(filter, feed)
    }
  }

  close(): void {
    for (const [filter, feed] of this.#feeds) this.#close(filter, feed)
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
        const part = { node, entries: batch.texts, dropped, bytes: payload.length }
        for (const viewer of viewers) viewer.push(part)
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
  readonly #parts = new BoundedQueue<SizedPart>({
    mostItems: MOST_PARTS,
    mostSize: MOST_WAITING_BYTES,
    sizeOf: ({ bytes }) => bytes,
  })
  #dropped = 0
  readonly wake = new Wake()

  push(part: SizedPart): void {
    for (const { entries, dropped } of this.#parts.push(part)) this.#dropped += entries.length + dropped
    this.wake.ring()
  }

  taken(): LivePart[] {
    const [first, ...others] = this.#parts.shift()
    if (first === undefined) return []
    const dropped = first.dropped + this.#dropped
    this.#dropped = 0
    return [{ ...first, dropped }, ...others]
  }
}

interface SizedPart extends LivePart {
  readonly bytes: number
}

const ASK_EVERY_MS = 1000
/** Of one worker. */
const MOST_PER_SECOND = 50_000
/** For one that watches; parts are shared by all who watch with the same filter. */
const MOST_WAITING_BYTES = 64 << 20
const MOST_PARTS = 50_000
