import { copyOf, u8, u24, u32 } from '../../bytes/read.ts'
import type { Parser, Parsers, Step } from '../../dissect/dissector.ts'
import { DiameterMessage, HEADER } from './message.ts'
import { asks } from './probe.ts'

/** Over TCP messages follow one another, and either end may ask. */
export function openStream(): Parsers<DiameterMessage, DiameterMessage> {
  return { client: new StreamParser('c', 's'), server: new StreamParser('s', 'c') }
}

/** Over SCTP each is a message of its own. RFC 6733 §2.1 */
export function openDatagrams(): Parsers<DiameterMessage, DiameterMessage> {
  return { client: datagram, server: datagram }
}

class StreamParser implements Parser<DiameterMessage> {
  /** The ids of both ends are told apart: they may be the same. */
  readonly #own: string
  readonly #other: string
  /** A message that is longer than is kept, and what of it is still to come. */
  #long: { readonly bytes: Uint8Array; left: number } | undefined

  constructor(own: string, other: string) {
    this.#own = own
    this.#other = other
  }

  get held(): number {
    return this.#long?.bytes.length ?? 0
  }

  next(bytes: Uint8Array, start: number, end: number): Step<DiameterMessage> {
    if (this.#long !== undefined) return this.#goOn(this.#long)
    if (end - start < HEADER) return { kind: 'incomplete', need: HEADER }
    const length = u24(bytes, start + 1)
    if (u8(bytes, start) !== VERSION || length < HEADER)
      return { kind: 'invalid', reason: 'no header where one must be' }
    const kept = Math.min(length, LONGEST_KEPT)
    if (end - start < kept) return { kind: 'incomplete', need: kept }
    const copy = copyOf(bytes, start, start + kept)
    if (kept === length) return this.#message(copy, length)
    this.#long = { bytes: copy, left: length - kept }
    return { kind: 'partial', length: kept }
  }

  rejoin(): void {
    this.#long = undefined
  }

  end(): undefined {
    this.#long = undefined
  }

  #goOn(long: { readonly bytes: Uint8Array; left: number }): Step<DiameterMessage> {
    if (long.left > 0) {
      const length = long.left
      long.left = 0
      return { kind: 'skip', length }
    }
    this.#long = undefined
    return this.#message(long.bytes, 0)
  }

  #message(bytes: Uint8Array, length: number): Step<DiameterMessage> {
    const role = asks(bytes, 0) ? 'request' : 'response'
    const id = `${role === 'request' ? this.#own : this.#other}${u32(bytes, 12)}`
    return { kind: 'message', message: new DiameterMessage(bytes), length, id, role }
  }
}

const datagram: Parser<DiameterMessage> = {
  next(bytes, start, end) {
    if (end - start < HEADER || u8(bytes, start) !== VERSION || u24(bytes, start + 1) < HEADER)
      return { kind: 'invalid', reason: 'no header where one must be' }
    const copy = copyOf(bytes, start, Math.min(end, start + u24(bytes, start + 1), start + LONGEST_KEPT))
    return {
      kind: 'message',
      message: new DiameterMessage(copy),
      length: end - start,
      id: u32(copy, 12),
      role: asks(copy, 0) ? 'request' : 'response',
    }
  },
}

const VERSION = 1
/** Bytes of a message that are kept; those of real ones are far fewer. */
const LONGEST_KEPT = 256 << 10
