import type { Found, Paired, Side } from '../../dissect/dissector.ts'
import type { Message } from './messages.ts'

/**
 * What both sides of a connection know of each other: which methods wait for a reply. Either side may ask; replies come
 * on the channel of the request, and each names the method that it answers.
 */
export class Session {
  /** Exchanges that are complete and not told yet. */
  readonly ready: Paired[] = []
  /** By who asked, the oldest first. */
  readonly #asked: Record<Side, Asked[]> = { client: [], server: [] }
  /** Bytes that the messages among them keep. */
  readonly #kept: Record<Side, number> = { client: 0, server: 0 }

  /** A message is whole, or as whole as it gets. */
  add(found: Found<Message>): void {
    const { message } = found
    const { grammar, from } = message
    if (grammar.answers !== '') this.#answer(found)
    else if (grammar.isAsked && !(grammar.mayWaive && message.noWait)) this.#ask(found)
    else this.ready.push({ request: found, response: null })
    if (isClose(grammar.name)) this.#fail(message, otherThan(from))
    if (isClose(grammar.answers)) for (const side of SIDES) this.#settle(side, message, CLOSED)
  }

  /** Bytes that are kept of requests of this side. */
  kept(side: Side): number {
    return this.#kept[side]
  }

  /** Something that this side sent was lost: the replies to all that the other one asked may have been in it. */
  lost(side: Side): void {
    for (const asked of this.#asked[otherThan(side)]) asked.isDoubtful = true
  }

  /** No more replies will come: what still waits for one. */
  abandon(): Paired | undefined {
    for (const side of SIDES) {
      const asked = this.#asked[side].shift()
      if (asked !== undefined) return { request: asked.found, response: null }
    }
    return undefined
  }

  #ask(found: Found<Message>): void {
    const { from, held } = found.message
    const asked = this.#asked[from]
    asked.push({ found, isDoubtful: false })
    this.#kept[from] += held
    while (asked.length > MOST_ASKED || (this.#kept[from] > MOST_KEPT && asked.length > 1))
      this.#take(from, 0, UNANSWERED)
  }

  #answer(response: Found<Message>): void {
    const { channel, from, grammar } = response.message
    const asker = otherThan(from)
    const index = this.#indexOf(asker, channel, grammar.answers)
    const answered = this.#asked[asker][index]
    if (answered === undefined) {
      this.ready.push({ request: null, response, error: NO_REQUEST })
      return
    }
    this.#drop(asker, index)
    // A channel replies in order: what was asked on it before, and may have been answered in a hole, was.
    for (let at = index - 1; at >= 0; at--) {
      const { found, isDoubtful } = this.#asked[asker][at] as Asked
      if (isDoubtful && found.message.channel === channel) this.#take(asker, at, UNANSWERED)
    }
    this.ready.push({ request: answered.found, response })
  }

  /**
   * The request that is answered: the oldest that cannot have been answered before; if there is none, the last one, since
   * clients rarely ask again before they have a reply.
   */
  #indexOf(asker: Side, channel: number, method: string): number {
    const fits = ({ found: { message } }: Asked) => message.channel === channel && message.method === method
    const sure = this.#asked[asker].findIndex((each) => !each.isDoubtful && fits(each))
    return sure >= 0 ? sure : this.#asked[asker].findLastIndex(fits)
  }

  /** One end closes a channel, or the connection: what the other one has asked will not be answered. */
  #fail(close: Message, asker: Side): void {
    const what = close.method.replace(' close', '')
    this.#settle(asker, close, {
      type: 'connection',
      msg: `the ${what} was closed: ${close.replyCode} ${close.replyText}`,
    })
  }

  /** A close is answered even by who has sent one, too. */
  #settle(asker: Side, { channel, grammar }: Message, error: Failure): void {
    const isAll = grammar.classId === CONNECTION
    for (let at = 0; at < this.#asked[asker].length; ) {
      const { message } = (this.#asked[asker][at] as Asked).found
      const isSpared = isClose(message.method) && message.grammar.classId === grammar.classId
      if (!isSpared && (isAll || message.channel === channel)) this.#take(asker, at, error)
      else at++
    }
  }

  #take(asker: Side, index: number, error: Failure): void {
    const { found } = this.#asked[asker][index] as Asked
    this.#drop(asker, index)
    this.ready.push({ request: found, response: null, error })
  }

  #drop(asker: Side, index: number): void {
    const asked = this.#asked[asker]
    const gone = index === 0 ? asked.shift() : asked.splice(index, 1)[0]
    this.#kept[asker] -= gone?.found.message.held ?? 0
  }
}

interface Asked {
  readonly found: Found<Message>
  /** Its reply may have been lost. */
  isDoubtful: boolean
}

type Failure = NonNullable<Paired['error']>

function otherThan(side: Side): Side {
  return side === 'client' ? 'server' : 'client'
}

function isClose(method: string): boolean {
  return method === 'channel close' || method === 'connection close'
}

/** Class of the methods that are about the whole connection. */
const CONNECTION = 10
const SIDES: readonly Side[] = ['client', 'server']
const NO_REQUEST: Failure = { type: 'pair-not-found', msg: 'reply without a request' }
const UNANSWERED: Failure = { type: 'pair-not-found', msg: 'the reply was not captured' }
const CLOSED: Failure = { type: 'connection', msg: 'closed without a reply' }
/** Requests of one side that wait for replies, and bytes kept of them; the oldest go. */
const MOST_ASKED = 1024
const MOST_KEPT = 4 << 20
