import type { Packet } from '../packet/packet.ts'
import type { Association } from './sctp.ts'
import type { TcpMetrics } from './tcp-metrics.ts'

/** Which end sent something: 0 = the end whose packet was seen first, 1 = the other. */
export type End = 0 | 1

/**
 * What becomes of the bytes of a connection. Calls come in capture order; `bytes` is valid during the call only.
 * `connection.seconds` and `.nanos` are the time of the packet at hand.
 */
export interface ConnectionHandler {
  /**
   * The next bytes that `from` sent, in order and without holes. For UDP and ICMP: one datagram, whole. For SCTP: one
   * message of the users, whole; `connection.sctp` says of which stream.
   */
  data(from: End, bytes: Uint8Array, start: number, end: number): void
  /** `length` bytes that `from` sent were not captured; for SCTP so many or more, of the stream that `connection.sctp` says. */
  gap(from: End, length: number): void
  /** `from` has said that it sends no more (FIN), and everything before that was delivered. */
  end(from: End): void
  /** It is `seconds` of capture time, whether packets of this connection come or not; told every few seconds. */
  time(seconds: number): void
  /** No more calls: closed by both ends, reset, replaced by a new connection, idle, evicted or the capture ended. */
  close(reason: CloseReason): void
  /** Gives back memory; bytes held for an unfinished message may be dropped (and counted). */
  evict(): void
  /** After `close`: the last packets of the conversation have been counted, and it is forgotten. */
  gone?(): void
}

/** Of a connection that nobody follows. */
export const IDLE: ConnectionHandler = { data() {}, gap() {}, end() {}, time() {}, close() {}, evict() {} }

export type CloseReason = 'closed' | 'reset' | 'replaced' | 'idle' | 'evicted' | 'capture-end'

/** One L4 conversation: a TCP connection, an SCTP association, the datagrams between two UDP sockets, the ICMP between two hosts. */
export class Connection {
  /** Number of the stream, from 0 in order of appearance. */
  readonly id: number
  /** IP protocol number. */
  readonly protocol: number
  readonly ipVersion: number
  /** The ends as address words and port: `a` is end 0. */
  readonly a0: number
  readonly a1: number
  readonly a2: number
  readonly a3: number
  readonly aPort: number
  readonly b0: number
  readonly b1: number
  readonly b2: number
  readonly b3: number
  readonly bPort: number
  readonly hash: number
  readonly vlan: number
  readonly interfaceName: string
  readonly firstSeconds: number
  readonly firstNanos: number

  /** Time of the latest packet. */
  seconds = 0
  nanos = 0
  /** Packets and payload bytes (as captured) by end. */
  aPackets = 0
  bPackets = 0
  aPayload = 0
  bPayload = 0
  /** Which end opened it, as the SYN of TCP or the INIT of SCTP showed; −1 when the capture began later. */
  opener: End | -1 = -1
  closed = false
  tcp: TcpState | undefined = undefined
  /** How it goes, where somebody wants to know. */
  metrics: TcpMetrics | undefined = undefined
  sctp: Association | undefined = undefined
  /** Entries made of it: the ordinal of the next one. */
  entries = 0
  handler: ConnectionHandler

  constructor(id: number, packet: Packet, hash: number, handler: ConnectionHandler) {
    this.id = id
    this.protocol = packet.protocol
    this.ipVersion = packet.ipVersion
    this.a0 = packet.src0
    this.a1 = packet.src1
    this.a2 = packet.src2
    this.a3 = packet.src3
    this.aPort = packet.srcPort
    this.b0 = packet.dst0
    this.b1 = packet.dst1
    this.b2 = packet.dst2
    this.b3 = packet.dst3
    this.bPort = packet.dstPort
    this.hash = hash
    this.vlan = packet.vlan
    this.interfaceName = packet.interface.name
    this.firstSeconds = packet.seconds
    this.firstNanos = packet.nanos
    this.seconds = packet.seconds
    this.nanos = packet.nanos
    this.handler = handler
  }

  packetsFrom(end: End): number {
    return end === 0 ? this.aPackets : this.bPackets
  }

  payloadFrom(end: End): number {
    return end === 0 ? this.aPayload : this.bPayload
  }

  /** Which end sent this packet, which belongs to this conversation. */
  senderOf(packet: Packet): End {
    const end = this.endOf(packet)
    if (end === 0 || end === 1) return end
    return this.sctp?.endOf(packet) === 1 ? 1 : 0
  }

  /** Who talks to whom, as a packet of it has it. */
  get conversation() {
    const { ipVersion, protocol } = this
    const [src0, src1, src2, src3, srcPort] = [this.a0, this.a1, this.a2, this.a3, this.aPort]
    const [dst0, dst1, dst2, dst3, dstPort] = [this.b0, this.b1, this.b2, this.b3, this.bPort]
    return { ipVersion, protocol, src0, src1, src2, src3, srcPort, dst0, dst1, dst2, dst3, dstPort }
  }

  /** Which end sent this packet, or −1 when it belongs to another conversation. */
  endOf(packet: Packet): End | -1 {
    if (packet.protocol !== this.protocol || packet.ipVersion !== this.ipVersion) return -1
    if (
      packet.srcPort === this.aPort &&
      packet.dstPort === this.bPort &&
      packet.src0 === this.a0 &&
      packet.dst0 === this.b0 &&
      packet.src3 === this.a3 &&
      packet.dst3 === this.b3 &&
      packet.src1 === this.a1 &&
      packet.dst1 === this.b1 &&
      packet.src2 === this.a2 &&
      packet.dst2 === this.b2
    )
      return 0
    if (
      packet.srcPort === this.bPort &&
      packet.dstPort === this.aPort &&
      packet.src0 === this.b0 &&
      packet.dst0 === this.a0 &&
      packet.src3 === this.b3 &&
      packet.dst3 === this.a3 &&
      packet.src1 === this.b1 &&
      packet.dst1 === this.a1 &&
      packet.src2 === this.b2 &&
      packet.dst2 === this.a2
    )
      return 1
    return -1
  }
}

/** The state of both directions of a TCP connection. */
export interface TcpState {
  readonly streams: readonly [TcpStream, TcpStream]
}

/** One direction of a TCP connection. Sequence numbers are compared modulo 2^32 (RFC 9293 §3.4). */
export class TcpStream {
  /** Sequence number of the next byte to deliver; meaningless until `started`. */
  next = 0
  started = false
  /** Sequence number of the SYN, when it was seen. */
  initial = -1
  /** Highest sequence number that the other end has acknowledged; meaningless until `isAcked`. */
  acked = 0
  isAcked = false
  /** Sequence number after the last byte, once a FIN was seen. */
  finAt = -1
  ended = false
  /** Bytes delivered or passed over so far: the position in the stream of the byte at `next`. */
  position = 0
  /** Segments that wait for a hole to be filled, in order, without overlaps. */
  waiting: Waiting[] = []
  waitingBytes = 0
  /** Packets of the other end seen since it acknowledged bytes after `next` for which something waits; −1 = it did not. */
  ackedFor = -1
  /** What the segment that was delivered last acknowledges; `NO_ACK` when it acknowledges nothing. */
  heard = NO_ACK
}

/** A segment that waits: bytes before it are missing, or bytes of the other end that its sender had. */
export interface Waiting {
  readonly seq: number
  readonly bytes: Uint8Array
  /** Length on the wire; more than `bytes` when the capture was cut short. */
  readonly length: number
  /** What it acknowledges, or `NO_ACK`. */
  readonly ack: number
  /** When it was captured. */
  readonly seconds: number
  readonly nanos: number
  /** The bytes that it acknowledges will not come: it waits for them no more. */
  gaveUp: boolean
}

export const NO_ACK = -1
