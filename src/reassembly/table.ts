import type { Packet } from '../packet/packet.ts'
import type { Connection } from './connection.ts'

/**
 * Finds the connection of a packet: a hash table with open addressing over typed arrays, twice as fast as a Map with
 * text keys. Both directions of a conversation hash alike.
 */
export class ConnectionTable {
  /** Pairs of hash and index into `#connections`, side by side: most misses of the cache are saved here. */
  #slots = new Int32Array(INITIAL_SLOTS * 2).fill(EMPTY)
  #mask = INITIAL_SLOTS - 1
  #used = 0
  #connections: (Connection | undefined)[] = []
  #free: number[] = []

  get size(): number {
    return this.#connections.length - this.#free.length
  }

  find(packet: Packet, hash: number): Connection | undefined {
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const index = this.#slots[slot * 2 + 1] as number
      if (index === EMPTY) return undefined
      if (this.#slots[slot * 2] !== hash || index === REMOVED) continue
      const connection = this.#connections[index] as Connection
      if (connection.endOf(packet) >= 0) return connection
    }
  }

  /** The one with the number of `conversationNumber`. */
  numbered(number: number): Connection | undefined {
    const hash = number % HASHES
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const index = this.#slots[slot * 2 + 1] as number
      if (index === EMPTY) return undefined
      if (this.#slots[slot * 2] !== hash || index === REMOVED) continue
      const connection = this.#connections[index] as Connection
      if (conversationNumber(connection.conversation) === number) return connection
    }
  }

  add(connection: Connection): void {
    if ((this.#used + 1) * 4 > this.#slots.length) this.#rebuild()
    const index = this.#free.pop() ?? this.#connections.length
    this.#connections[index] = connection
    this.#place(connection.hash, index)
  }

  remove(connection: Connection): void {
    for (let slot = connection.hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const index = this.#slots[slot * 2 + 1] as number
      if (index === EMPTY) return
      if (index === REMOVED || this.#connections[index] !== connection) continue
      this.#slots[slot * 2 + 1] = REMOVED
      this.#connections[index] = undefined
      this.#free.push(index)
      return
    }
  }

  *[Symbol.iterator](): IterableIterator<Connection> {
    for (const connection of this.#connections) if (connection !== undefined) yield connection
  }

  /** The least recently active of a few connections taken from around `seed`: near enough to the oldest of all. */
  idlest(seed: number): Connection | undefined {
    let idlest: Connection | undefined
    const total = this.#connections.length
    for (let tries = 0; tries < SAMPLE && tries < total; tries++) {
      const candidate = this.#connections[(seed * SAMPLE + tries) % total]
      if (candidate !== undefined && (idlest === undefined || candidate.seconds < idlest.seconds))
        idlest = candidate
    }
    return idlest
  }

  #place(hash: number, index: number): void {
    let slot = hash & this.#mask
    while ((this.#slots[slot * 2 + 1] as number) >= 0) slot = (slot + 1) & this.#mask
    if (this.#slots[slot * 2 + 1] === EMPTY) this.#used++
    this.#slots[slot * 2] = hash
    this.#slots[slot * 2 + 1] = index
  }

  /** Doubles the table when it is full of live connections, and clears away what was removed. */
  #rebuild(): void {
    const before = this.#mask + 1
    const slots = this.size * 4 > before ? before * 2 : before
    this.#slots = new Int32Array(slots * 2).fill(EMPTY)
    this.#mask = slots - 1
    this.#used = 0
    for (let index = 0; index < this.#connections.length; index++) {
      const connection = this.#connections[index]
      if (connection !== undefined) this.#place(connection.hash, index)
    }
  }
}

/** Who talks to whom, as a packet has it. */
export type Conversation = Pick<
  Packet,
  | ('ipVersion' | 'protocol')
  | ('src0' | 'src1' | 'src2' | 'src3' | 'srcPort')
  | ('dst0' | 'dst1' | 'dst2' | 'dst3' | 'dstPort')
>

/** The same for both directions; mixes all address bits, so that one /16 of clients does not share a slot. */
export function conversationHash(packet: Conversation): number {
  const a = packet.src0 ^ Math.imul(packet.src1 ^ packet.src3, 0x85ebca6b) ^ packet.src2
  const b = packet.dst0 ^ Math.imul(packet.dst1 ^ packet.dst3, 0x85ebca6b) ^ packet.dst2
  let hash = mix(a, packet.srcPort) + mix(b, packet.dstPort) + packet.protocol
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) & 0x3fffffff
}

/** Another hash of the same, independent of the first; never 0. */
export function conversationHash2(packet: Conversation): number {
  const a =
    packet.src0 ^ Math.imul(packet.src1 ^ Math.imul(packet.src3, 0x9e3779b1), 0xc2b2ae35) ^ packet.src2
  const b =
    packet.dst0 ^ Math.imul(packet.dst1 ^ Math.imul(packet.dst3, 0x9e3779b1), 0xc2b2ae35) ^ packet.dst2
  const hash = mix2(a, packet.srcPort) + mix2(b, packet.dstPort) + packet.protocol
  return Math.imul(hash ^ (hash >>> 14), 0x297a2d39) | 1
}

/** A number for a conversation that hardly another one has: 30 bits of one hash, and 23 of the other. */
export function conversationNumber(packet: Conversation): number {
  return (conversationHash2(packet) >>> 9) * HASHES + conversationHash(packet)
}

/** One end of a conversation, always the same one, whichever sends. */
export function isFromLower({
  src0,
  src1,
  src2,
  src3,
  srcPort,
  dst0,
  dst1,
  dst2,
  dst3,
  dstPort,
}: Conversation): boolean {
  return (src0 - dst0 || src3 - dst3 || src1 - dst1 || src2 - dst2 || srcPort - dstPort) < 0
}

function mix2(address: number, port: number): number {
  const hash = Math.imul(address ^ Math.imul(port, 0x85ebca77), 0x165667b1)
  return Math.imul(hash ^ (hash >>> 13), 0x1b873593)
}

function mix(address: number, port: number): number {
  const hash = Math.imul(address ^ Math.imul(port, 0x9e3779b1), 0x27d4eb2f)
  return hash ^ (hash >>> 16)
}

const HASHES = 2 ** 30
const INITIAL_SLOTS = 1 << 12
const EMPTY = -1
const REMOVED = -2
const SAMPLE = 32
