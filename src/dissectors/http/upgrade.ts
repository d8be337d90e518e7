import type { Instant } from '../../dissect/dissector.ts'
import type { HttpRequest, HttpResponse } from './messages.ts'

/** What HTTP leaves to the protocol that takes over: the exchange in which both ends agreed on it. */
export class Upgrade {
  /** Undefined when it was not captured. */
  readonly request: HttpRequest | undefined
  readonly response: HttpResponse
  /** When the request came, where that is known. */
  readonly since: Instant | undefined

  constructor(request: HttpRequest | undefined, response: HttpResponse, since: Instant | undefined) {
    this.request = request
    this.response = response
    this.since = since
  }
}
