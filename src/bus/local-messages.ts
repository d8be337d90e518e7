import { Mistake } from '../mistake/mistake.ts'
import { pause } from '../waiting/pause.ts'
import type { RequestOptions } from './bus.ts'
import type { Counts } from './counts.ts'
import { openAnswer, packAnswer, packFailure } from './envelope.ts'
import { noAnswer } from './mistakes.ts'
import { checkPattern, checkSubject, hasWildcard, matches } from './subjects.ts'

type Handler = (payload: Uint8Array, subject: string) => void
type Responder = (payload: Uint8Array, subject: string) => Promise<Uint8Array>

/** Messages and requests within one process, with the delays of a network: nobody is called before `publish` returns. */
export class LocalMessages {
  readonly #counts: Counts
  readonly #report: (error: unknown) => void
  readonly #subscriptions = new Set<{ readonly pattern: string; readonly handler: Handler }>()
  readonly #responders: { readonly pattern: string; readonly handler: Responder }[] = []
  #turn = 0
  #queue: { readonly subject: string; readonly payload: Uint8Array }[] = []
  #queuedBytes = 0

  constructor(counts: Counts, report: (error: unknown) => void) {
    this.#counts = counts
    this.#report = report
  }

  publish(subject: string, payload: Uint8Array): void {
    checkSubject(subject)
    if (this.#queue.length >= MOST_QUEUED || this.#queuedBytes + payload.length > MOST_QUEUED_BYTES) {
      this.#counts.add('behind')
      return
    }
    this.#queue.push({ subject, payload: payload.slice() })
    this.#queuedBytes += payload.length
    if (this.#queue.length === 1) setImmediate(() => this.deliver())
  }

  /** Calls who listens to what is queued. */
  deliver(): void {
    const queue = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const { subject, payload } of queue)
      for (const { pattern, handler } of [...this.#subscriptions])
        if (matches(pattern, subject)) this.#call(handler, payload, subject)
  }

  #call(handler: Handler, payload: Uint8Array, subject: string): void {
    try {
      handler(payload, subject)
    } catch (error) {
      this.#counts.add('handler-failed')
      this.#report(error)
    }
  }

  subscribe(pattern: string, handler: Handler): () => void {
    checkPattern(pattern)
    const subscription = { pattern, handler }
    this.#subscriptions.add(subscription)
    return () => this.#subscriptions.delete(subscription)
  }

  respond(pattern: string, handler: Responder): () => void {
    checkPattern(pattern)
    const responder = { pattern, handler }
    this.#responders.push(responder)
    return () => {
      const at = this.#responders.indexOf(responder)
      if (at >= 0) this.#responders.splice(at, 1)
    }
  }

  async request(
    subject: string,
    payload: Uint8Array,
    { timeoutMs, signal }: RequestOptions,
  ): Promise<Uint8Array> {
    checkSubject(subject)
    if (hasWildcard(subject)) throw new Error(`no subject: ${subject}`)
    signal?.throwIfAborted()
    const request = payload.slice()
    await new Promise((resolve) => setImmediate(resolve))
    const responders = this.#responders.filter(({ pattern }) => matches(pattern, subject))
    this.#turn++
    const responder = responders[this.#turn % responders.length]
    if (responder === undefined) throw noAnswer(subject)
    const answer = await within(
      this.#answer(responder.handler, request, subject),
      { timeoutMs, signal },
      subject,
    )
    return openAnswer(answer, subject, () => this.#counts.add('malformed'))
  }

  async #answer(handler: Responder, payload: Uint8Array, subject: string): Promise<Uint8Array> {
    try {
      return packAnswer(await handler(payload, subject))
    } catch (error) {
      if (!(error instanceof Mistake)) {
        this.#counts.add('handler-failed')
        this.#report(error)
      }
      return packFailure(error)
    }
  }
}

async function within<Result>(
  work: Promise<Result>,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal | undefined },
  subject: string,
): Promise<Result> {
  const settled = new AbortController()
  const waiting = signal === undefined ? settled.signal : AbortSignal.any([signal, settled.signal])
  try {
    return await Promise.race([
      work,
      pause(timeoutMs, waiting).then(() => {
        signal?.throwIfAborted()
        throw noAnswer(subject, timeoutMs)
      }),
    ])
  } finally {
    settled.abort()
  }
}

const MOST_QUEUED = 100_000
const MOST_QUEUED_BYTES = 64 << 20
