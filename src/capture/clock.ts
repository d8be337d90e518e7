/** What pcapng's `if_tsresol` means when it is absent: microseconds. */
export const MICROSECONDS = 6

/**
 * Turns the 64-bit timestamps of one pcapng interface into seconds and nanoseconds, exactly: nanoseconds since the
 * epoch do not fit into a double (seconds do, for the next 285 million years). What is finer than a nanosecond is cut off.
 */
export class Clock {
  /** The time last read. */
  seconds = 0
  nanos = 0

  readonly #unitsPerSecond: bigint
  readonly #offset: bigint
  /** `#unitsPerSecond` once more, and the length of a unit; 0 when that is not a whole number. */
  readonly #units: number
  readonly #nanosPerUnit: number
  /** The upper half of the last timestamp, and what it alone amounts to: it changes every few seconds at most. */
  #upper = -1
  #upperSeconds = 0
  #upperUnits = 0

  /** `resolution` is an `if_tsresol`: a negative power of 10, or of 2 with the upper bit set. `offset` in seconds. */
  constructor(resolution: number, offset: bigint) {
    const exponent = BigInt(resolution & 0x7f)
    this.#unitsPerSecond = (resolution & 0x80) === 0 ? 10n ** exponent : 2n ** exponent
    this.#offset = offset
    const nanosPerUnit = 1e9 / Number(this.#unitsPerSecond)
    this.#nanosPerUnit = Number.isInteger(nanosPerUnit) ? nanosPerUnit : 0
    this.#units = Number(this.#unitsPerSecond)
  }

  read(upper: number, lower: number): void {
    if (this.#nanosPerUnit === 0) this.#readSlowly(upper, lower)
    else {
      if (upper !== this.#upper) this.#readUpper(upper)
      // Below 10^9 + 2^32: exact.
      const units = this.#upperUnits + lower
      const seconds = Math.floor(units / this.#units)
      this.seconds = this.#upperSeconds + seconds
      this.nanos = (units - seconds * this.#units) * this.#nanosPerUnit
    }
  }

  #readUpper(upper: number): void {
    const units = BigInt(upper) << 32n
    this.#upper = upper
    this.#upperSeconds = Number(units / this.#unitsPerSecond + this.#offset)
    this.#upperUnits = Number(units % this.#unitsPerSecond)
  }

  #readSlowly(upper: number, lower: number): void {
    const units = (BigInt(upper) << 32n) | BigInt(lower)
    this.seconds = Number(units / this.#unitsPerSecond + this.#offset)
    this.nanos = Number(((units % this.#unitsPerSecond) * 1_000_000_000n) / this.#unitsPerSecond)
  }
}
