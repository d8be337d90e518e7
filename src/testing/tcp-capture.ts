import type { Sent } from './tcp-packets.ts'

/** A connection, from its first packet on. */
export interface CapturedConnection {
  /** `10.0.0.1:4000` */
  readonly from: string
  readonly to: string
  /** ms since the epoch */
  readonly at: number
  /** What its ends send, one after another, each 1 ms later unless it says otherwise. */
  readonly sent: readonly (Sent | readonly [...Sent, afterMs: number])[]
}

/** A capture file (pcap, Ethernet, IPv4) with these connections, one after another. */
export function tcpCapture(connections: readonly CapturedConnection[]): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(0xffff, 16)
  head.writeUInt32LE(1, 20)
  return Buffer.concat([head, ...connections.flatMap(packetsOf)])
}

function packetsOf({ from, to, at, sent }: CapturedConnection): Buffer[] {
  const ends = [endOf(from), endOf(to)] as const
  const next = [1000, 5000]
  let ms = at
  const packet = (side: 0 | 1, flags: number, bytes: Uint8Array) => {
    const other = side === 0 ? 1 : 0
    const tcp = Buffer.alloc(20)
    tcp.writeUInt16BE(ends[side].port, 0)
    tcp.writeUInt16BE(ends[other].port, 2)
    tcp.writeUInt32BE(next[side] ?? 0, 4)
    tcp.writeUInt32BE((flags & ACK) === 0 ? 0 : (next[other] ?? 0), 8)
    tcp.writeUInt8(5 << 4, 12)
    tcp.writeUInt8(flags, 13)
    tcp.writeUInt16BE(0xffff, 14)
    next[side] = (next[side] ?? 0) + bytes.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1)
    return recordOf(ms, ends[side].address, ends[other].address, Buffer.concat([tcp, bytes]))
  }
  const packets = [packet(0, SYN, NOTHING), packet(1, SYN | ACK, NOTHING), packet(0, ACK, NOTHING)]
  for (const [side, text, afterMs = 1] of sent) {
    ms += afterMs
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    packets.push(packet(side === 'client' ? 0 : 1, ACK, bytes))
  }
  ms++
  packets.push(packet(0, FIN | ACK, NOTHING), packet(1, FIN | ACK, NOTHING), packet(0, ACK, NOTHING))
  return packets
}

function recordOf(ms: number, from: readonly number[], to: readonly number[], segment: Buffer): Buffer {
  const ethernet = Buffer.from('0200000000020200000000010800', 'hex')
  const ip = Buffer.alloc(20)
  ip.writeUInt8(0x45, 0)
  ip.writeUInt16BE(20 + segment.length, 2)
  ip.writeUInt8(64, 8)
  ip.writeUInt8(6, 9)
  ip.set(from, 12)
  ip.set(to, 16)
  const frame = Buffer.concat([ethernet, ip, segment])
  const head = Buffer.alloc(16)
  head.writeUInt32LE(Math.floor(ms / 1000), 0)
  head.writeUInt32LE((ms % 1000) * 1000, 4)
  head.writeUInt32LE(frame.length, 8)
  head.writeUInt32LE(frame.length, 12)
  return Buffer.concat([head, frame])
}

function endOf(text: string) {
  const [address = '', port] = text.split(':')
  return { address: address.split('.').map(Number), port: Number(port) }
}

const FIN = 1
const SYN = 2
const ACK = 16
const NOTHING = new Uint8Array(0)
