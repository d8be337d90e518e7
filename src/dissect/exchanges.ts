import type { Exchange } from '../entry/entry.ts'
import type { Found, Instant, Opening, Paired, Parser, Place, Step } from './dissector.ts'
import { Queue } from './queue.ts'

/** A request that was sent and waits for its reply. */
export interface Asked<Req, Res> extends Found<Req> {
  size: number
  readonly since: Instant
  /** Bytes of it that are kept. */
  readonly kept: number
  /** How much of the server's stream the client had received when it sent this … */
  readonly heard: number
  /** … or of the reply has come. */
  reached: number
  /** Something that the client sent right before it was lost. */
  isBehindHole?: boolean
  answer: Answer<Res> | undefined
}

/** A reply, or what has come of it. */
export interface Answer<Res> extends Found<Res> {
  size: number
  readonly since: Instant
}

/** An exchange, as a parser answers with it. */
export interface Complete {
  readonly kind: 'exchange'
  length: number
  readonly request: Found<object> | null
  readonly response: Found<object> | null
  readonly error: Exchange['error']
}

/**
 * For protocols of `pairing: 'own'` whose replies come in the order of the requests: what waits for a reply on one
 * connection, and what is complete. Both sides' parsers share it.
 */
export abstract class Exchanges<Req extends object, Res extends object, A extends Asked<Req, Res>> {
  /** From here on the bytes of both sides are those of another protocol, so called. */
  switchTo = ''
  protected readonly asked = new Queue<A>()
  protected askedBytes = 0
  /** Bytes were lost, or not captured: replies may be missing, or what they answer. */
  protected isShaky: boolean
  /** The server's last words were lost, and nothing came since that tells where it is. */
  protected isTorn: boolean
  /** The client has lost its place since it sent the last request. */
  #hasHole = false
  /** Requests were sent before earlier ones were answered. */
  #isPipelined = false
  readonly #opening: Opening
  readonly #complete = new Queue<Complete>()
  #now: Instant = { seconds: 0, nanos: 0 }

  constructor(opening: Opening) {
    this.#opening = opening
    this.isShaky = !opening.isWhole
    this.isTorn = !opening.isWhole
  }

  /** The time at which the bytes in front of a parser came. Messages that came together share it. */
  get now(): Instant {
    const { seconds, nanos } = this.#opening.clock
    if (seconds !== this.#now.seconds || nanos !== this.#now.nanos) this.#now = { seconds, nanos }
    return this.#now
  }

  get place(): Place {
    return this.#opening.place
  }

  /** The oldest request without a whole reply. */
  get first(): A | undefined {
    return this.asked.first
  }

  /** The next exchange that is complete. */
  completed(): Complete | undefined {
    return this.#complete.shift()
  }

  /** The client sent what has no reply. */
  told(message: Req, size: number, since = this.now): void {
    this.complete({ message, size, since }, null, null)
  }

  /** The server said something unasked. */
  push(message: Res, size: number): Answer<Res> {
    const answer = this.begin(message, size)
    this.complete(null, answer, null)
    return answer
  }

  /** The connection is over: what was not answered, one by one. */
  abandon(): Paired | undefined {
    const complete = this.completed()
    if (complete !== undefined) return complete
    const asked = this.takeFirst()
    return asked && { request: asked, response: asked.answer ?? null }
  }

  /** The server lost its place. */
  breakOff(): void {
    this.isShaky = true
    this.isTorn = true
  }

  /** The client lost its place. */
  forget(): void {
    this.isShaky = true
    this.#hasHole = true
  }

  protected complete(
    request: Found<Req> | null,
    response: Answer<Res> | null,
    error: Exchange['error'],
  ): void {
    this.#complete.push({ kind: 'exchange', length: 0, request, response, error })
  }

  protected begin(message: Res, size: number): Answer<Res> {
    return { message, size, since: this.now }
  }

  protected wait(asked: A): void {
    if (this.asked.length > 0) this.#isPipelined = true
    if (this.#hasHole) asked.isBehindHole = true
    this.#hasHole = false
    this.asked.push(asked)
    this.askedBytes += asked.kept
  }

  protected takeFirst(): A | undefined {
    const asked = this.asked.shift()
    if (asked !== undefined) this.askedBytes -= asked.kept
    return asked
  }

  /** The oldest requests will not be answered any more, save with what has come. */
  protected giveUp(count: number, error?: Exchange['error']): void {
    for (let given = 0; given < count; given++) {
      const asked = this.takeFirst()
      if (asked !== undefined) this.complete(asked, asked.answer ?? null, error ?? this.unanswered(asked))
    }
  }

  /** Why there is no reply; null where none was needed. */
  protected unanswered(_asked: A): Exchange['error'] {
    return UNANSWERED
  }

  /**
   * Whether what begins at `position` of the server's stream can only be the reply to this request, the oldest: no other
   * one was lost whose reply it might be.
   */
  protected isSure({ heard, isBehindHole = false }: A, position: number): boolean {
    if (!this.isShaky) return true
    if (position === heard) return !isBehindHole || !this.#isPipelined
    return !this.isTorn && !isBehindHole
  }

  /**
   * After losses: gives up on requests whose replies the client had received before it sent a later one, which what
   * begins at `position` of the server's stream may answer.
   */
  protected passOver(position: number): void {
    for (let { first } = this.asked; first !== undefined; first = this.asked.first) {
      const { reached } = first
      const index = this.asked.find(({ heard }) => heard > reached)
      // The client may say that it has received what nobody has sent: then even the oldest tells nothing.
      if (index <= 0 || this.asked.at(index).heard > position) return
      this.giveUp(index)
    }
  }
}

/** Cuts what one side sends into messages, and answers with the exchanges that they complete. */
export abstract class ExchangeParser<Message, S extends AnyExchanges> implements Parser<Message> {
  protected readonly session: S
  /** Bytes of a message still to come that are of no interest. */
  #rest = 0

  constructor(session: S) {
    this.session = session
  }

  /**
   * Reads what begins at `at`, and is less than `end` only by what is of no interest. Returns how many bytes it has;
   * −n when n bytes must be here and are not; or `INVALID`.
   */
  protected abstract read(bytes: Uint8Array, at: number, end: number): number

  /** Part of what is of no interest is missing. */
  protected miss(): void {}

  /** The side lost its place. */
  protected abstract lose(): void

  next(bytes: Uint8Array, start: number, end: number): Step<Message> {
    const { session } = this
    let at = start
    for (;;) {
      const complete = session.completed()
      if (complete !== undefined) {
        complete.length = at - start
        return complete
      }
      if (session.switchTo !== '') return { kind: 'switch', to: session.switchTo, length: at - start }
      if (at >= end) break
      const size = this.#rest > 0 ? this.#rest : this.read(bytes, at, end)
      if (size === INVALID) return { kind: 'invalid', reason: 'no message of this protocol' }
      if (size < 0 && at === start) return { kind: 'incomplete', need: -size }
      if (size < 0) break
      this.#rest = Math.max(0, size - (end - at))
      at += size - this.#rest
    }
    return at > start ? { kind: 'partial', length: at - start } : { kind: 'incomplete', need: 1 }
  }

  gap(length: number): number {
    const known = Math.min(length, this.#rest)
    this.#rest -= known
    if (known > 0) this.miss()
    return known
  }

  rejoin(): void {
    this.#rest = 0
  }

  end(clean: boolean): Paired | undefined {
    if (!clean) this.lose()
    return this.session.completed()
  }
}

type AnyExchanges = Pick<Exchanges<object, object, never>, 'completed' | 'switchTo'>

/** What `read` answers when nothing that may come there does. */
export const INVALID = Number.NEGATIVE_INFINITY
const UNANSWERED = { type: 'pair-not-found', msg: 'the reply was not captured' } as const
export const NO_REQUEST = { type: 'pair-not-found', msg: 'reply without a request' } as const
