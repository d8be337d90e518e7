import { Mistake } from '../../mistake/mistake.ts'
import type { HubControl } from '../control.ts'

/** JSON text of an entry that workers keep, or a source has. Rejects with `E_NOT_FOUND`. */
export async function findEntry(
  control: Pick<HubControl, 'entries'>,
  id: string,
  signal: AbortSignal,
  source?: string,
): Promise<string> {
  const filter = `id == ${JSON.stringify(id)}`
  let cursor: string | null = null
  do {
    const place = cursor === null ? {} : { cursor }
    const page = await control.entries({ filter, limit: 1, source, ...place }, signal)
    const [entry] = page.entries
    if (entry !== undefined) return entry
    cursor = page.cursor
    signal.throwIfAborted()
  } while (cursor !== null)
  throw new Mistake('E_NOT_FOUND', `there is no entry ${id}`, {
    hint: 'Entries are kept for a while only; perhaps it is gone.',
  })
}
