import type { RelayedEvent } from '../dissect/relay.ts'
import type { Exchange } from '../entry/entry.ts'
import type { EntryTexts } from '../entry/text.ts'
import type { Packet } from '../packet/packet.ts'
import type { Connection } from '../reassembly/connection.ts'
import type { EntryWriter } from '../store/entries/entry-store.ts'
import type { EventSink } from './pipeline.ts'

/** Keeps every entry, whole, in the store of this worker, besides passing it on to the agents. */
export class Recorder implements EventSink {
  readonly #next: EventSink
  readonly #writer: EntryWriter
  readonly #texts: EntryTexts

  constructor(next: EventSink, writer: EntryWriter, texts: EntryTexts) {
    this.#next = next
    this.#writer = writer
    this.#texts = texts
  }

  /** Whoever looks at an entry later may want to see its body. */
  get bodies(): boolean {
    return true
  }

  get packetsOnly(): boolean {
    return false
  }

  packet(packet: Packet): void {
    this.#next.packet(packet)
  }

  item(exchange: Exchange): void {
    const atMs = exchange.seconds * 1000 + Math.floor(exchange.nanos / 1e6)
    this.#writer.append(atMs, this.#texts.of(exchange))
    this.#next.item(exchange)
  }

  relayed(connection: Connection, event: RelayedEvent): void {
    this.#next.relayed(connection, event)
  }
}
