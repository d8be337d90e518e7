import { u8, u16, u24 } from '../../bytes/read.ts'
import type { Parser, Step } from '../../dissect/dissector.ts'
import { LONGEST_HELLO, SHORTEST_HELLO } from './hello.ts'

/** Makes messages of what one side says in the open. */
export interface Opening<Message> {
  /** Undefined when the body of a hello is not one. */
  hello(body: Uint8Array): Message | undefined
  /** With the id that keeps it out of the pairing where it is no reply. */
  alert(level: number, description: number): { readonly message: Message; readonly id: string | undefined }
}

/**
 * Reads the record layer of one side (RFC 8446 §5.1) for hellos and for alerts in the open. All other records pass by
 * unread, whether they are encrypted or not: a second hello, after a HelloRetryRequest, is found by its looks.
 */
export class RecordParser<Message> implements Parser<Message> {
  readonly #helloType: number
  readonly #opening: Opening<Message>
  /** A hello that goes on in the next bytes, or in the next record. */
  #hello: HelloBuffer | undefined
  /** Bytes of the record at hand that belong to it. */
  #left = 0
  /** Bytes behind the hello in its record. */
  #skip = 0

  /** `helloType` is the handshake type of this side's hellos. */
  constructor(helloType: number, opening: Opening<Message>) {
    this.#helloType = helloType
    this.#opening = opening
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Message> {
    if (this.#skip > 0) return this.#skipRest()
    if (this.#left > 0) return this.#collect(bytes, start, start, end)
    if (end - start < HEADER) return { kind: 'incomplete', need: HEADER }
    const length = u16(bytes, start + 3)
    if (!isRecordHeader(bytes, start)) return { kind: 'invalid', reason: 'not a TLS record' }
    switch (u8(bytes, start)) {
      case HANDSHAKE:
        return this.#handshake(bytes, start, end, length)
      case ALERT:
        return this.#alert(bytes, start, end, length)
      default:
        return this.#pass(length)
    }
  }

  #handshake(bytes: Uint8Array, start: number, end: number, length: number): Step<Message> {
    const need = HEADER + Math.min(length, LOOKS)
    if (end - start < need) return { kind: 'incomplete', need }
    if (this.#hello === undefined) {
      if (!looksLikeHello(bytes, start + HEADER, start + need, this.#helloType)) return this.#pass(length)
      this.#hello = new HelloBuffer()
    }
    this.#left = length
    return this.#collect(bytes, start, start + HEADER, end)
  }

  /** Takes what is here of the hello; `at` lies behind the record's header, `start` before it. */
  #collect(bytes: Uint8Array, start: number, at: number, end: number): Step<Message> {
    const hello = this.#hello as HelloBuffer
    if (at === end) return { kind: 'incomplete', need: at - start + 1 }
    const taken = hello.add(bytes, at, Math.min(end, at + this.#left))
    const length = at + taken - start
    this.#left -= taken
    if (hello.length > LONGEST_HELLO) return { kind: 'invalid', reason: 'hello too long' }
    if (!hello.isWhole) return { kind: 'partial', length }
    this.#skip = this.#left
    this.#left = 0
    this.#hello = undefined
    const message = this.#opening.hello(hello.body)
    return message === undefined
      ? { kind: 'invalid', reason: 'malformed hello' }
      : { kind: 'message', message, length }
  }

  /** In the open an alert is two bytes long, encrypted it is longer. */
  #alert(bytes: Uint8Array, start: number, end: number, length: number): Step<Message> {
    if (length !== ALERT_LENGTH) return this.#pass(length)
    const need = HEADER + ALERT_LENGTH
    if (end - start < need) return { kind: 'incomplete', need }
    const level = u8(bytes, start + HEADER)
    if (level !== WARNING && level !== FATAL) return this.#pass(length)
    this.#hello = undefined
    const { message, id } = this.#opening.alert(level, u8(bytes, start + HEADER + 1))
    if (id === undefined) return { kind: 'message', message, length: need }
    return { kind: 'message', message, length: need, id }
  }

  #pass(length: number): Step<Message> {
    // RFC 8446 §5.1: nothing may come between the fragments of a message.
    this.#hello = undefined
    return { kind: 'skip', length: HEADER + length }
  }

  #skipRest(): Step<Message> {
    const length = this.#skip
    this.#skip = 0
    return { kind: 'skip', length }
  }
}

/** `unsure` while the bytes may still become a record that begins with a hello of this type. */
export function probeHello(
  bytes: Uint8Array,
  start: number,
  end: number,
  type: number,
): 'match' | 'reject' | 'unsure' {
  if (u8(bytes, start) !== HANDSHAKE) return 'reject'
  if (start + 1 < end && u8(bytes, start + 1) !== MAJOR) return 'reject'
  if (end - start < HEADER) return 'unsure'
  const length = u16(bytes, start + 3)
  if (!isRecordHeader(bytes, start) || length > LONGEST_PLAINTEXT) return 'reject'
  const looks = Math.min(end, start + HEADER + Math.min(length, LOOKS))
  if (!looksLikeHello(bytes, start + HEADER, looks, type)) return 'reject'
  return looks - start < HEADER + Math.min(length, LOOKS) ? 'unsure' : 'match'
}

/** A handshake message, in one piece once it is whole. */
class HelloBuffer {
  #bytes = new Uint8Array(512)
  #has = 0

  /** Of the whole message, as far as it is known. RFC 8446 §4: type, and 24 bits of length. */
  get length(): number {
    return this.#has < HANDSHAKE_HEADER ? HANDSHAKE_HEADER : HANDSHAKE_HEADER + u24(this.#bytes, 1)
  }
  get isWhole(): boolean {
    return this.#has >= HANDSHAKE_HEADER && this.#has === this.length
  }
  get body(): Uint8Array {
    return this.#bytes.subarray(HANDSHAKE_HEADER, this.#has)
  }

  /** Takes what belongs to the message; returns how many bytes that is. */
  add(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && !this.isWhole && this.length <= LONGEST_HELLO) {
      const piece = bytes.subarray(at, Math.min(end, at + this.length - this.#has))
      this.#append(piece)
      at += piece.length
    }
    return at - start
  }

  #append(piece: Uint8Array): void {
    const has = this.#has + piece.length
    if (has > this.#bytes.length) {
      const larger = new Uint8Array(2 * has)
      larger.set(this.#bytes.subarray(0, this.#has))
      this.#bytes = larger
    }
    this.#bytes.set(piece, this.#has)
    this.#has = has
  }
}

/**
 * As far as the bytes go: a handshake message of this type, of a length that hellos have, with a version of SSL 3 or
 * TLS. One encrypted record in 2^24 looks so, too.
 */
function looksLikeHello(bytes: Uint8Array, start: number, end: number, type: number): boolean {
  const here = end - start
  if (here > 0 && u8(bytes, start) !== type) return false
  if (here > 1 && u8(bytes, start + 1) !== 0) return false
  if (here > 3 && u24(bytes, start + 1) < SHORTEST_HELLO) return false
  return here <= HANDSHAKE_HEADER || u8(bytes, start + HANDSHAKE_HEADER) === MAJOR
}

/** The first five bytes are a record's header: a type, a version from SSL 3.0 on, a length that is allowed. */
function isRecordHeader(bytes: Uint8Array, start: number): boolean {
  const type = u8(bytes, start)
  const length = u16(bytes, start + 3)
  if (type < FIRST_TYPE || type > LAST_TYPE) return false
  if (u8(bytes, start + 1) !== MAJOR || u8(bytes, start + 2) > NEWEST_MINOR) return false
  return length <= LONGEST_RECORD && (length > 0 || type === APPLICATION_DATA)
}

const HEADER = 5
const HANDSHAKE_HEADER = 4
/** Bytes of a handshake message that show whether it is a hello: its header, and the first of its version. */
const LOOKS = 5
const ALERT_LENGTH = 2
const WARNING = 1
const FATAL = 2

/** Types of records: change_cipher_spec, alert, handshake, application_data, heartbeat. */
const FIRST_TYPE = 20
const ALERT = 21
const HANDSHAKE = 22
const APPLICATION_DATA = 23
const LAST_TYPE = 24

const MAJOR = 3
const NEWEST_MINOR = 4
const LONGEST_PLAINTEXT = 1 << 14
/** Encrypted. RFC 5246 §6.2.3; less in TLS 1.3. */
const LONGEST_RECORD = (1 << 14) + 2048
