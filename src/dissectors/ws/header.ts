import { u8, u16, u32 } from '../../bytes/read.ts'
import type { Side } from '../../dissect/dissector.ts'

/** RFC 6455 §11.8 */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const
/** By number; what is not named is reserved. */
export const OPCODE_NAMES: readonly (string | undefined)[] = [
  'continuation',
  'text',
  'binary',
  ...new Array<undefined>(5),
  'close',
  'ping',
  'pong',
]
/** Longest payload of a control frame (RFC 6455 §5.5). */
export const LONGEST_CONTROL = 125

/** Reads what is in front of a payload (RFC 6455 §5.2). The fields tell of the header that was read last. */
export class HeaderReader {
  /** Bytes of the header, as far as that is known: it takes two to tell. */
  size = SHORTEST
  opcode = 0
  fin = false
  /** Its payload is compressed, or the first part of what is (RFC 7692 §6). */
  rsv1 = false
  masked = false
  /** What the payload was masked with, its first byte on top. */
  key = 0
  /** Bytes of the payload; more than can be counted is NaN. */
  length = 0
  /** Bits without a meaning, unless an extension gave them one. */
  #reserved = 0
  /** The length was not told in the shortest way. */
  #isLong = false

  /** False: there are fewer than `size` bytes. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.size = SHORTEST
    if (end - start < SHORTEST) return false
    const first = u8(bytes, start)
    const second = u8(bytes, start + 1)
    const short = second & 0x7f
    this.masked = second >= 0x80
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0
    this.size = SHORTEST + lengthBytes + (this.masked ? 4 : 0)
    if (end - start < this.size) return false
    this.opcode = first & 0x0f
    this.fin = first >= 0x80
    this.rsv1 = (first & 0x40) !== 0
    this.#reserved = first & 0x30
    const at = start + SHORTEST
    this.length = lengthBytes === 0 ? short : lengthBytes === 2 ? u16(bytes, at) : length64(bytes, at)
    this.#isLong = this.length < (lengthBytes === 2 ? 126 : lengthBytes === 8 ? 1 << 16 : 0)
    this.key = this.masked ? u32(bytes, at + lengthBytes) : 0
    return true
  }

  get isControl(): boolean {
    return this.opcode >= OPCODE.close
  }

  /** What no endpoint may send; undefined when all is well. `hasExtensions`: some may have given the reserved bits a meaning. */
  wrong(hasExtensions: boolean): string | undefined {
    if (OPCODE_NAMES[this.opcode] === undefined) return 'an opcode that is reserved'
    if (this.#reserved !== 0 && !hasExtensions) return 'bits that are reserved'
    if (this.rsv1 && this.isControl && !hasExtensions) return 'a control frame that is compressed'
    if (this.isControl && !(this.fin && this.length <= LONGEST_CONTROL))
      return 'a control frame that is too long or in pieces'
    return Number.isNaN(this.length) ? 'a length that cannot be' : undefined
  }

  /** Whether frames of `side` begin like this, where that is to be found out. Endpoints get by with less. */
  isPlausible(side: Side): boolean {
    if (this.wrong(false) !== undefined || this.#isLong || this.masked !== (side === 'client')) return false
    return this.length <= LONGEST_PLAUSIBLE && (this.fin || this.length > 0)
  }
}

function length64(bytes: Uint8Array, at: number): number {
  const length = u32(bytes, at) * 2 ** 32 + u32(bytes, at + 4)
  return length <= Number.MAX_SAFE_INTEGER ? length : Number.NaN
}

const SHORTEST = 2
/** A single frame of a gigabyte is far more likely to be something else. */
const LONGEST_PLAUSIBLE = 1 << 30
