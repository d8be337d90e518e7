import { ipv6Text } from '../packet/address.ts'

/**
 * An address as entries have it: dotted decimal where it is IPv4, also where it is written as IPv6 (RFC 4291 §2.5.5.2), else
 * RFC 5952. Undefined for what is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const bytes = bytesOfAddress(text)
  if (bytes === undefined) return undefined
  if (bytes.length === 4) return bytes.join('.')
  const words = [0, 4, 8, 12].map((at) => wordAt(bytes, at)) as [number, number, number, number]
  return ipv6Text(...words)
}

/** Ranges of addresses: CIDRs of IPv4 and IPv6. */
export class Networks {
  readonly #ranges: { readonly bytes: readonly number[]; readonly bits: number }[] = []

  constructor(cidrs: Iterable<string>) {
    for (const cidr of cidrs) {
      const [address = '', length = ''] = cidr.split('/')
      const bytes = bytesOfAddress(address)
      const bits = Number(length)
      if (bytes === undefined || !/^\d{1,3}$/.test(length) || bits > bytes.length * 8) continue
      this.#ranges.push({ bytes, bits })
    }
  }

  get size(): number {
    return this.#ranges.length
  }

  /** Whether an address is in any of them; what is no address is in none. */
  has(address: string): boolean {
    const bytes = bytesOfAddress(address)
    return bytes !== undefined && this.#ranges.some((range) => contains(range, bytes))
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
  const bytes = bytesOfAddress(address) ?? []
  return bytes.slice(0, 8).join(':')
}

function contains(
  { bytes: network, bits }: { readonly bytes: readonly number[]; readonly bits: number },
  bytes: readonly number[],
): boolean {
  if (bytes.length !== network.length) return false
  const whole = bits >> 3
  for (let at = 0; at < whole; at++) if (bytes[at] !== network[at]) return false
  const rest = bits & 7
  const mask = (0xff << (8 - rest)) & 0xff
  return rest === 0 || ((bytes[whole] ?? 0) & mask) === ((network[whole] ?? 0) & mask)
}

/** 4 or 16; of mapped IPv4 the 4. */
function bytesOfAddress(text: string): readonly number[] | undefined {
  if (!text.includes(':')) return ipv4Bytes(text)
  const bytes = ipv6Bytes(text)
  const isMapped = bytes?.slice(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 0xff)) === true
  return isMapped ? bytes?.slice(12) : bytes
}

function ipv4Bytes(text: string): readonly number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined
  return parts.map(Number)
}

function ipv6Bytes(text: string): readonly number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = [groupsOf(halves[0] ?? ''), groupsOf(halves[1] ?? '')]
  if (head === undefined || tail === undefined) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined
  return [...head, ...new Array<number>(missing).fill(0), ...tail]
}

/** Bytes of `fe80:1:2` or `ffff:10.0.0.1`. */
function groupsOf(text: string): readonly number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [at, group] of groups.entries()) {
    const dotted = at === groups.length - 1 && group.includes('.') ? ipv4Bytes(group) : undefined
    if (dotted !== undefined) bytes.push(...dotted)
    else if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined
    else bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff)
  }
  return bytes
}

function wordAt(bytes: readonly number[], at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  )
}
