import { i32 } from '../../bytes/read.ts'
import type { DissectContext, Found, Opening, Parser, Step } from '../../dissect/dissector.ts'
import { type Frame, frameAt, OpenFrame } from './frame.ts'
import { looksLikeRequest, RESPONSE_HEADER, readHeader, SHORTEST_HEADER } from './header.ts'
import { Request, Response, Token } from './messages.ts'
import type { Session } from './session.ts'

/** Makes a message of a frame that has come, or of as much as is kept of it. */
type Make<M> = (frame: Frame) => M

/** Both sides consist of frames: a length, and so many bytes. What begins one tells what is made of it. */
abstract class FrameParser<M extends Request | Response | Token> implements Parser<M> {
  readonly #context: DissectContext
  readonly #clock: Opening['clock']
  #open: { readonly frame: OpenFrame; readonly make: Make<M> } | undefined

  constructor(context: DissectContext, clock: Opening['clock']) {
    this.#context = context
    this.#clock = clock
  }

  get held(): number {
    return this.#open?.frame.held ?? 0
  }

  next(bytes: Uint8Array, start: number, end: number): Step<M> {
    if (this.#open !== undefined) return this.#continue(bytes, start, end)
    const make = this.begin(bytes, start, end)
    if (typeof make !== 'function') return make
    const whole = frameAt(bytes, start, end, this.#clock, this.#context)
    if (whole !== undefined)
      return { kind: 'message', length: whole.bytes.length, ...this.found(make(whole)) }
    const frame = new OpenFrame(bytes, start, this.#clock, this.#context)
    this.#open = { frame, make }
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
    return open && this.found(open.make(open.frame.close()))
  }

  #continue(bytes: Uint8Array, start: number, end: number): Step<M> {
    const { frame, make } = this.#open as { frame: OpenFrame; make: Make<M> }
    const passed = frame.pass((kept) => make(kept).lastRecords)
    if (passed > 0) return { kind: 'skip', length: passed }
    const length = frame.take(bytes, start, end)
    if (frame.left > 0)
      return length > 0 ? { kind: 'partial', length } : { kind: 'incomplete', need: end - start + 1 }
    this.#open = undefined
    return { kind: 'message', length, ...this.found(make(frame.close())) }
  }

  /** What is made of the frame that begins here; a step where that cannot be told, or it is none. */
  protected abstract begin(bytes: Uint8Array, start: number, end: number): Make<M> | Step<M>
  /** A message is here as far as it ever will be. */
  protected abstract found(message: M): Found<M>
}

export class RequestParser extends FrameParser<Request | Token> {
  readonly #session: Session

  constructor(session: Session, context: DissectContext, { clock }: Opening) {
    super(context, clock)
    this.#session = session
  }

  protected override begin(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Make<Request | Token> | Step<Request | Token> {
    if (this.#session.awaitsTokens && !this.#mayBeRequest(bytes, start, end))
      return tokenAt(bytes, start, end) ?? tokenOf(this.#session.sendsToken())
    const header = readHeader(bytes, start, end)
    if (header === 'incomplete') return needs(SHORTEST_HEADER + 2, start, end)
    if (header === undefined || i32(bytes, start) > LONGEST_MESSAGE)
      return { kind: 'invalid', reason: 'not a request' }
    this.#session.asks(header)
    return (frame) => new Request(header, frame, this.#session.topicNames)
  }

  protected override found(message: Request | Token): Found<Request | Token> {
    if (message instanceof Token) return { message, id: message.id }
    if (message.hasNoReply) {
      this.#session.wantsNoReply(message.header)
      return { message, id: 'no-reply' }
    }
    this.#session.waits(message)
    return { message, id: message.correlationID }
  }

  /** After a login the connection goes on with requests: the first frame that is one ends it. */
  #mayBeRequest(bytes: Uint8Array, start: number, end: number): boolean {
    const header = readHeader(bytes, start, end)
    return typeof header === 'object' && looksLikeRequest(header)
  }
}

export class ResponseParser extends FrameParser<Response | Token> {
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
  ): Make<Response | Token> | Step<Response | Token> {
    if (this.#session.answersToken)
      return tokenAt(bytes, start, end) ?? tokenOf(this.#session.answersWithToken())
    if (end - start < RESPONSE_HEADER) return needs(RESPONSE_HEADER, start, end)
    const size = i32(bytes, start)
    const correlationId = i32(bytes, start + 4)
    const isPlausible = this.#isSure || this.#session.mayAnswer(correlationId)
    if (size < 4 || size > LONGEST_MESSAGE || !isPlausible) return { kind: 'invalid', reason: 'not a reply' }
    const header = this.#session.answered(correlationId)
    if (header !== undefined) this.#isSure = true
    return (frame) => new Response(correlationId, header, frame, this.#session.topicNames)
  }

  protected override found(message: Response | Token): Found<Response | Token> {
    if (message instanceof Token) return { message, id: message.id }
    this.#session.learns(message.topicNames)
    const { correlationID } = message
    return { message, id: this.#session.isUnheard(correlationID) ? 'push' : correlationID }
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
function tokenOf(number: number): Make<Token> {
  return (frame) => new Token(number, frame)
}

/** Brokers take 100 MB by default (socket.request.max.bytes), and send as much as they are asked for. */
const LONGEST_MESSAGE = 1 << 30
/** Brokers take 512 KiB (sasl.server.max.receive.size). */
const LONGEST_TOKEN = 512 << 10
