import { Gathered } from '../bytes/gathered.ts'
import { copyOf, i32, u16, u32 } from '../bytes/read.ts'
import type { Packet } from '../packet/packet.ts'
import {
  CHUNK,
  type Chunk,
  chunksOf,
  DATA_FLAG,
  DATA_HEADER,
  I_DATA_HEADER,
  verificationTag,
} from '../packet/sctp.ts'
import type { CloseReason, Connection, End } from './connection.ts'

/** What an association counts, of those of the reassembler. */
export interface AssociationCounters {
  deliveredBytes: number
  retransmittedBytes: number
  outOfWindowBytes: number
  afterEndBytes: number
  chunkBytes: number
  fragmentBytes: number
  lostBytes: number
  holes: number
}

/**
 * An SCTP association (RFC 9260): chunks in, whole messages of the users out, in the order in which they were sent, each
 * once. That is the order of the transmission sequence numbers, in which also the messages of each stream are in order,
 * and the fragments of each message. Messages that need not be in order come in the same one.
 */
export class Association {
  /** Of the message that is passed on: its stream, and what it says that it is. */
  streamId = 0
  payloadProtocol = 0
  /** Found by these (`pathKey`; of end 0 and end 1 in turn), packets of other addresses may be of this association: see `endOf`. */
  readonly paths: string[] = []
  readonly #connection: Connection
  readonly #counters: AssociationCounters
  readonly #sides: readonly [AssociationSide, AssociationSide] = [
    new AssociationSide(),
    new AssociationSide(),
  ]

  constructor(connection: Connection, counters: AssociationCounters) {
    this.#connection = connection
    this.#counters = counters
  }

  /** Bytes that wait for what is missing before them, or for the rest of their message. */
  get held(): number {
    return this.#sides[0].held + this.#sides[1].held
  }

  /** What is missing was received, by whom it was meant for: nobody will send it again. */
  get hasAcknowledgedHole(): boolean {
    return this.#sides.some((side) => side.waiting.length > 0 && side.hasHoleAcknowledged)
  }

  /** Whether a packet begins another association between the same ports: an INIT that is not the one sent again, or numbers of elsewhere. */
  isLeftBy(packet: Packet, from: End): boolean {
    const side = this.#sides[from]
    for (const { type, start, capturedEnd, isBroken } of chunksOf(packet)) {
      if (isBroken || capturedEnd - start < 8) return false
      if (type === CHUNK.init)
        return (
          (this.#connection.closed || side.started || side.isEstablished) &&
          u32(packet.bytes, start + 4) !== side.initiateTag
        )
      if (type !== CHUNK.data && type !== CHUNK.iData) continue
      const isElsewhere =
        side.started && Math.abs((u32(packet.bytes, start + 4) - side.next) | 0) > FARTHEST_AHEAD
      return isElsewhere && side.tag !== verificationTag(packet)
    }
    return false
  }

  /** Which end sent a packet between other addresses than those that it began with, as its INIT has named them; −1 = none. */
  endOf(packet: Packet): End | -1 {
    const key = pathKey(verificationTag(packet), packet.srcPort, packet.dstPort)
    const at = this.paths.indexOf(key)
    if (at < 0) return -1
    const from = at % 2 === 0 ? 0 : 1
    const { ipVersion, src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = packet
    const source = { ipVersion, words: [src0, src1, src2, src3] }
    const target = { ipVersion, words: [dst0, dst1, dst2, dst3] }
    return this.#isAt(from, source) && this.#isAt(opposite(from), target) ? from : -1
  }

  /** Reads the chunks of a packet that `from` sent. What became of the association, when it is over. */
  push(packet: Packet, from: End): CloseReason | undefined {
    const side = this.#sides[from]
    const other = this.#sides[from === 0 ? 1 : 0]
    if (verificationTag(packet) !== 0) side.tag = verificationTag(packet)
    let users = 0
    let over: CloseReason | undefined
    for (const chunk of chunksOf(packet)) {
      if (chunk.isBroken) break
      if (chunk.type === CHUNK.data || chunk.type === CHUNK.iData)
        users += this.#data(packet, from, side, chunk)
      else over = this.#control(packet, from, side, other, chunk) ?? over
    }
    this.#counters.chunkBytes += packet.payloadEnd - packet.payloadStart - users
    this.#noticeHoles(from === 0 ? 1 : 0, other)
    return over
  }

  /** Passes on all that waits, with holes. */
  skipHoles(): void {
    for (const from of ENDS)
      while (this.#sides[from].waiting.length > 0) this.#skipHole(from, this.#sides[from])
  }

  /** Drops the messages whose last fragment has not come. */
  abandonAll(): void {
    for (const from of ENDS)
      for (const message of [...this.#sides[from].messages.values()])
        this.#abandon(from, this.#sides[from], message)
  }

  /** Returns how many bytes of users were in it. */
  #data(packet: Packet, from: End, side: AssociationSide, chunk: Chunk): number {
    const header = chunk.type === CHUNK.data ? DATA_HEADER : I_DATA_HEADER
    const captured = chunk.capturedEnd - chunk.start - header
    if (captured < 0 || chunk.end - chunk.start === header) return 0
    const counters = this.#counters
    const tsn = u32(packet.bytes, chunk.start + 4)
    if (!side.started) side.start(tsn)
    const ahead = (tsn - side.next) | 0
    if (this.#connection.closed || side.ended) counters.afterEndBytes += captured
    else if (ahead < 0) counters.retransmittedBytes += captured
    else if (ahead > FARTHEST_AHEAD) counters.outOfWindowBytes += captured
    else if (ahead > 0) this.#wait(from, side, fragmentOf(packet, chunk, header))
    else {
      this.#take(from, side, fragmentOf(packet, chunk, header))
      if (side.waiting.length > 0) this.#release(from, side, false)
    }
    return captured
  }

  #control(
    packet: Packet,
    from: End,
    side: AssociationSide,
    other: AssociationSide,
    { type, start, capturedEnd }: Chunk,
  ): CloseReason | undefined {
    const { bytes } = packet
    const has = (length: number) => capturedEnd - start >= length
    switch (type) {
      case CHUNK.init:
      case CHUNK.initAck:
        if (!has(20) || (side.isEstablished && side.initiateTag >= 0)) return undefined
        side.introduce({
          tag: u32(bytes, start + 4),
          tsn: u32(bytes, start + 16),
          addresses: addressesIn(bytes, start + 20, capturedEnd),
        })
        if (type === CHUNK.initAck) this.#knowPaths()
        this.#opened(type === CHUNK.init ? from : opposite(from))
        return undefined
      case CHUNK.cookieEcho:
        other.chosen(verificationTag(packet))
        this.#knowPaths()
        side.isEstablished = true
        other.isEstablished = true
        this.#opened(from)
        return undefined
      case CHUNK.cookieAck:
        side.isEstablished = true
        other.isEstablished = true
        this.#opened(opposite(from))
        return undefined
      case CHUNK.sack:
      case CHUNK.nrSack:
        if (has(8)) other.acknowledge(u32(bytes, start + 4))
        return undefined
      case CHUNK.forwardTsn:
      case CHUNK.iForwardTsn:
        if (has(8)) this.#forward(from, side, (u32(bytes, start + 4) + 1) >>> 0)
        return undefined
      case CHUNK.shutdown:
        if (has(8)) other.acknowledge(u32(bytes, start + 4))
        return this.#saidAll(from, side)
      case CHUNK.shutdownAck:
        return this.#saidAll(from, side)
      case CHUNK.shutdownComplete:
        return 'closed'
      case CHUNK.abort:
        return 'reset'
      default:
        return undefined
    }
  }

  #opened(by: End): void {
    if (this.#connection.opener < 0) this.#connection.opener = by
  }

  /** Both ends have named their addresses, and chosen the tags that stand in the packets of the other. */
  #knowPaths(): void {
    const { aPort, bPort } = this.#connection
    const [a, b] = this.#sides
    if (a.initiateTag < 0 || b.initiateTag < 0 || this.paths.length >= MOST_PATHS) return
    const keys = [pathKey(b.initiateTag, aPort, bPort), pathKey(a.initiateTag, bPort, aPort)]
    if (!keys.every((key) => this.paths.includes(key))) this.paths.push(...keys)
  }

  #isAt(end: End, { ipVersion, words }: Address): boolean {
    const { a0, a1, a2, a3, b0, b1, b2, b3 } = this.#connection
    const first = {
      ipVersion: this.#connection.ipVersion,
      words: end === 0 ? [a0, a1, a2, a3] : [b0, b1, b2, b3],
    }
    return [first, ...this.#sides[end].addresses].some(
      (each) => each.ipVersion === ipVersion && each.words.every((word, at) => word === words[at]),
    )
  }

  /** Who shuts down has had everything acknowledged. RFC 9260 §9.2 */
  #saidAll(from: End, side: AssociationSide): CloseReason | undefined {
    if (side.ended) return undefined
    while (side.waiting.length > 0) this.#skipHole(from, side)
    side.ended = true
    this.#connection.handler.end(from)
    return this.#sides[0].ended && this.#sides[1].ended ? 'closed' : undefined
  }

  /** The sender has given up on what comes before `tsn`. RFC 3758 §3.2 */
  #forward(from: End, side: AssociationSide, tsn: number): void {
    if (!side.started || !isAfter(tsn, side.next) || ((tsn - side.next) | 0) > FARTHEST_AHEAD) return
    while (side.waiting.length > 0 && isAfter(tsn, (side.waiting[0] as Fragment).tsn)) {
      side.next = (side.waiting[0] as Fragment).tsn
      this.#release(from, side, true)
    }
    if (isAfter(tsn, side.next)) side.next = tsn
    this.#release(from, side, true)
  }

  /** The next fragment in the order of sending. */
  #take(from: End, side: AssociationSide, fragment: Fragment): void {
    side.next = (fragment.tsn + 1) >>> 0
    const begun = side.messages.size === 0 ? undefined : side.messages.get(keyOf(fragment))
    if (fragment.begins) {
      if (begun !== undefined) this.#abandon(from, side, begun)
      this.#noteOrder(from, side, fragment)
      if (fragment.ends)
        this.#deliver(from, fragment, fragment.bytes, fragment.start, fragment.end, fragment.length)
      else {
        if (side.messages.size >= MOST_MESSAGES) this.#abandonOldest(from, side)
        side.begin(fragment)
      }
      return
    }
    if (begun === undefined || begun.expected !== fragment.index || begun.size > LONGEST_MESSAGE) {
      if (begun !== undefined) this.#abandon(from, side, begun)
      this.#counters.fragmentBytes += fragment.end - fragment.start
      this.#gap(from, fragment.streamId, fragment.length)
      return
    }
    side.add(begun, fragment)
    if (!fragment.ends) return
    side.forget(begun)
    const { bytes, length } = begun.content
    if (length === begun.size) {
      this.#deliver(from, begun, bytes, 0, length, length)
      return
    }
    this.#counters.fragmentBytes += length
    this.#gap(from, begun.streamId, begun.size)
  }

  /** Messages of a stream are numbered: those in between were not captured. */
  #noteOrder(from: End, side: AssociationSide, { streamId, order, orders }: Fragment): void {
    if (order < 0) return
    const expected = side.orders.get(streamId)
    if (expected !== undefined || side.orders.size < MOST_STREAMS)
      side.orders.set(streamId, (order + 1) % orders)
    if (expected !== undefined && expected !== order) this.#gap(from, streamId, 1)
  }

  /** What the capture cut off the end of a message is a hole. */
  #deliver(
    from: End,
    { streamId, payloadProtocol }: Pick<Fragment, 'streamId' | 'payloadProtocol'>,
    bytes: Uint8Array,
    start: number,
    end: number,
    length: number,
  ): void {
    this.streamId = streamId
    this.payloadProtocol = payloadProtocol
    this.#counters.deliveredBytes += end - start
    if (end > start) this.#connection.handler.data(from, bytes, start, end)
    const cut = length - (end - start)
    if (cut <= 0) return
    this.#counters.lostBytes += cut
    this.#counters.holes++
    this.#connection.handler.gap(from, cut)
  }

  #gap(from: End, streamId: number, length: number): void {
    this.streamId = streamId
    this.#connection.handler.gap(from, length)
  }

  /** The rest of a message will not come. */
  #abandon(from: End, side: AssociationSide, message: Unfinished): void {
    side.forget(message)
    this.#counters.fragmentBytes += message.content.length
    this.#gap(from, message.streamId, message.size)
  }

  #abandonOldest(from: End, side: AssociationSide): void {
    const [oldest] = side.messages.values()
    if (oldest !== undefined) this.#abandon(from, side, oldest)
  }

  /** Keeps a copy of a fragment from beyond a hole. */
  #wait(from: End, side: AssociationSide, fragment: Fragment): void {
    const { waiting } = side
    let at = waiting.length
    while (at > 0 && isAfter((waiting[at - 1] as Fragment).tsn, fragment.tsn)) at--
    if (waiting[at - 1]?.tsn === fragment.tsn) {
      this.#counters.retransmittedBytes += fragment.end - fragment.start
      return
    }
    const copy = kept(fragment, this.#connection)
    waiting.splice(at, 0, copy)
    side.held += copy.bytes.length
    if (side.held > MOST_WAITING || waiting.length > MOST_FRAGMENTS) this.#skipHole(from, side)
  }

  /** Passes on waiting fragments as long as nothing is missing before them: now, or (`then`) at the times at which they came. */
  #release(from: End, side: AssociationSide, then: boolean): void {
    const { waiting } = side
    const { seconds, nanos } = this.#connection
    let taken = 0
    for (; taken < waiting.length; taken++) {
      const fragment = waiting[taken] as Fragment
      if (isAfter(fragment.tsn, side.next)) break
      side.held -= fragment.bytes.length
      if (then) {
        this.#connection.seconds = fragment.seconds
        this.#connection.nanos = fragment.nanos
      }
      this.#take(from, side, fragment)
    }
    if (taken > 0) waiting.splice(0, taken)
    this.#connection.seconds = seconds
    this.#connection.nanos = nanos
    side.ackedFor = 0
  }

  /** Gives up on what the first waiting fragment waits for: a byte each, at the least. */
  #skipHole(from: End, side: AssociationSide): void {
    const [first] = side.waiting
    if (first === undefined) return
    this.#counters.holes++
    this.#counters.lostBytes += (first.tsn - side.next) | 0
    side.next = first.tsn
    this.#release(from, side, true)
  }

  /** What is acknowledged is on its way no more: it was not captured, unless the capture has it out of order. */
  #noticeHoles(from: End, side: AssociationSide): void {
    if (side.waiting.length === 0 || !side.hasHoleAcknowledged) return
    if (++side.ackedFor >= PATIENCE) this.#skipHole(from, side)
  }
}

/** What one end sends. Numbers are compared modulo 2^32 (RFC 9260 §1.6). */
class AssociationSide {
  /** Of INIT or INIT ACK: what the other end must put into its packets. −1 = not seen. */
  initiateTag = -1
  /** What it puts into its own. */
  tag = 0
  /** Where it is, too. */
  addresses: readonly Address[] = []
  /** INITs or INIT ACKs that it has sent, by tag: a server that keeps nothing answers each INIT with another one. */
  readonly inits = new Map<number, Init>()
  isEstablished = false
  started = false
  ended = false
  /** The transmission sequence number of the next fragment, and of the first; meaningless until `started`. */
  next = 0
  initial = 0
  /** The highest one that the other end has acknowledged, with all before it; meaningless until `isAcked`. */
  acked = 0
  isAcked = false
  /** Packets of the other end since it acknowledged what is missing here. */
  ackedFor = 0
  /** Fragments that wait for what is missing before them, in order. */
  readonly waiting: Fragment[] = []
  /** Messages whose last fragment is still to come. */
  readonly messages = new Map<string, Unfinished>()
  /** By stream: the number of its next message. */
  readonly orders = new Map<number, number>()
  held = 0

  get hasHoleAcknowledged(): boolean {
    return this.isAcked && ((this.acked - this.next) | 0) >= 0
  }

  start(tsn: number): void {
    this.initial = tsn
    this.next = tsn
    this.started = true
  }

  /** The last one counts, as long as the other end has not chosen. */
  introduce(init: Init): void {
    if (this.inits.size < MOST_INITS) this.inits.set(init.tag, init)
    this.#begin(init)
  }

  /** The other end uses the tag of this one. RFC 9260 §5.1 */
  chosen(tag: number): void {
    const init = this.inits.get(tag)
    if (init !== undefined) this.#begin(init)
    this.inits.clear()
  }

  /** What has been received already stays. */
  #begin({ tag, tsn, addresses }: Init): void {
    this.initiateTag = tag
    this.addresses = addresses
    if (!this.started || (this.next === this.initial && this.waiting.length === 0)) this.start(tsn)
  }

  acknowledge(tsn: number): void {
    if (!this.isAcked || isAfter(tsn, this.acked)) this.acked = tsn
    this.isAcked = true
  }

  begin(fragment: Fragment): void {
    const { streamId, payloadProtocol, index } = fragment
    const key = keyOf(fragment)
    const message: Unfinished = {
      key,
      streamId,
      payloadProtocol,
      content: new Gathered(),
      size: 0,
      expected: index,
    }
    this.messages.set(key, message)
    this.add(message, fragment)
  }

  add(message: Unfinished, { bytes, start, end, length, index }: Fragment): void {
    message.content.add(bytes, start, end)
    message.size += length
    message.expected = (index + 1) >>> 0
    this.held += end - start
  }

  forget(message: Unfinished): void {
    this.messages.delete(message.key)
    this.held -= message.content.length
  }
}

/** What an INIT or INIT ACK says. */
interface Init {
  readonly tag: number
  readonly tsn: number
  readonly addresses: readonly Address[]
}

/** As in packets: four words, of IPv4 the first one. */
interface Address {
  readonly ipVersion: number
  readonly words: readonly number[]
}

/** A DATA or I-DATA chunk. */
interface Fragment {
  readonly tsn: number
  readonly streamId: number
  readonly payloadProtocol: number
  readonly begins: boolean
  readonly ends: boolean
  /** Which of the fragments of its message it is. */
  readonly index: number
  /** Of I-DATA: which of the messages of its stream, also in fragments after the first. −1 = only one is unfinished at a time. */
  readonly messageId: number
  readonly isUnordered: boolean
  /** Number of the message within its stream, modulo `orders`; −1 when it may come out of order, and with fragments after the first. */
  readonly order: number
  readonly orders: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** Length on the wire: more than is here when the capture was cut short. */
  readonly length: number
  readonly seconds: number
  readonly nanos: number
}

interface Unfinished {
  readonly key: string
  readonly streamId: number
  readonly payloadProtocol: number
  /** What was captured of it. */
  readonly content: Gathered
  /** Bytes on the wire. */
  size: number
  /** `index` of the next fragment. */
  expected: number
}

/** RFC 9260 §3.3.1: fragments have consecutive numbers. RFC 8260 §2.1: they have numbers of their own. */
function fragmentOf({ bytes, seconds, nanos }: Packet, chunk: Chunk, header: number): Fragment {
  const { flags, start } = chunk
  const isData = header === DATA_HEADER
  const begins = (flags & DATA_FLAG.begin) !== 0
  const isUnordered = (flags & DATA_FLAG.unordered) !== 0
  const tsn = u32(bytes, start + 4)
  const streamId = u16(bytes, start + 8)
  const number = isData ? u16(bytes, start + 10) : u32(bytes, start + 12)
  const last = u32(bytes, start + header - 4)
  return {
    tsn,
    streamId,
    // Of I-DATA only the first fragment has it: the others have their number there.
    payloadProtocol: isData || begins ? last : 0,
    begins,
    ends: (flags & DATA_FLAG.end) !== 0,
    messageId: isData ? -1 : number,
    isUnordered,
    index: isData ? tsn : begins ? 0 : last,
    order: isUnordered || !begins ? -1 : number,
    orders: isData ? 2 ** 16 : 2 ** 32,
    bytes,
    start: start + header,
    end: chunk.capturedEnd,
    length: chunk.end - start - header,
    seconds,
    nanos,
  }
}

/** Which of the unfinished messages a fragment belongs to. */
function keyOf({ streamId, isUnordered, messageId }: Fragment): string {
  return `${streamId}${isUnordered ? 'u' : 'o'}${messageId}`
}

/** What packets of one end have in common, whatever its addresses are. */
export function pathKey(tag: number, srcPort: number, dstPort: number): string {
  return `${tag} ${srcPort} ${dstPort}`
}

/** The addresses among the parameters of an INIT. RFC 9260 §3.3.2.1 */
function addressesIn(bytes: Uint8Array, start: number, end: number): Address[] {
  const addresses: Address[] = []
  for (let at = start; at + 4 <= end && addresses.length < MOST_ADDRESSES; ) {
    const length = u16(bytes, at + 2)
    if (length < 4 || at + length > end) break
    const type = u16(bytes, at)
    if (type === IPV4_ADDRESS && length === 8)
      addresses.push({ ipVersion: 4, words: [i32(bytes, at + 4), 0, 0, 0] })
    if (type === IPV6_ADDRESS && length === 20)
      addresses.push({ ipVersion: 6, words: [4, 8, 12, 16].map((word) => i32(bytes, at + word)) })
    at += (length + 3) & ~3
  }
  return addresses
}

function kept(fragment: Fragment, { seconds, nanos }: Connection): Fragment {
  const bytes = copyOf(fragment.bytes, fragment.start, fragment.end)
  return { ...fragment, bytes, start: 0, end: bytes.length, seconds, nanos }
}

function isAfter(tsn: number, other: number): boolean {
  return ((tsn - other) | 0) > 0
}

function opposite(end: End): End {
  return end === 0 ? 1 : 0
}

const ENDS: readonly End[] = [0, 1]
/** Fragments that may be on their way at once: with numbers farther ahead it is of another association. */
const FARTHEST_AHEAD = 1 << 24
const IPV4_ADDRESS = 5
const IPV6_ADDRESS = 6
const MOST_ADDRESSES = 16
/** A client sends its INIT nine times. RFC 9260 §16 */
const MOST_INITS = 9
const MOST_PATHS = 2 * MOST_INITS
/** What one end may keep waiting: more than this was lost, not delayed. */
const MOST_WAITING = 4 << 20
const MOST_FRAGMENTS = 4096
/** Longest message that is put together. */
const LONGEST_MESSAGE = 4 << 20
/** Messages that are put together at once. */
const MOST_MESSAGES = 256
/** Streams of which the order is watched. */
const MOST_STREAMS = 1024
/** Packets after which what was acknowledged, and is not here, was not captured. */
const PATIENCE = 16
