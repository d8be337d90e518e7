import { Mistake } from '../../mistake/mistake.ts'
import type { EntriesQuery } from '../../wire/entries.ts'
import type { HubControl } from '../control.ts'

/** JSON text of an entry that workers keep, or a source has. Rejects with `E_NOT_FOUND`. */
export function findEntry(
  control: Pick<HubControl, 'entries'>,
  id: string,
  signal: AbortSignal,
  source?: string,
): Promise<string> {
  return findMatching(control, { what: `entry ${id}`, filter: `id == ${JSON.stringify(id)}`, source }, signal)
}

/** The newest entry of a stream, such as `000000000042.pcap`, of a worker. */
export function findEntryOfStream(
  control: Pick<HubControl, 'entries'>,
  { worker, stream }: { readonly worker: string; readonly stream: string },
  signal: AbortSignal,
): Promise<string> {
  const filter = `id.startsWith(${JSON.stringify(`${worker}/${stream}-`)})`
  return findMatching(control, { what: `entry of ${worker}/${stream}`, filter, source: undefined }, signal)
}

async function findMatching(
  control: Pick<HubControl, 'entries'>,
  {
    what,
    filter,
    source,
  }: { readonly what: string; readonly filter: string; readonly source: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  let cursor: string | null = null
  do {
    const place = cursor === null ? {} : { cursor }
    const page = await control.entries({ filter, limit: 1, source, ...place }, signal)
    const [entry] = page.entries
    if (entry !== undefined) return entry
    cursor = page.cursor
    signal.throwIfAborted()
  } while (cursor !== null)
  throw new Mistake('E_NOT_FOUND', `there is no ${what}`, {
    hint: 'Entries are kept for a while only; perhaps it is gone.',
  })
}

export type ManyEntries = Pick<EntriesQuery, 'filter' | 'from' | 'to' | 'source'>

/** JSON texts of the newest `most` entries that match, over as many pages as it takes. */
export async function collectEntries(
  control: Pick<HubControl, 'entries'>,
  query: ManyEntries,
  most: number,
  signal: AbortSignal,
): Promise<{ readonly texts: readonly string[]; readonly isAll: boolean }> {
  const texts: string[] = []
  let cursor: string | null = null
  do {
    const limit = Math.min(most - texts.length, PAGE)
    const place = cursor === null ? {} : { cursor }
    const page = await control.entries({ ...query, limit, ...place }, signal)
    texts.push(...page.entries)
    cursor = page.cursor
    signal.throwIfAborted()
  } while (cursor !== null && texts.length < most)
  return { texts, isAll: cursor === null }
}

const PAGE = 1000
