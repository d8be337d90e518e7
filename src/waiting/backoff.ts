/** Times between attempts: twice as long each time up to a limit, and never the same for two that began together. */
export class Backoff {
  readonly #leastMs: number
  readonly #mostMs: number
  #attempts = 0

  constructor(leastMs: number, mostMs: number) {
    this.#leastMs = leastMs
    this.#mostMs = mostMs
  }

  /** Between half of it and all of it. */
  next(): number {
    const whole = Math.min(this.#leastMs * 2 ** this.#attempts, this.#mostMs)
    this.#attempts = Math.min(this.#attempts + 1, 30)
    return whole * (0.5 + Math.random() / 2)
  }

  reset(): void {
    this.#attempts = 0
  }
}
