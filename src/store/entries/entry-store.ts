import type { FilterLanguage } from '../../filter/index.ts'
import type { EdgeSums } from '../../service-map/edge-sum.ts'
import type { EntriesQuery } from '../../wire/entries.ts'
import type { TakenConnections } from './connections.ts'
import type { EntryMarks } from './marks.ts'

/**
 * Entries of one worker on its disk: the newest, within limits of age and size. The oldest go first, and are counted. One
 * writes (the capture thread), others read, also from other threads, while it goes on.
 */
export interface EntryWriter {
  /**
   * Takes an entry (JSON text, without line ends) now. Never waits, never throws: when the disk is behind or full, it is
   * dropped and counted.
   */
  append(atMs: number, json: string): void
  /** Notes what an agent thinks of an entry that was appended since the store was opened; readers see it in the entry. */
  mark(stream: string, index: number, marks: EntryMarks): void
  readonly counters: Readonly<EntryStoreCounters>
  /** Makes what was appended visible to readers; they see it within `FLUSH_MS` anyhow. */
  flush(): Promise<void>
  /** All that was appended has columns, which make queries fast; they come by themselves after a while. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** found + appended = kept + waiting + all that was dropped. */
export interface EntryStoreCounters {
  /** Were there when the store was opened. */
  readonly found: number
  readonly appended: number
  /** On their way to the disk. */
  readonly waiting: number
  /** Are in the store now. */
  readonly kept: number
  /** Were written since it was opened; some may have gone since. */
  readonly written: number
  readonly marksLost: number
  /** Of the store on disk. */
  readonly bytes: number
  readonly segments: number
  /** `disk-full`, `behind` and `too-large` were never written; `expired` and `over-size` had to go; `deleted` were, by others; `unreadable` were damaged. */
  readonly dropped: Readonly<Record<string, number>>
}

export interface EntryReader {
  /** Matching entries, newest first. Pages hold `limit` entries at most, and what fits in `mostBytes`. */
  page(
    query: EntriesQuery,
    options: { readonly signal: AbortSignal; readonly mostBytes: number },
  ): Promise<StoredPage>
  /**
   * Matching entries as they are appended, from now on; `begun` is called when that has begun. Who is slow loses the oldest,
   * and is told how many.
   */
  follow(filter: string, signal: AbortSignal, begun?: () => void): AsyncIterable<FollowedEntries>
  /** What could not be read, by reason. */
  readonly counters: Readonly<EntryReaderCounters>
  close(): Promise<void>
}

/** Who talks to whom, summed where the entries are. */
export interface EntrySums {
  /**
   * Sums matching entries: first those that are kept, the newest first, then what is appended, about once a second. Each is
   * summed once. What was damaged is left out, and counted.
   */
  sum(query: SumQuery, signal: AbortSignal): AsyncIterable<SumPart>
}

/** Who connects to whom, summed where the entries are. */
export interface EntryConnections {
  /** Of what is appended from now on. */
  connections(): Promise<FollowedConnections>
}

export interface FollowedConnections {
  /** What came since the last time, up to now. One asks at a time. */
  take(): Promise<TakenConnections>
  stop(): void
}

export interface SumQuery {
  readonly filter: string
  /** Of what is kept, entries not before this time, ms since the epoch. */
  readonly fromMs: number | undefined
  /** Of what is kept, sums are told for each so many milliseconds. */
  readonly stepMs: number
}

export interface SumPart {
  /** When it was; of what is appended when that was read. */
  readonly atMs: number
  readonly sums: EdgeSums
  /** Of the oldest and the newest entry in it, ms since the epoch; infinite when there is none. */
  readonly times: readonly [oldest: number, newest: number]
  /** Of what is kept: whether there is more to come, and more than is read. */
  readonly isFilling: boolean
  readonly isCut: boolean
}

export interface EntryReaderCounters {
  /** Damaged entries that scans came by; each time. */
  readonly unreadable: number
  /** Segments whose columns are damaged: slow, but complete. */
  readonly damagedColumns: number
}

export interface StoredEntry {
  readonly atMs: number
  readonly json: string
}

export interface StoredPage {
  readonly entries: readonly StoredEntry[]
  /** Of each entry: the cursor of a page that begins with it, whatever has come meanwhile. */
  readonly starts: readonly string[]
  readonly cursor: string | null
  readonly scanned: number
}

export interface FollowedEntries {
  /** Oldest first. */
  readonly entries: readonly StoredEntry[]
  /** Matching entries before these that the reader had no time for. */
  readonly dropped: number
}

/** How the filters of queries are read. */
export interface FilterSettings {
  /** What a filter is that could be either. */
  readonly prefer: FilterLanguage
  readonly macros: Readonly<Record<string, string>>
}
