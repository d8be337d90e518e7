import { u32 } from '../bytes/read.ts'
import { FLAG, type Packet, PROTOCOL } from '../packet/packet.ts'
import { CHUNK, chunksOf } from '../packet/sctp.ts'
import { hasConversations } from './reassembler.ts'
import { conversationHash, conversationHash2, isFromLower } from './table.ts'

export interface ConversationCounterOptions {
  /** Conversations that are told apart at once. With more, all are forgotten, and counted again when they go on. */
  readonly most: number
  /** Seconds without a packet after which a TCP connection, or another conversation, is over. */
  readonly tcpIdle: number
  readonly otherIdle: number
}

/**
 * Counts conversations whose bytes nobody wants, at a tenth of what reassembly costs: 16 bytes for each in one array,
 * so that most packets miss the cache once. Conversations are told apart by 60 bits of hash; each path of an SCTP
 * association counts as one.
 */
export class ConversationCounter {
  readonly connections = { tcp: 0, udp: 0, icmp: 0, sctp: 0, other: 0 }
  /** Captured payload bytes. */
  bytes = 0
  readonly #options: ConversationCounterOptions
  #rows = new Int32Array(INITIAL_ROWS * ROW)
  #mask = INITIAL_ROWS - 1
  #used = 0
  #isFresh = false

  constructor(options: ConversationCounterOptions) {
    this.#options = options
  }

  push(packet: Packet): void {
    this.bytes += packet.payloadEnd - packet.payloadStart
    const { protocol } = packet
    if (!hasConversations(protocol)) return
    const isTcp = protocol === PROTOCOL.tcp
    const isSctp = protocol === PROTOCOL.sctp
    const rows = this.#rows
    const row = this.#find(conversationHash(packet), conversationHash2(packet))
    const idle = packet.seconds - ((rows[row + SEEN] as number) >>> 0)
    let isNew = this.#isFresh || idle > (isTcp || isSctp ? this.#options.tcpIdle : this.#options.otherIdle)
    rows[row + SEEN] = packet.seconds
    if (isTcp && (packet.flags & (FLAG.syn | FLAG.ack)) === FLAG.syn)
      isNew = this.#isAnotherSyn(row, packet, packet.seq) || isNew
    const tag = isSctp ? initOf(packet) : undefined
    if (tag !== undefined) isNew = this.#isAnotherSyn(row, packet, tag) || isNew
    if (!isNew) return
    if (isTcp) this.connections.tcp++
    else if (protocol === PROTOCOL.udp) this.connections.udp++
    else if (isSctp) this.connections.sctp++
    else this.connections.icmp++
    if (this.#used * 4 > this.#mask * 3) this.#grow()
  }

  /** All that were told apart have ended. */
  forget(): void {
    this.#rows.fill(0)
    this.#used = 0
  }

  /** The same ports, the same opener and another beginning: another connection. */
  #isAnotherSyn(row: number, packet: Packet, number: number): boolean {
    const syn = (number & ~3) | (isFromLower(packet) ? 3 : 1)
    const before = this.#rows[row + SYN] as number
    if (before !== 0 && ((before ^ syn) & 2) !== 0) return false
    this.#rows[row + SYN] = syn
    return before !== 0 && before !== syn
  }

  /** Where the row of a conversation begins; sets `#isFresh` when it had none. */
  #find(hash: number, hash2: number): number {
    this.#isFresh = false
    const rows = this.#rows
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const row = at * ROW
      if (rows[row + KEY2] === hash2 && rows[row] === hash) return row
      if (rows[row + KEY2] !== 0) continue
      rows[row] = hash
      rows[row + KEY2] = hash2
      this.#isFresh = true
      this.#used++
      return row
    }
  }

  #grow(): void {
    const before = this.#rows
    const beyond = this.#used > this.#options.most
    const size = beyond ? INITIAL_ROWS : (this.#mask + 1) * 2
    this.#rows = new Int32Array(size * ROW)
    this.#mask = size - 1
    this.#used = 0
    if (beyond) return
    for (let row = 0; row < before.length; row += ROW) {
      if (before[row + KEY2] === 0) continue
      const to = this.#find(before[row] as number, before[row + KEY2] as number)
      this.#rows[to + SEEN] = before[row + SEEN] as number
      this.#rows[to + SYN] = before[row + SYN] as number
    }
  }
}

/** The INIT of SCTP stands alone in its packet. RFC 9260 §3.3.2 */
function initOf(packet: Packet): number | undefined {
  for (const { type, start, capturedEnd, isBroken } of chunksOf(packet))
    return type === CHUNK.init && !isBroken && capturedEnd - start >= 8
      ? u32(packet.bytes, start + 4)
      : undefined
  return undefined
}

/**
 * A row: two hashes, of which the second is never 0 (0 = free), second last seen, and of the SYN its sequence number
 * with who sent it in bit 1 and 1 in bit 0 (0 = none seen).
 */
const ROW = 4
const KEY2 = 1
const SEEN = 2
const SYN = 3
const INITIAL_ROWS = 1 << 12
