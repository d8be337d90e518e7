import { addressWords, ipv4Text, ipv6Text } from '../packet/address.ts'

/**
 * An address as entries have it: dotted decimal where it is IPv4, also where it is written as IPv6 (RFC 4291 §2.5.5.2), else
 * RFC 5952. Undefined for what is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const words = wordsOf(text)
  if (words === undefined) return undefined
  const [first, ...rest] = words
  return rest.length === 0 ? ipv4Text(first) : ipv6Text(first, rest[0] ?? 0, rest[1] ?? 0, rest[2] ?? 0)
}

/** Ranges of addresses: CIDRs of IPv4 and IPv6. However many there are, as each node has its own, few lengths are looked at. */
export class Networks {
  /** Beginnings of addresses by how many bits they have, with those of IPv6 after those of IPv4. */
  readonly #beginnings = new Map<number, Set<string>>()
  #size = 0

  constructor(cidrs: Iterable<string>) {
    for (const cidr of cidrs) {
      const [address = '', length = ''] = cidr.split('/')
      const words = wordsOf(address)
      const bits = Number(length)
      if (words === undefined || !/^\d{1,3}$/.test(length) || bits > words.length * 32) continue
      const kind = kindOf(words, bits)
      const some = this.#beginnings.get(kind) ?? new Set()
      this.#beginnings.set(kind, some.add(beginningOf(words, bits)))
      this.#size++
    }
  }

  get size(): number {
    return this.#size
  }

  /** Whether an address is in any of them; what is no address is in none. */
  has(address: string): boolean {
    const words = wordsOf(address)
    if (words === undefined) return false
    for (const [kind, beginnings] of this.#beginnings) {
      const bits = kind % IPV6
      if (kind === kindOf(words, bits) && beginnings.has(beginningOf(words, bits))) return true
    }
    return false
  }
}

/** What nobody routes on the internet: RFC 1918, RFC 6598, RFC 4193, and loopback addresses, which some tests give to pods. */
export const PRIVATE_NETWORKS: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '127.0.0.0/8',
  'fc00::/7',
]

/** The network around an address in which its neighbours are: /24 of IPv4, /64 of IPv6. Takes canonical addresses. */
export function neighbourhoodOf(address: string): string {
  if (!address.includes(':')) return address.slice(0, address.lastIndexOf('.'))
  return wordsOf(address)?.slice(0, 2).join() ?? ''
}

/** One of IPv4, four of IPv6; of IPv4 that is written as IPv6 the one. */
type Words = readonly [number, ...number[]]

function wordsOf(text: string): Words | undefined {
  const words = addressWords(text)
  if (words === undefined) return undefined
  const [first, second, third, last] = words
  if (!text.includes(':')) return [first]
  return first === 0 && second === 0 && third === 0xffff ? [last] : words
}

function kindOf(words: Words, bits: number): number {
  return words.length === 1 ? bits : IPV6 + bits
}

/** The first bits of an address, the others 0. */
function beginningOf(words: Words, bits: number): string {
  return words
    .map((word, at) => {
      const left = Math.min(Math.max(bits - at * 32, 0), 32)
      // A shift by 32 is one by 0.
      return left === 0 ? 0 : word >>> (32 - left)
    })
    .join()
}

const IPV6 = 1000
