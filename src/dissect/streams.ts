import { copyOf } from '../bytes/read.ts'
import type { Exchange } from '../entry/entry.ts'
import {
  type CloseReason,
  type Connection,
  type ConnectionHandler,
  type End,
  NO_ACK,
} from '../reassembly/connection.ts'
import { MOST_UNSEEN } from '../reassembly/reassembler.ts'
import { type AnyMessage, Conversation, type Timed } from './conversation.ts'
import type {
  Dissector,
  Found,
  Instant,
  Opening,
  Paired,
  Parser,
  Parsers,
  Place,
  Side,
  Step,
} from './dissector.ts'
import type { Dissection, SkipReason } from './engine.ts'
import { keptOf, PendingRequests, type Waiting } from './pending.ts'
import { prefaceLength } from './preface.ts'

/** A TCP connection, or a stream of SCTP: finds its protocol, feeds the parsers of both sides, and pairs replies with requests. */
export class StreamConversation extends Conversation implements ConnectionHandler {
  readonly #sides: readonly [StreamSide, StreamSide] = [new StreamSide(), new StreamSide()]
  #dissector: Dissector | undefined
  #parsers: Parsers<AnyMessage, AnyMessage> | undefined
  /** When the first of the bytes came that a parser is about to read. */
  readonly #clock = { seconds: 0, nanos: 0 }
  readonly #reading: Reading = { from: 0, length: 0 }
  /** Parsers that take over at the next message of the side that did not lose its place. */
  #fresh: Parsers<AnyMessage, AnyMessage> | undefined
  readonly #pending = new PendingRequests<Request>()
  /** Replies to come that answer requests which were given up. */
  #disowned = 0
  /** A reply that came before the end of the request it answers: a refused upload. */
  #early: Timed | undefined
  /** Bytes were lost, or the capture began midway: the nth reply need not answer the nth request. */
  #shaky = false
  /** A protocol took over that nobody here knows. */
  #opaque = false
  /** Bytes that the dissection was told are held. */
  #told = 0
  /** Bytes that nobody let go when memory was short: asking again would be in vain. */
  #fixed = 0

  constructor(dissection: Dissection, connection: Connection) {
    super(dissection, connection)
  }

  data(from: End, bytes: Uint8Array, start: number, end: number): void {
    this.#take(from, bytes, start, end)
    this.#settle()
  }

  gap(from: End, length: number): void {
    this.#miss(from, length)
    this.#settle()
  }

  end(from: End): void {
    const side = this.#sides[from]
    if (side.state === 'reading') this.#finish(from, side, true)
    side.state = 'ended'
    this.#settle()
  }

  override close(reason: CloseReason): void {
    super.close(reason)
    for (const from of [0, 1] as const) {
      const side = this.#sides[from]
      if (side.state === 'reading') this.#finish(from, side, false)
      this.#give(side, this.#dissector === undefined ? 'unrecognised' : 'incomplete')
      side.state = 'ended'
    }
    const dissector = this.#dissector
    if (dissector !== undefined) this.#abandon(dissector, NO_REPLY[reason])
    // It is still to be told of as a whole: what it was read with need not wait for that.
    this.#parsers = this.#fresh = undefined
    for (const side of this.#sides) {
      side.parser = undefined
      side.memory = 0
    }
    this.#tell()
  }

  /**
   * Lets go of requests that wait for replies, and unless that is the most of it, of unfinished messages: what follows is
   * read again from where it makes sense.
   */
  evict(): void {
    const waiting = this.#pending.kept
    const unfinished = this.#memory - waiting - this.#fixed
    this.#giveUpWaiting()
    if (unfinished >= waiting) this.#giveUpUnfinished()
    this.#tell()
  }

  #giveUpWaiting(): void {
    while (this.#pending.kept > 0) this.#giveUpOldest(this.#dissector as Dissector)
  }

  #giveUpUnfinished(): void {
    for (const from of [0, 1] as const) {
      const side = this.#sides[from]
      if (side.canShed) {
        side.parser?.shed?.()
        this.#account(side)
      } else if (side.state === 'reading' && side.memory > 0) this.#lose(from, side, 'evicted')
      else this.#give(side, 'evicted')
    }
    this.#fixed = this.#memory
  }

  #take(from: End, bytes: Uint8Array, start: number, end: number): void {
    const side = this.#sides[from]
    side.position += end - start
    if (this.#dissector === undefined) this.#begun(from, side, bytes, start, end)
    else if (side.state === 'lost') this.#rejoin(this.#dissector, from, side, bytes, start, end)
    else this.#feed(this.#dissector, from, side, bytes, start, end)
  }

  #miss(from: End, length: number): void {
    const side = this.#sides[from]
    side.position += length
    this.#shaky = true
    const skipped = Math.min(side.skip, length)
    side.skip -= skipped
    if (skipped > 0 && side.skipsBody) {
      side.taken += skipped
      side.parser?.missed?.()
    }
    const left = length - skipped
    if (this.#dissector === undefined) {
      this.#give(side, 'lost-sync')
      side.state = 'lost'
      return
    }
    const known =
      side.state === 'reading' && side.held === 0 && left > 0 ? (side.parser?.gap?.(left) ?? 0) : 0
    side.taken += known
    if (side.state !== 'reading' || known < left) this.#lose(from, side, 'lost-sync')
    else if (side.skip === 0) this.#feed(this.#dissector, from, side, NOTHING, 0, 0)
  }

  /** Steps over what a load balancer has put in front of a connection. */
  #begun(from: End, side: StreamSide, bytes: Uint8Array, start: number, end: number): void {
    const isFirst = side.position === end - start && this.connection.opener >= 0
    const preface = isFirst ? prefaceLength(bytes, start, end) : 0
    this.dissection.counters.dissected += preface
    if (start + preface < end) this.#probe(from, side, bytes, start + preface, end)
  }

  #probe(from: End, side: StreamSide, bytes: Uint8Array, start: number, end: number): void {
    if (this.#opaque || side.tries >= (this.connection.opener >= 0 ? TRIES_FROM_START : TRIES_MIDWAY)) {
      this.dissection.skip('unrecognised', end - start)
      return
    }
    if (side.held === 0) {
      if (side.taken === 0) side.mark(this.connection, from)
      this.#look(from, side, bytes, start, end)
      return
    }
    const before = side.held
    side.hold(bytes, start, end, this.connection)
    if (this.#look(from, side, side.buffer, 0, side.held) || this.#dissector !== undefined) return
    // What was held was something else; a protocol may begin behind it.
    side.held = before
    this.#give(side, 'unrecognised')
    side.resetMessage()
    this.#probe(from, side, bytes, start, end)
  }

  /** Tries every dissector on all that is here of a side. False when it is none and was held: the caller decides. */
  #look(from: End, side: StreamSide, bytes: Uint8Array, start: number, end: number): boolean {
    let unsure = false
    for (const dissector of this.dissection.candidates(this.connection, 'tcp')) {
      const verdict = this.#roleOf(dissector, from, bytes, start, end)
      if (
        verdict === 'match' ||
        (verdict === 'unsure' && this.#answers(dissector, from, bytes, start, end))
      ) {
        this.#begin(dissector, from, side, bytes, start, end)
        return true
      }
      if (verdict === 'unsure') unsure = true
    }
    if (unsure && end - start < LONGEST_PROBE) {
      if (side.held === 0) {
        side.hold(bytes, start, end, this.connection)
        side.spokeFirst = this.#sides[from === 0 ? 1 : 0].position === 0
      }
      this.#account(side)
      return true
    }
    side.tries++
    if (side.held === 0) this.dissection.skip('unrecognised', end - start)
    return side.held === 0
  }

  /**
   * What a server says may answer its client, though neither is sure of itself: when it is the first that it says, and
   * the client has said something before, or is not seen and the port is right. Settles who is the client.
   */
  #answers(dissector: Dissector, from: End, bytes: Uint8Array, start: number, end: number): boolean {
    const { opener, aPort, bPort } = this.connection
    const client = from === 0 ? 1 : 0
    const asked = this.#sides[client]
    const { tries, held, spokeFirst } = this.#sides[from]
    if (opener === from || asked.tries + tries > 0 || (held > 0 && spokeFirst)) return false
    if (dissector.resumes?.(bytes, start, end, 'server') !== true) return false
    const isAnswer =
      asked.position === 0
        ? dissector.ports.includes(from === 0 ? aPort : bPort)
        : opener === client &&
          asked.held > 0 &&
          dissector.probe(asked.buffer, 0, asked.held, 'client') === 'unsure'
    if (isAnswer) this.client = client
    return isAnswer
  }

  /** Tries the bytes as what the sender is, and while that is not known, as either; settles it on a match. */
  #roleOf(dissector: Dissector, from: End, bytes: Uint8Array, start: number, end: number): Verdict {
    if (this.client >= 0) return dissector.probe(bytes, start, end, this.sideOf(from))
    const other = from === 0 ? 1 : 0
    const likely = this.#likelyClient(dissector)
    const first = dissector.probe(bytes, start, end, likely === other ? 'server' : 'client')
    // What may still become what it most likely is, is not looked at the other way round.
    if (likely >= 0 && first !== 'reject') {
      if (first === 'match') this.client = likely
      return first
    }
    const second = dissector.probe(bytes, start, end, likely === other ? 'client' : 'server')
    if (first === 'match') this.client = second === 'match' ? this.#higherPort : from
    else if (second === 'match') this.client = likely === other ? from : other
    return first === 'match' || second === 'reject' ? first : second
  }

  /** Where either could be the client (both publish in MQTT): the end whose port the system has chosen, more likely than not. */
  get #higherPort(): End {
    return this.connection.aPort > this.connection.bPort ? 0 : 1
  }

  /** Who opened the connection; where that was not seen, the end that talks to a port of the protocol. −1 = no idea. */
  #likelyClient({ ports }: Dissector): End | -1 {
    const { opener, aPort, bPort } = this.connection
    if (opener >= 0 || ports.includes(aPort) === ports.includes(bPort)) return opener
    return ports.includes(bPort) ? 0 : 1
  }

  #begin(
    dissector: Dissector,
    from: End,
    side: StreamSide,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#dissector = dissector
    this.detect(dissector)
    if (this.connection.opener < 0) this.#shaky = true
    const isWhole = !this.#shaky && this.#sides[0].tries + this.#sides[1].tries === 0
    const parsers = this.#open(dissector, isWhole, undefined)
    for (const each of [0, 1] as const) this.#sides[each].parser = this.#parserOf(parsers, each)
    side.state = 'reading'
    const other = this.#sides[from === 0 ? 1 : 0]
    const cameFirst = side.held > 0 && other.held > 0 && isBefore(side.heldSince, other.heldSince)
    if (!cameFirst) this.#beginOther(dissector, from === 0 ? 1 : 0)
    if (side.held > 0) {
      const held = copyOf(side.buffer, 0, side.held)
      this.#forget(side)
      this.#feed(dissector, from, side, held, 0, held.length)
    } else {
      this.#feed(dissector, from, side, bytes, start, end)
    }
    if (cameFirst && this.#dissector === dissector) this.#beginOther(dissector, from === 0 ? 1 : 0)
  }

  #open(dissector: Dissector, isWhole: boolean, handover: unknown): Parsers<AnyMessage, AnyMessage> {
    const place = new ReadingPlace(this.connection, this.#sides, this.#reading)
    const opening: Opening = { clock: this.#clock, place, isWhole, handover }
    const parsers = dissector.open(this.dissection.options.context, opening)
    this.#parsers = parsers
    return parsers
  }

  /** What the other side said before could not be recognised by itself; now it can be read, even if it was all. */
  #beginOther(dissector: Dissector, from: End): void {
    const side = this.#sides[from]
    const hasEnded = side.state === 'ended'
    if (hasEnded && side.held === 0) return
    const fits = side.tries === 0 && side.state !== 'lost'
    if (!fits && (side.held === 0 || this.#probeHeld(dissector, from, side) === 'reject')) {
      this.#give(side, 'lost-sync')
      side.state = hasEnded ? 'ended' : 'lost'
      return
    }
    side.state = 'reading'
    if (side.held > 0) {
      const earlier = copyOf(side.buffer, 0, side.held)
      this.#forget(side)
      side.cameAt = { seconds: side.seconds, nanos: side.nanos, heard: side.heard }
      this.#feed(dissector, from, side, earlier, 0, earlier.length)
      side.cameAt = undefined
    }
    if (hasEnded) this.end(from)
  }

  #probeHeld(dissector: Dissector, from: End, side: StreamSide): Verdict {
    return dissector.probe(side.buffer, 0, side.held, this.sideOf(from))
  }

  #rejoin(
    dissector: Dissector,
    from: End,
    side: StreamSide,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!resumes(dissector, bytes, start, end, this.sideOf(from))) {
      this.dissection.skip('lost-sync', end - start)
      return
    }
    if (from !== this.client) this.#passOver(dissector, side.position - (end - start))
    if (side.parser?.rejoin !== undefined) {
      side.parser.rejoin()
      side.state = 'reading'
      side.resetMessage()
      this.#feed(dissector, from, side, bytes, start, end)
      return
    }
    const fresh = this.#open(dissector, false, undefined)
    const knowsAll = this.#pending.first === undefined || fresh.client.recall !== undefined
    for (const { timed } of this.#pending.newest(MOST_RECALLED)) fresh.client.recall?.(timed.message)
    side.parser = this.#parserOf(fresh, from)
    side.state = 'reading'
    side.resetMessage()
    const other = this.#sides[from === 0 ? 1 : 0]
    // A side that is reading goes over between messages.
    const goesOver = other.state !== 'reading' || (other.isBetweenMessages && knowsAll)
    if (goesOver) other.parser = this.#parserOf(fresh, from === 0 ? 1 : 0)
    this.#fresh = goesOver ? undefined : fresh
    this.#feed(dissector, from, side, bytes, start, end)
  }

  /** Lets the parser read as far as it gets; keeps what it cannot use yet. */
  #feed(
    dissector: Dissector,
    from: End,
    side: StreamSide,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (side.skip > 0) {
      const skipped = Math.min(side.skip, end - start)
      side.skip -= skipped
      if (side.skipsBody) side.taken += skipped
      start += skipped
      this.dissection.counters.dissected += skipped
      if (side.skip > 0) return
    } else if (start === end && bytes !== NOTHING) return

    if (side.held > 0) {
      side.hold(bytes, start, end, this.connection)
      if (side.held < side.need) {
        this.#account(side)
        return
      }
      bytes = side.buffer
      start = 0
      end = side.held
    }
    const held = bytes === side.buffer
    const rest = this.#read(dissector, from, side, bytes, start, end)
    if (rest < 0) return
    if (held) side.keepFrom(rest, this.connection)
    else if (rest < end) side.hold(bytes, rest, end, this.connection)
    this.#account(side)
  }

  /** Returns where the bytes begin that were not taken, or −1 when the side is not being read any more. */
  #read(
    dissector: Dissector,
    from: End,
    side: StreamSide,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const counters = this.dissection.counters
    let at = start
    let again = false
    this.#setClock(bytes === side.buffer ? side.heldSince : (side.cameAt ?? this.connection))
    do {
      again = false
      if (side.taken === 0) side.mark(this.connection, from)
      this.#reading.from = from
      this.#reading.length = end - at
      const step: Step<AnyMessage> = (side.parser as Parser<AnyMessage>).next(bytes, at, end)
      switch (step.kind) {
        case 'message':
          at += step.length
          counters.dissected += step.length
          side.taken += step.length
          this.#message(dissector, from, side, step, end - at)
          break
        case 'exchange':
          at += step.length
          counters.dissected += step.length
          this.#exchange(dissector, from, side, step, null)
          again = true
          break
        case 'partial':
          at += step.length
          counters.dissected += step.length
          side.taken += step.length
          break
        case 'skip': {
          const skipped = Math.min(step.length, end - at)
          at += skipped
          counters.dissected += skipped
          // Bytes between messages (encrypted records) are no part of the next one.
          side.skipsBody = side.taken > 0
          if (side.skipsBody) side.taken += skipped
          else side.resetMessage()
          side.skip = step.length - skipped
          if (side.skip > 0) return end
          if (at === end) {
            // The skipped bytes may have been the last of their message: ask once more, with nothing in hand.
            this.#reading.length = 0
            const last = (side.parser as Parser<AnyMessage>).next(bytes, end, end)
            if (last.kind === 'exchange') {
              this.#exchange(dissector, from, side, last, null)
              again = true
              break
            }
            if (last.kind === 'message') this.#message(dissector, from, side, last, 0)
            else if (last.kind === 'skip') side.skip = last.length
            else if (last.kind === 'switch') return this.#switch(dissector, from, side, last, bytes, end, end)
            return end
          }
          break
        }
        case 'incomplete':
          if (step.need > LONGEST_HELD)
            return this.#break(dissector, from, side, 'too-long', 'longer than is held', end - at)
          side.need = step.need
          return at
        case 'switch':
          return this.#switch(dissector, from, side, step, bytes, at, end)
        case 'invalid':
          return this.#break(dissector, from, side, 'invalid', step.reason, end - at)
      }
      // What follows the bytes that were held came just now.
      if (bytes === side.buffer && at >= side.heldBefore) this.#setClock(side.cameAt ?? this.connection)
    } while (at < end || again)
    side.need = 1
    return at
  }

  #break(
    dissector: Dissector,
    from: End,
    side: StreamSide,
    why: SkipReason,
    reason: string,
    left: number,
  ): number {
    this.dissection.noteInvalid(dissector, reason)
    this.dissection.skip(why, left)
    side.held = 0
    this.#lose(from, side, why, left)
    return -1
  }

  #switch(
    dissector: Dissector,
    from: End,
    side: StreamSide,
    step: Step<AnyMessage> & { kind: 'switch' },
    bytes: Uint8Array,
    at: number,
    end: number,
  ): number {
    const counters = this.dissection.counters
    counters.dissected += step.length
    side.taken += step.length
    if (step.message !== undefined) this.#message(dissector, from, side, { message: step.message }, 0)
    this.#abandon(dissector, null)
    const other = this.#sides[from === 0 ? 1 : 0]
    const rest = copyOf(bytes, at + step.length, end)
    const otherRest = copyOf(other.buffer, 0, other.held)
    this.#forget(side)
    this.#forget(other)
    for (const each of [side, other]) {
      if (each.state !== 'ended') each.state = 'probing'
      each.resetMessage()
      each.tries = 0
    }
    this.#fresh = undefined
    const next = step.to === '' ? undefined : this.dissection.named(step.to, 'tcp')
    this.#dissector = next
    this.#opaque = step.to !== '' && next === undefined
    if (next !== undefined) {
      this.detect(next)
      const parsers = this.#open(next, true, step.handover)
      for (const each of [0, 1] as const) {
        this.#sides[each].parser = this.#parserOf(parsers, each)
        if (this.#sides[each].state === 'probing') this.#sides[each].state = 'reading'
      }
    }
    if (otherRest.length > 0) this.#again(from === 0 ? 1 : 0, otherRest)
    if (rest.length > 0) this.#again(from, rest)
    return -1
  }

  /** Bytes that had been counted into the position of their side already. */
  #again(from: End, bytes: Uint8Array): void {
    this.#sides[from].position -= bytes.length
    this.#take(from, bytes, 0, bytes.length)
  }

  #message(dissector: Dissector, from: End, side: StreamSide, found: Found<AnyMessage>, left: number): void {
    const timed = this.#timed(side, found)
    const startedAt = side.position - left - side.taken
    const repliesFrom = from === this.client ? this.#repliesFrom(side) : 0
    side.resetMessage()
    if (this.#fresh !== undefined) this.#swapParsers(from, side, found.message)
    const isRequest = found.role === undefined ? from === this.client : found.role === 'request'
    if (isRequest) this.#request(dissector, timed, found.id, repliesFrom)
    else this.#response(dissector, timed, found.id, startedAt)
  }

  /** What the parsers have paired by themselves. `error` is why a reply is missing, where they do not know. */
  #exchange(
    dissector: Dissector,
    from: End,
    side: StreamSide,
    { request, response, error }: Paired,
    otherwise: Exchange['error'],
  ): void {
    const asked = request && this.#timed(side, request as Found<AnyMessage>)
    const answered = response && this.#timed(side, response as Found<AnyMessage>)
    const id = request?.id ?? response?.id ?? ''
    const why = error ?? (asked !== null && answered !== null ? null : otherwise)
    this.emit(dissector, asked, answered, why, String(id))
    if ((from === this.client ? request : response) !== null) side.resetMessage()
  }

  /** A message that has just ended, or did so earlier and knows when and how long it was. */
  #timed(side: StreamSide, { message, size, since, until }: Found<AnyMessage>): Timed {
    const { seconds, nanos } = until ?? side.cameAt ?? this.connection
    return {
      message,
      size: size ?? side.taken,
      seconds: since?.seconds ?? side.seconds,
      nanos: since?.nanos ?? side.nanos,
      endSeconds: seconds,
      endNanos: nanos,
    }
  }

  /** This side is between messages: it joins the parsers that the other one got after losing its place. */
  #swapParsers(from: End, side: StreamSide, message: AnyMessage): void {
    const parser = this.#parserOf(this.#fresh as Parsers<AnyMessage, AnyMessage>, from)
    if (
      side.parser !== parser &&
      left(this.#sides[from === 0 ? 1 : 0].parser, this.#fresh as Parsers<AnyMessage, AnyMessage>)
    ) {
      side.parser = parser
      if (from === this.client) parser.recall?.(message)
      this.#fresh = undefined
    }
  }

  #request(dissector: Dissector, timed: Timed, id: MessageId, repliesFrom: number): void {
    if (dissector.pairing === 'none' || id === 'no-reply') {
      this.emit(dissector, timed, null, null, '')
      return
    }
    const early = this.#early
    if (early !== undefined) {
      this.#early = undefined
      this.emit(dissector, timed, early, null, '')
      return
    }
    const isInOrder = dissector.pairing === 'in-order'
    if (!isInOrder && id === undefined) {
      this.emit(dissector, timed, null, null, '')
      return
    }
    this.#unanswered(
      dissector,
      this.#pending.add({
        timed,
        repliesFrom,
        id: isInOrder ? undefined : id,
        kept: keptOf(timed.size, this.dissection.options.context),
      }),
    )
    if (this.#pending.length > MOST_PENDING) this.#giveUpOldest(dissector)
  }

  /** The oldest request waits no more; its reply may still come. */
  #giveUpOldest(dissector: Dissector): void {
    if (dissector.pairing === 'in-order') this.#disowned++
    this.#unanswered(dissector, this.#pending.takeOldest())
  }

  #response(dissector: Dissector, timed: Timed, id: MessageId, startedAt: number): void {
    if (dissector.pairing === 'none' || id === 'push') {
      this.emit(dissector, null, timed, null, '')
      return
    }
    if (this.#disowned > 0 && !this.#shaky) {
      this.#disowned--
      this.emit(dissector, null, timed, NO_REQUEST, '')
      return
    }
    const request =
      dissector.pairing === 'in-order' ? this.#nextRequest(dissector, startedAt) : this.#requestWith(id)
    if (request !== undefined) this.emit(dissector, request.timed, timed, null, String(id ?? ''))
    else if (dissector.pairing === 'in-order' && this.#isAsked(startedAt)) this.#early = timed
    else this.emit(dissector, null, timed, NO_REQUEST, String(id ?? ''))
  }

  /** Whether a reply that began at `startedAt` answers the request that the client is still sending. */
  #isAsked(startedAt: number): boolean {
    const asking = this.#sides[this.client === 0 ? 0 : 1]
    if (this.#early !== undefined || asking.state !== 'reading' || asking.taken === 0) return false
    return !this.#shaky || this.#repliesFrom(asking) <= startedAt
  }

  #requestWith(id: MessageId): Request | undefined {
    return id === undefined ? undefined : this.#pending.take(id)
  }

  /**
   * The request that a reply answers, when replies come in order. After losses the acknowledgements help: the client
   * had received everything up to `repliesFrom` when it asked, so a reply that began before answers somebody else;
   * and of several that fit, the last one had to wait for the others' replies.
   */
  #nextRequest(dissector: Dissector, startedAt: number): Request | undefined {
    if (!this.#shaky) return this.#pending.takeOldest()
    const { first } = this.#pending
    if (first === undefined || first.repliesFrom > startedAt) return undefined
    this.#passOver(dissector, startedAt)
    return this.#pending.takeOldest()
  }

  /** Gives up on the requests that a reply which begins at `startedAt` does not answer any more. */
  #passOver(dissector: Dissector, startedAt: number): void {
    for (;;) {
      const { first, second } = this.#pending
      if (first === undefined || second === undefined) return
      if (second.repliesFrom <= first.repliesFrom || second.repliesFrom > startedAt) return
      this.#unanswered(dissector, this.#pending.takeOldest())
    }
  }

  /** How far into the server's stream the client had received everything when it began the message at hand. */
  #repliesFrom({ heard }: StreamSide): number {
    return heardOf(this.connection, this.client === 0 ? 1 : 0, heard)
  }

  #unanswered(dissector: Dissector, request: Request | undefined): void {
    if (request !== undefined) this.emit(dissector, request.timed, null, UNANSWERED, '')
  }

  /** No more replies will come. */
  #abandon(dissector: Dissector, error: Exchange['error']): void {
    const pending = this.#pending
    for (let each = pending.takeOldest(); each !== undefined; each = pending.takeOldest())
      this.emit(dissector, each.timed, null, error, String(each.id ?? ''))
    this.#disowned = 0
    this.#giveUpEarly(dissector)
    const side = this.#sides[this.client === 1 ? 1 : 0]
    for (let each = this.#parsers?.abandon?.(); each !== undefined; each = this.#parsers?.abandon?.())
      this.#exchange(dissector, this.client === 1 ? 1 : 0, side, each, error)
  }

  /** The request that it answers did not become a message. */
  #giveUpEarly(dissector: Dissector): void {
    if (this.#early !== undefined) this.emit(dissector, null, this.#early, NO_REQUEST, '')
    this.#early = undefined
  }

  #finish(from: End, side: StreamSide, clean: boolean): void {
    const dissector = this.#dissector as Dissector
    if (side.held > 0) {
      this.dissection.skip('incomplete', side.held)
      this.#forget(side)
    }
    this.#flush(dissector, from, side, clean && side.skip === 0, 0)
    side.skip = 0
    side.resetMessage()
    this.#account(side)
  }

  /** What the end of a side completes or cuts off. */
  #flush(dissector: Dissector, from: End, side: StreamSide, clean: boolean, left: number): void {
    for (let last = side.parser?.end?.(clean); last !== undefined; last = side.parser?.end?.(clean)) {
      if ('message' in last) this.#message(dissector, from, side, last, left)
      else this.#exchange(dissector, from, side, last, null)
    }
  }

  /** The side cannot be read on, `left` bytes of it are dropped already; it waits for a place where a message begins. */
  #lose(from: End, side: StreamSide, why: SkipReason, left = side.held): void {
    this.#shaky = true
    this.#give(side, why)
    if (side.state === 'reading') {
      if (this.#dissector !== undefined) this.#flush(this.#dissector, from, side, false, left)
      if (from === this.client && this.#dissector !== undefined) this.#giveUpEarly(this.#dissector)
      side.state = 'lost'
    }
    side.skip = 0
    side.resetMessage()
    this.#account(side)
  }

  /** Counts held bytes as skipped and lets them go. */
  #give(side: StreamSide, why: SkipReason): void {
    if (side.held > 0) this.dissection.skip(why, side.held)
    this.#forget(side)
  }

  #forget(side: StreamSide): void {
    side.release()
    this.#account(side)
  }

  /** Keeps the books on memory: what is held here, and what the parser may hold of an unfinished body. */
  #account(side: StreamSide): void {
    const { wantsBodies, maxBody } = this.dissection.options.context
    const unfinished = side.parser?.held ?? (wantsBodies ? Math.min(side.taken, maxBody) : 0)
    side.memory = side.buffer.length + unfinished
  }

  get #memory(): number {
    return this.#sides[0].memory + this.#sides[1].memory + this.#pending.kept
  }

  /** Something has happened, and is over: now memory can be let go, here as elsewhere. */
  #settle(): void {
    this.#tell()
    this.dissection.relieve()
  }

  #tell(): void {
    const memory = this.#memory
    if (memory < this.#fixed) this.#fixed = memory
    const told = memory - this.#fixed
    if (told === this.#told) return
    this.dissection.holds(this, this.#told, told)
    this.#told = told
  }

  #setClock({ seconds, nanos }: Instant): void {
    this.#clock.seconds = seconds
    this.#clock.nanos = nanos
  }

  #parserOf(parsers: Parsers<AnyMessage, AnyMessage>, end: End): Parser<AnyMessage> {
    return end === this.client ? parsers.client : parsers.server
  }
}

/** Where the bytes are that are in front of a parser. Its getters are on the prototype: each message asks for them. */
class ReadingPlace implements Place {
  readonly #connection: Connection
  readonly #sides: readonly [StreamSide, StreamSide]
  readonly #reading: Reading

  constructor(connection: Connection, sides: readonly [StreamSide, StreamSide], reading: Reading) {
    this.#connection = connection
    this.#sides = sides
    this.#reading = reading
  }

  get sent(): number {
    return this.#sides[this.#reading.from].position - this.#reading.length
  }

  get end(): number {
    return this.#sides[this.#reading.from].position
  }

  get heard(): number {
    const { from } = this.#reading
    const ack = this.#sides[from].cameAt?.heard ?? this.#connection.tcp?.streams[from].heard ?? NO_ACK
    return heardOf(this.#connection, from === 0 ? 1 : 0, ack)
  }
}

/** What one side of a connection is at. */
class StreamSide {
  state: 'probing' | 'reading' | 'lost' | 'ended' = 'probing'
  parser: Parser<AnyMessage> | undefined = undefined
  /** The first `held` bytes of `buffer` were received and not taken; with fewer than `need` the parser is not asked. */
  buffer: Uint8Array = NOTHING
  held = 0
  need = 1
  /** When the first of them came; from `heldBefore` on they came last. */
  heldSince: Instant = AT_FIRST
  heldBefore = 0
  /** Bytes still to come that the parser does not want to see. */
  skip = 0
  skipsBody = false
  /** What is held came before the other side had said anything. */
  spokeFirst = false
  /** Attempts at recognising a protocol that failed. */
  tries = 0
  /** Bytes of the stream seen, holes included. */
  position = 0
  /** Bytes taken for the message that is being read, and when its first one came. */
  taken = 0
  seconds = 0
  nanos = 0
  /** What its sender had received then: an acknowledgement number, or `NO_ACK`. */
  heard = NO_ACK
  #marked = false
  /** While bytes are read that came before: when they did. */
  cameAt: { readonly seconds: number; readonly nanos: number; readonly heard: number } | undefined = undefined
  memory = 0

  get isBetweenMessages(): boolean {
    return this.taken === 0 && this.held === 0 && this.skip === 0
  }

  /** Its parser can let go of something, and of more than the bytes that were not taken: for these it need not lose its place. */
  get canShed(): boolean {
    const { state, parser, held, buffer } = this
    if (state !== 'reading' || parser?.shed === undefined) return false
    return held === 0 || (parser.held ?? 0) > buffer.length
  }

  mark(connection: Connection, from: End): void {
    if (this.#marked) return
    this.#marked = true
    this.seconds = this.cameAt?.seconds ?? connection.seconds
    this.nanos = this.cameAt?.nanos ?? connection.nanos
    this.heard = this.cameAt?.heard ?? connection.tcp?.streams[from].heard ?? NO_ACK
  }

  resetMessage(): void {
    this.taken = 0
    this.#marked = false
  }

  hold(bytes: Uint8Array, start: number, end: number, { seconds, nanos }: Instant): void {
    if (this.held === 0) this.heldSince = { seconds, nanos }
    this.heldBefore = this.held
    const length = this.held + (end - start)
    if (length > this.buffer.length) {
      const larger = new Uint8Array(Math.max(SMALLEST_BUFFER, 1 << (32 - Math.clz32(length - 1))))
      larger.set(this.buffer.subarray(0, this.held))
      this.buffer = larger
    }
    this.buffer.set(bytes.subarray(start, end), this.held)
    this.held = length
  }

  keepFrom(at: number, { seconds, nanos }: Instant): void {
    if (at === this.held) {
      this.release()
      return
    }
    if (at >= this.heldBefore) this.heldSince = { seconds, nanos }
    this.buffer.copyWithin(0, at, this.held)
    this.held -= at
  }

  release(): void {
    this.held = 0
    this.need = 1
    this.buffer = NOTHING
  }
}

/** From which end the bytes are that are in front of a parser, and how many. */
interface Reading {
  from: End
  length: number
}

interface Request extends Waiting {
  readonly timed: Timed
  readonly repliesFrom: number
}

type Verdict = 'match' | 'reject' | 'unsure'
type MessageId = string | number | undefined

/** Bytes of what `end` sends that somebody has received who acknowledges `ack`. */
function heardOf({ tcp }: Connection, end: End, ack: number): number {
  const stream = tcp?.streams[end]
  if (stream === undefined || !stream.started || ack === NO_ACK) return 0
  const unseen = (ack - stream.next) | 0
  return unseen > MOST_UNSEEN ? 0 : stream.position + unseen
}

function isBefore(a: Instant, b: Instant): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos)
}

function left(parser: Parser<AnyMessage> | undefined, fresh: Parsers<AnyMessage, AnyMessage>): boolean {
  return parser === fresh.client || parser === fresh.server
}

function resumes(dissector: Dissector, bytes: Uint8Array, start: number, end: number, from: Side): boolean {
  return dissector.resumes?.(bytes, start, end, from) ?? dissector.probe(bytes, start, end, from) === 'match'
}

const NOTHING = new Uint8Array(0)
const AT_FIRST: Instant = { seconds: 0, nanos: 0 }
const SMALLEST_BUFFER = 512
/** Bytes after which a side that might still become a known protocol is not one. */
const LONGEST_PROBE = 4096
/**
 * Chunks of a side that are looked at: from its beginning a protocol shows at once, or after others have opened the way
 * for it (STARTTLS, SOCKS); midway it may take a while.
 */
const TRIES_FROM_START = 4
const TRIES_MIDWAY = 32
/** Requests that wait for replies; redis-cli --pipe sends many thousands before it reads one. */
const MOST_PENDING = 16384
/** Of these, the newest are told to parsers that take over after a loss: older ones are hardly answered any more. */
const MOST_RECALLED = 256
/** Longest piece of a message that a parser may ask to have in one go. */
const LONGEST_HELD = 4 << 20
const NO_REQUEST = { type: 'pair-not-found', msg: 'reply without a request' } as const
const UNANSWERED = { type: 'pair-not-found', msg: 'the reply was not captured' } as const
const NO_REPLY: Readonly<Record<CloseReason, Exchange['error']>> = {
  closed: { type: 'connection', msg: 'closed without a reply' },
  reset: { type: 'connection', msg: 'Reset' },
  replaced: { type: 'connection', msg: 'replaced by a new connection' },
  idle: { type: 'timeout', msg: 'no reply' },
  evicted: { type: 'timeout', msg: 'no longer followed' },
  'capture-end': { type: 'timeout', msg: 'no reply before the capture ended' },
}
