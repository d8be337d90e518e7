import { i32, u8, u16, u32 } from '../bytes/read.ts'
import type { PacketBatch } from './batch.ts'
import { headerChecksumHolds, transportChecksumHolds } from './checksum.ts'
import { type FragmentCounters, Fragments } from './fragments.ts'
import { FLAG, Packet, PROTOCOL } from './packet.ts'
import type { IgnoreReason, MalformedReason } from './reasons.ts'
import { CHUNK } from './sctp.ts'

export interface DecoderOptions {
  /** Treat packets with wrong checksums as malformed. Wrong sums are normal where network cards work them out. */
  readonly verifyChecksums?: boolean
  /** Bytes that may wait for the rest of their datagrams. */
  readonly fragmentBudget?: number
}

/** Every captured packet is in exactly one: decoded, one of ignored, one of malformed. */
export interface DecodeCounters {
  /** Fragments that wait for the others included. */
  decoded: number
  readonly ignored: Record<string, number>
  readonly malformed: Record<string, number>
  readonly fragments: FragmentCounters
}

/** Link, IP and transport headers of packets, tunnels unwrapped. Allocates nothing for ordinary packets. */
export class Decoder {
  readonly packet = new Packet()
  readonly counters: DecodeCounters
  readonly #fragments: Fragments
  readonly #verify: boolean
  #bytes: Uint8Array = this.packet.bytes
  #depth = 0

  constructor(options: DecoderOptions = {}) {
    this.#verify = options.verifyChecksums === true
    this.#fragments = new Fragments(options.fragmentBudget ?? FRAGMENT_BUDGET)
    this.counters = { decoded: 0, ignored: {}, malformed: {}, fragments: this.#fragments.counters }
  }

  /**
   * Reads a packet of a batch into `packet`. True when it goes on to reassembly: an IP packet with its transport
   * header read. The times, lengths and `ipVersion` are right either way.
   */
  decode(batch: PacketBatch, index: number): boolean {
    const packet = this.packet
    const start = batch.offsets[index] as number
    packet.seconds = batch.seconds[index] as number
    packet.nanos = batch.nanos[index] as number
    packet.captured = batch.captured[index] as number
    packet.length = batch.lengths[index] as number
    packet.interfaceId = batch.interfaceIds[index] as number
    packet.interface = batch.interfaces[packet.interfaceId] ?? packet.interface
    packet.systemInterface = 0
    packet.outgoing = false
    packet.etherType = 0
    packet.vlan = -1
    packet.ipVersion = 0
    packet.isArp = false
    packet.fragmented = false
    packet.protocol = -1
    packet.srcPort = 0
    packet.dstPort = 0
    packet.flags = 0
    packet.payloadLength = 0
    packet.payloadStart = 0
    packet.payloadEnd = 0
    packet.bytes = batch.bytes
    this.#bytes = batch.bytes
    this.#depth = 0
    return this.#link(packet.interface.linkType, start, start + packet.captured)
  }

  /** The packet that was decoded just now goes no further after all. */
  ignore(reason: IgnoreReason): void {
    this.counters.decoded--
    this.#ignored(reason)
  }

  #link(linkType: number, start: number, end: number): boolean {
    const bytes = this.#bytes
    switch (linkType) {
      case LINK.ethernet:
        return this.#ethernet(start, end)
      case LINK.null:
      case LINK.loop:
        if (end - start < 4) return this.#bad('link-header')
        return this.#ipByNibble(start + 4, end)
      case LINK.sll:
        if (end - start < 16) return this.#bad('link-header')
        this.packet.outgoing = u16(bytes, start) === SLL_OUTGOING
        return this.#etherType(u16(bytes, start + 14), start + 16, end)
      case LINK.sll2:
        if (end - start < 20) return this.#bad('link-header')
        this.packet.systemInterface = i32(bytes, start + 4)
        this.packet.outgoing = u8(bytes, start + 10) === SLL_OUTGOING
        return this.#etherType(u16(bytes, start), start + 20, end)
      case LINK.ppp:
      case LINK.pppHdlc:
        return this.#ppp(start, end)
      case LINK.nflog:
        return this.#nflog(start, end)
      case LINK.ipv4:
        return this.#ipv4(start, end)
      case LINK.ipv6:
        return this.#ipv6(start, end)
      case LINK.raw:
      case LINK.rawBsd:
      case LINK.rawOpenBsd:
        return this.#ipByNibble(start, end)
      default:
        return this.#pass('unknown-link-type')
    }
  }

  #ethernet(start: number, end: number): boolean {
    if (end - start < 14) return this.#bad('link-header')
    const type = u16(this.#bytes, start + 12)
    if (type === ETHER.ipv4) {
      this.packet.etherType = type
      return this.#ipv4(start + 14, end)
    }
    // IEEE 802.3: a length, then LLC and perhaps SNAP.
    if (type <= 1500) {
      const llc = start + 14
      const isSnap = end - llc >= 8 && u16(this.#bytes, llc) === 0xaaaa
      return isSnap ? this.#etherType(u16(this.#bytes, llc + 6), llc + 8, end) : this.#pass('not-ip')
    }
    return this.#etherType(type, start + 14, end)
  }

  #etherType(type: number, start: number, end: number): boolean {
    this.packet.etherType = type
    switch (type) {
      case ETHER.ipv4:
        return this.#ipv4(start, end)
      case ETHER.ipv6:
        return this.#ipv6(start, end)
      case ETHER.arp:
        return this.#arp(start, end)
      case ETHER.vlan:
      case ETHER.qinq:
      case ETHER.qinqOld:
        if (end - start < 4) return this.#bad('link-header')
        if (this.packet.vlan < 0) this.packet.vlan = u16(this.#bytes, start) & 0xfff
        if (++this.#depth > DEEPEST) return this.#pass('too-deep')
        return this.#lengthOrType(u16(this.#bytes, start + 2), start + 4, end)
      case ETHER.mpls:
      case ETHER.mplsMulticast:
        return this.#mpls(start, end)
      case ETHER.pppoeSession:
        if (end - start < 8) return this.#bad('link-header')
        return this.#ppp(start + 6, Math.min(end, start + 6 + u16(this.#bytes, start + 4)))
      case ETHER.transparentBridging:
        return this.#inner(() => this.#ethernet(start, end))
      default:
        return this.#pass('not-ip')
    }
  }

  /** RFC 826. In a tunnel, the addresses of that are what is told. */
  #arp(start: number, end: number): boolean {
    const [bytes, packet] = [this.#bytes, this.packet]
    const isIpv4 =
      end - start >= 28 && u16(bytes, start + 2) === ETHER.ipv4 && u16(bytes, start + 4) === 0x0604
    if (isIpv4 && packet.ipVersion === 0) {
      packet.isArp = true
      packet.src0 = i32(bytes, start + 14)
      packet.dst0 = i32(bytes, start + 24)
    }
    return this.#pass('not-ip')
  }

  #lengthOrType(type: number, start: number, end: number): boolean {
    return type <= 1500 ? this.#pass('not-ip') : this.#etherType(type, start, end)
  }

  #mpls(start: number, end: number): boolean {
    let at = start
    for (;;) {
      if (end - at < 4) return this.#bad('link-header')
      const bottom = (u8(this.#bytes, at + 2) & 1) === 1
      at += 4
      if (bottom) break
    }
    if (end - at < 1) return this.#bad('link-header')
    const nibble = u8(this.#bytes, at) >> 4
    if (nibble === 4 || nibble === 6) return this.#ipByNibble(at, end)
    // A pseudowire: a control word of zeros in front of an Ethernet frame (RFC 4448), or the frame at once.
    return this.#inner(() => this.#ethernet(nibble === 0 && end - at >= 18 ? at + 4 : at, end))
  }

  /** RFC 1661, 1662: address and control fields are there or left out, and so is the first byte of the protocol. */
  #ppp(start: number, end: number): boolean {
    let at = start
    if (end - at >= 2 && u16(this.#bytes, at) === 0xff03) at += 2
    if (end - at < 2) return this.#bad('link-header')
    const compressed = (u8(this.#bytes, at) & 1) === 1
    const protocol = compressed ? u8(this.#bytes, at) : u16(this.#bytes, at)
    at += compressed ? 1 : 2
    if (protocol === PPP.ipv4) return this.#ipv4(at, end)
    if (protocol === PPP.ipv6) return this.#ipv6(at, end)
    if (protocol === PPP.mpls) return this.#mpls(at, end)
    return this.#pass('not-ip')
  }

  /** https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html: TLVs in host order; type 9 is the packet. */
  #nflog(start: number, end: number): boolean {
    let at = start + 4
    while (end - at >= 4) {
      const length = u8(this.#bytes, at) | (u8(this.#bytes, at + 1) << 8)
      const type = u8(this.#bytes, at + 2) | (u8(this.#bytes, at + 3) << 8)
      if (length < 4) return this.#bad('link-header')
      if (type === NFLOG_PAYLOAD) return this.#ipByNibble(at + 4, Math.min(end, at + length))
      at += (length + 3) & ~3
    }
    return this.#bad('link-header')
  }

  #ipByNibble(start: number, end: number): boolean {
    if (end <= start) return this.#bad('ip-header')
    const nibble = u8(this.#bytes, start) >> 4
    if (nibble === 4) return this.#ipv4(start, end)
    if (nibble === 6) return this.#ipv6(start, end)
    return this.#pass('not-ip')
  }

  /** RFC 791 §3.1 */
  #ipv4(start: number, end: number): boolean {
    const bytes = this.#bytes
    if (end - start < 20) return this.#bad('ip-header')
    const first = u8(bytes, start)
    const headerLength = (first & 15) << 2
    if (first >> 4 !== 4 || headerLength < 20 || end - start < headerLength) return this.#bad('ip-header')
    // 0 where the card cuts the segments (TSO): the capture says how long it is.
    const totalLength = u16(bytes, start + 2) || end - start
    if (totalLength < headerLength) return this.#bad('ip-header')
    const packet = this.packet
    packet.ipVersion = 4
    packet.protocol = u8(bytes, start + 9)
    packet.ipId = u16(bytes, start + 4)
    packet.ttl = u8(bytes, start + 8)
    packet.src0 = i32(bytes, start + 12)
    packet.dst0 = i32(bytes, start + 16)
    packet.src1 = 0
    packet.src2 = 0
    packet.src3 = 0
    packet.dst1 = 0
    packet.dst2 = 0
    packet.dst3 = 0
    const payload = start + headerLength
    const wireEnd = start + totalLength
    if (this.#verify && !headerChecksumHolds(bytes, start, payload)) return this.#bad('bad-checksum')
    const fragment = u16(bytes, start + 6)
    if ((fragment & 0x3fff) !== 0) {
      const more = (fragment & 0x2000) !== 0
      return this.#fragment(
        u16(bytes, start + 4),
        payload,
        Math.min(end, wireEnd),
        wireEnd,
        (fragment & 0x1fff) << 3,
        more,
      )
    }
    if (wireEnd <= end && !this.#holds(packet.protocol, payload, wireEnd)) return this.#bad('bad-checksum')
    return this.#transport(packet.protocol, payload, Math.min(end, wireEnd), wireEnd)
  }

  /** RFC 8200 §3, §4 */
  #ipv6(start: number, end: number): boolean {
    const bytes = this.#bytes
    if (end - start < 40 || u8(bytes, start) >> 4 !== 6) return this.#bad('ip-header')
    const packet = this.packet
    packet.ipVersion = 6
    packet.ipId = 0
    packet.ttl = u8(bytes, start + 7)
    packet.src0 = i32(bytes, start + 8)
    packet.src1 = i32(bytes, start + 12)
    packet.src2 = i32(bytes, start + 16)
    packet.src3 = i32(bytes, start + 20)
    packet.dst0 = i32(bytes, start + 24)
    packet.dst1 = i32(bytes, start + 28)
    packet.dst2 = i32(bytes, start + 32)
    packet.dst3 = i32(bytes, start + 36)
    const payloadLength = u16(bytes, start + 4)
    const wireEnd = payloadLength === 0 ? end : start + 40 + payloadLength
    const limit = Math.min(end, wireEnd)
    let next = u8(bytes, start + 6)
    let at = start + 40
    let routed = false
    for (let count = 0; isExtension(next); count++) {
      if (count > MOST_EXTENSIONS || limit - at < 8) return this.#bad('ip-options')
      if (next === EXTENSION.fragment) {
        const inner = u8(bytes, at)
        const place = u16(bytes, at + 2)
        packet.protocol = inner
        if ((place & 0xfff9) !== 0)
          return this.#fragment(u32(bytes, at + 4), at + 8, limit, wireEnd, place & 0xfff8, (place & 1) === 1)
        // Atomic (RFC 6946): a fragment header on a datagram that is whole.
        packet.fragmented = true
        next = inner
        at += 8
        continue
      }
      // The checksum is that of the packet as it arrives: with the last address on the route.
      routed ||= next === EXTENSION.routing && u8(bytes, at + 3) > 0
      const length = extensionLength(bytes, next, at)
      next = u8(bytes, at)
      at += length
      if (at > limit) return this.#bad('ip-options')
    }
    packet.protocol = next
    if (!routed && wireEnd <= end && !this.#holds(next, at, wireEnd)) return this.#bad('bad-checksum')
    return this.#transport(next, at, limit, wireEnd)
  }

  #holds(protocol: number, start: number, end: number): boolean {
    return !this.#verify || transportChecksumHolds(this.packet, protocol, this.#bytes, start, end)
  }

  #fragment(id: number, start: number, end: number, wireEnd: number, offset: number, more: boolean): boolean {
    const packet = this.packet
    packet.fragmented = true
    const length = end - start
    if (length <= 0 || offset + length > 65535 || (more && ((wireEnd - start) & 7) !== 0))
      return this.#bad('fragment')
    // Cut short by the capture: its datagram can never be whole.
    const whole =
      end < wireEnd ? undefined : this.#fragments.add(packet, id, this.#bytes, start, end, offset, more)
    if (whole === undefined) {
      this.counters.decoded++
      return false
    }
    this.#bytes = whole
    packet.bytes = whole
    const protocol = packet.protocol
    if (packet.ipVersion === 6 && isExtension(protocol)) return this.#afterFragments(protocol, whole)
    if (!this.#holds(protocol, 0, whole.length)) return this.#bad('bad-checksum')
    return this.#transport(protocol, 0, whole.length, whole.length)
  }

  /** Extension headers that were themselves fragmented (destination options). */
  #afterFragments(first: number, whole: Uint8Array): boolean {
    let next = first
    let at = 0
    for (let count = 0; isExtension(next); count++) {
      if (count > MOST_EXTENSIONS || next === EXTENSION.fragment || whole.length - at < 8)
        return this.#bad('ip-options')
      const length = extensionLength(whole, next, at)
      next = u8(whole, at)
      at += length
      if (at > whole.length) return this.#bad('ip-options')
    }
    this.packet.protocol = next
    return this.#transport(next, at, whole.length, whole.length)
  }

  #transport(protocol: number, start: number, end: number, wireEnd: number): boolean {
    const bytes = this.#bytes
    const packet = this.packet
    switch (protocol) {
      case PROTOCOL.tcp: {
        if (end - start < 20) return this.#bad('transport-header')
        const headerLength = (u8(bytes, start + 12) >> 4) << 2
        if (headerLength < 20 || start + headerLength > wireEnd) return this.#bad('transport-header')
        packet.headerStart = start
        packet.srcPort = u16(bytes, start)
        packet.dstPort = u16(bytes, start + 2)
        packet.seq = u32(bytes, start + 4)
        packet.ack = u32(bytes, start + 8)
        packet.flags = u8(bytes, start + 13)
        packet.window = u16(bytes, start + 14)
        packet.windowScale =
          (packet.flags & FLAG.syn) === 0
            ? -1
            : windowScale(bytes, start + 20, Math.min(start + headerLength, end))
        return this.#payload(start + headerLength, end, wireEnd)
      }
      case PROTOCOL.udp: {
        if (end - start < 8) return this.#bad('transport-header')
        const length = u16(bytes, start + 4)
        if (length !== 0 && length < 8) return this.#bad('transport-header')
        packet.headerStart = start
        packet.srcPort = u16(bytes, start)
        packet.dstPort = u16(bytes, start + 2)
        // 0 in jumbograms; more than the IP packet where the card cuts (GSO) or somebody lies: IP is right.
        const udpEnd = length === 0 ? wireEnd : Math.min(start + length, wireEnd)
        return this.#udp(start + 8, Math.min(end, udpEnd), udpEnd)
      }
      case PROTOCOL.icmp:
      case PROTOCOL.icmp6:
        if (end - start < 4) return this.#bad('transport-header')
        return this.#payload(start, end, wireEnd)
      case PROTOCOL.sctp:
        if (end - start < 12) return this.#bad('transport-header')
        packet.srcPort = u16(bytes, start)
        packet.dstPort = u16(bytes, start + 2)
        return this.#payload(start + 12, end, wireEnd)
      case EXTENSION.authentication:
        return this.#authenticated(start, end, wireEnd)
      case TUNNEL.ipv4:
        return this.#inner(() => this.#ipv4(start, end))
      case TUNNEL.ipv6:
        return this.#inner(() => this.#ipv6(start, end))
      case TUNNEL.gre:
        return this.#inner(() => this.#gre(start, end))
      default:
        return this.#payload(start, end, wireEnd)
    }
  }

  /** What an authentication header in IPv4 protects lies open. RFC 4302 §2 */
  #authenticated(start: number, end: number, wireEnd: number): boolean {
    let next: number = EXTENSION.authentication
    let at = start
    while (next === EXTENSION.authentication) {
      if (end - at < 12) return this.#bad('transport-header')
      const length = extensionLength(this.#bytes, next, at)
      next = u8(this.#bytes, at)
      at += length
    }
    if (at > end) return this.#bad('transport-header')
    this.packet.protocol = next
    return this.#transport(next, at, end, wireEnd)
  }

  #payload(start: number, end: number, wireEnd: number): boolean {
    const packet = this.packet
    packet.bytes = this.#bytes
    packet.payloadStart = Math.min(start, end)
    packet.payloadEnd = end
    packet.payloadLength = Math.max(0, wireEnd - start)
    this.counters.decoded++
    return true
  }

  /** A tunnel if the port says so and the content agrees; otherwise plain UDP. */
  #udp(start: number, end: number, wireEnd: number): boolean {
    const packet = this.packet
    const bytes = this.#bytes
    if (this.#depth < DEEPEST) {
      switch (packet.dstPort) {
        case PORT.vxlan:
        case PORT.vxlanLinux:
          if (
            end - start >= 8 + 14 &&
            (u8(bytes, start) & 0x08) !== 0 &&
            looksLikeEthernet(bytes, start + 8, end)
          )
            return this.#inner(() => this.#ethernet(start + 8, end))
          break
        case PORT.geneve: {
          // RFC 8926 §3.4: version 0, options in words of four bytes, EtherType of what follows.
          const options = end - start >= 8 ? (u8(bytes, start) & 0x3f) << 2 : 0
          if (end - start >= 8 + options && u8(bytes, start) >> 6 === 0)
            return this.#inner(() => this.#etherType(u16(bytes, start + 2), start + 8 + options, end))
          break
        }
        case PORT.gtp: {
          const inner = gtpPayload(bytes, start, end)
          if (inner >= 0) return this.#inner(() => this.#ipByNibble(inner, end))
          break
        }
        default: {
          const isOn = (port: number) => packet.dstPort === port || packet.srcPort === port
          if (isOn(PORT.sctp) && looksLikeSctp(bytes, start, end)) {
            packet.protocol = PROTOCOL.sctp
            return this.#transport(PROTOCOL.sctp, start, end, wireEnd)
          }
          const inner = isOn(PORT.teredo) ? teredoPayload(bytes, start, end) : -1
          if (inner >= 0) return this.#inner(() => this.#ipv6(inner, end))
        }
      }
    }
    return this.#payload(start, end, wireEnd)
  }

  /** RFC 2784, 2890; ERSPAN (draft-foschiano-erspan) inside. */
  #gre(start: number, end: number): boolean {
    const bytes = this.#bytes
    if (end - start < 4) return this.#bad('tunnel-header')
    const flags = u16(bytes, start)
    const type = u16(bytes, start + 2)
    let at = start + 4
    if ((flags & 0x8000) !== 0 || (flags & 0x4000) !== 0) at += 4
    if ((flags & 0x2000) !== 0) at += 4
    const sequenced = (flags & 0x1000) !== 0
    if (sequenced) at += 4
    if ((flags & 7) === 1 && (flags & 0x0080) !== 0) at += 4
    if (at > end) return this.#bad('tunnel-header')
    switch (type) {
      case GRE.erspan:
        // Type I has no header of its own; type II has one of 8 bytes, and a sequence number in GRE.
        return this.#ethernet(sequenced ? at + 8 : at, end)
      case GRE.erspan3: {
        if (end - at < 12) return this.#bad('tunnel-header')
        const hasSubheader = (u8(bytes, at + 11) & 1) === 1
        return this.#ethernet(at + (hasSubheader ? 20 : 12), end)
      }
      case GRE.ppp:
        return this.#ppp(at, end)
      default:
        return this.#etherType(type, at, end)
    }
  }

  /** What is inside a tunnel: its headers are the ones that count. */
  #inner(read: () => boolean): boolean {
    if (++this.#depth > DEEPEST) return this.#pass('too-deep')
    const packet = this.packet
    packet.srcPort = 0
    packet.dstPort = 0
    return read()
  }

  #pass(reason: IgnoreReason): false {
    const isInTunnel = this.#depth > 0 && reason === 'not-ip' && this.packet.ipVersion !== 0
    this.#ignored(isInTunnel ? 'tunnel-not-ip' : reason)
    return false
  }

  #ignored(reason: IgnoreReason): void {
    const { ignored } = this.counters
    ignored[reason] = (ignored[reason] ?? 0) + 1
  }

  #bad(reason: MalformedReason): false {
    const { malformed } = this.counters
    malformed[reason] = (malformed[reason] ?? 0) + 1
    return false
  }
}

/** RFC 8200 §4.1; RFC 4302 §2.2 */
/** Options of a SYN: kind and length, but for padding and the end (RFC 9293 §3.1). */
function windowScale(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at + 2 < end; ) {
    const kind = u8(bytes, at)
    if (kind === 0) return -1
    if (kind === 3) return u8(bytes, at + 1) === 3 ? u8(bytes, at + 2) : -1
    at += kind === 1 ? 1 : Math.max(u8(bytes, at + 1), 2)
  }
  return -1
}

function extensionLength(bytes: Uint8Array, kind: number, at: number): number {
  const words = u8(bytes, at + 1)
  return kind === EXTENSION.authentication ? (words + 2) << 2 : (words + 1) << 3
}

function isExtension(protocol: number): boolean {
  switch (protocol) {
    case EXTENSION.hopByHop:
    case EXTENSION.routing:
    case EXTENSION.fragment:
    case EXTENSION.authentication:
    case EXTENSION.destination:
    case EXTENSION.mobility:
    case EXTENSION.hostIdentity:
    case EXTENSION.shim6:
      return true
    default:
      return false
  }
}

function looksLikeEthernet(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 14) return false
  const type = u16(bytes, start + 12)
  return type <= 1500 || KNOWN_ETHER.has(type)
}

/** SCTP in UDP (RFC 6951): ports, and a first chunk of a known type that fits; an INIT has the tag 0, others have one. */
function looksLikeSctp(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 16 || u16(bytes, start) === 0 || u16(bytes, start + 2) === 0) return false
  const type = u8(bytes, start + 12)
  const length = u16(bytes, start + 14)
  if (!SCTP_CHUNKS.has(type) || length < 4 || start + 12 + length > end) return false
  return (u32(bytes, start + 4) === 0) === (type === CHUNK.init)
}

/** Where the packet inside a GTPv1-U message begins (3GPP TS 29.281 §5.1); −1 when it is none. */
function gtpPayload(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 8) return -1
  const flags = u8(bytes, start)
  if (flags >> 5 !== 1 || (flags & 0x10) === 0 || u8(bytes, start + 1) !== 0xff) return -1
  let at = start + 8
  if ((flags & 7) !== 0) {
    let next = (flags & 4) !== 0 && end - at >= 4 ? u8(bytes, at + 3) : 0
    at += 4
    for (let count = 0; next !== 0 && at < end && count < MOST_EXTENSIONS; count++) {
      const length = u8(bytes, at) << 2
      if (length === 0 || at + length > end) return -1
      next = u8(bytes, at + length - 1)
      at += length
    }
  }
  const nibble = at < end ? u8(bytes, at) >> 4 : 0
  return nibble === 4 || nibble === 6 ? at : -1
}

/** Where the IPv6 packet inside a Teredo packet begins (RFC 4380 §5.1); −1 when there is none. */
function teredoPayload(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  if (end - at >= 4 && u16(bytes, at) === 1) at += 13 + u8(bytes, at + 2) + u8(bytes, at + 3)
  if (end - at >= 8 && u16(bytes, at) === 0) at += 8
  if (end - at < 40 || u8(bytes, at) >> 4 !== 6) return -1
  return u16(bytes, at + 4) <= end - at - 40 ? at : -1
}

const LINK = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  rawBsd: 12,
  rawOpenBsd: 14,
  pppHdlc: 50,
  raw: 101,
  loop: 108,
  sll: 113,
  ipv4: 228,
  ipv6: 229,
  nflog: 239,
  sll2: 276,
} as const
/** https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html: the packet type of what we have sent. */
const SLL_OUTGOING = 4
const ETHER = {
  ipv4: 0x0800,
  arp: 0x0806,
  transparentBridging: 0x6558,
  vlan: 0x8100,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  pppoeSession: 0x8864,
  qinq: 0x88a8,
  qinqOld: 0x9100,
} as const
const KNOWN_ETHER: ReadonlySet<number> = new Set([...Object.values(ETHER), 0x88cc])
const PPP = { ipv4: 0x21, ipv6: 0x57, mpls: 0x281 } as const
const GRE = { ppp: 0x880b, erspan: 0x88be, erspan3: 0x22eb } as const
const TUNNEL = { ipv4: 4, ipv6: 41, gre: 47 } as const
const PORT = { gtp: 2152, teredo: 3544, vxlan: 4789, geneve: 6081, vxlanLinux: 8472, sctp: 9899 } as const
/** https://www.iana.org/assignments/ipv6-parameters */
const EXTENSION = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  authentication: 51,
  destination: 60,
  mobility: 135,
  hostIdentity: 139,
  shim6: 140,
} as const
const NFLOG_PAYLOAD = 9
const SCTP_CHUNKS: ReadonlySet<number> = new Set([...Array(17).keys(), 64, 128, 130, 132, 192, 193, 194])
const MOST_EXTENSIONS = 16
/** VLAN tags and tunnels within one packet. */
const DEEPEST = 8
const FRAGMENT_BUDGET = 16 << 20
