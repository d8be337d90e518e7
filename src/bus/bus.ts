/**
 * How programs reach each other: messages that may be lost, requests, streams that are kept, and buckets of keys and values.
 * Two implementations, held to one contract (`src/testing/describe-bus.ts`): within one process, and over NATS with
 * JetStream. Subjects are tokens with dots between them; in subscriptions `*` stands for one token and a last `>` for the
 * rest. Payloads are bytes.
 */
export interface Bus {
  /** For logs and `doctor`: `in this process`, `nats://10.0.0.1:4222`. */
  readonly description: string
  /** Whether the other programs can be reached now. It mends itself. */
  readonly connected: boolean
  /** Called with each change of `connected`. Answers how to stop listening. */
  onConnection(listener: (connected: boolean) => void): () => void
  /** Messages that were not sent since nobody could be reached, and those that came too fast: by reason. */
  readonly dropped: Readonly<Record<string, number>>

  /** At most once, to whoever listens now. Never waits, never throws but for a payload beyond `mostBytes`. */
  publish(subject: string, payload: Uint8Array): void
  /** Answers how to stop. A handler that throws is counted and does not end the subscription. */
  subscribe(subject: string, handler: (payload: Uint8Array, subject: string) => void): () => void

  /** Rejects with `E_BUS_NO_ANSWER` when nobody answers in time, and with the mistake that the other side answered. */
  request(subject: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array>
  /** Answers requests; a Mistake that it throws goes back to who asked. Several that respond share the requests. */
  respond(subject: string, handler: (payload: Uint8Array, subject: string) => Promise<Uint8Array>): () => void

  /** Opens a stream, makes it when it is not there. Rejects with `E_BUS` when the bus cannot be reached. */
  stream(options: StreamOptions): Promise<Stream>
  /** Opens a bucket, makes it when it is not there. */
  bucket(options: BucketOptions): Promise<Bucket>

  /** Longest payload. */
  readonly mostBytes: number
  /** Sends what is under way, and ends. */
  close(): Promise<void>
}

export interface RequestOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface StreamOptions {
  readonly name: string
  /** What is kept at most; the oldest goes first. */
  readonly mostMessages: number
  readonly mostBytes: number
  readonly mostAgeMs: number
  /** How long an id is remembered: an append with it again is the same one. */
  readonly rememberIdsMs: number
}

/** Messages that are kept, in the order in which they were appended. */
export interface Stream {
  /** Resolves when it is kept safely. With an id that was appended before, nothing happens. Rejects with `E_BUS`. */
  append(subject: string, payload: Uint8Array, options: { readonly id: string }): Promise<void>
  /**
   * Takes each message once, one after another, under a name whose progress is kept: who comes later with that name goes
   * on where it ended. A message counts as taken when the handler resolves; when it rejects, or its program dies, the
   * message comes again, with `redelivered`. Ends when the signal aborts; goes on by itself after an outage.
   */
  consume(
    name: string,
    handler: (message: StreamMessage) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>
  /** Reads without taking: the last so many, or those since a time, and then, with `follow`, what comes. */
  read(options: ReadOptions): AsyncIterable<StreamMessage>
}

export interface StreamMessage {
  readonly subject: string
  readonly payload: Uint8Array
  /** Place in the stream: grows, may leave gaps. */
  readonly sequence: number
  /** When it was appended, ms since the epoch. */
  readonly at: number
  readonly redelivered: boolean
}

export interface ReadOptions {
  readonly last?: number
  readonly sinceMs?: number
  readonly follow: boolean
  readonly signal: AbortSignal
}

export interface BucketOptions {
  readonly name: string
  /** Values that were not written again for so long are gone; 0: never. */
  readonly ttlMs?: number
}

/** Keys with values, and a number (revision) for each write in the bucket, which only grows. */
export interface Bucket {
  get(key: string): Promise<Kept | undefined>
  /** Whatever there is. Answers the revision. */
  put(key: string, value: Uint8Array): Promise<number>
  /** Rejects with `E_CONFLICT` when there is a value. */
  create(key: string, value: Uint8Array): Promise<number>
  /** Rejects with `E_CONFLICT` when the value is not the one of this revision. */
  update(key: string, value: Uint8Array, revision: number): Promise<number>
  /** With a revision: rejects with `E_CONFLICT` when it is another one. Of what is not there: nothing. */
  delete(key: string, revision?: number): Promise<void>
  keys(prefix?: string): Promise<string[]>
  /**
   * What there is now, then `current`, then each change. Keys are filtered by what they begin with. Goes on by itself after
   * an outage: what changed meanwhile comes then.
   */
  watch(options: { readonly prefix?: string; readonly signal: AbortSignal }): AsyncIterable<Change>
}

export interface Kept {
  readonly value: Uint8Array
  readonly revision: number
}

export type Change =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array; readonly revision: number }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number }
  | { readonly kind: 'current' }
