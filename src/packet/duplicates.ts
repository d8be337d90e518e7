import { i32, u8 } from '../bytes/read.ts'
import { type Packet, PROTOCOL } from './packet.ts'

export interface DuplicatesOptions {
  /** How far apart in time copies of a packet may be. */
  readonly timeframeMs: number
  /** A number for the conversation of a packet, the same in both directions. */
  readonly conversationOf: (packet: Packet) => number
  /**
   * The conversation with this number is seen a second time between other addresses, of which those of the packet have one
   * end in common: lets go of what was read of it. False when it is too late for that.
   */
  readonly forget: (packet: Packet, conversation: number) => boolean
}

/**
 * Tells copies of packets from packets, where several interfaces are captured: what a node passes on is seen on each
 * interface that it goes through. A copy was seen on another interface within the timeframe and is the same but for what
 * nodes on the way change. A real retransmission is none: of a packet that was seen so many times on one interface as many
 * go through.
 *
 * Where the addresses are translated on the way (kube-proxy, masquerading), one end is another one. From then on one of the
 * two conversations is a copy as a whole: the one with the addresses that are farther from the ends, since the nearer ones
 * are those of pods. Translation takes a hop: the copy that came later has a lower time to live.
 *
 * All is in tables of a fixed size; with more traffic than they hold, copies go through.
 */
export class Duplicates {
  readonly #options: DuplicatesOptions
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
    if (this.#copies.size > 0 && this.#isOfCopy(conversation)) return true
    const nowMs = packet.seconds * 1000 + packet.nanos / 1e6
    const payload = payloadHash(packet)
    const hash = contentHash(packet, payload, 0x2c1b3c6d)
    const hash2 = contentHash(packet, payload, 0x297a2d39) | 1
    const src = endHash(packet.src0, packet.src1, packet.src2, packet.src3, packet.srcPort)
    const dst = endHash(packet.dst0, packet.dst1, packet.dst2, packet.dst3, packet.dstPort)
    const on = interfaceOf(packet)
    const rows = this.#rows
    const first = (hash & (SETS - 1)) * WAYS
    let free = first
    let translated = -1
    for (let at = first; at < first + WAYS; at++) {
      const row = at * ROW
      const age = Math.abs(nowMs - (this.#times[at] as number))
      if ((this.#times[at] as number) < (this.#times[free] as number)) free = at
      if (rows[row] !== hash || rows[row + HASH2] !== hash2 || age > this.#options.timeframeMs) continue
      const isFrom = rows[row + SRC] === src
      const isTo = rows[row + DST] === dst
      if (isFrom && isTo) return !this.#isFirstOn(row, on)
      if (isFrom !== isTo && translated < 0 && this.#isTranslated(at, packet, on)) translated = at
    }
    if (translated >= 0) {
      // Another packet with this content, between other addresses again, would be none of it.
      this.#isFirstOn(translated * ROW, on)
      if (this.#follow(translated, packet, conversation, nowMs)) return true
    }
    const row = free * ROW
    rows.fill(0, row, row + ROW)
    rows[row] = hash
    rows[row + HASH2] = hash2
    rows[row + SRC] = src
    rows[row + DST] = dst
    rows[row + TTL] = packet.ttl
    this.#times[free] = nowMs
    this.#conversations[free] = conversation
    this.#isFirstOn(row, on)
    return false
  }

  /** Forgets all: another capture begins. */
  clear(): void {
    this.#times.fill(0)
    this.#copies.clear()
    this.#originals.clear()
  }

  /** Notes that it was seen on an interface: more often than on any before? */
  #isFirstOn(row: number, on: number): boolean {
    const rows = this.#rows
    for (let at = row + SEEN; at < row + ROW; at += 2) {
      if (rows[at] === 0) rows[at] = on
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

  /** Whether the packet can be that of a row, with one end translated. */
  #isTranslated(at: number, packet: Packet, on: number): boolean {
    const rows = this.#rows
    const row = at * ROW
    for (let seen = row + SEEN; seen < row + ROW; seen += 2) if (rows[seen] === on) return false
    if (isMulticast(packet)) return false
    const conversation = this.#conversations[at] as number
    if (this.#copies.has(conversation)) return false
    // Datagrams have no numbers that nobody else has.
    return packet.protocol === PROTOCOL.tcp || rows[row + TTL] !== packet.ttl
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
    if (forget(packet, copy)) {
      this.#note(copy, original)
      return !isOriginal
    }
    // There are entries of that one already; then the other is the copy, unless there are of both.
    if (!forget(packet, original)) return false
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

  #isOfCopy(conversation: number): boolean {
    const asOriginal = this.#originals.get(conversation)
    if (asOriginal !== undefined) asOriginal.unseen = 0
    const original = this.#copies.get(conversation)
    if (original === undefined) return false
    // The other is not captured any more: this one is all there is.
    if (++original.unseen <= MOST_UNSEEN) return true
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
 * A row: two hashes of the content, hashes of source and destination, time to live, how often it was seen on the interface
 * where it was seen most, and interfaces with how often it was seen there.
 */
const HASH2 = 1
const SRC = 2
const DST = 3
const TTL = 4
const TIMES = 5
const SEEN = 6
const ROW = SEEN + 2 * 9
const WAYS = 4
const SETS = 1 << 13
const MOST_HASHED = 256
const MOST_HASHED_TCP = 32
const MOST_TRANSLATED = 16_384
/** So many packets of a copy go without one of the original before it is believed to be gone. */
const MOST_UNSEEN = 256
