import { captureWriter } from '../capture/pcap-writer.ts'
import type { KeptPacket, OpenPackets } from '../wire/packets.ts'

/** A capture file on its way: what is in it is known before the first byte. */
export interface PacketFile {
  readonly extension: 'pcap' | 'pcapng'
  readonly packets: number
  /** It would be larger than it may be: it ends before. */
  readonly isCut: boolean
  bytes(): AsyncGenerator<Uint8Array>
}

/** One capture file of what is kept in several places, in the order of time. */
export function packetFile(places: readonly OpenPackets[], mostBytes: number): PacketFile {
  const interfaces = places.flatMap((each) => each.interfaces)
  const writer = captureWriter(interfaces.length === 0 ? [ETHERNET] : interfaces)
  const total = places.reduce((sum, { bytes, packets }) => sum + bytes + packets * RECORD_BYTES, 0)
  return {
    extension: writer.extension,
    packets: places.reduce((sum, { packets }) => sum + packets, 0),
    isCut: total > mostBytes || places.some(({ isCut }) => isCut),
    async *bytes() {
      yield writer.head()
      let written = 0
      for await (const packet of inOrder(places)) {
        const record = writer.record(packet)
        written += record.length
        if (written > mostBytes) return
        yield record
      }
    },
  }
}

/** Packets of several places as one list; their interfaces are numbered one place behind the other. */
async function* inOrder(places: readonly OpenPackets[]): AsyncGenerator<KeptPacket> {
  let interfaces = 0
  const sources: Source[] = []
  for (const place of places) {
    const source = new Source(place, interfaces)
    interfaces += place.interfaces.length
    await source.fill()
    sources.push(source)
  }
  for (;;) {
    const next = earliest(sources)
    if (next === undefined) return
    yield next.packet
    await next.source.advance()
  }
}

/** One place, read part by part. */
class Source {
  readonly #place: OpenPackets
  readonly #firstInterface: number
  #part: readonly KeptPacket[] = []
  #used = 0
  #next = 0

  constructor(place: OpenPackets, firstInterface: number) {
    this.#place = place
    this.#firstInterface = firstInterface
  }

  /** The next packet; undefined at the end. */
  get head(): KeptPacket | undefined {
    const packet = this.#part[this.#used]
    return packet && { ...packet, interfaceId: packet.interfaceId + this.#firstInterface }
  }

  async advance(): Promise<void> {
    this.#used++
    await this.fill()
  }

  async fill(): Promise<void> {
    while (this.#used >= this.#part.length && this.#next < this.#place.packets) {
      const from = this.#next
      const { packets, next } = await this.#place.read({
        from,
        limit: AT_ONCE,
        snap: WHOLE,
        mostBytes: PART_BYTES,
      })
      if (next <= from) return
      this.#part = packets
      this.#used = 0
      this.#next = next
    }
  }
}

function earliest(
  sources: readonly Source[],
): { readonly source: Source; readonly packet: KeptPacket } | undefined {
  let found: { readonly source: Source; readonly packet: KeptPacket } | undefined
  for (const source of sources) {
    const packet = source.head
    if (packet !== undefined && (found === undefined || isBefore(packet, found.packet)))
      found = { source, packet }
  }
  return found
}

function isBefore(left: KeptPacket, right: KeptPacket): boolean {
  return left.seconds < right.seconds || (left.seconds === right.seconds && left.nanos < right.nanos)
}

const ETHERNET = { name: '', linkType: 1, snapLength: 0 }
/** Of a packet in a file, beside its own bytes. */
const RECORD_BYTES = 16
const AT_ONCE = 2000
const PART_BYTES = 4 << 20
const WHOLE = 1 << 30
