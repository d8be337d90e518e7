import { Mistake } from '../mistake/mistake.ts'
import { pause } from '../waiting/pause.ts'
import type { Bucket, BucketOptions, Bus, RequestOptions, Stream, StreamOptions } from './bus.ts'
import { Counts } from './counts.ts'
import { openAnswer, packAnswer, packFailure } from './envelope.ts'
import { checkSize, closed, noAnswer } from './mistakes.ts'
import { NatsBucket } from './nats-bucket.ts'
import { NatsLink, type NatsSettings } from './nats-link.ts'
import { NatsOutgoing } from './nats-outgoing.ts'
import { NatsStream } from './nats-stream.ts'
import { checkPattern, checkSubject } from './subjects.ts'

export type { NatsSettings } from './nats-link.ts'

export interface NatsBusOptions {
  readonly settings: NatsSettings
  /** Be there at once, and connect when a server is: for workers, which work without, too. */
  readonly mayWait?: boolean
  /** Told what goes wrong out of sight: failures of handlers, refusals of the server, attempts to connect. */
  readonly report?: (error: unknown) => void
}

/** Rejects with `E_BUS`, when it may not wait, where no server can be reached or it has no JetStream. */
export async function openNatsBus({
  settings,
  mayWait = false,
  report = () => undefined,
}: NatsBusOptions): Promise<Bus> {
  const link = new NatsLink(settings, report)
  if (mayWait) link.startWithout()
  else await link.start()
  return new NatsBus(link, settings, report)
}

/** A bus over NATS with JetStream, 2.9 or newer. */
class NatsBus implements Bus {
  readonly #link: NatsLink
  readonly #settings: NatsSettings
  readonly #report: (error: unknown) => void
  readonly #counts = new Counts()
  readonly #outgoing: NatsOutgoing
  readonly #consuming = new Set<Promise<void>>()
  readonly #ending = new AbortController()
  #answering = 0

  constructor(link: NatsLink, settings: NatsSettings, report: (error: unknown) => void) {
    this.#link = link
    this.#settings = settings
    this.#report = report
    this.#outgoing = new NatsOutgoing(link, this.#counts)
  }

  get description(): string {
    return this.#link.description
  }

  get connected(): boolean {
    return this.#link.connected
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.#link.onConnection(listener)
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.#counts.all
  }

  get mostBytes(): number {
    // Headers count with the payload.
    return Math.max((this.#link.mostBytes ?? DEFAULT_PAYLOAD) - RESERVED, 0)
  }

  publish(subject: string, payload: Uint8Array): void {
    checkSubject(subject)
    checkSize(payload, this.mostBytes)
    if (!this.#link.isClosed) this.#outgoing.publish(this.#subject(subject), payload)
  }

  subscribe(subject: string, handler: (payload: Uint8Array, subject: string) => void): () => void {
    checkPattern(subject)
    return this.#link.subscribe(this.#subject(subject), {
      callback: (error, message) => {
        if (error !== null) return this.#report(this.#link.mistake(`cannot listen to ${subject}`, error))
        // Whatever is thrown here would end the connection.
        try {
          handler(message.data, this.#own(message.subject))
        } catch (failure) {
          this.#counts.add('handler-failed')
          this.#report(failure)
        }
      },
    })
  }

  async request(
    subject: string,
    payload: Uint8Array,
    { timeoutMs, signal }: RequestOptions,
  ): Promise<Uint8Array> {
    checkSubject(subject)
    checkSize(payload, this.mostBytes)
    signal?.throwIfAborted()
    const { connection } = this.#link.api
    const asked = connection
      .request(this.#subject(subject), payload, { timeout: timeoutMs })
      .catch((error: unknown) => {
        throw this.#link.isClosed ? closed() : noAnswer(subject, timeoutMs, error)
      })
    const answer = await (signal === undefined ? asked : unlessAborted(asked, signal))
    return openAnswer(answer.data, subject, () => this.#counts.add('malformed'))
  }

  respond(
    subject: string,
    handler: (payload: Uint8Array, subject: string) => Promise<Uint8Array>,
  ): () => void {
    checkPattern(subject)
    return this.#link.subscribe(this.#subject(subject), {
      queue: 'remora',
      callback: (error, message) => {
        if (error !== null) return this.#report(this.#link.mistake(`cannot answer ${subject}`, error))
        // Nobody asks: a message that was published here by mistake.
        if (message.reply === undefined || message.reply === '') return this.#counts.add('malformed')
        const { reply } = message
        this.#answer(handler, message.data, this.#own(message.subject))
          .then((answer) => this.#send(reply, answer))
          .catch((failure: unknown) => this.#report(failure))
      },
    })
  }

  async #answer(
    handler: (payload: Uint8Array, subject: string) => Promise<Uint8Array>,
    payload: Uint8Array,
    subject: string,
  ): Promise<Uint8Array> {
    if (this.#answering >= MOST_ANSWERING) {
      this.#counts.add('behind')
      return packFailure(new Mistake('E_BUS_NO_ANSWER', `too many ask for ${subject} at once`))
    }
    this.#answering++
    try {
      const answer = await handler(payload, subject)
      checkSize(answer, this.mostBytes)
      return packAnswer(answer)
    } catch (error) {
      if (!(error instanceof Mistake)) {
        this.#counts.add('handler-failed')
        this.#report(error)
      }
      return packFailure(error)
    } finally {
      this.#answering--
    }
  }

  /** Who asked has given up when nobody can be reached. */
  #send(reply: string, answer: Uint8Array): void {
    this.#link.send(reply, answer)
  }

  async stream(options: StreamOptions): Promise<Stream> {
    const stream = new NatsStream(this.#link, {
      ...options,
      ...this.#shared(),
      report: this.#report,
      consuming: (work) => {
        this.#consuming.add(work)
        work.finally(() => this.#consuming.delete(work)).catch(() => undefined)
      },
    })
    await stream.open()
    return stream
  }

  async bucket(options: BucketOptions): Promise<Bucket> {
    const bucket = new NatsBucket(this.#link, { ...options, ...this.#shared() })
    await bucket.open()
    return bucket
  }

  #shared() {
    const { prefix, replicas } = this.#settings
    return { prefix, replicas, ending: this.#ending.signal, mostBytesOfOne: () => this.mostBytes }
  }

  async close(): Promise<void> {
    if (this.#ending.signal.aborted) return
    this.#outgoing.close()
    this.#ending.abort()
    const idle = new AbortController()
    const handlers = Promise.allSettled(this.#consuming).then(() => idle.abort())
    await Promise.race([handlers, pause(CLOSING_MS, idle.signal)])
    await this.#link.close()
  }

  #subject(subject: string): string {
    return `${this.#settings.prefix}.msg.${subject}`
  }

  #own(subject: string): string {
    return subject.slice(this.#settings.prefix.length + '.msg.'.length)
  }
}

async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** What NATS takes when nobody has set anything else. */
const DEFAULT_PAYLOAD = 1 << 20
const RESERVED = 1024
/** How long handlers have to come to their end. */
const CLOSING_MS = 5000
const MOST_ANSWERING = 1000
