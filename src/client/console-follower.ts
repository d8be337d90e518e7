import type { StreamRequest } from '../wire/api.ts'
import type { ConsoleFilter, ConsoleLine } from '../wire/console.ts'
import type { Follower } from './follow.ts'
import { readMessage } from './stream.ts'

/**
 * Asks for console lines so that none is lost or repeated when the connection breaks: again from a while before what came
 * last, by the clock of the hub, and leaves out what it has seen.
 */
export class ConsoleFollower implements Follower<ConsoleLine> {
  readonly #filter: ConsoleFilter
  readonly #mostSeen: number
  /** Identities of lines, and their times, in the order in which they came. */
  readonly #seen = new Map<string, number>()
  /** Clock of the hub when something came last. */
  #heardAt: number | undefined

  constructor(filter: ConsoleFilter, mostSeen = MOST_SEEN) {
    this.#filter = filter
    this.#mostSeen = mostSeen
  }

  request(): StreamRequest {
    const { last, since, ...rest } = this.#filter
    if (this.#heardAt === undefined) return { subscribe: 'console', id: 'console', ...this.#filter }
    // What was wanted at first is here already: now everything counts that came since.
    const from = Math.max(since ?? 0, this.#heardAt - LATE_MS)
    return { subscribe: 'console', id: 'console', ...rest, since: from }
  }

  read(text: string): ConsoleLine[] {
    const { now, lines = [] } = readMessage(text)
    const fresh = lines.filter(({ id }) => !this.#seen.has(id))
    for (const { id, at } of fresh) this.#seen.set(id, at)
    if (now !== undefined) this.#heardAt = now
    if (this.#seen.size > this.#mostSeen) this.#forget()
    return fresh
  }

  /** Lines that would not be sent again; when that does not do, the oldest. */
  #forget(): void {
    const from = (this.#heardAt ?? 0) - LATE_MS
    for (const [id, at] of this.#seen) if (at < from) this.#seen.delete(id)
    for (const id of this.#seen.keys()) {
      if (this.#seen.size <= this.#mostSeen / 2) return
      this.#seen.delete(id)
    }
  }
}

/** How late a line may come: clocks of nodes differ, and a node that was cut off sends its lines afterwards. */
const LATE_MS = 60_000
const MOST_SEEN = 200_000
