import { z } from 'zod'
import { Database } from '../bus/database.ts'
import type { FlowEnd, SeenFlow } from '../policy/flow.ts'
import { MINUTE_MS } from '../policy/seen.ts'

export interface FlowLogOptions {
  /** Null: in memory. */
  readonly folder: string | null
  /** On the disk; the oldest minutes go for newer ones. */
  readonly mostBytes: number
  /** How long a connection is remembered, ms. */
  readonly keepMs: number
  readonly now?: () => number
}

/** Requests between the same two, of a minute at most. */
export interface Sighting {
  readonly from: FlowEnd
  readonly to: FlowEnd
  readonly protocol: string
  readonly port: number
  /** 0 where only the connection was seen. */
  readonly requests: number
  /** ms since the epoch, of the first of them */
  readonly firstAt: number
  readonly lastAt: number
}

/** Connections since a time, each as it was in all of it. */
export interface FlowPage {
  readonly flows: readonly SeenFlow[]
  /** Since when they are known, ms since the epoch: the time that was asked for, or later. */
  readonly from: number
  /** Nothing of the time that was asked for was lost. */
  readonly isComplete: boolean
  /** Behind which the next page begins; undefined at the end. */
  readonly next: string | undefined
}

/**
 * Who has connected to whom, for longer than entries are kept: for each minute, and each two ends with a port and a protocol,
 * how many requests there were, and when. Bounded by age and by size.
 */
export class FlowLog {
  readonly #options: FlowLogOptions
  readonly #now: () => number
  readonly #db: Database
  readonly #waiting = new Map<string, Waiting>()
  readonly #ends = new Map<string, number>()
  readonly #startedAt: number
  #timer: NodeJS.Timeout | undefined
  #lostAt = Number.NEGATIVE_INFINITY
  #rows = 0
  /** Rows that went before their time since there was no room; sightings that were never written. */
  #crowdedOut = 0
  #lost = 0

  /** Throws `E_STORE` when the folder cannot be used. */
  constructor(options: FlowLogOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#startedAt = this.#now()
    this.#db = new Database(options.folder, 'flows', SCHEMA)
    this.#rows = Number(this.#db.get('SELECT count(*) AS n FROM flows')?.n ?? 0)
    this.#timer = setInterval(() => this.flush(), FLUSH_MS).unref()
  }

  get counters() {
    return { rows: this.#rows, crowdedOut: this.#crowdedOut, lost: this.#lost }
  }

  /** So many were seen and could not be told. */
  miss(count: number): void {
    if (count === 0) return
    this.#lost += count
    this.#lostAt = this.#now()
  }

  add({ from, to, protocol, port, requests, firstAt, lastAt }: Sighting): void {
    const minute = Math.floor(firstAt / MINUTE_MS)
    const [source, target] = [JSON.stringify(from), JSON.stringify(to)]
    const key = `${minute} ${source} ${target} ${protocol} ${port}`
    const known = this.#waiting.get(key)
    if (known !== undefined) {
      known.requests += requests
      known.firstAt = Math.min(known.firstAt, firstAt)
      known.lastAt = Math.max(known.lastAt, lastAt)
      return
    }
    this.#waiting.set(key, { minute, source, target, protocol, port, requests, firstAt, lastAt })
    if (this.#waiting.size >= MOST_WAITING) this.flush()
  }

  /** Writes what waits, and lets go of what is too old or too much. */
  flush(): void {
    const rows = [...this.#waiting.values()]
    this.#waiting.clear()
    try {
      if (rows.length > 0) this.#db.transaction(() => this.#write(rows))
      this.#tidy()
    } catch {
      // The disk is full, or gone: what is lost is counted, and the next minute is tried again.
      this.miss(rows.length)
      this.#ends.clear()
    }
  }

  /** A part of what was seen since `sinceMs`, behind the one whose `next` this is. */
  page(sinceMs: number, after = ''): FlowPage {
    if (after === '') this.flush()
    const [source = 0, target = 0, protocol = '', port = 0] = after === '' ? [] : readCursor(after)
    const minute = Math.floor(sinceMs / MINUTE_MS)
    const rows = this.#db.all(PAGE, minute, source, target, protocol, port, PAGE_ROWS)
    const flows = rows.map((row) => ({
      from: JSON.parse(String(row.source)) as FlowEnd,
      to: JSON.parse(String(row.target)) as FlowEnd,
      protocol: String(row.protocol),
      port: Number(row.port),
      count: Number(row.requests),
      firstAt: Number(row.firstAt),
      lastAt: Number(row.lastAt),
    }))
    const oldest = Number(this.#db.get(OLDEST)?.at ?? this.#startedAt)
    const isComplete = this.#startedAt <= sinceMs && this.#lostAt < sinceMs && this.#floor() <= sinceMs
    const from = isComplete ? sinceMs : Math.max(sinceMs, Math.min(oldest, this.#startedAt), this.#floor())
    const last = rows.length < PAGE_ROWS ? undefined : rows.at(-1)
    const next = last && JSON.stringify([last.sourceId, last.targetId, last.protocol, last.port])
    return { flows, from, isComplete, next }
  }

  close(): void {
    clearInterval(this.#timer)
    this.flush()
    this.#db.close()
  }

  #write(rows: readonly Waiting[]): void {
    for (const { minute, source, target, protocol, port, requests, firstAt, lastAt } of rows) {
      const values = [minute, this.#endOf(source), this.#endOf(target), protocol, port] as const
      const isNew = this.#db.run(NEW, ...values, requests, firstAt, lastAt) > 0
      if (isNew) this.#rows++
      else this.#db.run(MORE, ...values, requests, firstAt, lastAt)
    }
  }

  #endOf(json: string): number {
    const known = this.#ends.get(json)
    if (known !== undefined) return known
    this.#db.run('INSERT INTO ends (json) VALUES (?) ON CONFLICT DO NOTHING', json)
    const id = Number(this.#db.get('SELECT id FROM ends WHERE json = ?', json)?.id)
    if (this.#ends.size >= MOST_ENDS) this.#ends.clear()
    this.#ends.set(json, id)
    return id
  }

  /** Nothing before it is known any more. */
  #floor(): number {
    return Number(this.#db.get("SELECT value FROM facts WHERE name = 'floor'")?.value ?? 0)
  }

  #tidy(): void {
    const oldest = Math.floor((this.#now() - this.#options.keepMs) / MINUTE_MS)
    this.#drop(oldest)
    while (this.#rows > 0 && this.#bytes() > this.#options.mostBytes) {
      const first = Number(this.#db.get('SELECT min(minute) AS minute FROM flows')?.minute ?? 0)
      this.#crowdedOut += this.#drop(first + 1)
    }
  }

  /** Forgets the minutes before this one. Answers how many rows went. */
  #drop(minute: number): number {
    const gone = this.#db.run('DELETE FROM flows WHERE minute < ?', minute)
    if (gone === 0) return 0
    this.#rows -= gone
    this.#db.run(FLOOR, minute * MINUTE_MS)
    this.#db.run(UNUSED)
    this.#ends.clear()
    return gone
  }

  /** Without pages that are free. */
  #bytes(): number {
    const pragma = (name: string) => Number(this.#db.get(`PRAGMA ${name}`)?.[name] ?? 0)
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  }
}

const cursor = z.tuple([z.number(), z.number(), z.string(), z.number()])

/** Of one that is none: the first page. */
function readCursor(text: string): readonly [number, number, string, number] | readonly [] {
  try {
    return cursor.safeParse(JSON.parse(text)).data ?? []
  } catch {
    return []
  }
}

interface Waiting {
  readonly minute: number
  readonly source: string
  readonly target: string
  readonly protocol: string
  readonly port: number
  requests: number
  firstAt: number
  lastAt: number
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS ends (id INTEGER PRIMARY KEY, json TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS flows (
    minute INTEGER NOT NULL,
    source INTEGER NOT NULL,
    target INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    port INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    firstAt REAL NOT NULL,
    lastAt REAL NOT NULL,
    PRIMARY KEY (minute, source, target, protocol, port)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS flowsByEnds ON flows (source, target, protocol, port);
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value REAL NOT NULL);
`

const NEW = `
  INSERT INTO flows (minute, source, target, protocol, port, requests, firstAt, lastAt)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
`

const MORE = `
  UPDATE flows SET requests = requests + ?6, firstAt = min(firstAt, ?7), lastAt = max(lastAt, ?8)
  WHERE minute = ?1 AND source = ?2 AND target = ?3 AND protocol = ?4 AND port = ?5
`

/** Reads on from where the page before has ended, so that all pages together read each row once. */
const PAGE = `
  SELECT sourceId, targetId, one.json AS source, other.json AS target, protocol, port, requests, firstAt, lastAt
  FROM (
    SELECT source AS sourceId, target AS targetId, protocol, port,
      sum(requests) AS requests, min(firstAt) AS firstAt, max(lastAt) AS lastAt
    FROM flows INDEXED BY flowsByEnds
    WHERE minute >= ?1 AND (source, target, protocol, port) > (?2, ?3, ?4, ?5)
    GROUP BY source, target, protocol, port
    ORDER BY source, target, protocol, port
    LIMIT ?6
  )
  JOIN ends AS one ON one.id = sourceId
  JOIN ends AS other ON other.id = targetId
  ORDER BY sourceId, targetId, protocol, port
`

const OLDEST = 'SELECT min(firstAt) AS at FROM flows WHERE minute = (SELECT min(minute) FROM flows)'

const FLOOR = `
  INSERT INTO facts (name, value) VALUES ('floor', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)
`

const UNUSED = `
  DELETE FROM ends WHERE id NOT IN (SELECT source FROM flows UNION SELECT target FROM flows)
`

const FLUSH_MS = 10_000
const MOST_WAITING = 20_000
const MOST_ENDS = 100_000
const PAGE_ROWS = 1000
