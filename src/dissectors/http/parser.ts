import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import type { DissectContext, Parser, Step } from '../../dissect/dissector.ts'
import { type Framing, readFraming } from './head.ts'
import { HttpRequest, HttpResponse } from './messages.ts'

/** What the sides of a connection know of each other: which methods wait for their replies. */
export class HttpConnection {
  /** HEAD and CONNECT change what a reply means; the others are only counted. */
  #methods: string[] = []

  asked(method: string): void {
    if (this.#methods.length < MOST_PIPELINED) this.#methods.push(method)
  }

  /** The method that the next final reply answers; "" when its request was not seen. */
  answered(): string {
    return this.#methods.shift() ?? ''
  }
}

/** Where a parser is within its message. */
type State =
  | { readonly kind: 'head' }
  | { readonly kind: 'length'; left: number }
  | { readonly kind: 'chunk-size' }
  | { readonly kind: 'chunk'; left: number }
  | { readonly kind: 'trailers' }
  | { readonly kind: 'until-close' }
  | { readonly kind: 'done' }

/** RFC 9112, one side of a connection. */
abstract class HttpParser<M extends HttpRequest | HttpResponse> implements Parser<M> {
  protected readonly connection: HttpConnection
  readonly #context: DissectContext
  #state: State = HEAD
  #message: M | undefined
  /** How far the search for the end of the head has come. */
  #searched = 0

  constructor(connection: HttpConnection, context: DissectContext) {
    this.connection = connection
    this.#context = context
  }

  next(bytes: Uint8Array, start: number, end: number): Step<M> {
    const state = this.#state
    switch (state.kind) {
      case 'head':
        return this.#head(bytes, start, end)
      case 'length':
      case 'chunk':
        return this.#body(state, bytes, start, end)
      case 'chunk-size':
        return this.#chunkSize(bytes, start, end)
      case 'trailers':
        return this.#trailers(bytes, start, end)
      case 'until-close':
        if (start === end) return { kind: 'incomplete', need: 1 }
        this.#keep(bytes, start, end)
        return { kind: 'partial', length: end - start }
      case 'done':
        return this.#finish(0)
    }
  }

  gap(length: number): boolean {
    const state = this.#state
    if (state.kind === 'until-close') {
      this.#lost(length)
      return true
    }
    if ((state.kind !== 'length' && state.kind !== 'chunk') || state.left < length) return false
    state.left -= length
    this.#lost(length)
    if (state.left === 0) this.#state = state.kind === 'length' ? DONE : { kind: 'chunk-size' }
    return true
  }

  end(clean: boolean): M | undefined {
    const message = this.#message
    if (message === undefined) return undefined
    if (this.#state.kind !== 'done' && !(clean && this.#state.kind === 'until-close'))
      message.incomplete = true
    this.#reset()
    return message
  }

  /** The first line, or why it is none. */
  protected abstract firstLine(head: string, lineEnd: number): M | string
  /** How the body of the message that has begun is delimited; a final step when there is none. */
  protected abstract bodyOf(message: M, framing: Framing): State
  protected abstract finished(message: M): void
  protected abstract switches(message: M): string | undefined

  #head(bytes: Uint8Array, start: number, end: number): Step<M> {
    let from = start
    while (from < end && (u8(bytes, from) === CR || u8(bytes, from) === LF)) from++
    // RFC 9112 §2.2: empty lines before a message are to be passed over.
    if (from > start) return { kind: 'partial', length: from - start }
    if (start === end) return { kind: 'incomplete', need: 1 }
    const headEnd = this.#findHeadEnd(bytes, start, end)
    if (headEnd < 0) {
      if (end - start > LONGEST_HEAD) return { kind: 'invalid', reason: 'a head longer than 256 KiB' }
      if (!this.mayBegin(bytes, start, end)) return { kind: 'invalid', reason: 'no HTTP message' }
      return { kind: 'incomplete', need: end - start + 1 }
    }
    this.#searched = 0
    const head = latin1(bytes, start, headEnd)
    const lineEnd = head.indexOf('\n')
    const message = this.firstLine(head, head.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : lineEnd)
    if (typeof message === 'string') return { kind: 'invalid', reason: message }
    const framing = readFraming(head, lineEnd + 1)
    if (framing.contentLength === -2 && !framing.chunked)
      return { kind: 'invalid', reason: 'Content-Length is no number' }
    const length = headEnd - start
    const state = this.bodyOf(message, framing)
    if (state.kind === 'head') return { kind: 'partial', length }
    this.#message = message
    this.#state = state
    if (state.kind === 'done') return this.#finish(length)
    return { kind: 'partial', length }
  }

  /** Cheap test of an unfinished head, so that garbage is not held up to the limit. */
  protected abstract mayBegin(bytes: Uint8Array, start: number, end: number): boolean

  /** Index after the empty line; tolerates bare line feeds. Continues where the last search ended. */
  #findHeadEnd(bytes: Uint8Array, start: number, end: number): number {
    let at = start + this.#searched
    for (;;) {
      at = bytes.indexOf(LF, at)
      if (at < 0 || at >= end) {
        this.#searched = Math.max(0, end - start)
        return -1
      }
      if (at + 1 < end) {
        const after = u8(bytes, at + 1)
        if (after === LF) return at + 2
        if (after === CR && at + 2 < end && u8(bytes, at + 2) === LF) return at + 3
      }
      if (at + 2 >= end) {
        this.#searched = at - start
        return -1
      }
      at++
    }
  }

  #body(state: State & { left: number }, bytes: Uint8Array, start: number, end: number): Step<M> {
    const isChunk = state.kind === 'chunk'
    if (!this.#context.wantsBodies && !isChunk) {
      const message = this.#message as M
      const length = state.left
      message.body.skip(length)
      this.#state = DONE
      return { kind: 'skip', length }
    }
    if (start === end) return { kind: 'incomplete', need: 1 }
    const length = Math.min(state.left, end - start)
    this.#keep(bytes, start, start + length)
    state.left -= length
    if (state.left > 0) return { kind: 'partial', length }
    if (isChunk) {
      this.#state = { kind: 'chunk-size' }
      return { kind: 'partial', length }
    }
    return this.#finish(length)
  }

  /** RFC 9112 §7.1. The line end after a chunk comes before the next size. */
  #chunkSize(bytes: Uint8Array, start: number, end: number): Step<M> {
    const lineFeed = bytes.indexOf(LF, start)
    if (lineFeed < 0 || lineFeed >= end) {
      if (end - start > LONGEST_CHUNK_LINE)
        return { kind: 'invalid', reason: 'a chunk size line that is too long' }
      return { kind: 'incomplete', need: end - start + 1 }
    }
    const length = lineFeed + 1 - start
    const line = latin1(bytes, start, lineFeed)
    const text = (line.split(';')[0] ?? '').trim()
    if (text === '') return { kind: 'partial', length }
    if (!/^[0-9a-f]{1,13}$/i.test(text)) return { kind: 'invalid', reason: 'a chunk size that is no number' }
    const size = Number.parseInt(text, 16)
    this.#state = size === 0 ? { kind: 'trailers' } : { kind: 'chunk', left: size }
    return { kind: 'partial', length }
  }

  #trailers(bytes: Uint8Array, start: number, end: number): Step<M> {
    const lineFeed = bytes.indexOf(LF, start)
    if (lineFeed < 0 || lineFeed >= end) {
      if (end - start > LONGEST_HEAD) return { kind: 'invalid', reason: 'trailers that are too long' }
      return { kind: 'incomplete', need: end - start + 1 }
    }
    const length = lineFeed + 1 - start
    const line = latin1(bytes, start, lineFeed).trimEnd()
    if (line === '') return this.#finish(length)
    this.#message?.addTrailers(line)
    return { kind: 'partial', length }
  }

  #finish(length: number): Step<M> {
    const message = this.#message as M
    this.#reset()
    this.finished(message)
    const to = this.switches(message)
    if (to !== undefined) return { kind: 'switch', to, length, message }
    return { kind: 'message', message, length }
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const message = this.#message as M
    if (this.#context.wantsBodies) message.body.add(bytes, start, end, this.#context.maxBody)
    else message.body.skip(end - start)
  }

  #lost(length: number): void {
    const message = this.#message as M
    message.body.skip(length)
    message.incomplete = true
  }

  #reset(): void {
    this.#message = undefined
    this.#state = HEAD
    this.#searched = 0
  }
}

export class RequestParser extends HttpParser<HttpRequest> {
  protected firstLine(head: string, lineEnd: number): HttpRequest | string {
    const space = head.indexOf(' ')
    if (space <= 0 || space > LONGEST_METHOD || space > lineEnd) return 'no request line'
    const last = head.lastIndexOf(' ', lineEnd)
    const version = last > space ? head.slice(last + 1, lineEnd) : ''
    const known = VERSION.test(version)
    if (!known && version.startsWith('HTTP/')) return 'an HTTP version that is not 1.x'
    if (!known && !METHOD.test(head.slice(0, space))) return 'no request line'
    if (!known) return 'a request line without a version'
    const target = head.slice(space + 1, last).trim()
    return new HttpRequest(head, head.indexOf('\n') + 1, head.slice(0, space), target, version)
  }

  protected bodyOf(_message: HttpRequest, { chunked, contentLength }: Framing): State {
    if (chunked) return { kind: 'chunk-size' }
    return contentLength > 0 ? { kind: 'length', left: contentLength } : DONE
  }

  protected finished({ method }: HttpRequest): void {
    this.connection.asked(method)
  }

  /** The reply decides: see `ResponseParser`. */
  protected switches(): undefined {
    return undefined
  }

  protected mayBegin(bytes: Uint8Array, start: number, end: number): boolean {
    return isTokenStart(bytes, start, end)
  }
}

export class ResponseParser extends HttpParser<HttpResponse> {
  #switchTo: string | undefined
  #interim = false

  protected firstLine(head: string, lineEnd: number): HttpResponse | string {
    const version = head.slice(0, 8)
    if (!VERSION.test(version) || head.charCodeAt(8) !== 32) return 'no status line'
    const status = head.slice(9, 12)
    if (!/^[1-9]\d\d$/.test(status) || (lineEnd > 12 && head.charCodeAt(12) !== 32)) return 'no status'
    return new HttpResponse(head, head.indexOf('\n') + 1, Number(status), head.slice(13, lineEnd), version)
  }

  /** RFC 9112 §6.3 */
  protected bodyOf({ status }: HttpResponse, { chunked, contentLength, upgrade }: Framing): State {
    this.#switchTo = undefined
    this.#interim = status < 200 && status !== 101
    // 100 Continue, 103 Early Hints: the reply is still to come.
    if (this.#interim) return HEAD
    const method = this.connection.answered()
    if (status === 101) this.#switchTo = PROTOCOLS[upgrade] ?? (upgrade === '' ? '' : upgrade)
    else if (method === 'CONNECT' && status < 300) this.#switchTo = ''
    if (this.#switchTo !== undefined || method === 'HEAD' || status === 204 || status === 304) return DONE
    if (chunked) return { kind: 'chunk-size' }
    if (contentLength >= 0) return contentLength === 0 ? DONE : { kind: 'length', left: contentLength }
    return { kind: 'until-close' }
  }

  protected finished(): void {}

  protected switches(): string | undefined {
    const to = this.#switchTo
    this.#switchTo = undefined
    return to
  }

  protected mayBegin(bytes: Uint8Array, start: number, end: number): boolean {
    return startsWith(bytes, start, end, 'HTTP/1.')
  }
}

/** True while `bytes` and `text` agree as far as both go. */
export function startsWith(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  const length = Math.min(text.length, end - start)
  for (let at = 0; at < length; at++) if (u8(bytes, start + at) !== text.charCodeAt(at)) return false
  return true
}

/** A method (RFC 9110 §9.1) of capital letters, digits, `-` and `_`, as far as it has come. */
export function isTokenStart(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end && at - start <= LONGEST_METHOD; at++) {
    const byte = u8(bytes, at)
    if (byte === 32) return at > start
    const isToken =
      (byte >= 65 && byte <= 90) ||
      (byte >= 97 && byte <= 122) ||
      (byte >= 48 && byte <= 57) ||
      byte === 45 ||
      byte === 95
    if (!isToken) return false
  }
  return end - start <= LONGEST_METHOD
}

const HEAD: State = { kind: 'head' }
const DONE: State = { kind: 'done' }
const CR = 13
const LF = 10
export const VERSION = /^HTTP\/1\.[01]$/
const METHOD = /^[A-Za-z][A-Za-z0-9_-]*$/
/** Token of the Upgrade header → name of the dissector that reads on. */
const PROTOCOLS: Readonly<Record<string, string>> = { websocket: 'ws', h2c: 'http2' }
export const LONGEST_METHOD = 32
/** Servers refuse far less. */
const LONGEST_HEAD = 256 << 10
const LONGEST_CHUNK_LINE = 4096
const MOST_PIPELINED = 1000
