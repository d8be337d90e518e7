import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCapture } from '../testing/read-capture.ts'
import { REPOSITORY } from '../testing/remora.ts'
import { captureCounters } from './counters.ts'

test('a node counts packets, payloads, pairs and entries of its capture, and names what it dropped', async () => {
  const { counters, exchanges } = await readCapture(join(REPOSITORY, 'samples/sample.pcap'))
  const named = captureCounters({
    counters,
    losses: { kernel: 3, tool: 4 },
    dropped: { items: 1, packets: 2, relayed: 0 },
    spool: { received: 9, kept: 4, evicted: 5, failed: 0 },
  })
  assert.equal(named.packets, counters.packets)
  assert.ok((named['packets.tcp'] ?? 0) > 0 && (named['packets.tcp'] ?? 0) <= counters.packets)
  assert.ok((named['payloads.tcp'] ?? 0) > 0 && (named['payloads.tcp'] ?? 0) <= (named['packets.tcp'] ?? 0))
  assert.equal(named.items, exchanges.length)
  assert.equal(
    named.pairs,
    exchanges.filter(({ request, response }) => request !== null && response !== null).length,
  )
  const byProtocol = Object.entries(named).filter(([name]) => name.startsWith('protocol.'))
  assert.equal(
    byProtocol.reduce((sum, [, number]) => sum + number, 0),
    exchanges.length,
  )
  assert.deepEqual(
    [
      named['packets.lost'],
      named['dropped.capture.kernel'],
      named['events.dropped'],
      named['dropped.spool.evicted'],
    ],
    [7, 3, 3, 5],
  )
  assert.equal(named['packets.decoded'], 1019)
  assert.equal(named['streams.bytes'], sumOf('streams.bytes.', named) + sumOf('dropped.stream-bytes.', named))
  assert.ok((named['streams.bytes'] ?? 0) > 400_000)
  assert.equal(named['connections.tcp'], 37)
  assert.equal(named['dropped.stream-bytes.unrecognised'], counters.dissection.skipped.unrecognised)
})

function sumOf(prefix: string, named: Readonly<Record<string, number>>): number {
  const some = Object.entries(named).filter(([name]) => name.startsWith(prefix))
  return some.reduce((sum, [, number]) => sum + number, 0)
}
