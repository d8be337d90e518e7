import { bytesOf, octets } from '../../bytes/octets.ts'
import { u8, u32 } from '../../bytes/read.ts'
import { latin1, utf8Text } from '../../bytes/text.ts'
import { INVALID } from '../../dissect/exchanges.ts'
import { nulAt, readValues, shorts, shortText, textPairs } from './fields.ts'
import { FRONTEND, LONGEST_KEPT } from './frames.ts'
import { type Frame, MessageParser } from './parser.ts'
import { type About, type Details, Request } from './request.ts'
import { KIND, type Session } from './session.ts'
import { startupLength, UNTYPED } from './startup.ts'
import { Portal, Statement } from './statement.ts'

/** Reads what the client sends. */
export class FrontendParser extends MessageParser<Request> {
  constructor(session: Session) {
    super(session, FRONTEND)
  }

  protected wanted(type: number, length: number): number {
    return type === COPY_DATA ? 0 : length
  }

  protected lose(): void {
    this.session.forget()
  }

  protected untyped(bytes: Uint8Array, at: number, end: number): number | undefined {
    if (u8(bytes, at) !== 0) return undefined
    if (end - at < UNTYPED.header) return -UNTYPED.header
    const size = startupLength(bytes, at)
    if (size === 0) return INVALID
    if (end - at < size) return -size
    this.#startup(bytes, at, size)
    return size
  }

  protected take(frame: Frame): void {
    const { size } = frame
    switch (frame.type) {
      case QUERY:
        this.#query(frame)
        break
      case PARSE:
        this.#parse(frame)
        break
      case BIND:
        this.#bind(frame)
        break
      case DESCRIBE:
        this.#ask(KIND.describe, 'Describe', size, this.#target(frame))
        break
      case EXECUTE:
        this.#execute(frame)
        break
      case CLOSE:
        this.#ask(KIND.close, 'Close', size, this.#target(frame))
        break
      case SYNC:
        this.#ask(KIND.sync, 'Sync', size)
        break
      case FLUSH:
        this.#tell('Flush', size)
        break
      case FUNCTION_CALL:
        this.#call(frame)
        break
      case PROOF:
        this.#prove(frame)
        break
      case COPY_DATA:
        this.session.copied(size)
        break
      case COPY_DONE:
        if (this.session.copiesBoth) this.#ask(KIND.copyDone, 'CopyDone', size)
        else this.#tell('CopyDone', size)
        break
      case COPY_FAIL:
        this.#tell('CopyFail', size, { reason: textAt(frame) })
        break
      case TERMINATE:
        this.#tell('Terminate', size)
    }
  }

  /** What comes before messages have types. */
  #startup(bytes: Uint8Array, at: number, size: number): void {
    const code = u32(bytes, at + 4)
    const start = at + UNTYPED.header
    if (code === UNTYPED.cancel) this.#tell('CancelRequest', size, { processId: u32(bytes, start) })
    else if (code === UNTYPED.tls) this.#ask(KIND.encrypt, 'SSLRequest', size)
    else if (code === UNTYPED.gss) this.#ask(KIND.encrypt, 'GSSENCRequest', size)
    else {
      const options = textPairs(bytes, start, at + size)
      const { user = '', database = '' } = options
      this.session.login = { user, database: database === '' ? user : database }
      const protocolVersion = `${code >>> 16}.${code & 0xffff}`
      this.#ask(KIND.startup, 'StartupMessage', size, { details: { options, protocolVersion } })
    }
  }

  #query({ bytes, start, end, size }: Frame): void {
    const textEnd = u8(bytes, end - 1) === 0 ? end - 1 : end
    this.#ask(KIND.query, 'Query', size, { statement: new Statement('', octets(bytes, start, textEnd)) })
  }

  #parse({ bytes, start, end, size }: Frame): void {
    const nameEnd = nulAt(bytes, start, end)
    const textEnd = nulAt(bytes, nameEnd + 1, end)
    const text = octets(bytes, nameEnd + 1, textEnd)
    const statement = new Statement(shortText(bytes, start, nameEnd), text, octets(bytes, textEnd + 3, end))
    const replaced = this.session.remembered.statements.set(statement.name, statement)
    this.#ask(KIND.parse, 'Parse', size, { statement, replaced })
  }

  #bind({ bytes, start, end, size }: Frame): void {
    const portalEnd = nulAt(bytes, start, end)
    const nameEnd = nulAt(bytes, portalEnd + 1, end)
    const statement = this.#statement(shortText(bytes, Math.min(portalEnd + 1, end), nameEnd))
    const portal = new Portal(shortText(bytes, start, portalEnd), statement, octets(bytes, nameEnd + 1, end))
    this.session.remembered.portals.set(portal.name, portal)
    this.#ask(KIND.bind, 'Bind', size, { statement, portal })
  }

  #execute(frame: Frame): void {
    const portal = this.#portal(textAt(frame))
    const maxRows = u32(frame.bytes, frame.end - 4)
    const about = { portal, statement: portal.statement }
    this.#ask(KIND.execute, 'Execute', frame.size, maxRows === 0 ? about : { ...about, details: { maxRows } })
  }

  /** What a Describe or a Close is about. */
  #target({ bytes, start, end }: Frame) {
    const name = shortText(bytes, start + 1, nulAt(bytes, start + 1, end))
    const portal = u8(bytes, start) === OF_PORTAL ? this.#portal(name) : undefined
    return { portal, statement: portal?.statement ?? this.#statement(name) }
  }

  #call({ bytes, start, end, size }: Frame): void {
    const values = bytesOf(octets(bytes, start + 4, end))
    const formats = shorts(values, 0)
    const parameters = readValues(values, formats.next, formats.values, []).values
    this.#ask(KIND.call, 'FunctionCall', size, { details: { functionId: u32(bytes, start), parameters } })
  }

  /** A password, or a step of SASL or GSSAPI; of all that only the name of the mechanism is kept. */
  #prove(frame: Frame): void {
    const { authentication } = this.session
    const command = PROOFS[authentication] ?? proofIn(frame)
    if (command !== 'SASLInitialResponse') this.#ask(KIND.auth, command, frame.size)
    else {
      this.session.authentication = 'SASLContinue'
      const mechanism = textAt(frame, LONGEST_MECHANISM)
      const kind = mechanism.startsWith('SCRAM-') ? KIND.scram : KIND.auth
      this.#ask(kind, command, frame.size, { details: { mechanism } })
    }
  }

  #statement(name: string): Statement {
    return this.session.remembered.statements.get(name) ?? new Statement(name, '')
  }

  #portal(name: string): Portal {
    return this.session.remembered.portals.get(name) ?? new Portal(name, new Statement('', ''), '')
  }

  #tell(command: string, size: number, details?: Details): void {
    const { session } = this
    session.told(new Request(command, session.login, { details }), size)
  }

  #ask(kind: number, command: string, size: number, about: About = NOTHING_ELSE): void {
    const { session } = this
    const { heard } = session.place
    session.ask({
      message: new Request(command, session.login, about),
      kind,
      size,
      since: session.now,
      kept: Math.min(size, LONGEST_KEPT),
      heard,
      reached: heard,
      answer: undefined,
    })
  }
}

/** The string that the message begins with. */
function textAt({ bytes, start, end }: Frame, longest = Number.POSITIVE_INFINITY): string {
  return utf8Text(bytes, start, nulAt(bytes, start, Math.min(end, start + longest)))
}

/** What `p` means, by what the server has asked for. */
const PROOFS: Readonly<Record<string, string>> = {
  CleartextPassword: 'PasswordMessage',
  MD5Password: 'PasswordMessage',
  SASL: 'SASLInitialResponse',
  SASLContinue: 'SASLResponse',
  GSS: 'GSSResponse',
  GSSContinue: 'GSSResponse',
  SSPI: 'GSSResponse',
}

/** … and by its looks, where that was not captured: the name of a mechanism and a length, or the end of SCRAM. */
function proofIn({ bytes, start, end }: Frame): string {
  const nameEnd = nulAt(bytes, start, Math.min(end, start + LONGEST_MECHANISM))
  if (nameEnd > start && nameEnd + 5 <= end && u32(bytes, nameEnd + 1) === end - nameEnd - 5)
    return 'SASLInitialResponse'
  return latin1(bytes, start, Math.min(end, start + 2)) === 'c=' ? 'SASLResponse' : 'PasswordMessage'
}

const NOTHING_ELSE: About = {}

const letter = (text: string) => text.charCodeAt(0)
const QUERY = letter('Q')
const PARSE = letter('P')
const BIND = letter('B')
const DESCRIBE = letter('D')
const EXECUTE = letter('E')
const CLOSE = letter('C')
const SYNC = letter('S')
const FLUSH = letter('H')
const FUNCTION_CALL = letter('F')
const PROOF = letter('p')
const COPY_DATA = letter('d')
const COPY_DONE = letter('c')
const COPY_FAIL = letter('f')
const TERMINATE = letter('X')
/** What a Describe or a Close is about; else `S`, a statement. */
const OF_PORTAL = letter('P')
const LONGEST_MECHANISM = 64
