import type { Found, Instant, Paired } from '../../dissect/dissector.ts'
import { COM, isLogin, isStream } from './commands.ts'
import { CAN, EXTENDED_METADATA, type Greeting } from './handshake.ts'
import type { Reply } from './replies.ts'
import type { Login, Request } from './requests.ts'
import { type Statement, Statements } from './statements.ts'

/** A request that waits for its reply. */
export interface Asked {
  readonly code: number
  readonly since: Instant
  /** Bytes of the server that the client had received when it asked. */
  readonly heard: number
  /** Bytes on the wire, so far. */
  size: number
  /** Sequence number of its last packet. */
  sequence: number
  /** Undefined until all of it has come … */
  message: Request | undefined
  /** … and its reply, if that comes before. */
  answer: Found<Reply> | undefined
  statement: Statement | undefined
  /** Since it was sent some of what the client says was lost: perhaps other requests. */
  isDoubtful: boolean
}

/** What both sides of a connection know of each other. */
export class Session {
  /** What comes next: the greeting, the login, commands. */
  stage: 'greeting' | 'login' | 'commands' = 'greeting'
  /** What the client can do, and the server too where that counts; undefined when the login was not seen. */
  capabilities: number | undefined
  hasExtendedMetadata: boolean | undefined
  /** Results end with an OK packet, and nothing stands between columns and rows; undefined while nobody knows. */
  deprecatesEof: boolean | undefined
  /** Packets of commands and replies are in frames that may be compressed; undefined while nobody knows. */
  isCompressed: boolean | undefined
  user = ''
  database = ''
  /** The client sends a file that the server has asked for. */
  isUploading = false
  /** TLS begins after what the client has sent. */
  isTls = false
  readonly statements = new Statements()
  /** Exchanges that are complete and were not told yet. */
  readonly ready: Paired[] = []
  readonly #pending: Asked[] = []
  #pendingBytes = 0
  /** Something was lost, or was before the capture began: the nth reply need not answer the nth request. */
  #isShaky: boolean
  /** The client has asked for something before the answer to its login was seen. */
  #isHasty = false
  /** Something of the server was seen. Before, nobody knows what the client had received. */
  #isJoined: boolean
  /** The client asks again before it has its reply. */
  #isPipelined = false
  #server: Pick<Greeting, 'capabilities' | 'extended'> | undefined

  /** `isWhole`: all of it is seen. */
  constructor(isWhole: boolean) {
    this.#isShaky = !isWhole
    this.#isJoined = isWhole
  }

  /** MySQL 4.1 or later; undefined when that is not known. */
  get is41(): boolean | undefined {
    return this.can(CAN.protocol41)
  }

  /** Whether they have one of these; undefined when only one of them, or none, was heard of it. */
  can(flags: number): boolean | undefined {
    if (this.capabilities === undefined) return undefined
    if ((this.capabilities & flags) === 0) return false
    return this.#server === undefined && (flags & NEGOTIATED) !== 0 ? undefined : true
  }

  greeted({ capabilities, extended }: Greeting): void {
    this.#server = { capabilities, extended }
    this.stage = 'login'
  }

  /** The client has said what it can do and who it is. */
  introduced({ fields }: Login): void {
    const server = this.#server ?? fields
    // Greetings of old servers have only half of the flags, and clients set others of their own accord.
    this.capabilities = fields.capabilities & (server.capabilities | ~NEGOTIATED)
    this.hasExtendedMetadata = (fields.extended & server.extended & EXTENDED_METADATA) !== 0
    this.deprecatesEof = this.can(CAN.deprecateEof)
    this.isCompressed = this.can(CAN.compress | CAN.zstd)
    this.stage = 'commands'
  }

  ask(asked: Asked): void {
    const last = this.#pending.at(-1)
    if (last?.code === COM.login) {
      // Hardly anybody asks before the server has let him in: that was not seen, and perhaps more.
      this.#isIn(last)
      this.#isHasty = true
    }
    this.#isPipelined ||= last !== undefined && asked.heard > 0 && asked.heard === last.heard
    this.#pending.push(asked)
    if (this.#pending.length > MOST_PENDING) this.passOver(this.#pending[0])
  }

  /** All of a request that waits has come. */
  asked(asked: Asked): void {
    if (this.latest !== asked) {
      this.ready.push({ request: found(asked), response: null, error: UNANSWERED })
      return
    }
    this.#pendingBytes += asked.message?.wire.length ?? 0
    while (this.#pendingBytes > LARGEST_PENDING && this.#pending.length > 1) this.passOver(this.#pending[0])
  }

  /** It turned out to be none, or what it was will not be known. */
  forget(asked: Asked): void {
    const at = this.#pending.indexOf(asked)
    if (at < 0) return
    if (at === 0) this.#pending.shift()
    else this.#pending.splice(at, 1)
    this.#pendingBytes -= asked.message?.wire.length ?? 0
  }

  /** The request that is to be answered next. */
  get next(): Asked | undefined {
    return this.#pending[0]
  }

  /** A login, or a request for TLS, that waits. */
  get login(): Asked | undefined {
    const [first] = this.#pending
    return first?.code === COM.login ? first : undefined
  }

  /**
   * The request that a reply answers which begins `sent` bytes into what the server sends. After losses acknowledgements
   * help: who had received more when it asked again had received the reply to what it asked before, and we have not.
   */
  answering(sent: number): Asked | undefined {
    const pending = this.#pending
    if (this.#isHasty) {
      this.#isHasty = false
      this.#isShaky = true
      this.#isJoined = false
    }
    if (!this.#isShaky) return pending[0]
    if (!this.#isJoined) this.serverFound()
    this.#isJoined = true
    const isPassed = ([first, second]: Asked[]) =>
      first !== undefined && second !== undefined && second.heard > first.heard && second.heard <= sent
    while (!this.#isPipelined && isPassed(pending)) this.passOver(pending[0])
    return pending[0] === undefined || pending[0].heard > sent ? undefined : pending[0]
  }

  /** The client is being told of what happens, and may acknowledge that. */
  get isStreaming(): boolean {
    const [first] = this.#pending
    return first !== undefined && isStream(first.code)
  }

  /** The last request: what the client sends besides belongs to it. */
  get latest(): Asked | undefined {
    return this.#pending.at(-1)
  }

  /** `asked` has got its reply, all or what there is of it. */
  answered(asked: Asked, answer: Found<Reply>): void {
    this.forget(asked)
    // Nothing was lost then.
    if (asked.code === COM.login && !answer.message.incomplete) this.#isHasty = false
    if (asked.code === COM.query) this.isUploading = false
    if (asked.statement !== undefined) this.statements.weigh(asked.statement)
    if (asked.message === undefined) asked.answer = answer
    else this.ready.push({ request: found(asked), response: answer })
  }

  /** All of a request has come whose reply did already, or that gets none. */
  finished(asked: Asked): void {
    if (asked.message !== undefined)
      this.ready.push({ request: found(asked), response: asked.answer ?? null })
  }

  /** What the server says without having been asked, or where the request is not known. */
  unasked(answer: Found<Reply>): void {
    this.#isShaky = true
    this.ready.push({ request: null, response: answer })
  }

  /** Some of what the client says was lost. */
  clientLost(): void {
    this.#isShaky = true
    this.isUploading = false
    this.statements.forgetLast()
    for (const asked of this.#pending) asked.isDoubtful = true
  }

  /** Some of what the server says was lost. */
  serverLost(): void {
    this.#isShaky = true
    // How many replies were lost nobody knows.
    while (this.#isPipelined && this.#pending.length > 0) this.passOver(this.#pending[0])
  }

  /** The reply to it was lost, or is waited for too long. */
  passOver(asked: Asked | undefined): void {
    if (asked === undefined) return
    this.forget(asked)
    if (asked.message !== undefined)
      this.ready.push({ request: found(asked), response: null, error: UNANSWERED })
  }

  /** After a loss a reply begins: it answers the last request, if there were no others that were lost. */
  serverFound(): void {
    while (this.#pending.length > 1 || this.#pending[0]?.isDoubtful === true) this.passOver(this.#pending[0])
  }

  /** A reply went well, and changes what the session is. */
  succeeded({ code, message, statement }: Asked, database: string | undefined): void {
    if (isLogin(code)) this.#isIn({ message })
    if (code === COM.initDb && message !== undefined) this.database = message.database
    if (code === COM.changeUser || code === COM.resetConnection) this.statements.clear()
    if (code === COM.resetStatement) statement?.takeLongData()
    if (code === COM.query && database === undefined) this.#use(message)
    if (database !== undefined) this.database = database
  }

  #isIn({ message }: Pick<Asked, 'message'>): void {
    this.user = message?.user ?? ''
    this.database = message?.database ?? ''
  }

  /** The requests that get no reply any more, one by one. */
  abandoned(): Paired | undefined {
    let asked = this.#pending.shift()
    while (asked !== undefined && asked.message === undefined) asked = this.#pending.shift()
    return asked && { request: found(asked), response: null }
  }

  /** `USE shop`, where the server does not tell that the database has changed. */
  #use(message: Request | undefined): void {
    if (message === undefined || message.wire.length > LONGEST_USE) return
    const [, quoted, plain] = /^\s*use\s+(?:`([^`]+)`|([^\s;`]+))\s*;?\s*$/i.exec(message.query) ?? []
    this.database = quoted ?? plain ?? this.database
  }
}

function found({ message, size, since }: Asked): Found<Request> {
  return { message: message as Request, size, since }
}

/** Flags that count only when both have them. */
const NEGOTIATED = CAN.compress | CAN.deprecateEof | CAN.zstd | CAN.queryAttributes
const UNANSWERED = { type: 'pair-not-found', msg: 'the reply was not captured' } as const
/** Commands that clients may have sent ahead, and bytes that are kept of them. */
const MOST_PENDING = 4096
const LARGEST_PENDING = 4 << 20
/** Longest name of a database, and what stands around it. */
const LONGEST_USE = 300
