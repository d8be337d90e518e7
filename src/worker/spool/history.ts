import { type FileHandle, open, readdir } from 'node:fs/promises'
import type { AddressSpan } from '../../cluster/recent-pods.ts'
import { AddressMarks } from '../../packet/address-marks.ts'
import type { PacketBatch } from '../../packet/batch.ts'
import { Decoder } from '../../packet/decoder.ts'
import { RECORD_HEADER, SEGMENT_BYTES, type SpoolOptions, segmentPath } from './options.ts'
import { interfacesOf } from './records.ts'

/** Where a packet lies, and when it was captured. */
export interface FoundPacket {
  readonly position: number
  readonly seconds: number
  readonly nanos: number
  /** Bytes of it that are kept. */
  readonly captured: number
}

export interface FoundHistory {
  /** In the order in which they were written. */
  readonly packets: readonly FoundPacket[]
  /** There were more, older ones. */
  readonly isCut: boolean
  /** When the oldest packet that is kept was captured, ms since the epoch; undefined when none is. */
  readonly keptSinceMs: number | undefined
}

/**
 * Packets from and to addresses within their spans. Reads the segments of that time from end to end: packets are kept by
 * connection, and not by time. Others get their turn in between.
 */
export async function findPackets(
  { folder }: Pick<SpoolOptions, 'folder'>,
  spans: readonly AddressSpan[],
  most = MOST_PACKETS,
): Promise<FoundHistory> {
  const fromMs = Math.min(...spans.map((span) => span.fromMs))
  const all = await segmentsIn(folder)
  const keptSinceMs = await firstMs(folder, all[0])
  const finder = new Finder(folder, spans, most)
  for (const segment of await since(folder, all, fromMs)) if (!(await finder.read(segment))) break
  return { packets: finder.packets, isCut: finder.isCut, keptSinceMs }
}

/** Those that have packets of that time: all from the last one on whose first packet is older. */
async function since(folder: string, all: readonly number[], fromMs: number): Promise<readonly number[]> {
  let at = all.length - 1
  for (; at > 0; at--) {
    const first = await firstMs(folder, all[at])
    if (first !== undefined && first < fromMs - DISORDER_MS) break
  }
  return all.slice(Math.max(0, at))
}

class Finder {
  packets: FoundPacket[] = []
  isCut = false
  readonly #folder: string
  readonly #spans: readonly AddressSpan[]
  readonly #most: number
  readonly #marks = new AddressMarks()
  readonly #decoder = new Decoder()
  readonly #batch: PacketBatch
  readonly #untilMs: number
  readonly #chunk = Buffer.alloc(CHUNK_BYTES)

  constructor(folder: string, spans: readonly AddressSpan[], most: number) {
    this.#folder = folder
    this.#spans = spans
    this.#most = most
    this.#untilMs = Math.max(...spans.map((span) => span.untilMs))
    for (const [at, { address }] of spans.entries()) this.#marks.set(address, at + 1)
    this.#batch = {
      bytes: this.#chunk,
      count: 1,
      offsets: new Uint32Array(1),
      captured: new Uint32Array(1),
      lengths: new Uint32Array(1),
      seconds: new Float64Array(1),
      nanos: new Uint32Array(1),
      interfaceIds: new Uint16Array(1),
      interfaces: interfacesOf({ folder }),
    }
  }

  /** False when all that comes is later. One that went meanwhile has none. */
  async read(segment: number): Promise<boolean> {
    const file = await openSegment(this.#folder, segment)
    if (file === undefined) return true
    try {
      for (let at = 0; at < SEGMENT_BYTES; ) {
        const { bytesRead } = await file.read(this.#chunk, 0, CHUNK_BYTES, at)
        const { taken, isOver } = this.#take(segment * SEGMENT_BYTES + at, bytesRead)
        if (isOver) return false
        if (taken === 0) return true
        at += taken
      }
      return true
    } finally {
      await file.close()
    }
  }

  /** Whole records in the chunk; how many bytes they are. */
  #take(position: number, length: number): { readonly taken: number; readonly isOver: boolean } {
    const chunk = this.#chunk
    let at = 0
    while (at + RECORD_HEADER <= length) {
      const captured = chunk.readUInt32LE(at + 20)
      const end = at + ((RECORD_HEADER + captured + 7) & ~7)
      if (end > length) break
      const seconds = chunk.readDoubleLE(at + 8)
      const nanos = chunk.readUInt32LE(at + 16)
      const ms = seconds * 1000 + nanos / 1e6
      if (ms > this.#untilMs + DISORDER_MS) return { taken: at, isOver: true }
      if (this.#isWanted(at, captured, ms)) this.#add({ position: position + at, seconds, nanos, captured })
      at = end
    }
    return { taken: at, isOver: false }
  }

  #isWanted(at: number, captured: number, ms: number): boolean {
    const { offsets, captured: sizes, lengths, interfaceIds } = this.#batch
    offsets[0] = at + RECORD_HEADER
    sizes[0] = captured
    lengths[0] = this.#chunk.readUInt32LE(at + 24)
    interfaceIds[0] = this.#chunk.readUInt32LE(at + 28)
    const { packet } = this.#decoder
    if (!this.#decoder.decode(this.#batch, 0) && !packet.isArp && !packet.fragmented) return false
    return (
      this.#isWithin(this.#marks.ofSource(packet), packet.srcPort, ms) ||
      this.#isWithin(this.#marks.ofDestination(packet), packet.dstPort, ms)
    )
  }

  #isWithin(mark: number, port: number, ms: number): boolean {
    const span = this.#spans[mark - 1]
    if (span === undefined || ms < span.fromMs || ms > span.untilMs) return false
    return span.ports.length === 0 || span.ports.includes(port)
  }

  #add(packet: FoundPacket): void {
    this.packets.push(packet)
    if (this.packets.length < 2 * this.#most) return
    this.packets = this.packets.slice(-this.#most)
    this.isCut = true
  }
}

/** Numbers of the segments that are there, oldest first. */
async function segmentsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .flatMap((name) => /^(\d+)\.spool$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

async function firstMs(folder: string, segment: number | undefined): Promise<number | undefined> {
  const file = segment === undefined ? undefined : await openSegment(folder, segment)
  if (file === undefined) return undefined
  const header = Buffer.alloc(RECORD_HEADER)
  try {
    const { bytesRead } = await file.read(header, 0, RECORD_HEADER, 0)
    if (bytesRead < RECORD_HEADER) return undefined
    return header.readDoubleLE(8) * 1000 + header.readUInt32LE(16) / 1e6
  } finally {
    await file.close()
  }
}

/** Undefined when it had to go for newer ones. */
async function openSegment(folder: string, segment: number): Promise<FileHandle | undefined> {
  try {
    return await open(segmentPath(folder, segment * SEGMENT_BYTES), 'r')
  } catch {
    return undefined
  }
}

/** Larger than any record: see `SpoolWriter`. */
const CHUNK_BYTES = 2 << 20
/** Packets of several interfaces may be written in another order than their times. */
const DISORDER_MS = 2000
const MOST_PACKETS = 1_000_000
