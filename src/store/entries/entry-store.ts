import type { EntriesQuery } from '../../wire/entries.ts'

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
  /** What was written, what had to go (`expired`, `over-size`) and what was never written (`disk-full`, `behind`). */
  readonly counters: Readonly<EntryStoreCounters>
  /** Makes what was appended visible to readers; they see it within `FLUSH_MS` anyhow. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface EntryStoreCounters {
  readonly written: number
  readonly bytes: number
  readonly dropped: Readonly<Record<string, number>>
}

export interface EntryReader {
  /** Matching entries, newest first. Pages hold `limit` entries at most, and what fits in `mostBytes`. */
  page(
    query: EntriesQuery,
    options: { readonly signal: AbortSignal; readonly mostBytes: number },
  ): Promise<StoredPage>
  /** Matching entries as they are appended, from now on. */
  follow(filter: string, signal: AbortSignal): AsyncIterable<readonly StoredEntry[]>
  close(): Promise<void>
}

export interface StoredEntry {
  readonly atMs: number
  readonly json: string
}

export interface StoredPage {
  readonly entries: readonly StoredEntry[]
  readonly cursor: string | null
  readonly scanned: number
}
