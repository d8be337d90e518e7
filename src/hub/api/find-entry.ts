import { Mistake } from '../../mistake/mistake.ts'
import type { HubControl } from '../control.ts'

/** JSON text of an entry that workers keep. Rejects with `E_NOT_FOUND`. */
export async function findEntry(control: HubControl, id: string, signal: AbortSignal): Promise<string> {
  const filter = `id == ${JSON.stringify(id)}`
  let cursor: string | null = null
  do {
    const page = await control.entries({ filter, limit: 1, ...(cursor === null ? {} : { cursor }) }, signal)
    const [entry] = page.entries
    if (entry !== undefined) return entry
    cursor = page.cursor
    signal.throwIfAborted()
  } while (cursor !== null)
  throw new Mistake('E_NOT_FOUND', `there is no entry ${id}`, {
    hint: 'Entries are kept for a while only; perhaps it is gone.',
  })
}
