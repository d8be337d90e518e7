import { Hash64 } from './hash.ts'
import { isPairs, isRecord, type Shared } from './value.ts'

/**
 * How many different values there were: HyperLogLog with 2^14 registers and a 64-bit hash, so that the standard error is
 * 1.04 / 128 = 0.8 %. Few values take few registers, which are kept one by one. By hand: what npm has is old, or counts with
 * 32 bits, whose collisions show from some millions on.
 */
export class Unique implements Shared {
  readonly kind = 'unique'
  #few: Map<number, number> | undefined = new Map()
  #registers = NO_REGISTERS

  get isEmpty(): boolean {
    return this.#few?.size === 0
  }

  add(value: string): void {
    HASH.text(value)
    const { high, low } = HASH
    // 14 bits say which register; of the 50 after them, the place of the first that is set goes there.
    const rest = high << INDEX_BITS
    const zeros = rest !== 0 ? Math.clz32(rest) : 32 - INDEX_BITS + Math.clz32(low)
    this.#raise(high >>> (32 - INDEX_BITS), zeros + 1)
  }

  merge(part: Shared): void {
    if (!(part instanceof Unique)) return
    if (part.#few !== undefined) for (const [index, rank] of part.#few) this.#raise(index, rank)
    else for (let at = 0; at < REGISTERS; at++) this.#raise(at, part.#registers[at] as number)
  }

  #raise(index: number, rank: number): void {
    if (this.#few === undefined) {
      if (rank > (this.#registers[index] as number)) this.#registers[index] = rank
      return
    }
    if (rank === 0 || rank <= (this.#few.get(index) ?? 0)) return
    this.#few.set(index, rank)
    if (this.#few.size > MOST_FEW) this.#spread(this.#few)
  }

  #spread(few: ReadonlyMap<number, number>): void {
    this.#registers = new Uint8Array(REGISTERS)
    for (const [index, rank] of few) this.#registers[index] = rank
    this.#few = undefined
  }

  /** The estimate of Ertl (New cardinality estimation algorithms for HyperLogLog sketches, 2017, algorithm 6). */
  count(): number {
    const times = this.#histogram()
    let sum = REGISTERS * tau(1 - (times[MOST_RANK] as number) / REGISTERS)
    for (let rank = MOST_RANK - 1; rank >= 1; rank--) sum = (sum + (times[rank] as number)) / 2
    sum += REGISTERS * sigma((times[0] as number) / REGISTERS)
    return Math.round((REGISTERS * REGISTERS) / (2 * Math.LN2 * sum))
  }

  /** How many registers have each rank. */
  #histogram(): Float64Array {
    const times = new Float64Array(MOST_RANK + 1)
    const add = (rank: number) => {
      times[rank] = (times[rank] as number) + 1
    }
    if (this.#few === undefined) this.#registers.forEach(add)
    else {
      this.#few.forEach(add)
      times[0] = REGISTERS - this.#few.size
    }
    return times
  }

  toJSON(): { few: number[] } | { registers: string } {
    if (this.#few !== undefined) return { few: [...this.#few].flat() }
    return { registers: this.#registers.toBase64() }
  }

  /** Takes over what `toJSON` has made; false when it cannot be that. */
  restore(json: unknown): boolean {
    if (!isRecord(json)) return false
    const { few, registers } = json
    if (few !== undefined) return this.#restoreFew(few)
    if (typeof registers !== 'string' || registers.length > LONGEST_REGISTERS) return false
    const bytes = fromBase64(registers)
    if (bytes?.length !== REGISTERS || bytes.some((rank) => rank > MOST_RANK)) return false
    bytes.forEach((rank, index) => {
      this.#raise(index, rank)
    })
    return true
  }

  #restoreFew(few: unknown): boolean {
    if (!isPairs(few, MOST_FEW)) return false
    for (let at = 0; at < few.length; at += 2) {
      const [index = -1, rank = 0] = few.slice(at, at + 2)
      if (!isWithin(index, 0, REGISTERS - 1) || !isWithin(rank, 1, MOST_RANK)) return false
      this.#raise(index, rank)
    }
    return true
  }
}

export function readUnique(json: unknown): Unique | undefined {
  const unique = new Unique()
  return unique.restore(json) ? unique : undefined
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text)
  } catch {
    return undefined
  }
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

/** x + Σ x^(2^k) · 2^(k−1): what registers that are still 0 stand for. */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let x = share
  let weight = 1
  let sum = x
  for (let before = -1; before !== sum; ) {
    x *= x
    before = sum
    sum += x * weight
    weight += weight
  }
  return sum
}

/** What registers that are full stand for. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let x = share
  let weight = 1
  let sum = 1 - x
  for (let before = -1; before !== sum; ) {
    x = Math.sqrt(x)
    before = sum
    weight *= 0.5
    sum -= (1 - x) ** 2 * weight
  }
  return sum / 3
}

const INDEX_BITS = 14
const REGISTERS = 1 << INDEX_BITS
/** No bit of 50 is set. */
const MOST_RANK = 51
/** Beyond it a register each takes less. */
const MOST_FEW = 1024
const LONGEST_REGISTERS = 22_000
const NO_REGISTERS = new Uint8Array(0)
const HASH = new Hash64()
