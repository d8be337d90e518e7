import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { CaptureInterface } from '../../packet/batch.ts'
import { INTERFACES_FILE, RECORD_HEADER, SEGMENT_BYTES, type SpoolOptions, segmentPath } from './options.ts'

/** A captured packet as it lies in its batch. */
export interface SpoolPacket {
  readonly bytes: Uint8Array
  readonly start: number
  readonly captured: number
  readonly length: number
  readonly seconds: number
  readonly nanos: number
  readonly interfaceId: number
  readonly interfaces: readonly CaptureInterface[]
}

/**
 * Writes packets one after another into segment files, each with the place of the one before it on its connection.
 * `flush` makes readable all that was appended; it comes before anybody hears of an entry.
 */
export class SpoolWriter {
  /** What had to go for lack of room, and why nothing is kept any more, if so. */
  readonly counters = { evictedSegments: 0, notKept: 0 }
  problem: string | undefined
  readonly #options: SpoolOptions
  readonly #buffer = Buffer.alloc(BUFFER_BYTES)
  #used = 0
  /** Position of the first byte of the buffer. */
  #base = 0
  #fd = -1
  #segment = -1
  #oldest = 0
  #heads: Float64Array
  readonly #pending = new Map<number, number>()
  #interfaces = 0

  constructor(options: SpoolOptions) {
    this.#options = options
    this.#heads = new Float64Array(options.heads)
    mkdirSync(options.folder, { recursive: true })
  }

  append(packet: SpoolPacket, connection: number): void {
    if (this.problem !== undefined) {
      this.counters.notKept++
      return
    }
    if (packet.interfaces.length > this.#interfaces) this.#noteInterfaces(packet.interfaces)
    const size = (RECORD_HEADER + packet.captured + 7) & ~7
    if (size > BUFFER_BYTES) {
      this.counters.notKept++
      return
    }
    let position = this.#base + this.#used
    const room = SEGMENT_BYTES - (position % SEGMENT_BYTES)
    if (size > room) {
      // Records do not run over the end of a segment.
      this.flush()
      this.#base += room
      position = this.#base
    } else if (this.#used + size > BUFFER_BYTES) this.flush()
    const at = this.#used
    const out = this.#buffer
    out.writeDoubleLE(this.#pending.get(connection) ?? this.#head(connection), at)
    out.writeDoubleLE(packet.seconds, at + 8)
    out.writeUInt32LE(packet.nanos, at + 16)
    out.writeUInt32LE(packet.captured, at + 20)
    out.writeUInt32LE(packet.length, at + 24)
    out.writeUInt32LE(packet.interfaceId, at + 28)
    out.set(packet.bytes.subarray(packet.start, packet.start + packet.captured), at + RECORD_HEADER)
    this.#used += size
    this.#pending.set(connection, position + 1)
  }

  flush(): void {
    if (this.#used === 0) return
    try {
      this.#write()
    } catch (error) {
      this.problem = `packets are not kept any more: ${(error as Error).message}`
    }
    this.#base += this.#used
    this.#used = 0
    for (const [connection, position] of this.#pending) this.#setHead(connection, position)
    this.#pending.clear()
  }

  close(): void {
    this.flush()
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }

  #write(): void {
    const segment = Math.floor(this.#base / SEGMENT_BYTES)
    if (segment !== this.#segment) {
      if (this.#fd >= 0) closeSync(this.#fd)
      this.#fd = openSync(segmentPath(this.#options.folder, this.#base), 'w')
      this.#segment = segment
      this.#evict()
    }
    const offset = this.#base % SEGMENT_BYTES
    for (let at = 0; at < this.#used; )
      at += writeSync(this.#fd, this.#buffer, at, this.#used - at, offset + at)
  }

  #evict(): void {
    const most = Math.max(2, Math.floor(this.#options.maxBytes / SEGMENT_BYTES))
    while (this.#segment - this.#oldest >= most) {
      rmSync(segmentPath(this.#options.folder, this.#oldest * SEGMENT_BYTES), { force: true })
      this.#oldest++
      this.counters.evictedSegments++
    }
  }

  #head(connection: number): number {
    return connection < this.#heads.length ? (this.#heads[connection] as number) : 0
  }

  #setHead(connection: number, position: number): void {
    if (connection >= this.#heads.length) {
      const { heads } = this.#options
      const wanted = Math.max(heads.byteLength * 2, (connection + 1) * 8)
      if (wanted > heads.maxByteLength) return
      heads.grow(wanted)
      this.#heads = new Float64Array(heads)
    }
    this.#heads[connection] = position
  }

  #noteInterfaces(interfaces: readonly CaptureInterface[]): void {
    this.#interfaces = interfaces.length
    writeFileSync(join(this.#options.folder, INTERFACES_FILE), JSON.stringify(interfaces))
  }
}

const BUFFER_BYTES = 1 << 20
