import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { pcapWriter, type RecordedPacket } from '../../capture/pcap-writer.ts'

/** A file with packets of one link type, named after when it was begun. */
export interface PacketFile {
  readonly path: string
  readonly begunAt: number
  readonly linkType: number
  readonly bytes: number
}

/** Packets of a recording as pcap files, one for each link type. What is added lies on disk after `flush`. */
export class PacketFiles {
  readonly #folder: string
  readonly #now: number
  readonly #open = new Map<number, OpenFile>()
  /** That were added, and the bytes that they take. */
  packets = 0
  bytes = 0

  constructor(folder: string, now: number) {
    this.#folder = folder
    this.#now = now
  }

  /** Bytes that wait for `flush`. */
  get waiting(): number {
    let sum = 0
    for (const { bytes } of this.#open.values()) sum += bytes
    return sum
  }

  add(linkType: number, packet: Omit<RecordedPacket, 'interfaceId'>): void {
    const file = this.#open.get(linkType) ?? newFile(linkType)
    this.#open.set(linkType, file)
    const record = file.writer.record({ ...packet, interfaceId: 0 })
    file.pieces.push(record)
    file.bytes += record.length
    this.packets++
    this.bytes += record.length
  }

  /** Rejects when the disk does not take it. */
  async flush(): Promise<void> {
    for (const [linkType, file] of this.#open) {
      if (file.pieces.length === 0) continue
      const bytes = Buffer.concat(file.pieces)
      file.pieces = []
      file.bytes = 0
      file.handle ??= await this.#create(linkType)
      await file.handle.appendFile(bytes)
    }
  }

  async close(): Promise<void> {
    for (const { handle } of this.#open.values()) await handle?.close()
    this.#open.clear()
  }

  async #create(linkType: number): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true })
    // Of a millisecond there may be one already.
    let at = this.#now
    const pathAt = () => join(this.#folder, `${at}-${linkType}.pcap`)
    while (existsSync(pathAt())) at++
    const handle = await open(pathAt(), 'ax')
    const head = pcapWriter(linkType).head()
    await handle.appendFile(head)
    this.bytes += head.length
    return handle
  }
}

interface OpenFile {
  readonly writer: ReturnType<typeof pcapWriter>
  handle: FileHandle | undefined
  pieces: Uint8Array[]
  /** Of the pieces. */
  bytes: number
}

function newFile(linkType: number): OpenFile {
  return { writer: pcapWriter(linkType), handle: undefined, pieces: [], bytes: 0 }
}

/** The files of a folder, the oldest first; none when it is not there. */
export function packetFilesIn(folder: string): PacketFile[] {
  return namesIn(folder)
    .flatMap((name) => {
      const [, begunAt, linkType] = /^(\d{1,15})-(\d{1,5})\.pcap$/.exec(name) ?? []
      if (begunAt === undefined) return []
      const path = join(folder, name)
      return [{ path, begunAt: Number(begunAt), linkType: Number(linkType), bytes: sizeOf(path) }]
    })
    .sort((a, b) => a.begunAt - b.begunAt)
}

/** Files that were begun before. Answers whether there were some. */
export function removePacketFiles(folder: string, before: number): boolean {
  const old = packetFilesIn(folder).filter(({ begunAt }) => begunAt < before)
  for (const { path } of old) rmSync(path, { force: true })
  return old.length > 0
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}
