import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Authenticator, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { trustedOn } from '../egress.ts'
import type { HelperHost } from '../helper.ts'
import type { KeptClient } from '../kept-clients.ts'
import { failed, failureOf, refused } from './failure.ts'

export interface NatsLogin {
  readonly servers: readonly { readonly host: string; readonly port: number }[]
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
  /** Text of a credentials file. */
  readonly creds?: string | undefined
  readonly tls?:
    | {
        readonly ca?: string | undefined
        readonly cert?: string | undefined
        readonly key?: string | undefined
        readonly servername?: string | undefined
      }
    | undefined
}

/** One message on its way. */
export interface NatsMessage {
  readonly subject: string
  readonly payload: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** Known to the stream by it: what comes twice is kept once. */
  readonly id?: string | undefined
}

/** Where a stream keeps a message. */
export interface Kept {
  readonly stream: string
  readonly seq: number
  readonly duplicate: boolean
}

type Library = typeof import('@nats-io/transport-node')

/** A connection to one server. When it is lost it is not made again: the next call makes another. */
export class NatsClient {
  readonly #connection: NatsConnection
  readonly #library: Library
  readonly #peer: string
  /** Subjects on which the server lets us publish nothing. */
  readonly #forbidden = new Set<string>()

  private constructor(connection: NatsConnection, library: Library, peer: string) {
    this.#connection = connection
    this.#library = library
    this.#peer = peer
  }

  /** To the first server that takes us. */
  static async open(login: NatsLogin, host: HelperHost): Promise<KeptClient<NatsClient>> {
    let failure: unknown
    for (const server of login.servers) {
      try {
        const client = await NatsClient.#to(server, login, host)
        const connection = client.#connection
        return {
          client,
          isOpen: () => !connection.isClosed(),
          close: () => connection.close().catch(() => {}),
        }
      } catch (error) {
        failure ??= error
      }
    }
    throw failure
  }

  /**
   * What the server says first is read on a connection of ours, which goes by the rules; the client is then given the address
   * that this one had, and learns of no others.
   */
  static async #to(
    { host: name, port }: NatsLogin['servers'][number],
    login: NatsLogin,
    host: HelperHost,
  ): Promise<NatsClient> {
    const peer = `${name.includes(':') ? `[${name}]` : name}:${port}`
    const { address, info, ca } = await greeting(peer, host, { host: name, port })
    const offersTls = info.tls_required === true || info.tls_available === true
    if (login.tls !== undefined && !offersTls) throw failed(`${peer} has no TLS`)
    const usesTls = login.tls !== undefined || info.tls_required === true
    const library = await import('@nats-io/transport-node')
    const options = {
      servers: `${address.includes(':') ? `[${address}]` : address}:${port}`,
      name: 'remora',
      timeout: TIMEOUT_MS,
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
      tls: usesTls ? { servername: name, ...given({ ca }), ...given(login.tls ?? {}) } : null,
      ...given({ user: login.user, pass: login.password, token: login.token }),
      ...(login.creds === undefined ? {} : { authenticator: authenticatorOf(library, login.creds) }),
    } as NodeConnectionOptions
    try {
      const connection = await library.connect(options)
      const client = new NatsClient(connection, library, peer)
      void client.#watch()
      return client
    } catch (error) {
      throw failureOf(error, peer)
    }
  }

  /** Resolves when the server has them. Whether anybody listens nobody knows. */
  async publish(messages: readonly NatsMessage[], host: HelperHost): Promise<void> {
    await this.#during(host, async () => {
      for (const message of messages) {
        this.#checkSize(message)
        this.#connection.publish(message.subject, message.payload, { headers: this.#headersOf(message) })
      }
      await this.#connection.flush()
      // What it refused it has said before; the client tells of it in the next turn.
      await new Promise((resolve) => setImmediate(resolve))
      const forbidden = messages.find(({ subject }) => this.#forbidden.has(subject))
      if (forbidden !== undefined) throw refused(`${this.#peer}: not permitted on ${forbidden.subject}`, 403)
    })
  }

  /** Resolves when a stream has it. */
  async keep(message: NatsMessage, host: HelperHost): Promise<Kept> {
    return await this.#during(host, async () => {
      this.#checkSize(message)
      const reply = await this.#connection
        .request(message.subject, message.payload, {
          headers: this.#headersOf(message),
          timeout: TIMEOUT_MS,
        })
        .catch(async (error: unknown) => {
          // What is not permitted is not answered.
          if (this.#forbidden.has(message.subject))
            throw refused(`${this.#peer}: not permitted on ${message.subject}`, 403)
          throw error
        })
      return keptOf(reply.string(), this.#peer)
    })
  }

  #checkSize({ payload }: NatsMessage): void {
    const most = this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY
    if (payload.length > most)
      throw refused(`${this.#peer}: ${payload.length} bytes are more than the ${most} that it takes`, 413)
  }

  #headersOf({ headers, id }: NatsMessage) {
    const all = this.#library.headers()
    for (const [name, value] of Object.entries(headers)) all.append(name, value)
    if (id !== undefined) all.set('Nats-Msg-Id', id)
    return all
  }

  /** For as long as the call may take, and the connection lives. */
  async #during<T>(host: HelperHost, work: () => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const stop = () => reject(host.signal.reason)
    host.signal.addEventListener('abort', stop)
    const lost = this.#connection.closed().then((error) => {
      throw error ?? failed(`${this.#peer}: the connection was closed`)
    })
    lost.catch(() => {})
    try {
      host.signal.throwIfAborted()
      return await Promise.race([work(), late, lost])
    } catch (error) {
      throw failureOf(error, this.#peer)
    } finally {
      host.signal.removeEventListener('abort', stop)
    }
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== 'error') continue
      const { error } = status
      if (error instanceof this.#library.PermissionViolationError) this.#forbidden.add(error.subject)
    }
  }
}

/** https://docs.nats.io/using-nats/developer/connecting/creds */
function authenticatorOf({ credsAuthenticator }: Library, creds: string): Authenticator {
  if (!/BEGIN NATS USER JWT[\s\S]+BEGIN USER NKEY SEED/.test(creds))
    throw new Mistake('E_HELPER_ARGUMENT', 'vendor.nats.put: creds: that is no text of a credentials file')
  return credsAuthenticator(new TextEncoder().encode(creds))
}

/** https://docs.nats.io/reference/reference-protocols/nats-protocol#info */
async function greeting(
  peer: string,
  host: HelperHost,
  server: NatsLogin['servers'][number],
): Promise<{ address: string; info: z.output<typeof serverInfo>; ca: string[] | undefined }> {
  const socket = await host.connect(server)
  try {
    const line = await firstLine(socket, AbortSignal.any([host.signal, AbortSignal.timeout(TIMEOUT_MS)]))
    const { remoteAddress } = socket
    const read = /^INFO (\{.*\})\s*$/s.exec(line)?.[1]
    const info = read === undefined ? undefined : serverInfo.safeParse(parsed(read)).data
    if (info === undefined || remoteAddress === undefined) throw failed(`what ${peer} says is not NATS`)
    return { address: remoteAddress, info, ca: trustedOn(socket) }
  } catch (error) {
    throw host.signal.aborted || !(error instanceof Error && error.name === 'AbortError')
      ? error
      : failed(`${peer}: no answer in time`)
  } finally {
    socket.destroy()
  }
}

async function firstLine(socket: Socket, signal: AbortSignal): Promise<string> {
  let read = ''
  while (!read.includes('\n') && read.length < LONGEST_GREETING) {
    const [chunk] = await Promise.race([
      once(socket, 'data', { signal }),
      once(socket, 'end', { signal }).then(() => [undefined]),
    ])
    if (chunk === undefined) break
    read += (chunk as Buffer).toString('utf8')
  }
  return read.slice(0, read.indexOf('\n') + 1)
}

/** What a stream answers, https://docs.nats.io/reference/reference-protocols/nats_api_reference */
function keptOf(text: string, peer: string): Kept {
  const read = answer.safeParse(parsed(text))
  if (!read.success) throw failed(`${peer}: what answers there is no stream`)
  if ('error' in read.data) {
    const { code, description } = read.data.error
    throw refused(`${peer}: ${description.slice(0, LONGEST_REASON)}`, code)
  }
  return { ...read.data, duplicate: read.data.duplicate === true }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

const serverInfo = z.object({
  server_id: z.string(),
  tls_required: z.boolean().optional(),
  tls_available: z.boolean().optional(),
})

const answer = z.union([
  z.object({ error: z.object({ code: z.int(), description: z.string().default('refused') }) }),
  z.object({ stream: z.string().min(1), seq: z.number(), duplicate: z.boolean().optional() }),
])

const TIMEOUT_MS = 10_000
const LONGEST_GREETING = 64 << 10
const LONGEST_REASON = 200
