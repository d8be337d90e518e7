import { Gathered } from '../../bytes/gathered.ts'
import { briefCopyOf, u8, u16 } from '../../bytes/read.ts'
import type { DissectContext, Found, Parser, Side, Step } from '../../dissect/dissector.ts'
import { type FixedHeader, fits, fixedHeader, publicationAt, qosIn } from './layout.ts'
import { Message } from './messages.ts'
import { CONNACK, CONNECT, PINGREQ, PINGRESP, PUBLISH, typeOf } from './packets.ts'
import { MqttReader, PUBLISH_PROPERTIES } from './reader.ts'
import type { Session } from './session.ts'

/** Reads the packets of one side: whole ones at once, others as they come, and of their payloads what is wanted. */
export class PacketParser implements Parser<Message> {
  readonly #side: Side
  readonly #session: Session
  readonly #context: DissectContext
  #open: UnfinishedPacket | undefined

  constructor(side: Side, session: Session, context: DissectContext) {
    this.#side = side
    this.#session = session
    this.#context = context
  }

  get held(): number {
    return this.#open?.kept.length ?? 0
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Message> {
    const open = this.#open
    if (open === undefined) return this.#nextPacket(bytes, start, end)
    if (open.left === 0) return this.#close(open, 0)
    if (open.wanted === 0) return { kind: 'skip', length: open.skip() }
    if (start === end) return { kind: 'incomplete', need: 1 }
    const length = Math.min(open.wanted, end - start)
    open.keep(bytes, start, start + length)
    return open.left === 0 ? this.#close(open, length) : { kind: 'partial', length }
  }

  gap(length: number): number {
    return this.#open?.lose(length) ?? 0
  }

  missed(): void {
    if (this.#open !== undefined) this.#open.hasHole = true
  }

  rejoin(): void {
    this.#open = undefined
    this.#session.lost(this.#side)
  }

  end(): Found<Message> | undefined {
    const open = this.#open
    if (open === undefined) return undefined
    this.#open = undefined
    return this.#found(open.header, open.kept.bytes, true)
  }

  #nextPacket(bytes: Uint8Array, start: number, end: number): Step<Message> {
    if (start === end) return { kind: 'incomplete', need: 1 }
    const header = fixedHeader(bytes, start, end)
    if (header === 'cut') return { kind: 'incomplete', need: end - start + 1 }
    if (header === 'bad') return { kind: 'invalid', reason: 'no such packet' }
    const { size, length } = header
    const body = start + size
    const kept = this.#keptOf(bytes, body, end, header)
    if (typeof kept === 'object') return { kind: 'incomplete', need: size + kept.need }
    if (kept < 0) return { kind: 'invalid', reason: 'topic or properties longer than their packet' }
    if (end - body < length) {
      this.#open = new UnfinishedPacket(header, kept)
      return { kind: 'partial', length: size }
    }
    const wire = briefCopyOf(bytes, body, body + kept)
    return { kind: 'message', length: size + length, ...this.#found(header, wire, false) }
  }

  /** How much of a packet is to be kept; −1 when it is none. */
  #keptOf(
    bytes: Uint8Array,
    start: number,
    end: number,
    header: FixedHeader,
  ): number | { readonly need: number } {
    const { room } = this.#session
    const longestHead = Math.min(LONGEST_HEAD, Math.max(room, LEAST_HEAD))
    if (header.type !== PUBLISH) return Math.min(header.length, longestHead)
    const publication = publicationAt(bytes, start, end, header, this.#session.isFive)
    if (publication === 'bad') return -1
    if ('need' in publication) return publication
    const { payloadAt, isFive } = publication
    if (isFive !== undefined && this.#session.isFive === undefined) this.#session.learn(isFive)
    const wanted = this.#context.wantsBodies ? Math.min(this.#context.maxBody, room) : 0
    return Math.min(payloadAt, longestHead) + Math.min(header.length - payloadAt, wanted)
  }

  #close(open: UnfinishedPacket, length: number): Step<Message> {
    this.#open = undefined
    return { kind: 'message', length, ...this.#found(open.header, open.kept.bytes, open.hasHole) }
  }

  /** `wire` is what was kept of it. */
  #found(header: FixedHeader, wire: Uint8Array, isIncomplete: boolean): Found<Message> {
    const { type, flags, length } = header
    const session = this.#session
    if (type === CONNECT) session.begin(versionIn(wire))
    else if (session.isFive === undefined && wire.length === length) this.#learn(header, wire)
    const { version, isFive } = session
    const topic = type === PUBLISH && isFive === true ? this.#aliased(wire, flags) : undefined
    const message = new Message({
      type,
      flags,
      from: this.#side,
      version,
      isFive,
      wire,
      length,
      isIncomplete,
      topic,
    })
    const pairing = this.#pairing(type, flags, wire)
    if (pairing.role === 'response') this.#session.answers(pairing.id)
    else if (pairing.id !== 'no-reply') this.#session.asks(pairing.id, wire.length)
    return { message, ...pairing }
  }

  /** Only one of the versions would send it. */
  #learn(header: FixedHeader, wire: Uint8Array): void {
    if (header.type === PUBLISH) return
    const isFive = fits(header, wire, 0, wire.length, true)
    if (isFive !== fits(header, wire, 0, wire.length, false)) this.#session.learn(isFive)
  }

  /** The topic of a publication whose properties have an alias; undefined without one. */
  #aliased(wire: Uint8Array, flags: number): string | undefined {
    const propertiesAt = 2 + u16(wire, 0) + (qosIn(flags) > 0 ? 2 : 0)
    if (!(u8(wire, propertiesAt) > 0)) return undefined
    const reader = new MqttReader(wire, propertiesAt, wire.length)
    const { topicAlias } = reader.properties(PUBLISH_PROPERTIES)
    if (typeof topicAlias !== 'number') return undefined
    return this.#session.topicOf(this.#side, new MqttReader(wire, 0, wire.length).text(), topicAlias)
  }

  /** Who asks and who answers, and what the two have in common: both sides publish, each with ids of its own. */
  #pairing(type: number, flags: number, wire: Uint8Array): Pairing {
    const { name = '', answers = '', isAsked = false } = typeOf(type) ?? {}
    if (answers !== '') return { role: 'response', id: this.#answered(type, answers, wire) }
    if (!isAsked || (type === PUBLISH && qosIn(flags) === 0)) return { role: 'request', id: 'no-reply' }
    if (type === CONNECT) return { role: 'request', id: name }
    if (type === PINGREQ) return { role: 'request', id: this.#session.asksPing() }
    return { role: 'request', id: idOf(name, packetIdIn(type, wire), this.#side) }
  }

  #answered(type: number, answers: string, wire: Uint8Array): string {
    if (type === CONNACK) return answers
    if (type === PINGRESP) return this.#session.answersPing()
    return idOf(answers, packetIdIn(type, wire), this.#side === 'client' ? 'server' : 'client')
  }
}

interface Pairing {
  readonly role: 'request' | 'response'
  readonly id: string
}

/** A packet that is not here as a whole. */
class UnfinishedPacket {
  readonly header: FixedHeader
  hasHole = false
  readonly kept = new Gathered()
  /** Bytes that have passed, and of those to come how many are to be kept. */
  #passed = 0
  wanted: number

  constructor(header: FixedHeader, wanted: number) {
    this.header = header
    this.wanted = wanted
  }

  get left(): number {
    return this.header.length - this.#passed
  }

  keep(bytes: Uint8Array, start: number, end: number): void {
    this.kept.add(bytes, start, end)
    this.wanted -= end - start
    this.#passed += end - start
  }

  /** All that is left. */
  skip(): number {
    const { left } = this
    this.#passed += left
    return left
  }

  /** Behind a hole nothing is kept. Returns how much of it is part of the packet. */
  lose(length: number): number {
    const lost = Math.min(length, this.left)
    this.#passed += lost
    this.wanted = 0
    this.hasHole = true
    return lost
  }
}

/** 3, 4 or 5; bridges set another bit. */
function versionIn(wire: Uint8Array): number {
  const reader = new MqttReader(wire, 0, wire.length)
  reader.text()
  return reader.octet() & 0x7f
}

function packetIdIn(type: number, wire: Uint8Array): number {
  const at = type === PUBLISH ? 2 + u16(wire, 0) : 0
  return at + 2 <= wire.length ? u16(wire, at) : 0
}

function idOf(name: string, packetId: number, asker: Side): string {
  return `${name} ${packetId} of ${asker}`
}

/** Bytes kept of a packet without its payload, and where many wait for answers. */
const LONGEST_HEAD = 1 << 20
const LEAST_HEAD = 1 << 10
