import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { entriesQuery } from '../wire/entries.ts'
import { EntrySources } from './entry-sources.ts'

describe('sources of entries', () => {
  test('are found by their prefix, and get what stands behind the first colon', async () => {
    const page = (name: string) => ({ entries: [`"${name}"`], cursor: null, scanned: 1, missing: [] })
    const sources = new EntrySources()
      .add('capture', { entries: async (name) => page(`capture ${name}`) })
      .add('recording', { entries: async (name) => page(`recording ${name}`) })
    const of = async (source: string) => (await sources.entries(source, query, signal)).entries[0]
    assert.equal(await of('capture:a:b'), '"capture a:b"')
    assert.equal(await of('recording:'), '"recording "')
  })

  test('that there are not are refused, with those that there are', () => {
    const sources = new EntrySources().add('capture', { entries: () => Promise.reject(new Error('asked')) })
    for (const source of ['', 'capture', ':x', 'Capture:x', 'x'.repeat(1000)])
      assert.throws(() => sources.entries(source, query, signal), {
        code: 'E_REQUEST',
        hint: 'Leave it out for what workers keep; capture:…',
        message: /^.{0,140}$/,
      })
  })
})

const query = entriesQuery.parse({})
const { signal } = new AbortController()
