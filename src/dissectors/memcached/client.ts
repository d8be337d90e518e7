import { u8 } from '../../bytes/read.ts'
import type { DissectContext, Instant } from '../../dissect/dissector.ts'
import { ExchangeParser, INVALID } from '../../dissect/exchanges.ts'
import { ASKS, PACKET_HEADER, packetAt, requestIn } from './binary.ts'
import { Body } from './body.ts'
import { Lines } from './lines.ts'
import type { Request } from './messages.ts'
import type { Session } from './session.ts'
import { readCommand } from './text-commands.ts'

/** Reads commands, in either protocol. */
export class CommandParser extends ExchangeParser<Request, Session> {
  readonly #context: DissectContext
  readonly #lines = new Lines()
  /** A command whose value is coming. */
  #open: Open | undefined

  constructor(session: Session, context: DissectContext) {
    super(session)
    this.#context = context
  }

  get held(): number {
    return this.#open?.body.kept.length ?? 0
  }

  override gap(length: number): number {
    const known = this.#open?.body.miss(length) ?? 0
    this.#closeIfWhole()
    return known
  }

  override rejoin(): void {
    this.#lines.reset()
  }

  protected read(bytes: Uint8Array, at: number, end: number): number {
    if (this.#open !== undefined) {
      const taken = this.#open.body.take(bytes, at, end)
      this.#closeIfWhole()
      return taken
    }
    return u8(bytes, at) === ASKS ? this.#readPacket(bytes, at, end) : this.#readLine(bytes, at, end)
  }

  protected lose(): void {
    if (this.#open !== undefined) {
      this.#open.body.miss(this.#open.body.left)
      this.#closeIfWhole()
    }
    this.session.forget()
  }

  #readLine(bytes: Uint8Array, at: number, end: number): number {
    const line = this.#lines.at(bytes, at, end)
    if (line === null) return INVALID
    if (line === undefined) return -(end - at + 1)
    const size = this.#lines.next - at
    const { request, length, isSilent } = readCommand(line)
    // Behind the data there is the end of a line.
    this.#opens(request, size, length < 0 ? 0 : length + LINE_END, Math.max(length, 0), isSilent)
    return size
  }

  #readPacket(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < PACKET_HEADER) return -PACKET_HEADER
    const packet = packetAt(bytes, at)
    if (packet === undefined) return INVALID
    const head = PACKET_HEADER + packet.head
    if (end - at < head) return -head
    const request = requestIn(bytes, at, packet)
    // Of SASL it would be a password.
    const wanted = request.command.startsWith('sasl') ? 0 : packet.length
    this.#opens(request, head, packet.length, wanted, false)
    return head
  }

  /** A command with so many bytes of data, of which so many are wanted. */
  #opens(request: Request, head: number, length: number, wanted: number, isSilent: boolean): void {
    const { wantsBodies, maxBody } = this.#context
    const body = new Body(length, wantsBodies ? Math.min(wanted, maxBody) : 0)
    this.#open = { request, since: this.session.now, head, size: head + length, isSilent, body }
    this.#closeIfWhole()
  }

  #closeIfWhole(): void {
    const open = this.#open
    if (open === undefined || open.body.left > 0) return
    this.#open = undefined
    const { request, since, head, size, isSilent, body } = open
    request.carry(body.kept)
    request.incomplete = !body.isWhole
    if (isSilent) this.session.told(request, size, since)
    else this.session.ask(request, size, head, since)
  }
}

interface Open {
  readonly request: Request
  readonly since: Instant
  /** Bytes of it without the data. */
  readonly head: number
  readonly size: number
  /** There is no reply to it. */
  readonly isSilent: boolean
  readonly body: Body
}

const LINE_END = 2
