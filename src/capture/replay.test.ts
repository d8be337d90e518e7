import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { PacketBatch } from '../packet/batch.ts'
import { readBatches, readCapture } from '../testing/read-capture.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { openReplay, type ReplayClock } from './replay.ts'
import { packetsOf, pcap, timeOf } from './test-captures.ts'

const SAMPLE = fileURLToPath(new URL('../../samples/sample.pcap', import.meta.url))
/** 2025-11-27T00:00:00Z. */
const NOW = 1_764_201_600_000

/** Time passes while somebody waits for it, and when a test says so. */
class FakeClock implements ReplayClock {
  ms = NOW
  now(): number {
    return this.ms
  }
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) this.ms += ms
  }
}

/** The batches of so many rounds. */
async function* rounds(batches: AsyncIterable<PacketBatch>, most: number): AsyncGenerator<PacketBatch> {
  let begun = 1
  for await (const batch of batches) {
    if (batch.anew === true && ++begun > most) return
    yield batch
  }
}

const never = new AbortController().signal

test('packets come as far apart as they were captured, at the time that it is, and of silences a second is left', async (t) => {
  const path = join(await tempFolder(t), 'a.pcap')
  await writeFile(path, pcap({}, [100, 0, 'a'], [100, 250_000, 'b'], [100, 250_000, 'c'], [4000, 0, 'd']))
  const clock = new FakeClock()
  const seen: [number, string, boolean][] = []
  for await (const batch of rounds(openReplay(path, clock).packets(never), 2))
    packetsOf(batch).forEach(({ hex }, at) => {
      const text = Buffer.from(hex, 'hex').toString()
      assert.equal(timeOf(batch, at), `${(clock.ms / 1000).toFixed(9)}`)
      seen.push([clock.ms - NOW, text, batch.anew === true && at === 0])
    })
  const round = [
    [0, 'a'],
    [250, 'b'],
    [250, 'c'],
    [1250, 'd'],
  ] as const
  assert.deepEqual(seen, [
    ...round.map(([ms, text]) => [ms, text, false]),
    // A second between them.
    ...round.map(([ms, text]) => [ms + 2250, text, text === 'a']),
  ])
})

test('what goes back in time does so a little, and does not wait when it goes back far', async (t) => {
  const path = join(await tempFolder(t), 'a.pcap')
  await writeFile(path, pcap({}, [100, 500_000, 'a'], [100, 400_000, 'b'], [7, 0, 'c'], [7, 100_000, 'd']))
  const clock = new FakeClock()
  const times: number[] = []
  for await (const batch of rounds(openReplay(path, clock).packets(never), 1))
    for (let at = 0; at < batch.count; at++)
      times.push(Math.round((batch.seconds[at] as number) * 1000 + (batch.nanos[at] as number) / 1e6) - NOW)
  assert.deepEqual(times, [0, -100, -100, 0])
})

test('after a machine has slept it goes on from there, not all at once', async (t) => {
  const path = join(await tempFolder(t), 'a.pcap')
  await writeFile(path, pcap({}, ...Array.from({ length: 10 }, (_, i) => [i, 0, `${i}`] as const)))
  const clock = new FakeClock()
  const times: number[] = []
  for await (const batch of rounds(openReplay(path, clock).packets(never), 1)) {
    assert.equal(batch.count, 1)
    times.push((batch.seconds[0] as number) * 1000 - NOW)
    if (times.length === 4) clock.ms += 3_600_000
  }
  assert.deepEqual(times.slice(0, 6), [0, 1000, 2000, 3000, 3_604_000, 3_605_000])
})

test('every round gives the entries that the capture gives, and nothing of the round before is in them', async () => {
  const changes = { conversations: { tcpConn: true, udpConn: true, tcpFlow: false, udpFlow: false } }
  const once = await readCapture(SAMPLE, changes)
  const replayed = await readBatches(rounds(openReplay(SAMPLE, new FakeClock()).packets(never), 3), changes)
  assert.ok(once.entries.length > 200)
  const thrice = [once, once, once].flatMap(({ entries }) => entries)
  assert.deepEqual(replayed.entries.map(bare).sort(), thrice.map(bare).sort())
  assert.equal(replayed.counters.packets, 3 * once.counters.packets)
  assert.deepEqual(replayed.counters.connections, {
    ...once.counters.connections,
    tcp: 3 * once.counters.connections.tcp,
    udp: 3 * once.counters.connections.udp,
  })
  assert.equal(replayed.counters.dissection.dissected, 3 * once.counters.dissection.dissected)
})

/** An entry without what tells rounds apart: times, and numbers of connections. */
function bare(entry: object): string {
  const { id, stream, timestamp, startTime, elapsedTime, ...rest } = JSON.parse(JSON.stringify(entry))
  return JSON.stringify(rest)
}

test('a newcomer has not long to wait: the sample gives some entries each second', async () => {
  const clock = new FakeClock()
  let packets = 0
  let longest = 0
  let before = NOW
  for await (const batch of rounds(openReplay(SAMPLE, clock).packets(never), 1)) {
    packets += batch.count
    longest = Math.max(longest, clock.ms - before)
    before = clock.ms
  }
  assert.equal(packets, 1019)
  assert.ok(longest <= 1000, `${longest} ms without a packet`)
  assert.ok(clock.ms - NOW < 15_000, `a round takes ${clock.ms - NOW} ms`)
})

test('it ends when it is told to, in the middle of a silence too', async (t) => {
  const path = join(await tempFolder(t), 'a.pcap')
  await writeFile(path, pcap({}, [100, 0, 'a'], [101, 0, 'b']))
  const abort = new AbortController()
  const began = performance.now()
  const source = openReplay(path)
  let batches = 0
  for await (const _ of source.packets(abort.signal)) {
    batches++
    setTimeout(() => abort.abort(), 20)
  }
  assert.equal(batches, 1)
  assert.ok(performance.now() - began < 900)
  assert.deepEqual(source.problems, [])
})

test('a file that is gone, or has nothing in it, ends it and is told of', async (t) => {
  const folder = await tempFolder(t)
  const path = join(folder, 'a.pcap')
  await writeFile(path, pcap({}, [100, 0, 'a']))
  const source = openReplay(path, new FakeClock())
  for await (const _ of source.packets(never)) await rm(path)
  assert.deepEqual(source.problems, [`there is no file ${path}`])

  await writeFile(path, pcap({}))
  const empty = openReplay(path, new FakeClock())
  for await (const _ of empty.packets(never)) assert.fail('there is nothing in it')
  assert.deepEqual(empty.problems, [`there are no packets in ${path}`])
  assert.throws(() => openReplay('-'), { code: 'E_USAGE' })
  assert.throws(() => openReplay(join(folder, 'nowhere')), { code: 'E_CAPTURE_OPEN' })
})
