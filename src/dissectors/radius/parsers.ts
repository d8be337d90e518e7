import { copyOf, u8, u16 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import type { Parser, Parsers, Step } from '../../dissect/dissector.ts'
import { isReply, isRequest } from './codes.ts'
import { HEADER, RadiusMessage } from './message.ts'
import { extentOf } from './probe.ts'

/** Over UDP a datagram is a message, and what is not answered is sent again. Its code says what it is, whoever sent it. */
export function openDatagrams(): Parsers<RadiusMessage, RadiusMessage> {
  const parser = datagrams(new Repeats())
  return { client: parser, server: parser }
}

/** Over TCP they follow one another, and either end may ask. RFC 6613, RFC 8559 */
export function openStream(): Parsers<RadiusMessage, RadiusMessage> {
  return { client: stream('c', 's'), server: stream('s', 'c') }
}

/**
 * What is the same as what came before: RFC 5080 §2.2.2. The first reply answers the first request; those that are sent
 * again stand alone.
 */
class Repeats {
  /** By identifier, of which there are 256: the authenticators of the last request and of its reply. */
  readonly #last = new Map<number, { readonly request: string; reply: string | undefined }>()

  isRequestAgain(bytes: Uint8Array, start: number): boolean {
    const identifier = u8(bytes, start + 1)
    const request = `${u8(bytes, start)}${authenticator(bytes, start)}`
    if (this.#last.get(identifier)?.request === request) return true
    this.#last.set(identifier, { request, reply: undefined })
    return false
  }

  isReplyAgain(bytes: Uint8Array, start: number): boolean {
    const last = this.#last.get(u8(bytes, start + 1))
    const reply = `${u8(bytes, start)}${authenticator(bytes, start)}`
    if (last === undefined) return false
    if (last.reply === reply) return true
    last.reply = reply
    return false
  }
}

function datagrams(repeats: Repeats): Parser<RadiusMessage> {
  return {
    next(bytes, start, end) {
      if (end - start < HEADER) return { kind: 'invalid', reason: 'shorter than a header' }
      const code = u8(bytes, start)
      const length = u16(bytes, start + 2)
      if (length < HEADER || !(isRequest(code) || isReply(code)))
        return { kind: 'invalid', reason: 'no header where one must be' }
      const role = isRequest(code) ? 'request' : 'response'
      const again = isRequest(code)
        ? repeats.isRequestAgain(bytes, start)
        : repeats.isReplyAgain(bytes, start)
      const message = read(bytes, start, Math.min(end, start + length), again)
      const id = again ? {} : { id: message.identifier }
      return { kind: 'message', message, length: end - start, role, ...id }
    },
  }
}

/** `own` and `other` tell the ids of both ends apart. */
function stream(own: string, other: string): Parser<RadiusMessage> {
  return {
    next(bytes, start, end): Step<RadiusMessage> {
      if (end - start < 4) return { kind: 'incomplete', need: 4 }
      const code = u8(bytes, start)
      const length = u16(bytes, start + 2)
      if (length < HEADER || !(isRequest(code) || isReply(code)))
        return { kind: 'invalid', reason: 'no header where one must be' }
      if (end - start < length) return { kind: 'incomplete', need: length }
      const message = read(bytes, start, start + length, false)
      const role = isRequest(code) ? 'request' : 'response'
      const id = `${role === 'request' ? own : other}${message.identifier}`
      return { kind: 'message', message, length, role, id }
    },
    rejoin() {},
  }
}

function read(bytes: Uint8Array, start: number, end: number, again: boolean): RadiusMessage {
  return new RadiusMessage(copyOf(bytes, start, end), again, extentOf(bytes, start, end) !== 'whole')
}

function authenticator(bytes: Uint8Array, start: number): string {
  return latin1(bytes, start + 4, start + HEADER)
}
