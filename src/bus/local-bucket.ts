import { Bell } from '../waiting/bell.ts'
import { LONGEST_TIMER_MS } from '../waiting/pause.ts'
import type { Bucket, BucketOptions, Change, Kept } from './bus.ts'
import type { Database, Row } from './database.ts'
import { MOST_BYTES } from './local-stream.ts'
import { checkSize, closed, conflict } from './mistakes.ts'
import { checkKey } from './subjects.ts'

export const BUCKET_SCHEMA = `
  CREATE TABLE IF NOT EXISTS buckets (
    bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (bucket, key)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS revisions (bucket TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;`

/** A bucket in a file of this process. */
export class LocalBucket implements Bucket {
  readonly #database: Database
  readonly #name: string
  readonly #ttlMs: number
  readonly #closing: AbortSignal
  readonly #watches = new Set<Watch>()
  #expiry: NodeJS.Timeout | undefined

  constructor(database: Database, { name, ttlMs = 0 }: BucketOptions, closing: AbortSignal) {
    this.#database = database
    this.#name = name
    this.#ttlMs = ttlMs
    this.#closing = closing
    closing.addEventListener('abort', () => clearTimeout(this.#expiry))
    this.#planExpiry()
  }

  async get(key: string): Promise<Kept | undefined> {
    checkKey(key)
    this.#checkOpen()
    const row = this.#row(key)
    return row && { value: bytes(row.value), revision: Number(row.revision) }
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, () => undefined)
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, (row) => {
      if (row !== undefined) throw conflict(this.#name, key)
    })
  }

  update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#write(key, value, (row) => {
      if (row === undefined || Number(row.revision) !== revision) throw conflict(this.#name, key)
    })
  }

  async #write(key: string, value: Uint8Array, check: (row: Row | undefined) => void): Promise<number> {
    checkKey(key)
    checkSize(value, MOST_BYTES)
    this.#checkOpen()
    const kept = value.slice()
    return this.#database.write(
      () => {
        check(this.#row(key))
        const revision = this.#nextRevision()
        this.#database.run(
          `INSERT INTO buckets (bucket, key, value, revision, at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET value = excluded.value, revision = excluded.revision, at = excluded.at`,
          this.#name,
          key,
          kept,
          revision,
          Date.now(),
        )
        return revision
      },
      (revision) => {
        this.#tell({ kind: 'put', key, value: kept, revision })
        this.#planExpiry()
      },
    )
  }

  async delete(key: string, revision?: number): Promise<void> {
    checkKey(key)
    this.#checkOpen()
    await this.#database.write(
      () => {
        const row = this.#row(key)
        if (row === undefined) return undefined
        if (revision !== undefined && Number(row.revision) !== revision) throw conflict(this.#name, key)
        return this.#remove(key)
      },
      (removed) => {
        if (removed !== undefined) this.#tell({ kind: 'delete', key, revision: removed })
      },
    )
  }

  #remove(key: string): number {
    this.#database.run('DELETE FROM buckets WHERE bucket = ? AND key = ?', this.#name, key)
    return this.#nextRevision()
  }

  async keys(prefix = ''): Promise<string[]> {
    this.#checkOpen()
    return this.#rows(prefix).map(({ key }) => String(key))
  }

  async *watch({
    prefix = '',
    signal,
  }: {
    readonly prefix?: string
    readonly signal: AbortSignal
  }): AsyncIterable<Change> {
    const either = AbortSignal.any([signal, this.#closing])
    const watch = new Watch(prefix)
    // What is written from here on comes behind what is there now: nothing else runs in between.
    this.#database.flush()
    this.#watches.add(watch)
    for (const { key, value, revision } of this.#rows(prefix))
      watch.tell({ kind: 'put', key: String(key), value: bytes(value), revision: Number(revision) })
    watch.tell({ kind: 'current' })
    try {
      yield* watch.changes(either)
    } finally {
      this.#watches.delete(watch)
    }
  }

  #tell(change: Exclude<Change, { kind: 'current' }>): void {
    for (const watch of this.#watches) if (change.key.startsWith(watch.prefix)) watch.tell(change)
  }

  #row(key: string): Row | undefined {
    return this.#database.get(
      'SELECT value, revision FROM buckets WHERE bucket = ? AND key = ? AND at >= ?',
      this.#name,
      key,
      this.#oldest(),
    )
  }

  #rows(prefix: string): Row[] {
    return this.#database
      .all(
        'SELECT key, value, revision FROM buckets WHERE bucket = ? AND at >= ? ORDER BY revision',
        this.#name,
        this.#oldest(),
      )
      .filter(({ key }) => String(key).startsWith(prefix))
  }

  #oldest(): number {
    return this.#ttlMs === 0 ? 0 : Date.now() - this.#ttlMs
  }

  #nextRevision(): number {
    const row = this.#database.get(
      'INSERT INTO revisions (bucket, last) VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last',
      this.#name,
    )
    return Number(row?.last)
  }

  /** Values that have been there long enough go, and who watches is told. */
  #planExpiry(): void {
    if (this.#ttlMs === 0 || this.#expiry !== undefined || this.#closing.aborted) return
    const oldest = this.#database.get('SELECT min(at) AS at FROM buckets WHERE bucket = ?', this.#name)?.at
    if (typeof oldest !== 'number') return
    const inMs = Math.max(10, oldest + this.#ttlMs - Date.now() + 1)
    this.#expiry = setTimeout(() => this.#expire(), Math.min(inMs, LONGEST_TIMER_MS)).unref()
  }

  #expire(): void {
    this.#expiry = undefined
    const work = () =>
      this.#database
        .all('SELECT key FROM buckets WHERE bucket = ? AND at < ?', this.#name, this.#oldest())
        .map(
          ({ key }) => ({ kind: 'delete', key: String(key), revision: this.#remove(String(key)) }) as const,
        )
    this.#database
      .write(work, (gone) => {
        for (const change of gone) this.#tell(change)
      })
      // They are not shown any more in any case; the next round deletes them.
      .catch(() => undefined)
      .finally(() => this.#planExpiry())
  }

  #checkOpen(): void {
    if (this.#closing.aborted) throw closed()
  }
}

/** Changes that wait for one who watches; of each key the last one, so that a slow one costs no more than the bucket. */
class Watch {
  readonly prefix: string
  readonly #waiting = new Map<string, Change>()
  readonly #bell = new Bell()

  constructor(prefix: string) {
    this.prefix = prefix
  }

  tell(change: Change): void {
    const key = change.kind === 'current' ? '' : change.key
    this.#waiting.set(key, change)
    this.#bell.ring()
  }

  async *changes(signal: AbortSignal): AsyncIterable<Change> {
    while (!signal.aborted) {
      for (const [key, change] of this.#waiting) {
        this.#waiting.delete(key)
        yield change
        if (signal.aborted) return
      }
      await this.#bell.wait(signal)
    }
  }
}

function bytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array()
}
