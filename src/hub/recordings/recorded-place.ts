import { randomUUID } from 'node:crypto'
import type { Bus } from '../../bus/bus.ts'
import { endsText } from '../../packet/single.ts'
import type { KeptPacket, OpenPackets, PacketPart, PacketSpan } from '../../wire/packets.ts'
import type { EntryStream } from '../control.ts'
import { merged, RecordedPackets } from './merged-packets.ts'

export interface RecordedPlaceOptions {
  readonly bus: Pick<Bus, 'request'>
  /** Of the recording. */
  readonly name: string
  /** Workers that have some of its packets and can be asked. */
  readonly workers: readonly string[]
  readonly signal: AbortSignal
  /** Keeps what was found, where the recording does not change any more. */
  readonly recent?: RecentPackets | undefined
}

/** Packets of connections that were asked for lately: people look at one after another, and finding them reads the whole recording. */
export class RecentPackets {
  readonly #found = new Map<string, OpenPackets>()

  get(key: string): OpenPackets | undefined {
    return this.#found.get(key)
  }

  keep(key: string, packets: OpenPackets): void {
    if (packets.bytes > MOST_KEPT_BYTES) return
    this.#found.set(key, packets)
    const [oldest] = this.#found.keys()
    if (this.#found.size > MOST_KEPT && oldest !== undefined) this.#found.delete(oldest)
  }

  clear(): void {
    this.#found.clear()
  }
}

/**
 * The packets of a recording, connection by connection. What is recorded says between whom a packet went and no more: of two
 * connections on the same ports one after the other both are there.
 */
export class RecordedPlace {
  readonly #options: RecordedPlaceOptions

  constructor(options: RecordedPlaceOptions) {
    this.#options = options
  }

  async open(streams: readonly EntryStream[]): Promise<OpenPackets> {
    const { name, workers, recent } = this.#options
    const key = JSON.stringify([name, workers, streams])
    const known = recent?.get(key)
    if (known !== undefined) return known
    const found = await this.#find(streams)
    recent?.keep(key, found)
    return found
  }

  async #find(streams: readonly EntryStream[]): Promise<OpenPackets> {
    const workers = await this.#opened(streams)
    const linkTypes = [...new Set(workers.flatMap((worker) => worker.linkTypes))]
    const packets: KeptPacket[] = []
    let bytes = 0
    let isCut = false
    for await (const { linkType, ...packet } of merged(workers)) {
      bytes += packet.bytes.length
      isCut = bytes > MOST_BYTES
      if (isCut) break
      packets.push({
        ...packet,
        captured: packet.bytes.length,
        interfaceId: linkTypes.indexOf(linkType),
      })
    }
    const begin = packets.findIndex((packet) => msOf(packet) >= (streams[0]?.atMs ?? 0))
    return {
      packets: packets.length,
      bytes,
      begin: begin < 0 ? packets.length : begin,
      isCut,
      lost: { evicted: 0, otherRun: 0, never: packets.length === 0 ? streams.length : 0 },
      interfaces: linkTypes.map((linkType) => ({ name: '', linkType, snapLength: 0 })),
      read: async (span) => partOf(packets, span),
    }
  }

  #opened(streams: readonly EntryStream[]): Promise<RecordedPackets[]> {
    const { bus, name, workers, signal } = this.#options
    const byNode = [...Map.groupBy(streams, ({ node }) => node)].filter(([node]) => workers.includes(node))
    return Promise.all(
      byNode.map(([node, own]) => {
        const between = [...new Set(own.flatMap(({ ends }) => (ends === undefined ? [] : [endsText(ends)])))]
        return RecordedPackets.open(node, { bus, name, signal, between, session: randomUUID() })
      }),
    )
  }
}

function partOf(all: readonly KeptPacket[], { from, limit, snap, mostBytes }: PacketSpan): PacketPart {
  const packets: KeptPacket[] = []
  let bytes = 0
  for (const packet of all.slice(from, from + limit)) {
    const shown = packet.bytes.subarray(0, snap)
    bytes += shown.length
    if (packets.length > 0 && bytes > mostBytes) break
    packets.push({ ...packet, bytes: shown })
  }
  return { packets, next: from + packets.length }
}

function msOf({ seconds, nanos }: KeptPacket): number {
  return seconds * 1000 + Math.floor(nanos / 1e6)
}

/** More of one question would fill the memory of the hub. */
const MOST_BYTES = 256 << 20
const MOST_KEPT_BYTES = 4 << 20
const MOST_KEPT = 8
