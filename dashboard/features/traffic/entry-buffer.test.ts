import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { goldenEntries } from '../../../src/testing/entry-json.ts'
import { EntryBuffer } from './entry-buffer.ts'
import { lineOf } from './entry-line.ts'

const text = (id: string, at: number, more = '') => `{"id":"${id}","timestamp":${at},"more":"${more}"}`

test('the head of an entry says the same as all of it', async () => {
  for (const entry of await goldenEntries()) {
    const { id, timestamp } = JSON.parse(entry)
    assert.deepEqual(lineOf(entry), { id, at: timestamp, text: entry })
  }
})

test('a name that looks like a time is none', () => {
  const src = { name: '"timestamp":1,' }
  const entry = JSON.stringify({ id: 'a', src, timestamp: 42 })
  assert.equal(lineOf(entry)?.at, 42)
  assert.equal(lineOf(JSON.stringify({ timestamp: 7, id: 'a"b' }))?.id, 'a"b')
  for (const odd of [
    '',
    '5',
    'null',
    '{"id":"a"}',
    '{"id":"","timestamp":1}',
    '{"id":"a","timestamp":"x"}',
    '{"id":',
  ])
    assert.equal(lineOf(odd), undefined, odd)
})

test('entries are in the order of their times, whatever comes when, and the books add up', () => {
  const batches = fc.array(
    fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 99 }))),
  )
  const limits = fc.record({
    mostEntries: fc.integer({ min: 1, max: 20 }),
    mostLetters: fc.integer({ min: 50, max: 2000 }),
  })
  fc.assert(
    fc.property(batches, limits, (all, most) => {
      const buffer = new EntryBuffer(most)
      for (const batch of all) {
        buffer.add([...batch.map(([id, at]) => text(String(id), at)), 'none'])
        const times = buffer.lines.map(({ at }) => at)
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        )
        assert.ok(times.length <= most.mostEntries)
        assert.equal(new Set(buffer.lines.map(({ id }) => id)).size, times.length)
      }
      const { received, letGo, repeated, unreadable } = buffer
      assert.equal(received, buffer.lines.length + letGo + repeated + unreadable)
    }),
  )
})

test('the newest stay, and large ones leave room for fewer', () => {
  const buffer = new EntryBuffer({ mostEntries: 100, mostLetters: 10_000 })
  buffer.add(Array.from({ length: 150 }, (_, at) => text(String(at), at)))
  assert.deepEqual([buffer.lines[0]?.at, buffer.lines.at(-1)?.at, buffer.letGo], [50, 149, 50])
  buffer.add([text('large', 500, 'x'.repeat(9_900))])
  assert.deepEqual(
    buffer.lines.map(({ id }) => id),
    ['149', 'large'],
  )
  buffer.add([text('larger', 501, 'x'.repeat(20_000))])
  assert.deepEqual(
    buffer.lines.map(({ id }) => id),
    ['larger'],
  )
})

test('a snapshot stays what it was', () => {
  const buffer = new EntryBuffer({ mostEntries: 2, mostLetters: 1000 })
  buffer.add([text('a', 1), text('b', 2)])
  const seen = buffer.snapshot()
  buffer.add([text('c', 3), text('d', 4)])
  assert.deepEqual(
    seen.map(({ id }) => id),
    ['a', 'b'],
  )
})
