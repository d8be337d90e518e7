/** Tells one waiter that something has happened; once, however often it happened since it was told last. */
export class Wake {
  #rung = false
  #tell: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#tell?.()
  }

  /** Until it rings, or has rung since the last time; at the longest so long, or until the signal aborts. */
  async next(signal: AbortSignal, atMostMs?: number): Promise<void> {
    if (!this.#rung && !signal.aborted) await this.#wait(signal, atMostMs)
    this.#rung = false
  }

  async #wait(signal: AbortSignal, atMostMs: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = atMostMs === undefined ? undefined : setTimeout(resolve, atMostMs)
    const stop = () => resolve()
    signal.addEventListener('abort', stop)
    this.#tell = resolve
    await promise
    this.#tell = undefined
    signal.removeEventListener('abort', stop)
    clearTimeout(timer)
  }
}

/** Resolves after so long, or as soon as the signal aborts; never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await new Wake().next(signal ?? new AbortController().signal, ms)
}
