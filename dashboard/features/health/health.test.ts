import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { agentStateOf, nodeStatusOf } from '../../../src/testing/node-status.ts'
import { readCapture } from '../../../src/testing/read-capture.ts'
import { REPOSITORY } from '../../../src/testing/remora.ts'
import { captureCounters } from '../../../src/worker/counters.ts'
import { blindSpots } from './blind-spots.ts'
import { booksOf } from './ledger.ts'
import { matching } from './settings-search.ts'

async function sampleCounters() {
  const { counters } = await readCapture(join(REPOSITORY, 'samples/sample.pcap'))
  const dropped = { items: 0, packets: 0, relayed: 0 }
  return captureCounters({
    counters,
    losses: {},
    dropped,
    spool: { received: 9, kept: 4, evicted: 5, failed: 0 },
  })
}

test('the books of a real capture add up, and name what became of it', async () => {
  const books = booksOf({ counters: await sampleCounters(), agents: [] })
  assert.deepEqual(
    books.map(({ name, difference }) => [name, difference]),
    [
      ['Packets', 0],
      ['Bytes of streams', 0],
      ['Packets kept for agents', 0],
    ],
  )
  assert.deepEqual(books[0]?.parts, [{ name: 'decoded', value: 1019 }])
  assert.ok(books[1]?.parts.some(({ name, value }) => name === 'after end' && value > 0))
})

test('books that do not add up say by how much', () => {
  const [packets] = booksOf({ counters: { packets: 10, 'packets.decoded': 7 }, agents: [] })
  assert.equal(packets?.difference, 3)
})

test('events of agents are delivered, dropped for a reason, or on their way', () => {
  const agents = [
    agentStateOf('a', { received: 10, delivered: 6, dropped: { 'queue-full': 3 } }),
    agentStateOf('b', { received: 5, delivered: 5, dropped: { stopped: 0 } }),
  ]
  const [events] = booksOf({ counters: {}, agents })
  assert.deepEqual(events, {
    ...{ name: 'Events of agents', unit: 'count', total: 15, difference: 0 },
    parts: [
      { name: 'delivered', value: 11 },
      { name: 'queue full', value: 3 },
      { name: 'being worked off', value: 1 },
    ],
  })
})

test('what is not visible is told with its reason, and of hubs nothing', async () => {
  const counters = {
    ...(await sampleCounters()),
    bytes: 2000,
    'bytes.captured': 1500,
    'streams.holes': 1,
    'streams.lost_bytes': 10,
    'streams.begun-before': 3,
    'streams.one-sided': 1,
  }
  const worker = { ...nodeStatusOf({ counters, health: { bpfFilter: 'port 80' } }), skewMs: 0, silentMs: 0 }
  const spots = blindSpots([worker, { ...worker, component: 'hub' }])
  const all = spots.map(({ what }) => what).join('\n')
  assert.match(all, /^Everything but port 80$/m)
  assert.match(all, /^What is in 8 encrypted connections$/m)
  assert.match(all, /^The ends of packets: 500 B \(25 %\)$/m)
  assert.match(all, /^10 B in 1 hole of streams$/m)
  assert.match(all, /^How 3 connections began$/m)
  assert.match(all, /^The other side of 1 connection$/m)
  assert.match(all, /^The content of 43 B \(less than 1 %\)$/m)
  assert.deepEqual(blindSpots([{ ...worker, counters: {}, health: {} }]), [])
})

test('settings are found by any of their words, and those that were set by that', () => {
  const setting = (key: string, doc: string, source: 'default' | 'file') => ({
    ...{ key, doc, source, value: 1, masked: false },
    origin: source === 'file' ? 'remora.yaml:3:1' : '',
  })
  const settings = [
    setting('tap.misc.jsonTTL', 'How long entries are kept', 'file'),
    setting('hub.folder', 'Folder of the agents', 'default'),
  ]
  const keys = (text: string, onlySet: boolean) => matching(settings, { text, onlySet }).map(({ key }) => key)
  assert.deepEqual(keys('', false), ['tap.misc.jsonTTL', 'hub.folder'])
  assert.deepEqual(keys('', true), ['tap.misc.jsonTTL'])
  assert.deepEqual(keys('FOLDER agents', false), ['hub.folder'])
  assert.deepEqual(keys('remora.yaml', false), ['tap.misc.jsonTTL'])
  assert.deepEqual(keys('folder yaml', false), [])
})
