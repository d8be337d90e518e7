import { u8, u24, u32 } from '../../bytes/read.ts'
import type { Instant, Opening, Parser, Side, Step } from '../../dissect/dissector.ts'
import { FLAG, FRAME, FRAME_HEADER, headerProblem, maxFrameSize, PREFACE, streamAt } from './frames.ts'
import { type BlockFrame, HeaderBlocks, LONGEST_BLOCK } from './header-blocks.ts'
import type { Session, Stream } from './session.ts'

/** What comes next: the preface, the header of a frame, or its payload, which is a body, read as a whole, or dropped. */
type State = 'preface' | 'header' | 'padding' | 'body' | 'whole' | 'dropped' | 'broken'

/**
 * The frames of one side (RFC 9113 §4). All bytes are taken as they come, so that a hole in a body, or in what is of no
 * interest, does no harm.
 */
export class FrameParser implements Parser<object> {
  readonly #side: Side
  readonly #session: Session
  readonly #clock: Instant
  readonly #blocks: HeaderBlocks
  #state: State
  /** The header of the frame, or the preface, as far as it has come. */
  readonly #header = new Uint8Array(FRAME_HEADER)
  #headerLength = 0
  /** When the first byte of the frame came. */
  #seconds = 0
  #nanos = 0
  #type = 0
  #flags = 0
  #id = 0
  #length = 0
  /** Bytes of the frame still to come; the last `#padding` of them are that. */
  #left = 0
  #padding = 0
  /** The stream whose body it is in; undefined when nobody wants to know of that. */
  #stream: Stream | undefined
  /** Of a frame that is to be read as a whole: what has come of it in pieces. */
  #pieces = NOTHING
  #reason = ''
  /** It has not sent a frame yet. */
  #isNew = true

  constructor(side: Side, session: Session, { clock, isWhole }: Opening) {
    this.#side = side
    this.#session = session
    this.#clock = clock
    this.#blocks = new HeaderBlocks(side, session, isWhole)
    this.#state = side === 'client' ? 'preface' : 'header'
  }

  next(bytes: Uint8Array, start: number, end: number): Step<never> {
    let at = start
    for (;;) {
      if (this.#left === 0 && (this.#state === 'body' || this.#state === 'dropped')) this.#endFrame()
      const complete = this.#session.takeComplete()
      if (complete !== undefined) return { kind: 'exchange', length: at - start, ...complete }
      if (at === end) break
      if (this.#state === 'broken' && at === start) return { kind: 'invalid', reason: this.#reason }
      if (this.#state === 'broken') break
      at = this.#take(bytes, at, end)
    }
    return at > start ? { kind: 'partial', length: at - start } : NEED_MORE
  }

  /** A hole within a frame, of which all that matters is how long it is. */
  gap(length: number): number {
    if (this.#state !== 'body' && this.#state !== 'dropped') return 0
    const known = Math.min(length, this.#left)
    const shown = this.#shownOf(known)
    if (this.#stream !== undefined) this.#session.missed(this.#side, this.#stream, shown, known)
    this.#left -= known
    return known
  }

  rejoin(): void {
    this.#state = 'header'
    this.#headerLength = 0
    this.#left = 0
    this.#pieces = NOTHING
    this.#stream = undefined
    this.#blocks.forget()
    this.#session.lost(this.#side)
  }

  shed(): void {
    this.#session.shed(this.#side)
  }

  get held(): number {
    const { bodies, heads } = this.#session
    return bodies[this.#side] + heads[this.#side] + this.#blocks.held + this.#pieces.length
  }

  /** Reads at `at`, where at least one byte is; returns where it stopped. */
  #take(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#state) {
      case 'preface':
        return this.#takePreface(bytes, at, end)
      case 'header':
        return this.#takeHeader(bytes, at, end)
      case 'padding':
        this.#padding = u8(bytes, at)
        this.#left--
        if (this.#stream !== undefined) this.#session.add(this.#side, this.#stream, bytes, at, at, 1)
        if (this.#padding > this.#left) this.#break('padding longer than its frame')
        else this.#state = 'body'
        return at + 1
      case 'body':
        return this.#takeBody(bytes, at, end)
      case 'whole':
        return this.#takeWhole(bytes, at, end)
      default: {
        const length = Math.min(this.#left, end - at)
        this.#left -= length
        return at + length
      }
    }
  }

  /** Where the connection is not read from its first byte on, it may be missing. */
  #takePreface(bytes: Uint8Array, at: number, end: number): number {
    if (this.#headerLength === 0 && u8(bytes, at) !== PREFACE[0]) {
      this.#state = 'header'
      return at
    }
    while (at < end && this.#headerLength < PREFACE.length) {
      if (u8(bytes, at++) !== PREFACE[this.#headerLength++]) {
        this.#break('a preface that is none')
        return at
      }
    }
    if (this.#headerLength === PREFACE.length) {
      this.#headerLength = 0
      this.#state = 'header'
      this.#session.begin()
      this.#blocks.begin()
    }
    return at
  }

  #takeHeader(bytes: Uint8Array, at: number, end: number): number {
    if (this.#headerLength === 0) {
      this.#seconds = this.#clock.seconds
      this.#nanos = this.#clock.nanos
      if (end - at >= FRAME_HEADER) {
        this.#open(bytes, at)
        return at + FRAME_HEADER
      }
    }
    const length = Math.min(FRAME_HEADER - this.#headerLength, end - at)
    this.#header.set(bytes.subarray(at, at + length), this.#headerLength)
    this.#headerLength += length
    if (this.#headerLength === FRAME_HEADER) {
      this.#headerLength = 0
      this.#open(this.#header, 0)
    }
    return at + length
  }

  /** A frame begins with the header at `at`. */
  #open(bytes: Uint8Array, at: number): void {
    const length = u24(bytes, at)
    this.#type = u8(bytes, at + 3)
    this.#flags = u8(bytes, at + 4)
    this.#id = streamAt(bytes, at + 5)
    this.#length = length
    this.#left = length
    this.#padding = 0
    const problem = headerProblem(this.#type, length, this.#id)
    if (problem !== undefined || length > this.#session.longestFrame[this.#side]) {
      this.#break(problem ?? 'a frame longer than the other side takes')
      return
    }
    this.#blocks.breakOff(this.#type, this.#id)
    if (this.#isNew) this.#beginsAnew()
    if (this.#side === 'client') this.#session.goesOn(this.#id)
    if (this.#type === FRAME.data) this.#openBody()
    else if (READ.has(this.#type) && length <= LONGEST_READ) this.#openWhole()
    else {
      this.#state = 'dropped'
      if (BLOCKS.has(this.#type)) this.#blocks.passOver(this.#blockFrame)
    }
  }

  /** A server that answers the preface begins with its SETTINGS (RFC 9113 §3.4), whatever was before. */
  #beginsAnew(): void {
    this.#isNew = false
    const isSettings = this.#type === FRAME.settings && (this.#flags & FLAG.ack) === 0
    if (this.#side === 'server' && isSettings && this.#session.hasPreface) this.#blocks.begin()
  }

  #openBody(): void {
    const isPadded = (this.#flags & FLAG.padded) !== 0
    if (isPadded && this.#length === 0) {
      this.#break('padding longer than its frame')
      return
    }
    this.#state = isPadded ? 'padding' : 'body'
    this.#stream = this.#session.bodyOf(this.#side, this.#id)
  }

  #openWhole(): void {
    this.#state = 'whole'
    if (this.#length === 0) this.#read(NOTHING, 0, 0)
  }

  #takeBody(bytes: Uint8Array, at: number, end: number): number {
    const length = Math.min(this.#left, end - at)
    if (this.#stream !== undefined)
      this.#session.add(this.#side, this.#stream, bytes, at, at + this.#shownOf(length), length)
    this.#left -= length
    return at + length
  }

  /** How many of the next `length` bytes are no padding. */
  #shownOf(length: number): number {
    return Math.max(0, Math.min(length, this.#left - this.#padding))
  }

  #takeWhole(bytes: Uint8Array, at: number, end: number): number {
    const isHere = end - at >= this.#length
    if (this.#left === this.#length && isHere) {
      this.#read(bytes, at, at + this.#length)
      return at + this.#length
    }
    if (this.#pieces.length === 0) this.#pieces = new Uint8Array(this.#length)
    const length = Math.min(this.#left, end - at)
    this.#pieces.set(bytes.subarray(at, at + length), this.#length - this.#left)
    this.#left -= length
    if (this.#left === 0) {
      const whole = this.#pieces
      this.#pieces = NOTHING
      this.#read(whole, 0, whole.length)
    }
    return at + length
  }

  /** A frame is here with its payload, `bytes[start, end)`. */
  #read(bytes: Uint8Array, start: number, end: number): void {
    this.#state = 'header'
    this.#left = 0
    switch (this.#type) {
      case FRAME.settings:
        this.#session.settings(this.#side, maxFrameSize(bytes, start, end))
        break
      case FRAME.rstStream:
        this.#session.reset(this.#side, this.#id, u32(bytes, start))
        break
      case FRAME.goaway:
        this.#session.goaway(this.#side, streamAt(bytes, start), u32(bytes, start + 4))
        break
      default: {
        const problem = this.#blocks.read(this.#blockFrame, bytes, start, end)
        if (problem !== undefined) this.#break(problem)
      }
    }
  }

  get #blockFrame(): BlockFrame {
    const since = { seconds: this.#seconds, nanos: this.#nanos }
    const size = FRAME_HEADER + this.#length
    return { type: this.#type, flags: this.#flags, stream: this.#id, size, since }
  }

  #endFrame(): void {
    const isLast = this.#state === 'body' && (this.#flags & FLAG.endStream) !== 0
    this.#state = 'header'
    if (isLast && this.#stream !== undefined) this.#session.ends(this.#side, this.#stream)
    this.#stream = undefined
  }

  #break(reason: string): void {
    this.#state = 'broken'
    this.#reason = reason
  }
}

const NEED_MORE: Step<never> = { kind: 'incomplete', need: 1 }
const NOTHING = new Uint8Array(0)
const BLOCKS: ReadonlySet<number> = new Set([FRAME.headers, FRAME.pushPromise, FRAME.continuation])
const READ: ReadonlySet<number> = new Set([...BLOCKS, FRAME.settings, FRAME.rstStream, FRAME.goaway])
/** Of a frame that is read as a whole; the parts of header blocks are the longest. */
const LONGEST_READ = LONGEST_BLOCK
