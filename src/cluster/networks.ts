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

/** Ranges of addresses: CIDRs of IPv4 and IPv6. */
export class Networks {
  readonly #ranges: { readonly words: Words; readonly bits: number }[] = []

  constructor(cidrs: Iterable<string>) {
    for (const cidr of cidrs) {
      const [address = '', length = ''] = cidr.split('/')
      const words = wordsOf(address)
      const bits = Number(length)
      if (words === undefined || !/^\d{1,3}$/.test(length) || bits > words.length * 32) continue
      this.#ranges.push({ words, bits })
    }
  }

  get size(): number {
    return this.#ranges.length
  }

  /** Whether an address is in any of them; what is no address is in none. */
  has(address: string): boolean {
    const words = wordsOf(address)
    return words !== undefined && this.#ranges.some((range) => contains(range, words))
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

function contains(
  { words: network, bits }: { readonly words: Words; readonly bits: number },
  words: Words,
): boolean {
  if (words.length !== network.length) return false
  return words.every((word, at) => {
    const left = Math.min(Math.max(bits - at * 32, 0), 32)
    // A shift by 32 is one by 0.
    return left === 0 || (word ^ (network[at] ?? 0)) >>> (32 - left) === 0
  })
}
