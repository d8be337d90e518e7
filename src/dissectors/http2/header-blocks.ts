import { u8 } from '../../bytes/read.ts'
import type { Instant, Side } from '../../dissect/dissector.ts'
import { FLAG, FRAME, streamAt } from './frames.ts'
import { type HeaderBlock, HpackReader } from './hpack.ts'
import type { Session } from './session.ts'

/** A frame with a part of a header block. */
export interface BlockFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  /** Bytes of the frame. */
  readonly size: number
  readonly since: Instant
}

/** Puts the header blocks of a side together (RFC 9113 §4.3), reads them, and tells the session. */
export class HeaderBlocks {
  readonly #side: Side
  readonly #session: Session
  readonly #hpack: HpackReader
  /** The block that CONTINUATION frames go on with, as far as it has come. */
  #unfinished: UnfinishedBlock | undefined

  constructor(side: Side, session: Session, isWhole: boolean) {
    this.#side = side
    this.#session = session
    this.#hpack = new HpackReader(isWhole)
  }

  /** The next block is the first of the connection. */
  begin(): void {
    this.#hpack.begin()
  }

  /** Blocks may have been lost. */
  forget(): void {
    this.#unfinished = undefined
    this.#hpack.forget()
  }

  /** Bytes that are kept of an unfinished block. */
  get held(): number {
    return this.#unfinished?.bytes.length ?? 0
  }

  /** Any frame but the one that goes on with an unfinished block breaks that off (RFC 9113 §6.10). */
  breakOff(type: number, stream: number): void {
    if (this.#unfinished === undefined) return
    if (type !== FRAME.continuation || stream !== this.#unfinished.frame.stream)
      this.#finish(this.#unfinished, false)
  }

  /** HEADERS, PUSH_PROMISE or CONTINUATION with its payload in `bytes[start, end)`. Returns what is wrong with it. */
  read(frame: BlockFrame, bytes: Uint8Array, start: number, end: number): string | undefined {
    if (frame.type === FRAME.continuation) {
      this.#continue(frame, bytes, start, end)
      return undefined
    }
    let at = start
    const padding = (frame.flags & FLAG.padded) !== 0 ? u8(bytes, at++) : 0
    const extra = frame.type === FRAME.pushPromise ? 4 : (frame.flags & FLAG.priority) !== 0 ? 5 : 0
    if (at + extra + padding > end) return 'padding longer than its frame'
    const promised = frame.type === FRAME.pushPromise ? streamAt(bytes, at) : 0
    if ((frame.flags & FLAG.endHeaders) !== 0)
      this.#tell(frame, promised, frame.size, this.#hpack.read(bytes, at + extra, end - padding))
    else this.#unfinished = new UnfinishedBlock(frame, promised, bytes.subarray(at + extra, end - padding))
    return undefined
  }

  /** The same of a frame that is too long to be read: what it does to the table is not known. */
  passOver(frame: BlockFrame): void {
    if (frame.type === FRAME.headers) this.#unfinished = new UnfinishedBlock(frame, 0, NOTHING)
    else this.#unfinished?.add(NOTHING, frame.size)
    const block = this.#unfinished
    if (block === undefined) this.#hpack.forget()
    else {
      block.isCut = true
      if ((frame.flags & FLAG.endHeaders) !== 0) this.#finish(block, true)
    }
  }

  #continue({ flags, size }: BlockFrame, bytes: Uint8Array, start: number, end: number): void {
    const block = this.#unfinished
    // Its beginning was not captured, and what it did to the table is not known.
    if (block === undefined) this.#hpack.forget()
    else {
      block.add(bytes.subarray(start, end), size)
      if ((flags & FLAG.endHeaders) !== 0) this.#finish(block, true)
    }
  }

  #finish({ frame, promised, size, bytes, length, isCut }: UnfinishedBlock, isWhole: boolean): void {
    this.#unfinished = undefined
    const { fields, ...read } = this.#hpack.read(bytes, 0, length)
    if (isWhole && !isCut) {
      this.#tell(frame, promised, size, { fields, ...read })
      return
    }
    this.#hpack.forget()
    const count = fields.length
    this.#tell(frame, promised, size, { ...read, fields, count, isWhole: false, isBroken: true })
  }

  #tell(
    { type, flags, stream, since }: BlockFrame,
    promised: number,
    size: number,
    block: HeaderBlock,
  ): void {
    const endsStream = type === FRAME.headers && (flags & FLAG.endStream) !== 0
    const received = { block, size, since, endsStream }
    if (type === FRAME.pushPromise) this.#session.promise(this.#side, promised, received)
    else this.#session.headers(this.#side, stream, received)
  }
}

class UnfinishedBlock {
  readonly frame: BlockFrame
  /** The stream that a PUSH_PROMISE opens. */
  readonly promised: number
  size: number
  bytes = NOTHING
  length = 0
  isCut = false

  constructor(frame: BlockFrame, promised: number, fragment: Uint8Array) {
    this.frame = frame
    this.promised = promised
    this.size = 0
    this.add(fragment, frame.size)
  }

  /** What a frame of `size` bytes has of it. */
  add(fragment: Uint8Array, size: number): void {
    this.size += size
    const length = this.length + fragment.length
    this.isCut ||= length > LONGEST_BLOCK
    if (this.isCut) return
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(2 * this.bytes.length, LONGEST_BLOCK)))
      larger.set(this.bytes.subarray(0, this.length))
      this.bytes = larger
    }
    this.bytes.set(fragment, this.length)
    this.length = length
  }
}

const NOTHING = new Uint8Array(0)
/** Of what comes after it nothing is read, nor of the table from there on. Servers refuse far less. */
export const LONGEST_BLOCK = 256 << 10
