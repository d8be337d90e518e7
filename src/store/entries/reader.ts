import { readdir, stat } from 'node:fs/promises'
import { compileFilter } from '../../filter/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import type { EntriesQuery } from '../../wire/entries.ts'
import { type Cursor, cursorText, readCursor } from './cursor.ts'
import type {
  EntryConnections,
  EntryReader,
  EntryReaderCounters,
  EntrySums,
  FilterSettings,
  FollowedConnections,
  FollowedEntries,
  StoredEntry,
  StoredPage,
  SumPart,
  SumQuery,
} from './entry-store.ts'
import { listed, marksFile, pathIn, type Segment } from './files.ts'
import type { PlaceInStore } from './follower.ts'
import type { MarksSize } from './marks.ts'
import { ReaderPool } from './reader-pool.ts'
import type { FilterTask, ScanResult } from './scanner.ts'

export interface EntryReaderOptions extends FilterSettings {
  readonly folder: string
}

/** Reads a folder of entries in threads of its own; the caller's never waits for the disk. */
export function openEntryReader(options: EntryReaderOptions): EntryReader & EntrySums & EntryConnections {
  return new ThreadedReader(options)
}

class ThreadedReader implements EntryReader, EntrySums, EntryConnections {
  readonly #options: EntryReaderOptions
  readonly #pool: ReaderPool
  #unreadable = 0
  #damagedColumns = 0

  constructor(options: EntryReaderOptions) {
    this.#options = options
    this.#pool = new ReaderPool(options.folder)
    // Who asks first finds the segments opened; what goes wrong now is told when somebody asks.
    this.#warmUp().catch(() => {})
  }

  get counters(): EntryReaderCounters {
    return { unreadable: this.#unreadable, damagedColumns: this.#damagedColumns }
  }

  async page(
    query: EntriesQuery,
    { signal, mostBytes }: { readonly signal: AbortSignal; readonly mostBytes: number },
  ): Promise<StoredPage> {
    signal.throwIfAborted()
    const filter = this.#filter(query.filter)
    const limit = compileFilter(query.filter, filter).limit ?? Number.POSITIVE_INFINITY
    const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor)
    const { segments, marks } = await this.#list()
    signal.throwIfAborted()
    const page = new Page(query.limit, mostBytes, cursor?.left ?? limit)
    const wanted = segments.filter((each) => mayHold(each, query, cursor)).reverse()
    const cancelled = new Int32Array(new SharedArrayBuffer(4))
    const cancel = () => Atomics.store(cancelled, 0, 1)
    signal.addEventListener('abort', cancel)
    try {
      const scan = (segment: Segment) =>
        this.#pool.scan(
          {
            segment: segment.id,
            columns: segment.sealed?.file,
            before: segment.id === cursor?.segment ? cursor.row : Number.MAX_SAFE_INTEGER,
            filter,
            from: query.from,
            to: query.to,
            limit: page.left,
            mostBytes: page.bytesLeft,
            marks: marks.filter(({ id }) => id >= segment.id),
          },
          cancelled,
        )
      await this.#scanAll(wanted, scan, page, signal)
      return page.finish()
    } finally {
      cancel()
      signal.removeEventListener('abort', cancel)
    }
  }

  async *follow(filter: string, signal: AbortSignal, begun?: () => void): AsyncGenerator<FollowedEntries> {
    const task = this.#filter(filter)
    compileFilter(filter, task)
    if (signal.aborted) return
    yield* this.#pool.follow(task, signal, begun)
  }

  async *sum(query: SumQuery, signal: AbortSignal): AsyncGenerator<SumPart> {
    const task = this.#filter(query.filter)
    compileFilter(query.filter, task)
    if (signal.aborted) return
    const following = await this.#pool.followSums(task)
    const coming = async (state: Pick<SumPart, 'isFilling' | 'isCut'>): Promise<SumPart> => {
      const taken = await following.take()
      return { atMs: Date.now(), ...taken, ...state }
    }
    try {
      let isCut = false
      let told = performance.now()
      for await (const part of this.#keptSums(query, task, following.place, signal)) {
        isCut = part.isCut
        yield part
        // What comes meanwhile is not to look as if it came later.
        if (performance.now() - told > SUMS_MS) yield await coming({ isFilling: true, isCut })
        told = performance.now()
      }
      while (!signal.aborted) {
        yield await coming({ isFilling: false, isCut })
        await pause(SUMS_MS, signal)
      }
    } finally {
      following.stop()
    }
  }

  connections(): Promise<FollowedConnections> {
    return this.#pool.followConnections()
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  /** Of what is kept before a place, the newest first. */
  async *#keptSums(
    { fromMs, stepMs }: SumQuery,
    filter: FilterTask,
    { segment: last, byte }: PlaceInStore,
    signal: AbortSignal,
  ): AsyncGenerator<SumPart> {
    const { segments, marks } = await this.#list()
    const wanted = segments.filter((each) => each.id <= last && mayHold(each, { from: fromMs }, undefined))
    const cancelled = new Int32Array(new SharedArrayBuffer(4))
    const cancel = () => Atomics.store(cancelled, 0, 1)
    const aborted = abortOf(signal)
    signal.addEventListener('abort', cancel)
    try {
      let scanned = 0
      for (let segment = wanted.pop(); segment !== undefined; segment = wanted.pop()) {
        const { id, sealed } = segment
        const before = id === last ? { byte } : Number.MAX_SAFE_INTEGER
        const where = {
          segment: id,
          columns: sealed?.file,
          before,
          marks: marks.filter((each) => each.id >= id),
        }
        const summing = this.#pool.sum({ ...where, filter, from: fromMs, to: undefined, stepMs }, cancelled)
        summing.catch(() => {}) // Somebody may not wait for it any more.
        const summed = await Promise.race([summing, aborted])
        scanned += summed.scanned
        this.#unreadable += summed.unreadable
        const isCut = scanned >= MOST_SUMMED && wanted.length > 0
        if (isCut) wanted.length = 0
        const { steps, times } = summed
        for (const [step, sums] of steps)
          yield { atMs: Math.max(step * stepMs, times[0]), sums, times, isFilling: true, isCut }
      }
    } finally {
      cancel()
      signal.removeEventListener('abort', cancel)
    }
  }

  async #warmUp(): Promise<void> {
    const { segments } = await this.#list()
    const nothing = { from: undefined, to: undefined, before: 0, limit: 0, mostBytes: 0, marks: [] }
    const cancelled = new Int32Array(new SharedArrayBuffer(4))
    const filter = this.#filter('')
    for (const { id, sealed } of segments.slice(-MOST_WARM))
      if (sealed !== undefined)
        await this.#pool.scan({ ...nothing, segment: id, columns: sealed.file, filter }, cancelled, false)
  }

  /** From the newest on, some ahead: what was looked at in vain is not much. */
  async #scanAll(
    segments: readonly Segment[],
    scan: (segment: Segment) => Promise<ScanResult>,
    page: Page,
    signal: AbortSignal,
  ): Promise<void> {
    const ahead: { readonly segment: Segment; readonly result: Promise<ScanResult> }[] = []
    const aborted = abortOf(signal)
    for (let next = 0; !page.isFull && (ahead.length > 0 || next < segments.length); ) {
      for (
        let segment = segments[next];
        segment !== undefined && ahead.length < AHEAD;
        segment = segments[++next]
      ) {
        const result = scan(segment)
        result.catch(() => {}) // Somebody may not wait for it any more.
        ahead.push({ segment, result })
      }
      const first = ahead.shift()
      if (first === undefined) return
      const result = await Promise.race([first.result, aborted])
      this.#unreadable += result.unreadable
      if (result.damagedColumns) this.#damagedColumns++
      page.add(first.segment.id, result)
    }
  }

  #filter(text: string): FilterTask {
    const { prefer, macros } = this.#options
    return { text, prefer, macros, now: Date.now() }
  }

  async #list(): Promise<{ segments: readonly Segment[]; marks: readonly MarksSize[] }> {
    const { folder } = this.#options
    let names: string[]
    try {
      names = await readdir(folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { segments: [], marks: [] }
      throw new Mistake('E_STORE', `the entries in ${folder} cannot be read: ${(error as Error).message}`)
    }
    const { segments, marks } = listed(names)
    const sizes = marks.map(async (id) => ({ id, bytes: await sizeOf(pathIn(folder, marksFile(id))) }))
    return { segments, marks: await Promise.all(sizes) }
  }
}

/** A page on its way. */
class Page {
  scanned = 0
  readonly #limit: number
  readonly #mostBytes: number
  /** What the filter itself still wants, over all pages. */
  readonly #wanted: number
  readonly #entries: StoredEntry[] = []
  readonly #starts: string[] = []
  #bytes = 0
  #next: string | undefined

  constructor(limit: number, mostBytes: number, wanted: number) {
    this.#limit = limit
    this.#mostBytes = mostBytes
    this.#wanted = wanted
  }

  get left(): number {
    return Math.min(this.#limit, this.#wanted) - this.#entries.length
  }

  get bytesLeft(): number {
    return this.#mostBytes - this.#bytes
  }

  get isFull(): boolean {
    return this.#next !== undefined || this.left <= 0
  }

  add(segment: number, { entries, scanned, reached }: ScanResult): void {
    this.scanned += scanned
    for (const { atMs, json, row } of entries) {
      const isTooMuch = this.#entries.length > 0 && this.#bytes + json.length > this.#mostBytes
      if (this.left <= 0 || isTooMuch) {
        this.#goOnAt(segment, row + 1)
        return
      }
      this.#starts.push(this.#cursorAt(segment, row + 1))
      this.#entries.push({ atMs, json })
      this.#bytes += json.length
    }
    if (this.left <= 0 || this.bytesLeft <= 0 || reached > 0) this.#goOnAt(segment, reached)
  }

  finish(): StoredPage {
    const isAll = this.#entries.length >= this.#wanted
    const cursor = this.#next === undefined || isAll ? null : this.#next
    return { entries: this.#entries, starts: this.#starts, cursor, scanned: this.scanned }
  }

  #goOnAt(segment: number, row: number): void {
    this.#next = this.#cursorAt(segment, row)
  }

  #cursorAt(segment: number, row: number): string {
    const left = this.#wanted - this.#entries.length
    return cursorText({ segment, row, left: Number.isFinite(left) ? left : undefined })
  }
}

function mayHold(
  { id, sealed }: Segment,
  { from, to }: Pick<EntriesQuery, 'from' | 'to'>,
  cursor: Cursor | undefined,
): boolean {
  if (cursor !== undefined && (id > cursor.segment || (id === cursor.segment && cursor.row === 0)))
    return false
  if (sealed === undefined) return true
  return (from === undefined || sealed.lastMs >= from) && (to === undefined || sealed.firstMs <= to)
}

function abortOf(signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  aborted.catch(() => {})
  return aborted
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}

/** Between two sums of what is appended. */
const SUMS_MS = 1000
/** Kept entries that are looked at for sums. */
const MOST_SUMMED = 2_000_000
/** Segments that are opened before anybody asks. */
const MOST_WARM = 1000
/** Segments that are looked at at once, or wait for it. */
const AHEAD = 6
