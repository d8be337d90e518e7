import { LONGEST_TIMER_MS } from './pause.ts'

/** Wakes all who wait for something to happen; who comes later waits for the next time. */
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
      const timer =
        mostMs === undefined ? undefined : setTimeout(() => wake(), Math.min(mostMs, LONGEST_TIMER_MS))
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
