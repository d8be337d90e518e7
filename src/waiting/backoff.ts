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
    return waitAfter(this.#attempts++, this.#leastMs, this.#mostMs)
  }

  reset(): void {
    this.#attempts = 0
  }
}

/** The same for who counts the attempts that came before: none at first. */
export function waitAfter(attempts: number, leastMs: number, mostMs: number): number {
  const whole = Math.min(leastMs * 2 ** Math.min(attempts, 30), mostMs)
  return whole * (0.5 + Math.random() / 2)
}
