import type { CloseReason, Connection, ConnectionHandler, End } from '../reassembly/connection.ts'
import { Conversation } from './conversation.ts'
import type { Dissector } from './dissector.ts'

/** A dissector that is elsewhere, as far as this side has to know it. */
export interface RemoteDissector {
  readonly transport: Dissector['transport']
  /** Connections on these are its own; without any, it is shown those that nobody here recognises. */
  readonly ports: readonly number[]
}

/** What happens on a connection that is read elsewhere, in order. `bytes` is valid during the call only. */
export type RelayedEvent =
  | {
      readonly kind: 'data'
      readonly from: End
      readonly bytes: Uint8Array
      readonly start: number
      readonly end: number
    }
  | { readonly kind: 'gap'; readonly from: End; readonly length: number }
  | { readonly kind: 'end'; readonly from: End }
  /** `recognised`: it turned out to be of a protocol that is known here. */
  | { readonly kind: 'close'; readonly reason: CloseReason | 'recognised' }

export type RelaySink = (connection: Connection, event: RelayedEvent) => void

/** Which connections are shown to dissectors elsewhere. */
export class RelayRules {
  readonly #own = new Set<string>()
  readonly #others = new Set<string>()

  constructor(dissectors: readonly RemoteDissector[]) {
    for (const { transport, ports } of dissectors) {
      for (const port of ports) this.#own.add(`${transport} ${port}`)
      if (ports.length === 0) this.#others.add(transport)
    }
  }

  /** `own`: read elsewhere alone; `unrecognised`: for as long as nobody here knows it. */
  for({ aPort, bPort }: Connection, transport: Dissector['transport']): 'own' | 'unrecognised' | 'none' {
    if (this.#own.size + this.#others.size === 0) return 'none'
    if (this.#own.has(`${transport} ${aPort}`) || this.#own.has(`${transport} ${bPort}`)) return 'own'
    return this.#others.has(transport) ? 'unrecognised' : 'none'
  }
}

/** A connection that is read elsewhere alone: here its bytes are only counted. */
export class UnreadConversation extends Conversation implements ConnectionHandler {
  data(_from: End, _bytes: Uint8Array, start: number, end: number): void {
    this.dissection.skip('relayed', end - start)
  }
  gap(): void {}
  end(): void {}
  evict(): void {}
}

/** Shows a connection to dissectors elsewhere, until `inner` has recognised it. */
export class RelayedConversation implements ConnectionHandler {
  readonly #connection: Connection
  readonly #inner: Conversation & ConnectionHandler
  readonly #sink: RelaySink
  #isShown = true
  #hasShown = false

  constructor(connection: Connection, inner: Conversation & ConnectionHandler, sink: RelaySink) {
    this.#connection = connection
    this.#inner = inner
    this.#sink = sink
  }

  data(from: End, bytes: Uint8Array, start: number, end: number): void {
    this.#inner.data(from, bytes, start, end)
    this.#show({ kind: 'data', from, bytes, start, end })
  }

  gap(from: End, length: number): void {
    this.#inner.gap(from, length)
    this.#show({ kind: 'gap', from, length })
  }

  end(from: End): void {
    this.#inner.end(from)
    this.#show({ kind: 'end', from })
  }

  time(seconds: number): void {
    this.#inner.time(seconds)
  }

  evict(): void {
    this.#inner.evict()
  }

  close(reason: CloseReason): void {
    this.#inner.close(reason)
    this.#show({ kind: 'close', reason })
  }

  gone(): void {
    this.#inner.gone()
  }

  #show(event: RelayedEvent): void {
    const isOfUse = this.#hasShown || event.kind === 'data' || event.kind === 'gap'
    if (!this.#isShown || !isOfUse) return
    const isOver = this.#inner.recognised
    this.#isShown = !isOver && event.kind !== 'close'
    // Most are recognised at once: nothing has to be taken back.
    if (isOver && !this.#hasShown) return
    this.#hasShown = true
    this.#sink(this.#connection, isOver ? { kind: 'close', reason: 'recognised' } : event)
  }
}
