import { Backoff } from '../waiting/backoff.ts'
import { Bell } from '../waiting/bell.ts'
import { pause } from '../waiting/pause.ts'
import type { ReadOptions, Stream, StreamMessage, StreamOptions } from './bus.ts'
import type { Database, Row } from './database.ts'
import { checkSize, closed } from './mistakes.ts'
import { checkSubject } from './subjects.ts'

export const STREAM_SCHEMA = `
  CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL, subject TEXT NOT NULL, payload BLOB NOT NULL, at INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS messages_of ON messages (stream, sequence);
  CREATE TABLE IF NOT EXISTS ids (
    stream TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (stream, id)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS ids_at ON ids (stream, at);
  CREATE TABLE IF NOT EXISTS progress (
    stream TEXT NOT NULL, name TEXT NOT NULL, taken INTEGER NOT NULL, started INTEGER NOT NULL,
    PRIMARY KEY (stream, name)) WITHOUT ROWID;`

/** A stream in a file of this process. */
export class LocalStream implements Stream {
  readonly #database: Database
  readonly #limits: Omit<StreamOptions, 'name'>
  readonly #name: string
  readonly #closing: AbortSignal
  readonly #report: (error: unknown) => void
  readonly #bell = new Bell()
  /** Who takes under a name: one at a time, so that the order holds. */
  readonly #turns = new Map<string, Promise<void>>()
  #count = 0
  #bytes = 0
  #idsPrunedAt = 0

  constructor(
    database: Database,
    { name, ...limits }: StreamOptions,
    closing: AbortSignal,
    report: (error: unknown) => void,
  ) {
    this.#database = database
    this.#limits = limits
    this.#name = name
    this.#closing = closing
    this.#report = report
    this.#recount()
  }

  #recount(): void {
    const row = this.#database.get(
      'SELECT count(*) AS count, coalesce(sum(length(payload)), 0) AS bytes FROM messages WHERE stream = ?',
      this.#name,
    )
    this.#count = Number(row?.count)
    this.#bytes = Number(row?.bytes)
  }

  async append(subject: string, payload: Uint8Array, { id }: { readonly id: string }): Promise<void> {
    checkSubject(subject)
    checkSize(payload, MOST_BYTES)
    if (this.#closing.aborted) throw closed()
    const kept = payload.slice()
    try {
      await this.#database.write(
        () => this.#insert(subject, kept, id),
        () => this.#bell.ring(),
      )
    } catch (error) {
      if (!this.#closing.aborted) this.#recount()
      throw error
    }
  }

  #insert(subject: string, payload: Uint8Array, id: string): void {
    const now = Date.now()
    this.#forgetIds(now)
    const isNew = this.#database.run(
      'INSERT INTO ids (stream, id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      this.#name,
      id,
      now,
    )
    if (isNew === 0) return
    this.#database.run(
      'INSERT INTO messages (stream, subject, payload, at) VALUES (?, ?, ?, ?)',
      this.#name,
      subject,
      payload,
      now,
    )
    this.#count++
    this.#bytes += payload.length
    this.#dropOldest(now)
  }

  #forgetIds(now: number): void {
    if (Math.abs(now - this.#idsPrunedAt) < Math.min(1000, this.#limits.rememberIdsMs)) return
    this.#idsPrunedAt = now
    this.#database.run(
      'DELETE FROM ids WHERE stream = ? AND at < ?',
      this.#name,
      now - this.#limits.rememberIdsMs,
    )
  }

  #dropOldest(now: number): void {
    const { mostMessages, mostBytes, mostAgeMs } = this.#limits
    for (;;) {
      const oldest = this.#database.get(
        'SELECT sequence, length(payload) AS bytes, at FROM messages WHERE stream = ? ORDER BY sequence LIMIT 1',
        this.#name,
      )
      if (oldest === undefined) return
      const isOver = this.#count > mostMessages || this.#bytes > mostBytes
      if (!isOver && Number(oldest.at) >= now - mostAgeMs) return
      this.#database.run('DELETE FROM messages WHERE sequence = ?', Number(oldest.sequence))
      this.#count--
      this.#bytes -= Number(oldest.bytes)
    }
  }

  async consume(
    name: string,
    handler: (message: StreamMessage) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const either = AbortSignal.any([signal, this.#closing])
    const backoff = new Backoff(100, 5000)
    while (!either.aborted) {
      const outcome = await this.#inTurn(name, () => this.#take(name, handler, either))
      if (outcome === 'taken') backoff.reset()
      else if (outcome === 'none') await this.#bell.wait(either)
      else await pause(backoff.next(), either)
    }
  }

  /** Resolves when no handler works any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#turns.values())
  }

  #inTurn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(name) ?? Promise.resolve()
    const result = before.then(work)
    this.#turns.set(
      name,
      result.then(
        () => undefined,
        () => undefined,
      ),
    )
    return result
  }

  async #take(
    name: string,
    handler: (message: StreamMessage) => Promise<void>,
    signal: AbortSignal,
  ): Promise<'taken' | 'none' | 'failed'> {
    if (signal.aborted) return 'none'
    const { taken, started } = this.#progress(name)
    const row = this.#after(taken, 1)[0]
    if (row === undefined) return 'none'
    const message = toMessage(row, Number(row.sequence) <= started)
    // Should the process end while the handler works, the next one knows that this message has begun to be taken.
    await this.#database.write(() => this.#setProgress(name, taken, message.sequence))
    try {
      await handler(message)
    } catch (error) {
      this.#report(error)
      return 'failed'
    }
    await this.#database.write(() => this.#setProgress(name, message.sequence, message.sequence))
    return 'taken'
  }

  #progress(name: string): { readonly taken: number; readonly started: number } {
    const row = this.#database.get(
      'SELECT taken, started FROM progress WHERE stream = ? AND name = ?',
      this.#name,
      name,
    )
    return { taken: Number(row?.taken ?? 0), started: Number(row?.started ?? 0) }
  }

  #setProgress(name: string, taken: number, started: number): void {
    this.#database.run(
      `INSERT INTO progress (stream, name, taken, started) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET taken = excluded.taken, started = excluded.started`,
      this.#name,
      name,
      taken,
      started,
    )
  }

  async *read({ last, sinceMs, follow, signal }: ReadOptions): AsyncIterable<StreamMessage> {
    const either = AbortSignal.any([signal, this.#closing])
    let after = this.#before(last, sinceMs)
    const end = follow ? Number.POSITIVE_INFINITY : this.#lastSequence()
    while (!either.aborted) {
      const rows = this.#after(after, PAGE)
      for (const row of rows) {
        if (either.aborted || Number(row.sequence) > end) return
        yield toMessage(row, false)
        after = Number(row.sequence)
      }
      if (rows.length === PAGE) continue
      if (!follow) return
      await this.#bell.wait(either)
    }
  }

  /** Sequence behind which reading begins. */
  #before(last: number | undefined, sinceMs: number | undefined): number {
    let before = 0
    if (last !== undefined)
      before = Number(
        this.#database.get(
          'SELECT sequence FROM messages WHERE stream = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?',
          this.#name,
          last,
        )?.sequence ?? 0,
      )
    if (sinceMs !== undefined)
      before = Math.max(
        before,
        Number(
          this.#database.get(
            'SELECT max(sequence) AS sequence FROM messages WHERE stream = ? AND at < ?',
            this.#name,
            sinceMs,
          )?.sequence ?? 0,
        ),
      )
    return before
  }

  #lastSequence(): number {
    return Number(
      this.#database.get('SELECT max(sequence) AS last FROM messages WHERE stream = ?', this.#name)?.last ??
        0,
    )
  }

  #after(sequence: number, most: number): Row[] {
    return this.#database.all(
      'SELECT sequence, subject, payload, at FROM messages WHERE stream = ? AND sequence > ? AND at >= ? ORDER BY sequence LIMIT ?',
      this.#name,
      sequence,
      Date.now() - this.#limits.mostAgeMs,
      most,
    )
  }
}

function toMessage({ sequence, subject, payload, at }: Row, redelivered: boolean): StreamMessage {
  return {
    subject: String(subject),
    payload: payload instanceof Uint8Array ? payload : new Uint8Array(),
    sequence: Number(sequence),
    at: Number(at),
    redelivered,
  }
}

const PAGE = 256

/** Longest payload, as NATS has it by default: what fits here fits there. */
export const MOST_BYTES = (1 << 20) - 1024
