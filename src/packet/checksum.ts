import { u8, u16 } from '../bytes/read.ts'
import { PROTOCOL } from './packet.ts'

/**
 * Whether the checksums of an IPv4 packet that was captured whole are right: that of its header, and that of TCP, UDP
 * or ICMP unless it is a fragment. RFC 1071.
 */
export function checksumsHold(bytes: Uint8Array, start: number, headerLength: number): boolean {
  if (fold(sum(bytes, start, start + headerLength, 0)) !== 0xffff) return false
  if ((u16(bytes, start + 6) & 0x3fff) !== 0) return true
  const protocol = u8(bytes, start + 9)
  const payload = start + headerLength
  const end = start + u16(bytes, start + 2)
  if (protocol === PROTOCOL.icmp) return fold(sum(bytes, payload, end, 0)) === 0xffff
  if (protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp) return true
  if (protocol === PROTOCOL.udp && u16(bytes, payload + 6) === 0) return true
  const pseudoHeader = sum(bytes, start + 12, start + 20, protocol + (end - payload))
  return fold(sum(bytes, payload, end, pseudoHeader)) === 0xffff
}

function sum(bytes: Uint8Array, start: number, end: number, from: number): number {
  let total = from
  let at = start
  for (; at + 1 < end; at += 2) total += u16(bytes, at)
  return at < end ? total + (u8(bytes, at) << 8) : total
}

function fold(total: number): number {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return folded
}
