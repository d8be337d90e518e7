import { pcapWriter } from '../capture/pcap-writer.ts'
import type { Packet } from '../packet/packet.ts'
import { packetsOf, type Sent } from './tcp-packets.ts'

/** A pcap file of connections to port 80 in which all this was sent, one connection after another. */
export function httpCapture(connections: readonly (readonly Sent[])[]): Uint8Array {
  const writer = pcapWriter(RAW_IP)
  const records = connections.flatMap((sent, at) =>
    packetsOf(sent.flatMap(cut)).map((packet, number) =>
      writer.record({
        bytes: datagramOf(packet, at),
        length: 40 + packet.payloadLength,
        seconds: FIRST_SECOND + at,
        nanos: number * 1000,
        interfaceId: 0,
      }),
    ),
  )
  return Buffer.concat([writer.head(), ...records])
}

/** No packet is larger than IP allows. */
function cut([side, sent]: Sent): Sent[] {
  const bytes = typeof sent === 'string' ? Buffer.from(sent, 'latin1') : sent
  return Array.from({ length: Math.ceil(bytes.length / LARGEST_PAYLOAD) }, (_, at) => [
    side,
    bytes.subarray(at * LARGEST_PAYLOAD, (at + 1) * LARGEST_PAYLOAD),
  ])
}

/** IPv4 and TCP, without options; checksums are 0, as of cards that fill them in later. */
function datagramOf(
  { bytes, flags, seq, ack, srcPort, dstPort, src0 }: Packet,
  connection: number,
): Uint8Array {
  const datagram = Buffer.alloc(40 + bytes.length)
  const isFromClient = src0 === 0
  const [client, server] = [clientOf(connection), SERVER]
  datagram[0] = 0x45
  datagram.writeUInt16BE(datagram.length, 2)
  datagram[8] = 64
  datagram[9] = 6
  datagram.writeUInt32BE(isFromClient ? client : server, 12)
  datagram.writeUInt32BE(isFromClient ? server : client, 16)
  datagram.writeUInt16BE(srcPort, 20)
  datagram.writeUInt16BE(dstPort, 22)
  datagram.writeUInt32BE(seq >>> 0, 24)
  datagram.writeUInt32BE(ack >>> 0, 28)
  datagram[32] = 5 << 4
  datagram[33] = flags
  datagram.writeUInt16BE(65_535, 34)
  datagram.set(bytes, 40)
  return datagram
}

/** 10.0.0.1 and up. */
const clientOf = (connection: number) => 0x0a_00_00_01 + connection
/** 192.0.2.80 */
const SERVER = 0xc0_00_02_50
const RAW_IP = 101
const LARGEST_PAYLOAD = 60_000
/** 2026-11-27 */
const FIRST_SECOND = 1_795_737_600
