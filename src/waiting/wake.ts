import { Bell } from './bell.ts'

/** Tells one waiter that something has happened; once, however often it happened since it was told last. */
export class Wake {
  #isRung = false
  readonly #bell = new Bell()

  ring(): void {
    this.#isRung = true
    this.#bell.ring()
  }

  /** Until it rings, or has rung since the last time; at the longest so long, or until the signal aborts. */
  async next(signal: AbortSignal, mostMs?: number): Promise<void> {
    if (!this.#isRung) await this.#bell.wait(signal, mostMs)
    this.#isRung = false
  }
}
