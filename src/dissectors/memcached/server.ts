import { bytesOf, type Octets, textOf } from '../../bytes/octets.ts'
import { u8 } from '../../bytes/read.ts'
import type { DissectContext, Instant, Paired } from '../../dissect/dissector.ts'
import { ExchangeParser, INVALID } from '../../dissect/exchanges.ts'
import {
  ANSWERS,
  isNoError,
  keyIn,
  opcodeOf,
  PACKET_HEADER,
  type Packet,
  packetAt,
  replyIn,
  u64Text,
} from './binary.ts'
import { Body } from './body.ts'
import { Lines } from './lines.ts'
import { Reply } from './messages.ts'
import type { Session } from './session.ts'
import { readReplyLine } from './text-replies.ts'

/** Reads replies, in either protocol. */
export class ReplyParser extends ExchangeParser<Reply, Session> {
  readonly #context: DissectContext
  readonly #lines = new Lines()
  #open: Open | undefined
  #data: Data | undefined

  constructor(session: Session, context: DissectContext) {
    super(session)
    this.#context = context
  }

  get held(): number {
    return (this.#open?.kept ?? 0) + (this.#data?.body.kept.length ?? 0)
  }

  override gap(length: number): number {
    const known = this.#data?.body.miss(length) ?? 0
    this.#closeIfWhole()
    return known
  }

  override rejoin(): void {
    this.#lines.reset()
  }

  override end(clean: boolean): Paired | undefined {
    if (clean) this.session.settle()
    return super.end(clean)
  }

  protected read(bytes: Uint8Array, at: number, end: number): number {
    if (this.#data !== undefined) {
      const taken = this.#data.body.take(bytes, at, end)
      this.#closeIfWhole()
      return taken
    }
    return u8(bytes, at) === ANSWERS ? this.#readPacket(bytes, at, end) : this.#readLine(bytes, at, end)
  }

  protected lose(): void {
    this.#data = undefined
    if (this.#open !== undefined) {
      this.#open.reply.incomplete = true
      this.#finish(this.#open)
    }
    this.session.breakOff()
  }

  #readLine(bytes: Uint8Array, at: number, end: number): number {
    const line = this.#lines.at(bytes, at, end)
    if (line === null) return INVALID
    if (line === undefined) return -(end - at + 1)
    const size = this.#lines.next - at
    const isLogged = this.session.isWatched && this.session.first === undefined
    // ElastiCache ends the data of a configuration with an empty line.
    if (line === '' || isLogged) return size
    const open = this.#opened('text', end - at)
    open.size += size
    const after = readReplyLine(line, open.reply)
    if (after === 'nothing') this.#finish(open)
    else if (after !== 'more') {
      const { value, isLast } = after
      this.#awaits(value.bytes + LINE_END, this.#room(open, value.bytes), (kept) => {
        value.value = kept
        open.reply.finds(value)
        open.kept += kept.length
        open.size += value.bytes + LINE_END
        return isLast
      })
    }
    return size
  }

  #readPacket(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < PACKET_HEADER) return -PACKET_HEADER
    const packet = packetAt(bytes, at)
    if (packet === undefined) return INVALID
    const head = PACKET_HEADER + packet.head
    if (end - at < head) return -head
    const begun = this.#open
    const open = begun ?? this.#opened('binary', end - at)
    if (begun === undefined) open.reply = replyIn(bytes, at, packet)
    open.size += head + packet.length
    this.#readValue(open, packet, keyIn(bytes, at, packet))
    this.#closeIfWhole()
    return head
  }

  /** What a packet has behind its head, by what it answers. */
  #readValue(
    open: Open,
    { opcode, status, length }: Packet,
    { key, flags }: { key: string; flags: number },
  ): void {
    const { reply } = open
    const { command } = opcodeOf(opcode)
    const few = Math.min(length, LONGEST_WORD)
    if (!isNoError(status))
      this.#awaits(length, few, (kept) => {
        reply.error = textOf(kept) || reply.status
        return true
      })
    else if (status !== 0 || command.startsWith('sasl')) this.#awaits(length, 0, () => true)
    else if (command === 'get' || command === 'gat')
      this.#awaits(length, this.#room(open, length), (value) => {
        reply.finds({ key, flags, bytes: length, cas: reply.cas, value })
        return true
      })
    else if (command === 'stats')
      this.#awaits(length, few, (kept) => {
        if (key !== '') reply.counts(key, textOf(kept))
        // An empty one is the last.
        return key === '' && length === 0
      })
    else
      this.#awaits(length, few, (kept) => {
        reply.says(
          length === 8 && COUNTS.has(command) && kept.length === 8 ? u64Text(bytesOf(kept), 0) : textOf(kept),
        )
        return true
      })
  }

  /** Of a value of so many bytes as many as may be kept. */
  #room({ kept }: Open, length: number): number {
    const { wantsBodies, maxBody } = this.#context
    return wantsBodies ? Math.max(Math.min(length, maxBody - kept), 0) : 0
  }

  #opened(protocol: 'text' | 'binary', left: number): Open {
    const { now, place } = this.session
    this.#open ??= { reply: new Reply(protocol), since: now, position: place.end - left, size: 0, kept: 0 }
    return this.#open
  }

  #awaits(length: number, wanted: number, done: Data['done']): void {
    this.#data = { body: new Body(length, wanted), done }
  }

  #closeIfWhole(): void {
    const [data, open] = [this.#data, this.#open]
    if (data === undefined || open === undefined || data.body.left > 0) return
    this.#data = undefined
    if (!data.body.isWhole) open.reply.incomplete = true
    if (data.done(data.body.kept)) this.#finish(open)
  }

  #finish({ reply, size, since, position }: Open): void {
    this.#open = undefined
    this.session.reply(reply, size, since, position)
  }
}

/** A reply that is being put together. */
interface Open {
  reply: Reply
  readonly since: Instant
  /** Where it begins in the server's stream. */
  readonly position: number
  size: number
  /** Bytes of values that are kept. */
  kept: number
}

/** Data of it that is coming. `done` is told what is kept of it, and says whether that was all. */
interface Data {
  readonly body: Body
  readonly done: (kept: Octets) => boolean
}

const COUNTS: ReadonlySet<string> = new Set(['incr', 'decr'])
const LINE_END = 2
/** Bytes of a word, a number or a message that are kept, whether bodies are or not. */
const LONGEST_WORD = 1024
