/** What both sides of a connection know of each other. */
export class Session {
  /** Requests with OP_QUERY or OP_GET_MORE for documents that have no reply yet: what comes is no reply of a command. */
  readonly #queries = new Map<number, boolean>()
  /** Requests that allow several replies … */
  readonly #generous = new Map<number, Asked>()
  /** … and the one that is having them. */
  #stream: { readonly asked: Asked; readonly request: number; last: number } | undefined

  /** OP_QUERY, for documents or for what a command answers, or OP_GET_MORE. */
  queried(requestId: number, forDocuments: boolean): void {
    remember(this.#queries, requestId, forDocuments)
  }

  allow(requestId: number, asked: Asked): void {
    remember(this.#generous, requestId, asked)
  }

  /** Whether more than one reply may answer the request. */
  allows(responseTo: number): boolean {
    return this.#generous.has(responseTo) || this.#continues(responseTo)
  }

  /** Whether OP_REPLY has documents that a query found; undefined when the query was not seen. */
  hasDocuments(responseTo: number): boolean | undefined {
    if (this.#stream !== undefined && this.#continues(responseTo)) return this.#stream.asked.isQuery
    const forDocuments = this.#queries.get(responseTo)
    this.#queries.delete(responseTo)
    return forDocuments
  }

  /**
   * A reply came, after which `more` will come for the same request. What was asked, if this is not the first of its
   * replies: each says that it answers the one before it.
   */
  replied(requestId: number, responseTo: number, more: boolean): Asked | undefined {
    const stream = this.#stream
    if (stream !== undefined && this.#continues(responseTo)) {
      stream.last = requestId
      if (!more) this.#stream = undefined
      return stream.asked
    }
    const asked = this.#generous.get(responseTo)
    this.#generous.delete(responseTo)
    this.#stream = more ? { asked: asked ?? UNKNOWN, request: responseTo, last: requestId } : undefined
    return undefined
  }

  #continues(responseTo: number): boolean {
    const stream = this.#stream
    return stream !== undefined && (responseTo === stream.last || responseTo === stream.request)
  }
}

/** What replies that come by themselves repeat of their request. */
export interface Asked {
  readonly command: string
  readonly database: string
  readonly collection: string
  readonly isQuery: boolean
}

function remember<T>(map: Map<number, T>, key: number, value: T): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= MOST_REMEMBERED) return
  const [oldest] = map.keys()
  map.delete(oldest as number)
}

const UNKNOWN: Asked = { command: '', database: '', collection: '', isQuery: false }
const MOST_REMEMBERED = 1024
