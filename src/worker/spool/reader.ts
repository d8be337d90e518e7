import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { copyOf } from '../../bytes/read.ts'
import { openCapture } from '../../capture/index.ts'
import { captureWriter } from '../../capture/pcap-writer.ts'
import type { NameHistory, PacketStore } from '../../helpers/helper.ts'
import type { CaptureInterface, PacketBatch } from '../../packet/batch.ts'
import { INTERFACES_FILE, RECORD_HEADER, SEGMENT_BYTES, type SpoolOptions, segmentPath } from './options.ts'

/** Where a packet lies, and when it was captured: enough to put many in order without holding their bytes. */
interface Found {
  readonly position: number
  readonly seconds: number
  readonly nanos: number
}

/** Reads what a `SpoolWriter`, in another thread, keeps. Packets that had to go are left out. */
export class SpoolReader implements PacketStore {
  readonly #options: SpoolOptions
  readonly #names = new Map<string, Record<string, { FullAddress: string; Namespace: string }>>()
  readonly #files = new Map<number, number>()

  constructor(options: SpoolOptions) {
    this.#options = options
  }

  async writeStream(stream: string, target: string): Promise<boolean> {
    const packets = this.#packetsOf(stream)
    if (packets.length === 0) return false
    await this.#write(packets, target)
    return true
  }

  async streams(): Promise<readonly string[]> {
    const heads = new Float64Array(this.#options.heads)
    const streams: string[] = []
    for (let id = 0; id < heads.length; id++)
      if ((heads[id] as number) > 0) streams.push(`${String(id).padStart(12, '0')}.pcap`)
    return streams.filter((stream) => this.#packetsOf(stream).length > 0)
  }

  async writeMerged(streams: readonly string[], target: string): Promise<void> {
    const packets = [...new Set(streams)].flatMap((stream) => this.#packetsOf(stream))
    packets.sort((a, b) => a.seconds - b.seconds || a.nanos - b.nanos || a.position - b.position)
    await this.#write(packets, target)
  }

  async writeMergedFiles(files: readonly string[], target: string): Promise<void> {
    const interfaces: CaptureInterface[] = []
    const records: FileRecord[] = []
    for (const path of files) {
      const first = interfaces.length
      for await (const batch of openCapture({ path }).packets(AbortSignal.timeout(READ_MS))) {
        for (let at = 0; at < batch.count; at++) records.push(fileRecord(batch, at, first))
        interfaces.splice(first, interfaces.length - first, ...batch.interfaces)
      }
    }
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
    return Object.fromEntries(this.#names)
  }

  learn(seconds: number, address: string, name: string): void {
    const key = String(Math.floor(seconds))
    const names = this.#names.get(key) ?? {}
    names[address] = { FullAddress: name, Namespace: '' }
    this.#names.set(key, names)
    const [oldest] = this.#names
    if (this.#names.size > MOST_CHANGES && oldest !== undefined) this.#names.delete(oldest[0])
  }

  /** From the newest back to the oldest that is still here, turned round. */
  #packetsOf(stream: string): Found[] {
    const id = /^(\d{1,15})(?:_[a-z]+)?\.pcap$/.exec(stream)?.[1]
    const heads = new Float64Array(this.#options.heads)
    const found: Found[] = []
    const header = Buffer.alloc(RECORD_HEADER)
    let next = id === undefined ? 0 : (heads[Number(id)] ?? 0)
    while (next > 0) {
      const position = next - 1
      if (!this.#read(position, header, RECORD_HEADER)) break
      found.push({ position, seconds: header.readDoubleLE(8), nanos: header.readUInt32LE(16) })
      const before = header.readDoubleLE(0)
      if (!(before < next)) break
      next = before
    }
    this.#closeFiles()
    return found.reverse()
  }

  async #write(packets: readonly Found[], target: string): Promise<void> {
    const writer = captureWriter(this.#interfaces())
    const file = await open(target, 'w')
    try {
      await file.write(writer.head())
      for (const { position } of packets) {
        const record = this.#record(position)
        if (record !== undefined) await file.write(writer.record(record))
      }
    } finally {
      this.#closeFiles()
      await file.close()
    }
  }

  #record(position: number) {
    const header = Buffer.alloc(RECORD_HEADER)
    if (!this.#read(position, header, RECORD_HEADER)) return undefined
    const bytes = Buffer.alloc(header.readUInt32LE(20))
    if (!this.#read(position + RECORD_HEADER, bytes, bytes.length)) return undefined
    return {
      bytes,
      length: header.readUInt32LE(24),
      seconds: header.readDoubleLE(8),
      nanos: header.readUInt32LE(16),
      interfaceId: header.readUInt32LE(28),
    }
  }

  /** False when the segment is gone. */
  #read(position: number, into: Buffer, length: number): boolean {
    const segment = Math.floor(position / SEGMENT_BYTES)
    let fd = this.#files.get(segment)
    if (fd === undefined) {
      try {
        fd = openSync(segmentPath(this.#options.folder, position), 'r')
      } catch {
        return false
      }
      this.#files.set(segment, fd)
    }
    return readSync(fd, into, 0, length, position % SEGMENT_BYTES) === length
  }

  #closeFiles(): void {
    for (const fd of this.#files.values()) closeSync(fd)
    this.#files.clear()
  }

  #interfaces(): CaptureInterface[] {
    try {
      return JSON.parse(
        readFileSync(join(this.#options.folder, INTERFACES_FILE), 'utf8'),
      ) as CaptureInterface[]
    } catch {
      return [{ name: '', linkType: 1, snapLength: 0 }]
    }
  }
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
const MOST_CHANGES = 1000
