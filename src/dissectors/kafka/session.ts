import { SASL_HANDSHAKE } from './apis.ts'
import type { RequestHeader } from './header.ts'
import type { Request, Response } from './messages.ts'
import type { TopicNames } from './reading.ts'

/**
 * What both sides of a connection know of each other. A reply does not say what it answers: its correlation id tells,
 * and nothing else.
 */
export class Session {
  readonly #asked = new Map<number, RequestHeader>()
  /** The last requests that want no reply. Some brokers send one all the same. */
  readonly #unheard = new Map<number, RequestHeader>()
  /**
   * Requests that wait for their replies with all that is kept of them, the oldest first; and how many bytes that
   * is.
   */
  readonly #waiting = new Map<number, Request>()
  #waitingBytes = 0
  readonly #topicNames = new Map<string, string>()
  /** The highest correlation id that was seen. */
  #latest = -1
  /** A handshake was sent after which tokens follow that have no header … */
  #awaitsTokens = false
  /** … and so many were, and were answered. */
  #tokensSent = 0
  #tokensAnswered = 0

  /** The client sends a request. */
  asks(header: RequestHeader): void {
    this.#unheard.delete(header.correlationId)
    this.#asked.delete(header.correlationId)
    this.#asked.set(header.correlationId, header)
    this.#latest = Math.max(this.#latest, header.correlationId)
    dropOldest(this.#asked, MOST_ASKED)
    // Version 1 wraps the tokens into SaslAuthenticate (KIP-152).
    this.#awaitsTokens = header.apiKey === SASL_HANDSHAKE && header.apiVersion === 0
  }

  /**
   * A request is all there. Where replies are not seen, as in a capture of one direction, many would wait for them: of
   * the oldest only the beginning is kept then.
   */
  waits(request: Request): void {
    this.#letGo(request.correlationID)
    this.#waiting.set(request.correlationID, request)
    this.#waitingBytes += request.weight
    for (const [id, oldest] of this.#waiting) {
      if (this.#waitingBytes <= MOST_WAITING || oldest === request) break
      this.#letGo(id)
      oldest.shorten()
    }
  }

  get awaitsTokens(): boolean {
    return this.#awaitsTokens
  }

  /** The client sends a token. Returns its number. */
  sendsToken(): number {
    return ++this.#tokensSent
  }

  /** What comes next from the server is a token: the client has sent one, and has its replies to what came before. */
  get answersToken(): boolean {
    return this.#tokensAnswered < this.#tokensSent && this.#asked.size === 0
  }

  answersWithToken(): number {
    return ++this.#tokensAnswered
  }

  /** What a reply with this correlation id answers. Undefined when it was not seen. */
  answered(correlationId: number): RequestHeader | undefined {
    const header = this.#asked.get(correlationId) ?? this.#unheard.get(correlationId)
    this.#asked.delete(correlationId)
    this.#letGo(correlationId)
    return header
  }

  #letGo(correlationId: number): void {
    this.#waitingBytes -= this.#waiting.get(correlationId)?.weight ?? 0
    this.#waiting.delete(correlationId)
  }

  /** The request wants no reply. */
  wantsNoReply(header: RequestHeader): void {
    this.#asked.delete(header.correlationId)
    this.#unheard.set(header.correlationId, header)
    dropOldest(this.#unheard, MOST_UNHEARD)
  }

  /** Whether the request with this correlation id wants no reply. */
  isUnheard(correlationId: number): boolean {
    return this.#unheard.has(correlationId)
  }

  get topicNames(): TopicNames {
    return this.#topicNames
  }

  /** A reply told names of topics beside their ids. */
  learns(names: Response['topicNames']): void {
    for (const [id, name] of names)
      if (this.#topicNames.size < MOST_TOPICS && name.length <= LONGEST_TOPIC) this.#topicNames.set(id, name)
  }

  /** Whether a reply may have this correlation id: somebody asked, or may have, where the capture has a hole. */
  mayAnswer(correlationId: number): boolean {
    if (this.#asked.has(correlationId) || this.#unheard.has(correlationId)) return true
    if (correlationId < 0) return false
    return this.#latest < 0 || Math.abs(correlationId - this.#latest) < FARTHEST
  }
}

function dropOldest(headers: Map<number, RequestHeader>, most: number): void {
  if (headers.size <= most) return
  const [oldest] = headers.keys()
  if (oldest !== undefined) headers.delete(oldest)
}

/** Requests without a reply that are remembered … */
const MOST_ASKED = 16384
/** … and of those that want none. */
const MOST_UNHEARD = 64
/** Bytes of requests that wait for their replies. */
const MOST_WAITING = 8 << 20
const MOST_TOPICS = 4096
/** Brokers take none that is longer (Topic.java). */
const LONGEST_TOPIC = 249
/** Requests that may have been lost in a hole: clients count them one by one. */
const FARTHEST = 4096
