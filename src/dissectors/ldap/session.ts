import { Gathered } from '../../bytes/gathered.ts'
import type { DissectContext, Found, Instant, Paired } from '../../dissect/dissector.ts'
import { abandonedId, type Collected, LdapRequest, LdapResponse, type Message } from './messages.ts'
import {
  ABANDON_REQUEST,
  BIND_REQUEST,
  EXTENDED_REQUEST,
  INTERMEDIATE_RESPONSE,
  SEARCH_ENTRY,
  SEARCH_REFERENCE,
  START_TLS,
  UNBIND_REQUEST,
} from './names.ts'

/**
 * What both sides of a connection know of each other. Replies name their request by its messageID, and a search has many:
 * its entries wait here for the final one.
 */
export class Session {
  /** The client has asked for TLS; the server has agreed. */
  isTlsAsked: boolean
  isTls = false
  /** A client has logged in with SASL, or may have before this was read: what follows may be sealed. */
  maySeal: boolean
  /** Exchanges that came to an end otherwise than by a reply. */
  readonly ready: Paired[] = []
  readonly #waiting = new Map<number, Waiting>()
  readonly #context: DissectContext
  #held = 0
  /** Bytes of the requests that wait. */
  #asked = 0

  constructor(context: DissectContext, isWhole: boolean) {
    this.#context = context
    this.maySeal = !isWhole
    this.isTlsAsked = !isWhole
  }

  /** Bytes of an answer, or of a long request, that are kept. */
  get bodyLimit(): number {
    return this.#context.wantsBodies ? this.#context.maxBody : 0
  }

  /** Bytes of entries that wait here. */
  get held(): number {
    return this.#held
  }

  /** A request came: complete when it has no reply. */
  asked(message: Message, size: number, since: Instant): Paired | undefined {
    const { id, tag } = message
    const request = { message: new LdapRequest(message), id, size, since }
    if (tag === UNBIND_REQUEST || tag === ABANDON_REQUEST) {
      if (tag === ABANDON_REQUEST) this.#abandoned(abandonedId(message.operation()))
      return { request, response: null }
    }
    if (tag === BIND_REQUEST && request.message.authentication === 'SASL') this.maySeal = true
    const isStartTls = tag === EXTENDED_REQUEST && request.message.oid === START_TLS
    if (isStartTls) this.isTlsAsked = true
    this.#wait(id, newWaiting(request, message.bytes.length, isStartTls))
    return undefined
  }

  /**
   * What comes before a final reply: an entry, a reference or an intermediate response of `size` bytes on the wire. It is
   * `bytes[start, end)`, of which a copy is kept while there is room; nothing of it is when `end` is `start`.
   */
  part(
    id: number,
    tag: number,
    size: number,
    now: Instant,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    let waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      waiting = newWaiting()
      this.#wait(id, waiting)
    }
    waiting.since ??= { seconds: now.seconds, nanos: now.nanos }
    waiting.size += size
    if (tag === INTERMEDIATE_RESPONSE) {
      waiting.intermediateCount++
      return
    }
    if (tag === SEARCH_ENTRY) waiting.entryCount++
    const fits = waiting.keptCount < MOST_ENTRIES && waiting.kept.length + end - start <= this.bodyLimit
    if (!fits || start === end) {
      waiting.isCut = true
      return
    }
    waiting.kept.add(bytes, start, end)
    waiting.keptCount++
    this.#held += end - start
  }

  /** The final reply came. */
  answered(message: Message, size: number, since: Instant): Paired {
    const { id } = message
    const waiting = this.#waiting.get(id)
    this.#forget(id)
    const response = responseOf(waiting ?? newWaiting(), id, message, size, since)
    if (waiting?.isStartTls === true && response.message.resultCode === 0) this.isTls = true
    if (id === 0) return { request: null, response }
    const error = waiting?.request === undefined ? NO_REQUEST : null
    return { request: waiting?.request ?? null, response, error }
  }

  /** The same where the engine pairs. */
  reply(message: Message): LdapResponse {
    const { id } = message
    const waiting = this.#waiting.get(id) ?? newWaiting()
    this.#forget(id)
    return responseOf(waiting, id, message, 0, NO_TIME).message
  }

  /** What still waits when all is over: the oldest first. */
  abandon(): Paired | undefined {
    const ready = this.ready.shift()
    if (ready !== undefined) return ready
    const [first] = this.#waiting
    return first && this.#giveUp(first[0], first[1], undefined)
  }

  /** Bytes were lost: what waits may lack some of them. */
  lost(): void {
    for (const waiting of this.#waiting.values()) waiting.hasHole = true
  }

  /** Memory is short: what was found so far is counted, and not shown. */
  shed(): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.kept.length === 0) continue
      waiting.kept = new Gathered()
      waiting.isCut = true
    }
    this.#held = 0
  }

  #wait(id: number, waiting: Waiting): void {
    const earlier = this.#waiting.get(id)
    if (earlier !== undefined) this.ready.push(this.#giveUp(id, earlier, UNANSWERED))
    this.#waiting.set(id, waiting)
    this.#asked += waiting.asked
    while (this.#waiting.size > MOST_WAITING || this.#asked > MOST_ASKED) {
      const [oldest] = this.#waiting
      if (oldest === undefined) return
      this.ready.push(this.#giveUp(oldest[0], oldest[1], UNANSWERED))
    }
  }

  #giveUp(id: number, waiting: Waiting, error: Paired['error']): Paired {
    this.#forget(id)
    const hasReply = waiting.size > 0
    const response = hasReply ? responseOf(waiting, id, undefined, 0, waiting.since ?? NO_TIME) : null
    const why = hasReply ? null : waiting.isAbandoned ? ABANDONED : error
    return { request: waiting.request ?? null, response, ...(why === undefined ? {} : { error: why }) }
  }

  #abandoned(id: number): void {
    const waiting = this.#waiting.get(id)
    if (waiting !== undefined) waiting.isAbandoned = true
  }

  #forget(id: number): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#held -= waiting.kept.length
    this.#asked -= waiting.asked
    this.#waiting.delete(id)
  }
}

/** An operation without its final reply. */
interface Waiting {
  /** Undefined when it was not seen. */
  readonly request: Found<LdapRequest> | undefined
  /** Bytes that are kept of it. */
  readonly asked: number
  readonly isStartTls: boolean
  isAbandoned: boolean
  hasHole: boolean
  /** Of what came for it. */
  since: Instant | undefined
  size: number
  entryCount: number
  intermediateCount: number
  /** Entries and references as they came, one after another. */
  kept: Gathered
  keptCount: number
  isCut: boolean
}

function newWaiting(request?: Waiting['request'], asked = 0, isStartTls = false): Waiting {
  return {
    request,
    asked,
    isStartTls,
    isAbandoned: false,
    hasHole: false,
    since: undefined,
    size: 0,
    entryCount: 0,
    intermediateCount: 0,
    kept: new Gathered(),
    keptCount: 0,
    isCut: false,
  }
}

function responseOf(
  waiting: Waiting,
  id: number,
  message: Message | undefined,
  size: number,
  since: Instant,
): Found<LdapResponse> {
  const { entryCount, intermediateCount, kept, isCut, hasHole } = waiting
  const collected: Collected = { entryCount, intermediateCount, kept: kept.bytes, isCut }
  const isIncomplete = hasHole || message === undefined
  return {
    message: new LdapResponse(message, collected, id, isIncomplete),
    id,
    size: waiting.size + size,
    since: waiting.since ?? since,
  }
}

/** Tags of what comes before the final reply. */
export const PARTS: ReadonlySet<number> = new Set([SEARCH_ENTRY, SEARCH_REFERENCE, INTERMEDIATE_RESPONSE])
/** Operations that wait for a reply; a client has seldom more than one. */
const MOST_WAITING = 1024
const MOST_ASKED = 16 << 20
/** Entries of a search that are kept. */
const MOST_ENTRIES = 1000
const NO_TIME: Instant = { seconds: 0, nanos: 0 }
const NO_REQUEST = { type: 'pair-not-found', msg: 'reply without a request' } as const
const UNANSWERED = { type: 'pair-not-found', msg: 'the reply was not captured' } as const
const ABANDONED = { type: 'connection', msg: 'abandoned by the client' } as const
