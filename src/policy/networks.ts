import { ipv6Text } from '../packet/address.ts'

/** An address: its family and its bits. */
export interface Address {
  readonly family: 4 | 6
  readonly value: bigint
}

/** A network in CIDR notation: the first `bits` of its addresses are the same, and the others of `value` are 0. */
export interface Network extends Address {
  readonly bits: number
}

/** Undefined for what is none. IPv4 written as IPv6 (`::ffff:10.0.0.1`) is IPv4; a zone (`%eth0`) is left out. */
export function readAddress(text: string): Address | undefined {
  const plain = text.replace(/%.*$/, '')
  const v4 = readIpv4(plain)
  if (v4 !== undefined) return { family: 4, value: v4 }
  const value = readIpv6(plain)
  if (value === undefined) return undefined
  return value >> 32n === 0xffffn ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value }
}

/** `10.0.0.0/8`, or an address that stands for itself. Undefined for what is neither. */
export function readNetwork(text: string): Network | undefined {
  const [written = '', bitsText, ...more] = text.split('/')
  const address = readAddress(written)
  if (address === undefined || more.length > 0) return undefined
  const width = widthOf(address)
  const bits = bitsText === undefined ? width : /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : width + 1
  return bits > width ? undefined : networkOf(address, bits)
}

/** RFC 5952 for IPv6, dotted decimal for IPv4; a single address has no `/`. */
export function networkText(network: Network): string {
  const { bits } = network
  return bits === widthOf(network) ? addressText(network) : cidrText(network)
}

/** With the number of bits, always. */
export function cidrText(network: Network): string {
  return `${addressText(network)}/${network.bits}`
}

export function addressText({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')
  const words = [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn) | 0)
  const [a = 0, b = 0, c = 0, d = 0] = words
  return ipv6Text(a, b, c, d)
}

export function contains(network: Network, { family, value }: Address): boolean {
  if (family !== network.family) return false
  const shift = BigInt(widthOf(network) - network.bits)
  return value >> shift === network.value >> shift
}

/** Whether every address of `inner` is one of `outer`. */
export function covers(outer: Network, inner: Network): boolean {
  return outer.bits <= inner.bits && contains(outer, inner)
}

/** Without those that others cover, and with halves of a network made one, sorted: the same addresses. */
export function merged(networks: readonly Network[]): Network[] {
  const sorted = networks.toSorted(inOrder)
  const kept: Network[] = []
  for (const network of sorted) {
    if (kept.some((each) => covers(each, network))) continue
    let next = network
    for (let last = kept.at(-1); last !== undefined && areHalves(last, next); last = kept.at(-1)) {
      kept.pop()
      next = networkOf(last, last.bits - 1)
    }
    kept.push(next)
  }
  return kept
}

/** At most so many networks with all of these addresses, and as few others as it takes. At least one for each family. */
export function aggregated(networks: readonly Network[], most: number): Network[] {
  let all = merged(networks)
  while (all.length > most) {
    const closest = closestPair(all)
    if (closest === undefined) return all
    all = merged([...all, closest])
  }
  return all
}

/** The smallest network that has two neighbours in it. */
function closestPair(sorted: readonly Network[]): Network | undefined {
  let best: Network | undefined
  let bestSize = Number.POSITIVE_INFINITY
  sorted.forEach((each, at) => {
    const next = sorted[at + 1]
    if (next === undefined || next.family !== each.family) return
    const both = common(each, next)
    const size = widthOf(both) - both.bits
    if (size >= bestSize) return
    best = both
    bestSize = size
  })
  return best
}

function common(one: Network, other: Network): Network {
  let bits = Math.min(one.bits, other.bits)
  while (!contains(networkOf(one, bits), other)) bits--
  return networkOf(one, bits)
}

function areHalves(one: Network, other: Network): boolean {
  return (
    one.family === other.family &&
    one.bits === other.bits &&
    one.bits > 0 &&
    contains(networkOf(one, one.bits - 1), other)
  )
}

function inOrder(one: Network, other: Network): number {
  if (one.family !== other.family) return one.family - other.family
  if (one.value !== other.value) return one.value < other.value ? -1 : 1
  return one.bits - other.bits
}

function networkOf(address: Address, bits: number): Network {
  const shift = BigInt(widthOf(address) - bits)
  return { family: address.family, value: (address.value >> shift) << shift, bits }
}

function widthOf({ family }: Address): number {
  return family === 4 ? 32 : 128
}

function readIpv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}

/** RFC 4291, section 2.2. */
function readIpv6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [before, after] = halves.map(readGroups)
  if (before === undefined || (halves.length === 2 && after === undefined)) return undefined
  const rest = after ?? []
  const missing = 8 - before.length - rest.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...before, ...Array<number>(missing).fill(0), ...rest]
  return groups.reduce((sum, group) => sum * 0x1_0000n + BigInt(group), 0n)
}

function readGroups(text: string): number[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  const last = groups.at(-1) ?? ''
  const tail = last.includes('.') ? readIpv4(last) : undefined
  if (last.includes('.') && tail === undefined) return undefined
  const plain = tail === undefined ? groups : groups.slice(0, -1)
  if (!plain.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  const numbers = plain.map((group) => Number.parseInt(group, 16))
  return tail === undefined ? numbers : [...numbers, Number(tail >> 16n), Number(tail & 0xffffn)]
}
