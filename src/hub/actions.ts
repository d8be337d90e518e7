import { z } from 'zod'
import type { Bucket, Stream, StreamMessage } from '../bus/bus.ts'
import { type HubAction, hubAction } from '../wire/actions.ts'
import { decode, encode } from '../wire/codec.ts'
import { STREAMS, token } from '../wire/subjects.ts'

export interface ActionsOptions {
  readonly stream: Stream
  readonly state: Bucket
  /** Before it resolves nothing is delivered: agents that are not loaded yet would not hear of it, and nobody would notice. */
  readonly ready: Promise<void>
  /**
   * Calls `onHubAction` of all agents on the hub, and keeps what came of it. Rejects when it has to be done again, by whoever
   * takes over when the signal aborts.
   */
  readonly deliver: (action: HubAction, redelivered: boolean, ending: AbortSignal) => Promise<void>
}

/**
 * What agents have sent by `hub.action`, while a hub leads: each once, those of one sender in the order in which it sent
 * them. The stream remembers for a while what was appended, and this for good how far each sender has come: a worker that
 * sends again what it does not know to have arrived doubles nothing.
 */
export class ActionConsumer {
  readonly #options: ActionsOptions
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  #taken: Map<string, number> = new Map()
  #saved: Promise<void> = Promise.resolve()
  #unsaved = 0
  readonly counters = { delivered: 0, duplicates: 0, malformed: 0, redelivered: 0 }

  constructor(options: ActionsOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** Rejects when it cannot go on. */
  get running(): Promise<void> {
    return this.#running
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running.catch(() => {})
    await this.#save()
  }

  async #run(): Promise<void> {
    const { stream, state, ready } = this.#options
    await Promise.race([ready, this.#aborted()])
    const kept = await state.get(TAKEN)
    const numbers = kept === undefined ? undefined : decode(takenNumbers, kept.value)
    this.#taken = new Map(numbers ?? [])
    await stream.consume(CONSUMER, (message) => this.#take(message), this.#abort.signal)
  }

  #aborted(): Promise<void> {
    return new Promise((resolve) => this.#abort.signal.addEventListener('abort', () => resolve()))
  }

  async #take({ payload, redelivered, subject }: StreamMessage): Promise<void> {
    const action = decode(hubAction, payload)
    const place = action === undefined ? undefined : placeOf(action.id)
    // Who may speak for which node is for the rights on subjects to say.
    if (action === undefined || place === undefined || !isOwn(action, subject)) {
      this.counters.malformed++
      return
    }
    const { sender, number } = place
    if (number <= (this.#taken.get(sender) ?? -1)) {
      this.counters.duplicates++
      return
    }
    if (redelivered) this.counters.redelivered++
    await this.#options.deliver(action, redelivered, this.#abort.signal)
    this.counters.delivered++
    // Whoever sent something last is last to be forgotten.
    this.#taken.delete(sender)
    this.#taken.set(sender, number)
    if (this.#taken.size > 2 * MOST_SENDERS) this.#taken = new Map([...this.#taken].slice(-MOST_SENDERS))
    if (++this.#unsaved >= SAVE_EVERY) await this.#save()
  }

  #save(): Promise<void> {
    if (this.#unsaved === 0) return this.#saved
    this.#unsaved = 0
    const numbers = [...this.#taken].slice(-MOST_SENDERS)
    this.#saved = this.#options.state.put(TAKEN, encode(numbers)).then(
      () => {},
      // The stream itself remembers as well: it is tried again with the next ones.
      () => {},
    )
    return this.#saved
  }
}

/** `<node>/<boot>/<number>` */
function placeOf(id: string): { sender: string; number: number } | undefined {
  const [, sender, number] = /^(.+)\/(\d{1,15})$/s.exec(id) ?? []
  return sender === undefined ? undefined : { sender, number: Number(number) }
}

function isOwn({ id, node }: HubAction, subject: string): boolean {
  return subject === `${STREAMS.actions}.${token(node)}` && id.startsWith(`${node}/`)
}

const takenNumbers = z.array(z.tuple([z.string(), z.number()]))
const CONSUMER = 'hub'
const TAKEN = 'actions-taken'
/** Ids are remembered by the stream for much longer than it takes to send so many. */
const SAVE_EVERY = 100
const MOST_SENDERS = 1000
