import { compileFilter, type Filter } from '../../filter/index.ts'
import { mask } from '../../filter/mask.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { EntriesQuery } from '../../wire/entries.ts'
import type { FilterSettings, StoredEntry, StoredPage } from '../entries/entry-store.ts'
import { sqlText, whereOf } from './sql.ts'
import { type ClickHouseClient, type ClickHouseOptions, clientFor, isMissingTable } from './table.ts'

export interface ClickHouseReaderOptions extends ClickHouseOptions, FilterSettings {}

/** Opens a table of entries, of all nodes, for reading. */
export function openClickHouseReader(options: ClickHouseReaderOptions): ClickHouseReader {
  return new ClickHouseReader(options, clientFor(options))
}

/** Place of a row in the order of pages: the newest first. */
interface Place {
  readonly us: number
  readonly node: string
  readonly session: number
  readonly seq: number
}

/** As the server sends it. */
interface StoredRow {
  readonly at_us: number
  readonly at: string
  readonly node: string
  readonly session: number
  readonly seq: number
  readonly json: string
}

interface Row extends StoredEntry, Place {}

/** Answers what the local reader answers: ClickHouse leaves out what cannot match, and the filter itself decides. */
class ClickHouseReader {
  readonly #options: ClickHouseReaderOptions
  readonly #client: ClickHouseClient

  constructor(options: ClickHouseReaderOptions, client: ClickHouseClient) {
    this.#options = options
    this.#client = client
  }

  /** Like `EntryReader.page`; `scanned` counts the entries that ClickHouse could not rule out. */
  async page(
    query: EntriesQuery,
    { signal, mostBytes }: { readonly signal: AbortSignal; readonly mostBytes: number },
  ): Promise<StoredPage> {
    signal.throwIfAborted()
    const { prefer, macros } = this.#options
    const filter = compileFilter(query.filter, { prefer, macros, now: Date.now() })
    const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor)
    const page = new Page(filter, query, mostBytes, cursor?.left ?? filter.limit ?? Number.POSITIVE_INFINITY)
    let place = cursor?.place
    let most = Math.max(FEWEST_ROWS, query.limit)
    for (let hasMore = true; hasMore && !page.isFull; most = Math.min(most * 4, MOST_ROWS)) {
      let rows = 0
      for await (const row of this.#rows(filter, query, place, most, signal)) {
        rows++
        // Sent twice, because nobody knew whether it had come.
        if (place !== undefined && isSame(row, place)) continue
        if (page.isFull || !page.offer(row)) break
        place = row
      }
      hasMore = rows >= most
      if (!hasMore && !page.isFull) return page.finish(undefined)
    }
    return page.finish(place)
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async *#rows(
    filter: Filter,
    query: EntriesQuery,
    place: Place | undefined,
    most: number,
    signal: AbortSignal,
  ): AsyncGenerator<Row> {
    const { database, ttlMs } = this.#options
    const conditions = [
      whereOf(filter.conditions),
      `stored > toDateTime(${Math.max(0, Math.floor((Date.now() - ttlMs) / 1000))})`,
      // In microseconds a time may be a little off.
      ...(query.from === undefined ? [] : [`at_us >= ${whole(query.from * 1000 - 1)}`]),
      ...(query.to === undefined ? [] : [`at_us <= ${whole(query.to * 1000 + 1)}`]),
      ...(place === undefined ? [] : [behind(place)]),
    ]
    const statement = `SELECT at_us, at, node, session, seq, json FROM ${database}.entries
      WHERE ${conditions.join(' AND ')}
      ORDER BY at_us DESC, node DESC, session DESC, seq DESC LIMIT ${most}`
    const answer = await this.#ask(statement, signal)
    if (answer === undefined) return
    try {
      for await (const rows of answer.stream())
        for (const row of rows) {
          const { at_us, at, node, session, seq, json } = row.json<StoredRow>()
          yield { us: at_us, atMs: Number(at), node, session, seq, json }
        }
    } finally {
      answer.close()
    }
  }

  /** Undefined while there is no table: nothing has been written yet. */
  async #ask(query: string, signal: AbortSignal) {
    try {
      return await this.#client.query({ query, format: 'JSONEachRow', abort_signal: signal })
    } catch (error) {
      signal.throwIfAborted()
      if (isMissingTable(error)) return undefined
      throw new Mistake('E_STORE', 'ClickHouse did not answer the query', {
        hint: 'see entries.clickhouse.url, and the log of the server',
        cause: error,
      })
    }
  }
}

class Page {
  #scanned = 0
  #bytes = 0
  #isFull = false
  readonly #entries: StoredEntry[] = []
  readonly #starts: string[] = []
  readonly #filter: Filter
  readonly #query: EntriesQuery
  readonly #mostBytes: number
  readonly #wanted: number

  constructor(filter: Filter, query: EntriesQuery, mostBytes: number, wanted: number) {
    this.#filter = filter
    this.#query = query
    this.#mostBytes = mostBytes
    this.#wanted = wanted
    this.#isFull = wanted <= 0
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** False when it does not fit any more. */
  offer(row: Row): boolean {
    const { atMs, json } = row
    const { from, to, limit } = this.#query
    this.#scanned++
    const isWithin = (from === undefined || atMs >= from) && (to === undefined || atMs <= to)
    const shown = isWithin ? shownBy(this.#filter, json) : undefined
    if (shown === undefined) return true
    if (this.#entries.length > 0 && this.#bytes + shown.length > this.#mostBytes) {
      this.#isFull = true
      return false
    }
    const left = this.#wanted - this.#entries.length
    this.#starts.push(cursorText({ ...row, seq: row.seq + 1 }, left))
    this.#entries.push({ atMs, json: shown })
    this.#bytes += shown.length
    this.#isFull = this.#entries.length >= Math.min(limit, this.#wanted)
    return true
  }

  finish(place: Place | undefined): StoredPage {
    const left = this.#wanted - this.#entries.length
    const cursor = place === undefined || left <= 0 ? null : cursorText(place, left)
    return { entries: this.#entries, starts: this.#starts, cursor, scanned: this.#scanned }
  }
}

/** Undefined when it does not match. */
function shownBy(filter: Filter, json: string): string | undefined {
  try {
    const entry: unknown = JSON.parse(json)
    if (!filter.matches(entry)) return undefined
    if (filter.redactions.length === 0) return json
    for (const path of filter.redactions) mask(entry, path)
    return JSON.stringify(entry)
  } catch {
    // A filter that fails on an entry does not match it.
    return undefined
  }
}

function behind({ us, node, session, seq }: Place): string {
  const name = sqlText(node) ?? "''"
  return `(at_us < ${us} OR (at_us = ${us} AND (node < ${name} OR (node = ${name} AND (session < ${session} OR (session = ${session} AND seq < ${seq}))))))`
}

function isSame(a: Place, b: Place): boolean {
  return a.us === b.us && a.node === b.node && a.session === b.session && a.seq === b.seq
}

function whole(number: number): number {
  return Math.trunc(Math.max(-1e15, Math.min(9e15, number)))
}

function cursorText({ us, node, session, seq }: Place, left: number): string {
  const numbers = [us, session, seq, ...(Number.isFinite(left) ? [left] : [])]
  return `${Buffer.from(node).toString('base64url')}.${numbers.join('.')}`
}

/** Throws E_REQUEST. */
function readCursor(text: string): { readonly place: Place; readonly left: number | undefined } {
  const match = /^([\w-]{0,400})\.(-?\d{1,16})\.(\d{1,15})\.(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text)
  if (match === null)
    throw new Mistake('E_REQUEST', 'the cursor is none of ours', {
      hint: 'leave it out to begin with the newest',
    })
  const [, node = '', us, session, seq, left] = match
  const place = {
    us: Number(us),
    node: Buffer.from(node, 'base64url').toString(),
    session: Number(session),
    seq: Number(seq),
  }
  return { place, left: left === undefined ? undefined : Number(left) }
}

const FEWEST_ROWS = 500
const MOST_ROWS = 20_000
