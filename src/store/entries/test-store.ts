import type { TestContext } from 'node:test'
import { tempFolder } from '../../testing/temp-folder.ts'
import { openEntryReader, openEntryWriter } from './index.ts'

/** A folder of entries that keeps all, and who writes and reads it; closed after the test. */
export async function testStore(t: TestContext) {
  const folder = await tempFolder(t)
  const writer = openEntryWriter({ folder, ttlMs: 1e15, mostBytes: 1e9 })
  const reader = openEntryReader({ folder, prefer: 'kfl1', macros: {} })
  t.after(async () => {
    await reader.close()
    await writer.close()
  })
  return { writer, reader }
}
