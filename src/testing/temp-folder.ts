import { rmSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A folder of its own for one test, gone afterwards; where a program that the test leaves still writes, at the end of all tests. */
export async function tempFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'remora-test-')))
  // What the test began after it ends after it, and would not end at all when this failed.
  t.after(() => rm(folder, { recursive: true, force: true }).catch(() => leftovers.push(folder)))
  return folder
}

const leftovers: string[] = []
process.once('exit', () => {
  for (const folder of leftovers) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
})
