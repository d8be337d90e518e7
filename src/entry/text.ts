import { textOf } from './emptied.ts'
import type { EntryOrigin, EntryProtocol, Exchange } from './entry.ts'
import { layoutsOf } from './layout.ts'
import { type TextWriter, textWriterOf } from './text-writer.ts'

/** Writes entries as JSON: all that agents could see of them, in the order of the schema. */
export class EntryTexts {
  readonly #protocols: ReadonlySet<EntryProtocol>
  readonly #origin: EntryOrigin
  /** For each variant of a protocol; made when the first such entry comes. */
  readonly #writers = new Map<EntryProtocol, readonly TextWriter[]>()

  constructor(protocols: readonly EntryProtocol[], origin: EntryOrigin) {
    this.#protocols = new Set(protocols)
    this.#origin = origin
  }

  of(exchange: Exchange): string {
    const write = this.#writersOf(exchange.dissector)[exchange.variant]
    if (write === undefined) throw new Error(`no such entries: ${exchange.dissector.name}`)
    return textOf(write, exchange, this.#origin)
  }

  #writersOf(protocol: EntryProtocol): readonly TextWriter[] {
    const made = this.#writers.get(protocol)
    if (made !== undefined) return made
    if (!this.#protocols.has(protocol)) return []
    const writers = layoutsOf(protocol, ALL).map(({ fields }) => textWriterOf(fields))
    this.#writers.set(protocol, writers)
    return writers
  }
}

const ALL: ReadonlySet<string> = new Set(['*'])
