import type { Bus } from '../bus/bus.ts'
import type { EdgeSum } from '../service-map/edge-sum.ts'
import { packEdges } from '../service-map/packed.ts'
import { SumsWindow } from '../service-map/window.ts'
import type { EntrySums } from '../store/entries/entry-store.ts'
import { decode, encode } from '../wire/codec.ts'
import { type MapPart, type MapRequest, mapRequest } from '../wire/map.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface MapOptions {
  readonly bus: Bus
  readonly reader: EntrySums
  readonly node: string
}

/**
 * Sums for the maps that somebody looks at, told once a second as they are then: what is lost on the way is in the next ones.
 * A request is made again each second; one that is not any more ends.
 */
export class MapQueries {
  readonly #options: MapOptions
  readonly #queries = new Map<string, MapQuery>()
  readonly #unsubscribe: () => void
  readonly #sweep: NodeJS.Timeout
  malformed = 0
  /** Requests that were one too many; each time. */
  refused = 0

  constructor(options: MapOptions) {
    this.#options = options
    this.#unsubscribe = options.bus.subscribe(SUBJECTS.mapWanted, (payload) => this.#wanted(payload))
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
    const request = decode(mapRequest, payload)
    if (request === undefined) {
      this.malformed++
      return
    }
    const query = this.#queries.get(request.id)
    if (request.isOver) query?.abort.abort()
    else if (query !== undefined) query.askedAt = performance.now()
    else if (this.#queries.size < MOST_QUERIES) this.#open(request)
    else this.refused++
  }

  #open(request: MapRequest): void {
    const abort = new AbortController()
    const running = this.#follow(request, abort.signal)
      // A filter that is none: whoever asked has been told by the hub. A store that cannot be read is asked again.
      .catch(() => {})
      .finally(() => this.#queries.delete(request.id))
    this.#queries.set(request.id, { abort, running, askedAt: performance.now() })
  }

  #endForgotten(): void {
    const now = performance.now()
    for (const { askedAt, abort } of this.#queries.values()) if (now - askedAt > FORGOTTEN_MS) abort.abort()
  }

  async #follow({ id, filter, windowMs }: MapRequest, signal: AbortSignal): Promise<void> {
    const { reader } = this.#options
    const startedAt = Date.now()
    const window = new SumsWindow(windowMs, startedAt)
    const { stepMs } = window
    let turn = 0
    let toldAt = Number.NEGATIVE_INFINITY
    const fromMs = windowMs === 0 ? undefined : startedAt - windowMs
    for await (const { atMs, sums, times, isFilling, isCut } of reader.sum(
      { filter, fromMs, stepMs },
      signal,
    )) {
      window.add(atMs, sums, times)
      if (isFilling && performance.now() - toldAt < TELL_MS) continue
      toldAt = performance.now()
      window.expire(Date.now())
      this.#tell(id, turn++, {
        spanMs: window.spanMs(Date.now()),
        edges: [...window.totals.values()],
        ...{ isFilling, isCut },
      })
    }
  }

  #tell(
    id: string,
    turn: number,
    { edges, ...state }: Pick<MapPart, 'spanMs' | 'isFilling' | 'isCut'> & { edges: readonly EdgeSum[] },
  ): void {
    const { bus, node } = this.#options
    const parts = Math.max(1, Math.ceil(edges.length / EDGES_OF_PART))
    for (let part = 0; part < parts; part++) {
      const packed = packEdges(edges.slice(part * EDGES_OF_PART, (part + 1) * EDGES_OF_PART))
      const message: MapPart = { node, turn, part, parts, ...state, ...packed }
      bus.publish(SUBJECTS.map(id), encode(message))
    }
  }
}

interface MapQuery {
  readonly abort: AbortController
  readonly running: Promise<void>
  askedAt: number
}

const MOST_QUERIES = 20
const SWEEP_MS = 1000
/** Five times as long as it takes a hub to ask again. */
const FORGOTTEN_MS = 5000
/** While what is kept is being read. */
const TELL_MS = 500
/** So that a message is no larger than a bus takes, however long the names are that network traffic has. */
const EDGES_OF_PART = 200
