import { inflateSync, zstdDecompressSync } from 'node:zlib'
import { u24le, u32le } from '../../bytes/read.ts'
import type { Step } from '../../dissect/dissector.ts'
import { type PacketReader, Packets } from './packets.ts'
import type { Session } from './session.ts'

/** One side's reader, as its channel sees it. */
export interface ChannelReader extends PacketReader {
  /** A packet that cannot be where it is: what is wrong with it. */
  readonly reason: string
  /** So many bytes of the wire were read; what has ended with them is ready now. */
  took(length: number): void
}

/**
 * What a side sends: packets, or after the login packets in frames of 7 bytes and what may be compressed.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_compression.html
 */
export class Channel {
  /** The packets are in frames. */
  isFramed = false
  readonly packets: Packets
  readonly #reader: ChannelReader
  readonly #session: Session
  /** Bytes still to come of a frame that is not compressed, or whose content nobody wants. */
  #left = 0
  #isDropped = false
  #inflated: Uint8Array | undefined
  #position = 0
  #need = 1
  #reason = ''

  constructor(reader: ChannelReader, session: Session) {
    this.packets = new Packets(reader)
    this.#reader = reader
    this.#session = session
  }

  next(bytes: Uint8Array, start: number, end: number): Step<never> {
    const earlier = this.#session.ready.shift()
    if (earlier !== undefined) return { kind: 'exchange', length: 0, ...earlier }
    const { rest } = this.packets
    if (!this.isFramed && rest > end - start) {
      this.packets.pass(rest)
      this.#reader.took(rest)
      return { kind: 'skip', length: rest }
    }
    this.#need = 1
    const length = this.#read(bytes, start, end) - start
    const reason = this.#reason || this.#reader.reason
    if (reason !== '' || this.packets.isBroken) return { kind: 'invalid', reason: reason || 'out of order' }
    this.#reader.took(length)
    if (this.#session.isTls) return { kind: 'switch', to: 'tls', length }
    const exchange = this.#session.ready.shift()
    if (exchange !== undefined) return { kind: 'exchange', length, ...exchange }
    return length > 0 ? { kind: 'partial', length } : { kind: 'incomplete', need: this.#need }
  }

  lose(length: number): number {
    return this.isFramed ? 0 : this.packets.lose(length)
  }

  /** A packet, and a frame, begins at the next byte. */
  reset(): void {
    this.packets.reset()
    this.#left = 0
    this.#inflated = undefined
    this.#reason = ''
  }

  get held(): number {
    return this.packets.held + (this.#inflated?.length ?? 0)
  }

  #read(bytes: Uint8Array, start: number, end: number): number {
    if (!this.isFramed) return this.packets.read(bytes, start, end)
    let at = start
    this.packets.isReady = false
    for (;;) {
      if (this.#inflated !== undefined) this.#readInflated(this.#inflated)
      else if (this.#left > 0) at = this.#readPlain(bytes, at, end)
      if (this.packets.isReady || this.packets.isBroken) return at
      if (this.#inflated !== undefined) continue
      if (this.#left > 0) return at
      const next = this.#frame(bytes, at, end)
      if (next === at) return at
      at = next
    }
  }

  #readInflated(inflated: Uint8Array): void {
    this.#position = this.packets.read(inflated, this.#position, inflated.length)
    if (this.#position === inflated.length) this.#inflated = undefined
  }

  #readPlain(bytes: Uint8Array, start: number, end: number): number {
    const until = Math.min(start + this.#left, end)
    this.#left -= until - start
    // What was dropped may have been the end of a packet.
    if (this.#isDropped && this.#left === 0) this.packets.read(bytes, until, until)
    if (this.#isDropped) return until
    const at = this.packets.read(bytes, start, until)
    this.#left += until - at
    return at
  }

  /** Reads the head of a frame, and the rest of one that is compressed. Returns where it began while that is not here. */
  #frame(bytes: Uint8Array, start: number, end: number): number {
    this.#need = FRAME_HEADER
    if (end - start < FRAME_HEADER) return start
    const length = u24le(bytes, start)
    const size = u24le(bytes, start + 4)
    const content = start + FRAME_HEADER
    this.#isDropped = size > 0 && this.packets.rest >= size
    if (this.#isDropped) this.packets.pass(size)
    if (size === 0 || this.#isDropped) {
      this.#left = length
      return content
    }
    this.#need = FRAME_HEADER + length
    if (end - start < this.#need) return start
    this.#inflated = inflate(bytes.subarray(content, content + length), size)
    this.#position = 0
    if (this.#inflated === undefined) this.#reason = 'a frame that cannot be decompressed'
    return this.#inflated === undefined ? start : content + length
  }
}

/** zlib or zstd, as the bytes say. Undefined when they are neither, or not of `size` bytes. */
export function inflate(bytes: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const decompress = u32le(bytes, 0) === ZSTD_MAGIC ? zstdDecompressSync : inflateSync
    const inflated = decompress(bytes, { maxOutputLength: size })
    return inflated.length === size ? inflated : undefined
  } catch {
    // zlib has no other way to say that bytes are broken or become too many.
    return undefined
  }
}

export const FRAME_HEADER = 7
/** RFC 8878 §3.1.1 */
export const ZSTD_MAGIC = 0xfd2fb528
