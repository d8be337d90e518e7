import type { LivePart } from '../../wire/views.ts'
import type { ApiContext } from './context.ts'
import type { Session } from './session.ts'

/** Puts entries that passed into words for a client; `dropped` are those that it did not get before them. */
export type Wording = (part: LivePart, dropped: number) => readonly string[]

/**
 * Sends entries as they come. A client that does not take them fast enough loses some, and the next message, or one of its
 * own, says how many. Ends with the signal, or with the source.
 */
export async function sendLive(
  { counters }: ApiContext,
  session: Session,
  options: { source: AsyncIterable<LivePart>; wording: Wording; signal: AbortSignal },
): Promise<void> {
  const { source, wording, signal } = options
  const losses = new Losses(session, wording, signal)
  for await (const part of source) {
    if (signal.aborted) return
    if (session.isBehind) counters.droppedEntries += part.entries.length
    losses.pass(part)
  }
}

class Losses {
  readonly #session: Session
  readonly #wording: Wording
  readonly #signal: AbortSignal
  #dropped = 0
  #isTelling = false

  constructor(session: Session, wording: Wording, signal: AbortSignal) {
    this.#session = session
    this.#wording = wording
    this.#signal = signal
  }

  pass(part: LivePart): void {
    this.#dropped += part.dropped
    if (!this.#session.isBehind) this.#send(part)
    else this.#drop(part)
  }

  #drop({ entries, node }: LivePart): void {
    this.#dropped += entries.length
    if (!this.#isTelling) void this.#tell(node)
  }

  /** Even when nothing more comes, who has lost entries gets to know it. */
  async #tell(node: string): Promise<void> {
    this.#isTelling = true
    await this.#session.caughtUp()
    this.#isTelling = false
    if (this.#dropped > 0 && !this.#signal.aborted) this.#send({ node, entries: [], dropped: 0 })
  }

  #send(part: LivePart): void {
    for (const text of this.#wording(part, this.#dropped)) this.#session.send(text)
    this.#dropped = 0
  }
}
