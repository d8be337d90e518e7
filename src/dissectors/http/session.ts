import type { Instant } from '../../dissect/dissector.ts'
import type { HttpRequest } from './messages.ts'

/** What both sides of a connection know of each other: what the next reply answers, where that matters. */
export class Session {
  /** Requests seen, and final replies that answered one of them. */
  #asked = 0
  #answered = 0
  /** The requests without a reply yet that change what a reply is, the oldest first. */
  readonly #turns: { readonly ordinal: number; readonly kind: ReplyKind }[] = []
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
      this.#turns.push({ ordinal: this.#asked, kind: method })
    if (upgrades || method === 'CONNECT') {
      this.#switchAsked = this.#asked
      this.#switchRequest = request
      this.#switchSince = since && { seconds: since.seconds, nanos: since.nanos }
    }
    this.#asked++
  }

  /** The request that came last is of GraphQL. */
  asksGraphql(): void {
    const ordinal = this.#asked - 1
    if (ordinal >= this.#answered && this.#turns.length < MOST_TURNS)
      this.#turns.push({ ordinal, kind: 'GraphQL' })
  }

  /** A final reply came. Returns what it answers where that matters; undefined is anything else, or not known. */
  answered(): ReplyKind | undefined {
    if (this.#answered === this.#asked) return undefined
    const ordinal = this.#answered++
    return this.#turns[0]?.ordinal === ordinal ? this.#turns.shift()?.kind : undefined
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

type ReplyKind = 'HEAD' | 'CONNECT' | 'GraphQL'

/** Such requests in flight on one connection; further ones count as plain ones. */
const MOST_TURNS = 1024
