import { FLAG, type Packet } from '../packet/packet.ts'
import type { End, TcpStream } from './connection.ts'

/**
 * How well a TCP connection goes, as seen where it was captured. Names as Kubeshark has them (agent-api §5.5); the rules are
 * those of Wireshark's TCP analysis, but for bytes that were seen before: these are always a retransmission.
 */
export interface TcpMetricsReport {
  readonly retransmissions: number
  readonly fast_retransmissions: number
  /** Retransmissions by segments with data: 0 … 1. */
  readonly retransmission_rate: number
  readonly zero_window_events: number
  readonly window_full_events: number
  /** Of the end that opened the connection; −1 when its SYN was not seen or had none. */
  readonly window_scale: number
  /** Bytes that an end was ready to take, over all packets. */
  readonly avg_receive_window: number
  readonly out_of_order: number
  readonly dup_acks: number
  /** Times that a segment came after one that was not captured. */
  readonly missing_segments: number
  readonly rst_count: number
  readonly fin_count: number
  /** Bits: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST. */
  readonly connection_completeness: number
  /** From the SYN to the ACK that ends the handshake, µs; 0 when it was not seen whole. */
  readonly initial_rtt_us: number
  /** From a segment to its acknowledgement, µs, and how much that differs from one to the next; 0 without any. */
  readonly rtt_avg_us: number
  readonly jitter_us: number
}

/** Watches the packets of one connection, in the order of the capture. */
export class TcpMetrics {
  readonly #ends = [new EndMetrics(), new EndMetrics()] as const
  #retransmissions = 0
  #fastRetransmissions = 0
  #outOfOrder = 0
  #missing = 0
  #zeroWindows = 0
  #fullWindows = 0
  #duplicateAcks = 0
  #resets = 0
  #fins = 0
  #completeness = 0
  #segments = 0
  #windows = 0
  #windowSum = 0
  /** Who sent a SYN, and when. */
  #opener: End | -1 = -1
  #synAt = -1
  #handshake = 0
  #rtts = 0
  #rttSum = 0
  #lastRtt = 0
  #jitterSum = 0

  /** Before its bytes are put in order: `stream` is as it was before this packet. */
  note(packet: Packet, from: End, stream: TcpStream): void {
    const { flags, seq, payloadLength } = packet
    const now = packet.seconds * 1e6 + packet.nanos / 1e3
    const end = this.#ends[from]
    const peer = this.#ends[from === 0 ? 1 : 0]
    const isSyn = (flags & FLAG.syn) !== 0
    const isFin = (flags & FLAG.fin) !== 0
    const isReset = (flags & FLAG.rst) !== 0
    const after = (seq + payloadLength + (isSyn ? 1 : 0) + (isFin ? 1 : 0)) | 0
    if (isSyn) this.#noteSyn(packet, from, end, now)
    if (isFin) this.#fins++
    if (isReset) this.#resets++
    this.#completeness |= (payloadLength > 0 ? 8 : 0) | (isFin ? 16 : 0) | (isReset ? 32 : 0)
    if ((flags & FLAG.ack) !== 0 && !isSyn && !isReset) this.#noteAck(packet, from, end, peer, now)
    // A probe of a shut window has a byte that is not taken, and comes again when the window opens (RFC 9293 §3.8.6.1).
    const isProbe =
      payloadLength === 1 && !isFin && peer.window === 0 && end.began > 0 && (seq | 0) === end.high
    end.hasProbed ||= isProbe
    if ((payloadLength > 0 || isSyn || isFin) && !isProbe)
      this.#noteSegment(seq | 0, after, payloadLength, isSyn || isFin, end, peer, stream, now)
    if (!isSyn && !isReset) this.#noteWindow(packet.window, payloadLength, after, isFin, end, peer)
  }

  report(): TcpMetricsReport {
    return {
      retransmissions: this.#retransmissions,
      fast_retransmissions: this.#fastRetransmissions,
      retransmission_rate: rounded(this.#retransmissions / Math.max(this.#segments, 1), 1e4),
      zero_window_events: this.#zeroWindows,
      window_full_events: this.#fullWindows,
      window_scale: this.#opener < 0 ? -1 : this.#ends[this.#opener as End].scale,
      avg_receive_window: Math.round(this.#windowSum / Math.max(this.#windows, 1)),
      out_of_order: this.#outOfOrder,
      dup_acks: this.#duplicateAcks,
      missing_segments: this.#missing,
      rst_count: this.#resets,
      fin_count: this.#fins,
      connection_completeness: this.#completeness,
      initial_rtt_us: rounded(this.#handshake, 1),
      rtt_avg_us: rounded(this.#rttSum / Math.max(this.#rtts, 1), 1),
      jitter_us: rounded(this.#jitterSum / Math.max(this.#rtts - 1, 1), 1),
    }
  }

  /** µs from the SYN to the end of the handshake; 0 when it was not seen whole. */
  get handshake(): number {
    return this.#handshake
  }

  #noteSyn({ flags, windowScale, ack, window }: Packet, from: End, end: EndMetrics, now: number): void {
    if (end.scale < 0) end.scale = Math.min(windowScale, LARGEST_SCALE)
    if ((flags & FLAG.ack) !== 0) {
      this.#completeness |= 2
      // What the other end may send at first; it is not scaled (RFC 7323 §2.2).
      end.acked = ack | 0
      end.hasAcked = true
      end.window = window
      end.bytes = window
    } else {
      this.#completeness |= 1
      this.#opener = from
      this.#synAt = now
    }
  }

  #noteAck(
    { ack, window, payloadLength, flags }: Packet,
    from: End,
    end: EndMetrics,
    peer: EndMetrics,
    now: number,
  ): void {
    const acked = ack | 0
    if ((this.#completeness & 7) === 3 && from === this.#opener) {
      this.#completeness |= 4
      this.#handshake = Math.max(0, now - this.#synAt)
    }
    // The probe's byte was taken after all.
    if (peer.hasProbed && acked === ((peer.high + 1) | 0)) peer.high = acked
    const isPlain = payloadLength === 0 && window > 0 && (flags & FLAG.fin) === 0
    const isOutstanding = peer.began > 0 && ((peer.high - acked) | 0) > 0
    if (isPlain && end.hasAcked && acked === end.acked && window === end.window && isOutstanding) {
      this.#duplicateAcks++
      end.duplicates++
      end.duplicateAt = now
    } else if (acked !== end.acked) end.duplicates = 0
    end.acked = acked
    end.hasAcked = true
    if (peer.timedAt >= 0 && ((acked - peer.timedEnd) | 0) >= 0) this.#noteRtt(now - peer.timedAt, peer)
  }

  #noteRtt(rtt: number, peer: EndMetrics): void {
    peer.timedAt = -1
    if (rtt < 0) return
    if (this.#rtts > 0) this.#jitterSum += Math.abs(rtt - this.#lastRtt)
    this.#rtts++
    this.#rttSum += rtt
    this.#lastRtt = rtt
  }

  #noteSegment(
    seq: number,
    after: number,
    length: number,
    isMarked: boolean,
    end: EndMetrics,
    peer: EndMetrics,
    stream: TcpStream,
    now: number,
  ): void {
    if (length > 0) this.#segments++
    const ahead = end.began === 0 ? 0 : (seq - end.high) | 0
    if (ahead < 0) {
      // A probe that keeps the connection alive repeats the last byte, or sends none (RFC 9293 §3.8.4).
      const isKeepAlive = !isMarked && length <= 1 && ahead === -1
      if (!isKeepAlive) this.#noteOld(seq, after, end, peer, stream, now)
    } else {
      if (ahead > 0) this.#missing++
      if (end.timedAt < 0 && length > 0) {
        end.timedEnd = after
        end.timedAt = now
      }
    }
    if (end.began === 0 || ((after - end.high) | 0) > 0) {
      end.high = after
      end.highAt = now
    }
    end.began++
  }

  /** A segment from before the last one: sent again, or overtaken. */
  #noteOld(
    seq: number,
    after: number,
    end: EndMetrics,
    peer: EndMetrics,
    stream: TcpStream,
    now: number,
  ): void {
    const isSoon = now - end.highAt < (this.#handshake > 0 ? this.#handshake : OVERTAKEN_US)
    const isAskedFor = peer.duplicates >= 2 && seq === peer.acked
    if (isSoon && !isAskedFor && !wasSeen(stream, seq, after)) {
      this.#outOfOrder++
      return
    }
    this.#retransmissions++
    if (isAskedFor && now - peer.duplicateAt < FAST_US) this.#fastRetransmissions++
    // Nobody knows which of both an acknowledgement answers (RFC 6298 §3).
    end.timedAt = -1
  }

  #noteWindow(
    window: number,
    length: number,
    after: number,
    isFin: boolean,
    end: EndMetrics,
    peer: EndMetrics,
  ): void {
    // RFC 7323 §2.2: both ends have to say that they scale.
    const bytes = end.scale > 0 && peer.scale >= 0 ? window << end.scale : window
    this.#windows++
    this.#windowSum += bytes
    if (window === 0 && !isFin) this.#zeroWindows++
    if (length > 0 && peer.hasAcked && peer.bytes > 0 && ((after - peer.acked) | 0) === peer.bytes)
      this.#fullWindows++
    end.window = window
    end.bytes = bytes
  }
}

/** What one end has sent. Sequence numbers are signed, and compared modulo 2^32. */
class EndMetrics {
  /** Segments that take a place in its sequence so far. */
  began = 0
  /** After the farthest byte, and when that came (µs). */
  high = 0
  highAt = 0
  /** Shift of its windows; −1 = not known. */
  scale = -1
  /** What it acknowledged last, the window it gave with that, and that in bytes. */
  acked = 0
  hasAcked = false
  window = -1
  bytes = 0
  /** Acknowledgements in a row that say the same. */
  duplicates = 0
  duplicateAt = 0
  /** It has asked whether a window that was shut has opened. */
  hasProbed = false
  /** The segment whose acknowledgement is waited for: its end and when it came; −1 = none. */
  timedEnd = 0
  timedAt = -1
}

/** Whether all of it was passed on already, or waits behind a hole. */
function wasSeen({ started, next, waiting }: TcpStream, seq: number, after: number): boolean {
  if (!started) return false
  let seen = ((seq - next) | 0) > 0 ? seq : next
  for (const segment of waiting) {
    if (((after - seen) | 0) <= 0 || ((segment.seq - seen) | 0) > 0) break
    const end = segment.seq + segment.length
    if (((end - seen) | 0) > 0) seen = end
  }
  return ((after - seen) | 0) <= 0
}

function rounded(value: number, steps: number): number {
  return Math.round(value * steps) / steps
}

/** As in Wireshark, where the round-trip time is not known. */
const OVERTAKEN_US = 3000
const FAST_US = 20_000
/** RFC 7323 §2.3 */
const LARGEST_SCALE = 14
