import { z } from 'zod'
import type { Stream } from '../bus/bus.ts'
import { BoundedQueue } from '../node/bounded-queue.ts'
import { Incoming } from '../waiting/incoming.ts'
import { pause } from '../waiting/pause.ts'
import { decode } from '../wire/codec.ts'
import { type ConsoleFilter, type ConsoleLine, consoleLine, wantsLine } from '../wire/console.ts'
import { RecentIds } from '../wire/recent-ids.ts'

/**
 * Console lines of all nodes: the most recent of the stream at hand, and those that come. A line that was sent twice is
 * one.
 */
export class ConsoleLog {
  readonly #lines = new BoundedQueue(LIMITS)
  readonly #ids = new RecentIds(MOST_IDS)
  readonly #listeners = new Set<(lines: readonly ConsoleLine[]) => void>()
  readonly #abort = new AbortController()
  readonly #reading: Promise<void>
  malformed = 0
  /** Lines that somebody who read too slowly did not get. */
  dropped = 0
  /** How often reading had to begin again. */
  failures = 0

  constructor(stream: Stream) {
    this.#reading = this.#read(stream)
  }

  /** Lines that are kept and wanted, oldest first. */
  recent(filter: ConsoleFilter): ConsoleLine[] {
    const wanted = this.#lines.peek(this.#lines.length).filter((line) => wantsLine(filter, line))
    return filter.last === undefined ? wanted : filter.last === 0 ? [] : wanted.slice(-filter.last)
  }

  /** What is kept, and then what comes. Who reads too slowly loses the oldest, and is told how many. */
  async *follow(
    filter: ConsoleFilter,
    signal: AbortSignal,
    lost: (lines: number) => void = () => {},
  ): AsyncIterable<ConsoleLine> {
    const incoming = new Incoming<ConsoleLine>(signal, MOST_LINES)
    incoming.push(this.recent(filter))
    const listener = (lines: readonly ConsoleLine[]) => {
      const wanted = lines.filter((line) => clears(line, filter) || wantsLine(filter, line))
      const dropped = incoming.push(wanted)
      this.dropped += dropped
      if (dropped > 0) lost(dropped)
    }
    this.#listeners.add(listener)
    try {
      yield* incoming
    } finally {
      this.#listeners.delete(listener)
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#reading
  }

  /** What was read before is known by its ids. */
  async #read(stream: Stream): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      await this.#readOn(stream, signal).catch(() => {
        this.failures++
      })
      await pause(AGAIN_MS, signal)
    }
  }

  async #readOn(stream: Stream, signal: AbortSignal): Promise<void> {
    for await (const { payload } of stream.read({ last: MOST_MESSAGES, follow: true, signal })) {
      const lines = decode(consoleLines, payload)
      if (lines === undefined) this.malformed++
      else this.#add(lines)
    }
  }

  #add(lines: readonly ConsoleLine[]): void {
    const fresh = lines.filter(({ id }) => this.#ids.add(id))
    for (const line of fresh) {
      if (line.level === 'clear') this.#clear(line.agent)
      this.#lines.push(line)
    }
    if (fresh.length > 0) for (const listener of this.#listeners) listener(fresh)
  }

  /** `console.clear` empties the console of its agent, on all nodes (agent-api Q16); '' is all of them. */
  #clear(agent: string): void {
    this.#lines.keep((line) => agent !== '' && line.agent !== agent)
  }
}

/** Who looks at lines of an agent must know that they went, whatever else they want to see. */
function clears({ level, agent, index, title }: ConsoleLine, filter: ConsoleFilter): boolean {
  if (level !== 'clear') return false
  return agent === '' || filter.agent === undefined || [agent, title, String(index)].includes(filter.agent)
}

export const consoleLines = z.array(consoleLine)

/** Per hub, over all agents. */
const MOST_LINES = 50_000
/** Characters of them. */
const MOST_LENGTH = 64 << 20
/** Messages of the stream that a new hub reads back. */
const MOST_MESSAGES = 10_000
const LIMITS = {
  mostItems: MOST_LINES,
  mostSize: MOST_LENGTH,
  sizeOf: ({ id, node, agent, title, text }: ConsoleLine) =>
    id.length + node.length + agent.length + title.length + text.length,
}
const AGAIN_MS = 1000
const MOST_IDS = 100_000
