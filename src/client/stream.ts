import { once } from 'node:events'
import { WebSocket } from 'ws'
import { Mistake } from '../mistake/mistake.ts'
import { Wake } from '../waiting/wake.ts'
import { STREAM_PATH, type StreamRequest, streamMessage } from '../wire/api.ts'
import { type Connection, unreachable } from './connection.ts'
import { refusal, refusalIn } from './refusal.ts'

/** One subscription on a connection of its own. */
export class Stream {
  readonly #socket: WebSocket
  readonly #waiting: string[] = []
  readonly #wake = new Wake()
  #end: Mistake | undefined
  readonly #connection: Connection
  #silence: NodeJS.Timeout | undefined

  private constructor(connection: Connection, socket: WebSocket) {
    this.#connection = connection
    this.#socket = socket
    socket.on('message', (data: Buffer) => this.#take(data.toString()))
    socket.on('ping', () => this.#hear())
    socket.on('error', (error) => this.#close(error))
    socket.on('close', (code, reason) =>
      this.#close(new Error(`the hub has closed the connection (${[code, reason].join(' ').trim()})`)),
    )
    this.#hear()
  }

  /** Rejects with `E_HUB_UNREACHABLE`, or with what the hub refuses. */
  static async open(connection: Connection, signal: AbortSignal): Promise<Stream> {
    const { origin, path, headers, ca } = connection
    const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}${path}${STREAM_PATH}`, {
      headers,
      ...(ca === undefined ? {} : { ca }),
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: LARGEST_MESSAGE,
    })
    const stream = new Stream(connection, socket)
    const refused = refusedBy(socket)
    try {
      await Promise.race([once(socket, 'open', { signal }), refused])
      return stream
    } catch (error) {
      stream.close()
      if (error instanceof Mistake || signal.aborted) throw error
      throw unreachable(connection, error)
    }
  }

  send(request: StreamRequest): void {
    this.#socket.send(JSON.stringify(request))
  }

  /** The next message; rejects with `E_HUB_UNREACHABLE` when the connection is lost. */
  async next(signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted()
      const message = this.#waiting.shift()
      if (message !== undefined) {
        if (this.#socket.isPaused && this.#waiting.length < FEW_MESSAGES) this.#resume()
        return message
      }
      if (this.#end !== undefined) throw this.#end
      await this.#wake.next(signal)
    }
  }

  close(): void {
    clearTimeout(this.#silence)
    this.#socket.terminate()
  }

  /** While nobody takes messages the hub is made to wait: it is the hub that may drop entries, and says how many. */
  #take(message: string): void {
    this.#waiting.push(message)
    this.#hear()
    if (this.#waiting.length >= MANY_MESSAGES) this.#pause()
    this.#wake.ring()
  }

  #pause(): void {
    clearTimeout(this.#silence)
    this.#socket.pause()
  }

  #resume(): void {
    this.#socket.resume()
    this.#hear()
  }

  /** A hub that does not even ping is gone, whatever the network says. */
  #hear(): void {
    clearTimeout(this.#silence)
    if (this.#end !== undefined || this.#socket.isPaused) return
    this.#silence = setTimeout(() => {
      this.#close(new Error(`nothing was heard of the hub for ${SILENCE_MS / 1000} s`))
      this.close()
    }, SILENCE_MS)
  }

  #close(why: Error): void {
    clearTimeout(this.#silence)
    this.#end ??= unreachable(this.#connection, why)
    this.#wake.ring()
  }
}

/** Throws what the hub refuses in a message, and what is none. */
export function readMessage(text: string) {
  const message = streamMessage.parse(JSON.parse(text))
  if (message.error !== undefined) throw refusal(message.error)
  return message
}

/** Rejects with what the hub answers instead of opening the WebSocket. */
function refusedBy(socket: WebSocket): Promise<never> {
  const refused = new Promise<never>((_, reject) => {
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (text.length < LONGEST_REFUSAL) text += chunk
      })
      response.on('error', reject)
      response.on('end', () =>
        reject(refusalIn(text) ?? new Error(`it answers ${response.statusCode} to a WebSocket`)),
      )
    })
  })
  refused.catch(() => {})
  return refused
}

const HANDSHAKE_MS = 15_000
/** The hub pings three times in that time. */
const SILENCE_MS = 60_000
const LARGEST_MESSAGE = 64 << 20
const MANY_MESSAGES = 64
const FEW_MESSAGES = 16
const LONGEST_REFUSAL = 1 << 16
