import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CaptureInterface } from '../../packet/batch.ts'
import { EndsReader, endsText } from '../../packet/single.ts'
import type {
  KeptPacket,
  OpenPackets,
  PacketPart,
  PacketPlace,
  PacketSpan,
  WantedStream,
} from '../../wire/packets.ts'
import { HEADS_FILE, RECORD_HEADER, type SpoolOptions } from './options.ts'
import { headOf, interfacesOf, recordAt, streamNumber } from './records.ts'
import { SegmentFiles } from './segment-files.ts'

/** Where a packet lies, and when it was captured. */
interface Found {
  readonly position: number
  readonly seconds: number
  readonly nanos: number
  readonly captured: number
}

/** What is there of one stream. */
interface Trail {
  readonly packets: readonly Found[]
  /** Older packets have gone for newer ones. */
  readonly isCut: boolean
}

/** Packets of a spool whose writer is done. Throws when it is not. */
export function openFinishedSpool(folder: string): SpoolPackets {
  const bytes = readFileSync(join(folder, HEADS_FILE))
  const heads = new SharedArrayBuffer(bytes.length)
  new Uint8Array(heads).set(bytes)
  return new SpoolPackets({ folder, heads })
}

/** Packets of a spool for those who ask from outside: never for long at a time, since others wait for the same thread. */
export class SpoolPackets implements PacketPlace {
  readonly #options: Pick<SpoolOptions, 'folder' | 'heads' | 'firstStream'>
  readonly #most: number

  /** Of more than `most` packets the oldest are left out. */
  constructor(options: Pick<SpoolOptions, 'folder' | 'heads' | 'firstStream'>, most = MOST_PACKETS) {
    this.#options = options
    this.#most = most
  }

  async open(streams: readonly WantedStream[]): Promise<OpenPackets> {
    const files = new SegmentFiles(this.#options.folder)
    const interfaces = interfacesOf(this.#options)
    const lost = { evicted: 0, otherRun: 0, never: 0 }
    const all: Found[] = []
    let isCut = false
    try {
      for (const wanted of streams) {
        if ((streamNumber(wanted.stream) ?? 0) < (this.#options.firstStream ?? 0)) {
          lost.otherRun++
          continue
        }
        const trail = await this.#trail(wanted.stream, files, this.#most - all.length)
        const why = lossOf(trail, wanted, interfaces, files)
        if (why !== undefined) lost[why]++
        if (why === 'otherRun') continue
        isCut ||= all.length + trail.packets.length >= this.#most
        all.push(...trail.packets)
      }
    } finally {
      files.close()
    }
    all.sort((a, b) => a.seconds - b.seconds || a.nanos - b.nanos || a.position - b.position)
    return {
      packets: all.length,
      bytes: all.reduce((sum, { captured }) => sum + captured, 0),
      begin: beginOf(all, streams[0]?.atMs ?? 0),
      isCut,
      lost,
      interfaces,
      read: async (span) => this.#read(all, span),
    }
  }

  #read(all: readonly Found[], { from, limit, snap, mostBytes }: PacketSpan): PacketPart {
    const files = new SegmentFiles(this.#options.folder)
    const packets: KeptPacket[] = []
    let next = from
    let bytes = 0
    try {
      for (const { position, captured } of all.slice(from, from + limit)) {
        bytes += Math.min(captured, snap)
        if (packets.length > 0 && bytes > mostBytes) break
        const packet = recordAt(position, files, snap)
        if (packet !== undefined) packets.push(packet)
        next++
      }
    } finally {
      files.close()
    }
    return { packets, next }
  }

  /** From the newest back to the oldest that is still here, turned round. */
  async #trail(stream: string, files: SegmentFiles, most: number): Promise<Trail> {
    const packets: Found[] = []
    const header = Buffer.alloc(RECORD_HEADER)
    let next = headOf(stream, this.#options)
    let isCut = false
    while (next > 0 && packets.length < most) {
      const position = next - 1
      isCut = !files.read(position, header, RECORD_HEADER)
      if (isCut) break
      packets.push({
        position,
        seconds: header.readDoubleLE(8),
        nanos: header.readUInt32LE(16),
        captured: header.readUInt32LE(20),
      })
      const before = header.readDoubleLE(0)
      if (!(before < next)) break
      next = before
      if (packets.length % AT_ONCE === 0) await new Promise(setImmediate)
    }
    return { packets: packets.reverse(), isCut }
  }
}

/** Why not all packets of a stream are there, if so. */
function lossOf(
  { packets, isCut }: Trail,
  wanted: WantedStream,
  interfaces: readonly CaptureInterface[],
  files: SegmentFiles,
): keyof OpenPackets['lost'] | undefined {
  const [first] = packets
  const last = packets.at(-1)
  if (first === undefined || last === undefined) return isCut ? 'evicted' : 'never'
  const isLater = !isCut && msOf(first) > wanted.atMs + CLOCK_MS
  if (isLater || msOf(last) < wanted.atMs - CLOCK_MS) return 'otherRun'
  if (wanted.ends !== undefined && !isBetween(packets, wanted.ends, interfaces, files)) return 'otherRun'
  return isCut ? 'evicted' : undefined
}

/** Whether these two have sent one of the first packets: fragments, and packets on other paths, may say something else. */
function isBetween(
  packets: readonly Found[],
  ends: NonNullable<WantedStream['ends']>,
  interfaces: readonly CaptureInterface[],
  files: SegmentFiles,
): boolean {
  const reader = new EndsReader()
  const wanted = endsText(ends)
  return packets.slice(0, MOST_LOOKED_AT).some(({ position }) => {
    const record = recordAt(position, files)
    return record !== undefined && reader.of(record, interfaces) === wanted
  })
}

function beginOf(packets: readonly Found[], atMs: number): number {
  const at = packets.findIndex((packet) => msOf(packet) >= atMs)
  return at < 0 ? packets.length : at
}

/** Whole milliseconds, as entries have them. */
function msOf({ seconds, nanos }: Found): number {
  return seconds * 1000 + Math.floor(nanos / 1e6)
}

const MOST_PACKETS = 200_000
/** Headers that are read before others get their turn. */
const AT_ONCE = 500
const MOST_LOOKED_AT = 16
/** Packets of several interfaces may be in another order than their times. */
const CLOCK_MS = 1000
