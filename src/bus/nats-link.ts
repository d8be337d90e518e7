import { readFileSync } from 'node:fs'
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  type Status,
  type Subscription,
  type SubscriptionOptions,
} from '@nats-io/transport-node'
import { Mistake } from '../mistake/mistake.ts'
import { Backoff } from '../waiting/backoff.ts'
import { Bell } from '../waiting/bell.ts'
import { pause } from '../waiting/pause.ts'
import { closed } from './mistakes.ts'

export interface NatsSettings {
  /** `nats://10.0.0.1:4222`, several with commas between them; `tls://` asks for TLS. */
  readonly url: string
  /** What names begin with: one for each Remora that shares the servers. */
  readonly prefix: string
  readonly user: string
  readonly password: string
  readonly token: string
  /** Path of a credentials file; read again with each connection. */
  readonly creds: string
  readonly replicas: number
  /** Paths of PEM files. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string }
}

/** One connection and what hangs on it. */
export interface Api {
  readonly connection: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
}

/** Keeps a connection to NATS: comes back after every outage, for as long as it is open. */
export class NatsLink {
  /** Where the servers are, without what proves who we are. */
  readonly description: string
  readonly #settings: NatsSettings
  readonly #report: (error: unknown) => void
  readonly #closing = new AbortController()
  readonly #listeners = new Set<(connected: boolean) => void>()
  readonly #subscriptions = new Set<Wanted>()
  readonly #changed = new Bell()
  /** Ends calls that wait for an answer. */
  readonly #calls = new Set<(error: Mistake) => void>()
  #api: Api | undefined
  #connected = false
  /** Goes with each outage. */
  #outage = new AbortController()
  #living: Promise<void> = Promise.resolve()

  constructor(settings: NatsSettings, report: (error: unknown) => void) {
    this.#settings = settings
    this.#report = report
    this.description = addresses(settings.url)
      .map(({ host }) => `nats://${host}`)
      .join(',')
  }

  /** Rejects with `E_BUS` when no server can be reached, or when it has no JetStream. */
  async start(): Promise<void> {
    const connection = await this.#connect()
    this.#living = this.#live(connection)
    try {
      await this.whenConnected(this.#closing.signal)
      await jetstreamManager(connection)
    } catch (error) {
      await this.close()
      throw this.mistake('cannot use JetStream', error)
    }
  }

  /** Does not wait for a server: `connected` says when there is one. */
  startWithout(): void {
    this.#living = this.#live(undefined)
  }

  get connected(): boolean {
    return this.#connected
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  /** Aborts with the next outage. */
  get outage(): AbortSignal {
    return this.#outage.signal
  }

  /** Longest message of the servers, when one was reached. */
  get mostBytes(): number | undefined {
    return this.#api?.connection.info?.max_payload
  }

  /** Throws `E_BUS` when there is no connection. */
  get api(): Api {
    if (this.isClosed) throw closed()
    if (this.#api === undefined || !this.#connected) throw this.mistake('not connected')
    return this.#api
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when there is a connection, or the signal aborts. */
  async whenConnected(signal: AbortSignal): Promise<void> {
    while (!this.#connected && !signal.aborted) await this.#changed.wait(signal)
  }

  /** A subscription on this connection and on all that follow. */
  subscribe(subject: string, options: SubscriptionOptions): () => void {
    const wanted: Wanted = { subject, options, subscription: undefined }
    if (this.isClosed) return () => undefined
    this.#subscriptions.add(wanted)
    if (this.#api !== undefined && !this.#api.connection.isClosed())
      wanted.subscription = this.#api.connection.subscribe(subject, options)
    return () => {
      if (this.#subscriptions.delete(wanted)) wanted.subscription?.unsubscribe()
    }
  }

  /** Sends a message and waits for nothing; false when it cannot. */
  send(subject: string, payload: Uint8Array | string): boolean {
    if (this.isClosed || !this.#connected || this.#api === undefined) return false
    try {
      this.#api.connection.publish(subject, payload)
      return true
    } catch {
      // Closed in this moment: `connected` will say so soon.
      return false
    }
  }

  /** Resolves when the server has all that was sent. Rejects when the connection is lost. */
  async flush(): Promise<void> {
    await this.api.connection.flush()
  }

  /** Asks JetStream something. Rejects with `E_BUS` as soon as the connection is lost; what the server says passes. */
  async call<Result>(work: (api: Api) => Promise<Result>): Promise<Result> {
    const { api } = this
    const lost = Promise.withResolvers<never>()
    this.#calls.add(lost.reject)
    try {
      // Should the server be silent, the client gives up after five seconds.
      return await Promise.race([work(api), lost.promise])
    } finally {
      this.#calls.delete(lost.reject)
    }
  }

  /** What went wrong with the servers, as people can mend it. */
  mistake(what: string, cause?: unknown): Mistake {
    if (cause instanceof Mistake) return cause
    const says = cause instanceof Error ? `: ${cause.message}` : ''
    return new Mistake('E_BUS', `${this.description}: ${what}${says}`, {
      hint: hintFor(cause),
      ...(cause === undefined ? {} : { cause }),
    })
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    const connection = this.#api?.connection
    if (connection !== undefined && this.#connected) {
      const flushed = new AbortController()
      const flush = this.flush().then(
        () => flushed.abort(),
        () => flushed.abort(),
      )
      await Promise.race([flush, pause(FLUSH_MS, flushed.signal)])
    }
    this.#closing.abort()
    await connection?.close()
    await this.#living
    this.#tell(false)
  }

  async #live(first: NatsConnection | undefined): Promise<void> {
    const backoff = new Backoff(250, 5000)
    let said = ''
    for (let connection = first; !this.isClosed; connection = undefined)
      try {
        connection ??= await this.#connect()
        const statuses = connection.status()
        await this.#adopt(connection)
        backoff.reset()
        said = ''
        await this.#attend(connection, statuses)
      } catch (error) {
        // Once, not with each attempt.
        if (String(error) !== said) this.#report(error)
        said = String(error)
        await pause(backoff.next(), this.#closing.signal)
      }
  }

  async #connect(): Promise<NatsConnection> {
    const options = this.#options()
    try {
      return await connect(options)
    } catch (error) {
      throw this.mistake('cannot connect', error)
    }
  }

  async #adopt(connection: NatsConnection): Promise<void> {
    if (this.isClosed) {
      await connection.close()
      return
    }
    const jsm = await jetstreamManager(connection, { checkAPI: false })
    this.#api = { connection, js: jetstream(connection), jsm }
    for (const wanted of this.#subscriptions)
      wanted.subscription = connection.subscribe(wanted.subject, wanted.options)
    this.#tell(true)
  }

  /** Until it is closed, which it does not do by itself as long as it may reconnect. */
  async #attend(connection: NatsConnection, statuses: AsyncIterable<Status>): Promise<void> {
    for await (const status of statuses) this.#heard(status)
    this.#tell(false)
    const error = await connection.closed()
    if (error instanceof Error && !this.isClosed) throw this.mistake('the connection ended', error)
  }

  #heard(status: Status): void {
    if (status.type === 'disconnect' || status.type === 'staleConnection') this.#tell(false)
    else if (status.type === 'reconnect') this.#tell(true)
    else if (status.type === 'error') this.#report(this.mistake('the server refuses', status.error))
  }

  #tell(connected: boolean): void {
    if (this.#connected === connected) return
    this.#connected = connected
    if (connected) this.#outage = new AbortController()
    else {
      this.#outage.abort()
      for (const lose of this.#calls) lose(this.mistake('the connection was lost'))
    }
    this.#changed.ring()
    for (const listener of [...this.#listeners])
      try {
        listener(connected)
      } catch (error) {
        this.#report(error)
      }
  }

  #options(): NodeConnectionOptions {
    const { url, user, password, token, creds } = this.#settings
    const servers = addresses(url)
    const named = servers.find((server) => server.user !== '')
    return {
      name: 'remora',
      servers: servers.map(({ host }) => host),
      ...(user !== '' || named === undefined
        ? user !== '' && { user, pass: password }
        : { user: named.user, pass: named.password }),
      ...(token !== '' && { token }),
      ...(creds !== '' && { authenticator: this.#credentials(creds) }),
      ...this.#tls(servers),
      timeout: 5000,
      maxReconnectAttempts: -1,
      // Else two refusals end it for good, and a server that is being set up anew refuses for a while.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => 200 + Math.random() * 1000,
      // A server that is gone without a word is noticed within ten seconds.
      pingInterval: 5000,
      maxPingOut: 1,
      noAsyncTraces: true,
    }
  }

  #credentials(path: string) {
    this.#read(path, 'nats.creds')
    return (nonce?: string) => credsAuthenticator(this.#read(path, 'nats.creds'))(nonce)
  }

  #tls(servers: readonly Address[]): Pick<NodeConnectionOptions, 'tls'> {
    const { ca, cert, key } = this.#settings.tls
    if (ca === '' && cert === '' && !servers.some(({ isSecure }) => isSecure)) return {}
    for (const [name, path] of Object.entries({ ca, cert, key }))
      if (path !== '') this.#read(path, `nats.tls.${name}`)
    return {
      tls: {
        ...(ca !== '' && { caFile: ca }),
        ...(cert !== '' && { certFile: cert }),
        ...(key !== '' && { keyFile: key }),
      },
    }
  }

  #read(path: string, setting: string): Uint8Array {
    try {
      return readFileSync(path)
    } catch (error) {
      throw new Mistake('E_BUS', `cannot read ${path}`, {
        hint: `Set ${setting} to a file that can be read.`,
        cause: error,
      })
    }
  }
}

interface Wanted {
  readonly subject: string
  readonly options: SubscriptionOptions
  subscription: Subscription | undefined
}

interface Address {
  readonly host: string
  readonly user: string
  readonly password: string
  readonly isSecure: boolean
}

function addresses(urls: string): Address[] {
  const all = urls
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '')
  if (all.length === 0)
    throw new Mistake('E_BUS', 'no NATS server is named', {
      hint: 'Set nats.url, such as nats://10.0.0.1:4222.',
    })
  return all.map(address)
}

function address(text: string): Address {
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`)
  if (url === null || url.hostname === '' || !['nats:', 'tls:'].includes(url.protocol))
    // Without the text: there may be a password in it.
    throw new Mistake('E_BUS', 'nats.url holds something that is no address of a NATS server', {
      hint: 'Write nats://host:4222 or tls://host:4222, several with commas between them.',
    })
  return {
    host: `${url.hostname}:${url.port === '' ? '4222' : url.port}`,
    user: decoded(url.username),
    password: decoded(url.password),
    isSecure: url.protocol === 'tls:',
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A percent sign that means itself.
    return text
  }
}

function hintFor(cause: unknown): string {
  const text = cause instanceof Error ? `${cause.name} ${cause.message}` : ''
  if (/jetstream (is )?not enabled/i.test(text))
    return 'Start nats-server with JetStream: nats-server -js, or jetstream {} in its configuration.'
  if (/replica|resource|peers/i.test(text))
    return 'Set nats.replicas to no more than there are servers, and give JetStream room on the disk.'
  if (/permission/i.test(text)) return 'Give the user the rights for its prefix, _INBOX.> and $JS.API.>.'
  if (/authoriz|authentic/i.test(text)) return 'Look at nats.user, nats.password, nats.token and nats.creds.'
  if (/certificate|tls|ssl/i.test(text)) return 'Look at nats.tls.ca, nats.tls.cert and nats.tls.key.'
  return 'Look whether the server is up and nats.url is right.'
}

const FLUSH_MS = 2000
