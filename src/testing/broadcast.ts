/** What is sent comes to everybody who listens at the time, each at its own pace. */
export class Broadcast<T> {
  readonly #listeners = new Set<Listener<T>>()

  get listeners(): number {
    return this.#listeners.size
  }

  send(value: T): void {
    for (const listener of this.#listeners) listener.push(value)
  }

  /** Listens from now on, not only from when the first value is asked for; ends with the signal. */
  listen(signal: AbortSignal): AsyncIterable<T> {
    const listener = new Listener<T>()
    this.#listeners.add(listener)
    const end = () => {
      this.#listeners.delete(listener)
      listener.end()
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    return listener.values()
  }
}

class Listener<T> {
  readonly #waiting: T[] = []
  #isOver = false
  #wake: () => void = () => {}

  push(value: T): void {
    this.#waiting.push(value)
    this.#wake()
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  async *values(): AsyncIterable<T> {
    while (!this.#isOver) {
      const value = this.#waiting.shift()
      if (value !== undefined) yield value
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }
}
