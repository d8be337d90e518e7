import type { Exchange, StreamInfo } from '../entry/entry.ts'
import type { ObjectShape } from '../entry/shape.ts'
import { addressText } from '../packet/address.ts'
import type { CloseReason, Connection, End } from '../reassembly/connection.ts'
import { type Dissector, type Inner, JOINED, type Message, type Parser, type Side } from './dissector.ts'
import type { Dissection } from './engine.ts'
import { type ConversationReport, ReportClock } from './report.ts'

export type AnyMessage = Message<ObjectShape>

/** A message with what the engine knows of it. */
export interface Timed {
  readonly message: AnyMessage
  /** Bytes on the wire. */
  readonly size: number
  /** When its first byte came … */
  readonly seconds: number
  readonly nanos: number
  /** … and its last. */
  readonly endSeconds: number
  readonly endNanos: number
}

/**
 * What streams and datagrams have in common: who is the client, making entries with their ordinals, and telling of the
 * conversation as a whole.
 */
export class Conversation {
  readonly dissection: Dissection
  readonly connection: Connection
  /** The end that sends requests; −1 while nobody knows. */
  client: End | -1
  /** Protocols that were recognised, in this order. */
  readonly #detected: string[] = []
  readonly #reports: ReportClock
  #closed: CloseReason | undefined
  #stream: StreamInfo | undefined

  constructor(dissection: Dissection, connection: Connection) {
    this.dissection = dissection
    this.connection = connection
    this.client = connection.opener
    this.#reports = new ReportClock(connection)
  }

  get recognised(): boolean {
    return this.#detected.length > 0
  }

  protected detect({ protocols }: Dissector): void {
    const name = protocols[0]?.name ?? ''
    if (!this.#detected.includes(name)) this.#detected.push(name)
  }

  /** Time passes: a conversation that lasts is told of now and then. */
  time(seconds: number): void {
    const { reportEvery } = this.dissection.options
    if (this.#closed !== undefined || !this.#reports.isDue(this.connection, seconds, reportEvery)) return
    this.#report(this.#lasting)
  }

  close(reason: CloseReason): void {
    this.#closed = reason
  }

  /** The last packets have been counted. Where only the capture has ended, the conversation has not. */
  gone(): void {
    this.#report(this.#closed === 'capture-end' ? this.#lasting : 'closed')
  }

  get #lasting(): 'open' | 'in_progress' {
    return this.#reports.isFirst ? 'open' : 'in_progress'
  }

  #report(state: ConversationReport['state']): void {
    const { connection, client } = this
    this.dissection.options.conversation({
      connection,
      client,
      state,
      reason: this.#closed,
      detected: this.#detected,
      since: this.#reports.take(connection),
      nextIndex: () => this.connection.entries++,
    })
  }

  sideOf(from: End): Side {
    return from === this.client ? 'client' : 'server'
  }

  emit(
    dissector: Dissector,
    request: Timed | null,
    response: Timed | null,
    error: Exchange['error'],
    matcherKey: string,
  ): void {
    const first = request ?? response
    if (first === null) return
    this.dissection.options.exchange({
      dissector: dissector as Exchange['dissector'],
      variant: dissector.variant?.(request?.message ?? null, response?.message ?? null) ?? 0,
      stream: this.#info(),
      index: this.connection.entries++,
      request: request?.message ?? null,
      response: response?.message ?? null,
      data: dissector.data === undefined ? null : first.message,
      requestSize: request?.size ?? 0,
      responseSize: response?.size ?? 0,
      seconds: first.seconds,
      nanos: first.nanos,
      elapsedTime: request !== null && response !== null ? micros(request, response) : 0,
      error,
      matcherKey,
    })
    const inner = dissector.inner?.(request?.message ?? null, response?.message ?? null)
    if (inner !== undefined) this.#emitInner(inner, request, response)
  }

  /** What the bodies of an exchange carry is an exchange of its own, at the same times. */
  #emitInner(
    { dissector: name, request, response }: Inner,
    asked: Timed | null,
    answered: Timed | null,
  ): void {
    const dissector = this.dissection.named(name, 'udp')
    if (dissector === undefined) return
    const parsers = dissector.open(this.dissection.options.context, JOINED)
    const read = (
      bytes: Uint8Array | null,
      parser: Parser<AnyMessage>,
      around: Timed | null,
    ): Timed | null => {
      if (bytes === null || around === null) return null
      const step = parser.next(bytes, 0, bytes.length)
      return step.kind === 'message' ? { ...around, message: step.message, size: bytes.length } : null
    }
    const question = read(request, parsers.client, asked)
    this.emit(dissector, question, read(response, parsers.server, answered), null, '')
  }

  #info(): StreamInfo {
    if (this.#stream === undefined || this.#client !== this.client) {
      this.#client = this.client
      this.#stream = streamInfo(this.connection, this.client)
    }
    return this.#stream
  }
  #client: End | -1 = -1
}

/** Names and addresses of a conversation as its entries show them. */
export function streamInfo(connection: Connection, client: End | -1): StreamInfo {
  const version = connection.ipVersion
  const a = {
    ip: addressText(version, connection.a0, connection.a1, connection.a2, connection.a3),
    port: String(connection.aPort),
  }
  const b = {
    ip: addressText(version, connection.b0, connection.b1, connection.b2, connection.b3),
    port: String(connection.bPort),
  }
  return {
    name: `${String(connection.id).padStart(12, '0')}${SUFFIXES[connection.protocol] ?? ''}.pcap`,
    client: client === 1 ? b : a,
    server: client === 1 ? a : b,
    vlan: connection.vlan,
    interfaceName: connection.interfaceName,
  }
}

/** Of the names of streams, by IP protocol number. */
const SUFFIXES: Readonly<Record<number, string>> = { 17: '_udp', 132: '_sctp' }

/** µs from the first byte of the request to the last of the reply; never negative, as captures may go back in time. */
function micros(request: Timed, response: Timed): number {
  const seconds = response.endSeconds - request.seconds
  return Math.max(0, Math.trunc(seconds * 1e6 + (response.endNanos - request.nanos) / 1000))
}
