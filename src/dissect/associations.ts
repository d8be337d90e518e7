import type { CloseReason, Connection, ConnectionHandler, End } from '../reassembly/connection.ts'
import { DatagramConversation } from './datagrams.ts'
import type { Dissection } from './engine.ts'
import { StreamConversation } from './streams.ts'

/**
 * An SCTP association. Its messages are read one by one where a dissector of SCTP knows them, whatever their streams are;
 * else the messages of each stream, one after another, are read like a TCP connection.
 */
export class AssociationConversation implements ConnectionHandler {
  readonly #dissection: Dissection
  readonly #connection: Connection
  readonly #messages: DatagramConversation
  /** By number. */
  readonly #streams = new Map<number, StreamConversation>()

  constructor(dissection: Dissection, connection: Connection) {
    this.#dissection = dissection
    this.#connection = connection
    this.#messages = new DatagramConversation(dissection, connection)
  }

  data(from: End, bytes: Uint8Array, start: number, end: number): void {
    const known = this.#stream
    if (known?.recognised !== true && this.#messages.reads(from, bytes, start, end)) return
    const stream = known ?? this.#begin()
    if (stream === undefined) this.#dissection.skip('unrecognised', end - start)
    else stream.data(from, bytes, start, end)
  }

  gap(from: End, length: number): void {
    const stream = this.#stream ?? (this.#messages.recognised ? undefined : this.#begin())
    stream?.gap(from, length)
  }

  end(from: End): void {
    for (const stream of this.#streams.values()) stream.end(from)
  }

  close(reason: CloseReason): void {
    this.#messages.close(reason)
    for (const stream of this.#streams.values()) stream.close(reason)
    this.#dissection.sctpStreams -= this.#streams.size
    this.#streams.clear()
  }

  time(seconds: number): void {
    this.#messages.time(seconds)
  }

  evict(): void {
    for (const stream of this.#streams.values()) stream.evict()
  }

  /** That of the message, or the hole, at hand. */
  get #stream(): StreamConversation | undefined {
    return this.#streams.get(this.#id)
  }

  get #id(): number {
    return this.#connection.sctp?.streamId ?? 0
  }

  #begin(): StreamConversation | undefined {
    if (this.#streams.size >= MOST_STREAMS || this.#dissection.sctpStreams >= MOST_OF_ALL) return undefined
    this.#dissection.sctpStreams++
    const stream = new StreamConversation(this.#dissection, this.#connection)
    this.#streams.set(this.#id, stream)
    return stream
  }
}

/** Streams that are read; each costs what a connection does, and a packet may have many. */
const MOST_STREAMS = 256
const MOST_OF_ALL = 8192
