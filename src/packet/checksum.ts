import { crc32c } from '../bytes/crc32c.ts'
import { u8, u16, u32le } from '../bytes/read.ts'
import { type Packet, PROTOCOL } from './packet.ts'

/** Whether the checksum of an IPv4 header is right. RFC 791 §3.1, RFC 1071 */
export function headerChecksumHolds(bytes: Uint8Array, start: number, end: number): boolean {
  return fold(sum(bytes, start, end, 0)) === 0xffff
}

/**
 * Whether the checksum of TCP, UDP, ICMP, ICMPv6 or SCTP is right: of what `packet`, whose addresses are known, carries
 * whole from `start` to `end`. UDP may go without (RFC 768; in IPv6 RFC 6935); other protocols have none, or their own.
 */
export function transportChecksumHolds(
  packet: Packet,
  protocol: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  switch (protocol) {
    case PROTOCOL.icmp:
      return fold(sum(bytes, start, end, 0)) === 0xffff
    case PROTOCOL.udp:
      if (end - start >= 8 && u16(bytes, start + 6) === 0) return true
      break
    case PROTOCOL.tcp:
    case PROTOCOL.icmp6:
      break
    case PROTOCOL.sctp:
      return end - start < 12 || crc32c(bytes, start, end, start + 8) === u32le(bytes, start + 8)
    default:
      return true
  }
  return fold(sum(bytes, start, end, pseudoHeader(packet, protocol, end - start))) === 0xffff
}

/** RFC 9293 §3.1, RFC 8200 §8.1 */
function pseudoHeader(packet: Packet, protocol: number, length: number): number {
  const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = packet
  let total = protocol + length
  for (const word of [src0, src1, src2, src3, dst0, dst1, dst2, dst3])
    total += (word >>> 16) + (word & 0xffff)
  return total
}

function sum(bytes: Uint8Array, start: number, end: number, from: number): number {
  let total = from
  let at = start
  for (; at + 1 < end; at += 2) total += u16(bytes, at)
  return at < end ? total + (u8(bytes, at) << 8) : total
}

function fold(total: number): number {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return folded
}
