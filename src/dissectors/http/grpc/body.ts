import { u8 } from '../../../bytes/read.ts'
import { latin1 } from '../../../bytes/text.ts'
import type { ProtoSchema } from '../../../dissect/protos.ts'
import type { BodyWatcher } from '../body.ts'
import { LONGEST_DECODED, undoneWhole } from '../content.ts'
import { formatOf } from '../content-kind.ts'
import { findField } from '../head.ts'
import { ofBearableDepth } from '../json.ts'
import { readProtobuf } from './protobuf.ts'

/** A message of a call. */
export interface GrpcMessage {
  /** Bytes on the wire, without the prefix of five. */
  readonly size: number
  readonly compressed: boolean
  /** Full name of its type; "" where no schema has it. */
  readonly type: string
  /** Null when it was not kept, or cannot be read. */
  readonly message: unknown
  readonly wireTypes: Readonly<Record<string, string>>
}

/**
 * Follows the messages of a body as it comes, whether it is kept or not: how many there are, and how long
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). In gRPC-Web the last one has the trailers.
 */
export class GrpcBody implements BodyWatcher {
  /** Messages that have begun. */
  count = 0
  /** Lines of trailers. */
  #trailers = ''
  readonly #schema: ProtoSchema | undefined
  readonly #type: string
  readonly #prefixes: Prefix[] = []
  /** Bytes of a prefix that have come, and what they say so far. */
  #prefixLength = 0
  #flags = 0
  #size = 0
  /** Bytes of the message still to come. */
  #left = 0
  #position = 0
  /** Where the first hole is: what comes behind it in the kept bytes is not where it should be. */
  #holeAt = Number.POSITIVE_INFINITY
  /** Nobody knows where messages begin. */
  #isLost = false
  #messages: readonly GrpcMessage[] | undefined

  /** `type`: full name of the messages' type; "" when nobody knows. */
  constructor(schema: ProtoSchema | undefined, type: string) {
    this.#schema = schema
    this.#type = type
  }

  seen(bytes: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end && !this.#isLost) {
      if (this.#left > 0) {
        const length = Math.min(this.#left, end - at)
        if (this.#flags === TRAILERS && this.#trailers.length < LONGEST_TRAILERS)
          this.#trailers += latin1(bytes, at, at + Math.min(length, LONGEST_TRAILERS))
        this.#left -= length
        at += length
      } else at = this.#takePrefix(bytes, at, end, this.#position + at - start)
    }
    this.#position += end - start
  }

  missed(length: number): void {
    this.#holeAt = Math.min(this.#holeAt, this.#position)
    this.#position += length
    if (length > this.#left || this.#prefixLength > 0) this.#isLost = true
    else this.#left -= length
  }

  trailer(name: string): string {
    return findField(this.#trailers, 0, this.#trailers.length, name)
  }

  /** The messages, of which, when all has come, those are read that are whole in `kept`, the beginning of the body. */
  read(kept: Uint8Array, contentType: string, encoding: string): readonly GrpcMessage[] {
    this.#messages ??= this.#readAll(kept, contentType, encoding)
    return this.#messages
  }

  #readAll(kept: Uint8Array, contentType: string, encoding: string): GrpcMessage[] {
    const sound = Math.min(kept.length, this.#holeAt)
    const format = formatOf(contentType)
    let budget = LONGEST_DECODED
    let coding = encoding
    return this.#prefixes.map(({ at, size, compressed }) => {
      const unread = { size, compressed, type: this.#type, message: null, wireTypes: {} }
      if (at + size > sound || budget <= 0) return unread
      const sent = kept.subarray(at, at + size)
      const bytes = compressed ? decompressed(sent, coding, budget) : sent
      // What a failure has cost nobody knows: no other message is tried.
      if (bytes === undefined) coding = NOT_KNOWN
      else budget -= bytes.length
      return { ...unread, ...(bytes && this.#decode(bytes, format)) }
    })
  }

  #decode(bytes: Uint8Array, format: string): Pick<GrpcMessage, 'message' | 'wireTypes'> | undefined {
    if (format === 'proto') return readProtobuf(bytes, this.#schema, this.#type)
    return format === 'json' ? readJson(bytes) : undefined
  }

  #takePrefix(bytes: Uint8Array, at: number, end: number, position: number): number {
    let next = at
    while (next < end && this.#prefixLength < PREFIX) {
      const byte = u8(bytes, next++)
      if (this.#prefixLength++ === 0) this.#flags = byte
      else this.#size = this.#size * 256 + byte
    }
    if (this.#prefixLength === PREFIX) this.#open(position + next - at)
    return next
  }

  /** A prefix has come; what it is of begins at `position`. */
  #open(position: number): void {
    const size = this.#size
    this.#prefixLength = 0
    this.#size = 0
    this.#left = size
    this.#isLost = this.#flags > 1 && this.#flags !== TRAILERS
    if (this.#flags <= 1) this.#begin({ at: position, size, compressed: this.#flags === 1 })
  }

  #begin(prefix: Prefix): void {
    this.count++
    if (this.#prefixes.length < MOST_MESSAGES) this.#prefixes.push(prefix)
  }
}

interface Prefix {
  /** Where in the body the message is, after its prefix. */
  readonly at: number
  readonly size: number
  readonly compressed: boolean
}

function readJson(bytes: Uint8Array): Pick<GrpcMessage, 'message' | 'wireTypes'> | undefined {
  try {
    return { message: ofBearableDepth(JSON.parse(new TextDecoder().decode(bytes))), wireTypes: {} }
  } catch {
    // It is not JSON, whatever the header says.
    return undefined
  }
}

/** Undefined when the coding is not known, as where the head was not captured, or the bytes are not of it, or become more than `most`. */
function decompressed(bytes: Uint8Array, encoding: string, most: number): Uint8Array | undefined {
  if (encoding === 'identity' || bytes.length === 0) return bytes
  const undone = undoneWhole(bytes, encoding, most)
  return undone === bytes ? undefined : undone
}

/** A flag that says whether the message is compressed, and its length. */
const PREFIX = 5
/** Flags of the trailers of gRPC-Web. */
const TRAILERS = 0x80
/** Further ones are counted, but not listed. */
const MOST_MESSAGES = 1000
const NOT_KNOWN = ''
const LONGEST_TRAILERS = 16 << 10
