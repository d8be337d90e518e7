import { copyOf, u16le } from '../../bytes/read.ts'
import type { DissectContext, Opening, Parser, Step } from '../../dissect/dissector.ts'
import { Channel, type ChannelReader } from './channel.ts'
import { COM, fitsCommand, hasNoReply, isCommand } from './commands.ts'
import { CAN, isSslRequest, readLogin } from './handshake.ts'
import { REFUSED } from './packets.ts'
import { isFramed } from './probe.ts'
import { ChangeUser, Execute, InitDb, Login, OfStatement, Query, Request } from './requests.ts'
import type { Asked, Session } from './session.ts'

/** Reads what a client sends: its login, commands, and what the server asks for besides. */
export class RequestParser implements Parser<Request>, ChannelReader {
  reason = ''
  readonly #context: DissectContext
  readonly #session: Session
  readonly #opening: Opening
  readonly #channel: Channel
  /** What is being read: undefined between packets, and while it is no request. */
  #asked: Asked | undefined
  #hasEnded = false
  /** Bytes of the wire since the last request. */
  #taken = 0

  constructor(context: DissectContext, session: Session, opening: Opening) {
    this.#context = context
    this.#session = session
    this.#opening = opening
    this.#channel = new Channel(this, session)
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Request> {
    const isBetween = !this.#channel.isFramed && this.#channel.packets.isBetween
    if (isBetween && start < end && this.#session.isCompressed !== false) {
      const framed = this.#isFramed(bytes, start, end)
      if (framed === undefined) return { kind: 'incomplete', need: end - start + 1 }
      this.#channel.isFramed = framed
    }
    return this.#channel.next(bytes, start, end)
  }

  begins(length: number, sequence: number, first: number): number {
    const { stage } = this.#session
    if (stage !== 'commands' && sequence !== 0) return this.#begin(COM.login, LONGEST_LOGIN)
    if (sequence !== 0 || this.#isBesides(first)) return 0
    if (stage === 'login' || !isCommand(first) || !fitsCommand(first, length)) {
      this.reason = 'not a command'
      return REFUSED
    }
    this.#session.stage = 'commands'
    return this.#begin(first, this.#wanted(first))
  }

  ends(bytes: Uint8Array, start: number, end: number, size: number): boolean {
    const asked = this.#asked
    this.#hasEnded = true
    if (asked === undefined) {
      // A file ends with an empty packet.
      if (size === 0) this.#session.isUploading = false
      return true
    }
    asked.sequence = this.#channel.packets.sequence
    if (asked.code === COM.login) this.#login(asked, bytes, start, end)
    else this.#finish(asked, copyOf(bytes, start, end), size)
    return true
  }

  took(length: number): void {
    this.#taken += length
    if (!this.#hasEnded) return
    this.#hasEnded = false
    const asked = this.#asked ?? this.#session.latest
    if (asked !== undefined) asked.size += this.#taken
    this.#taken = 0
    if (this.#asked !== undefined) this.#tell(this.#asked)
    this.#asked = undefined
  }

  gap(length: number): number {
    const lost = this.#channel.lose(length)
    if (lost === length) this.#taken += lost
    return lost
  }

  rejoin(): void {
    this.#channel.reset()
    this.#taken = 0
    this.reason = ''
    this.#session.stage = 'commands'
  }

  /** A request that breaks off may still get its reply. */
  end(clean: boolean) {
    const asked = this.#asked
    this.#asked = undefined
    if (asked?.code === COM.login) this.#session.forget(asked)
    else if (asked !== undefined) {
      const wire = this.#channel.packets.unfinished
      this.#channel.packets.isHoled = true
      asked.size += this.#taken
      this.#finish(asked, wire, wire.length)
      this.#tell(asked)
    }
    if (!clean) this.#session.clientLost()
    return this.#session.ready.shift()
  }

  get held(): number {
    return this.#channel.held
  }

  /** Frames begin with the first command; before, sequence numbers go on. */
  #isFramed(bytes: Uint8Array, start: number, end: number): boolean | undefined {
    const session = this.#session
    if (session.isCompressed === undefined) {
      if (session.stage === 'login' || (session.stage === 'greeting' && bytes[start + 3] !== 0)) return false
      session.isCompressed = isFramed(bytes, start, end, 'client')
      return session.isCompressed
    }
    if (session.stage !== 'commands') return false
    return end - start < 4 ? undefined : bytes[start + 3] === 0
  }

  /** The rest of a file, and what a replica acknowledges, are no commands. */
  #isBesides(first: number): boolean {
    const { isUploading, isStreaming, next } = this.#session
    return isUploading || (isStreaming && (first === SEMI_SYNC_ACK || next?.code === COM.clone))
  }

  #begin(code: number, wanted: number): number {
    const { seconds, nanos } = this.#opening.clock
    const asked: Asked = {
      code,
      since: { seconds, nanos },
      heard: this.#opening.place.heard,
      size: 0,
      sequence: 0,
      message: undefined,
      answer: undefined,
      statement: undefined,
      isDoubtful: false,
    }
    this.#asked = asked
    if (!hasNoReply(code)) this.#session.ask(asked)
    return wanted
  }

  #wanted(code: number): number {
    const { wantsBodies, maxBody } = this.#context
    switch (code) {
      case COM.sendLongData:
        return LONG_DATA_HEADER
      case COM.query:
      case COM.prepare:
      case COM.execute:
      case COM.bulkExecute:
        return wantsBodies ? Math.max(maxBody, LONGEST_QUERY) : LONGEST_QUERY
      default:
        return LONGEST_QUERY
    }
  }

  #login(asked: Asked, bytes: Uint8Array, start: number, end: number): void {
    const isTls = isSslRequest(bytes, start, end)
    const fields = isTls ? NOBODY : readLogin(bytes, start, end)
    if (fields === undefined) {
      this.reason = 'neither a login nor a request for TLS'
      return
    }
    const message = new Login(isTls ? COM.sslRequest : COM.login, fields)
    asked.message = message
    this.#session.isTls = isTls
    if (!isTls) this.#session.introduced(message)
  }

  #finish(asked: Asked, wire: Uint8Array, size: number): void {
    const truncated = wire.length < size || this.#channel.packets.isHoled
    asked.message = this.#read(asked, wire, truncated)
    const { statements } = this.#session
    if (asked.statement === undefined) return
    if (asked.code === COM.sendLongData)
      statements.sentAhead(asked.statement, u16le(wire, LONG_DATA_HEADER - 2))
    if (asked.code === COM.closeStatement) statements.close(asked.statement.id)
  }

  #read(asked: Asked, wire: Uint8Array, truncated: boolean): Request {
    const { code } = asked
    const session = this.#session
    const sender = { user: session.user, database: session.database }
    switch (code) {
      case COM.query:
        return new Query(code, wire, truncated, sender, session.can(CAN.queryAttributes))
      case COM.prepare: {
        const query = new Query(code, wire, truncated, sender, false)
        asked.statement = session.statements.sent(query)
        return query
      }
      case COM.execute:
      case COM.bulkExecute: {
        asked.statement = session.statements.of(wire)
        const isCounted = (wire[5] ?? 0) >= 8
        const hasAttributes = code === COM.execute && (session.can(CAN.queryAttributes) ?? isCounted)
        return new Execute(code, wire, truncated, sender, asked.statement, hasAttributes)
      }
      case COM.closeStatement:
      case COM.resetStatement:
      case COM.fetch:
      case COM.sendLongData:
        asked.statement = session.statements.of(wire)
        return new OfStatement(code, wire, truncated, sender, asked.statement)
      case COM.initDb:
        return new InitDb(code, wire, truncated, sender)
      case COM.changeUser:
        return new ChangeUser(wire, truncated, session.capabilities ?? LIKELY)
      default:
        return new Request(code, wire, truncated, sender)
    }
  }

  /** What gets no reply, or has got it, is told now. */
  #tell(asked: Asked): void {
    if (hasNoReply(asked.code) || asked.answer !== undefined) this.#session.finished(asked)
    else this.#session.asked(asked)
  }
}

const NOBODY = { user: '', database: '', authPlugin: '', attributes: {}, capabilities: 0, extended: 0 }
/** What clients of these years can do, where the login was not seen. */
const LIKELY = CAN.protocol41 | CAN.secureConnection | CAN.pluginAuth | CAN.connectAttributes
/** Longest query, and longest values of parameters, that are kept where bodies are not wanted. */
export const LONGEST_QUERY = 64 << 10
const LONGEST_LOGIN = 128 << 10
/** Command, statement, parameter. */
const LONG_DATA_HEADER = 7
/** First byte of what a replica says in answer to events (semi-synchronous replication). */
const SEMI_SYNC_ACK = 0xef
