import type { Found, Instant, Opening, Paired } from '../../dissect/dissector.ts'
import { HEADER } from './frames.ts'
import { Queue } from './queue.ts'
import { Reply } from './reply.ts'
import type { Login, Request } from './request.ts'
import { Remembered } from './statement.ts'

/**
 * Kinds of messages that have a reply, as bits: what the server sends tells which of them it may answer. An AUTH is
 * a password or what else the client says to prove who it is, save the first step of SCRAM; an ENCRYPT asks for TLS or GSSAPI.
 */
export const KIND = {
  query: 1,
  parse: 2,
  bind: 4,
  describe: 8,
  execute: 16,
  close: 32,
  sync: 64,
  call: 128,
  startup: 256,
  auth: 512,
  encrypt: 1024,
  copyDone: 2048,
  scram: 4096,
} as const

/** Their replies end with ReadyForQuery. */
export const ENDS_READY = KIND.query | KIND.sync | KIND.call | KIND.startup | KIND.auth | KIND.copyDone
/** After an error in one of these the server reads nothing more up to a Sync. */
const EXTENDED = KIND.parse | KIND.bind | KIND.describe | KIND.execute | KIND.close
/** An error is the last that there is to say. */
const ENDS_FAILED = EXTENDED | KIND.startup | KIND.auth | KIND.scram | KIND.encrypt
export const ANY_KIND = 8191

/** A message that was sent and waits for its reply. */
export interface Asked extends Found<Request> {
  readonly kind: number
  size: number
  readonly since: Instant
  /** How much of the server's stream the client had received when it sent this … */
  readonly heard: number
  /** … or of the reply has come. */
  reached: number
  answer: Answer | undefined
}

/** Of a message: its bytes, and where it begins in the stream of its side. */
interface Placed {
  readonly size: number
  readonly position: number
}

/** A reply that is being put together. */
export interface Answer extends Found<Reply> {
  size: number
  readonly since: Instant
}

/** An exchange, as a parser answers with it. */
export interface Complete {
  readonly kind: 'exchange'
  length: number
  readonly request: Found<Request> | null
  readonly response: Answer | null
  readonly error: NonNullable<Paired['error']> | null
}

/**
 * What both sides of a connection know of each other. Replies come in the order of the messages they answer, and their
 * types tell which of them that can be: so also after losses no reply is taken for that of another message.
 */
export class Session {
  login: Login = { user: '', database: '' }
  readonly remembered = new Remembered()
  /** How the server wants the client to prove who it is. */
  authentication = ''
  /** Bytes of the server are to be read as another protocol: `tls`, or one that nobody knows. */
  encryption = ''
  /** COPY both ways, as for replication: the end of the client's side is answered. */
  copiesBoth = false
  readonly #opening: Opening
  #now: Instant = { seconds: 0, nanos: 0 }
  readonly #asked = new Queue<Asked>()
  /** Bytes of it that are kept, at most. */
  #askedBytes = 0
  /** Exchanges that are complete. */
  readonly #complete = new Queue<Complete>()
  /** What answers a message that was not captured. */
  #orphan: Answer | undefined
  /** Replies up to so many of ReadyForQuery answer messages that were given up … */
  #disowned = 0
  /** … and so will the one that is to come for what the client is sending. */
  #isOverrun = false
  /** The server passes over what the client sends, up to a Sync. */
  #isFailing = false
  /** Bytes were lost, or not captured: replies may be missing, or what they answer. */
  #isShaky: boolean
  /** The server's last words were lost, and nothing came since that tells where it is. */
  #isTorn: boolean

  constructor(opening: Opening) {
    this.#opening = opening
    this.#isShaky = !opening.isWhole
    this.#isTorn = !opening.isWhole
  }

  /** The time at which the bytes in front of a parser came. Messages that came together share it. */
  get now(): Instant {
    const { seconds, nanos } = this.#opening.clock
    if (seconds !== this.#now.seconds || nanos !== this.#now.nanos) this.#now = { seconds, nanos }
    return this.#now
  }

  get place() {
    return this.#opening.place
  }

  get waitsForEncryption(): boolean {
    return this.#asked.length === 1 && this.#asked.first?.kind === KIND.encrypt
  }

  /** The next exchange that is complete. */
  completed(): Complete | undefined {
    return this.#complete.shift()
  }

  /** The client sent what has no reply. */
  told(message: Request, size: number): void {
    this.#add({ message, size, since: this.now }, null, null)
  }

  /** The client sent what has a reply. */
  ask(asked: Asked): void {
    if (asked.kind === KIND.sync) this.#isFailing = false
    if (this.#isFailing || this.#isOverrun) {
      if (this.#isFailing) this.#undo(asked)
      this.#add(asked, null, this.#isFailing ? SKIPPED : UNANSWERED)
      if ((asked.kind & ENDS_READY) !== 0) this.#isOverrun = false
      return
    }
    this.#asked.push(asked)
    this.#askedBytes += keptOf(asked)
    if (this.#asked.length > MOST_ASKED || this.#askedBytes > LARGEST_ASKED) this.#overrun(asked.kind)
  }

  /** The client sent a piece of the data that a COPY asks for. */
  copied(size: number): void {
    const asked = this.#asked.first
    if (asked?.answer === undefined) return
    asked.size += size
    asked.answer.message.copied(size - HEADER)
  }

  /**
   * The reply that a message of the server belongs to, which answers one of `kinds`. A new one is `whole`, when the
   * message says all that there is.
   */
  answer(kinds: number, { size, position }: Placed, whole?: Reply): Answer {
    const asked = this.#answered(kinds, position)
    if (asked === undefined) return this.#unasked(size)
    if (this.#orphan !== undefined) this.#finishOrphan(true)
    asked.answer ??= this.#newAnswer(whole ?? new Reply('', asked.message.about))
    // Behind a hole in which it may have begun.
    if (this.#isTorn && asked.reached !== position && asked.answer.message !== whole)
      asked.answer.message.incomplete = true
    this.#isTorn = false
    asked.answer.size += size
    asked.reached = position + size
    return asked.answer
  }

  /** The message that the reply at hand answers. */
  get answering(): Asked | undefined {
    return this.#asked.first
  }

  /** What a reply answers; undefined when that was not captured. */
  askedBy(answer: Answer): Asked | undefined {
    return answer === this.#orphan ? undefined : this.#asked.first
  }

  /** There is a reply that what the server says aside can belong to. */
  get isAnswering(): boolean {
    return this.#orphan !== undefined || (this.#asked.length > 0 && !this.#isTorn)
  }

  /** The reply at hand is complete, if none that ends with ReadyForQuery. */
  settle(answer: Answer): void {
    const asked = this.askedBy(answer)
    if (asked !== undefined && (asked.kind & ENDS_READY) === 0) this.finish(answer)
  }

  /** The reply at hand is complete. */
  finish(answer: Answer): void {
    if (answer === this.#orphan) {
      this.#finishOrphan(false)
      return
    }
    const asked = this.#takeFirst() as Asked
    this.#add(asked, answer, null)
  }

  /** The server says something unasked. */
  push(message: Reply, size: number): Answer {
    const response = { message, size, since: this.now }
    this.#add(null, response, null)
    return response
  }

  /** The reply at hand is an error; a fatal one ends the connection. */
  failed(answer: Answer): void {
    const ends = isFatal(answer.message.severity)
    const asked = answer === this.#orphan ? undefined : this.#asked.first
    if (asked === undefined) {
      if (ends || this.#asked.length === 0) this.finish(answer)
      return
    }
    this.#undo(asked)
    const { kind } = asked
    if (ends || (kind & ENDS_FAILED) !== 0) this.finish(answer)
    if ((kind & EXTENDED) !== 0) this.#skipToSync()
  }

  /** Where replies were lost, an error at `position` may be the reply to any of several messages. */
  isUncertain(position: number): boolean {
    const { first } = this.#asked
    if (!this.#isTorn || first === undefined || this.#asked.length === 1) return false
    return (first.kind & ENDS_READY) === 0 && first.reached !== position
  }

  /** The server lost its place. */
  breakOff(): void {
    this.#isShaky = true
    this.#isTorn = true
    if (this.#orphan !== undefined) this.#finishOrphan(true)
    this.#asked.first?.answer?.message.breakOff()
  }

  /** The client lost its place: what it sent without a name may have been replaced. */
  forget(): void {
    this.#isShaky = true
    this.#isFailing = false
    const copying = this.#asked.first?.answer?.message
    if (copying?.type === 'CopyInResponse') copying.incomplete = true
    this.remembered.statements.set('', undefined)
    this.remembered.portals.set('', undefined)
  }

  /** The connection is over: what was not answered, one by one. */
  abandon(): Paired | undefined {
    const complete = this.completed()
    if (complete !== undefined) return complete
    if (this.#orphan !== undefined) this.#finishOrphan(true)
    const asked = this.#takeFirst()
    if (asked === undefined) return this.completed()
    asked.answer?.message.breakOff()
    return { request: asked, response: asked.answer ?? null }
  }

  /** More is asked than can be remembered: nobody waits for these replies any more. */
  #overrun(kind: number): void {
    this.#isOverrun = (kind & ENDS_READY) === 0
    if (this.#isOverrun) this.#disowned++
    for (let asked = this.#takeFirst(); asked !== undefined; asked = this.#takeFirst()) {
      if ((asked.kind & ENDS_READY) !== 0) this.#disowned++
      this.#giveUp(asked)
    }
  }

  #takeFirst(): Asked | undefined {
    const asked = this.#asked.shift()
    if (asked !== undefined) this.#askedBytes -= keptOf(asked)
    return asked
  }

  /** The oldest message without a reply that this can be one to. What is passed over was not answered. */
  #answered(kinds: number, position: number): Asked | undefined {
    if (this.#isShaky && (this.#isTorn || this.#asked.first?.answer === undefined)) this.#passOver(position)
    const { first } = this.#asked
    if (first === undefined || this.#disowned > 0 || (this.#isShaky && first.heard > position))
      return undefined
    // It ends the reply that it comes after, and that answers what was not captured.
    if (kinds === ENDS_READY && this.#orphan?.message.success === true) return undefined
    const index = (first.kind & kinds) !== 0 ? 0 : this.#find(kinds, position)
    for (let passed = 0; passed < index; passed++) this.#giveUp(this.#takeFirst())
    return index < 0 ? undefined : this.#asked.first
  }

  /** Nothing is passed over that ends with ReadyForQuery, unless that may have been lost. */
  #find(kinds: number, position: number): number {
    return this.#isShaky
      ? this.#asked.find(({ kind, heard }) => (kind & kinds) !== 0 && heard <= position)
      : this.#asked.find(({ kind }) => (kind & kinds) !== 0, endsReady)
  }

  /**
   * Gives up on messages whose replies the client had received before it sent a later one, which what begins at
   * `position` may answer.
   */
  #passOver(position: number): void {
    for (let { first } = this.#asked; first !== undefined; first = this.#asked.first) {
      const { reached } = first
      const index = this.#asked.find(({ heard }) => heard > reached)
      if (index < 0 || this.#asked.at(index).heard > position) return
      for (let passed = 0; passed < index; passed++) this.#giveUp(this.#takeFirst())
    }
  }

  /** What answers something that was not captured is one reply, up to ReadyForQuery. */
  #unasked(size: number): Answer {
    this.#orphan ??= this.#newAnswer(new Reply())
    this.#orphan.size += size
    return this.#orphan
  }

  #skipToSync(): void {
    while (this.#asked.first !== undefined) {
      if (this.#asked.first.kind === KIND.sync) return
      const asked = this.#takeFirst() as Asked
      this.#undo(asked)
      this.#add(asked, null, SKIPPED)
    }
    this.#isFailing = true
  }

  /** The server has not parsed the statement: its name means what it meant before. */
  #undo({ kind, message }: Asked): void {
    const { statement, replaced } = message.about
    if (kind !== KIND.parse || statement === undefined) return
    const { statements } = this.remembered
    if (statements.get(statement.name) === statement) statements.set(statement.name, replaced)
  }

  #giveUp(asked: Asked | undefined): void {
    if (asked !== undefined) this.#add(asked, asked.answer ?? null, UNANSWERED)
  }

  #add(request: Found<Request> | null, response: Answer | null, error: Complete['error']): void {
    this.#complete.push({ kind: 'exchange', length: 0, request, response, error })
  }

  #newAnswer(message: Reply): Answer {
    return { message, size: 0, since: this.now }
  }

  #finishOrphan(isCut: boolean): void {
    const response = this.#orphan as Answer
    this.#orphan = undefined
    if (isCut && response.message.success) response.message.breakOff()
    const { severity, transaction, error } = response.message
    if (this.#disowned > 0 && transaction !== '') this.#disowned--
    // The server says by itself that it ends the connection; what ends with ReadyForQuery answers something.
    const isUnasked = error !== undefined && transaction === '' && (!this.#isShaky || isFatal(severity))
    this.#add(null, response, isUnasked ? null : NO_REQUEST)
  }
}

/** The data of a COPY is counted into the size of its query; how much of that was kept does not change. */
function keptOf({ message }: Asked): number {
  const { statement, portal } = message.about
  return (statement?.size ?? 0) + (portal?.size ?? 0)
}

function endsReady({ kind }: Asked): boolean {
  return (kind & ENDS_READY) !== 0
}

function isFatal(severity: string): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

/** Messages of a pipeline that wait for replies, and bytes that are kept of them; more, and all are given up. */
const MOST_ASKED = 65536
const LARGEST_ASKED = 8 << 20
const SKIPPED = { type: 'pair-not-found', msg: 'skipped by the server after an error' } as const
const UNANSWERED = { type: 'pair-not-found', msg: 'the reply was not captured' } as const
const NO_REQUEST = { type: 'pair-not-found', msg: 'reply without a request' } as const
