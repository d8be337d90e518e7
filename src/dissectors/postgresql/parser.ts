import { u8 } from '../../bytes/read.ts'
import { ExchangeParser, INVALID } from '../../dissect/exchanges.ts'
import { HEADER, LONGEST_KEPT, type MessageTypes } from './frames.ts'
import type { Session } from './session.ts'

/** The message at hand. */
export interface Frame {
  type: number
  bytes: Uint8Array
  /** Its body, or the first of it: what is behind `LONGEST_KEPT` is not looked at. */
  start: number
  end: number
  /** Of the whole message. */
  size: number
  /** Where it begins in the stream of its side. */
  position: number
}

/** Reads messages with a type and a length. */
export abstract class MessageParser<Message> extends ExchangeParser<Message, Session> {
  readonly #types: MessageTypes
  readonly #frame: Frame = { type: 0, bytes: new Uint8Array(0), start: 0, end: 0, size: 0, position: 0 }

  constructor(session: Session, types: MessageTypes) {
    super(session)
    this.#types = types
  }

  /** Bytes of the body that are to be there before `take` gets the message. */
  protected abstract wanted(type: number, length: number): number

  protected abstract take(frame: Frame): void

  /** Reads what has no type, as `read` does; undefined when there is no such thing. */
  protected abstract untyped(bytes: Uint8Array, at: number, end: number): number | undefined

  protected read(bytes: Uint8Array, at: number, end: number): number {
    const untyped = this.untyped(bytes, at, end)
    if (untyped !== undefined) return untyped
    const type = u8(bytes, at)
    if (!this.#types.has(type)) return INVALID
    if (end - at < HEADER) return -HEADER
    const length = this.#types.lengthAt(bytes, at)
    if (length === 0) return INVALID
    const body = Math.min(length - 4, LONGEST_KEPT, this.wanted(type, length))
    if (end - at < HEADER + body) return -(HEADER + body)
    const frame = this.#frame
    frame.type = type
    frame.bytes = bytes
    frame.start = at + HEADER
    frame.end = frame.start + body
    frame.size = 1 + length
    frame.position = this.session.place.end - (end - at)
    this.take(frame)
    return frame.size
  }
}
