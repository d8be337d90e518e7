import { type EndSignal, exitCodeOf, onEndSignal } from './interrupt.ts'

/** Something that has to end before the program may: in reverse of the order in which it began. */
export interface Closer {
  readonly name: string
  readonly close: () => Promise<void> | void
}

export interface ShutdownOptions {
  /** For all together: what has not ended by then is left as it is. */
  readonly deadlineMs?: number
  readonly tell: (text: string, fields: Readonly<Record<string, unknown>>) => void
}

/**
 * Ends a program in order. At the first signal that asks for it everything that was added is closed, the last first, each whatever
 * became of the others; then the program ends with 0, or 1 when something did not close. A second signal ends it at once, as
 * the signal would have (128 + its number), and so does the deadline (1).
 */
export class Shutdown {
  readonly #options: ShutdownOptions
  readonly #closers: Closer[] = []
  readonly #ending = new AbortController()
  readonly #ignoreSignals: () => void
  #done: Promise<number> | undefined

  constructor(options: ShutdownOptions) {
    this.#options = options
    this.#ignoreSignals = onEndSignal((signal) => this.#signalled(signal))
  }

  /** Aborts when the end begins: for who waits. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** What is added later is closed earlier. */
  add(name: string, close: Closer['close']): void {
    this.#closers.push({ name, close })
  }

  /** Ends the program in order, without a signal. Answers the exit code. */
  end(why: string, code = 0): Promise<number> {
    this.#done ??= this.#end(why, code)
    return this.#done
  }

  #signalled(signal: EndSignal): void {
    if (this.#done !== undefined) {
      this.#options.tell('ends at once', { signal })
      process.exit(exitCodeOf(signal))
      return
    }
    void this.end(signal).then((code) => process.exit(code))
  }

  async #end(why: string, code: number): Promise<number> {
    const { deadlineMs = DEADLINE_MS, tell } = this.#options
    tell('ends', { why })
    this.#ending.abort()
    const tooLate = setTimeout(() => {
      tell('does not wait any longer', { open: this.#closers.map(({ name }) => name) })
      process.exit(1)
    }, deadlineMs)
    const isClosed = await this.#closeAll()
    clearTimeout(tooLate)
    this.#ignoreSignals()
    return isClosed ? code : Math.max(code, 1)
  }

  async #closeAll(): Promise<boolean> {
    let isClosed = true
    for (;;) {
      const last = this.#closers.at(-1)
      if (last === undefined) return isClosed
      try {
        await last.close()
      } catch (error) {
        isClosed = false
        this.#options.tell('does not close', { what: last.name, error })
      }
      // While it closed, others may have been added behind it.
      this.#closers.splice(this.#closers.lastIndexOf(last), 1)
    }
  }
}

/** Kubernetes waits thirty seconds. */
const DEADLINE_MS = 20_000
