import { z } from 'zod'
import type { Stream } from '../bus/bus.ts'
import { Incoming } from '../waiting/incoming.ts'
import { decode } from '../wire/codec.ts'
import { type ConsoleFilter, type ConsoleLine, consoleLine, wantsLine } from '../wire/console.ts'

/**
 * Console lines of all nodes: the most recent of the stream at hand, and those that come. A line that was sent twice is
 * one.
 */
export class ConsoleLog {
  #lines: ConsoleLine[] = []
  readonly #ids = new Set<string>()
  readonly #listeners = new Set<(lines: readonly ConsoleLine[]) => void>()
  readonly #abort = new AbortController()
  readonly #reading: Promise<void>
  malformed = 0

  constructor(stream: Stream) {
    this.#reading = this.#read(stream)
  }

  /** Lines that are kept and wanted, oldest first. */
  recent(filter: ConsoleFilter): ConsoleLine[] {
    const wanted = this.#lines.filter((line) => wantsLine(filter, line))
    return filter.last === undefined ? wanted : filter.last === 0 ? [] : wanted.slice(-filter.last)
  }

  /** What is kept, and then what comes. Who reads too slowly loses the oldest. */
  async *follow(filter: ConsoleFilter, signal: AbortSignal): AsyncIterable<ConsoleLine> {
    const incoming = new Incoming<ConsoleLine>(signal, MOST_LINES)
    incoming.push(this.recent(filter))
    const listener = (lines: readonly ConsoleLine[]) =>
      incoming.push(lines.filter((line) => wantsLine(filter, line)))
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

  async #read(stream: Stream): Promise<void> {
    const { signal } = this.#abort
    for await (const { payload } of stream.read({ last: MOST_MESSAGES, follow: true, signal })) {
      const lines = decode(consoleLines, payload)
      if (lines === undefined) this.malformed++
      else this.#add(lines)
    }
  }

  #add(lines: readonly ConsoleLine[]): void {
    const fresh = lines.filter(({ id }) => !this.#ids.has(id))
    for (const line of fresh) {
      if (line.level === 'clear') this.#clear(line.agent)
      this.#ids.add(line.id)
      this.#lines.push(line)
    }
    if (this.#lines.length > MOST_LINES) {
      const gone = this.#lines.splice(0, this.#lines.length - MOST_LINES + MOST_LINES / 10)
      for (const { id } of gone) this.#ids.delete(id)
    }
    if (fresh.length > 0) for (const listener of this.#listeners) listener(fresh)
  }

  /** `console.clear` empties the console of its agent, on all nodes (agent-api Q16); '' is all of them. */
  #clear(agent: string): void {
    this.#lines = this.#lines.filter((line) => agent !== '' && line.agent !== agent)
  }
}

export const consoleLines = z.array(consoleLine)

/** Per hub, over all agents. */
const MOST_LINES = 50_000
/** Messages of the stream that a new hub reads back. */
const MOST_MESSAGES = 10_000
