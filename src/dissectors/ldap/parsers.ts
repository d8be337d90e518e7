import { copyOf, u8 } from '../../bytes/read.ts'
import type { Instant, Paired, Parser, Side, Step } from '../../dissect/dissector.ts'
import { Message } from './messages.ts'
import { PARTS, type Session } from './session.ts'
import { type Head, readHead, readSealed } from './wire.ts'

/** Messages up to this length are waited for; of longer ones the beginning is kept. */
export const LONGEST_WAITED_FOR = 1 << 20
const KEPT_OF_LONG = 64 << 10
/** Signed buffers up to this length are waited for; longer ones are passed over as if they were sealed. */
const LONGEST_SIGNED = 1 << 20
const KEPT_WHEN_CUT_OFF = 16 << 10

/** Reads the messages of one side. Pairing is the session's. */
export class LdapParser implements Parser<never> {
  readonly #side: Side
  readonly #session: Session
  readonly #clock: Instant
  /** Of a long message what is still to be passed over, and what was read of it. */
  #rest = 0
  #long: { readonly message: Message; readonly length: number; readonly since: Instant } | undefined
  /** A signed buffer that is being read: its length, the place of its next message, and where they end. */
  #signed: { readonly length: number; next: number; readonly stop: number } | undefined

  constructor(side: Side, session: Session, clock: Instant) {
    this.#side = side
    this.#session = session
    this.#clock = clock
  }

  next(bytes: Uint8Array, start: number, end: number): Step<never> {
    const ready = this.#session.ready.shift()
    if (ready !== undefined) return { kind: 'exchange', length: 0, ...ready }
    if (this.#rest > 0) return this.#passRest()
    if (this.#long !== undefined) return this.#finishLong(this.#long)
    if (start >= end) return { kind: 'incomplete', need: end - start + 1 }
    if (this.#session.isTls || (this.#session.isTlsAsked && u8(bytes, start) === TLS_HANDSHAKE))
      return { kind: 'switch', to: 'tls', length: 0 }
    if (this.#signed !== undefined) return this.#nextSigned(this.#signed, bytes, start)
    if (this.#session.maySeal && u8(bytes, start) === 0) return this.#sealed(bytes, start, end)
    const head = readHead(bytes, start, end, this.#side)
    if (head === undefined) return { kind: 'invalid', reason: 'no LDAP message' }
    if (head === 'more') return { kind: 'incomplete', need: end - start + 1 }
    return this.#message(head, bytes, start, end, head.length)
  }

  rejoin(): void {
    this.#rest = 0
    this.#long = undefined
    this.#signed = undefined
    this.#session.lost()
  }

  /** What the client asked waits for the server: entries are counted there. */
  get held(): number {
    return this.#side === 'server' ? this.#session.held : 0
  }

  shed(): void {
    if (this.#side === 'server') this.#session.shed()
  }

  /** A side that loses its place may do so because memory is short: few entries stay, many do not. */
  end(clean: boolean): undefined {
    this.#long = undefined
    if (!clean && this.held > KEPT_WHEN_CUT_OFF) this.shed()
  }

  /** `taken`: bytes that go with it. */
  #message(head: Head, bytes: Uint8Array, start: number, end: number, taken: number): Step<never> {
    const { length } = head
    if (length > LONGEST_WAITED_FOR) return this.#beginLong(head, bytes, start, end)
    if (end - start < length) return { kind: 'incomplete', need: length }
    return this.#found(this.#whole(head, bytes, start, length), taken)
  }

  #beginLong({ length }: Head, bytes: Uint8Array, start: number, end: number): Step<never> {
    if (end - start < KEPT_OF_LONG) return { kind: 'incomplete', need: KEPT_OF_LONG }
    const message = new Message(copyOf(bytes, start, start + KEPT_OF_LONG), true)
    this.#long = { message, length, since: this.#now() }
    this.#rest = length - KEPT_OF_LONG
    return { kind: 'partial', length: KEPT_OF_LONG }
  }

  #passRest(): Step<never> {
    const length = this.#rest
    this.#rest = 0
    return { kind: 'skip', length }
  }

  #finishLong({ message, length, since }: { message: Message; length: number; since: Instant }): Step<never> {
    this.#long = undefined
    const { id, tag, bytes } = message
    if (PARTS.has(tag)) this.#session.part(id, tag, length, since, bytes, 0, 0)
    const pair = PARTS.has(tag) ? undefined : this.#pair(message, length, since)
    return pair === undefined ? { kind: 'skip', length: 0 } : { kind: 'exchange', length: 0, ...pair }
  }

  /** A buffer of the security layer: its messages one after another, or nothing when they are encrypted. */
  #sealed(bytes: Uint8Array, start: number, end: number): Step<never> {
    const sealed = readSealed(bytes, start, end, this.#side)
    if (sealed === undefined) return { kind: 'invalid', reason: 'neither a message nor a sealed one' }
    if (sealed === 'more') return { kind: 'incomplete', need: end - start + 1 }
    const { length } = sealed
    if (sealed.start === sealed.stop || length > LONGEST_SIGNED) {
      // Part of an answer may be in it.
      this.#session.lost()
      return { kind: 'skip', length }
    }
    if (end - start < length) return { kind: 'incomplete', need: length }
    this.#signed = { length, next: sealed.start - start, stop: sealed.stop - start }
    return this.#nextSigned(this.#signed, bytes, start)
  }

  /** Nothing is taken of the buffer before its last message. */
  #nextSigned(signed: { length: number; next: number; stop: number }, bytes: Uint8Array, start: number) {
    const { length, next, stop } = signed
    const head = readHead(bytes, start + next, start + stop, this.#side)
    if (typeof head !== 'object') {
      this.#signed = undefined
      return { kind: 'partial', length } as const
    }
    signed.next += head.length
    const isLast = signed.next >= stop
    if (isLast) this.#signed = undefined
    const pair = this.#whole(head, bytes, start + next, isLast ? length - next : head.length)
    return this.#found(pair, isLast ? length : 0)
  }

  /** A message that is all here; `size` are the bytes that it took. */
  #whole(head: Head, bytes: Uint8Array, at: number, size: number): Paired | undefined {
    if (PARTS.has(head.tag)) {
      this.#session.part(head.id, head.tag, size, this.#clock, bytes, at, at + head.length)
      return undefined
    }
    const kept = Math.min(head.length, Math.max(KEPT_OF_LONG, this.#session.bodyLimit))
    return this.#pair(new Message(copyOf(bytes, at, at + kept), kept < head.length), size, this.#now())
  }

  #pair(message: Message, size: number, since: Instant): Paired | undefined {
    return this.#side === 'client'
      ? this.#session.asked(message, size, since)
      : this.#session.answered(message, size, since)
  }

  #found(pair: Paired | undefined, length: number): Step<never> {
    if (pair !== undefined) return { kind: 'exchange', length, ...pair }
    return length > 0 ? { kind: 'partial', length } : { kind: 'skip', length: 0 }
  }

  #now(): Instant {
    return { seconds: this.#clock.seconds, nanos: this.#clock.nanos }
  }
}

const TLS_HANDSHAKE = 0x16

/** Reads datagrams (CLDAP): in each all that is said, replies of Active Directory have an entry and the end of the search. */
export class DatagramParser<M> implements Parser<M> {
  readonly #side: Side
  readonly #session: Session
  readonly #make: (message: Message) => M

  constructor(side: Side, session: Session, make: (message: Message) => M) {
    this.#side = side
    this.#session = session
    this.#make = make
  }

  next(bytes: Uint8Array, start: number, end: number): Step<M> {
    // Entries without an end are not waited for.
    this.#session.ready.length = 0
    if (this.#session.held > MOST_OF_DATAGRAMS) this.#session.shed()
    for (let at = start; at < end; ) {
      const head = readHead(bytes, at, end, this.#side)
      if (typeof head !== 'object' || at + head.length > end)
        return { kind: 'invalid', reason: 'no LDAP message' }
      const { id, tag, length } = head
      if (!PARTS.has(tag)) {
        const message = this.#make(new Message(copyOf(bytes, at, at + length), false))
        return { kind: 'message', length: end - start, message, id }
      }
      this.#session.part(id, tag, length, NO_TIME, bytes, at, at + length)
      at += length
    }
    return { kind: 'partial', length: end - start }
  }
}

/** Bytes of entries that may wait for the datagram with their end. */
const MOST_OF_DATAGRAMS = 256 << 10
const NO_TIME: Instant = { seconds: 0, nanos: 0 }
