import type { HelperHost } from '../helpers/helper.ts'

export interface DeliveryWarningsOptions {
  readonly tell: (agent: HelperHost['agent'], text: string) => void
  /** ms; only differences matter. */
  readonly now: () => number
}

/**
 * What helpers warn of while queued calls are sent, for the console of their agent. Thousands may be sent in a second: of each agent
 * the same is told once a minute, and some others beside it; the next time it is said how many more there were.
 */
export class DeliveryWarnings {
  readonly #options: DeliveryWarningsOptions
  readonly #minutes = new Map<string, Minute>()

  constructor(options: DeliveryWarningsOptions) {
    this.#options = options
  }

  take(agent: HelperHost['agent'], text: string): void {
    const { tell, now } = this.#options
    const key = agent.id ?? agent.title
    let minute = this.#minutes.get(key)
    if (minute === undefined || now() >= minute.endsAt) {
      const left = minute?.left ?? 0
      if (left > 0)
        tell(agent, `${left} more warnings came before, while queued calls of this agent were sent`)
      minute = this.#begin(key)
    }
    if (minute.told.has(text) || minute.told.size >= MOST_TOLD) minute.left++
    else {
      minute.told.add(text)
      tell(agent, text)
    }
  }

  #begin(key: string): Minute {
    const minute = { told: new Set<string>(), left: 0, endsAt: this.#options.now() + MINUTE_MS }
    this.#minutes.delete(key)
    this.#minutes.set(key, minute)
    const [oldest] = this.#minutes.keys()
    if (this.#minutes.size > MOST_AGENTS && oldest !== undefined) this.#minutes.delete(oldest)
    return minute
  }
}

/** Of one agent. */
interface Minute {
  readonly told: Set<string>
  /** Those that were not told. */
  left: number
  readonly endsAt: number
}

const MINUTE_MS = 60_000
const MOST_TOLD = 10
const MOST_AGENTS = 1000
