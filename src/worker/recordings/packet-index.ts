import { closeSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { EndsReader } from '../../packet/single.ts'
import { PACKET_HEAD, writePacketHead } from '../../wire/packet-records.ts'
import { type PacketFile, packetFilesIn } from './packet-files.ts'

/** Packets of a recording in order of time, as they were when it was opened. */
export class PacketIndex {
  readonly linkTypes: readonly number[]
  readonly #files: readonly PacketFile[]
  readonly #found: Found
  readonly #order: readonly number[]
  readonly #fds: number[]

  /** Of all packets, or of those between ends that are wanted (`endsText`). */
  static async open(folder: string, between?: ReadonlySet<string>): Promise<PacketIndex> {
    const files = packetFilesIn(folder)
    const found: Found = { keys: [], files: [], places: [], sizes: [] }
    for (const [index, file] of files.entries())
      await findPackets(file, between && wantedOf(file, between), (place) => {
        found.keys.push(place.key)
        found.files.push(index)
        found.places.push(place.place)
        found.sizes.push(place.size)
      })
    return new PacketIndex(files, found)
  }

  private constructor(files: readonly PacketFile[], found: Found) {
    this.#files = files
    this.#found = found
    this.linkTypes = [...new Set(found.files.map((file) => files[file]?.linkType ?? 0))].sort((a, b) => a - b)
    const { keys } = found
    this.#order = keys.map((_, at) => at).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || a - b)
    this.#fds = files.map(({ path }) => openSync(path, 'r'))
  }

  get count(): number {
    return this.#order.length
  }

  /** Packets from one on, each with its head: what fits, and at least one. Those whose file was deleted meanwhile are there. */
  read(from: number, mostBytes: number): { readonly bytes: Uint8Array; readonly next: number | null } {
    const pieces: Buffer[] = []
    let bytes = 0
    let next = from
    for (; next < this.count; next++) {
      const at = this.#order[next] ?? 0
      const size = PACKET_HEAD + (this.#found.sizes[at] ?? 0)
      if (bytes > 0 && bytes + size > mostBytes) break
      pieces.push(this.#packet(at))
      bytes += size
    }
    return { bytes: Buffer.concat(pieces), next: next < this.count ? next : null }
  }

  close(): void {
    for (const fd of this.#fds.splice(0)) closeSync(fd)
  }

  #packet(at: number): Buffer {
    const { files, places, sizes } = this.#found
    const file = files[at] ?? 0
    const size = sizes[at] ?? 0
    const record = Buffer.alloc(RECORD_HEADER + size)
    readSync(this.#fds[file] ?? -1, record, 0, record.length, places[at] ?? 0)
    const packet = Buffer.alloc(PACKET_HEAD + size)
    writePacketHead(packet, 0, size, {
      seconds: record.readUInt32LE(0),
      nanos: record.readUInt32LE(4),
      length: record.readUInt32LE(12),
      linkType: this.#files[file]?.linkType ?? 0,
    })
    record.copy(packet, PACKET_HEAD, RECORD_HEADER)
    return packet
  }
}

/** How many packets there are in a folder. */
export async function countPackets(folder: string): Promise<number> {
  const index = await PacketIndex.open(folder)
  index.close()
  return index.count
}

/** Of each packet its time, its file, the place of its record, and how long it is. */
interface Found {
  readonly keys: number[]
  readonly files: number[]
  readonly places: number[]
  readonly sizes: number[]
}

/** Of the beginning of a record. */
type IsWanted = (record: Buffer) => boolean

/** Whether a packet is between ends that are wanted. */
function wantedOf({ linkType }: PacketFile, between: ReadonlySet<string>): IsWanted {
  const reader = new EndsReader()
  const interfaces = [{ name: '', linkType, snapLength: 0 }]
  return (record) => {
    const packet = {
      bytes: record.subarray(RECORD_HEADER),
      captured: record.readUInt32LE(8),
      length: record.readUInt32LE(12),
      seconds: record.readUInt32LE(0),
      nanos: record.readUInt32LE(4),
      interfaceId: 0,
    }
    return between.has(reader.of(packet, interfaces))
  }
}

/** A record that was cut off by the end of its writer is none; no packet is empty. */
async function findPackets(
  file: PacketFile,
  isWanted: IsWanted | undefined,
  found: (packet: { readonly key: number; readonly place: number; readonly size: number }) => void,
): Promise<void> {
  const handle = await open(file.path)
  const window = new Window(handle)
  try {
    for (let place = FILE_HEADER; ; ) {
      const header = await window.read(place, RECORD_HEADER)
      if (header === undefined) return
      const size = header.readUInt32LE(8)
      if (size === 0 || place + RECORD_HEADER + size > file.bytes) return
      const key = header.readUInt32LE(0) * 1e6 + header.readUInt32LE(4) / 1000
      const record = isWanted && (await window.read(place, RECORD_HEADER + Math.min(size, MOST_HEADERS)))
      if (isWanted === undefined || (record !== undefined && isWanted(record))) found({ key, place, size })
      place += RECORD_HEADER + size
    }
  } finally {
    await handle.close()
  }
}

/** Reads forwards, much at once. */
class Window {
  readonly #handle: FileHandle
  readonly #memory = Buffer.alloc(WINDOW_BYTES)
  #from = 0
  #length = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async read(place: number, length: number): Promise<Buffer | undefined> {
    if (place < this.#from || place + length > this.#from + this.#length) {
      this.#from = place
      this.#length = (await this.#handle.read(this.#memory, 0, WINDOW_BYTES, place)).bytesRead
    }
    const at = place - this.#from
    return at + length > this.#length ? undefined : this.#memory.subarray(at, at + length)
  }
}

const FILE_HEADER = 24
const RECORD_HEADER = 16
const WINDOW_BYTES = 256 << 10
/** More than headers take, tunnels included. */
const MOST_HEADERS = 512
