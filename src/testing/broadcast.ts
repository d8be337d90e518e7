import { Incoming } from '../waiting/incoming.ts'

/** What is sent comes to everybody who listens at the time, each at its own pace. */
export class Broadcast<T> {
  readonly #listeners = new Set<Incoming<T>>()

  get listeners(): number {
    return this.#listeners.size
  }

  send(value: T): void {
    for (const listener of this.#listeners) listener.push([value])
  }

  /** Listens from now on, not only from when the first value is asked for; ends with the signal. */
  listen(signal: AbortSignal): AsyncIterable<T> {
    const incoming = new Incoming<T>(signal)
    if (signal.aborted) return incoming
    this.#listeners.add(incoming)
    signal.addEventListener('abort', () => this.#listeners.delete(incoming), { once: true })
    return incoming
  }
}
