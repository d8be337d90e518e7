import { addressText } from '../packet/address.ts'
import type { CaptureInterface } from '../packet/batch.ts'
import { Decoder } from '../packet/decoder.ts'
import { FLAG, type Packet, PROTOCOL } from '../packet/packet.ts'
import { batchOfOne } from '../packet/single.ts'
import type { KeptPacket, PacketRow } from '../wire/packets.ts'

export interface RowOptions {
  readonly interfaces: readonly CaptureInterface[]
  /** Number of the first packet. */
  readonly from: number
  /** Bytes of each packet that are shown. */
  readonly bytes: number
}

/** Packets as people read them: what their headers say, and how they begin. */
export function packetRows(
  packets: readonly KeptPacket[],
  { interfaces, from, bytes }: RowOptions,
): PacketRow[] {
  const decoder = new Decoder()
  return packets.map((kept, at) => {
    const isRead = decoder.decode(batchOfOne(kept, interfaces), 0)
    const { packet } = decoder
    return {
      number: from + at,
      time: timeText(kept),
      timestamp: kept.seconds * 1000 + kept.nanos / 1e6,
      interface: interfaces[kept.interfaceId]?.name ?? '',
      source: endOf(packet, 'src'),
      destination: endOf(packet, 'dst'),
      transport: TRANSPORTS[packet.protocol] ?? (packet.ipVersion === 0 ? '' : `IP ${packet.protocol}`),
      flags: packet.protocol === PROTOCOL.tcp ? flagsOf(packet.flags) : [],
      ...(packet.protocol === PROTOCOL.tcp
        ? { seq: packet.seq, ack: packet.ack, window: packet.window }
        : {}),
      length: kept.length,
      captured: kept.captured,
      payloadLength: packet.payloadLength,
      // Of a datagram in pieces the payload is elsewhere.
      payloadStart: isRead && packet.bytes === kept.bytes ? packet.payloadStart : kept.captured,
      bytes: Buffer.from(kept.bytes.subarray(0, bytes)).toString('base64'),
    }
  })
}

function endOf(packet: Packet, which: 'src' | 'dst'): { ip: string; port: number | null } {
  const { ipVersion: version } = packet
  if (version === 0) return { ip: '', port: null }
  const ip =
    which === 'src'
      ? addressText(version, packet.src0, packet.src1, packet.src2, packet.src3)
      : addressText(version, packet.dst0, packet.dst1, packet.dst2, packet.dst3)
  const hasPorts = [PROTOCOL.tcp, PROTOCOL.udp, PROTOCOL.sctp].some(
    (protocol) => protocol === packet.protocol,
  )
  return { ip, port: hasPorts ? packet[`${which}Port`] : null }
}

function flagsOf(bits: number): string[] {
  return FLAG_NAMES.filter((name) => (bits & FLAG[name]) !== 0).map((name) => name.toUpperCase())
}

/** RFC 3339 with nanoseconds. */
function timeText({ seconds, nanos }: KeptPacket): string {
  const whole = new Date(Math.min(Math.max(seconds, 0), LATEST_SECOND) * 1000).toISOString().slice(0, 19)
  return `${whole}.${String(nanos).padStart(9, '0')}Z`
}

const FLAG_NAMES = ['syn', 'fin', 'rst', 'psh', 'ack', 'urg'] as const
const TRANSPORTS: Readonly<Record<number, string>> = {
  [PROTOCOL.tcp]: 'TCP',
  [PROTOCOL.udp]: 'UDP',
  [PROTOCOL.sctp]: 'SCTP',
  [PROTOCOL.icmp]: 'ICMP',
  [PROTOCOL.icmp6]: 'ICMPv6',
}
const LATEST_SECOND = 253_402_300_799
