import type { Instant } from '../../dissect/dissector.ts'
import type { HttpRequest } from './messages.ts'

/** What both sides of a connection know of each other: what the next reply answers, where that matters. */
export class Session {
  /** Requests seen, and final replies that answered one of them. */
  #asked = 0
  #answered = 0
  /** The requests without a reply yet whose method changes what a reply is, the oldest first. */
  readonly #turns: { readonly ordinal: number; readonly method: 'HEAD' | 'CONNECT' }[] = []
  /** Ordinal of the last request that asked for another protocol. */
  #switchAsked = -1
  #switchRequest: HttpRequest | undefined
  #switchSince: Instant | undefined

  /** A request was sent: its method when that is HEAD or CONNECT, whether it has the Upgrade header, and when. */
  asked(
    request: HttpRequest,
    method: 'HEAD' | 'CONNECT' | undefined,
    upgrades: boolean,
    since: Instant | undefined,
  ): void {
    if (method !== undefined && this.#turns.length < MOST_TURNS)
      this.#turns.push({ ordinal: this.#asked, method })
    if (upgrades || method === 'CONNECT') {
      this.#switchAsked = this.#asked
      this.#switchRequest = request
      this.#switchSince = since && { seconds: since.seconds, nanos: since.nanos }
    }
    this.#asked++
  }

  /** A final reply came. Returns the method that it answers where it matters; undefined is any other, or not known. */
  answered(): 'HEAD' | 'CONNECT' | undefined {
    if (this.#answered === this.#asked) return undefined
    const ordinal = this.#answered++
    return this.#turns[0]?.ordinal === ordinal ? this.#turns.shift()?.method : undefined
  }

  /** The request for another protocol, when the reply that came last answers it. */
  get switchRequest(): HttpRequest | undefined {
    return this.#switchAsked === this.#answered - 1 ? this.#switchRequest : undefined
  }

  /** When it came. */
  get switchSince(): Instant | undefined {
    return this.#switchSince
  }

  /** The latest request has its final reply. */
  get isAnswered(): boolean {
    return this.#asked > 0 && this.#answered === this.#asked
  }

  /** The client asked for another protocol and has no reply yet: what it sends now may belong to that one. */
  get awaitsSwitch(): boolean {
    return this.#switchAsked >= this.#answered
  }
}

/** HEAD and CONNECT requests in flight on one connection; further ones count as plain requests. */
const MOST_TURNS = 1024
