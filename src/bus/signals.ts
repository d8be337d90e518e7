/** Wakes those who wait for something to happen. */
export class Bell {
  #waiting: (() => void)[] = []

  ring(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Resolves with the next ring, after so long, or when the signal aborts. */
  wait(signal: AbortSignal, mostMs?: number): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = mostMs === undefined ? undefined : setTimeout(() => wake(), Math.min(mostMs, LONGEST_MS))
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#waiting = this.#waiting.filter((each) => each !== wake)
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.#waiting.push(wake)
    })
  }
}

/** Resolves after a time, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Bell().wait(signal, ms)
}

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

/** Longest that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1
