import { JetStreamApiError } from '@nats-io/jetstream'
import { Mistake } from '../mistake/mistake.ts'
import { Backoff } from '../waiting/backoff.ts'
import { pause } from '../waiting/pause.ts'
import { token } from '../wire/subjects.ts'
import type { ReadOptions, Stream, StreamMessage, StreamOptions } from './bus.ts'
import { checkSize } from './mistakes.ts'
import type { NatsLink } from './nats-link.ts'
import { type Delivered, pull } from './nats-pull.ts'
import { dropReader, ensureStream, makeReader, type StreamSetup } from './nats-setup.ts'
import { checkSubject } from './subjects.ts'

export interface NatsStreamOptions extends StreamOptions {
  readonly prefix: string
  readonly replicas: number
  /** Aborts when the bus is closed. */
  readonly ending: AbortSignal
  readonly report: (error: unknown) => void
  readonly mostBytesOfOne: () => number
  /** Told of what should come to its end before the bus does. */
  readonly consuming: (work: Promise<void>) => void
}

/** A stream of JetStream. */
export class NatsStream implements Stream {
  readonly #link: NatsLink
  readonly #setup: StreamSetup
  readonly #subjects: string
  readonly #options: NatsStreamOptions

  constructor(link: NatsLink, options: NatsStreamOptions) {
    const { name, prefix, mostMessages, mostBytes, mostAgeMs, rememberIdsMs, replicas } = options
    this.#link = link
    this.#options = options
    this.#subjects = `${prefix}.stream.${name}.`
    this.#setup = {
      name: `${prefix}_${name}`,
      subjects: [`${this.#subjects}>`],
      retention: 'limits',
      storage: 'file',
      discard: 'old',
      max_msgs: mostMessages,
      max_bytes: mostBytes,
      max_age: mostAgeMs * 1e6,
      // Longer than messages are kept the server does not remember ids.
      duplicate_window: Math.min(rememberIdsMs, mostAgeMs) * 1e6,
      num_replicas: replicas,
    }
  }

  /** Rejects with `E_BUS`. */
  async open(): Promise<void> {
    await this.#or('cannot open the stream', () => ensureStream(this.#link, this.#setup))
  }

  async append(subject: string, payload: Uint8Array, { id }: { readonly id: string }): Promise<void> {
    checkSubject(subject)
    checkSize(payload, this.#options.mostBytesOfOne())
    const send = () =>
      this.#link.call(({ js }) =>
        js.publish(this.#subjects + subject, payload, {
          msgID: token(id),
          timeout: APPEND_MS,
          expect: { streamName: this.#setup.name },
        }),
      )
    await this.#or('cannot append', async () => {
      try {
        await send()
      } catch (error) {
        if (error instanceof Mistake || error instanceof JetStreamApiError) throw error
        // Somebody has deleted the stream, or the server has lost its disk.
        await ensureStream(this.#link, this.#setup)
        await send()
      }
    })
  }

  async consume(
    name: string,
    handler: (message: StreamMessage) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const end = AbortSignal.any([signal, this.#options.ending])
    const taking: Taking = { name: token(name), handler, end, taken: 0, created: '' }
    const work = this.#again(end, async (made) => {
      await this.#takeUp(taking)
      made()
      await this.#takeAll(taking)
    })
    this.#options.consuming(work)
    await work
  }

  /** The consumer whose progress the server keeps. */
  async #takeUp(taking: Taking): Promise<void> {
    const created = await ensureStream(this.#link, this.#setup)
    // Another stream of that name counts from the beginning again.
    if (created !== taking.created) taking.taken = 0
    taking.created = created
    await this.#link.call(({ jsm }) =>
      jsm.consumers.add(this.#setup.name, {
        durable_name: taking.name,
        ack_policy: 'explicit',
        deliver_policy: 'all',
        replay_policy: 'instant',
        // One at a time: the next one comes when this one is taken, so that the order holds when it comes again.
        max_ack_pending: 1,
        ack_wait: ACK_WAIT_MS * 1e6,
        max_deliver: -1,
      }),
    )
  }

  async #takeAll(taking: Taking): Promise<void> {
    const { api, outage } = this.#link
    const signal = AbortSignal.any([taking.end, outage])
    while (!signal.aborted) {
      const { messages, end } = await pull(api, this.#setup.name, taking.name, {
        most: 1,
        waitMs: WAIT_MS,
        signal,
      })
      for (const delivered of messages) await this.#take(taking, delivered)
      if (end === 'broken') return
    }
  }

  /** A server that was killed may have forgotten what was taken last, and gives it again: it was handled, and is not again. */
  async #take(taking: Taking, delivered: Delivered): Promise<void> {
    if (delivered.streamSequence > taking.taken) {
      if (!(await this.#handle(taking, delivered))) return this.#reply(delivered, '-NAK')
      taking.taken = delivered.streamSequence
    }
    this.#reply(delivered, '+ACK')
  }

  /** Until the handler takes it; false when the end came before. */
  async #handle({ handler, end }: Taking, delivered: Delivered): Promise<boolean> {
    const backoff = new Backoff(100, 5000)
    const atWork = setInterval(() => this.#reply(delivered, '+WPI'), ACK_WAIT_MS / 4)
    try {
      for (let redelivered = delivered.deliveries > 1; !end.aborted; redelivered = true)
        try {
          await handler(this.#message(delivered, redelivered))
          return true
        } catch (error) {
          this.#options.report(error)
          await pause(backoff.next(), end)
        }
      return false
    } finally {
      clearInterval(atWork)
    }
  }

  /** Where nobody can be reached the server gives it again. */
  #reply({ reply }: Delivered, word: string): void {
    this.#link.send(reply, word)
  }

  async *read({ last, sinceMs, follow, signal }: ReadOptions): AsyncIterable<StreamMessage> {
    const end = AbortSignal.any([signal, this.#options.ending])
    const backoff = new Backoff(100, 5000)
    let failures = 0
    let place: Place | undefined
    while (!end.aborted)
      try {
        place = await (place === undefined ? this.#place(last, sinceMs) : this.#stillThere(place))
        for await (const delivered of this.#from(place, follow, end)) {
          if (end.aborted) return
          place = { ...place, next: delivered.streamSequence + 1 }
          backoff.reset()
          yield this.#message(delivered, false)
        }
        if (!follow) return
      } catch (error) {
        if (end.aborted) return
        if (!follow && ++failures === ATTEMPTS)
          throw this.#link.mistake(`cannot read ${this.#options.name}`, error)
        await pause(backoff.next(), end)
        if (follow) await this.#link.whenConnected(end)
      }
  }

  /** Where reading begins, and what the last message is. */
  async #place(last: number | undefined, sinceMs: number | undefined): Promise<Place> {
    const created = await ensureStream(this.#link, this.#setup)
    const { state } = await this.#link.call(({ jsm }) => jsm.streams.info(this.#setup.name))
    let next = Math.max(1, state.first_seq)
    if (last !== undefined) next = Math.max(next, state.last_seq - last + 1)
    if (sinceMs !== undefined) next = Math.max(next, await this.#since(sinceMs, state.last_seq))
    return { next, last: state.last_seq, created }
  }

  /** The first message that is not older, or the one that will come next. */
  async #since(sinceMs: number, last: number): Promise<number> {
    const reader = await makeReader(this.#link, this.#setup.name, {
      deliver_policy: 'by_start_time',
      opt_start_time: new Date(sinceMs).toISOString(),
    })
    const signal = AbortSignal.any([this.#link.outage, this.#options.ending])
    const { messages, end } = await pull(this.#link.api, this.#setup.name, reader.name, {
      most: 1,
      waitMs: 0,
      signal,
    })
    dropReader(this.#link, this.#setup.name, reader.name)
    if (messages.length === 0 && end === 'broken') throw this.#link.mistake('cannot read')
    return messages[0]?.streamSequence ?? last + 1
  }

  /** After an outage: a server that has lost its disk counts from the beginning again. */
  async #stillThere(place: Place): Promise<Place> {
    const created = await ensureStream(this.#link, this.#setup)
    return created === place.created ? place : { ...place, next: 1, created }
  }

  /** Page by page, so that who reads slowly holds nothing up. Throws where the connection ends, or something is lost. */
  async *#from({ next, last }: Place, follow: boolean, end: AbortSignal): AsyncIterable<Delivered> {
    if (!follow && next > last) return
    const reader = await makeReader(this.#link, this.#setup.name, {
      deliver_policy: 'by_start_sequence',
      opt_start_seq: next,
    })
    const { api, outage } = this.#link
    const signal = AbortSignal.any([end, outage])
    let consumed = 0
    try {
      for (let waitMs = 0; !end.aborted; ) {
        const most = waitMs === 0 ? PAGE : 1
        const pulled = await pull(api, this.#setup.name, reader.name, { most, waitMs, signal })
        for (const delivered of pulled.messages) {
          // What got lost on the way is read again from where it was.
          if (delivered.consumerSequence !== ++consumed) throw this.#link.mistake('messages were lost')
          if (!follow && delivered.streamSequence > last) return
          yield delivered
        }
        if (pulled.end === 'broken') throw this.#link.mistake('the connection was lost')
        if (pulled.end === 'none' && !follow) return
        waitMs = pulled.end === 'none' ? WAIT_MS : 0
      }
    } finally {
      dropReader(this.#link, this.#setup.name, reader.name)
    }
  }

  #message({ message, streamSequence, at }: Delivered, redelivered: boolean): StreamMessage {
    return {
      subject: message.subject.slice(this.#subjects.length),
      payload: message.data,
      sequence: streamSequence,
      at,
      redelivered,
    }
  }

  /** Does something until the end, whatever breaks in between. */
  async #again(end: AbortSignal, work: (made: () => void) => Promise<void>): Promise<void> {
    const backoff = new Backoff(100, 5000)
    for (;;) {
      await this.#link.whenConnected(end)
      if (end.aborted) return
      try {
        await work(() => backoff.reset())
      } catch (error) {
        if (this.#link.connected)
          this.#options.report(this.#link.mistake(`cannot consume ${this.#options.name} for now`, error))
      }
      if (!end.aborted) await pause(backoff.next(), end)
    }
  }

  async #or<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw this.#link.mistake(`${what} ${this.#options.name}`, error)
    }
  }
}

interface Taking {
  readonly name: string
  readonly handler: (message: StreamMessage) => Promise<void>
  readonly end: AbortSignal
  /** Sequence of the last message that was taken here. */
  taken: number
  /** When the stream was made. */
  created: string
}

interface Place {
  readonly next: number
  readonly last: number
  readonly created: string
}

/** A message whose handler's program died comes again after this. */
const ACK_WAIT_MS = 5000
const APPEND_MS = 5000
const WAIT_MS = 20_000
const PAGE = 256
/** A message that becomes too old while it is asked for makes the server silent. */
const ATTEMPTS = 3
