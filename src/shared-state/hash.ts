/**
 * MurmurHash3, the variant for 32-bit machines with 128 bits (x86_128), of which the first 64 are kept. By hand: it needs
 * nothing but `Math.imul`, is called for each value that is counted, and what npm has is old, or WebAssembly, or makes a
 * `BigInt` of each hash. Held to the verification value of SMHasher by a test.
 */
export class Hash64 {
  /** The halves of the last hash. */
  high = 0
  low = 0
  #scratch = new Uint8Array(1024)
  readonly #encoder = new TextEncoder()

  /** Of the UTF-8 of a text. */
  text(text: string): void {
    if (text.length * 3 > this.#scratch.length) this.#scratch = new Uint8Array(text.length * 3)
    const length = this.#ascii(text)
    this.bytes(this.#scratch, length < 0 ? this.#encoder.encodeInto(text, this.#scratch).written : length, 0)
  }

  /** Writes a text that has nothing but ASCII, which is quicker than any encoder; −1 when it has more. */
  #ascii(text: string): number {
    const scratch = this.#scratch
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) return -1
      scratch[at] = code
    }
    return text.length
  }

  /** Of the first `length` bytes. */
  bytes(bytes: Uint8Array, length: number, seed: number): void {
    murmur128(bytes, length, seed, this.#words)
    this.high = this.#words[0] as number
    this.low = this.#words[1] as number
  }
  readonly #words = new Uint32Array(4)
}

/** Writes all four words. https://github.com/aappleby/smhasher, MurmurHash3.cpp */
export function murmur128(bytes: Uint8Array, length: number, seed: number, words: Uint32Array): void {
  let h1 = seed
  let h2 = seed
  let h3 = seed
  let h4 = seed
  const blocks = length & ~15
  for (let at = 0; at < blocks; at += 16) {
    h1 = (Math.imul(rotl(h1 ^ mixed(word(bytes, at), C1, 15, C2), 19) + h2, 5) + 0x561ccd1b) | 0
    h2 = (Math.imul(rotl(h2 ^ mixed(word(bytes, at + 4), C2, 16, C3), 17) + h3, 5) + 0x0bcaa747) | 0
    h3 = (Math.imul(rotl(h3 ^ mixed(word(bytes, at + 8), C3, 17, C4), 15) + h4, 5) + 0x96cd1c35) | 0
    h4 = (Math.imul(rotl(h4 ^ mixed(word(bytes, at + 12), C4, 18, C1), 13) + h1, 5) + 0x32ac3b17) | 0
  }
  const rest = length - blocks
  if (rest > 12) h4 ^= mixed(tail(bytes, blocks + 12, length), C4, 18, C1)
  if (rest > 8) h3 ^= mixed(tail(bytes, blocks + 8, length), C3, 17, C4)
  if (rest > 4) h2 ^= mixed(tail(bytes, blocks + 4, length), C2, 16, C3)
  if (rest > 0) h1 ^= mixed(tail(bytes, blocks, length), C1, 15, C2)

  h1 ^= length
  h2 ^= length
  h3 ^= length
  h4 ^= length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = avalanche(h1)
  h2 = avalanche(h2)
  h3 = avalanche(h3)
  h4 = avalanche(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  words[0] = h1
  words[1] = h2 + h1
  words[2] = h3 + h1
  words[3] = h4 + h1
}

function mixed(block: number, before: number, bits: number, after: number): number {
  return Math.imul(rotl(Math.imul(block, before), bits), after)
}

function rotl(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

/** The bytes that are left of a word. */
function tail(bytes: Uint8Array, from: number, to: number): number {
  let value = 0
  for (let at = Math.min(to, from + 4) - 1; at >= from; at--) value = (value << 8) | (bytes[at] as number)
  return value
}

function avalanche(hash: number): number {
  let value = hash
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93
