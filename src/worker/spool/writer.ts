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

/** Packets that agents may ask for: received = kept + evicted + failed. */
export interface SpoolCounters {
  received: number
  kept: number
  /** Gone for newer ones. */
  evicted: number
  /** The disk would not take them, or they were too large. */
  failed: number
}

/**
 * Writes packets one after another into segment files, each with the place of the one before it on its connection.
 * `flush` makes readable all that was appended; it comes before anybody hears of an entry.
 */
export class SpoolWriter {
  readonly counters: SpoolCounters = { received: 0, kept: 0, evicted: 0, failed: 0 }
  /** Why nothing is kept, if so: it is tried again after a while. */
  problem: string | undefined
  readonly #againMs: number
  #againAt = 0
  #isTryingAgain = false
  readonly #options: SpoolOptions
  readonly #buffer = Buffer.alloc(BUFFER_BYTES)
  #used = 0
  /** Position of the first byte of the buffer. */
  #base = 0
  #fd = -1
  #segment = -1
  #oldest = 0
  readonly #first: number
  #heads: Float64Array
  /** Newest records in the buffer, by connection. */
  readonly #pending = new Map<number, number>()
  #records = 0
  /** Records of each segment that is there. */
  readonly #inSegment = new Map<number, number>()
  #interfaces: readonly CaptureInterface[] = []
  #interfacesWritten = 0

  constructor(options: SpoolOptions, againMs = AGAIN_MS) {
    this.#options = options
    this.#againMs = againMs
    this.#first = options.firstStream ?? 0
    this.#heads = new Float64Array(options.heads)
    this.#try(() => mkdirSync(options.folder, { recursive: true }))
  }

  /** Without a connection it is there for those who look for packets of a time. */
  append(packet: SpoolPacket, connection: number | undefined): void {
    this.counters.received++
    const size = (RECORD_HEADER + packet.captured + 7) & ~7
    if (this.#isStopped() || size > BUFFER_BYTES) {
      this.counters.failed++
      return
    }
    this.#interfaces = packet.interfaces
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
    out.writeDoubleLE(connection === undefined ? 0 : this.#before(connection), at)
    out.writeDoubleLE(packet.seconds, at + 8)
    out.writeUInt32LE(packet.nanos, at + 16)
    out.writeUInt32LE(packet.captured, at + 20)
    out.writeUInt32LE(packet.length, at + 24)
    out.writeUInt32LE(packet.interfaceId, at + 28)
    out.set(packet.bytes.subarray(packet.start, packet.start + packet.captured), at + RECORD_HEADER)
    this.#used += size
    this.#records++
    if (connection !== undefined) this.#pending.set(connection, position + 1)
  }

  flush(): void {
    if (this.#used === 0) return
    if ((this.problem === undefined || this.#isTryingAgain) && this.#try(() => this.#write())) {
      this.problem = undefined
      this.#isTryingAgain = false
      this.counters.kept += this.#records
      this.#inSegment.set(this.#segment, (this.#inSegment.get(this.#segment) ?? 0) + this.#records)
      for (const [connection, position] of this.#pending) this.#setHead(connection, position)
    } else {
      this.counters.failed += this.#records
    }
    this.#base += this.#used
    this.#used = 0
    this.#records = 0
    this.#pending.clear()
  }

  close(): void {
    this.flush()
    this.#closeSegment()
  }

  #closeSegment(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }

  /** Whether nothing is taken, for now. */
  #isStopped(): boolean {
    if (this.problem === undefined || this.#isTryingAgain) return false
    if (performance.now() < this.#againAt) return true
    // In a segment of its own, and with all that stands beside it: nobody knows how much of the last one was written.
    const segment = Math.floor(this.#base / SEGMENT_BYTES)
    this.#base = (this.#inSegment.has(segment) ? segment + 1 : segment) * SEGMENT_BYTES
    this.#closeSegment()
    this.#segment = -1
    this.#interfacesWritten = 0
    this.#isTryingAgain = this.#try(() => mkdirSync(this.#options.folder, { recursive: true }))
    return !this.#isTryingAgain
  }

  /** Without room, or the right to write, packets are not kept; everything else goes on. */
  #try(write: () => void): boolean {
    try {
      write()
      return true
    } catch (error) {
      this.problem = `packets are not kept for agents: ${(error as Error).message}`
      this.#isTryingAgain = false
      this.#againAt = performance.now() + this.#againMs
      return false
    }
  }

  #write(): void {
    if (this.#interfaces.length > this.#interfacesWritten) {
      writeFileSync(join(this.#options.folder, INTERFACES_FILE), JSON.stringify(this.#interfaces))
      this.#interfacesWritten = this.#interfaces.length
    }
    const segment = Math.floor(this.#base / SEGMENT_BYTES)
    if (segment !== this.#segment) {
      this.#closeSegment()
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
      const records = this.#inSegment.get(this.#oldest) ?? 0
      this.#inSegment.delete(this.#oldest)
      this.counters.kept -= records
      this.counters.evicted += records
      this.#oldest++
    }
  }

  #before(connection: number): number {
    const pending = this.#pending.get(connection)
    if (pending !== undefined) return pending
    const at = connection - this.#first
    return at < this.#heads.length ? (this.#heads[at] as number) : 0
  }

  #setHead(connection: number, position: number): void {
    const at = connection - this.#first
    if (at >= this.#heads.length) {
      const { heads } = this.#options
      const wanted = Math.max(heads.byteLength * 2, (at + 1) * 8)
      if (wanted > heads.maxByteLength) return
      heads.grow(wanted)
      this.#heads = new Float64Array(heads)
    }
    this.#heads[at] = position
  }
}

const AGAIN_MS = 10_000
const BUFFER_BYTES = 1 << 20
