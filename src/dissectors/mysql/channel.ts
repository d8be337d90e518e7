import { constants, inflateSync, zstdDecompressSync } from 'node:zlib'
import { u24le, u32le } from '../../bytes/read.ts'
import { mostUnpacked } from '../../bytes/unpacked.ts'
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
  /** Bytes of its content that follow, of which nothing will be known: the frame is too long to be held, or becomes too much. */
  #hole = 0
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
    this.#need = 1
    let at = start
    for (;;) {
      const until = this.#read(bytes, at, end)
      const reason = this.#reason || this.#reader.reason
      if (reason !== '' || this.packets.isBroken) return { kind: 'invalid', reason: reason || 'out of order' }
      this.#reader.took(until - at)
      at = until
      if (this.#session.isTls) return { kind: 'switch', to: 'tls', length: at - start }
      const exchange = this.#session.ready.shift()
      if (exchange !== undefined) return { kind: 'exchange', length: at - start, ...exchange }
      // What ended may be no exchange yet: before more is taken of packets it is looked whether frames begin.
      if (!this.packets.isReady || (!this.isFramed && at > start)) break
    }
    return at > start ? { kind: 'partial', length: at - start } : { kind: 'incomplete', need: this.#need }
  }

  lose(length: number): number {
    return this.isFramed ? 0 : this.packets.lose(length)
  }

  /** A packet, and a frame, begins at the next byte. */
  reset(): void {
    this.packets.reset()
    this.#left = 0
    this.#inflated = undefined
    this.#hole = 0
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
      if (this.packets.isReady || this.packets.isBroken || this.#reason !== '') return at
      if (this.#inflated !== undefined) continue
      if (this.#left > 0) return at
      const next = this.#frame(bytes, at, end)
      if (next === at) return at
      at = next
    }
  }

  #readInflated(inflated: Uint8Array): void {
    this.#position = this.packets.read(inflated, this.#position, inflated.length)
    if (this.#position < inflated.length) return
    this.#inflated = undefined
    if (this.packets.rest >= this.#hole) this.packets.pass(this.#hole)
    else if (this.packets.lose(this.#hole) < this.#hole) this.#reason = 'a frame longer than is held'
    this.#hole = 0
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
    const here = heldOf(length, size)
    this.#need = FRAME_HEADER + here
    if (end - start < this.#need) return start
    const inflated = inflate(bytes.subarray(content, content + here), size, here < length)
    if (inflated === undefined) {
      this.#reason = 'a frame that cannot be decompressed'
      return start
    }
    this.#inflated = inflated
    this.#position = 0
    this.#hole = size - inflated.length
    this.#isDropped = here < length
    this.#left = length - here
    return content + here
  }
}

/** How much of a frame is held to be decompressed: all, or of one that is too long the beginning, or too dense nothing. */
function heldOf(length: number, size: number): number {
  if (size > mostUnpacked(length)) return 0
  return length > LONGEST_FRAME ? BEGINNING : length
}

/**
 * zlib or zstd, as the bytes say: `size` bytes, or when it is only the beginning fewer. Undefined when they are neither,
 * or something else comes of them.
 */
export function inflate(bytes: Uint8Array, size: number, isBeginning = false): Uint8Array | undefined {
  const isZstd = u32le(bytes, 0) === ZSTD_MAGIC
  const finishFlush = isZstd ? constants.ZSTD_e_flush : constants.Z_SYNC_FLUSH
  const options = { maxOutputLength: size, ...(isBeginning ? { finishFlush } : {}) }
  try {
    const inflated = isZstd ? zstdDecompressSync(bytes, options) : inflateSync(bytes, options)
    return inflated.length === size || isBeginning ? inflated : undefined
  } catch {
    // zlib has no other way to say that bytes are broken or become too many.
    return undefined
  }
}

export const FRAME_HEADER = 7
/** Of a longer frame only the beginning is held; the rest passes by, where nothing begins in it. */
const LONGEST_FRAME = 2 << 20
const BEGINNING = 64 << 10
/** RFC 8878 §3.1.1 */
export const ZSTD_MAGIC = 0xfd2fb528
