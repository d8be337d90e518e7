import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeenEntries, type SeenEntry, SeenSums } from '../../policy/seen.ts'
import { goldenEntries } from '../../testing/entry-json.ts'
import { headOf } from './connections.ts'
import { testStore } from './test-store.ts'

test('connections are those of the whole entries, each counted once, also where much comes at once', async (t) => {
  const { writer, reader } = await testStore(t)
  const entries = await goldenEntries()
  for (const json of entries.slice(0, 10)) writer.append(0, json)
  await writer.flush()
  const following = await reader.connections()
  const wanted = entries.slice(10)
  const taken: unknown[] = []
  let malformed = 0
  for (let round = 0; round < 3; round++) {
    for (const json of wanted) writer.append(0, json)
    writer.append(0, '{"id":"no traffic"}')
    await writer.flush()
    const part = await following.take()
    assert.equal(part.missed, 0)
    malformed += part.malformed
    taken.push(part.sums)
  }
  const expected = summed(wanted)
  assert.ok(expected.length > 10)
  assert.deepEqual(taken, [expected, expected, expected])
  assert.equal(malformed, 3)
  following.stop()
})

test('of an entry no more is read than is needed, and all of it where its beginning is not what it seems', async () => {
  let heads = 0
  for (const json of await goldenEntries()) {
    const head = headOf(json)
    if (head === undefined) continue
    heads++
    assert.deepEqual(new SeenEntries().read(head), new SeenEntries().read(JSON.parse(json)))
  }
  assert.ok(heads > 100)
  const end = { ip: '10.0.0.1', port: '1', pod: { metadata: { labels: { a: '', startTime: 'now' } } } }
  assert.equal(headOf(JSON.stringify({ src: end, dst: end, timestamp: 1, startTime: '' })), undefined)
  assert.equal(headOf('{"id":"","timestamp":1}'), undefined)
})

test('what would be one connection too many is missed, and told', () => {
  const sums = new SeenSums()
  for (let at = 0; at < 20_001; at++) sums.add(entry(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`))
  sums.add(entry('10.0.0.0'))
  assert.deepEqual([sums.all.length, sums.missed, sums.all[0]?.requests], [20_000, 1, 2])
})

function summed(entries: readonly string[]) {
  const [seen, sums] = [new SeenEntries(), new SeenSums()]
  for (const json of entries) {
    const read = seen.read(JSON.parse(json))
    if (read !== undefined) sums.add(read)
  }
  return sums.all
}

function entry(address: string): SeenEntry {
  const to = { address: '10.255.0.1', port: 80 }
  return { id: 'a', at: 1, from: { address, port: 1 }, to, protocol: 'TCP', isReport: false }
}
