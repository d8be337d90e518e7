import type { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { decode } from '../wire/codec.ts'

/** Something that a hub wants to go on being told, under a name of its own. */
interface Request {
  readonly id: string
}

export interface WantedOptions<S extends z.ZodType<Request>> {
  readonly bus: Bus
  /** Where requests come. */
  readonly subject: string
  readonly schema: S
  /** Answered at the same time; one more is refused. */
  readonly most: number
  /** The hub wants it no longer. */
  readonly isOver: (request: z.output<S>) => boolean
  /** Tells until the signal aborts. What it rejects with has been said to who asked, by the hub. */
  readonly answer: (request: z.output<S>, signal: AbortSignal) => Promise<void>
}

/**
 * What hubs want to be told as it comes. A request is made again each second; one that is not any more ends, so that nothing
 * is sent for a hub that has died.
 */
export class Wanted<S extends z.ZodType<Request>> {
  readonly #options: WantedOptions<S>
  readonly #queries = new Map<string, Query>()
  readonly #unsubscribe: () => void
  readonly #sweep: NodeJS.Timeout
  malformed = 0
  /** Requests that came while so many were answered already that one more would be too many; each time. */
  refused = 0

  constructor(options: WantedOptions<S>) {
    this.#options = options
    this.#unsubscribe = options.bus.subscribe(options.subject, (payload) => this.#take(payload))
    this.#sweep = setInterval(() => this.#endForgotten(), SWEEP_MS)
  }

  async close(): Promise<void> {
    this.#unsubscribe()
    clearInterval(this.#sweep)
    const queries = [...this.#queries.values()]
    for (const { abort } of queries) abort.abort()
    await Promise.all(queries.map(({ running }) => running))
  }

  #take(payload: Uint8Array): void {
    const { schema, isOver, most } = this.#options
    const request = decode(schema, payload)
    if (request === undefined) {
      this.malformed++
      return
    }
    const query = this.#queries.get(request.id)
    if (isOver(request)) query?.abort.abort()
    else if (query !== undefined) query.askedAt = performance.now()
    else if (this.#queries.size < most) this.#open(request)
    else this.refused++
  }

  #open(request: z.output<S>): void {
    const abort = new AbortController()
    const running = this.#options
      .answer(request, abort.signal)
      .catch(() => {})
      .finally(() => this.#queries.delete(request.id))
    this.#queries.set(request.id, { abort, running, askedAt: performance.now() })
  }

  #endForgotten(): void {
    const now = performance.now()
    for (const { askedAt, abort } of this.#queries.values()) if (now - askedAt > FORGOTTEN_MS) abort.abort()
  }
}

interface Query {
  readonly abort: AbortController
  readonly running: Promise<void>
  askedAt: number
}

const SWEEP_MS = 1000
/** Five times as long as it takes a hub to ask again. */
const FORGOTTEN_MS = 5000
