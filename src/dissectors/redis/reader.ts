import type { Step } from '../../dissect/dissector.ts'
import { Walker } from './walker.ts'

/** Bytes of one message that are kept. */
export const LONGEST_MESSAGE = 256 << 10

/** What a parser answers while a value is not whole. */
export type Unfinished = Step<never>

/** Collects the bytes of one RESP value after another, each in a copy of its own. */
export class ValueReader {
  /** Bytes of the last call that belong to the value it returned. */
  taken = 0
  readonly #walker: Walker
  #kept: Uint8Array = NOTHING
  #length = 0
  /** Bytes of a long string to be skipped next. */
  #skip = 0

  constructor(onlyStrings: boolean) {
    this.#walker = new Walker(onlyStrings)
  }

  /** No value is begun. */
  get isBetween(): boolean {
    return this.#length === 0
  }

  /**
   * The next value as it was on the wire, save that of each string the first `LONGEST_VALUE` bytes remain, and of the
   * whole the first `LONGEST_MESSAGE`; or what to do while it is not there.
   */
  read(bytes: Uint8Array, start: number, end: number): Uint8Array | Unfinished {
    if (this.#skip > 0) return this.#skipRest()
    const walker = this.#walker
    if (this.#length > 0 && walker.isBetween) return this.#finish(bytes, start, start)

    switch (walker.walk(bytes, start, end)) {
      case 'whole':
        return this.#finish(bytes, start, walker.at)
      case 'long':
        this.#skip = walker.rest
        return this.#keepPart(bytes, start, walker.at)
      case 'more':
        if (walker.at > start) return this.#keepPart(bytes, start, walker.at)
        return { kind: 'incomplete', need: walker.need }
      case 'invalid':
        return { kind: 'invalid', reason: walker.reason }
    }
  }

  #skipRest(): Unfinished {
    const length = this.#skip
    this.#skip = 0
    return { kind: 'skip', length }
  }

  #keepPart(bytes: Uint8Array, start: number, end: number): Unfinished {
    this.#keep(bytes, start, end)
    return { kind: 'partial', length: end - start }
  }

  #finish(bytes: Uint8Array, start: number, end: number): Uint8Array {
    this.taken = end - start
    if (this.#length === 0) return copy(bytes, start, Math.min(end, start + LONGEST_MESSAGE))
    this.#keep(bytes, start, end)
    const value = this.#kept.slice(0, this.#length)
    this.#kept = NOTHING
    this.#length = 0
    return value
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const length = Math.min(end - start, LONGEST_MESSAGE - this.#length)
    const longer = this.#length + length
    if (longer > this.#kept.length) {
      const larger = new Uint8Array(Math.max(SMALLEST_BUFFER, 2 * longer))
      larger.set(this.#kept.subarray(0, this.#length))
      this.#kept = larger
    }
    this.#kept.set(bytes.subarray(start, start + length), this.#length)
    this.#length = longer
  }
}

/** `slice` would give a view where `bytes` is a Node Buffer; and short runs are copied faster by hand. */
function copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copied = new Uint8Array(end - start)
  if (end - start > 64) copied.set(bytes.subarray(start, end))
  else for (let at = start; at < end; at++) copied[at - start] = bytes[at] as number
  return copied
}

const NOTHING = new Uint8Array(0)
const SMALLEST_BUFFER = 512
