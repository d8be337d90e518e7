import { u16 } from '../../bytes/read.ts'
import type { DissectContext, Parser, Side, Step } from '../../dissect/dissector.ts'
import type { Handshake } from './handshake.ts'
import { HeaderReader, OPCODE } from './header.ts'
import { Inflater, LARGEST_WINDOW } from './inflater.ts'
import { Joined } from './joined.ts'
import { Frame } from './messages.ts'
import { unmask } from './payload.ts'
import { beginsFrames } from './probe.ts'

/** One side of a connection (RFC 6455 §5). */
export class FrameParser implements Parser<Frame> {
  readonly #side: Side
  readonly #handshake: Handshake
  readonly #context: DissectContext
  readonly #inflater: Inflater | undefined
  readonly #header = new HeaderReader()
  /** A frame begins at the next byte. Joined midway that is not known. */
  #knowsPlace: boolean
  /** The frame whose header was taken, and what is still to come of it. */
  #frame: Frame | undefined
  #left = 0
  /** How often the mask has to be turned. */
  #phase = 0
  /** The message that frames of data belong to. */
  #message: Joined | undefined

  constructor(side: Side, handshake: Handshake, context: DissectContext, knowsPlace: boolean) {
    this.#side = side
    this.#handshake = handshake
    this.#context = context
    this.#knowsPlace = knowsPlace
    const { extensions } = handshake
    if (extensions === undefined) this.#inflater = new Inflater(LARGEST_WINDOW)
    else if (extensions.deflate !== undefined) this.#inflater = new Inflater(extensions.deflate[side])
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Frame> {
    if (this.#frame !== undefined) return this.#readPayload(this.#frame, bytes, start, start, end)
    if (start === end) return NEED_MORE
    if (this.#handshake.isOld) return invalid('frames of an old draft')
    if (!this.#knowsPlace && !beginsFrames(bytes, start, end, this.#side))
      return invalid('no frame where one should begin')
    this.#knowsPlace = true
    return this.#readHeader(bytes, start, end)
  }

  gap(length: number): number {
    if (this.#frame === undefined) return 0
    const known = Math.min(length, this.#left)
    this.#message?.payload.lose(known)
    this.#left -= known
    this.#phase += known
    this.#frame.incomplete = true
    return known
  }

  missed(): void {
    if (this.#frame !== undefined) this.#frame.incomplete = true
  }

  rejoin(): void {
    this.#knowsPlace = true
    this.#frame = undefined
    this.#message = undefined
    this.#inflater?.forget()
  }

  end(clean: boolean): { readonly message: Frame } | undefined {
    const frame = this.#frame
    const message = this.#message
    this.#frame = undefined
    this.#message = undefined
    if (frame === undefined || message === undefined) return undefined
    if (!clean || this.#left > 0) frame.incomplete = true
    message.payload.skip(this.#left)
    frame.content = message.finish(true)
    return { message: frame }
  }

  get held(): number {
    return (this.#message?.payload.memory ?? 0) + (this.#inflater?.memory ?? 0)
  }

  shed(): void {
    this.#message?.payload.forget()
    this.#inflater?.forget()
  }

  #readHeader(bytes: Uint8Array, start: number, end: number): Step<Frame> {
    const header = this.#header
    if (!header.read(bytes, start, end)) return { kind: 'incomplete', need: header.size }
    const { extensions } = this.#handshake
    const wrong = header.wrong(extensions?.hasOthers === true)
    if (wrong !== undefined) return invalid(wrong)
    if (header.rsv1 && extensions !== undefined && extensions.deflate === undefined && !extensions.hasOthers)
      return invalid('compression that nobody agreed on')
    return header.isControl ? this.#readControl(bytes, start, end) : this.#readData(bytes, start, end)
  }

  /** Control frames come between those of a message and are whole (RFC 6455 §5.5). */
  #readControl(bytes: Uint8Array, start: number, end: number): Step<Frame> {
    const { size, length, key, opcode } = this.#header
    if (end - start < size + length) return { kind: 'incomplete', need: size + length }
    const payload = new Uint8Array(length)
    unmask(bytes, start + size, payload, 0, length, key)
    const frame = new Frame(this.#header, '', false, this.#handshake)
    const isClose = opcode === OPCODE.close
    if (isClose) frame.closeCode = length === 0 ? NO_STATUS : length === 1 ? 0 : u16(payload, 0)
    const shown = isClose ? payload.subarray(2) : payload
    frame.content = { bytes: shown, isText: true, isCut: false, size: length }
    return { kind: 'message', message: frame, length: size + length }
  }

  #readData(bytes: Uint8Array, start: number, end: number): Step<Frame> {
    const { opcode, rsv1, length, size } = this.#header
    if (opcode !== OPCODE.continuation || this.#message === undefined) {
      const type = opcode === OPCODE.continuation ? '' : opcode === OPCODE.text ? 'text' : 'binary'
      // Against the rules, or its beginning was not captured: it may have been compressed.
      if (type === '' || this.#message !== undefined) this.#inflater?.forget()
      this.#message = new Joined(type, rsv1, this.#context, this.#inflater)
    }
    const message = this.#message
    this.#frame = new Frame(this.#header, message.type, message.isCompressed, this.#handshake)
    this.#frame.fragments = ++message.frames
    this.#left = length
    this.#phase = 0
    return this.#readPayload(this.#frame, bytes, start, start + size, end)
  }

  /** Reads on from `at`. What lies between `start` and there was read in the same call. */
  #readPayload(frame: Frame, bytes: Uint8Array, start: number, at: number, end: number): Step<Frame> {
    const { payload } = this.#message as Joined
    const here = Math.min(this.#left, end - at)
    if (payload.isFull && this.#left > here) {
      if (at > start) return partial(at - start)
      const length = this.#left
      payload.skip(length)
      this.#left = 0
      return { kind: 'skip', length }
    }
    payload.add(bytes, at, at + here, this.#header.key, this.#phase)
    this.#left -= here
    this.#phase += here
    if (this.#left === 0) return this.#finish(frame, at + here - start)
    return at + here > start ? partial(at + here - start) : NEED_MORE
  }

  #finish(frame: Frame, length: number): Step<Frame> {
    this.#frame = undefined
    if (frame.fin) {
      frame.content = (this.#message as Joined).finish(false)
      this.#message = undefined
    }
    return { kind: 'message', message: frame, length }
  }
}

function partial(length: number): Step<never> {
  return { kind: 'partial', length }
}

function invalid(reason: string): Step<never> {
  return { kind: 'invalid', reason }
}

const NEED_MORE: Step<never> = { kind: 'incomplete', need: 1 }
/** RFC 6455 §7.1.5 */
const NO_STATUS = 1005
