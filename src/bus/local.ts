import { pause } from '../waiting/pause.ts'
import type { Bucket, BucketOptions, Bus, RequestOptions, Stream, StreamOptions } from './bus.ts'
import { Counts } from './counts.ts'
import { Database } from './database.ts'
import { BUCKET_SCHEMA, LocalBucket } from './local-bucket.ts'
import { LocalMessages } from './local-messages.ts'
import { LocalStream, MOST_BYTES, STREAM_SCHEMA } from './local-stream.ts'
import { checkSize, closed } from './mistakes.ts'

export interface LocalBusOptions {
  /** Where streams and buckets are kept; null: in memory, for as long as the process lives. */
  readonly folder: string | null
  /** Told what handlers have thrown that is not a Mistake for who asked. */
  readonly report?: (error: unknown) => void
}

/** Throws `E_STORE` when the folder is used by another process, or what is in it is damaged. */
export function openLocalBus(options: LocalBusOptions): LocalBus {
  return new LocalBus(options)
}

/** A bus for programs that run in one process: a worker with a hub of its own. */
export class LocalBus implements Bus {
  readonly description = 'in this process'
  readonly connected = true
  readonly mostBytes = MOST_BYTES
  readonly #counts = new Counts()
  readonly #closing = new AbortController()
  readonly #report: (error: unknown) => void
  readonly #database: Database
  readonly #messages: LocalMessages
  readonly #streams = new Map<string, LocalStream>()
  readonly #buckets = new Map<string, LocalBucket>()

  constructor({ folder, report = () => undefined }: LocalBusOptions) {
    this.#report = report
    this.#database = new Database(folder, 'bus', STREAM_SCHEMA + BUCKET_SCHEMA)
    this.#messages = new LocalMessages(this.#counts, report)
  }

  onConnection(_listener: (connected: boolean) => void): () => void {
    return () => undefined
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.#counts.all
  }

  publish(subject: string, payload: Uint8Array): void {
    checkSize(payload, MOST_BYTES)
    if (!this.#closing.signal.aborted) this.#messages.publish(subject, payload)
  }

  subscribe(subject: string, handler: (payload: Uint8Array, subject: string) => void): () => void {
    return this.#messages.subscribe(subject, handler)
  }

  async request(subject: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    checkSize(payload, MOST_BYTES)
    if (this.#closing.signal.aborted) throw closed()
    return this.#messages.request(subject, payload, options)
  }

  respond(
    subject: string,
    handler: (payload: Uint8Array, subject: string) => Promise<Uint8Array>,
  ): () => void {
    return this.#messages.respond(subject, async (payload, from) => {
      const answer = await handler(payload, from)
      checkSize(answer, MOST_BYTES)
      return answer
    })
  }

  async stream(options: StreamOptions): Promise<Stream> {
    if (this.#closing.signal.aborted) throw closed()
    const stream =
      this.#streams.get(options.name) ??
      new LocalStream(this.#database, options, this.#closing.signal, this.#report)
    this.#streams.set(options.name, stream)
    return stream
  }

  async bucket(options: BucketOptions): Promise<Bucket> {
    if (this.#closing.signal.aborted) throw closed()
    const bucket =
      this.#buckets.get(options.name) ?? new LocalBucket(this.#database, options, this.#closing.signal)
    this.#buckets.set(options.name, bucket)
    return bucket
  }

  async close(): Promise<void> {
    this.#messages.deliver()
    this.#closing.abort()
    await this.#idle()
    this.#database.close()
  }

  async #idle(): Promise<void> {
    const idle = new AbortController()
    const handlers = Promise.all([...this.#streams.values()].map((stream) => stream.idle()))
    await Promise.race([handlers.then(() => idle.abort()), pause(CLOSING_MS, idle.signal)])
  }
}

/** How long handlers have to come to their end. */
const CLOSING_MS = 5000
