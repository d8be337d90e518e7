import type { DissectContext, Found, Instant, Opening, Paired, Side } from '../../dissect/dissector.ts'
import type { Exchange } from '../../entry/entry.ts'
import { TextHead } from '../http/head.ts'
import type { HttpRequest, HttpResponse } from '../http/messages.ts'
import { openBody } from '../http/open-body.ts'
import { Upgrade } from '../http/upgrade.ts'
import { DEFAULT_FRAME_SIZE, errorName, FRAME_HEADER, LARGEST_FRAME_SIZE, maxFrameSize } from './frames.ts'
import type { HeaderBlock } from './hpack.ts'
import { FieldHead, Http2Request, Http2Response } from './messages.ts'

/** A header block as it was received. */
export interface Received {
  readonly block: HeaderBlock
  /** Bytes of its frames, and when the first of them came. */
  readonly size: number
  readonly since: Instant
  readonly endsStream: boolean
}

/** The streams of a connection: each is a request and its reply, opened by the client or promised by the server. */
export class Session {
  /** The parsers keep no bytes in front of them, so this is when the bytes at hand came. */
  readonly #clock: Instant
  readonly #context: DissectContext
  readonly #streams = new Map<number, Stream>()
  readonly #opened: Readonly<Record<Side, Opened>>
  /** Streams that are over though their numbers do not say so. */
  readonly #over = new Set<number>()
  readonly #complete: Paired[] = []
  /** Streams of which the server has refused the rest of the request, after its reply. */
  readonly #refused = new Set<Stream>()
  /** What a side said when it gave up the connection. */
  #farewell: Exchange['error'] = null
  /** Bytes of unfinished bodies that are kept, by who sends them. */
  readonly bodies = { client: 0, server: 0 }
  /** Bytes of memory that heads of open streams take, about. */
  readonly heads = { client: 0, server: 0 }
  /** The longest frames, by who sends them: as the other side has agreed, and any where that may have been missed. */
  readonly longestFrame: Record<Side, number>
  hasPreface = false

  constructor(context: DissectContext, { clock, isWhole, handover }: Opening) {
    this.#clock = clock
    this.#context = context
    this.#opened = { client: new Opened(isWhole), server: new Opened(isWhole) }
    const longest = isWhole ? DEFAULT_FRAME_SIZE : LARGEST_FRAME_SIZE
    this.longestFrame = { client: longest, server: longest }
    if (handover instanceof Upgrade) this.#upgraded(handover)
  }

  /** An exchange that is complete, the first that became so. */
  takeComplete(): Paired | undefined {
    return this.#complete.length === 0 ? undefined : this.#complete.shift()
  }

  /** The client begins: there are no streams yet. */
  begin(): void {
    this.hasPreface = true
    this.#opened.client.begin()
  }

  /** A side says how long the frames of the other one may be; 0 when it does not. */
  settings(from: Side, longestFrame: number): void {
    const other = otherOf(from)
    this.longestFrame[other] = Math.max(this.longestFrame[other], longestFrame)
  }

  headers(from: Side, id: number, received: Received): void {
    const { block, size, since, endsStream } = received
    const isFinal = endsStream || !isInterim(block)
    const stream = this.#streams.get(id) ?? (isFinal ? this.#open(id, block) : undefined)
    if (stream === undefined || !isFinal || stream[from].hasEnded) return
    const half = stream[from]
    half.grow(size, since)
    if (half.message === undefined || isHeadAfterAll(half.message, block))
      this.#begin(from, stream, block, endsStream)
    else this.heads[from] += half.addTrailers(block)
    half.touch(this.#clock)
    if (endsStream) this.ends(from, stream)
    else if (isTunnel(stream)) this.#close(stream, null)
    const refusal = from === 'client' ? this.#opened.client.refusalOf(id) : null
    if (refusal !== null && !stream.isOver) this.#close(stream, refusal)
    this.#limitHeads()
  }

  /** RFC 9113 §8.4: the request that the server is about to answer unasked. */
  promise(from: Side, promised: number, { block, size, since }: Received): void {
    if (from === 'client' || openerOf(promised) === 'client') return
    if (this.#streams.has(promised) || this.#isOver(promised)) return
    this.#opened.server.note(promised, true)
    const stream = this.#add(promised)
    stream.client.grow(size, since)
    this.#begin('client', stream, block, true)
    stream.client.end(this.#clock)
    this.#limitHeads()
  }

  /** A part of a body begins: its stream, if anybody wants to know of it. */
  bodyOf(from: Side, id: number): Stream | undefined {
    const stream = this.#streams.get(id)
    if (stream === undefined || stream[from].hasEnded) return undefined
    // The head of the reply was not captured. A request without its head tells nothing.
    if (from === 'server' && stream.server.message === undefined)
      this.#begin(from, stream, NOTHING_KNOWN, false)
    stream[from].grow(FRAME_HEADER, this.#clock)
    return stream
  }

  /** `size` bytes of the stream, of which `bytes[start, end)` are of a body. */
  add(from: Side, stream: Stream, bytes: Uint8Array, start: number, end: number, size: number): void {
    const half = stream[from]
    if (stream.isOver) return
    half.grow(size, this.#clock)
    half.touch(this.#clock)
    if (half.message === undefined || half.isOpaque) return
    const { body } = half.message
    const before = body.keptSize
    body.add(bytes, start, end)
    this.bodies[from] += body.keptSize - before
  }

  /** `size` bytes of the stream were not captured, of which `length` are of a body. */
  missed(from: Side, stream: Stream, length: number, size: number): void {
    const half = stream[from]
    if (stream.isOver) return
    half.grow(size, this.#clock)
    if (half.message === undefined || half.isOpaque || length === 0) return
    half.message.incomplete = true
    half.message.body.skip(length)
  }

  /** A side has said all that it has to say on a stream. */
  ends(from: Side, stream: Stream): void {
    if (stream.isOver) return
    stream[from].end(this.#clock)
    const { client, server } = stream
    if (server.hasEnded && (client.hasEnded || client.message === undefined)) this.#close(stream, null)
  }

  reset(from: Side, id: number, code: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) {
      this.#leave(id)
      return
    }
    // A server that has said all may refuse the rest of the request (RFC 9113 §8.1), which may be on its way.
    const { client, server } = stream
    if (server.hasEnded && !client.hasEnded && from === 'server' && code === NO_ERROR)
      this.#refused.add(stream)
    else
      this.#close(
        stream,
        server.hasEnded ? null : { type: 'connection', msg: `RST_STREAM: ${errorName(code)}` },
      )
  }

  /** The client goes on with stream `id`, or with none of them (0): the rest of refused requests does not come. */
  goesOn(id: number): void {
    if (id === 0 || this.#refused.size === 0) return
    for (const stream of this.#refused) if (stream.id !== id) this.#close(stream, null)
  }

  /** RFC 9113 §6.8: of the streams that the other side has opened, those above `last` are not answered. */
  goaway(from: Side, last: number, code: number): void {
    const error = { type: 'connection', msg: `GOAWAY: ${errorName(code)}` } as const
    if (code !== NO_ERROR) this.#farewell = error
    if (!this.#opened[otherOf(from)].cutTo(last, error)) return
    for (const stream of [...this.#streams.values()])
      if (stream.id > last && openerOf(stream.id) === otherOf(from)) this.#close(stream, error)
  }

  /** Bytes of a side were lost, and with them perhaps parts of what it was sending, or streams that it opened. */
  lost(from: Side): void {
    this.#opened[from].forget()
    this.longestFrame[otherOf(from)] = LARGEST_FRAME_SIZE
    for (const stream of this.#streams.values()) {
      const { message, hasEnded } = stream[from]
      if (message !== undefined && !hasEnded) message.incomplete = true
    }
  }

  /** Lets go of what is kept of bodies that a side sends. */
  shed(from: Side): void {
    for (const stream of this.#streams.values()) stream[from].message?.body.drop()
    this.bodies[from] = 0
  }

  /** What still waits, when the connection is over. */
  abandon(): Paired | undefined {
    for (const stream of this.#streams.values()) {
      if (this.#complete.length > 0) break
      this.#close(stream, stream.server.message === undefined ? this.#farewell : null)
    }
    return this.takeComplete()
  }

  /** The request was sent before the protocol changed; its reply comes on the first stream (RFC 7540 §3.2). */
  #upgraded({ request, since = this.#clock }: Upgrade): void {
    if (request === undefined) return
    // The client's first SETTINGS (§3.2.1).
    const settings = Buffer.from(request.header('http2-settings'), 'base64url')
    this.settings('client', maxFrameSize(settings, 0, settings.length))
    this.#opened.client.note(1, true)
    const { client } = this.#add(1)
    const headSize = request.head instanceof TextHead ? request.head.size : 0
    client.grow(headSize + request.bodySize, since)
    client.message = request
    client.end(since)
    this.bodies.client += request.body.keptSize
    this.heads.client += client.takeHead(headSize)
  }

  /** The stream of a block that belongs to none of those that are open; undefined when it is over. */
  #open(id: number, block: HeaderBlock): Stream | undefined {
    if (this.#isOver(id)) return undefined
    this.#opened[openerOf(id)].note(id, isHead(block, ':method'))
    return this.#add(id)
  }

  #isOver(id: number): boolean {
    return this.#opened[openerOf(id)].hasKnown(id) || this.#over.has(id)
  }

  #add(id: number): Stream {
    if (this.#streams.size >= MOST_STREAMS) this.#closeOldest()
    const stream = new Stream(id)
    this.#streams.set(id, stream)
    return stream
  }

  /** A stream that waits costs its sender next to nothing, but here it has a head. */
  #limitHeads(): void {
    while (this.heads.client + this.heads.server > LARGEST_HEADS) this.#closeOldest()
  }

  #closeOldest(): void {
    const [oldest] = this.#streams.values()
    if (oldest !== undefined) this.#close(oldest, UNANSWERED)
  }

  #begin(from: Side, stream: Stream, block: HeaderBlock, isAll: boolean): void {
    const head = new FieldHead(block.fields)
    const isKnown = block.isWhole && isHead(block, from === 'client' ? ':method' : ':status')
    const message = stream.begin(from, head)
    this.heads[from] += stream[from].takeHead(block.memory)
    message.incomplete = !isKnown
    if (!isAll) openBody(message, this.#context, 0, stream.client.message)
  }

  /** It becomes an exchange as it stands. */
  #close(stream: Stream, error: Exchange['error']): void {
    const { id, client, server } = stream
    stream.isOver = true
    this.#streams.delete(id)
    this.#refused.delete(stream)
    this.#leave(id)
    this.bodies.client -= client.message?.body.keptSize ?? 0
    this.bodies.server -= server.message?.body.keptSize ?? 0
    this.heads.client -= client.headMemory
    this.heads.server -= server.headMemory
    if (!isTunnel(stream)) {
      client.breakOff()
      server.breakOff()
    }
    if (server.message !== undefined)
      server.message.answersGraphql = (client.message?.graphql ?? null) !== null
    client.message?.body.settle()
    const request = client.found(id)
    const response = server.found(id)
    const why = error ?? (request === null ? NO_REQUEST : null)
    if (request !== null || response !== null)
      this.#complete.push({ request, response, ...(why === null ? {} : { error: why }) })
  }

  #leave(id: number): void {
    if (this.#opened[openerOf(id)].hasKnown(id)) return
    this.#over.add(id)
    const [oldest] = this.#over
    if (this.#over.size > MOST_STREAMS && oldest !== undefined) this.#over.delete(oldest)
  }
}

/** A request and its reply, as far as they have come. */
export class Stream {
  readonly id: number
  readonly client = new Half<HttpRequest>()
  readonly server = new Half<HttpResponse>()
  /** It has become an exchange: what comes now is too late. */
  isOver = false

  constructor(id: number) {
    this.id = id
  }

  begin(from: Side, head: FieldHead): HttpRequest | HttpResponse {
    if (from === 'server') {
      this.server.message = new Http2Response(head)
      return this.server.message
    }
    this.client.message = new Http2Request(head)
    this.client.isOpaque = this.client.message.method === 'CONNECT'
    return this.client.message
  }
}

/** One direction of a stream. */
class Half<M extends HttpRequest | HttpResponse> {
  message: M | undefined = undefined
  hasEnded = false
  /** What follows the head is none of HTTP's: the client's side of CONNECT. */
  isOpaque = false
  /** Bytes that its fields take, about. */
  headMemory = 0
  #size = 0
  /** When its first byte came, and its last so far. */
  #since: Instant | undefined
  #seconds = 0
  #nanos = 0

  /** `size` bytes belong to it. */
  grow(size: number, { seconds, nanos }: Instant): void {
    this.#size += size
    this.#since ??= { seconds, nanos }
  }

  touch({ seconds, nanos }: Instant): void {
    this.#seconds = seconds
    this.#nanos = nanos
  }

  end(now: Instant): void {
    this.touch(now)
    this.hasEnded = true
  }

  breakOff(): void {
    if (this.message !== undefined && !this.hasEnded) this.message.incomplete = true
  }

  /** Its head takes so many bytes, in place of one that was none. Returns how many more these are. */
  takeHead(memory: number): number {
    const more = memory - this.headMemory
    this.headMemory = memory
    return more
  }

  /** Returns how many bytes they take. */
  addTrailers({ fields, isWhole, memory }: HeaderBlock): number {
    const { message } = this
    if (message === undefined || !(message.head instanceof FieldHead)) return 0
    if (!isWhole) message.incomplete = true
    if (message.head.trailers.length >= MOST_TRAILERS) return 0
    message.head.trailers = [...message.head.trailers, ...fields]
    this.headMemory += memory
    return memory
  }

  found(id: number): Found<object> | null {
    if (this.message === undefined || this.#since === undefined) return null
    const until = { seconds: this.#seconds, nanos: this.#nanos }
    return { message: this.message, id, size: this.#size, since: this.#since, until }
  }
}

/** Which streams a side has opened: numbers only go up (RFC 9113 §5.1.1), so that all up to the highest are known … */
class Opened {
  #highest = 0
  /** … from this one on, where some were opened before the capture began or in bytes that were lost. */
  #from: number
  /** None above it will be answered, and why. */
  #last = Number.POSITIVE_INFINITY
  #refusal: Exchange['error'] = null

  constructor(isWhole: boolean) {
    this.#from = isWhole ? 0 : Number.POSITIVE_INFINITY
  }

  begin(): void {
    this.#from = 0
  }

  /** `isNew`: it was certainly opened just now. */
  note(id: number, isNew: boolean): void {
    if (isNew && this.#from === Number.POSITIVE_INFINITY) this.#from = id
    this.#highest = Math.max(this.#highest, id)
  }

  /** Whether it was opened when all was seen. */
  hasKnown(id: number): boolean {
    return id <= this.#highest && id >= this.#from
  }

  forget(): void {
    this.#from = Number.POSITIVE_INFINITY
  }

  /** Those above `last` will not be answered; true when that is news. */
  cutTo(last: number, refusal: Exchange['error']): boolean {
    if (last >= this.#last) return false
    this.#last = last
    this.#refusal = refusal
    return true
  }

  /** Why a stream will not be answered, though it was opened later; null when it may be. */
  refusalOf(id: number): Exchange['error'] {
    return id > this.#last ? this.#refusal : null
  }
}

function otherOf(side: Side): Side {
  return side === 'client' ? 'server' : 'client'
}

function openerOf(id: number): Side {
  return id % 2 === 1 ? 'client' : 'server'
}

/** Whether a block begins a message, which its pseudo-headers show; `name` is one that each has. */
function isHead({ fields }: HeaderBlock, name: ':method' | ':status'): boolean {
  for (const field of fields) {
    if (field.name === name) return true
    if (!field.name.startsWith(':')) return false
  }
  return false
}

/** RFC 9110 §15.2: replies such as 100 and 103 come before the one that counts. */
function isInterim({ fields: [first] }: HeaderBlock): boolean {
  return first?.name === ':status' && first.value.startsWith('1')
}

/** What was taken for the head of a reply was an interim one whose status was not known. */
function isHeadAfterAll(message: HttpRequest | HttpResponse, block: HeaderBlock): boolean {
  return (
    message instanceof Http2Response &&
    message.status === 0 &&
    message.bodySize === 0 &&
    isHead(block, ':status')
  )
}

/** After CONNECT, and what RFC 8441 makes of it, bytes follow that are none of HTTP's. */
function isTunnel({ client, server }: Stream): boolean {
  if (server.message === undefined || !client.isOpaque) return false
  return server.message.status >= 200 && server.message.status < 300
}

const NOTHING_KNOWN: HeaderBlock = { fields: [], count: 0, isWhole: false, isBroken: true, memory: 0 }
const NO_REQUEST = { type: 'pair-not-found', msg: 'reply without a request' } as const
const UNANSWERED = { type: 'pair-not-found', msg: 'the reply was not captured' } as const
const NO_ERROR = 0
/** Open at a time, or remembered to be over; peers rarely allow each other more than a few hundred. */
const MOST_STREAMS = 4096
/** Of all streams that are open: beyond that the oldest ones do not wait any longer. */
const LARGEST_HEADS = 8 << 20
/** Further ones are not shown. */
const MOST_TRAILERS = 1000
