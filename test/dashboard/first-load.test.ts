import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { openDashboard } from '../../src/testing/dashboard.ts'

/** Of what crosses the network, compressed, before an editor is opened. */
const MOST_BYTES = 500 << 10

describe('the first load of the dashboard', () => {
  test('is small, comes from the hub alone, and has no editor in it', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t)
    await page.getByRole('heading', { level: 1 }).waitFor()
    const loaded = await page.evaluate(FILES)
    const files = loaded as readonly { readonly name: string; readonly bytes: number; readonly raw: number }[]
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    const raw = files.reduce((sum, file) => sum + file.raw, 0)
    assert.ok(
      files.length > 2 && raw > 2 * bytes,
      `${files.length} files are not compressed: ${bytes} of ${raw}`,
    )
    assert.ok(bytes <= MOST_BYTES, `${bytes} bytes: ${JSON.stringify(files)}`)
    assert.deepEqual(
      files.filter(({ name }) => /monaco|editor/i.test(name)),
      [],
    )
  })
})

/** As text: it runs in the page. Static files alone; the API is what is looked at, not what looks. */
const FILES = `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .filter(({ name }) => !name.includes('/api/'))
  .map(({ name, encodedBodySize, decodedBodySize }) =>
    ({ name: new URL(name).pathname, bytes: encodedBodySize, raw: decodedBodySize }))`
