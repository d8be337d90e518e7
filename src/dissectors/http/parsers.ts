import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import type { DissectContext, Instant, Parser, Step } from '../../dissect/dissector.ts'
import { type Body, NO_BODY } from './body.ts'
import { CR, isTokenCharacter, LF, SPACE, TAB, trimmed } from './characters.ts'
import { mayBeGraphql } from './graphql.ts'
import {
  BAD_LENGTH,
  HeadReader,
  isStatusLine,
  LONGEST_HEAD,
  LONGEST_METHOD,
  type TextHead,
  versionOfRequest,
} from './head.ts'
import type { HttpMessage } from './messages.ts'
import { openBody } from './open-body.ts'
import { probeClient, probeServer } from './probe.ts'
import type { Session } from './session.ts'
import { TextRequest, TextResponse } from './text-messages.ts'
import { Upgrade } from './upgrade.ts'

/** How the end of a body is found (RFC 9112 §6.3). `interim`: not a reply yet; `bad`: it cannot be found. */
type Framing = 'none' | 'sized' | 'chunked' | 'until-close' | 'interim' | 'bad'

/** What comes next. `whole`: nothing, the message is there; `bad`: what cannot be read. */
type State =
  | 'head'
  | 'sized'
  | 'chunk-size'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'whole'
  | 'bad'

/** One side of a connection (RFC 9112). */
abstract class MessageParser<M extends HttpMessage<TextHead>> implements Parser<M> {
  protected readonly session: Session
  readonly #context: DissectContext
  readonly #head = new HeadReader()
  #state: State = 'head'
  #message: M | undefined
  #body: Body = NO_BODY
  /** Bytes still to come of the body or the chunk. */
  #left = 0
  #trailers = 0
  /** Why the state is `bad`. */
  #reason = ''

  constructor(session: Session, context: DissectContext) {
    this.session = session
    this.#context = context
  }

  next(bytes: Uint8Array, start: number, end: number): Step<M> {
    if (start === end && this.#state !== 'whole') return NEED_MORE
    if (this.#state === 'head') return this.#readHead(bytes, start, end)
    return this.#readBody(bytes, start, start, end)
  }

  gap(length: number): number {
    if (this.#message === undefined) return 0
    this.#message.incomplete = true
    switch (this.#state) {
      case 'until-close':
        this.#body.skip(length)
        return length
      case 'sized':
      case 'chunk-data': {
        const known = Math.min(length, this.#left)
        this.#body.skip(known)
        this.#left -= known
        if (this.#left === 0) this.#state = this.#state === 'sized' ? 'whole' : 'chunk-end'
        return known
      }
      default:
        return 0
    }
  }

  missed(): void {
    if (this.#message !== undefined) this.#message.incomplete = true
  }

  end(clean: boolean): { readonly message: M } | undefined {
    const message = this.#message
    if (message === undefined) return undefined
    if (!(clean && this.#state === 'until-close')) message.incomplete = true
    // What was skipped counts as it was announced, whether it came or not: so does what was to be kept.
    this.#body.skip(this.#left)
    this.#begin(message)
    return { message }
  }

  get held(): number {
    return this.#body.memory
  }

  protected get isBetweenMessages(): boolean {
    return this.#state === 'head'
  }

  /** The message whose head has come, and nothing of its body. */
  protected get withoutBody(): M | undefined {
    const isAtBody = this.#state === 'sized' || this.#state === 'chunk-size'
    return isAtBody && this.#body.size === 0 ? this.#message : undefined
  }

  /** The message whose head has been read; undefined when the first line is not of one. */
  protected abstract open(head: HeadReader): M | undefined
  /** Whether a head that is still to come may begin like this. */
  protected abstract mayBegin(bytes: Uint8Array, start: number, end: number): boolean
  /** The first bytes of the body are here, or all `length` (0 when that is not known): a look before it is kept or not. */
  protected abstract foresee(message: M, bytes: Uint8Array, start: number, end: number, length: number): void
  /** All of it has come, or as much as will. */
  protected abstract finished(message: M): void
  /** Called once for each head. */
  protected abstract framingOf(message: M, head: HeadReader): Framing
  /** What both sides speak after this message, if that is not HTTP/1 … */
  protected abstract switchesTo(message: M): string | undefined
  /** … and what they agreed on. */
  protected abstract handover(message: M): Upgrade | undefined

  /** `message` is over. */
  #begin(message: M): void {
    this.finished(message)
    this.#body.settle()
    this.#state = 'head'
    this.#message = undefined
    this.#body = NO_BODY
    this.#left = 0
    this.#trailers = 0
  }

  #readHead(bytes: Uint8Array, start: number, end: number): Step<M> {
    const blank = endOfBlankLines(bytes, start, end)
    if (blank > start) return { kind: 'skip', length: blank - start }
    const head = this.#head
    const isWhole = head.read(bytes, start, end)
    const message = head.lineEnd < 0 ? undefined : this.open(head)
    if (message === undefined && (head.lineEnd >= 0 || !this.mayBegin(bytes, start, end)))
      return invalid('no HTTP message where one should begin')
    if ((isWhole ? head.end : end - start) > LONGEST_HEAD) return invalid('a head longer than 256 KiB')
    if (!isWhole || message === undefined) return { kind: 'incomplete', need: end - start + 1 }
    return this.#readMessage(message, bytes, start, start + head.end, end)
  }

  #readMessage(message: M, bytes: Uint8Array, start: number, at: number, end: number): Step<M> {
    const framing = this.framingOf(message, this.#head)
    if (framing === 'interim') return { kind: 'skip', length: at - start }
    this.#message = message
    if (framing === 'none') return this.#finish(at - start)
    if (framing === 'bad') return this.#stop('a message whose length cannot be known', at - start)
    this.#state = framing === 'chunked' ? 'chunk-size' : framing
    this.#left = framing === 'sized' ? this.#head.contentLength : 0
    this.foresee(message, bytes, at, end, this.#left)
    this.#body = openBody(message, this.#context, this.#left)
    return this.#readBody(bytes, start, at, end)
  }

  /** Reads on from `at`. What lies between `start` and there was read in the same call. */
  #readBody(bytes: Uint8Array, start: number, at: number, end: number): Step<M> {
    switch (this.#state) {
      case 'whole':
        return this.#finish(at - start)
      case 'bad':
        return invalid(this.#reason)
      case 'until-close':
        this.#body.add(bytes, at, end)
        return partial(end - start)
      case 'sized': {
        if (this.#wantsNoMore(end - at)) return at > start ? partial(at - start) : this.#skipRest()
        const stop = this.#take(bytes, at, end)
        return this.#left === 0 ? this.#finish(stop - start) : partial(stop - start)
      }
      default:
        return this.#readChunks(bytes, start, at, end)
    }
  }

  /** RFC 9112 §7.1 */
  #readChunks(bytes: Uint8Array, start: number, at: number, end: number): Step<M> {
    while (at < end) {
      if (this.#state === 'chunk-data') {
        if (this.#wantsNoMore(end - at)) return at > start ? partial(at - start) : this.#skipRest()
        at = this.#take(bytes, at, end)
        if (this.#left === 0) this.#state = 'chunk-end'
        continue
      }
      const lineFeed = endOfLine(bytes, at, end)
      if (lineFeed < 0) {
        if (end - at > LONGEST_CHUNK_LINE)
          return this.#stop('a line between chunks that is too long', at - start)
        if (at === start) return { kind: 'incomplete', need: end - start + 1 }
        break
      }
      const isBlank = lineFeed === at || (lineFeed === at + 1 && u8(bytes, at) === CR)
      if (isBlank && this.#state === 'trailers') return this.#finish(lineFeed + 1 - start)
      const wrong = this.#readChunkLine(bytes, at, lineFeed, isBlank)
      if (wrong !== undefined) return this.#stop(wrong, at - start)
      at = lineFeed + 1
    }
    return partial(at - start)
  }

  /** Reads a line that is not of the data; returns what is wrong with it. */
  #readChunkLine(bytes: Uint8Array, at: number, lineFeed: number, isBlank: boolean): string | undefined {
    if (this.#state === 'chunk-end') {
      this.#state = 'chunk-size'
      return isBlank ? undefined : 'a chunk that is longer than it says'
    }
    if (this.#state === 'trailers') {
      if (this.#message !== undefined) this.#message.head.trailerLines += latin1(bytes, at, lineFeed + 1)
      return ++this.#trailers > MOST_TRAILERS ? 'too many trailers' : undefined
    }
    const size = readChunkSize(bytes, at, lineFeed)
    if (size < 0) return 'a chunk size that is no number'
    this.#left = size
    this.#state = size === 0 ? 'trailers' : 'chunk-data'
    return undefined
  }

  /** Takes what is here of the bytes that are left; returns where it stopped. */
  #take(bytes: Uint8Array, at: number, end: number): number {
    const length = Math.min(this.#left, end - at)
    this.#body.add(bytes, at, at + length)
    this.#left -= length
    return at + length
  }

  /** More is left than the `here` bytes in hand, and none of it is kept. */
  #wantsNoMore(here: number): boolean {
    return this.#body.isFull && this.#left > here
  }

  /** The rest of the body, or of its chunk, is dropped as it comes. Some of the message must have been taken before. */
  #skipRest(): Step<M> {
    const length = this.#left
    this.#body.skip(length)
    this.#left = 0
    this.#state = this.#state === 'sized' ? 'whole' : 'chunk-end'
    return { kind: 'skip', length }
  }

  /** `taken` bytes were fine, and what follows is not: the message is told of as incomplete when the engine gives up. */
  #stop(reason: string, taken: number): Step<M> {
    this.#state = 'bad'
    this.#reason = reason
    return taken > 0 ? partial(taken) : invalid(reason)
  }

  #finish(length: number): Step<M> {
    const message = this.#message as M
    this.#begin(message)
    const to = this.switchesTo(message)
    if (to === undefined) return { kind: 'message', message, length }
    return { kind: 'switch', to, length, message, handover: this.handover(message) }
  }
}

export class RequestParser extends MessageParser<TextRequest> {
  readonly #clock: Instant

  constructor(session: Session, context: DissectContext, clock: Instant) {
    super(session, context)
    this.#clock = clock
  }

  /** After CONNECT or Upgrade the reply decides who reads on: until then only what is plainly HTTP is read. */
  override next(bytes: Uint8Array, start: number, end: number): Step<TextRequest> {
    if (this.session.awaitsSwitch && this.isBetweenMessages && start < end) {
      if (probeClient(bytes, start, end) !== 'match') return waitForReply(end - start)
    }
    return this.#isRefused(bytes, start, end)
      ? { kind: 'message', ...(this.end(false) as { message: TextRequest }), length: 0 }
      : super.next(bytes, start, end)
  }

  /** A client that waits with the body until it is asked for, and gets a final reply, goes on with the next request (RFC 9110 §10.1.1). */
  #isRefused(bytes: Uint8Array, start: number, end: number): boolean {
    if (start === end || !this.session.isAnswered) return false
    const request = this.withoutBody
    if (request === undefined || request.header('expect') === '') return false
    return probeClient(bytes, start, end) === 'match'
  }

  recall(request: TextRequest): void {
    const { method } = request
    this.session.asked(
      request,
      method === 'HEAD' || method === 'CONNECT' ? method : undefined,
      request.header('upgrade') !== '',
      undefined,
    )
    this.finished(request)
  }

  protected open(head: HeadReader): TextRequest | undefined {
    const versionAt = versionOfRequest(head.text, head.lineEnd)
    return versionAt < 0 ? undefined : new TextRequest(head, versionAt)
  }

  protected mayBegin(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      const byte = u8(bytes, at)
      if (byte === SPACE) return at > start
      if (!isTokenCharacter(byte) || at - start >= LONGEST_METHOD) return false
    }
    return true
  }

  protected framingOf(request: TextRequest, head: HeadReader): Framing {
    const { text } = head
    const method = text.startsWith('HEAD ') ? 'HEAD' : text.startsWith('CONNECT ') ? 'CONNECT' : undefined
    this.session.asked(request, method, head.upgrade !== '', this.#clock)
    const coding = finalCoding(head.transferEncoding)
    if (coding !== '') return coding === 'chunked' ? 'chunked' : 'bad'
    if (head.contentLength === BAD_LENGTH) return 'bad'
    return head.contentLength > 0 ? 'sized' : 'none'
  }

  protected foresee(
    request: TextRequest,
    bytes: Uint8Array,
    start: number,
    end: number,
    length: number,
  ): void {
    if (length > 0 && end - start >= length && !mayBeGraphql(bytes, start, start + length))
      request.mayBeGraphql = false
  }

  protected finished(request: TextRequest): void {
    if (request.graphql !== null) this.session.asksGraphql()
  }

  /** The reply to it does. */
  protected switchesTo(): undefined {
    return undefined
  }

  protected handover(): undefined {
    return undefined
  }
}

export class ResponseParser extends MessageParser<TextResponse> {
  #switchTo: string | undefined

  protected open(head: HeadReader): TextResponse | undefined {
    return isStatusLine(head.text, head.lineEnd) ? new TextResponse(head) : undefined
  }

  protected mayBegin(bytes: Uint8Array, start: number, end: number): boolean {
    return probeServer(bytes, start, end) !== 'reject'
  }

  protected framingOf(response: TextResponse, head: HeadReader): Framing {
    const { status } = response
    if (status < 200 && status !== SWITCHING) return 'interim'
    const method = this.session.answered()
    response.answersGraphql = method === 'GraphQL'
    if (status === SWITCHING) this.#switchTo = dissectorOf(head.upgrade)
    else if (method === 'CONNECT' && status < 300) this.#switchTo = ''
    if (this.#switchTo !== undefined || method === 'HEAD') return 'none'
    if (status === NO_CONTENT || status === NOT_MODIFIED) return 'none'
    const coding = finalCoding(head.transferEncoding)
    if (coding !== '') return coding === 'chunked' ? 'chunked' : 'until-close'
    if (head.contentLength === BAD_LENGTH) return 'bad'
    if (head.contentLength === 0) return 'none'
    return head.contentLength > 0 ? 'sized' : 'until-close'
  }

  protected foresee(): void {}

  protected finished(): void {}

  protected switchesTo(): string | undefined {
    const to = this.#switchTo
    this.#switchTo = undefined
    return to
  }

  protected handover(response: TextResponse): Upgrade {
    return new Upgrade(this.session.switchRequest, response, this.session.switchSince)
  }
}

/**
 * Name of the coding that was applied last, which frames the message; "" when there is none. `identity` is none that
 * older servers name.
 */
function finalCoding(transferEncoding: string): string {
  if (transferEncoding === '') return ''
  const last = transferEncoding.slice(transferEncoding.lastIndexOf(',') + 1)
  const name = trimmed(last.split(';', 1)[0] ?? '').toLowerCase()
  return name === 'identity' ? '' : name
}

/** The dissector of what an Upgrade header names first; "" when it has to be found by its content. */
function dissectorOf(upgrade: string): string {
  const token = /^[^\s,/]*/.exec(upgrade)?.[0].toLowerCase() ?? ''
  return token === 'websocket' ? 'ws' : token === 'h2c' ? 'http2' : ''
}

/** Hexadecimal digits at `at`; extensions after them (RFC 9112 §7.1.1) are passed over. −1 when it is no number. */
function readChunkSize(bytes: Uint8Array, at: number, lineFeed: number): number {
  let size = 0
  let index = at
  for (; index < lineFeed; index++) {
    const digit = hexDigit(u8(bytes, index))
    if (digit < 0) break
    size = size * 16 + digit
    if (size > Number.MAX_SAFE_INTEGER) return -1
  }
  if (index === at) return -1
  while (index < lineFeed && isChunkSpace(u8(bytes, index))) index++
  return index === lineFeed || u8(bytes, index) === SEMICOLON ? size : -1
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function isChunkSpace(byte: number): boolean {
  return byte === SPACE || byte === CR || byte === TAB
}

/** RFC 9112 §2.2: empty lines before a message are passed over. */
function endOfBlankLines(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (u8(bytes, at) === CR || u8(bytes, at) === LF)) at++
  return at
}

/** Index of the line feed, looked for as far as a line may reach; −1 when it is not there. */
function endOfLine(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + LONGEST_CHUNK_LINE)
  for (let at = start; at < limit; at++) if (u8(bytes, at) === LF) return at
  return -1
}

function waitForReply(length: number): Step<never> {
  if (length > LONGEST_WAIT) return invalid('another protocol, with no reply that agreed to it')
  return { kind: 'incomplete', need: length + 1 }
}

function partial(length: number): Step<never> {
  return { kind: 'partial', length }
}

function invalid(reason: string): Step<never> {
  return { kind: 'invalid', reason }
}

const NEED_MORE: Step<never> = { kind: 'incomplete', need: 1 }
const SEMICOLON = 0x3b
const SWITCHING = 101
const NO_CONTENT = 204
const NOT_MODIFIED = 304
/** Of a chunk's size with its extensions, or of a trailer. */
const LONGEST_CHUNK_LINE = 4096
const MOST_TRAILERS = 100
/** Bytes of another protocol that are held until the reply which agrees to it is captured. */
const LONGEST_WAIT = 64 << 10
