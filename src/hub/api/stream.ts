import type { z } from 'zod'
import { compileFilter } from '../../filter/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { type StreamMessage, subscription, unsubscription } from '../../wire/api.ts'
import type { ConsoleFilter, ConsoleLine } from '../../wire/console.ts'
import { joinEntries } from '../../wire/entry-lines.ts'
import type { HubEvent } from '../../wire/views.ts'
import type { MapQuestion } from '../service-maps.ts'
import type { ApiContext } from './context.ts'
import { answerTo } from './failures.ts'
import { sendLive, type Wording } from './live-entries.ts'
import type { Session } from './session.ts'

type Subscription = z.output<typeof subscription>

/** What a client has subscribed to on its WebSocket. */
export class Stream {
  readonly #context: ApiContext
  readonly #session: Session
  readonly #subscriptions = new Map<string, AbortController>()
  #bad = 0

  constructor(context: ApiContext, session: Session) {
    this.#context = context
    this.#session = session
    session.onMessage((text) => this.#take(text))
    session.signal.addEventListener('abort', () => this.#endAll(), { once: true })
  }

  #take(text: string): void {
    if (this.#bad > MOST_BAD) return
    try {
      const message: unknown = JSON.parse(text)
      if (isUnsubscription(message)) this.#end(unsubscription.parse(message).unsubscribe)
      else this.#begin(subscription.parse(message))
    } catch (error) {
      this.#context.counters.badMessages++
      if (++this.#bad > MOST_BAD) this.#session.close(1008, 'too many messages that make no sense')
      const mistake =
        error instanceof SyntaxError ? new Mistake('E_REQUEST', 'the message is not JSON') : error
      this.#fail(idIn(text), mistake)
    }
  }

  /** Takes the place of a subscription of the same name. */
  #begin(wanted: Subscription): void {
    const { id } = wanted
    this.#end(id)
    if (this.#subscriptions.size >= MOST_SUBSCRIPTIONS)
      throw new Mistake('E_REQUEST', `there are ${MOST_SUBSCRIPTIONS} subscriptions already`, {
        hint: 'End one with {"unsubscribe": id}.',
      })
    const end = new AbortController()
    this.#subscriptions.set(id, end)
    void this.#serve(wanted, end.signal)
  }

  #end(id: string): void {
    this.#subscriptions.get(id)?.abort()
    this.#subscriptions.delete(id)
  }

  #endAll(): void {
    for (const id of [...this.#subscriptions.keys()]) this.#end(id)
  }

  async #serve(wanted: Subscription, signal: AbortSignal): Promise<void> {
    const { id } = wanted
    try {
      await this.#send(wanted, signal)
      if (!signal.aborted) throw new Mistake('E_BUS', 'the hub has ended the subscription')
    } catch (error) {
      if (signal.aborted) return
      this.#fail(id, error)
      this.#end(id)
    }
  }

  #send(wanted: Subscription, signal: AbortSignal): Promise<void> {
    const { id } = wanted
    switch (wanted.subscribe) {
      case 'entries':
        return this.#entries(id, wanted.filter, signal)
      case 'console': {
        const { subscribe, id, ...filter } = wanted
        return this.#console(id, filter, signal)
      }
      case 'agents':
        return this.#state(id, signal, { kind: 'agents', first: () => this.#context.control.agents() })
      case 'nodes':
        return this.#state(id, signal, { kind: 'nodes', first: () => this.#context.control.nodes() })
      case 'map':
        return this.#map(id, { filter: wanted.filter, windowMs: wanted.window * 1000 }, signal)
    }
  }

  async #entries(id: string, filter: string, signal: AbortSignal): Promise<void> {
    this.#check(filter)
    const wording: Wording = ({ node, entries }, dropped) => [joinEntries({ id, node, dropped }, entries)]
    const source = this.#context.control.live(filter, signal)
    this.#say({ id, now: this.#context.now() })
    return sendLive(this.#context, this.#session, { source, wording, signal })
  }

  /** A client that is slow gets only the newest. */
  async #map(id: string, question: MapQuestion, signal: AbortSignal): Promise<void> {
    this.#check(question.filter)
    const latest = new Latest((map) => this.#say({ id, map }), this.#session, signal)
    this.#say({ id, now: this.#context.now() })
    for await (const map of this.#context.control.map(question, signal)) latest.put(map)
  }

  /** Before anything else is said of the subscription. */
  #check(filter: string): void {
    const { config, now } = this.#context
    compileFilter(filter, { prefer: 'kfl2', macros: config.tap.customMacros, now: now() })
  }

  /** A client that is slow makes the source wait, for as many lines as that keeps; how many went beyond that is said. */
  async #console(id: string, filter: ConsoleFilter, signal: AbortSignal): Promise<void> {
    const { control, now } = this.#context
    let dropped = 0
    const send = (batch: readonly ConsoleLine[]) => {
      this.#say({ id, now: now(), lines: batch, ...(dropped > 0 ? { dropped } : {}) })
      dropped = 0
    }
    const lines = new LineBatches(send, signal)
    const source = control.console(filter, true, signal, (count) => {
      dropped += count
    })
    this.#say({ id, now: now() })
    for await (const line of source) {
      lines.add(line)
      await this.#session.caughtUp()
    }
    lines.flush()
  }

  /** What there is now, then each change; a client that is slow gets only the newest. */
  async #state(
    id: string,
    signal: AbortSignal,
    { kind, first }: { kind: HubEvent['kind']; first: () => PromiseLike<unknown> | unknown },
  ): Promise<void> {
    const latest = new Latest((value) => this.#say({ id, [kind]: value }), this.#session, signal)
    this.#say({ id, now: this.#context.now() })
    const following = this.#changes(kind, latest, signal)
    const initially = (async () => {
      const value = await first()
      if (latest.isEmpty) latest.put(value)
    })()
    await Promise.all([initially, following])
  }

  async #changes(kind: HubEvent['kind'], latest: Latest, signal: AbortSignal): Promise<void> {
    for await (const event of this.#context.control.events(signal))
      if (event.kind === kind) latest.put(event.kind === 'agents' ? event.agents : event.nodes)
  }

  #fail(id: string, error: unknown): void {
    this.#say({ id, error: answerTo(error, this.#context.log, 'stream').failure })
  }

  #say(message: StreamMessage | { id: string; [kind: string]: unknown }): void {
    this.#session.send(JSON.stringify(message))
  }
}

/** Lines that come close together go in one message. */
class LineBatches {
  readonly #send: (lines: readonly ConsoleLine[]) => void
  readonly #signal: AbortSignal
  #lines: ConsoleLine[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(send: (lines: readonly ConsoleLine[]) => void, signal: AbortSignal) {
    this.#send = send
    this.#signal = signal
  }

  add(line: ConsoleLine): void {
    this.#lines.push(line)
    if (this.#lines.length >= MOST_LINES) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), TOGETHER_MS)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    this.#lines = []
    if (lines.length > 0 && !this.#signal.aborted) this.#send(lines)
  }
}

/** The newest of several values is sent when the client can take it. */
class Latest {
  readonly #send: (value: unknown) => void
  readonly #session: Session
  readonly #signal: AbortSignal
  #value: unknown
  #isSending = false

  constructor(send: (value: unknown) => void, session: Session, signal: AbortSignal) {
    this.#send = send
    this.#session = session
    this.#signal = signal
  }

  get isEmpty(): boolean {
    return this.#value === undefined
  }

  put(value: unknown): void {
    this.#value = value
    if (!this.#isSending) void this.#sendSoon()
  }

  async #sendSoon(): Promise<void> {
    this.#isSending = true
    await this.#session.caughtUp()
    this.#isSending = false
    if (!this.#signal.aborted) this.#send(this.#value)
  }
}

function isUnsubscription(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'unsubscribe' in message
}

/** Which subscription a message was about that is not as it should be. */
function idIn(text: string): string {
  try {
    const message: unknown = JSON.parse(text)
    if (typeof message !== 'object' || message === null || !('id' in message)) return ''
    return typeof message.id === 'string' ? message.id.slice(0, LONGEST_ID) : ''
  } catch {
    return ''
  }
}

const MOST_SUBSCRIPTIONS = 16
/** Reading what makes no sense costs more than what does. */
const MOST_BAD = 100
const MOST_LINES = 500
const TOGETHER_MS = 20
const LONGEST_ID = 100
