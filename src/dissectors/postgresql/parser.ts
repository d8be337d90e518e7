import { u8 } from '../../bytes/read.ts'
import type { Found, Parser, Step } from '../../dissect/dissector.ts'
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

/** Cuts what one side sends into messages, and answers with the exchanges that they complete. */
export abstract class MessageParser<Message> implements Parser<Message> {
  protected readonly session: Session
  protected readonly frame: Frame = {
    type: 0,
    bytes: new Uint8Array(0),
    start: 0,
    end: 0,
    size: 0,
    position: 0,
  }
  readonly #types: MessageTypes
  /** Bytes of a message still to come that are of no interest. */
  #rest = 0

  constructor(session: Session, types: MessageTypes) {
    this.session = session
    this.#types = types
  }

  /** Bytes of the body that are to be there before `take` gets the message. */
  protected abstract wanted(type: number, length: number): number

  protected abstract take(frame: Frame): void

  /** Part of the message at hand is missing. */
  protected abstract miss(): void

  /** The side lost its place. */
  protected abstract lose(): void

  /** What has no type: its size if it was taken; else as `#read`. Undefined when there is no such thing. */
  protected abstract untyped(bytes: Uint8Array, at: number, end: number): number | undefined

  next(bytes: Uint8Array, start: number, end: number): Step<Message> {
    const { session } = this
    let at = start
    for (;;) {
      const complete = session.completed()
      if (complete !== undefined) {
        complete.length = at - start
        return complete as Step<Message>
      }
      if (session.encryption !== '') return { kind: 'switch', to: session.encryption, length: at - start }
      if (at >= end) break
      const size = this.#rest > 0 ? this.#rest : this.#read(bytes, at, end)
      if (size === INVALID) return { kind: 'invalid', reason: 'no message of this protocol' }
      if (size < 0 && at === start) return { kind: 'incomplete', need: -size }
      if (size < 0) break
      this.#rest = Math.max(0, size - (end - at))
      at += size - this.#rest
    }
    return at > start ? { kind: 'partial', length: at - start } : { kind: 'incomplete', need: 1 }
  }

  gap(length: number): number {
    const known = Math.min(length, this.#rest)
    this.#rest -= known
    if (known > 0) this.miss()
    return known
  }

  rejoin(): void {
    this.#rest = 0
  }

  end(clean: boolean): Found<Message> | undefined {
    if (!clean) this.lose()
    return this.session.completed() as Found<Message> | undefined
  }

  /** Reads the message at `at`. Returns its size, of which not all need be here; −n when it takes n bytes; or `INVALID`. */
  #read(bytes: Uint8Array, at: number, end: number): number {
    const untyped = this.untyped(bytes, at, end)
    if (untyped !== undefined) return untyped
    const type = u8(bytes, at)
    if (!this.#types.has(type)) return INVALID
    if (end - at < HEADER) return -HEADER
    const length = this.#types.lengthAt(bytes, at)
    if (length === 0) return INVALID
    const body = Math.min(length - 4, LONGEST_KEPT, this.wanted(type, length))
    if (end - at < HEADER + body) return -(HEADER + body)
    const { frame } = this
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

/** What `untyped` answers when the bytes are nothing that may come there. */
export const INVALID = Number.NEGATIVE_INFINITY
