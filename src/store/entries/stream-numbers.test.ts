import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../../testing/temp-folder.ts'
import { StreamNumbers } from './stream-numbers.ts'

test('numbers of streams never come again, however their process has ended', async (t) => {
  const folder = join(await tempFolder(t), 'entries')
  const first = StreamNumbers.open(folder)
  assert.equal(first.first, 0)
  first.used(3_456_789)
  const second = StreamNumbers.open(folder)
  assert.ok(second.first >= 3_456_789, String(second.first))
  second.used(0)
  const third = StreamNumbers.open(folder)
  assert.ok(third.first > second.first)
  assert.deepEqual(readdirSync(folder), ['next-stream'])
})

test('what is no number, and a folder that is none, begin at 0', async (t) => {
  const folder = await tempFolder(t)
  writeFileSync(join(folder, 'next-stream'), 'torn')
  assert.equal(StreamNumbers.open(folder).first, 0)
  assert.ok(StreamNumbers.open(folder).first > 0)
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const numbers = StreamNumbers.open(file)
  numbers.used(5_000_000)
  assert.equal(numbers.first, 0)
})
