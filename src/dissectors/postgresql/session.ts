import type { Paired } from '../../dissect/dissector.ts'
import { type Answer, type Asked, Exchanges, NO_REQUEST } from '../../dissect/exchanges.ts'
import { HEADER } from './frames.ts'
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
/** They have all of their batch's replies for themselves. */
const ENDS_ALONE = ENDS_READY & ~KIND.sync
/** After an error in one of these the server reads nothing more up to a Sync. */
const EXTENDED = KIND.parse | KIND.bind | KIND.describe | KIND.execute | KIND.close
/** An error is the last that there is to say. */
const ENDS_FAILED = EXTENDED | KIND.startup | KIND.auth | KIND.scram | KIND.encrypt
export const ANY_KIND = 8191

/** A message that was sent and waits for its reply. */
export interface Sent extends Asked<Request, Reply> {
  readonly kind: number
}

/** Of a message: its bytes, and where it begins in the stream of its side. */
interface Placed {
  readonly size: number
  readonly position: number
}

/**
 * What both sides of a connection know of each other. Replies come in the order of the messages they answer, and their
 * types tell which of them that can be: so also after losses no reply is taken for that of another message.
 */
export class Session extends Exchanges<Request, Reply, Sent> {
  login: Login = { user: '', database: '' }
  readonly remembered = new Remembered()
  /** How the server wants the client to prove who it is. */
  authentication = ''
  /** COPY both ways, as for replication: the end of the client's side is answered. */
  copiesBoth = false
  /** What answers a message that was not captured. */
  #orphan: Answer<Reply> | undefined
  /** Replies up to so many of ReadyForQuery answer messages that were given up … */
  #disowned = 0
  /** … and so will the one that is to come for what the client is sending. */
  #isOverrun = false
  /** The server passes over what the client sends, up to a Sync. */
  #isFailing = false

  get waitsForEncryption(): boolean {
    return this.asked.length === 1 && this.first?.kind === KIND.encrypt
  }

  /** The client sent what has a reply. */
  ask(asked: Sent): void {
    if (asked.kind === KIND.sync) this.#isFailing = false
    if (this.#isFailing || this.#isOverrun) {
      if (this.#isFailing) this.#undo(asked)
      this.complete(asked, null, this.#isFailing ? SKIPPED : UNANSWERED)
      if ((asked.kind & ENDS_READY) !== 0) this.#isOverrun = false
      return
    }
    this.wait(asked)
    if (this.asked.length > MOST_ASKED || this.askedBytes > LARGEST_ASKED) this.#overrun(asked.kind)
  }

  /** The client sent a piece of the data that a COPY asks for. */
  copied(size: number): void {
    const asked = this.first
    if (asked?.answer === undefined) return
    asked.size += size
    asked.answer.message.copied(size - HEADER)
  }

  /**
   * The reply that a message of the server belongs to, which answers one of `kinds`. A new one is `whole`, when the
   * message says all that there is.
   */
  answer(kinds: number, { size, position }: Placed, whole?: Reply): Answer<Reply> {
    const asked = this.#answered(kinds, position)
    if (asked === undefined) return this.#unasked(size)
    if (this.#orphan !== undefined) this.#finishOrphan(true)
    asked.answer ??= this.begin(whole ?? new Reply('', asked.message.about), 0)
    // Behind a hole in which it may have begun.
    if (this.isTorn && asked.reached !== position && asked.answer.message !== whole)
      asked.answer.message.incomplete = true
    this.isTorn = false
    asked.answer.size += size
    asked.reached = position + size
    return asked.answer
  }

  /** What a reply answers; undefined when that was not captured. */
  askedBy(answer: Answer<Reply>): Sent | undefined {
    return answer === this.#orphan ? undefined : this.first
  }

  /** There is a reply that what the server says aside can belong to. */
  get isAnswering(): boolean {
    return this.#orphan !== undefined || (this.asked.length > 0 && !this.isTorn)
  }

  /** What the reply at hand says is closed means nothing any more, unless the client has given its name to another since. */
  closed(answer: Answer<Reply>): void {
    const { portal, statement } = this.askedBy(answer)?.message.about ?? {}
    const { portals, statements } = this.remembered
    if (portal !== undefined) portals.replace(portal, undefined)
    else if (statement !== undefined) statements.replace(statement, undefined)
  }

  /** The reply at hand is complete, if none that ends with ReadyForQuery. */
  settle(answer: Answer<Reply>): void {
    const asked = this.askedBy(answer)
    if (asked !== undefined && (asked.kind & ENDS_READY) === 0) this.finish(answer)
  }

  /** The reply at hand is complete. */
  finish(answer: Answer<Reply>): void {
    if (answer === this.#orphan) {
      this.#finishOrphan(false)
      return
    }
    const asked = this.takeFirst() as Sent
    this.complete(asked, answer, null)
  }

  /** The reply at hand is an error; a fatal one ends the connection. */
  failed(answer: Answer<Reply>): void {
    const ends = isFatal(answer.message.severity)
    const asked = answer === this.#orphan ? undefined : this.first
    if (asked === undefined) {
      if (ends || this.asked.length === 0) this.finish(answer)
      return
    }
    this.#undo(asked)
    const { kind } = asked
    if (ends || (kind & ENDS_FAILED) !== 0) this.finish(answer)
    if ((kind & EXTENDED) !== 0) this.#skipToSync()
  }

  /** Where replies were lost, an error at `position` may be the reply to any of several messages. */
  isUncertain(position: number): boolean {
    const { first } = this.asked
    if (!this.isTorn || first === undefined || this.asked.length === 1) return false
    return (first.kind & ENDS_READY) === 0 && first.reached !== position
  }

  override breakOff(): void {
    super.breakOff()
    if (this.#orphan !== undefined) this.#finishOrphan(true)
    this.first?.answer?.message.breakOff()
  }

  /** What the client sent without a name may have been replaced. */
  override forget(): void {
    super.forget()
    this.#isFailing = false
    const copying = this.first?.answer?.message
    if (copying?.type === 'CopyInResponse') copying.incomplete = true
    this.remembered.statements.set('', undefined)
    this.remembered.portals.set('', undefined)
  }

  override abandon(): Paired | undefined {
    if (this.#orphan !== undefined) this.#finishOrphan(true)
    this.first?.answer?.message.breakOff()
    return super.abandon()
  }

  /** More is asked than can be remembered: nobody waits for these replies any more. */
  #overrun(kind: number): void {
    this.#isOverrun = (kind & ENDS_READY) === 0
    if (this.#isOverrun) this.#disowned++
    for (let index = 0; index < this.asked.length; index++)
      if (endsReady(this.asked.at(index))) this.#disowned++
    this.giveUp(this.asked.length, UNANSWERED)
  }

  /** The oldest message without a reply that this can be one to. What is passed over was not answered. */
  #answered(kinds: number, position: number): Sent | undefined {
    if (this.isShaky && (this.isTorn || this.first?.answer === undefined)) this.passOver(position)
    const { first } = this.asked
    if (first === undefined || this.#disowned > 0 || (this.isShaky && first.heard > position))
      return undefined
    // It ends the reply that it comes after, and that answers what was not captured.
    if (kinds === ENDS_READY && this.#orphan?.message.success === true) return undefined
    const index = (first.kind & kinds) !== 0 ? 0 : this.#find(kinds, position)
    if (index < 0 || this.#mayBeAnother(this.asked.at(index), position)) return undefined
    this.giveUp(index)
    return this.first
  }

  /** In the extended protocol the types of several replies in a row tell what they belong to; else one is like another. */
  #mayBeAnother(asked: Sent, position: number): boolean {
    return (asked.kind & ENDS_ALONE) !== 0 && asked.answer === undefined && !this.isSure(asked, position)
  }

  /** Nothing is passed over that ends with ReadyForQuery, unless that may have been lost. */
  #find(kinds: number, position: number): number {
    return this.isShaky
      ? this.asked.find(({ kind, heard }) => (kind & kinds) !== 0 && heard <= position)
      : this.asked.find(({ kind }) => (kind & kinds) !== 0, endsReady)
  }

  /** What answers something that was not captured is one reply, up to ReadyForQuery. */
  #unasked(size: number): Answer<Reply> {
    this.#orphan ??= this.begin(new Reply(), 0)
    this.#orphan.size += size
    return this.#orphan
  }

  #skipToSync(): void {
    while (this.first !== undefined) {
      if (this.first.kind === KIND.sync) return
      const asked = this.takeFirst() as Sent
      this.#undo(asked)
      this.complete(asked, null, SKIPPED)
    }
    this.#isFailing = true
  }

  /** The server has not parsed the statement: its name means what it meant before. */
  #undo({ kind, message }: Sent): void {
    const { statement, replaced } = message.about
    if (kind === KIND.parse && statement !== undefined)
      this.remembered.statements.replace(statement, replaced)
  }

  #finishOrphan(isCut: boolean): void {
    const response = this.#orphan as Answer<Reply>
    this.#orphan = undefined
    if (isCut && response.message.success) response.message.breakOff()
    const { severity, transaction, error } = response.message
    if (this.#disowned > 0 && transaction !== '') this.#disowned--
    // The server says by itself that it ends the connection; what ends with ReadyForQuery answers something.
    const isUnasked = error !== undefined && transaction === '' && (!this.isShaky || isFatal(severity))
    this.complete(null, response, isUnasked ? null : NO_REQUEST)
  }
}

function endsReady({ kind }: Sent): boolean {
  return (kind & ENDS_READY) !== 0
}

function isFatal(severity: string): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

/** Messages of a pipeline that wait for replies, and bytes that are kept of them; more, and all are given up. */
const MOST_ASKED = 65536
const LARGEST_ASKED = 8 << 20
const SKIPPED = { type: 'pair-not-found', msg: 'skipped by the server after an error' } as const
const UNANSWERED = { type: 'pair-not-found', msg: 'more was asked than can be remembered' } as const
