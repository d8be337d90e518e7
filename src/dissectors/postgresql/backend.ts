import { octets } from '../../bytes/octets.ts'
import { u8, u16, u32 } from '../../bytes/read.ts'
import type { DissectContext } from '../../dissect/dissector.ts'
import { type Answer, INVALID } from '../../dissect/exchanges.ts'
import { errorFields, nulAt, shortText, typeIds } from './fields.ts'
import { BACKEND, HEADER } from './frames.ts'
import { type Frame, MessageParser } from './parser.ts'
import { Reply } from './reply.ts'
import { ANY_KIND, ENDS_READY, KIND, type Session } from './session.ts'

/** Reads what the server sends, and puts it together to replies. */
export class BackendParser extends MessageParser<Reply> {
  readonly #context: DissectContext
  /** The row at hand is one of those that are kept. */
  #keepsRow = false

  constructor(session: Session, context: DissectContext) {
    super(session, BACKEND)
    this.#context = context
  }

  /** Rows of the reply at hand. */
  get held(): number {
    return this.session.first?.answer?.message.rowBytes ?? 0
  }

  protected wanted(type: number, length: number): number {
    if (type === DATA_ROW) return this.#wantsRow(length) ? length : 0
    return type === COPY_DATA ? 0 : length
  }

  protected override miss(): void {
    const message = this.session.first?.answer?.message
    if (message !== undefined) message.incomplete = true
  }

  protected lose(): void {
    this.session.breakOff()
  }

  /** One byte says whether the client may begin with TLS or GSSAPI. */
  protected untyped(bytes: Uint8Array, at: number, end: number): number | undefined {
    const { session } = this
    const said = u8(bytes, at)
    if (!session.waitsForEncryption || said === ERROR) return undefined
    if (said !== ACCEPTED && said !== REFUSED && said !== ACCEPTED_GSS) return INVALID
    const answer = session.answer(KIND.encrypt, { size: 1, position: session.place.end - (end - at) })
    answer.message.is(said === REFUSED ? 'Refused' : 'Accepted')
    if (said === ACCEPTED) session.switchTo = 'tls'
    if (said === ACCEPTED_GSS) session.switchTo = 'gssapi'
    session.finish(answer)
    return 1
  }

  protected take(frame: Frame): void {
    switch (frame.type) {
      case PARSE_COMPLETE:
        this.session.settle(this.#answerWith(KIND.parse, PARSED, frame))
        break
      case BIND_COMPLETE:
        this.session.settle(this.#answerWith(KIND.bind, BOUND, frame))
        break
      case CLOSE_COMPLETE:
        this.#closed(frame)
        break
      case NO_DATA:
        this.session.settle(this.#answerWith(KIND.describe, NO_COLUMNS, frame))
        break
      case PARAMETER_DESCRIPTION:
        this.#parameters(frame)
        break
      case ROW_DESCRIPTION:
        this.#columns(frame)
        break
      case DATA_ROW:
        this.#row(frame)
        break
      case COMMAND_COMPLETE:
        this.#command(frame)
        break
      case EMPTY_QUERY:
        this.#says(RUNS, 'EmptyQueryResponse', frame)
        break
      case PORTAL_SUSPENDED:
        this.#says(KIND.execute, 'PortalSuspended', frame)
        break
      case READY:
        this.#ready(frame)
        break
      case ERROR:
        this.#error(frame)
        break
      default:
        this.#takeRare(frame)
    }
  }

  #takeRare(frame: Frame): void {
    const { session } = this
    switch (frame.type) {
      case AUTHENTICATION:
        this.#authentication(frame)
        break
      case KEY_DATA:
        session.answer(LOGS_IN, frame).message.processId = u32(frame.bytes, frame.start)
        break
      case NEGOTIATION:
        session.answer(LOGS_IN, frame)
        break
      case PARAMETER_STATUS:
        this.#setting(frame)
        break
      case NOTICE:
        this.#aside(frame).message.noticed(errorFields(frame.bytes, frame.start, frame.end))
        break
      case NOTIFICATION:
        this.#notification(frame)
        break
      case FUNCTION_RESULT:
        session.answer(KIND.call, frame).message.is('FunctionCallResponse')
        break
      default:
        if (!session.copiesBoth) this.#copy(frame)
    }
  }

  #wantsRow(length: number): boolean {
    const { wantsBodies, maxBody } = this.#context
    const message = this.session.first?.answer?.message
    this.#keepsRow = wantsBodies && (message ?? NOTHING_YET).hasRoomFor(length, maxBody)
    return this.#keepsRow
  }

  #closed(frame: Frame): void {
    const answer = this.#answerWith(KIND.close, CLOSED, frame)
    this.session.closed(answer)
    this.session.settle(answer)
  }

  #row(frame: Frame): void {
    const { message } = this.session.answer(RUNS, frame)
    message.dataRows++
    if (this.#keepsRow) message.keeps(octets(frame.bytes, frame.start, frame.end))
  }

  /** A message that ends the reply to a part of the extended protocol; other replies go on to ReadyForQuery. */
  #says(kinds: number, type: string, frame: Frame): void {
    const answer = this.session.answer(kinds, frame)
    answer.message.is(type)
    this.session.settle(answer)
  }

  #parameters(frame: Frame): void {
    const count = Math.min(u16(frame.bytes, frame.start), MOST_PARAMETERS)
    const types = typeIds(frame.bytes, frame.start + 2, count, frame.end)
    const answer = this.session.answer(KIND.describe, frame)
    answer.message.describedParameters(types)
    const statement = this.session.askedBy(answer)?.message.about.statement
    if (statement !== undefined) statement.described = types
  }

  #columns(frame: Frame): void {
    const rows = octets(frame.bytes, frame.start, frame.end)
    const answer = this.session.answer(RUNS | KIND.describe, frame)
    answer.message.described(rows)
    const asked = this.session.askedBy(answer)
    if (asked?.kind !== KIND.describe) return
    const described = asked.message.about.portal ?? asked.message.about.statement
    if (described !== undefined && rows.length <= LONGEST_DESCRIPTION) described.rows = rows
    this.session.settle(answer)
  }

  #command(frame: Frame): void {
    const answer = this.session.answer(RUNS, frame)
    const end = Math.min(frame.end, frame.start + LONGEST_TAG)
    answer.message.tagged(shortText(frame.bytes, frame.start, nulAt(frame.bytes, frame.start, end)))
    this.session.settle(answer)
  }

  #ready(frame: Frame): void {
    const { session } = this
    session.copiesBoth = false
    const ready = READIES[u8(frame.bytes, frame.start)] ?? READY_SOMEHOW
    const isSync = session.first?.kind === KIND.sync
    const answer = session.answer(ENDS_READY, frame, isSync ? ready : undefined)
    if (answer.message !== ready) answer.message.ready(ready.transaction)
    if (!isSync) answer.message.incomplete ||= !ENDINGS.has(answer.message.type)
    session.finish(answer)
  }

  /** What mostly is a whole reply. */
  #answerWith(kinds: number, whole: Reply, frame: Frame): Answer<Reply> {
    const answer = this.session.answer(kinds, frame, whole)
    if (answer.message !== whole) answer.message.is(whole.type)
    return answer
  }

  #error(frame: Frame): void {
    const { session } = this
    const answer = session.answer(session.isUncertain(frame.position) ? NO_KIND : ANY_KIND, frame)
    answer.message.failed(errorFields(frame.bytes, frame.start, frame.end))
    session.failed(answer)
  }

  #authentication(frame: Frame): void {
    const { session } = this
    const kind = AUTHENTICATIONS[u32(frame.bytes, frame.start)] ?? 'Unknown'
    const answer = session.answer(answeredBy(kind, session.authentication), frame)
    session.authentication = kind
    answer.message.authentication = kind
    answer.message.is(`Authentication${kind}`)
    if (kind === 'SASL') answer.message.mechanisms = texts(frame.bytes, frame.start + 4, frame.end - 1)
    // The client has to answer, unless it is in.
    if (kind !== 'Ok' && kind !== 'SASLFinal') session.finish(answer)
  }

  #setting(frame: Frame): void {
    const [name = '', value = ''] = texts(frame.bytes, frame.start, frame.end)
    this.#aside(frame).message.reported(name, value)
  }

  #notification(frame: Frame): void {
    const [channel = '', payload = ''] = texts(frame.bytes, frame.start + 4, frame.end)
    const message = new Reply('NotificationResponse')
    Object.assign(message, { processId: u32(frame.bytes, frame.start), channel, payload })
    this.session.push(message, frame.size)
  }

  /** What belongs to the reply at hand, where there is one. */
  #aside(frame: Frame): Answer<Reply> {
    const { session } = this
    return session.isAnswering ? session.answer(ANY_KIND, frame) : session.push(new Reply(), frame.size)
  }

  #copy(frame: Frame): void {
    const { session } = this
    const answer = session.answer(RUNS, frame)
    const { message } = answer
    if (frame.type === COPY_DATA) message.copied(frame.size - HEADER)
    else if (frame.type === COPY_IN) message.is('CopyInResponse')
    else if (frame.type === COPY_OUT) message.is('CopyOutResponse')
    else if (frame.type === COPY_BOTH) {
      message.is('CopyBothResponse')
      // It may go on for days.
      session.copiesBoth = true
      session.finish(answer)
    }
  }
}

/** What a demand for proof answers, or the word that there was enough: in SCRAM that comes after the last proof. */
function answeredBy(kind: string, before: string): number {
  if (kind === 'SASLContinue') return KIND.auth | KIND.scram
  return kind === 'SASLFinal' || (kind === 'Ok' && before === 'SASLFinal') ? KIND.auth : LOGS_IN
}

/** Strings, each with a NUL behind it. */
function texts(bytes: Uint8Array, start: number, end: number): string[] {
  const found: string[] = []
  for (let at = start; at < end && found.length < MOST_TEXTS; ) {
    const textEnd = nulAt(bytes, at, end)
    found.push(shortText(bytes, at, textEnd))
    at = textEnd + 1
  }
  return found
}

/** What the server says to these is always the same. */
const PARSED = new Reply('ParseComplete')
const BOUND = new Reply('BindComplete')
const CLOSED = new Reply('CloseComplete')
const NO_COLUMNS = new Reply('NoData')

/** Messages that rows, tags and data for COPY can answer. At the end of a timeline a CopyDone gets where the next one begins. */
const RUNS = KIND.query | KIND.execute | KIND.copyDone
const LOGS_IN = KIND.startup | KIND.auth
const NO_KIND = 0

function ready(transaction: string): Reply {
  const reply = new Reply()
  reply.ready(transaction)
  return reply
}

/** Of a reply that begins with a row. */
const NOTHING_YET = new Reply()

/** In no transaction, in one, in one that failed. */
const READIES: Readonly<Record<number, Reply>> = {
  73: ready('idle'),
  84: ready('transaction'),
  69: ready('failed'),
}
const READY_SOMEHOW = ready('')

/** What comes before ReadyForQuery in a reply that is whole; that to a Sync is nothing more. */
const ENDINGS: ReadonlySet<string> = new Set([
  'CommandComplete',
  'EmptyQueryResponse',
  'ErrorResponse',
  'FunctionCallResponse',
  'AuthenticationOk',
])

const AUTHENTICATIONS: Readonly<Record<number, string>> = {
  0: 'Ok',
  2: 'KerberosV5',
  3: 'CleartextPassword',
  4: 'CryptPassword',
  5: 'MD5Password',
  6: 'SCMCredential',
  7: 'GSS',
  8: 'GSSContinue',
  9: 'SSPI',
  10: 'SASL',
  11: 'SASLContinue',
  12: 'SASLFinal',
}

const letter = (text: string) => text.charCodeAt(0)
/** Answers of one byte to a request for encryption. */
const ACCEPTED = letter('S')
const ACCEPTED_GSS = letter('G')
const REFUSED = letter('N')

const PARSE_COMPLETE = letter('1')
const BIND_COMPLETE = letter('2')
const CLOSE_COMPLETE = letter('3')
const NOTIFICATION = letter('A')
const COMMAND_COMPLETE = letter('C')
const DATA_ROW = letter('D')
const COPY_DATA = letter('d')
const ERROR = letter('E')
const COPY_IN = letter('G')
const COPY_OUT = letter('H')
const COPY_BOTH = letter('W')
const EMPTY_QUERY = letter('I')
const KEY_DATA = letter('K')
const NOTICE = letter('N')
const NO_DATA = letter('n')
const AUTHENTICATION = letter('R')
const PARAMETER_STATUS = letter('S')
const PORTAL_SUSPENDED = letter('s')
const ROW_DESCRIPTION = letter('T')
const PARAMETER_DESCRIPTION = letter('t')
const FUNCTION_RESULT = letter('V')
const NEGOTIATION = letter('v')
const READY = letter('Z')
const LONGEST_TAG = 256
const MOST_TEXTS = 16
const MOST_PARAMETERS = 1024
/** Of the columns of a statement, in bytes, to be remembered for its next replies. */
const LONGEST_DESCRIPTION = 8 << 10
