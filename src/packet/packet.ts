import type { CaptureInterface } from './batch.ts'

/** IP protocol numbers that Remora reads. https://www.iana.org/assignments/protocol-numbers */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const

/** TCP flag bits, RFC 9293 §3.1. */
export const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const

/**
 * One packet with its headers read. There is a single one of these per decoder, filled anew for each packet:
 * copy what you keep. Of a tunnelled packet it shows the innermost headers.
 */
export class Packet {
  /** Capture time, as in `PacketBatch`. */
  seconds = 0
  nanos = 0
  /** Bytes captured and bytes on the wire of the outermost frame. */
  captured = 0
  length = 0
  interfaceId = 0
  interface: CaptureInterface = { name: '', linkType: 0, snapLength: 0 }
  /** Where a capture of all interfaces says which one of them it was: its number in the system; 0 = it does not. */
  systemInterface = 0
  /** … and whether the packet left by it. */
  outgoing = false

  /** Innermost EtherType; 0 where the link layer has none. */
  etherType = 0
  /** Outermost VLAN id; −1 = untagged. */
  vlan = -1
  /** 4, 6, or 0 when the packet is not IP. */
  ipVersion = 0
  /** Says which IPv4 address a card has, or asks for one: who says so, and whom it is about, are in word 0 of the addresses. */
  isArp = false
  /** A piece of a fragmented datagram. On the piece that completes it, ports and payload are those of the whole. */
  fragmented = false
  /** IP protocol number of the innermost header; −1 when not IP. */
  protocol = -1

  /** Identification of the IPv4 header; 0 for IPv6. */
  ipId = 0
  /** Time to live, or the hop limit of IPv6. */
  ttl = 0

  /** Addresses as signed 32-bit words, IPv4 in word 0 and the others 0. */
  src0 = 0
  src1 = 0
  src2 = 0
  src3 = 0
  dst0 = 0
  dst1 = 0
  dst2 = 0
  dst3 = 0
  /** TCP, UDP and SCTP ports; 0 for others. */
  srcPort = 0
  dstPort = 0

  /** Where the header of TCP or UDP begins in `bytes`. */
  headerStart = 0
  /** TCP only. `seq` and `ack` are unsigned. */
  seq = 0
  ack = 0
  flags = 0
  window = 0
  /** Shift of the windows to come, in a SYN that has the option (RFC 7323 §2.2); −1 = none. */
  windowScale = -1

  /** The buffer that holds the payload: the batch's, or that of a reassembled datagram. */
  bytes: Uint8Array = EMPTY
  /** Payload of TCP, UDP, SCTP or ICMP (for ICMP: from its type byte on) as far as it was captured … */
  payloadStart = 0
  payloadEnd = 0
  /** … and its length on the wire. Longer than `payloadEnd - payloadStart` when the capture was cut short. */
  payloadLength = 0
}

const EMPTY = new Uint8Array(0)
