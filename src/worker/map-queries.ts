import type { Bus } from '../bus/bus.ts'
import type { EdgeSum } from '../service-map/edge-sum.ts'
import { packEdges } from '../service-map/packed.ts'
import { SumsWindow } from '../service-map/window.ts'
import type { EntrySums } from '../store/entries/entry-store.ts'
import { encode } from '../wire/codec.ts'
import { type MapPart, type MapRequest, mapRequest } from '../wire/map.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { Wanted } from './wanted.ts'

export interface MapOptions {
  readonly bus: Bus
  readonly reader: EntrySums
  readonly node: string
}

/** Sums for the maps that somebody looks at, told once a second as they are then: what is lost on the way is in the next ones. */
export class MapQueries {
  readonly #options: MapOptions
  readonly #wanted: Wanted<typeof mapRequest>

  constructor(options: MapOptions) {
    this.#options = options
    this.#wanted = new Wanted({
      bus: options.bus,
      subject: SUBJECTS.mapWanted,
      schema: mapRequest,
      most: MOST_QUERIES,
      isOver: ({ isOver }) => isOver,
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

const MOST_QUERIES = 20
/** While what is kept is being read. */
const TELL_MS = 500
/** So that a message is no larger than a bus takes, however long the names are that network traffic has. */
const EDGES_OF_PART = 200
