import { WebSocket } from 'ws'
import type { ApiCounters } from './context.ts'

/** One WebSocket of a client, with what keeps a slow or silent one from costing memory. */
export class Session {
  readonly #socket: WebSocket
  readonly #counters: ApiCounters
  readonly #closed = new AbortController()
  readonly #waiting: (() => void)[] = []
  #missed = 0
  readonly #written = () => {
    if (!this.isBehind) this.#wake()
  }

  constructor(socket: WebSocket, counters: ApiCounters) {
    this.#socket = socket
    this.#counters = counters
    socket.on('pong', () => {
      this.#missed = 0
    })
    socket.on('close', () => {
      this.#closed.abort()
      this.#wake()
    })
  }

  /** Aborts when the connection has ended. */
  get signal(): AbortSignal {
    return this.#closed.signal
  }

  /** So much waits for the client that what can be left out should be. */
  get isBehind(): boolean {
    return this.#socket.bufferedAmount > MOST_BUFFERED
  }

  /** Resolves when the client is not behind, or gone. */
  async caughtUp(): Promise<void> {
    while (this.isBehind && !this.signal.aborted)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  onMessage(handler: (text: string) => void): void {
    this.#socket.on('message', (data, isBinary) => {
      this.#missed = 0
      handler(isBinary ? '' : String(data))
    })
  }

  send(text: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    // Somebody who asks and asks, and does not take the answers.
    if (this.#socket.bufferedAmount > MUCH_TOO_MUCH) this.#giveUp()
    else this.#socket.send(text, this.#written)
  }

  /** Asks whether the client is there, and ends the connection when it has not said so for a while. */
  beat(): void {
    if (++this.#missed > MOST_MISSED) this.#giveUp()
    else this.#socket.ping()
  }

  /** Ends it in good order, and after a while in any case. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
    const terminate = setTimeout(() => this.#socket.terminate(), FAREWELL_MS)
    this.#socket.on('close', () => clearTimeout(terminate))
  }

  #giveUp(): void {
    this.#counters.lostClients++
    this.#socket.terminate()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Bytes that wait for one client, beyond which entries are dropped for it … */
const MOST_BUFFERED = 8 << 20
/** … and beyond which it is given up. One message of a batch of entries has room in between. */
const MUCH_TOO_MUCH = 32 << 20
/** How often a client is asked whether it is there. */
export const BEAT_MS = 15_000
const MOST_MISSED = 4
const FAREWELL_MS = 1000
