import { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { Mistake } from '../mistake/mistake.ts'
import { type KubernetesAccess, tlsOptions } from './access.ts'
import { jsonOf, refusal } from './status.ts'

/**
 * A connection to a port of a pod through the API server, as
 * `kubectl port-forward` has it: sub-resource `pods/portforward` over WebSocket, in the protocol `v4.channel.k8s.io`, for
 * which one needs the right to get it, as WebSockets begin with a GET, and since 1.35 also to create it. Rejects with `E_FORBIDDEN` when that is missing and `E_NOT_FOUND` without the pod;
 * what goes wrong later, as when nothing listens there, ends the stream with an `E_KUBERNETES`.
 */
export async function connectToPod(
  access: KubernetesAccess,
  { namespace, pod, port }: PodPort,
  signal?: AbortSignal,
): Promise<Duplex> {
  const token = await access.token()
  const base = access.url.replace(/^http/, 'ws').replace(/\/$/, '')
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward`
  const socket = new WebSocket(`${base}${path}?ports=${port}`, [PROTOCOL], {
    ...tlsOptions(access),
    headers: {
      ...access.headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: LARGEST_MESSAGE,
  })
  const stop = () => socket.terminate()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await opened(socket, `port ${port} of pod ${namespace}/${pod}`)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

export interface PodPort {
  readonly namespace: string
  readonly pod: string
  readonly port: number
}

class PodConnection extends Duplex {
  readonly #socket: WebSocket
  readonly #where: string
  /** Each channel begins with the number of its port, in two bytes that may come one by one. */
  readonly #skip = [2, 2]
  #refused = ''

  constructor(socket: WebSocket, where: string) {
    super({ allowHalfOpen: false })
    this.#socket = socket
    this.#where = where
    socket.on('message', (data: Buffer) => this.#take(data))
    socket.on('close', () => this.#end())
    socket.on('error', (error) => this.destroy(error))
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.send(Buffer.concat([DATA_CHANNEL, chunk]), done)
  }

  override _final(done: () => void): void {
    this.#socket.close(1000)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.terminate()
    done(error)
  }

  #take(message: Buffer): void {
    const channel = message[0] ?? 0
    const skipped = Math.min(this.#skip[channel] ?? 0, message.length - 1)
    this.#skip[channel] = (this.#skip[channel] ?? 0) - skipped
    const data = message.subarray(1 + skipped)
    if (data.length === 0) return
    if (channel === 0) {
      if (!this.push(data)) this.#socket.pause()
    } else if (channel === 1 && this.#refused.length < LONGEST_REFUSAL) this.#refused += data.toString()
  }

  #end(): void {
    if (this.#refused === '') this.push(null)
    else
      this.destroy(
        new Mistake('E_KUBERNETES', `${this.#where} does not answer: ${this.#refused.trim()}`, {
          hint: 'Look into the log of the pod.',
        }),
      )
  }
}

/** Rejects with what the API server answers instead of opening the WebSocket. */
function opened(socket: WebSocket, where: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    // At once: what comes with the answer is not to be missed.
    socket.once('open', () => resolve(new PodConnection(socket, where)))
    socket.on('error', (cause) =>
      reject(new Mistake('E_KUBERNETES', `${where} cannot be forwarded: ${cause.message}`, { cause })),
    )
    socket.once('unexpected-response', (request, response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (text.length < LONGEST_REFUSAL) text += chunk
      })
      response.on('close', () => {
        reject(refusal(`forward ${where}`, response.statusCode ?? 0, jsonOf(text)))
        request.destroy()
      })
    })
  })
}

const PROTOCOL = 'v4.channel.k8s.io'
const DATA_CHANNEL = Buffer.from([0])
const HANDSHAKE_MS = 15_000
const LARGEST_MESSAGE = 16 << 20
const LONGEST_REFUSAL = 1 << 16
