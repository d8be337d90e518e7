import { u8, u32 } from '../../bytes/read.ts'

/** A type byte, and the length of what follows, itself included (PostgreSQL documentation, 55.7). */
export const HEADER = 5
/** Bytes of one message that are kept. */
export const LONGEST_KEPT = 64 << 10
/** As in PostgreSQL: `PQ_LARGE_MESSAGE_LIMIT`. */
const LONGEST_MESSAGE = 0x3fffffff
const SHORT = 4

/** The messages of one side: what the length of each may be, by its type. The length counts itself, as on the wire. */
export class MessageTypes {
  readonly #least = new Uint32Array(256)
  readonly #most = new Uint32Array(256)

  constructor(limits: Readonly<Record<string, readonly [least: number, most: number]>>) {
    for (const [type, [least, most]] of Object.entries(limits)) {
      this.#least[type.charCodeAt(0)] = least
      this.#most[type.charCodeAt(0)] = most
    }
  }

  /** The length that stands at `at`; 0 when no message of these begins there. */
  lengthAt(bytes: Uint8Array, at: number): number {
    const type = u8(bytes, at)
    const length = u32(bytes, at + 1)
    return length >= (this.#least[type] as number) && length <= (this.#most[type] as number) ? length : 0
  }

  has(type: number): boolean {
    return this.#most[type] !== 0
  }
}

export const FRONTEND = new MessageTypes({
  B: [12, LONGEST_MESSAGE],
  C: [6, LONGEST_KEPT],
  c: [SHORT, SHORT],
  D: [6, LONGEST_KEPT],
  d: [4, LONGEST_MESSAGE],
  E: [9, LONGEST_KEPT],
  F: [14, LONGEST_MESSAGE],
  f: [5, LONGEST_MESSAGE],
  H: [SHORT, SHORT],
  P: [8, LONGEST_MESSAGE],
  p: [4, 1 << 17],
  Q: [5, LONGEST_MESSAGE],
  S: [SHORT, SHORT],
  X: [SHORT, SHORT],
})

export const BACKEND = new MessageTypes({
  '1': [SHORT, SHORT],
  '2': [SHORT, SHORT],
  '3': [SHORT, SHORT],
  A: [10, LONGEST_KEPT],
  C: [5, LONGEST_KEPT],
  c: [SHORT, SHORT],
  D: [6, LONGEST_MESSAGE],
  d: [4, LONGEST_MESSAGE],
  E: [5, LONGEST_MESSAGE],
  G: [7, LONGEST_KEPT],
  H: [7, LONGEST_KEPT],
  I: [SHORT, SHORT],
  K: [8, 268],
  N: [5, LONGEST_MESSAGE],
  n: [SHORT, SHORT],
  R: [8, LONGEST_KEPT],
  S: [6, LONGEST_KEPT],
  s: [SHORT, SHORT],
  T: [6, LONGEST_MESSAGE],
  t: [6, 262_146],
  V: [8, LONGEST_MESSAGE],
  v: [12, LONGEST_KEPT],
  W: [7, LONGEST_KEPT],
  Z: [5, 5],
})
