import { randomUUID } from 'node:crypto'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { EdgeSum } from '../service-map/edge-sum.ts'
import { unpackEdges } from '../service-map/packed.ts'
import { mapOf } from '../service-map/view.ts'
import { Wake } from '../waiting/wake.ts'
import { decode, encode } from '../wire/codec.ts'
import { type MapPart, type MapRequest, type MapView, mapPart } from '../wire/map.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface MapQuestion {
  readonly filter: string
  /** Over which time, up to now; 0: over all that is kept. */
  readonly windowMs: number
}

/** Who talks to whom, as all workers have summed it. Those who ask the same share what comes. */
export class ServiceMaps {
  readonly #bus: Bus
  readonly #feeds = new Map<string, Feed>()
  #isClosed = false
  malformed = 0

  constructor(bus: Bus) {
    this.#bus = bus
  }

  /** The map as it is, about once a second; who is slow misses some. */
  async *watch(question: MapQuestion, signal: AbortSignal): AsyncIterable<MapView> {
    const { length } = question.filter
    if (length > LONGEST_FILTER)
      throw new Mistake('E_TOO_LARGE', `a filter of ${length} characters`, {
        hint: `At most ${LONGEST_FILTER} are taken.`,
      })
    if (this.#isClosed) return
    const key = `${question.windowMs} ${question.filter}`
    const feed = this.#feeds.get(key) ?? this.#open(key, question)
    const wake = new Wake()
    feed.watchers.add(wake)
    try {
      if (feed.newest !== undefined) wake.ring()
      while (!signal.aborted && !this.#isClosed) {
        await wake.next(signal)
        if (feed.newest !== undefined && !signal.aborted) yield feed.newest
      }
    } finally {
      feed.watchers.delete(wake)
      if (feed.watchers.size === 0 && !this.#isClosed) this.#close(key, feed)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const [key, feed] of this.#feeds) {
      this.#close(key, feed)
      for (const wake of feed.watchers) wake.ring()
    }
  }

  #open(key: string, { filter, windowMs }: MapQuestion): Feed {
    const id = randomUUID()
    const feed = new Feed()
    const ask = (isOver: boolean) => {
      const request: MapRequest = { id, filter, windowMs, isOver }
      this.#bus.publish(SUBJECTS.mapWanted, encode(request))
    }
    const unsubscribe = this.#bus.subscribe(SUBJECTS.map(id), (payload) => {
      const part = decode(mapPart, payload)
      if (part === undefined) this.malformed++
      else feed.take(part)
    })
    ask(false)
    const asking = setInterval(() => ask(false), ASK_EVERY_MS)
    const merging = setInterval(() => feed.merge(), MERGE_EVERY_MS)
    feed.stop = () => {
      clearInterval(asking)
      clearInterval(merging)
      unsubscribe()
      ask(true)
    }
    this.#feeds.set(key, feed)
    return feed
  }

  #close(key: string, feed: Feed): void {
    feed.stop()
    this.#feeds.delete(key)
  }
}

/** What the workers say to one question. */
class Feed {
  readonly watchers = new Set<Wake>()
  newest: MapView | undefined
  stop = () => {}
  readonly #workers = new Map<string, Turn>()
  #hasNews = false

  take(part: MapPart): void {
    const known = this.#workers.get(part.node)
    const turn = known ?? new Turn()
    this.#workers.set(part.node, turn)
    if (turn.take(part)) this.#hasNews = true
  }

  /** One that has been silent is left out: its numbers are of a time that is over. */
  merge(): void {
    const now = performance.now()
    for (const [node, { heardAt }] of this.#workers) {
      if (now - heardAt <= SILENT_MS) continue
      this.#workers.delete(node)
      this.#hasNews = true
    }
    if (!this.#hasNews) return
    this.#hasNews = false
    this.newest = mapOf(Array.from(this.#workers, ([node, turn]) => ({ node, ...turn.whole })))
    for (const wake of this.watchers) wake.ring()
  }
}

/** Parts of a worker on their way to a whole. */
class Turn {
  heardAt = 0
  whole = { spanMs: 0, isFilling: true, isCut: false, edges: [] as readonly EdgeSum[] }
  #turn = -1
  #edges: EdgeSum[] = []
  #parts = 0

  /** Whether that makes a whole. */
  take({ turn, parts, spanMs, isFilling, isCut, ...packed }: MapPart): boolean {
    if (turn !== this.#turn) {
      this.#turn = turn
      this.#edges = []
      this.#parts = 0
    }
    this.heardAt = performance.now()
    this.#edges.push(...unpackEdges(packed))
    if (++this.#parts < parts) return false
    this.whole = { spanMs, isFilling, isCut, edges: this.#edges }
    return true
  }
}

const ASK_EVERY_MS = 1000
const MERGE_EVERY_MS = 1000
/** Five times as long as it takes a worker to tell again. */
const SILENT_MS = 5000
const LONGEST_FILTER = 64 << 10
