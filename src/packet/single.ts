import { addressText } from './address.ts'
import type { CaptureInterface, PacketBatch } from './batch.ts'
import { Decoder } from './decoder.ts'

/** A packet that stands alone. */
export interface SinglePacket {
  readonly bytes: Uint8Array
  /** How much of it was captured; `bytes` may be less. */
  readonly captured: number
  /** Bytes on the wire. */
  readonly length: number
  readonly seconds: number
  readonly nanos: number
  readonly interfaceId: number
}

/** One packet as a batch, for a decoder. */
export function batchOfOne(
  { bytes, captured, length, seconds, nanos, interfaceId }: SinglePacket,
  interfaces: readonly CaptureInterface[],
): PacketBatch {
  return {
    bytes,
    count: 1,
    offsets: Uint32Array.of(0),
    captured: Uint32Array.of(Math.min(captured, bytes.length)),
    lengths: Uint32Array.of(length),
    seconds: Float64Array.of(seconds),
    nanos: Uint32Array.of(nanos),
    interfaceIds: Uint16Array.of(interfaceId),
    interfaces,
  }
}

/** Two ends of a conversation, as entries name them. */
export type Ends = readonly [NamedEnd, NamedEnd]

interface NamedEnd {
  readonly ip: string
  /** "" or "0" where there are none. */
  readonly port: string
}

/** Tells which conversations packets belong to, whatever their direction. Of datagrams in pieces only the whole one tells it. */
export class EndsReader {
  readonly #decoder = new Decoder()

  /** The same text for all packets between the same ends. */
  of(packet: SinglePacket, interfaces: readonly CaptureInterface[]): string {
    this.#decoder.decode(batchOfOne(packet, interfaces), 0)
    const { ipVersion, src0, src1, src2, src3, srcPort, dst0, dst1, dst2, dst3, dstPort } =
      this.#decoder.packet
    return endsText([
      { ip: addressText(ipVersion, src0, src1, src2, src3), port: String(srcPort) },
      { ip: addressText(ipVersion, dst0, dst1, dst2, dst3), port: String(dstPort) },
    ])
  }
}

/** As `EndsReader` answers it. */
export function endsText(ends: Ends): string {
  return ends
    .map(({ ip, port }) => (port === '' || port === '0' ? ip : `${ip} ${port}`))
    .sort()
    .join(' – ')
}
