import type { Upgrade } from './upgrade.ts'

/** What both sides of a connection know of each other: what the next reply answers, where that matters. */
export class Session {
  /** Requests seen, and final replies that answered one of them. */
  #asked = 0
  #answered = 0
  /** The requests without a reply yet whose method changes what a reply is, the oldest first. */
  readonly #turns: { readonly ordinal: number; readonly method: 'HEAD' | 'CONNECT' }[] = []
  /** Ordinal of the last request that asked for another protocol. */
  #switchAsked = -1
  /** The last request that asked for HTTP/2. */
  upgrade: Upgrade | undefined

  /** A request was sent: its method when that is HEAD or CONNECT, and whether it has the Upgrade header. */
  asked(method: 'HEAD' | 'CONNECT' | undefined, upgrades: boolean): void {
    if (method !== undefined && this.#turns.length < MOST_TURNS)
      this.#turns.push({ ordinal: this.#asked, method })
    if (upgrades || method === 'CONNECT') this.#switchAsked = this.#asked
    this.#asked++
  }

  /** A final reply came. Returns the method that it answers where it matters; undefined is any other, or not known. */
  answered(): 'HEAD' | 'CONNECT' | undefined {
    if (this.#answered === this.#asked) return undefined
    const ordinal = this.#answered++
    return this.#turns[0]?.ordinal === ordinal ? this.#turns.shift()?.method : undefined
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
