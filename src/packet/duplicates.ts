import { i32, u8 } from '../bytes/read.ts'
import { FLAG, type Packet, PROTOCOL } from './packet.ts'

export interface DuplicatesOptions {
  /** How far apart in time copies of a packet may be. */
  readonly timeframeMs: number
  /** A number for the conversation of a packet, the same in both directions. */
  readonly conversationOf: (packet: Packet) => number
  /**
   * The conversation with this number is seen a second time between other addresses: lets go of what was read of it. False when
   * it is too late for that.
   */
  readonly forget: (conversation: number) => boolean
}

/**
 * Tells copies of packets from packets, where several interfaces are captured: what a node passes on is seen on each
 * interface that it goes through. A copy was seen on another interface within the timeframe and is the same but for what
 * nodes on the way change. A real retransmission is none: of a packet that was seen so many times on one interface as many
 * go through.
 *
 * Where the addresses are translated on the way (kube-proxy, masquerading), one end is another one. From then on one of the
 * two conversations is a copy as a whole: the one with the addresses that are farther from the ends, since the nearer ones
 * are those of pods. Translation takes a hop: the copy that came later has a lower time to live. Where both ends are others
 * (a port of a node, a pod that reaches itself through its service), the one before is no copy: it says who asks, and whom.
 *
 * All is in tables of a fixed size; with more traffic than they hold, copies go through.
 */
export class Duplicates {
  readonly #options: DuplicatesOptions
  /** A hash of the content of each row, those of a set side by side: mostly nothing else is looked at. 0: none. */
  readonly #hashes = new Int32Array(SETS * WAYS)
  /** See `ROW`. */
  readonly #rows = new Int32Array(SETS * WAYS * ROW)
  /** When the packet of a row was seen first, ms. */
  readonly #times = new Float64Array(SETS * WAYS)
  /** Conversations of rows. */
  readonly #conversations = new Float64Array(SETS * WAYS)
  /** Conversations that are copies of others as a whole, … */
  readonly #copies = new Map<number, Original>()
  /** … and those others. */
  readonly #originals = new Map<number, Original>()

  constructor(options: DuplicatesOptions) {
    this.#options = options
  }

  /** Whether the packet is a copy of one before. */
  isCopy(packet: Packet): boolean {
    const conversation = this.#options.conversationOf(packet)
    if (this.#copies.size > 0 && this.#isOfCopy(packet, conversation)) return true
    const nowMs = packet.seconds * 1000 + packet.nanos / 1e6
    const payload = payloadHash(packet)
    const hash = contentHash(packet, payload, 0x2c1b3c6d) | 1
    const hash2 = contentHash(packet, payload, 0x297a2d39) | 1
    const src = endHash(packet.src0, packet.src1, packet.src2, packet.src3, packet.srcPort)
    const dst = endHash(packet.dst0, packet.dst1, packet.dst2, packet.dst3, packet.dstPort)
    const on = interfaceOf(packet)
    const rows = this.#rows
    const first = ((hash >>> 1) & (SETS - 1)) * WAYS
    let translated = -1
    for (let at = first; at < first + WAYS; at++) {
      if (this.#hashes[at] !== hash) continue
      const row = at * ROW
      const age = Math.abs(nowMs - (this.#times[at] as number))
      if (rows[row + HASH2] !== hash2 || age > this.#options.timeframeMs) continue
      const isFrom = rows[row + SRC] === src
      const isTo = rows[row + DST] === dst
      if (isFrom && isTo) {
        if (!this.#isFirstOn(row, on)) return true
        // Its copies are as far apart from this one as those of the first were from that.
        this.#times[at] = nowMs
        return false
      }
      if (translated < 0 && this.#isTranslated(at, packet, on, isFrom || isTo)) translated = at
    }
    if (translated >= 0) {
      // Another packet with this content, between other addresses again, would be none of it.
      this.#isFirstOn(translated * ROW, on)
      if (this.#follow(translated, packet, conversation, nowMs)) return true
    }
    const free = this.#oldestOf(first)
    const row = free * ROW
    this.#hashes[free] = hash
    rows[row + HASH2] = hash2
    rows[row + SRC] = src
    rows[row + DST] = dst
    rows[row + TTL] = packet.ttl
    rows[row + TIMES] = 1
    rows[row + SEEN] = on
    rows[row + SEEN + 1] = 1
    rows[row + SEEN + 2] = 0
    this.#times[free] = nowMs
    this.#conversations[free] = conversation
    return false
  }

  /** Forgets all: another capture begins. */
  clear(): void {
    this.#hashes.fill(0)
    this.#times.fill(0)
    this.#copies.clear()
    this.#originals.clear()
  }

  /** The row of a set whose packet was seen first. */
  #oldestOf(first: number): number {
    let oldest = first
    for (let at = first + 1; at < first + WAYS; at++)
      if ((this.#times[at] as number) < (this.#times[oldest] as number)) oldest = at
    return oldest
  }

  /** Notes that it was seen on an interface: more often than on any before? */
  #isFirstOn(row: number, on: number): boolean {
    const rows = this.#rows
    for (let at = row + SEEN; at < row + ROW; at += 2) {
      if (rows[at] === 0) {
        rows[at] = on
        rows[at + 1] = 0
        if (at + 2 < row + ROW) rows[at + 2] = 0
      }
      if (rows[at] !== on) continue
      const times = (rows[at + 1] as number) + 1
      rows[at + 1] = times
      if (times <= (rows[row + TIMES] as number)) return false
      rows[row + TIMES] = times
      return true
    }
    // Of more interfaces than a row has places for, what cannot be known goes through.
    return true
  }

  /** Whether the packet can be that of a row, with one end translated or, if `isHalf` is false, both. */
  #isTranslated(at: number, packet: Packet, on: number, isHalf: boolean): boolean {
    const rows = this.#rows
    const row = at * ROW
    for (let seen = row + SEEN; seen < row + ROW && rows[seen] !== 0; seen += 2)
      if (rows[seen] === on) return false
    if (isMulticast(packet)) return false
    const conversation = this.#conversations[at] as number
    if (this.#copies.has(conversation)) return false
    const isPassedOn = rows[row + TTL] !== packet.ttl
    // Datagrams have no numbers that nobody else has.
    return packet.protocol === PROTOCOL.tcp ? isHalf || isPassedOn : isHalf && isPassedOn
  }

  /** Decides which of two conversations is the copy. True: that of the packet. */
  #follow(at: number, packet: Packet, conversation: number, nowMs: number): boolean {
    const rows = this.#rows
    const row = at * ROW
    const before = this.#conversations[at] as number
    const ttl = rows[row + TTL] as number
    const isLater = ttl === packet.ttl ? nowMs >= (this.#times[at] as number) : packet.ttl < ttl
    const isToAnother =
      rows[row + SRC] === endHash(packet.src0, packet.src1, packet.src2, packet.src3, packet.srcPort)
    // Its destination is nearer to the end after the translation, its source before.
    const isOriginal = isToAnother === isLater
    const { forget } = this.#options
    const [copy, original] = isOriginal ? [before, conversation] : [conversation, before]
    if (forget(copy)) {
      this.#note(copy, original)
      return !isOriginal
    }
    // There are entries of that one already; then the other is the copy, unless there are of both.
    if (!forget(original)) return false
    this.#note(original, copy)
    return isOriginal
  }

  #note(copy: number, original: number): void {
    if (this.#copies.size >= MOST_TRANSLATED) this.#forgetOldest()
    const known = this.#originals.get(original) ?? { conversation: original, unseen: 0 }
    known.unseen = 0
    this.#originals.set(original, known)
    this.#copies.set(copy, known)
  }

  #isOfCopy({ flags }: Packet, conversation: number): boolean {
    const asOriginal = this.#originals.get(conversation)
    if (asOriginal !== undefined) asOriginal.unseen = 0
    const original = this.#copies.get(conversation)
    if (original === undefined) return false
    // The other is not captured any more: this one is all there is. Or another connection begins, which may go elsewhere.
    if (++original.unseen <= MOST_UNSEEN && (flags & (FLAG.syn | FLAG.ack)) !== FLAG.syn) return true
    this.#copies.delete(conversation)
    this.#originals.delete(original.conversation)
    return false
  }

  #forgetOldest(): void {
    for (const [copy, { conversation }] of this.#copies) {
      this.#copies.delete(copy)
      this.#originals.delete(conversation)
      return
    }
  }
}

interface Original {
  readonly conversation: number
  /** Packets of its copies since one of its own. */
  unseen: number
}

/** What of a packet nobody changes on its way, but for its ends. */
function contentHash(packet: Packet, payload: number, seed: number): number {
  const { payloadLength, protocol } = packet
  let hash = mixed(seed ^ protocol, packet.ipId)
  hash = mixed(hash, payloadLength)
  hash = mixed(hash, payload)
  if (protocol === PROTOCOL.tcp) {
    hash = mixed(hash, packet.seq)
    hash = mixed(hash, packet.ack)
    hash = mixed(hash, packet.flags)
  }
  return hash ^ (hash >>> 16)
}

/** Of its beginning; TCP has numbers besides. */
function payloadHash({ bytes, payloadStart, payloadEnd, protocol }: Packet): number {
  const most = protocol === PROTOCOL.tcp ? MOST_HASHED_TCP : MOST_HASHED
  const end = Math.min(payloadEnd, payloadStart + most)
  let hash = 0
  let at = payloadStart
  for (; at + 4 <= end; at += 4) hash = mixed(hash, i32(bytes, at))
  for (; at < end; at++) hash = mixed(hash, u8(bytes, at))
  return hash
}

function endHash(word0: number, word1: number, word2: number, word3: number, port: number): number {
  return mixed(mixed(mixed(mixed(mixed(0x165667b1, word0), word1), word2), word3), port)
}

/** One step of Murmur3. https://github.com/aappleby/smhasher/wiki/MurmurHash3 */
function mixed(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51)
  const next = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593)
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0
}

/** A number for the interface and direction; never 0. */
function interfaceOf({ interfaceId, systemInterface, outgoing }: Packet): number {
  return (
    (Math.imul(systemInterface, 0x10001) ^ (interfaceId << 20) ^ (outgoing ? 0x40000000 : 0)) | 0x80000000
  )
}

function isMulticast({ ipVersion, dst0 }: Packet): boolean {
  return ipVersion === 4 ? dst0 >>> 28 >= 0xe : dst0 >>> 24 === 0xff
}

/**
 * A row: another hash of the content, hashes of source and destination, time to live, how often it was seen on the interface
 * where it was seen most, and interfaces with how often it was seen there, up to the first that is 0.
 */
const HASH2 = 0
const SRC = 1
const DST = 2
const TTL = 3
const TIMES = 4
const SEEN = 5
const ROW = SEEN + 2 * 9
const WAYS = 4
const SETS = 1 << 13
const MOST_HASHED = 256
const MOST_HASHED_TCP = 32
const MOST_TRANSLATED = 16_384
/** So many packets of a copy go without one of the original before it is believed to be gone. */
const MOST_UNSEEN = 256
