import type { EntryReader, StoredEntry } from '../../store/entries/entry-store.ts'
import { entriesQuery } from '../../wire/entries.ts'

export interface Past {
  readonly filter: string
  readonly lastMs: number
  /** Undefined: as of the newest entry that there is. */
  readonly now: number | undefined
}

/** Matching entries that a store has of the last while, oldest first. */
export async function* pastEntries(
  reader: EntryReader,
  { filter, lastMs, now }: Past,
): AsyncGenerator<readonly StoredEntry[]> {
  const end = now ?? (await newestOf(reader)) + 1
  for (let from = end - lastMs; from < end; from += SLICE_MS) {
    // Whole milliseconds, both ends included.
    const slice = await allOf(reader, { filter, from, to: Math.min(from + SLICE_MS, end) - 1 })
    if (slice.length > 0) yield slice.reverse()
  }
}

async function newestOf(reader: EntryReader): Promise<number> {
  const { entries } = await reader.page(entriesQuery.parse({ limit: 1 }), pageOptions())
  return entries[0]?.atMs ?? 0
}

async function allOf(
  reader: EntryReader,
  query: { readonly filter: string; readonly from: number; readonly to: number },
): Promise<StoredEntry[]> {
  const found: StoredEntry[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const asked = entriesQuery.parse({ ...query, limit: 10_000, ...(cursor && { cursor }) })
    const page = await reader.page(asked, pageOptions())
    found.push(...page.entries)
    cursor = page.cursor
  }
  return found
}

const pageOptions = () => ({ signal: AbortSignal.timeout(SLOWEST_MS), mostBytes: MOST_BYTES })

/** Of time: what is in memory at once. */
const SLICE_MS = 5000
const SLOWEST_MS = 60_000
const MOST_BYTES = 16 << 20
