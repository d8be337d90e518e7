import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { openLocalBus } from '../../bus/local.ts'
import { RecordingWorker, type RecordingWorkerOptions } from '../../testing/recording-worker.ts'
import { pause } from '../../waiting/pause.ts'
import { decode, encode } from '../../wire/codec.ts'
import { entriesQuery } from '../../wire/entries.ts'
import { readPackets } from '../../wire/packet-records.ts'
import { DAY_MS } from '../../wire/recording-schedule.ts'
import { partKey, planKey, type RecordingPlan, recordingPart } from '../../wire/recordings.ts'
import { PacketIndex } from './packet-index.ts'

describe('recordings of a worker', () => {
  test('keep matching entries, and all packets of their connections once, while it is time', async (t) => {
    const { clock, start, plan, part } = setUp(t)
    await plan({ filter: 'request.path.startsWith("/yes")', durationMs: 60_000 })
    const worker = await start()
    await worker.capture(1, '/yes/1', 3)
    await worker.capture(2, '/no', 5)
    await taken(worker, 1)
    await worker.capture(1, '/no/2', 2)
    await worker.recordings.step()
    assert.partialDeepStrictEqual(await part(), { state: 'recording', entries: 1 })
    clock.now += 61_000
    await worker.recordings.step()
    await worker.capture(1, '/yes/late', 2)
    await worker.recordings.step()
    assert.partialDeepStrictEqual(await part(), {
      state: 'done',
      reason: '',
      entries: 1,
      packets: 5,
      cutConnections: 0,
    })
    assert.deepEqual(await paths(worker), ['/yes/1'])
    const [entry] = await entriesOf(worker)
    assert.equal(entry?.record, 'one')
    const ports = (await packetsOf(worker)).map((bytes) => bytes.readUInt16BE(34))
    assert.deepEqual(
      ports,
      Array.from({ length: 5 }, () => 10_001),
    )
  })

  test('go on after the worker has died in the middle, without what was torn', async (t) => {
    const { start, plan, part } = setUp(t)
    await plan()
    const first = await start()
    await first.capture(1, '/a', 3)
    await taken(first, 1)
    await first.recordings.step()
    await first.close()
    const packets = join(first.folder, 'one', 'packets')
    appendFileSync(join(packets, readdirSync(packets)[0] ?? ''), Buffer.alloc(21))
    const second = await start(first.folder)
    await second.capture(1, '/b', 4)
    await taken(second, 2)
    await second.recordings.step()
    assert.partialDeepStrictEqual(await part(), { state: 'recording', entries: 2, packets: 7 })
    assert.deepEqual(await paths(second), ['/b', '/a'])
    assert.equal((await packetsOf(second)).length, 7)
  })

  test('come again each day, and let go of days that have expired', async (t) => {
    const { clock, start, plan, part } = setUp(t)
    await plan({ iterations: 0, durationMs: 60_000, expirationMs: 2.5 * DAY_MS })
    const worker = await start()
    for (const day of [0, 1, 2]) {
      await worker.recordings.step()
      await worker.capture(day, `/day/${day}`)
      await taken(worker, day + 1)
      clock.now += 61_000
      await worker.recordings.step()
      assert.equal((await part())?.state, 'waiting')
      await worker.capture(day, '/between')
      clock.now += DAY_MS - 61_000
    }
    clock.now -= 1000
    await worker.recordings.step()
    assert.deepEqual(
      (await packetsOf(worker)).map((bytes) => bytes.readUInt16BE(34)),
      [10_001, 10_001, 10_002, 10_002],
    )
    assert.equal((await part())?.packets, 4)
  })

  test('expire by themselves, and leave nothing when they are deleted', async (t) => {
    const { clock, start, plan, part, bucket } = setUp(t)
    await plan({ durationMs: 1000, expirationMs: 5000 })
    const worker = await start()
    await worker.capture(1, '/a')
    await taken(worker, 1)
    clock.now += 1500
    await worker.recordings.step()
    assert.equal((await part())?.state, 'done')
    clock.now += 5000
    await worker.recordings.step()
    assert.partialDeepStrictEqual(await part(), { state: 'expired', entries: 0, packets: 0, bytes: 0 })
    assert.deepEqual(await paths(worker), [])
    assert.deepEqual(readdirSync(join(worker.folder, 'one')), ['recording.json'])
    await bucket.delete(planKey('one'))
    await until(worker, async () => (await part()) === undefined)
    assert.ok(!existsSync(join(worker.folder, 'one')))
  })

  test('that were deleted while the worker was away are removed, and those of an old namesake', async (t) => {
    const { clock, start, plan, part, bucket } = setUp(t)
    await plan()
    await plan({ name: 'two' })
    const first = await start()
    await first.capture(1, '/old')
    await taken(first, 1)
    await first.close()
    await bucket.delete(planKey('two'))
    await bucket.put(planKey('one'), encode({ ...PLAN, id: 'another', startAt: clock.now }))
    const second = await start(first.folder)
    await second.recordings.step()
    assert.partialDeepStrictEqual(await part(), { id: 'another', entries: 0, packets: 0 })
    assert.deepEqual(readdirSync(second.folder), ['one'])
  })

  test('end when they take all the room that they may, and say so', async (t) => {
    const { start, plan, part } = setUp(t, { mostBytes: 20_000 })
    await plan()
    const worker = await start()
    await worker.capture(1, '/a', 10, 1000)
    await taken(worker, 1)
    await worker.recordings.step()
    assert.equal((await part())?.state, 'recording')
    await worker.capture(1, '/b', 30, 1000)
    await until(worker, async () => (await part())?.state === 'failed')
    const { reason, bytes = 0, entries } = (await part()) ?? {}
    assert.match(reason ?? '', /recordings\.maxSize/)
    assert.ok(bytes < 50_000 && bytes > 20_000, String(bytes))
    assert.equal(entries, 2)
    await plan({ name: 'two' })
    await until(worker, async () => (await part('two'))?.state === 'failed')
  })

  test('end when the disk does not take them, and say why', async (t) => {
    const { start, plan, part } = setUp(t)
    await plan()
    const worker = await start()
    await worker.recordings.step()
    const packets = join(worker.folder, 'one', 'packets')
    rmSync(packets, { recursive: true, force: true })
    writeFileSync(packets, 'in the way')
    await worker.capture(1, '/a')
    await until(worker, async () => (await part())?.state === 'failed')
    assert.match((await part())?.reason ?? '', /ENOTDIR|EEXIST/)
  })

  test('count connections whose first packets the spool has let go of', async (t) => {
    const { start, plan, part } = setUp(t, { spoolBytes: 1 })
    await plan()
    const worker = await start()
    await worker.capture(1, '/big', 900, 60_000)
    await taken(worker, 1)
    await worker.recordings.step()
    const { cutConnections, packets = 0 } = (await part()) ?? {}
    assert.equal(cutConnections, 1)
    assert.ok(packets > 100 && packets < 900, String(packets))
  })

  test('take what the worker still has of the last minutes, oldest first', async (t) => {
    const { clock, start, plan, part } = setUp(t)
    const worker = await start()
    for (const minute of [0, 1, 2, 3]) {
      await worker.capture(minute, `/${minute}`)
      clock.now += 60_000
    }
    await plan({ startAt: clock.now, durationMs: 0, lastMs: 150_000 })
    await until(worker, async () => (await part())?.state === 'done')
    assert.partialDeepStrictEqual(await part(), { entries: 2, packets: 4 })
    assert.deepEqual(await paths(worker), ['/3', '/2'])
    clock.now += 61_000
    const late = await start()
    await late.recordings.step()
    assert.partialDeepStrictEqual(await part(), { state: 'failed', entries: 0 })
  })

  test('have marks that agents make while it is recorded', async (t) => {
    const { clock, start, plan } = setUp(t)
    await plan()
    const worker = await start()
    await worker.recordings.step()
    worker.recordings.mark([{ stream: '000000000001.pcap', index: 1, failed: true }])
    await worker.capture(1, '/a')
    await taken(worker, 1)
    clock.now += 3000
    await worker.recordings.step()
    await worker.recordings.close()
    const again = await start(worker.folder)
    assert.partialDeepStrictEqual(await entriesOf(again), [{ failed: true }])
  })

  test('pass over folders that are none of theirs', async (t) => {
    const { start } = setUp(t)
    const worker = await start()
    await worker.close()
    mkdirSync(join(worker.folder, 'Not-Ours'))
    mkdirSync(join(worker.folder, 'ours'))
    const again = await start(worker.folder)
    assert.deepEqual(readdirSync(again.folder), ['Not-Ours'])
  })
})

const PLAN: RecordingPlan = {
  ...{ id: 'id-1', name: 'one', filter: '', startAt: 0, durationMs: 3600_000, iterations: 1 },
  ...{ expirationMs: 3600_000, createdAt: 0, createdBy: 'me' },
}

function setUp(t: TestContext, settings: Partial<RecordingWorkerOptions> = {}) {
  // Entries expire by the clock of the machine.
  const clock = { now: Date.now() }
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  const bucket = bus.bucket({ name: 'recordings' })
  const begun = clock.now
  return {
    clock,
    bucket: {
      delete: async (key: string) => (await bucket).delete(key),
      put: async (key: string, value: Uint8Array) => (await bucket).put(key, value),
    },
    start: async (folder?: string) => {
      const options = { bus, bucket: await bucket, node: 'w1', now: () => clock.now, ...settings }
      return RecordingWorker.start(t, options, folder)
    },
    plan: async (change: Partial<RecordingPlan> = {}) => {
      const plan = { ...PLAN, startAt: begun, ...change }
      await (await bucket).put(planKey(plan.name), encode(plan))
    },
    part: async (name = 'one') => {
      const kept = await (await bucket).get(partKey(name, 'w1'))
      return kept && decode(recordingPart, kept.value)
    },
  }
}

async function until(worker: RecordingWorker, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isSo()); await worker.recordings.step()) {
    assert.ok(Date.now() < end, `waited in vain for ${isSo}`)
    await pause(5)
  }
}

/** Until so many entries are in the recording. */
async function taken(worker: RecordingWorker, count: number): Promise<void> {
  await until(worker, async () => (await entriesOf(worker)).length === count)
}

async function entriesOf(worker: RecordingWorker): Promise<{ request: { path: string }; record?: string }[]> {
  const reader = worker.recordings.readerOf('recording:one')
  const options = { signal: new AbortController().signal, mostBytes: 1 << 20 }
  const page = await reader?.page(entriesQuery.parse({}), options)
  return page?.entries.map(({ json }) => JSON.parse(json)) ?? []
}

async function paths(worker: RecordingWorker): Promise<string[]> {
  return (await entriesOf(worker)).map(({ request }) => request.path)
}

async function packetsOf(worker: RecordingWorker): Promise<Buffer[]> {
  const index = await PacketIndex.open(join(worker.folder, 'one', 'packets'))
  const packets = readPackets(index.read(0, 1 << 30).bytes) ?? []
  index.close()
  const times = packets.map(({ seconds, nanos }) => seconds + nanos / 1e9)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  return packets.map(({ bytes }) => Buffer.from(bytes))
}
