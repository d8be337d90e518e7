import { Gathered } from '../../bytes/gathered.ts'
import { briefCopyOf, u8, u16, u32 } from '../../bytes/read.ts'
import type {
  DissectContext,
  Found,
  Instant,
  Opening,
  Paired,
  Parser,
  Side,
  Step,
} from '../../dissect/dissector.ts'
import {
  BODY,
  FRAME_END,
  FRAME_HEAD,
  HEADER,
  HEARTBEAT,
  LETTER_A,
  LONGEST_FRAME,
  METHOD,
  METHOD_IDS,
  PROTOCOL_HEADER,
} from './frames.ts'
import { BASIC, methodOf, unknownMethod } from './grammar.ts'
import { Message } from './messages.ts'
import { resumption } from './probe.ts'
import type { Session } from './session.ts'

/**
 * Reads the frames of one side. The frames of several channels may come by turns, so contents are put together by
 * channel; what is complete is told through the session, which pairs.
 */
export class FrameParser implements Parser<Message> {
  readonly #side: Side
  readonly #session: Session
  readonly #context: DissectContext
  readonly #clock: Instant
  /** Contents that are not whole, by channel, the oldest first. */
  readonly #unfinished = new Map<number, UnfinishedContent>()
  /** The body frame that is being read: what is still to come of its payload, and the content that it is part of. */
  readonly #frame = { isOpen: false, left: 0, channel: 0 }
  /** Bytes kept of them. */
  #kept = 0
  /** Where the next frame begins is not known. */
  #isSeeking: boolean

  constructor(side: Side, session: Session, context: DissectContext, { clock, isWhole }: Opening) {
    this.#isSeeking = !isWhole
    this.#side = side
    this.#session = session
    this.#context = context
    this.#clock = clock
  }

  get held(): number {
    return this.#kept + this.#session.kept(this.#side)
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Message> {
    const due = this.#session.ready.shift()
    if (due !== undefined) return { kind: 'exchange', length: 0, ...due }
    const step = this.#step(bytes, start, end)
    if (step.kind !== 'partial') return step
    const exchange = this.#session.ready.shift()
    return exchange === undefined ? step : { kind: 'exchange', length: step.length, ...exchange }
  }

  gap(length: number): number {
    const lost = this.#frame.isOpen ? Math.min(length, this.#frame.left) : 0
    if (lost > 0) {
      this.#frame.left -= lost
      this.#content?.lose(lost)
    }
    return lost
  }

  missed(): void {
    const content = this.#content
    if (content !== undefined) content.hasHole = true
  }

  rejoin(): void {
    this.#frame.isOpen = false
    this.#isSeeking = true
    this.#session.lost(this.#side)
  }

  end(): Paired | undefined {
    for (const [channel] of this.#unfinished) this.#finish(channel)
    return this.#session.ready.shift()
  }

  get #content(): UnfinishedContent | undefined {
    return this.#unfinished.get(this.#frame.channel)
  }

  #step(bytes: Uint8Array, start: number, end: number): Step<Message> {
    if (this.#frame.isOpen) return this.#body(bytes, start, end)
    if (this.#isSeeking && end - start >= FRAME_HEAD + METHOD_IDS) {
      const at = resumption(bytes, start, end, this.#side)
      this.#isSeeking = at < 0
      if (at !== start) return { kind: 'skip', length: (at < 0 ? end : at) - start }
    }
    return this.#nextFrame(bytes, start, end)
  }

  #nextFrame(bytes: Uint8Array, start: number, end: number): Step<Message> {
    if (end - start < FRAME_HEAD) return { kind: 'incomplete', need: FRAME_HEAD }
    const type = u8(bytes, start)
    if (type === LETTER_A) return protocolHeader(bytes, start, end)
    const channel = u16(bytes, start + 1)
    const length = u32(bytes, start + 3)
    const payload = start + FRAME_HEAD
    if (type === BODY && length <= LONGEST_BODY && payload + length >= end)
      return this.#openBody(channel, length)
    if (type !== METHOD && type !== HEADER && type !== BODY && type !== HEARTBEAT)
      return { kind: 'invalid', reason: 'no such type of frame' }
    if (length > (type === BODY ? LONGEST_BODY : LONGEST_FRAME))
      return { kind: 'invalid', reason: 'frame too long' }
    const frame = FRAME_HEAD + length + 1
    if (end - start < frame) return { kind: 'incomplete', need: frame }
    if (u8(bytes, payload + length) !== FRAME_END) return NO_END
    if (type === METHOD) return this.#method(bytes, payload, length, channel)
    if (type === HEADER) this.#header(bytes, payload, length, channel)
    if (type === BODY) this.#wholeBody(bytes, payload, length, channel)
    return { kind: 'partial', length: frame }
  }

  #method(bytes: Uint8Array, start: number, length: number, channel: number): Step<Message> {
    if (length < METHOD_IDS) return { kind: 'invalid', reason: 'no method in its frame' }
    const classId = u16(bytes, start)
    const methodId = u16(bytes, start + 2)
    const grammar = methodOf(classId, methodId) ?? unknownMethod(classId, methodId)
    // What was begun on this channel will not go on.
    this.#finish(channel)
    const message = new Message(grammar, briefCopyOf(bytes, start, start + length), channel, this.#side)
    const size = FRAME_HEAD + length + 1
    const since = { seconds: this.#clock.seconds, nanos: this.#clock.nanos }
    if (grammar.hasContent) this.#begin(new UnfinishedContent(message, since, size))
    else this.#session.add({ message, size, since, id: channel })
    return { kind: 'partial', length: size }
  }

  #begin(content: UnfinishedContent): void {
    this.#unfinished.set(content.message.channel, content)
    this.#holds(content.message.held)
  }

  /** So much more is kept; when it is too much, the oldest content will not become whole. */
  #holds(length: number): void {
    this.#kept += length
    while (this.#unfinished.size > MOST_UNFINISHED || (this.#kept > MOST_KEPT && this.#unfinished.size > 1)) {
      const [oldest = 0] = this.#unfinished.keys()
      this.#finish(oldest)
    }
  }

  /** Class, weight, length of the body, properties. §4.2.6.1 */
  #header(bytes: Uint8Array, start: number, length: number, channel: number): void {
    const content = this.#unfinished.get(channel)
    if (content === undefined || length < 12 || u16(bytes, start) !== BASIC) return
    if (content.header.length > 0) return
    content.header = briefCopyOf(bytes, start, start + length)
    content.bodySize = u32(bytes, start + 4) * 2 ** 32 + u32(bytes, start + 8)
    content.longestKept = this.#context.wantsBodies ? this.#context.maxBody : 0
    content.size += FRAME_HEAD + length + 1
    this.#holds(length)
    this.#finishIfWhole(channel, content)
  }

  #wholeBody(bytes: Uint8Array, start: number, length: number, channel: number): void {
    const content = this.#unfinished.get(channel)
    if (content === undefined) return
    content.size += FRAME_HEAD + length + 1
    this.#keep(content, bytes, start, start + length)
    this.#finishIfWhole(channel, content)
  }

  #openBody(channel: number, length: number): Step<Message> {
    this.#frame.isOpen = true
    this.#frame.left = length
    this.#frame.channel = channel
    const content = this.#content
    if (content !== undefined) content.size += FRAME_HEAD + length + 1
    return { kind: 'partial', length: FRAME_HEAD }
  }

  #body(bytes: Uint8Array, start: number, end: number): Step<Message> {
    const frame = this.#frame
    const content = this.#content
    if (start === end) return { kind: 'incomplete', need: 1 }
    if (frame.left === 0) {
      if (u8(bytes, start) !== FRAME_END) return NO_END
      frame.isOpen = false
      if (content !== undefined) this.#finishIfWhole(frame.channel, content)
      return { kind: 'partial', length: 1 }
    }
    if (content !== undefined && this.#room(content) > 0) {
      const length = Math.min(frame.left, end - start)
      this.#keep(content, bytes, start, start + length)
      frame.left -= length
      return { kind: 'partial', length }
    }
    const length = frame.left
    frame.left = 0
    if (content !== undefined) content.received += length
    return { kind: 'skip', length }
  }

  /** Bytes that may still be kept of it. */
  #room(content: UnfinishedContent): number {
    if (content.hasHole) return 0
    return Math.min(content.longestKept - content.body.length, MOST_KEPT - this.#kept)
  }

  #keep(content: UnfinishedContent, bytes: Uint8Array, start: number, end: number): void {
    const length = Math.min(end - start, this.#room(content))
    content.received += end - start
    if (length <= 0) return
    content.body.add(bytes, start, start + length)
    this.#kept += length
  }

  #finishIfWhole(channel: number, { received, bodySize }: UnfinishedContent): void {
    if (received >= bodySize) this.#finish(channel)
  }

  #finish(channel: number): void {
    const content = this.#unfinished.get(channel)
    if (content === undefined) return
    this.#unfinished.delete(channel)
    this.#kept -= content.held
    this.#session.add(content.found())
  }
}

/** A method whose content is still on its way. */
class UnfinishedContent {
  readonly message: Message
  readonly since: Instant
  /** Bytes of all its frames. */
  size: number
  header: Uint8Array = NOTHING
  /** Unknown until the header is there. */
  bodySize = Number.POSITIVE_INFINITY
  received = 0
  hasHole = false
  longestKept = 0
  readonly body = new Gathered()

  constructor(message: Message, since: Instant, size: number) {
    this.message = message
    this.since = since
    this.size = size
  }

  /** Bytes that it keeps. */
  get held(): number {
    return this.message.held + this.header.length + this.body.length
  }

  lose(length: number): void {
    this.received += length
    this.hasHole = true
  }

  found(): Found<Message> {
    const { message, since, size, header, received } = this
    const isIncomplete = this.hasHole || received < this.bodySize
    message.content = {
      header,
      body: this.body.bytes,
      bodySize: Number.isFinite(this.bodySize) ? this.bodySize : received,
      isIncomplete,
    }
    return { message, size, since, id: message.channel }
  }
}

function protocolHeader(bytes: Uint8Array, start: number, end: number): Step<Message> {
  if (end - start < PROTOCOL_HEADER) return { kind: 'incomplete', need: PROTOCOL_HEADER }
  if (u32(bytes, start) !== AMQP) return { kind: 'invalid', reason: 'no such type of frame' }
  return { kind: 'partial', length: PROTOCOL_HEADER }
}

const AMQP = 0x414d5150
const NOTHING = new Uint8Array(0)
const NO_END = { kind: 'invalid', reason: 'no end of a frame where it should be' } as const
/** Of a body frame: where frames are not limited, a whole message; RabbitMQ takes no longer ones. */
const LONGEST_BODY = 512 << 20
/** Contents of a side that may be on their way at once, and bytes kept of them. */
const MOST_UNFINISHED = 256
const MOST_KEPT = 8 << 20
