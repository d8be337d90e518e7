import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EffectBook } from './effect-book.ts'

test('effects are counted for each agent and helper', () => {
  const book = new EffectBook()
  for (const outcome of ['ok', 'failed', 'queued', 'queued'] as const) {
    book.began('A', 'vendor.webhook')
    book.ended('A', 'vendor.webhook', outcome)
  }
  book.began('B', 'vendor.webhook')
  book.began('A', 'file.write')
  book.ended('A', 'file.write', 'refused')
  const none = { ok: 0, failed: 0, refused: 0, queued: 0, rehearsed: 0 }
  assert.deepEqual(book.counts(), [
    { ...none, title: 'A', helper: 'vendor.webhook', calls: 4, ok: 1, failed: 1, queued: 2 },
    { ...none, title: 'B', helper: 'vendor.webhook', calls: 1 },
    { ...none, title: 'A', helper: 'file.write', calls: 1, refused: 1 },
  ])
})
