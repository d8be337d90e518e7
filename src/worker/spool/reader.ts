import { open } from 'node:fs/promises'
import { copyOf } from '../../bytes/read.ts'
import { openCapture } from '../../capture/index.ts'
import { captureWriter } from '../../capture/pcap-writer.ts'
import type { AddressSpan } from '../../cluster/recent-pods.ts'
import type { Claim, NameHistory, PacketStore } from '../../helpers/helper.ts'
import type { CaptureInterface, PacketBatch } from '../../packet/batch.ts'
import { NamesSince } from '../name-history.ts'
import { type FoundHistory, type FoundPacket, findPackets } from './history.ts'
import { RECORD_HEADER, type SpoolOptions } from './options.ts'
import { headOf, interfacesOf, recordAt } from './records.ts'
import { SegmentFiles } from './segment-files.ts'

/** Reads what a `SpoolWriter`, in another thread, keeps. Packets that had to go are left out. */
export class SpoolReader implements PacketStore {
  readonly #options: SpoolOptions
  readonly names = new NamesSince()

  constructor(options: SpoolOptions) {
    this.#options = options
  }

  async writeStream(stream: string, target: string): Promise<boolean> {
    const files = new SegmentFiles(this.#options.folder)
    try {
      const packets = this.#packetsOf(stream, files)
      if (packets.length === 0) return false
      await this.#write(packets, target, files)
      return true
    } finally {
      files.close()
    }
  }

  async streams(): Promise<readonly string[]> {
    const { firstStream = 0 } = this.#options
    const heads = new Float64Array(this.#options.heads)
    const streams: string[] = []
    for (const [at, head] of heads.entries())
      if (head > 0) streams.push(`${String(firstStream + at).padStart(12, '0')}.pcap`)
    const files = new SegmentFiles(this.#options.folder)
    try {
      return streams.filter((stream) => this.#packetsOf(stream, files).length > 0)
    } finally {
      files.close()
    }
  }

  async writeMerged(streams: readonly string[], target: string, claim?: Claim): Promise<void> {
    const files = new SegmentFiles(this.#options.folder)
    try {
      const packets = [...new Set(streams)].flatMap((stream) => this.#packetsOf(stream, files))
      await this.#write(inOrder(packets), target, files, claim)
    } finally {
      files.close()
    }
  }

  /** Packets from and to addresses, sorted by time. Without any, nothing is written. */
  async writeHistory(spans: readonly AddressSpan[], target: string, claim?: Claim): Promise<FoundHistory> {
    const found = await findPackets(this.#options, spans)
    const packets = inOrder(found.packets)
    const files = new SegmentFiles(this.#options.folder)
    try {
      if (packets.length > 0) await this.#write(packets, target, files, claim)
    } finally {
      files.close()
    }
    return found
  }

  async writeMergedFiles(files: readonly string[], target: string, claim?: Claim): Promise<void> {
    const interfaces: CaptureInterface[] = []
    const records: FileRecord[] = []
    for (const path of files) {
      const first = interfaces.length
      for await (const batch of openCapture({ path }).packets(AbortSignal.timeout(READ_MS))) {
        for (let at = 0; at < batch.count; at++) records.push(fileRecord(batch, at, first))
        interfaces.splice(first, interfaces.length - first, ...batch.interfaces)
      }
    }
    claim?.(lengthOf(records.map(({ bytes }) => ({ captured: bytes.length }))))
    records.sort((a, b) => a.seconds - b.seconds || a.nanos - b.nanos)
    const writer = captureWriter(
      interfaces.length === 0 ? [{ name: '', linkType: 1, snapLength: 0 }] : interfaces,
    )
    const file = await open(target, 'w')
    try {
      await file.write(writer.head())
      for (const record of records) await file.write(writer.record(record))
    } finally {
      await file.close()
    }
  }

  async nameHistory(): Promise<NameHistory> {
    return this.names.history()
  }

  /** From the newest back to the oldest that is still here, turned round. */
  #packetsOf(stream: string, files: SegmentFiles): FoundPacket[] {
    const found: FoundPacket[] = []
    const header = Buffer.alloc(RECORD_HEADER)
    let next = headOf(stream, this.#options)
    while (next > 0) {
      const position = next - 1
      if (!files.read(position, header, RECORD_HEADER)) break
      found.push({
        position,
        seconds: header.readDoubleLE(8),
        nanos: header.readUInt32LE(16),
        captured: header.readUInt32LE(20),
      })
      const before = header.readDoubleLE(0)
      if (!(before < next)) break
      next = before
    }
    return found.reverse()
  }

  async #write(
    packets: readonly FoundPacket[],
    target: string,
    files: SegmentFiles,
    claim?: Claim,
  ): Promise<void> {
    claim?.(lengthOf(packets))
    const writer = captureWriter(interfacesOf(this.#options))
    const file = await open(target, 'w')
    try {
      await file.write(writer.head())
      for (const { position } of packets) {
        const record = recordAt(position, files)
        if (record !== undefined) await file.write(writer.record(record))
      }
    } finally {
      await file.close()
    }
  }
}

/** Of a capture with these packets, at least. */
function lengthOf(packets: readonly { readonly captured: number }[]): number {
  return packets.reduce((sum, { captured }) => sum + captured, 0)
}

function inOrder(packets: readonly FoundPacket[]): readonly FoundPacket[] {
  return packets.toSorted((a, b) => a.seconds - b.seconds || a.nanos - b.nanos || a.position - b.position)
}

interface FileRecord {
  readonly bytes: Uint8Array
  readonly length: number
  readonly seconds: number
  readonly nanos: number
  readonly interfaceId: number
}

/** A packet of a batch, kept beyond it. */
function fileRecord(batch: PacketBatch, at: number, firstInterface: number): FileRecord {
  const start = batch.offsets[at] as number
  return {
    bytes: copyOf(batch.bytes, start, start + (batch.captured[at] as number)),
    length: batch.lengths[at] as number,
    seconds: batch.seconds[at] as number,
    nanos: batch.nanos[at] as number,
    interfaceId: firstInterface + (batch.interfaceIds[at] as number),
  }
}

const READ_MS = 60_000
