import { setImmediate } from 'node:timers/promises'
import { Backoff } from '../../waiting/backoff.ts'
import { pause } from '../../waiting/pause.ts'
import { columnsOf } from './columns.ts'
import {
  type ClickHouseClient,
  type ClickHouseOptions,
  clientFor,
  dropExpired,
  isRefusal,
  makeTable,
} from './table.ts'

export interface ClickHouseSinkOptions extends ClickHouseOptions {
  /** Name of this node. */
  readonly node: string
}

/** appended = waiting + written + dropped. */
export interface ClickHouseSinkCounters {
  readonly appended: number
  readonly waiting: number
  readonly written: number
  readonly retries: number
  /** `behind`: the server is slow or away; `refused`: it does not take them. */
  readonly dropped: Readonly<Record<string, number>>
  /** Why it was not taken the last time; "" when it was. */
  readonly problem: string
}

interface Waiting {
  readonly atMs: number
  readonly json: string
  readonly seq: number
}

type SinkRow = Readonly<Record<string, string | number>>

/** Opens a table of entries for writing; it is made when the server is there. */
export function openClickHouseSink(options: ClickHouseSinkOptions): ClickHouseSink {
  return new ClickHouseSink(options, clientFor(options))
}

/** Sends entries to ClickHouse in batches, again until they are taken, as long as there is room for those that wait. */
class ClickHouseSink {
  readonly #options: ClickHouseSinkOptions
  readonly #client: ClickHouseClient
  /** Tells our entries from those of an earlier run. */
  readonly #session = Date.now()
  readonly #stop = new AbortController()
  #queue: Waiting[] = []
  #characters = 0
  #appended = 0
  #inFlight = 0
  #written = 0
  #retries = 0
  #problem = ''
  readonly #dropped: Record<string, number> = {}
  #hasTable = false
  #purgedAt = 0
  #running: Promise<void> | undefined

  constructor(options: ClickHouseSinkOptions, client: ClickHouseClient) {
    this.#options = options
    this.#client = client
  }

  get counters(): ClickHouseSinkCounters {
    return {
      appended: this.#appended,
      waiting: this.#queue.length + this.#inFlight,
      written: this.#written,
      retries: this.#retries,
      dropped: { ...this.#dropped },
      problem: this.#problem,
    }
  }

  /** Never waits, never throws. */
  append(atMs: number, json: string): void {
    const seq = this.#appended++
    if (this.#stop.signal.aborted || this.#characters + json.length > MOST_CHARACTERS) {
      this.#drop('behind', 1)
      return
    }
    this.#queue.push({ atMs, json, seq })
    this.#characters += json.length
    this.#running ??= this.#run()
  }

  /** All that was appended has been taken or dropped. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Waits for what is on its way, but not for a server that is away: what it did not take counts as `behind`. */
  async close(): Promise<void> {
    const flushed = new AbortController()
    await Promise.race([this.flush(), pause(CLOSING_MS, flushed.signal)])
    flushed.abort()
    this.#stop.abort()
    await this.flush()
    await this.#client.close()
  }

  async #run(): Promise<void> {
    // So that more than the first can travel together.
    await pause(GATHER_MS)
    while (this.#queue.length > 0) await this.#sendSome()
    this.#running = undefined
  }

  async #sendSome(): Promise<void> {
    const batch = this.#take()
    this.#inFlight = batch.length
    await this.#deliver(await this.#rowsOf(batch))
  }

  /** Where the server does not take one of many, the others do not suffer for it. */
  async #deliver(rows: readonly SinkRow[]): Promise<void> {
    const outcome = this.#stop.signal.aborted ? 'behind' : await this.#send(rows)
    if (outcome === 'refused' && rows.length > 1) {
      const middle = rows.length >> 1
      await this.#deliver(rows.slice(0, middle))
      await this.#deliver(rows.slice(middle))
      return
    }
    this.#inFlight -= rows.length
    if (outcome === 'written') this.#written += rows.length
    else this.#drop(outcome, rows.length)
  }

  #take(): Waiting[] {
    let characters = 0
    let count = 0
    for (const { json } of this.#queue) {
      if (count >= BATCH_ROWS || (count > 0 && characters + json.length > BATCH_CHARACTERS)) break
      characters += json.length
      count++
    }
    const batch = this.#queue.slice(0, count)
    this.#queue = this.#queue.slice(count)
    this.#characters -= characters
    return batch
  }

  async #rowsOf(batch: readonly Waiting[]): Promise<SinkRow[]> {
    const stored = Math.floor(Date.now() / 1000)
    const rows: SinkRow[] = []
    for (const { atMs, json, seq } of batch) {
      const { node } = this.#options
      const at_us = Math.round(atMs * 1000)
      rows.push({
        stored,
        at_us,
        at: String(atMs),
        node,
        session: this.#session,
        seq,
        ...columnsOf(json),
        json,
      })
      // Others have something to do, too.
      if (rows.length % ROWS_AT_ONCE === 0) await setImmediate()
    }
    return rows
  }

  /** The same rows with the same keys each time: the table keeps one of those that are there twice. */
  async #send(values: readonly SinkRow[]): Promise<'written' | 'refused' | 'behind'> {
    const backoff = new Backoff(FIRST_DELAY_MS, LONGEST_DELAY_MS)
    for (let refusals = 0; ; ) {
      try {
        await this.#prepare()
        const table = `${this.#options.database}.entries`
        await this.#client.insert({ table, values, format: 'JSONEachRow' })
        this.#problem = ''
        return 'written'
      } catch (error) {
        this.#problem = error instanceof Error ? error.message.slice(0, 300) : 'unknown'
        // The table may have been dropped.
        this.#hasTable = false
        if (isRefusal(error) && ++refusals >= MOST_REFUSALS) return 'refused'
      }
      this.#retries++
      await pause(backoff.next(), this.#stop.signal)
      if (this.#stop.signal.aborted) return 'behind'
    }
  }

  async #prepare(): Promise<void> {
    if (!this.#hasTable) await makeTable(this.#client, this.#options)
    this.#hasTable = true
    const now = Date.now()
    if (now - this.#purgedAt < PURGE_MS) return
    this.#purgedAt = now
    await dropExpired(this.#client, this.#options, now)
  }

  #drop(reason: string, count: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count
  }
}

const GATHER_MS = 200
const BATCH_ROWS = 5000
const BATCH_CHARACTERS = 8 << 20
const MOST_CHARACTERS = 64 << 20
const ROWS_AT_ONCE = 100
const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 10_000
const MOST_REFUSALS = 2
const CLOSING_MS = 3000
const PURGE_MS = 3_600_000
