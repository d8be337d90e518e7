import { copyOf, u8 } from '../../bytes/read.ts'
import type { DissectContext, Instant, Opening, Paired, Parser, Step } from '../../dissect/dissector.ts'
import { Channel, type ChannelReader } from './channel.ts'
import { COM, isLogin as isLoginCode, isStream } from './commands.ts'
import { Cursor } from './cursor.ts'
import { readGreeting, V9, V10 } from './handshake.ts'
import { LONGEST, REFUSED } from './packets.ts'
import { isFramed } from './probe.ts'
import { Reply, readOk, STATUS } from './replies.ts'
import { Definitions, ResultSet } from './results.ts'
import type { Asked, Session } from './session.ts'
import type { Statement } from './statements.ts'

/** What a packet of the server is. */
type State =
  | 'greeting'
  /** An answer to a login, or to what a plugin makes the client say. */
  | 'auth'
  /** The first packet of a reply, or of one of its results. */
  | 'first'
  /** One of the definitions of a prepared statement's parameters … */
  | 'parameters'
  /** … what stands between them and the columns … */
  | 'between'
  /** … one of the columns', of a statement or of a result … */
  | 'columns'
  /** … and the end of a statement. */
  | 'prepared'
  /** Between the columns of a result and its rows. */
  | 'defined'
  | 'rows'
  /** One of the fields of a table, or their end. */
  | 'fields'
  /** One of many events. */
  | 'stream'
  /** The end of a reply that seemed to be at its end, as it was not known that there would be one. */
  | 'late'

/** Reads what a server sends. Rows that nobody wants are counted, and pass by. */
export class ReplyParser implements Parser<Reply>, ChannelReader {
  reason = ''
  readonly #context: DissectContext
  readonly #session: Session
  readonly #opening: Opening
  readonly #channel: Channel
  #state: State = 'first'
  /** What is being read, and what it answers. */
  #reply: Reply | undefined
  #asked: Asked | undefined
  #since: Instant = NEVER
  /** Something of it has been read. */
  #hasRead = false
  #hasEnded = false
  /** Bytes of the wire since the last reply. */
  #taken = 0
  /** Sequence number of the next packet, unless the client says something before it. */
  #sequence = 0
  #isAnySequence = false
  /** Definitions still to come, and those of columns after them. */
  #left = 0
  #columnCount = 0
  #result: ResultSet | undefined
  #isStatement = false
  #room = 0
  #isRow = false
  #database: string | undefined

  constructor(context: DissectContext, session: Session, opening: Opening) {
    this.#context = context
    this.#session = session
    this.#opening = opening
    this.#channel = new Channel(this, session)
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Reply> {
    const session = this.#session
    const mayBeFramed = session.stage !== 'login' && session.login === undefined
    // Sequence number 0: a greeting, or the refusal of one.
    const isReply = mayBeFramed && start < end && bytes[start + 3] !== 0
    if (this.#reply === undefined && isReply && !this.#channel.isFramed) {
      const framed = session.isCompressed ?? isFramed(bytes, start, end, 'server')
      if (framed === undefined) return { kind: 'incomplete', need: end - start + 1 }
      session.isCompressed = framed
      this.#channel.isFramed = framed
    }
    return this.#channel.next(bytes, start, end)
  }

  begins(length: number, sequence: number, first: number): number {
    if (this.#reply === undefined) {
      if (!this.#begin(length, sequence, first)) {
        this.reason = 'not the beginning of a reply'
        return REFUSED
      }
    } else if (!this.#channel.isFramed && !this.#isAnySequence && sequence !== this.#sequence) {
      this.reason = 'out of order'
      return REFUSED
    }
    this.#isAnySequence = false
    return this.#wanted(length, first)
  }

  ends(bytes: Uint8Array, start: number, end: number, size: number): boolean {
    this.#hasRead = true
    this.#sequence = (this.#channel.packets.sequence + 1) & 0xff
    const reply = this.#reply as Reply
    if (this.#channel.packets.isHoled) reply.incomplete = true
    this.#hasEnded = this.#read(reply, bytes, start, end, size)
    return this.#hasEnded
  }

  took(length: number): void {
    this.#taken += length
    if (this.#hasEnded) this.#finish()
  }

  gap(length: number): number {
    const lost = this.#channel.lose(length)
    if (lost === length) this.#taken += lost
    return lost
  }

  rejoin(): void {
    this.#channel.reset()
    // The answer to a greeting may have been lost.
    this.cut()
    this.reason = ''
    this.#session.stage = 'commands'
    this.#session.serverFound()
  }

  end(clean: boolean): Paired | undefined {
    // A greeting may be all that the server will have said: `cut` tells it then.
    if (this.#reply?.code !== COM.login || this.#session.login !== undefined) this.cut()
    if (!clean) this.#session.serverLost()
    return this.#session.ready.shift()
  }

  /** Nothing more will come of the reply that is being read. */
  cut(): void {
    const reply = this.#reply
    if (reply !== undefined && this.#hasRead) {
      if (this.#session.isTls) reply.success = true
      else reply.incomplete = true
      if (reply.code === COM.login) this.#asked ??= this.#session.login
      // The beginning of a reply to nobody knows what tells nothing.
      if (reply.code !== COM.unknown || reply.resultCount > 0) this.#finish()
    }
    this.#clear()
  }

  get held(): number {
    return this.#channel.held + (this.#reply?.results.reduce((sum, { held }) => sum + held, 0) ?? 0)
  }

  /** The first packet of a reply begins. False: it does not. */
  #begin(length: number, sequence: number, first: number): boolean {
    const session = this.#session
    const asked = session.answering(this.#opening.place.sent)
    const isError = first === ERR
    if (session.stage === 'greeting' && sequence === 0 && (first === V10 || first === V9 || isError)) {
      this.#start(undefined, COM.login, isError ? 'auth' : 'greeting')
      return true
    }
    const isLate = asked === undefined && first === EOF && length <= LONGEST_EOF
    if (isLate && sequence === this.#sequence) {
      this.#start(undefined, COM.unknown, 'late')
      return true
    }
    const isLogin = asked?.code === COM.login
    const isNext = sequence === ((asked?.sequence ?? 0) + 1) % 256
    const isInOrder = this.#channel.isFramed || isNext || (isLogin && sequence > asked.sequence)
    if (!isInOrder && isLogin) {
      // Its reply was lost, and this is that to something later.
      session.passOver(asked)
      return this.#begin(length, sequence, first)
    }
    // Servers tell why they close a connection without having been asked; and what is asked may not have come to its end.
    const isUnfinished = asked !== undefined && asked.message === undefined
    if (!isInOrder && !isError && !isUnfinished) return false
    if (session.stage === 'greeting') session.stage = 'commands'
    const code = asked?.code ?? COM.unknown
    this.#start(asked, code, stateFor(code))
    return true
  }

  #start(asked: Asked | undefined, code: number, state: State): void {
    const { seconds, nanos } = this.#opening.clock
    const { wantsBodies, maxBody } = this.#context
    this.#since = { seconds, nanos }
    this.#asked = asked
    this.#reply = new Reply(code)
    this.#state = state
    this.#room = wantsBodies ? maxBody : 0
    if (code === COM.fetch) this.#addResult(0, asked?.statement?.definitions)
    if (code === COM.fieldList) this.#addResult(0, this.#newDefinitions())
  }

  /** How many of its bytes are wanted of a packet that begins. */
  #wanted(length: number, first: number): number {
    switch (this.#state) {
      case 'columns':
      case 'fields':
        return first === ERR || first === EOF ? LONGEST_CONTROL : LONGEST_DEFINITION
      case 'parameters':
        return first === ERR ? LONGEST_CONTROL : 0
      case 'between':
        return LONGEST_CONTROL
      case 'defined':
      case 'rows':
        this.#isRow = first !== ERR && (first !== EOF || length === LONGEST)
        return this.#isRow ? this.#roomFor(length) : LONGEST_CONTROL
      case 'stream':
        this.#isRow = first !== ERR && (first !== EOF || length > LONGEST_EOF)
        return this.#isRow ? 0 : LONGEST_CONTROL
      default:
        return LONGEST_CONTROL
    }
  }

  /** Reads a packet. True: the reply is at its end. */
  #read(reply: Reply, bytes: Uint8Array, start: number, end: number, size: number): boolean {
    const first = start < end ? u8(bytes, start) : -1
    if (this.#isRow && (this.#state === 'rows' || this.#state === 'defined' || this.#state === 'stream')) {
      this.#row(reply, bytes, start, end, size)
      return false
    }
    if (first === ERR) return this.#fail(reply, bytes, start + 1, end)
    switch (this.#state) {
      case 'greeting':
        return this.#greet(reply, bytes, start, end)
      case 'auth':
        return this.#answer(reply, first, bytes, start, end)
      case 'first':
        return this.#first(reply, first, bytes, start, end, size)
      case 'parameters':
        if (--this.#left === 0) return this.#parametersEnd()
        return false
      case 'between':
        this.#session.deprecatesEof = first !== EOF
        this.#state = 'columns'
        this.#left = this.#columnCount
        return first === EOF ? false : this.#column(bytes, start, end)
      case 'columns':
        return this.#column(bytes, start, end)
      case 'fields':
        if (first === EOF) return this.#end(reply, first, bytes, start, end)
        this.#result?.definitions?.kept.addPacket(bytes, start, end)
        return false
      case 'prepared':
      case 'stream':
      case 'rows':
        return this.#end(reply, first, bytes, start, end)
      case 'defined':
        return this.#defined(reply, first, bytes, start, end)
      case 'late':
        this.#session.deprecatesEof = false
        return true
    }
  }

  #greet(reply: Reply, bytes: Uint8Array, start: number, end: number): boolean {
    const greeting = readGreeting(bytes, start, end)
    if (greeting === undefined) {
      this.reason = 'not a greeting'
      return false
    }
    reply.serverVersion = greeting.serverVersion
    reply.connectionId = greeting.connectionId
    reply.authPlugin = greeting.authPlugin
    this.#session.greeted(greeting)
    this.#state = 'auth'
    this.#isAnySequence = true
    return false
  }

  /** What a plugin says is between it and the client. */
  #answer(reply: Reply, first: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.#isAnySequence = true
    this.#asked ??= this.#session.login
    if (first === OK) {
      if (reply.code === COM.login) this.#session.stage = 'commands'
      return this.#ok(reply, bytes, start + 1, end)
    }
    if (first === EOF || first === NEXT_FACTOR) {
      const cursor = new Cursor(bytes, start + 1, end)
      reply.authPlugin = cursor.left === 0 ? 'mysql_old_password' : cursor.nulText()
    }
    return false
  }

  #first(reply: Reply, first: number, bytes: Uint8Array, start: number, end: number, size: number): boolean {
    if (reply.code === COM.statistics) {
      reply.tell(copyOf(bytes, start, end))
      return this.#succeed(reply)
    }
    switch (first) {
      case OK:
        return this.#isPrepared(reply.code, bytes, start, end)
          ? this.#prepared(reply, bytes, start + 1, end)
          : this.#ok(reply, bytes, start + 1, end)
      case EOF:
        return this.#end(reply, first, bytes, start, end)
      case LOCAL_INFILE:
        reply.tell(copyOf(bytes, start + 1, end))
        this.#session.isUploading = true
        this.#isAnySequence = true
        return false
      default:
        return this.#columnsBegin(reply, bytes, start, end, size)
    }
  }

  /** Both begin alike; where the command is not known, what is no whole OK packet is the other. */
  #isPrepared(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (code !== COM.unknown) return code === COM.prepare
    const length = end - start
    return (length === 12 || length === 13) && !readOk(bytes, start + 1, end, true).isExact
  }

  /** COM_STMT_PREPARE_OK */
  #prepared(reply: Reply, bytes: Uint8Array, start: number, end: number): boolean {
    const cursor = new Cursor(bytes, start, end)
    this.#isStatement = true
    reply.statementId = cursor.u32()
    this.#columnCount = cursor.u16()
    reply.parameterCount = cursor.u16()
    cursor.skip(1)
    if (cursor.left >= 2) reply.warnings = cursor.u16()
    const isFollowed = cursor.left === 0 || cursor.u8() !== 0
    const statement = this.#asked?.statement
    if (statement !== undefined) this.#isReady(statement, reply)
    if (this.#columnCount > 0) {
      const definitions = this.#newDefinitions()
      if (statement !== undefined) statement.definitions = definitions
      this.#addResult(this.#columnCount, definitions)
    }
    if (!isFollowed || this.#columnCount + reply.parameterCount === 0) return this.#succeed(reply)
    this.#state = reply.parameterCount > 0 ? 'parameters' : 'columns'
    this.#left = reply.parameterCount || this.#columnCount
    return false
  }

  #isReady(statement: Statement, { statementId, parameterCount }: Reply): void {
    statement.parameterCount = parameterCount
    this.#session.statements.prepared(statementId, statement)
  }

  #parametersEnd(): boolean {
    if (this.#columnCount === 0) return this.#preparedEnd()
    this.#left = this.#columnCount
    this.#state = this.#session.deprecatesEof === true ? 'columns' : 'between'
    return false
  }

  /** Where it is not known whether an EOF follows, the reply ends here, and one that comes late belongs to nothing. */
  #preparedEnd(): boolean {
    if (this.#session.deprecatesEof !== false) return this.#succeed(this.#reply as Reply)
    this.#state = 'prepared'
    return false
  }

  /** How many columns, and in what is agreed on only by both whether their definitions follow. */
  #columnsBegin(reply: Reply, bytes: Uint8Array, start: number, end: number, size: number): boolean {
    const cursor = new Cursor(bytes, start, end)
    const count = cursor.lenenc()
    const isFollowed = cursor.left !== 1 || cursor.u8() !== 0
    if (cursor.isBroken || cursor.left > 0 || size > end - start || count < 1 || count > MOST_COLUMNS) {
      this.reason = 'no result'
      return false
    }
    const statement = this.#asked?.statement
    const definitions = isFollowed ? this.#newDefinitions() : statement?.definitions
    if (statement !== undefined) statement.definitions = definitions
    this.#addResult(count, definitions)
    this.#left = count
    this.#columnCount = count
    this.#state = isFollowed ? 'columns' : 'defined'
    reply.resultCount++
    return false
  }

  #column(bytes: Uint8Array, start: number, end: number): boolean {
    this.#result?.definitions?.kept.addPacket(bytes, start, end)
    if (--this.#left > 0) return false
    if (this.#isStatement) return this.#preparedEnd()
    this.#state = 'defined'
    return false
  }

  /** An EOF, if they have agreed to send one here, or the end of a result without rows. */
  #defined(reply: Reply, first: number, bytes: Uint8Array, start: number, end: number): boolean {
    const isLong = end - start > LONGEST_EOF
    this.#session.deprecatesEof ??= isLong
    if (isLong || this.#session.deprecatesEof) return this.#end(reply, first, bytes, start, end)
    const { status } = this.#eof(bytes, start, end)
    // The rows of a cursor are fetched later.
    if ((status & STATUS.cursorExists) !== 0) return this.#end(reply, first, bytes, start, end)
    this.#state = 'rows'
    return false
  }

  /** The end of a result. */
  #end(reply: Reply, first: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (first !== EOF) {
      this.reason = 'no end where there must be one'
      return false
    }
    if (end - start > LONGEST_EOF) return this.#ok(reply, bytes, start + 1, end)
    const { warnings, status } = this.#eof(bytes, start, end)
    reply.warnings += warnings
    return (status & STATUS.moreResults) === 0 ? this.#succeed(reply) : this.#more()
  }

  /** EOF_Packet. Before MySQL 4.1 it is a single byte. */
  #eof(bytes: Uint8Array, start: number, end: number): { warnings: number; status: number } {
    const cursor = new Cursor(bytes, start + 1, end)
    return { warnings: cursor.u16(), status: cursor.u16() }
  }

  #ok(reply: Reply, bytes: Uint8Array, start: number, end: number): boolean {
    const outcome = readOk(bytes, start, end, this.#session.is41 !== false)
    reply.affectedRows += outcome.affectedRows
    reply.lastInsertId = outcome.lastInsertId || reply.lastInsertId
    reply.warnings += outcome.warnings
    if (outcome.infoEnd > outcome.infoStart) reply.tell(copyOf(bytes, outcome.infoStart, outcome.infoEnd))
    if (this.#state === 'first') reply.resultCount++
    this.#database = outcome.database ?? this.#database
    return (outcome.status & STATUS.moreResults) === 0 ? this.#succeed(reply) : this.#more()
  }

  /** Another result follows. */
  #more(): boolean {
    this.#state = 'first'
    return false
  }

  #succeed(reply: Reply): boolean {
    reply.success = true
    if (this.#asked !== undefined) this.#session.succeeded(this.#asked, this.#database)
    return true
  }

  /** ERR_Packet from after its first byte, or how far a long command has come (MariaDB). */
  #fail(reply: Reply, bytes: Uint8Array, start: number, end: number): boolean {
    const code = new Cursor(bytes, start, end).u16()
    if (code === PROGRESS) return false
    reply.fail(code, copyOf(bytes, Math.min(start + 2, end), end))
    if (reply.code === COM.login) this.#asked ??= this.#session.login
    return true
  }

  #row(reply: Reply, bytes: Uint8Array, start: number, end: number, size: number): void {
    reply.rowCount++
    if (this.#state === 'stream') return
    this.#state = 'rows'
    this.#session.deprecatesEof ??= true
    this.#result?.addRow(bytes, start, end, size)
  }

  #roomFor(length: number): number {
    return length <= (this.#result?.room ?? 0) ? length : 0
  }

  #newDefinitions(): Definitions {
    const { is41, hasExtendedMetadata } = this.#session
    return new Definitions(LONGEST_DEFINITIONS, is41, hasExtendedMetadata)
  }

  #addResult(columnCount: number, definitions: Definitions | undefined): void {
    const reply = this.#reply as Reply
    this.#room -= this.#result?.held ?? 0
    const { code } = reply
    const isBinary = code === COM.execute || code === COM.bulkExecute || code === COM.fetch
    const isKept = reply.results.length < MOST_RESULTS
    this.#result = new ResultSet(columnCount, isBinary, definitions, isKept ? this.#room : 0)
    if (isKept) reply.results.push(this.#result)
  }

  #finish(): void {
    const message = this.#reply as Reply
    const asked = this.#asked
    const answer = { message, size: this.#taken, since: this.#since }
    if (asked !== undefined) this.#session.answered(asked, answer)
    else if (this.#state !== 'late') this.#session.unasked(answer)
    if (message.success && message.code === COM.login && this.#session.isCompressed === true)
      this.#channel.isFramed = true
    this.#taken = 0
    this.#clear()
  }

  #clear(): void {
    this.#reply = undefined
    this.#asked = undefined
    this.#result = undefined
    this.#database = undefined
    this.#hasRead = false
    this.#hasEnded = false
    this.#isRow = false
    this.#isStatement = false
    this.#state = 'first'
  }
}

/** What the first packet of the reply to a command is. */
function stateFor(code: number): State {
  if (isLoginCode(code)) return 'auth'
  if (isStream(code)) return 'stream'
  if (code === COM.fetch) return 'rows'
  return code === COM.fieldList ? 'fields' : 'first'
}

const NEVER: Instant = { seconds: 0, nanos: 0 }
/** First bytes of packets. */
const OK = 0x00
const NEXT_FACTOR = 0x02
const LOCAL_INFILE = 0xfb
const EOF = 0xfe
const ERR = 0xff
/** Bytes of an EOF_Packet; an OK_Packet in its place has more. */
const LONGEST_EOF = 5
/** Number of an error that is none. */
const PROGRESS = 0xffff
/** Bytes that are kept of what is neither rows nor definitions. */
const LONGEST_CONTROL = 64 << 10
const LONGEST_DEFINITION = 16 << 10
/** Definitions of the columns of a result. */
const LONGEST_DEFINITIONS = 64 << 10
/** The count has two bytes where statements are prepared. */
const MOST_COLUMNS = 0xffff
/** Results with rows of a command that are kept; the others are counted. */
export const MOST_RESULTS = 64
