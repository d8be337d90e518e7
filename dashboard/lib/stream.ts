import type { ApiFailure, StreamMessage, StreamRequest } from '../../src/wire/api.ts'
import { splitEntries } from '../../src/wire/entry-lines.ts'

/** Entries that came in one message: as JSON texts, since most are never looked at. */
export interface EntryBatch {
  readonly node: string
  readonly texts: readonly string[]
  /** Entries that matched and did not come, since the last message: this browser, or the way to it, was behind. */
  readonly dropped: number
}

export interface StreamHandlers {
  readonly onMessage?: (message: StreamMessage) => void
  readonly onEntries?: (batch: EntryBatch) => void
  /** The hub refuses the subscription, which is over. */
  readonly onError?: (failure: ApiFailure) => void
  /** The connection is there again after it was lost: what came meanwhile is missing. */
  readonly onReconnect?: () => void
}

type Wanted = Exclude<StreamRequest, { unsubscribe: string }>
/** A subscription without its name, which the stream gives; a function is asked anew with each connection. */
export type Subscribing = WithoutId<Wanted> | (() => WithoutId<Wanted>)
type WithoutId<T> = T extends { id: string } ? Omit<T, 'id'> : never

export type ConnectionState = 'connecting' | 'open' | 'lost'

/** What a `WebSocket` does that is needed here. */
export interface Socket {
  send(text: string): void
  close(): void
  onopen: (() => void) | null
  onclose: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
}

/**
 * The one WebSocket of this page, for all that it watches. It connects when something is subscribed to, and again for as long
 * as something is; each connection subscribes to all of it.
 */
export class Stream {
  readonly #open: () => Socket
  readonly #delivered: (batch: EntryBatch) => void
  readonly #subscriptions = new Map<string, { wanted: Subscribing; handlers: StreamHandlers }>()
  readonly #listeners = new Set<() => void>()
  #socket: Socket | undefined
  #isOpen = false
  #wasOpen = false
  #next = 0
  #failures = 0
  #again: ReturnType<typeof setTimeout> | undefined
  state: ConnectionState = 'connecting'

  /** `delivered` hears of all entries that come, whoever asked for them. */
  constructor(open: () => Socket, delivered: (batch: EntryBatch) => void = () => {}) {
    this.#open = open
    this.#delivered = delivered
  }

  /** Answers how to end it. */
  subscribe(wanted: Subscribing, handlers: StreamHandlers): () => void {
    const id = String(++this.#next)
    this.#subscriptions.set(id, { wanted, handlers })
    if (this.#isOpen) this.#ask(id, wanted)
    else this.#connect()
    return () => {
      if (this.#subscriptions.delete(id) && this.#isOpen) this.#say({ unsubscribe: id })
    }
  }

  /** Calls back when `state` is another; answers how to end that. */
  readonly onState = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #connect(): void {
    if (this.#socket !== undefined || this.#again !== undefined) return
    const socket = this.#open()
    this.#socket = socket
    socket.onopen = () => this.#opened()
    socket.onclose = () => this.#lost()
    socket.onmessage = ({ data }) => this.#take(String(data))
  }

  #opened(): void {
    this.#isOpen = true
    this.#failures = 0
    this.#change('open')
    for (const [id, { wanted, handlers }] of this.#subscriptions) {
      this.#ask(id, wanted)
      if (this.#wasOpen) handlers.onReconnect?.()
    }
    this.#wasOpen = true
  }

  #lost(): void {
    this.#socket = undefined
    this.#isOpen = false
    this.#change('lost')
    const wait = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** this.#failures++)
    this.#again = setTimeout(() => {
      this.#again = undefined
      if (this.#subscriptions.size > 0) this.#connect()
    }, wait)
  }

  #ask(id: string, wanted: Subscribing): void {
    this.#say({ ...(typeof wanted === 'function' ? wanted() : wanted), id } as Wanted)
  }

  #say(request: StreamRequest): void {
    this.#socket?.send(JSON.stringify(request))
  }

  #take(text: string): void {
    const batch = entriesIn(text)
    const message = batch?.head ?? (JSON.parse(text) as StreamMessage)
    const subscription = this.#subscriptions.get(message.id)
    if (subscription === undefined) return
    const { handlers } = subscription
    if (batch !== undefined) {
      const entries = { node: batch.head.node, dropped: batch.head.dropped, texts: batch.entries }
      this.#delivered(entries)
      handlers.onEntries?.(entries)
    } else if ('error' in message && message.error !== undefined) {
      this.#subscriptions.delete(message.id)
      handlers.onError?.(message.error)
    } else handlers.onMessage?.(message)
  }

  #change(state: ConnectionState): void {
    this.state = state
    for (const listener of this.#listeners) listener()
  }
}

interface EntriesHead {
  readonly id: string
  readonly node: string
  readonly dropped: number
}

/** Told by its first line: the rest is not looked at. */
function entriesIn(text: string): { head: EntriesHead; entries: readonly string[] } | undefined {
  const end = text.indexOf('\n')
  if (end === -1 || !text.slice(0, end).endsWith('"entries":[')) return undefined
  const { head, entries } = splitEntries(text)
  return { head: head as EntriesHead, entries }
}

const SHORTEST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5000
