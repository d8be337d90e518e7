import { randomUUID } from 'node:crypto'
import { Mistake } from '../mistake/mistake.ts'
import { Backoff } from '../waiting/backoff.ts'
import { Bell } from '../waiting/bell.ts'
import { pause } from '../waiting/pause.ts'
import type { Bus, Stream, StreamOptions } from './bus.ts'
import { Database, type Row } from './database.ts'
import { checkSize } from './mistakes.ts'
import { checkSubject } from './subjects.ts'
import { whenReached } from './when-reached.ts'

export interface OutboxOptions {
  /** A folder of this program alone; null: in memory, for tests. */
  readonly folder: string | null
  readonly bus: Bus
  readonly stream: StreamOptions
  /** What waits at most; beyond it the oldest goes. */
  readonly mostMessages: number
  readonly mostBytes: number
  /** So many were dropped since it was called last: with the first one, and then at most every ten seconds. */
  readonly onDrop?: (count: number) => void
  /** Told what goes wrong with forwarding; it is tried again. */
  readonly report?: (error: unknown) => void
}

/** Throws `E_STORE` when the folder is used by another process, or what is in it is damaged. */
export function openOutbox(options: OutboxOptions): Outbox {
  return new Outbox(options)
}

/**
 * Messages on their way to a stream, kept on disk until they are in it: neither an outage nor the end of the program loses
 * them. They go in order, with ids, so that what is sent twice is kept once; that holds for outages that are shorter than
 * the stream remembers ids.
 */
export class Outbox {
  /** This run of the program: with it, numbers that begin at 1 each time are never the same. */
  readonly boot = randomUUID()
  readonly #options: OutboxOptions
  readonly #database: Database
  readonly #numbers = new Map<string, number>()
  readonly #dropped: Record<DropReason, number> = { 'queue-full': 0, 'too-large': 0 }
  readonly #pushed = new Bell()
  readonly #sent = new Bell()
  readonly #closing = new AbortController()
  readonly #forwarding: Promise<void>
  #stream: Stream | undefined
  #depth = 0
  #bytes = 0
  #sending = 0
  #untold = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #telling: NodeJS.Timeout | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#database = new Database(options.folder, 'outbox', SCHEMA)
    const row = this.#database.get(
      'SELECT count(*) AS count, coalesce(sum(length(payload)), 0) AS bytes FROM outbox',
    )
    this.#depth = Number(row?.count)
    this.#bytes = Number(row?.bytes)
    this.#forwarding = this.#forward()
  }

  /** How many wait. */
  get depth(): number {
    return this.#depth
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Messages that will not arrive, by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return { ...this.#dropped }
  }

  /** Of this sender, one more than the last one in this run; 1 at first. */
  nextNumber(sender: string): number {
    const number = (this.#numbers.get(sender) ?? 0) + 1
    this.#numbers.set(sender, number)
    return number
  }

  /** When it returns the message is safe, also from `kill -9`. Throws `E_TOO_LARGE`, and `E_STORE` when the disk refuses. */
  push(subject: string, payload: Uint8Array, id: string): void {
    checkSubject(subject)
    checkSize(payload, Math.min(this.#options.bus.mostBytes, this.#options.mostBytes))
    if (this.#closing.signal.aborted) throw new Mistake('E_STORE', 'the outbox is closed')
    this.#database.run('INSERT INTO outbox (subject, id, payload) VALUES (?, ?, ?)', subject, id, payload)
    this.#depth++
    this.#bytes += payload.length
    this.#dropOldest()
    this.#pushed.ring()
  }

  /** Forwards what waits if that is soon done; the rest goes when it is opened again. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    const end = AbortSignal.timeout(CLOSING_MS)
    while (this.#depth > 0 && this.#options.bus.connected && !end.aborted) await this.#sent.wait(end)
    this.#closing.abort()
    clearTimeout(this.#telling)
    await this.#forwarding
    this.#database.close()
  }

  async #forward(): Promise<void> {
    const { signal } = this.#closing
    const backoff = new Backoff(100, 5000)
    while (!signal.aborted)
      try {
        const row = this.#oldest()
        if (row === undefined) await this.#pushed.wait(signal)
        else await this.#send(row)
        backoff.reset()
      } catch (error) {
        if (signal.aborted) return
        this.#options.report?.(error)
        await pause(backoff.next(), signal)
      }
  }

  #oldest(): Row | undefined {
    return this.#database.get('SELECT number, subject, id, payload FROM outbox ORDER BY number LIMIT 1')
  }

  async #send({ number, subject, id, payload }: Row): Promise<void> {
    this.#sending = Number(number)
    const bytes = payload instanceof Uint8Array ? payload : new Uint8Array()
    try {
      await this.#append(String(subject), bytes, String(id))
    } catch (error) {
      // It would never be taken, and the others would wait for it for ever.
      if (!(error instanceof Mistake && error.code === 'E_TOO_LARGE')) throw error
      this.#countDrop('too-large')
    } finally {
      this.#sending = 0
    }
    this.#database.run('DELETE FROM outbox WHERE number = ?', Number(number))
    this.#depth--
    this.#bytes -= bytes.length
    this.#sent.ring()
  }

  #append(subject: string, payload: Uint8Array, id: string): Promise<void> {
    const { bus, stream, report } = this.#options
    const work = async () => {
      this.#stream ??= await bus.stream(stream)
      await this.#stream.append(subject, payload, { id })
    }
    return whenReached(bus, work, this.#closing.signal, report)
  }

  #dropOldest(): void {
    const { mostMessages, mostBytes } = this.#options
    while (this.#depth > mostMessages || this.#bytes > mostBytes) {
      // What is under way may be in the stream already.
      const row = this.#database.get(
        'SELECT number, length(payload) AS bytes FROM outbox WHERE number <> ? ORDER BY number LIMIT 1',
        this.#sending,
      )
      if (row === undefined) return
      this.#database.run('DELETE FROM outbox WHERE number = ?', Number(row.number))
      this.#depth--
      this.#bytes -= Number(row.bytes)
      this.#countDrop('queue-full')
    }
  }

  #countDrop(reason: DropReason): void {
    this.#dropped[reason]++
    this.#untold++
    const leftMs = this.#toldAt + TELL_MS - performance.now()
    if (leftMs <= 0) this.#tell()
    else this.#telling ??= setTimeout(() => this.#tell(), leftMs).unref()
  }

  #tell(): void {
    clearTimeout(this.#telling)
    this.#telling = undefined
    this.#toldAt = performance.now()
    const count = this.#untold
    this.#untold = 0
    try {
      this.#options.onDrop?.(count)
    } catch (error) {
      this.#options.report?.(error)
    }
  }
}

type DropReason = 'queue-full' | 'too-large'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, id TEXT NOT NULL, payload BLOB NOT NULL);`

const CLOSING_MS = 2000
const TELL_MS = 10_000
