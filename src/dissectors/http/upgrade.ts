import type { HttpRequest, HttpResponse } from './messages.ts'

/** What HTTP leaves to the protocol that takes over: the exchange in which both ends agreed on it. */
export class Upgrade {
  /** Undefined when it was not captured. */
  readonly request: HttpRequest | undefined
  readonly response: HttpResponse

  constructor(request: HttpRequest | undefined, response: HttpResponse) {
    this.request = request
    this.response = response
  }
}
