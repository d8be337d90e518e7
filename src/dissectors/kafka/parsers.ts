import { i32 } from '../../bytes/read.ts'
import type { DissectContext, Found, Opening, Parser, Step } from '../../dissect/dissector.ts'
import { type Frame, frameAt, OpenFrame } from './frame.ts'
import {
  looksLikeRequest,
  RESPONSE_HEADER,
  type RequestHeader,
  readHeader,
  SHORTEST_HEADER,
} from './header.ts'
import { type KafkaRequest, type KafkaResponse, Request, Response, Token } from './messages.ts'
import type { Session } from './session.ts'

/** Makes a message of a frame, now or when all of it has come. */
type Finish<M> = (frame: Frame) => Found<M>

/** Both sides consist of frames: a length, and so many bytes. What begins one tells what its end is made into. */
abstract class FrameParser<M> implements Parser<M> {
  readonly #context: DissectContext
  readonly #clock: Opening['clock']
  #open: { readonly frame: OpenFrame; readonly finish: Finish<M> } | undefined

  constructor(context: DissectContext, clock: Opening['clock']) {
    this.#context = context
    this.#clock = clock
  }

  get held(): number {
    return this.#open?.frame.held ?? 0
  }

  next(bytes: Uint8Array, start: number, end: number): Step<M> {
    if (this.#open !== undefined) return this.#continue(bytes, start, end)
    const finish = this.begin(bytes, start, end)
    if (typeof finish !== 'function') return finish
    const length = 4 + i32(bytes, start)
    if (length <= end - start)
      return { kind: 'message', length, ...finish(frameAt(bytes, start, this.#clock, this.#context)) }
    const frame = new OpenFrame(bytes, start, this.#clock, this.#context)
    this.#open = { frame, finish }
    return { kind: 'partial', length: frame.take(bytes, start, end) }
  }

  gap(length: number): number {
    return this.#open?.frame.lose(length) ?? 0
  }

  missed(): void {
    this.#open?.frame.lose(0)
  }

  rejoin(): void {
    this.#open = undefined
  }

  /** What is cut off is shown as far as it goes. */
  end(): Found<M> | undefined {
    const open = this.#open
    this.#open = undefined
    return open?.finish(open.frame.close())
  }

  #continue(bytes: Uint8Array, start: number, end: number): Step<M> {
    const { frame, finish } = this.#open as { frame: OpenFrame; finish: Finish<M> }
    if (frame.left > 0 && frame.isLong) return { kind: 'skip', length: frame.passRest() }
    const length = frame.take(bytes, start, end)
    if (frame.left > 0)
      return length > 0 ? { kind: 'partial', length } : { kind: 'incomplete', need: end - start + 1 }
    this.#open = undefined
    return { kind: 'message', length, ...finish(frame.close()) }
  }

  /** What the frame that begins here is; a step where that cannot be told, or it is none. */
  protected abstract begin(bytes: Uint8Array, start: number, end: number): Finish<M> | Step<M>
}

export class RequestParser extends FrameParser<KafkaRequest> {
  readonly #session: Session

  constructor(session: Session, context: DissectContext, { clock }: Opening) {
    super(context, clock)
    this.#session = session
  }

  protected override begin(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Finish<KafkaRequest> | Step<KafkaRequest> {
    if (this.#session.awaitsTokens && !this.#mayBeRequest(bytes, start, end))
      return tokenAt(bytes, start, end) ?? tokenOf(this.#session.sendsToken())
    const header = readHeader(bytes, start, end)
    if (header === 'incomplete') return needs(SHORTEST_HEADER + 2, start, end)
    if (header === undefined || i32(bytes, start) > LONGEST_MESSAGE)
      return { kind: 'invalid', reason: 'not a request' }
    this.#session.asks(header)
    return (frame) => this.#request(header, frame)
  }

  #request(header: RequestHeader, frame: Frame): Found<KafkaRequest> {
    const message = new Request(header, frame, this.#session.topicNames)
    if (message.hasNoReply) {
      this.#session.wantsNoReply(header)
      return { message, id: 'no-reply' }
    }
    this.#session.waits(message)
    return { message, id: header.correlationId }
  }

  /** After a login the connection goes on with requests: the first frame that is one ends it. */
  #mayBeRequest(bytes: Uint8Array, start: number, end: number): boolean {
    const header = readHeader(bytes, start, end)
    return typeof header === 'object' && looksLikeRequest(header)
  }
}

export class ResponseParser extends FrameParser<KafkaResponse> {
  readonly #session: Session
  /** A reply was what somebody had asked for, so that this is where frames begin. */
  #isSure: boolean

  constructor(session: Session, context: DissectContext, { clock, isWhole }: Opening) {
    super(context, clock)
    this.#session = session
    this.#isSure = isWhole
  }

  override rejoin(): void {
    super.rejoin()
    this.#isSure = false
  }

  protected override begin(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Finish<KafkaResponse> | Step<KafkaResponse> {
    if (this.#session.answersToken)
      return tokenAt(bytes, start, end) ?? tokenOf(this.#session.answersWithToken())
    if (end - start < RESPONSE_HEADER) return needs(RESPONSE_HEADER, start, end)
    const size = i32(bytes, start)
    const correlationId = i32(bytes, start + 4)
    const isPlausible = this.#isSure || this.#session.mayAnswer(correlationId)
    if (size < 4 || size > LONGEST_MESSAGE || !isPlausible) return { kind: 'invalid', reason: 'not a reply' }
    const id = this.#session.isUnheard(correlationId) ? 'push' : correlationId
    const header = this.#session.answered(correlationId)
    if (header !== undefined) this.#isSure = true
    return (frame) => {
      const message = new Response(correlationId, header, frame, this.#session.topicNames)
      this.#session.learns(message.topicNames)
      return { message, id }
    }
  }
}

function needs(wanted: number, start: number, end: number) {
  return { kind: 'incomplete', need: Math.max(wanted, end - start + 1) } as const
}

/** Undefined when a token is all here; only then it shows that it is no request. */
function tokenAt(bytes: Uint8Array, start: number, end: number): Step<never> | undefined {
  if (end - start < 4) return needs(4, start, end)
  const size = i32(bytes, start)
  if (size < 0 || size > LONGEST_TOKEN) return { kind: 'invalid', reason: 'not a token' }
  return 4 + size > end - start ? needs(4 + size, start, end) : undefined
}

/** Tokens are answered one by one. */
function tokenOf(number: number): Finish<Token> {
  return (frame) => ({ message: new Token(frame), id: `token ${number}` })
}

/** Brokers take 100 MB by default (socket.request.max.bytes), and send as much as they are asked for. */
const LONGEST_MESSAGE = 1 << 30
/** Brokers take 512 KiB (sasl.server.max.receive.size). */
const LONGEST_TOKEN = 512 << 10
