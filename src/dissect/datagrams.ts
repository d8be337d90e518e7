import { PROTOCOL } from '../packet/packet.ts'
import type { CloseReason, Connection, ConnectionHandler, End } from '../reassembly/connection.ts'
import { type AnyMessage, Conversation, type Timed } from './conversation.ts'
import { type Dissector, JOINED, type Parser, type Parsers } from './dissector.ts'
import type { Dissection } from './engine.ts'
import { inSteps, MESSAGE_COST } from './pending.ts'

/** A conversation of datagrams (UDP, ICMP, messages of SCTP): each is read on its own, replies find their requests by id. */
export class DatagramConversation extends Conversation implements ConnectionHandler {
  #dissector: Dissector | undefined
  #parsers: Parsers<AnyMessage, AnyMessage> | undefined
  /** Requests that wait for their replies, by the end that asked: both may do so, with the same ids. In order they are numbered. */
  readonly #pending: readonly [Waiting, Waiting] = [new Map(), new Map()]
  /** Requests so far, where they have no ids. */
  #asked = 0
  #failures = 0
  /** Second for which the waiting requests were looked through. */
  #expiredAt = -1
  /** Bytes that these keep, and as many as the dissection was told of. */
  #kept = 0
  #told = 0

  constructor(dissection: Dissection, connection: Connection) {
    super(dissection, connection)
  }

  data(from: End, bytes: Uint8Array, start: number, end: number): void {
    if (end > start && !this.reads(from, bytes, start, end)) this.dissection.skip('unrecognised', end - start)
  }

  /** Like `data`; false when no dissector knows it, and nothing was done about it. */
  reads(from: End, bytes: Uint8Array, start: number, end: number): boolean {
    this.#expire(this.connection.seconds)
    if (this.#dissector === undefined && !this.#recognise(from, bytes, start, end)) return false
    this.#read(this.#dissector as Dissector, from, bytes, start, end)
    this.#tell()
    this.dissection.relieve()
    return true
  }

  gap(): void {}
  end(): void {}

  /** Lets go of the requests that wait for replies. */
  evict(): void {
    this.#giveUpAll()
    this.#tell()
  }

  override time(seconds: number): void {
    this.#expire(seconds)
    this.#tell()
    super.time(seconds)
  }

  override close(reason: CloseReason): void {
    super.close(reason)
    this.#giveUpAll()
    this.#tell()
    this.#parsers = undefined
  }

  #recognise(from: End, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#failures >= MOST_TRIES) return false
    for (const dissector of this.dissection.candidates(this.connection, transportOf(this.connection))) {
      const asClient = dissector.probe(bytes, start, end, 'client') === 'match'
      if (!asClient && dissector.probe(bytes, start, end, 'server') !== 'match') continue
      this.#dissector = dissector
      this.#parsers = dissector.open(this.dissection.options.context, {
        ...JOINED,
        clock: this.connection,
      })
      if (this.client < 0) this.client = asClient ? from : from === 0 ? 1 : 0
      this.detect(dissector)
      return true
    }
    this.#failures++
    return false
  }

  #read(dissector: Dissector, from: End, bytes: Uint8Array, start: number, end: number): void {
    // Either end of a socket pair may ask (DNS servers forward, hosts ping each other): the bytes say which it is.
    const looksAsked = dissector.probe(bytes, start, end, 'client') === 'match'
    const parser = looksAsked ? this.#parsers?.client : this.#parsers?.server
    const step = (parser as Parser<AnyMessage>).next(bytes, start, end)
    if (step.kind === 'skip' || step.kind === 'partial') {
      this.dissection.counters.dissected += end - start
      return
    }
    if (step.kind !== 'message') {
      this.dissection.noteInvalid(dissector, step.kind === 'invalid' ? step.reason : 'cut off')
      this.dissection.skip('invalid', end - start)
      return
    }
    this.dissection.counters.dissected += end - start
    const { seconds, nanos } = this.connection
    const message: Timed = {
      message: step.message,
      size: end - start,
      seconds,
      nanos,
      endSeconds: seconds,
      endNanos: nanos,
    }
    const isRequest = step.role === undefined ? looksAsked : step.role === 'request'
    this.client = isRequest === (from === 0) ? 0 : 1
    if (isRequest) this.#request(dissector, from, message, step.id)
    else this.#response(dissector, this.client, message, step.id)
  }

  #request(dissector: Dissector, from: End, request: Timed, id: string | number | undefined): void {
    const pending = this.#pending[from]
    if (id !== 'no-reply' && dissector.pairing === 'in-order') id = ++this.#asked
    else if (id === undefined || id === 'no-reply' || dissector.pairing === 'none') {
      this.emit(dissector, request, null, null, '')
      return
    }
    const earlier = pending.get(id)
    if (earlier !== undefined) this.#unanswered(dissector, from, id, earlier)
    if (pending.size >= MOST_PENDING) {
      const [first] = pending
      if (first !== undefined) this.#unanswered(dissector, from, ...first)
    }
    pending.set(id, request)
    this.#kept += costOf(request)
  }

  /** A reply to what `asker` asked. */
  #response(dissector: Dissector, asker: End, response: Timed, id: string | number | undefined): void {
    if (id === 'push' || dissector.pairing === 'none') {
      this.emit(dissector, null, response, null, '')
      return
    }
    const pending = this.#pending[asker]
    const key = dissector.pairing === 'in-order' ? pending.keys().next().value : id
    const request = key === undefined ? undefined : pending.get(key)
    if (key === undefined || request === undefined) {
      const isExpected = dissector.pairing === 'in-order' || id !== undefined
      this.emit(dissector, null, response, isExpected ? NO_REQUEST : null, String(id ?? ''))
      return
    }
    this.#forget(asker, key, request)
    this.emit(dissector, request, response, null, String(id ?? ''))
  }

  #unanswered(dissector: Dissector, from: End, id: string | number, request: Timed): void {
    this.#forget(from, id, request)
    this.client = from
    this.emit(dissector, request, null, NO_REPLY, dissector.pairing === 'in-order' ? '' : String(id))
  }

  #forget(from: End, id: string | number, request: Timed): void {
    this.#pending[from].delete(id)
    this.#kept -= costOf(request)
  }

  #giveUpAll(): void {
    for (const from of ENDS)
      for (const [id, request] of this.#pending[from])
        this.#unanswered(this.#dissector as Dissector, from, id, request)
  }

  #tell(): void {
    const kept = inSteps(this.#kept)
    if (kept === this.#told) return
    this.dissection.holds(this, this.#told, kept)
    this.#told = kept
  }

  /** Requests wait in the order in which they came, so those whose time is up are in front. */
  #expire(now: number): void {
    if (now === this.#expiredAt || this.#pending[0].size + this.#pending[1].size === 0) return
    this.#expiredAt = now
    const before = now - this.dissection.options.replyTimeout
    for (const from of ENDS)
      for (const [id, request] of this.#pending[from]) {
        if (request.seconds >= before) break
        this.#unanswered(this.#dissector as Dissector, from, id, request)
      }
  }
}

function transportOf({ protocol }: Connection): Dissector['transport'] {
  if (protocol === PROTOCOL.udp) return 'udp'
  return protocol === PROTOCOL.sctp ? 'sctp' : 'icmp'
}

/** Datagrams are kept whole. */
function costOf({ size }: Timed): number {
  return MESSAGE_COST + size
}

type Waiting = Map<string | number, Timed>

const ENDS: readonly End[] = [0, 1]
const NO_REPLY = { type: 'timeout', msg: 'no reply' } as const
const NO_REQUEST = { type: 'pair-not-found', msg: 'reply without a request' } as const
/** Datagrams without a known protocol after which a conversation is not looked at any more: WebRTC asks for its way first. */
const MOST_TRIES = 32
const MOST_PENDING = 4096
