import type { Instant } from '../../dissect/dissector.ts'
import type { HttpRequest } from './messages.ts'

/** A request that was sent as HTTP/1 and will be answered in the protocol that it asked for (RFC 7540 §3.2). */
export class Upgrade {
  readonly request: HttpRequest
  readonly since: Instant
  readonly #headSize: number

  constructor(request: HttpRequest, headSize: number, { seconds, nanos }: Instant) {
    this.request = request
    this.#headSize = headSize
    this.since = { seconds, nanos }
  }

  /** Bytes on the wire. */
  get size(): number {
    return this.#headSize + this.request.bodySize
  }
}
