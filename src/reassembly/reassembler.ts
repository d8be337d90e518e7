import { copyOf } from '../bytes/read.ts'
import { FLAG, type Packet, PROTOCOL } from '../packet/packet.ts'
import { verificationTag } from '../packet/sctp.ts'
import {
  type CloseReason,
  Connection,
  type ConnectionHandler,
  type End,
  IDLE,
  NO_ACK,
  type TcpState,
  TcpStream,
  type Waiting,
} from './connection.ts'
import { Association, pathKey } from './sctp.ts'
import { ConnectionTable, conversationHash } from './table.ts'
import { TcpMetrics } from './tcp-metrics.ts'

export interface ReassemblerOptions {
  /** Bytes that may wait for holes to be filled, over all connections. */
  readonly memory: number
  /** Conversations that are followed at once; the idlest goes when one more appears. */
  readonly maxConnections: number
  /** Seconds without a packet after which a TCP connection, or another conversation, is over. */
  readonly tcpIdle: number
  readonly otherIdle: number
  /** Connections get their `metrics`. */
  readonly measure: boolean
  /** Number of the first conversation; 0 by default. */
  readonly firstId?: number | undefined
  /** Called for each new conversation. */
  open(connection: Connection): ConnectionHandler
}

/** Payload bytes that never reached a handler, by reason, and what else happened to the streams. */
export interface ReassemblyCounters {
  connections: { tcp: number; udp: number; icmp: number; sctp: number; other: number }
  /** Captured payload bytes that were passed on. */
  deliveredBytes: number
  /** Captured payload bytes that were not, because they had been before … */
  retransmittedBytes: number
  /** … because their sequence number is nowhere near the stream … */
  outOfWindowBytes: number
  /** … because they came after the end of the stream … */
  afterEndBytes: number
  /** … because they are the protocol's own: in SCTP the headers of chunks, chunks without data, padding … */
  chunkBytes: number
  /** … because other fragments of their message are missing … */
  fragmentBytes: number
  /** … or because their protocol has no streams here (ESP and others). */
  otherProtocolBytes: number
  /** Bytes that other bytes prove were sent and that were not captured. */
  lostBytes: number
  holes: number
  /** Connections whose waiting bytes were let go with holes because memory ran out. */
  evictions: number
  /** TCP connections that carried something and whose beginning was not captured … */
  begunBefore: number
  /** … and that ended without a packet of the end that something was sent to: it went another way, or was not captured. */
  oneSided: number
}

/**
 * Packets in, bytes in order out: puts TCP segments in sequence, drops what was sent again, marks what is missing,
 * groups the datagrams of UDP and ICMP, and has SCTP's associations put together. RFC 9293. Bytes that an end had received when it sent something come before
 * that, whatever the order of the capture: a reply never comes before its request.
 */
export class Reassembler {
  readonly counters: ReassemblyCounters = {
    connections: { tcp: 0, udp: 0, icmp: 0, sctp: 0, other: 0 },
    deliveredBytes: 0,
    retransmittedBytes: 0,
    outOfWindowBytes: 0,
    afterEndBytes: 0,
    chunkBytes: 0,
    fragmentBytes: 0,
    otherProtocolBytes: 0,
    lostBytes: 0,
    holes: 0,
    evictions: 0,
    begunBefore: 0,
    oneSided: 0,
  }
  readonly #options: ReassemblerOptions
  readonly #table = new ConnectionTable()
  /** Associations by what their packets have in common on all paths. */
  readonly #byPath = new Map<string, Connection>()
  /** Connections with waiting segments, the one that has waited longest first. */
  readonly #waiting = new Set<Connection>()
  #waitingBytes = 0
  #nextId: number
  #now = 0
  #sweepAt = 0
  #current: Connection | undefined

  constructor(options: ReassemblerOptions) {
    this.#options = options
    this.#nextId = options.firstId ?? 0
  }

  /** Connections followed at the moment. */
  get live(): number {
    return this.#table.size
  }

  /** Those of TCP that have not ended. Looks at each. */
  get liveTcp(): number {
    let live = 0
    for (const { protocol, closed } of this.#table) if (protocol === PROTOCOL.tcp && !closed) live++
    return live
  }

  /**
   * The conversation of the packet that comes next, begun if it is new; undefined for protocols without any. By then,
   * time has come to where the packet is: what it ends, or takes the place of, has ended.
   */
  connectionOf(packet: Packet): Connection | undefined {
    if (packet.seconds > this.#now) this.advance(packet.seconds)
    if (!hasConversations(packet.protocol)) return undefined
    const connection = this.#connectionOf(packet)
    if (!isReplacedBy(connection, packet)) return connection
    this.#drop(connection, 'replaced')
    return this.#connectionOf(packet)
  }

  /** `connection`: what `connectionOf` has just answered for it. */
  push(packet: Packet, connection = this.connectionOf(packet)): void {
    if (connection === undefined) {
      this.#current = undefined
      this.counters.otherProtocolBytes += packet.payloadEnd - packet.payloadStart
    } else if (packet.protocol === PROTOCOL.tcp) this.#tcp(connection, packet)
    else if (packet.protocol === PROTOCOL.sctp) this.#sctp(connection, packet)
    else this.#datagram(connection, packet)
  }

  /**
   * Lets go of the conversation with this number (`conversationNumber`): the same one is followed between other addresses. False
   * where it has entries already, and stays.
   */
  forget(conversation: number): boolean {
    const connection = this.#table.numbered(conversation)
    if (connection === undefined) return true
    if (connection.entries > 0) return false
    this.#drop(connection, 'replaced')
    return true
  }

  /**
   * The capture is over: everything that still waits is passed on, and every conversation is closed. What comes then, if
   * anything does, belongs to others.
   */
  finish(): void {
    for (const connection of this.#table) this.#close(connection, 'capture-end')
    for (const connection of this.#table) this.#drop(connection, 'capture-end')
  }

  #datagram(connection: Connection, packet: Packet): void {
    const from = connection.endOf(packet) as End
    this.#note(connection, packet, from)
    this.counters.deliveredBytes += packet.payloadEnd - packet.payloadStart
    connection.handler.data(from, packet.bytes, packet.payloadStart, packet.payloadEnd)
  }

  #sctp(connection: Connection, packet: Packet): void {
    const from = connection.senderOf(packet)
    this.#note(connection, packet, from)
    connection.sctp ??= new Association(connection, this.counters)
    const known = connection.sctp.paths.length
    const over = this.#associated(connection, connection.sctp, (association) =>
      association.push(packet, from),
    )
    if (connection.sctp.paths.length > known)
      for (const key of connection.sctp.paths) this.#byPath.set(key, connection)
    while (this.#waitingBytes > this.#options.memory) this.#evictOldest()
    if (over !== undefined) this.#close(connection, over)
  }

  /** Keeps the books on what waits in an association, while something is done to it. */
  #associated<T>(connection: Connection, association: Association, act: (association: Association) => T): T {
    const before = association.held
    const result = act(association)
    const after = association.held
    this.#waitingBytes += after - before
    if (after === 0) this.#waiting.delete(connection)
    else this.#waiting.add(connection)
    return result
  }

  #tcp(connection: Connection, packet: Packet): void {
    const from = connection.endOf(packet) as End
    this.#note(connection, packet, from)
    if (connection.tcp === undefined) connection.tcp = { streams: [new TcpStream(), new TcpStream()] }
    const stream = connection.tcp.streams[from]
    if (this.#options.measure) {
      connection.metrics ??= new TcpMetrics()
      connection.metrics.note(packet, from, stream)
    }
    const other = connection.tcp.streams[from === 0 ? 1 : 0]
    const length = packet.payloadLength
    if (connection.closed) {
      this.counters.afterEndBytes += packet.payloadEnd - packet.payloadStart
      return
    }

    if ((packet.flags & FLAG.ack) !== 0)
      this.#acknowledge(connection, from === 0 ? 1 : 0, other, stream, packet.ack)
    let seq = packet.seq
    if ((packet.flags & FLAG.syn) !== 0) {
      if (connection.opener < 0)
        connection.opener = (packet.flags & FLAG.ack) === 0 ? from : from === 0 ? 1 : 0
      seq = (seq + 1) >>> 0
      if (!stream.started) start(stream, seq)
      if (stream.initial < 0) stream.initial = packet.seq
    }
    if (length > 0) {
      if (connection.opener < 0 && !stream.started && !other.started) this.counters.begunBefore++
      if (!stream.started) start(stream, seq)
      this.#segment(connection, from, stream, other, packet, seq)
    }
    if ((packet.flags & FLAG.rst) !== 0) {
      if (isNear(stream, seq, -MOST_UNSEEN)) this.#close(connection, 'reset')
    } else if ((packet.flags & FLAG.fin) !== 0) {
      if (!stream.started) start(stream, seq)
      const end = (seq + length) >>> 0
      if (stream.finAt < 0 && isNear(stream, end, 0)) stream.finAt = end
      if (stream.finAt >= 0) this.#endIfDone(connection, from, stream)
      if (other.waiting.length > 0) this.#release(connection, undefined)
    }
  }

  #segment(
    connection: Connection,
    from: End,
    stream: TcpStream,
    other: TcpStream,
    packet: Packet,
    seq: number,
  ): void {
    let start = packet.payloadStart
    const end = packet.payloadEnd
    let length = packet.payloadLength
    const ahead = (seq - stream.next) | 0
    const ack = (packet.flags & FLAG.ack) === 0 ? NO_ACK : packet.ack

    if (ahead > 0 || (isBehind(other, ack) && ahead + length > 0 && !stream.ended && misses(other, ack))) {
      if (stream.ended) this.counters.afterEndBytes += end - start
      else if (ahead > FARTHEST_AHEAD) this.counters.outOfWindowBytes += end - start
      else this.#wait(connection, from, stream, packet, seq, ack)
      return
    }
    if (ahead < 0) {
      const seen = Math.min(-ahead, length)
      const seenCaptured = Math.min(seen, end - start)
      this.counters.retransmittedBytes += seenCaptured
      if (seen === length) return
      start += seenCaptured
      length -= seen
    }
    if (stream.ended) {
      this.counters.afterEndBytes += end - start
      return
    }
    stream.heard = ack
    this.#deliver(connection, from, stream, packet.bytes, start, end, length)
    if (stream.waiting.length > 0 || other.waiting.length > 0) this.#release(connection, from)
    if (stream.finAt >= 0) this.#endIfDone(connection, from, stream)
  }

  /** Passes on a segment that starts at `stream.next`; what the capture cut off its end is a hole. */
  #deliver(
    connection: Connection,
    from: End,
    stream: TcpStream,
    bytes: Uint8Array,
    start: number,
    end: number,
    length: number,
  ): void {
    stream.next = (stream.next + length) >>> 0
    stream.position += length
    if (end > start) {
      this.counters.deliveredBytes += end - start
      connection.handler.data(from, bytes, start, end)
    }
    const cut = length - (end - start)
    if (cut > 0) this.#lose(connection, from, cut)
  }

  #lose(connection: Connection, from: End, length: number): void {
    this.counters.holes++
    this.counters.lostBytes += length
    connection.handler.gap(from, length)
  }

  /** Keeps a copy of a segment from beyond a hole. Of bytes that come twice the first stay, as in Linux. */
  #wait(
    connection: Connection,
    from: End,
    stream: TcpStream,
    packet: Packet,
    seq: number,
    ack: number,
  ): void {
    const { seconds, nanos } = packet
    let first = seq
    let start = packet.payloadStart
    let length = packet.payloadLength
    let captured = packet.payloadEnd - start
    const waiting = stream.waiting
    let at = waiting.length
    while (at > 0 && (((waiting[at - 1] as { seq: number }).seq - first) | 0) > 0) at--

    const before = waiting[at - 1]
    if (before !== undefined) {
      const overlap = Math.min((before.seq + before.length - first) | 0, length)
      if (overlap > 0) {
        const overlapCaptured = Math.min(overlap, captured)
        this.counters.retransmittedBytes += overlapCaptured
        first = (first + overlap) >>> 0
        start += overlapCaptured
        length -= overlap
        captured -= overlapCaptured
      }
    }
    while (length > 0) {
      const after = waiting[at]
      const room = after === undefined ? length : Math.min(length, (after.seq - first) | 0)
      if (room > 0) {
        const kept = Math.min(room, captured)
        const copy = copyOf(packet.bytes, start, start + kept)
        waiting.splice(at, 0, { seq: first, bytes: copy, length: room, ack, seconds, nanos, gaveUp: false })
        stream.waitingBytes += kept
        this.#waitingBytes += kept
        at++
        first = (first + room) >>> 0
        start += kept
        length -= room
        captured -= kept
      }
      if (length > 0 && after !== undefined) {
        const covered = Math.min(length, after.length)
        const coveredCaptured = Math.min(covered, captured)
        this.counters.retransmittedBytes += coveredCaptured
        first = (first + covered) >>> 0
        start += coveredCaptured
        length -= covered
        captured -= coveredCaptured
        at++
      }
    }
    this.#waiting.add(connection)
    for (const each of (connection.tcp as TcpState).streams)
      if (each.isAcked && ((each.acked - each.next) | 0) > 0 && each.ackedFor < 0) each.ackedFor = 0
    if (stream.waitingBytes > MOST_WAITING || waiting.length > MOST_SEGMENTS)
      this.#skipHole(connection, from, stream)
    while (this.#waitingBytes > this.#options.memory) this.#evictOldest()
  }

  /**
   * Passes on what waits at both ends, as far as it goes. The segments of `filled`, whose hole was filled just now, come
   * now; others came when they were captured.
   */
  #release(connection: Connection, filled: End | undefined): void {
    const { streams } = connection.tcp as TcpState
    const { seconds, nanos } = connection
    const release = (from: End, isHeldUp: typeof misses) =>
      this.#releaseOf(connection, from, streams[from], streams[from === 0 ? 1 : 0], from === filled, isHeldUp)
    // Each may wait for the other where a segment was sent again with a later acknowledgement.
    while (release(0, isBehind) || release(1, isBehind) || release(0, misses) || release(1, misses));
    connection.seconds = seconds
    connection.nanos = nanos
    if (streams[0].waiting.length === 0 && streams[1].waiting.length === 0) this.#waiting.delete(connection)
  }

  /** Passes on waiting segments as long as nothing is missing before them. False when there was nothing to pass on. */
  #releaseOf(
    connection: Connection,
    from: End,
    stream: TcpStream,
    other: TcpStream,
    isFilled: boolean,
    isHeldUp: (other: TcpStream, ack: number) => boolean,
  ): boolean {
    const waiting = stream.waiting
    let taken = 0
    for (; taken < waiting.length; taken++) {
      const { seq, bytes, length, ack, seconds, nanos, gaveUp } = waiting[taken] as Waiting
      const ahead = (seq - stream.next) | 0
      if (ahead > 0 || (!gaveUp && isHeldUp(other, ack))) break
      // One at a time where the order is doubtful: the next one may be the other end's.
      if (taken > 0 && isHeldUp === misses) break
      stream.waitingBytes -= bytes.length
      this.#waitingBytes -= bytes.length
      const seen = Math.min(-ahead, length)
      const seenCaptured = Math.min(seen, bytes.length)
      this.counters.retransmittedBytes += seenCaptured
      if (seen === length) continue
      if (!isFilled) {
        connection.seconds = seconds
        connection.nanos = nanos
      }
      stream.heard = ack
      this.#deliver(connection, from, stream, bytes, seenCaptured, bytes.length, length - seen)
    }
    if (taken === 0) return false
    waiting.splice(0, taken)
    stream.ackedFor = waiting.length > 0 && stream.isAcked && ((stream.acked - stream.next) | 0) > 0 ? 0 : -1
    if (stream.finAt >= 0) this.#endIfDone(connection, from, stream)
    return true
  }

  /** Gives up on the bytes that the first waiting segment waits for, of its own end or of the other. */
  #skipHole(connection: Connection, from: End, stream: TcpStream): void {
    const first = stream.waiting[0]
    if (first === undefined) return
    if (((first.seq - stream.next) | 0) > 0) this.#skipTo(connection, from, stream, first.seq)
    else {
      const to = from === 0 ? 1 : 0
      const other = (connection.tcp as TcpState).streams[to]
      const next = other.waiting[0]
      const until = next !== undefined && ((next.seq - first.ack) | 0) < 0 ? next.seq : first.ack
      // A single byte that nothing follows was a FIN, as a rule.
      if (((until - other.next) | 0) > (next === undefined ? 1 : 0))
        this.#skipTo(connection, to, other, until)
      else for (const each of stream.waiting) each.gaveUp ||= each.ack === first.ack
    }
    this.#release(connection, undefined)
  }

  #skipTo(connection: Connection, from: End, stream: TcpStream, seq: number): void {
    const hole = (seq - stream.next) | 0
    stream.next = seq
    stream.position += hole
    this.#lose(connection, from, hole)
  }

  #skipAllHoles(connection: Connection): void {
    const { sctp } = connection
    if (sctp !== undefined) this.#associated(connection, sctp, (association) => association.skipHoles())
    if (connection.tcp === undefined) return
    const { streams } = connection.tcp
    for (let from = firstToSkip(streams); from !== undefined; from = firstToSkip(streams))
      this.#skipHole(connection, from, streams[from])
    for (const from of ENDS) {
      const stream = streams[from]
      if (stream.finAt < 0) continue
      if (((stream.finAt - stream.next) | 0) > 0) this.#skipTo(connection, from, stream, stream.finAt)
      this.#endIfDone(connection, from, stream)
    }
  }

  /**
   * The other end has `ack`: bytes before it are no longer on their way. A hole there will not be filled any more,
   * unless the capture has them out of order: a few packets later it is given up.
   */
  #acknowledge(connection: Connection, from: End, stream: TcpStream, other: TcpStream, ack: number): void {
    if (!stream.isAcked || ((ack - stream.acked) | 0) > 0) {
      stream.acked = ack
      stream.isAcked = true
    }
    if (stream.waiting.length === 0 && other.waiting.length === 0) return
    stream.ackedFor = ((stream.acked - stream.next) | 0) > 0 ? stream.ackedFor + 1 : -1
    if (stream.ackedFor < PATIENCE) return
    if (stream.waiting.length > 0) this.#skipHole(connection, from, stream)
    else if (waitsForOther(other)) this.#skipHole(connection, from === 0 ? 1 : 0, other)
    if (stream.finAt >= 0) this.#endIfDone(connection, from, stream)
  }

  #endIfDone(connection: Connection, from: End, stream: TcpStream): void {
    if (stream.ended || stream.waiting.length > 0 || ((stream.finAt - stream.next) | 0) > 0) return
    stream.ended = true
    connection.handler.end(from)
    const streams = connection.tcp?.streams
    if (streams?.[0].ended && streams[1].ended) this.#close(connection, 'closed')
  }

  #evictOldest(): void {
    const [oldest] = this.#waiting
    if (oldest === undefined) return
    this.counters.evictions++
    this.#letGo(oldest)
    oldest.handler.evict()
    this.#waiting.delete(oldest)
  }

  /** Passes on all that waits, with holes; what cannot be is dropped. */
  #letGo(connection: Connection): void {
    this.#skipAllHoles(connection)
    const { sctp } = connection
    if (sctp !== undefined) this.#associated(connection, sctp, (association) => association.abandonAll())
  }

  #connectionOf(packet: Packet): Connection {
    const hash = conversationHash(packet)
    const last = this.#current
    if (last !== undefined && last.hash === hash && last.endOf(packet) >= 0) return last
    const connection =
      this.#table.find(packet, hash) ?? this.#onOtherPath(packet) ?? this.#create(packet, hash)
    this.#current = connection
    return connection
  }

  /** The association of a packet that goes between other addresses of its ends. */
  #onOtherPath(packet: Packet): Connection | undefined {
    if (packet.protocol !== PROTOCOL.sctp) return undefined
    const found = this.#byPath.get(pathKey(verificationTag(packet), packet.srcPort, packet.dstPort))
    return found?.sctp !== undefined && found.sctp.endOf(packet) >= 0 ? found : undefined
  }

  #create(packet: Packet, hash: number): Connection {
    if (this.#table.size >= this.#options.maxConnections) {
      const idlest = this.#table.idlest(this.#nextId)
      if (idlest !== undefined) this.#drop(idlest, 'evicted')
    }
    const connection = new Connection(this.#nextId++, packet, hash, IDLE)
    connection.handler = this.#options.open(connection)
    this.#table.add(connection)
    if (packet.protocol === PROTOCOL.tcp) this.counters.connections.tcp++
    else if (packet.protocol === PROTOCOL.udp) this.counters.connections.udp++
    else if (packet.protocol === PROTOCOL.sctp) this.counters.connections.sctp++
    else this.counters.connections.icmp++
    return connection
  }

  #note(connection: Connection, packet: Packet, from: End): void {
    connection.seconds = packet.seconds
    connection.nanos = packet.nanos
    if (from === 0) {
      connection.aPackets++
      connection.aPayload += packet.payloadEnd - packet.payloadStart
    } else {
      connection.bPackets++
      connection.bPayload += packet.payloadEnd - packet.payloadStart
    }
  }

  #close(connection: Connection, reason: CloseReason): void {
    if (connection.closed) return
    this.#letGo(connection)
    if (connection.closed) return
    connection.closed = true
    this.#waiting.delete(connection)
    if (isOneSided(connection)) this.counters.oneSided++
    const { handler } = connection
    handler.close(reason)
    connection.handler = { ...IDLE, gone: () => handler.gone?.() }
  }

  #drop(connection: Connection, reason: CloseReason): void {
    this.#close(connection, reason)
    connection.handler.gone?.()
    this.#table.remove(connection)
    for (const key of connection.sctp?.paths ?? [])
      if (this.#byPath.get(key) === connection) this.#byPath.delete(key)
    if (this.#current === connection) this.#current = undefined
  }

  /** Time passes, also where no packets are: what waits for too long is given up. */
  advance(seconds: number): void {
    if (seconds <= this.#now) return
    this.#now = seconds
    if (seconds < this.#sweepAt) return
    this.#sweepAt = seconds + SWEEP_EVERY
    for (const connection of this.#waiting)
      if (seconds - connection.seconds >= SWEEP_EVERY && hasAcknowledgedHole(connection))
        this.#skipAllHoles(connection)
    const { tcpIdle, otherIdle } = this.#options
    for (const connection of this.#table) {
      const idle = seconds - connection.seconds
      if (idle >= SWEEP_EVERY && hasSaidAll(connection)) this.#close(connection, 'closed')
      if (connection.closed ? idle > LINGER : idle > (isConnected(connection.protocol) ? tcpIdle : otherIdle))
        this.#drop(connection, 'idle')
      else connection.handler.time(seconds)
    }
  }
}

/** Whether something was sent by TCP to an end that never said anything. */
function isOneSided({ protocol, aPackets, bPackets, aPayload, bPayload }: Connection): boolean {
  return protocol === PROTOCOL.tcp && aPackets * bPackets === 0 && aPayload + bPayload > 0
}

/** Whether packets of this protocol belong to conversations. */
export function hasConversations(protocol: number): boolean {
  return (
    isConnected(protocol) ||
    protocol === PROTOCOL.udp ||
    protocol === PROTOCOL.icmp ||
    protocol === PROTOCOL.icmp6
  )
}

/** … that begin and end as their ends say. */
function isConnected(protocol: number): boolean {
  return protocol === PROTOCOL.tcp || protocol === PROTOCOL.sctp
}

/** Whether a packet begins another conversation between the same ends. */
function isReplacedBy(connection: Connection, packet: Packet): boolean {
  const { sctp } = connection
  if (sctp !== undefined) return sctp.isLeftBy(packet, connection.senderOf(packet))
  return packet.protocol === PROTOCOL.tcp && (packet.flags & FLAG.syn) !== 0 && startsAnew(connection, packet)
}

/** A SYN on a known connection: the same one sent again, or a new connection on old ports? */
function startsAnew(connection: Connection, packet: Packet): boolean {
  const stream = connection.tcp?.streams[connection.endOf(packet) as End]
  if (stream === undefined || !stream.started) return connection.closed
  if (stream.initial >= 0) return stream.initial !== packet.seq
  if ((packet.flags & FLAG.ack) !== 0) return false
  return (packet.seq + 1) >>> 0 !== (stream.next - stream.position) >>> 0
}

function start(stream: TcpStream, seq: number): void {
  stream.next = seq
  stream.started = true
}

/**
 * Whether a stream may end at `seq`, `least` or more bytes after what was passed on (a reset may be behind, it has the
 * place that the other end acknowledged): others are left over from an earlier connection, or made up.
 */
function isNear(stream: TcpStream, seq: number, least: number): boolean {
  const ahead = (seq - stream.next) | 0
  return !stream.started || (ahead >= least && ahead <= MOST_UNSEEN)
}

/** Whether `ack` acknowledges bytes of `stream` that were not passed on yet. One that is nowhere near it says nothing. */
function isBehind(stream: TcpStream, ack: number): boolean {
  const unseen = (ack - stream.next) | 0
  return (
    unseen > 0 &&
    ack !== NO_ACK &&
    stream.started &&
    !stream.ended &&
    unseen <= MOST_UNSEEN &&
    lastByteOf(stream, ack) !== stream.next
  )
}

/** Whether some of them were not even captured. */
function misses(stream: TcpStream, ack: number): boolean {
  if (!isBehind(stream, ack)) return false
  let end = stream.next
  for (const { seq, length } of stream.waiting) {
    if (((seq - end) | 0) > 0) break
    end = (seq + length) >>> 0
  }
  return ((lastByteOf(stream, ack) - end) | 0) > 0
}

/** Where the bytes end that `ack` acknowledges: a FIN has a number of its own. */
function lastByteOf({ finAt }: TcpStream, ack: number): number {
  return finAt >= 0 && ((ack - finAt) | 0) === 1 ? finAt : ack
}

/** Both ends have said that they send no more; what is missing will not come. */
function hasSaidAll({ tcp, closed }: Connection): boolean {
  return !closed && tcp !== undefined && tcp.streams[0].finAt >= 0 && tcp.streams[1].finAt >= 0
}

/** What is missing was received, by whom it was meant for: nobody will send it again. */
function hasAcknowledgedHole({ tcp, sctp }: Connection): boolean {
  return tcp?.streams.some(({ ackedFor }) => ackedFor >= 0) === true || sctp?.hasAcknowledgedHole === true
}

/** Whether the first waiting segment has its place, and waits for what the other end sent before. */
function waitsForOther({ waiting, next }: TcpStream): boolean {
  const first = waiting[0]
  return first !== undefined && ((first.seq - next) | 0) <= 0
}

/** The end whose first hole is given up first, so that what came first is passed on first. */
function firstToSkip([a, b]: TcpState['streams']): End | undefined {
  const [firstA] = a.waiting
  const [firstB] = b.waiting
  if (firstA === undefined) return firstB === undefined ? undefined : 1
  if (firstB === undefined) return 0
  const aWaits = waitsForOther(a)
  if (aWaits !== waitsForOther(b)) return aWaits ? 0 : 1
  return (firstA.seconds - firstB.seconds || firstA.nanos - firstB.nanos) <= 0 ? 0 : 1
}

const ENDS: readonly End[] = [0, 1]

/** Farther ahead than any window (RFC 7323 allows 1 GiB): not of this stream. */
const FARTHEST_AHEAD = 1 << 30
/** A large window: so many bytes may have been acknowledged, or come before an end, without having been captured. */
export const MOST_UNSEEN = 16 << 20
/** What one direction may keep waiting for a hole: more than this was lost, not delayed. */
const MOST_WAITING = 4 << 20
const MOST_SEGMENTS = 4096
/** Acknowledgements after which a hole that the receiver does not have is ours, not the network's. */
const PATIENCE = 16
/** Seconds of capture time between searches for idle connections, after which an idle one's acknowledged holes are given up … */
const SWEEP_EVERY = 5
/** … and that a closed one is remembered. */
const LINGER = 30
