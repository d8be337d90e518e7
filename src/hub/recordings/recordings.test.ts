import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import type { Bus } from '../../bus/bus.ts'
import { openLocalBus } from '../../bus/local.ts'
import { ask, startTestApi, TOKENS, WITH_TOKENS } from '../../testing/api.ts'
import { FakeHub } from '../../testing/fake-hub.ts'
import { RecordingWorker } from '../../testing/recording-worker.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { tsharkFields } from '../../testing/tshark.ts'
import { until } from '../../testing/until.ts'
import { encode } from '../../wire/codec.ts'
import { entriesQuery } from '../../wire/entries.ts'
import { partKey, type RecordingPart, recordingDraft } from '../../wire/recordings.ts'
import { Recordings } from './recordings.ts'

const MINUTE = 60_000
const A = '/api/v1'

describe('recordings of two workers', () => {
  test('give one pcap in order of time, which tshark reads, and entries as agents leave them', async (t) => {
    const { clock, hub, start, settled } = await setUp(t)
    const workers = [await start('w1'), await start('w2')]
    await hub.create(recordingDraft.parse({ name: 'both', filter: 'http' }), 'me')
    for (const worker of workers) await worker.recordings.step()
    for (let n = 0; n < 6; n++) {
      await workers[n % 2]?.capture(n, `/secret/${n}`, 3)
      clock.now += 10
    }
    await settled(workers, 'both', 6)
    assert.partialDeepStrictEqual(await hub.get('both'), { state: 'recording', packets: 18, reason: '' })

    const page = await hub.entries('both', entriesQuery.parse({ limit: 4 }), signal)
    const rest = await hub.entries('both', entriesQuery.parse({ cursor: page.cursor }), signal)
    const paths = [...page.entries, ...rest.entries].map((text): string => JSON.parse(text).request.path)
    assert.deepEqual(
      paths,
      [5, 4, 3, 2, 1, 0].map((n) => `/[redacted]/${n}`),
    )

    const file = join(await tempFolder(t), 'both.pcap')
    const { extension, missing, stream } = await hub.pcap('both', signal)
    assert.deepEqual([extension, missing], ['pcap', []])
    writeFileSync(file, await buffer(stream))
    const read = await tsharkFields(t, file, ['frame.time_epoch', 'udp.srcport'])
    if (read === undefined) return
    const ports = [0, 1, 2, 3, 4, 5].flatMap((n) => [n, n, n]).map((n) => String(10_000 + n))
    assert.deepEqual(
      read.map(([, port]) => port),
      ports,
    )
    const times = read.map(([time = '']) => time)
    assert.deepEqual(times, times.toSorted())
  })

  test('give an archive with packets, entries and what it is', async (t) => {
    const { hub, start, settled } = await setUp(t)
    const workers = [await start('w1'), await start('w/2')]
    await hub.create(recordingDraft.parse({ name: 'both' }), 'me')
    for (const worker of workers) await worker.recordings.step()
    for (const [n, worker] of workers.entries()) await worker.capture(n, `/secret/${n}`)
    await settled(workers, 'both', 2)
    const folder = await tempFolder(t)
    const { stream } = await hub.archive('both', signal)
    writeFileSync(join(folder, 'a.tar.gz'), await buffer(stream))
    execFileSync('tar', ['xzf', 'a.tar.gz'], { cwd: folder })
    assert.deepEqual((await readdir(folder, { recursive: true })).sort(), [
      ...['a.tar.gz', 'entries.jsonl', 'name_resolution_history.json', 'pcaps'],
      ...['pcaps/w1.pcap', 'pcaps/w=2f2.pcap', 'recording.json'],
    ])
    const lines = execFileSync('cat', ['entries.jsonl'], { cwd: folder }).toString().trim().split('\n')
    assert.deepEqual(lines.map((line): string => JSON.parse(line).request.path).sort(), [
      '/[redacted]/0',
      '/[redacted]/1',
    ])
    await until(async () => !(await readdir(tmpdir())).some((name) => name.startsWith('remora-recording-')))
  })

  test('show packets of entries of one worker, and read what is done once for all who look', async (t) => {
    const { hub, start, settled, asked } = await setUp(t)
    const workers = [await start('w1'), await start('w2')]
    await hub.create(recordingDraft.parse({ name: 'both' }), 'me')
    for (const worker of workers) await worker.recordings.step()
    for (const worker of workers) await worker.capture(1, '/seen/twice', 3)
    await workers[0]?.capture(2, '/other')
    await settled(workers, 'both', 3)
    const ends = [
      { ip: '10.0.0.1', port: '10001' },
      { ip: '10.0.0.2', port: '7' },
    ] as const
    const stream = {
      stream: '000000000001.pcap',
      node: 'w1',
      atMs: 0,
      ends: [...ends] satisfies [unknown, unknown],
    }
    const look = async () => {
      const before = asked.length
      const open = await (await hub.packets('both', signal)).open([stream])
      const { packets } = await open.read({ from: 1, limit: 1, snap: 20, mostBytes: 1 << 20 })
      assert.deepEqual(
        packets.map(({ bytes }) => bytes.length),
        [20],
      )
      return [open.packets, asked.length - before]
    }
    assert.deepEqual(
      [await look(), await look()],
      [
        [3, 1],
        [3, 1],
      ],
    )
    await hub.stop('both')
    await until(async () => {
      for (const worker of workers) await worker.recordings.step()
      return (await hub.get('both')).nodes.every(({ state }) => state === 'done')
    })
    assert.deepEqual(
      [await look(), await look()],
      [
        [3, 1],
        [3, 0],
      ],
    )
    const nobody = { ...stream, ends: [ends[1], ends[1]] satisfies [unknown, unknown] }
    const none = await (await hub.packets('both', signal)).open([nobody])
    assert.deepEqual([none.packets, none.lost.never], [0, 1])
    await hub.delete('both')
    await assert.rejects(hub.packets('both', signal), { code: 'E_NOT_FOUND' })
  })

  test('say which worker is missing, and fail rather than end early', async (t) => {
    const { hub, start, settled, names } = await setUp(t)
    const workers = [await start('w1'), await start('w2')]
    await hub.create(recordingDraft.parse({ name: 'both' }), 'me')
    for (const worker of workers) await worker.recordings.step()
    await workers[0]?.capture(1, '/a')
    await workers[1]?.capture(2, '/b', 1200, 1400)
    await settled(workers, 'both', 2)
    const { stream } = await hub.pcap('both', signal)
    const failing = assert.rejects(buffer(stream), { code: 'E_BUS_NO_ANSWER' })
    await workers[1]?.close()
    await failing
    assert.deepEqual((await hub.pcap('both', signal)).missing, ['w2'])
    names.splice(names.indexOf('w2'), 1)
    assert.deepEqual((await hub.entries('both', entriesQuery.parse({}), signal)).missing, ['w2'])
    assert.deepEqual((await hub.pcap('both', signal)).missing, ['w2'])
    assert.equal((await hub.get('both')).entries, 2)
  })
})

describe('recordings of a hub', () => {
  test('go through their states by the clock, and are forgotten at last', async (t) => {
    const { clock, hub, start } = await setUp(t)
    const worker = await start('w1')
    clock.now = Date.UTC(2026, 5, 1, 10, 0)
    const draft = { name: 'daily', start: '09:30', iterations: 2, duration: 30, expiration: 60 }
    const made = await hub.create(recordingDraft.parse(draft), 'me')
    const start1 = Date.UTC(2026, 5, 2, 9, 30)
    const end = Date.UTC(2026, 5, 3, 10, 0)
    const expires = end + 60 * MINUTE
    assert.partialDeepStrictEqual(made, {
      state: 'scheduled',
      nextStart: start1,
      start: start1,
      end,
      expires,
    })
    const stateAt = async (now: number) => {
      clock.now = now
      await worker.recordings.step()
      return (await hub.get('daily')).state
    }
    assert.equal(await stateAt(start1 + MINUTE), 'recording')
    assert.equal(await stateAt(start1 + 31 * MINUTE), 'scheduled')
    assert.equal((await hub.get('daily')).nextStart, start1 + 1440 * MINUTE)
    assert.equal(await stateAt(end - MINUTE), 'recording')
    await stateAt(end + MINUTE)
    await until(async () => (await hub.get('daily')).state === 'done')
    assert.equal(await stateAt(expires), 'expired')
    await hub.sweep()
    assert.equal((await hub.list()).length, 1)
    clock.now = expires + 25 * 60 * MINUTE
    await hub.sweep()
    assert.deepEqual(await hub.list(), [])
  })

  test('are stopped and deleted, with what workers have said of them', async (t) => {
    const { bucket, hub, start } = await setUp(t)
    const worker = await start('w1')
    await hub.create(recordingDraft.parse({ name: 'one', iterations: 0 }), 'me')
    assert.equal((await hub.get('one')).end, null)
    await worker.recordings.step()
    const stopped = await hub.stop('one')
    assert.equal(stopped.until, null)
    assert.equal((await hub.stop('one')).end, stopped.end)
    await worker.recordings.step()
    await until(async () => (await hub.get('one')).nodes[0]?.state === 'done')
    assert.equal((await hub.get('one')).state, 'done')
    await hub.delete('one')
    await worker.recordings.step()
    assert.deepEqual(await bucket.keys(), [])
    await assert.rejects(hub.delete('one'), { code: 'E_NOT_FOUND' })
  })

  test('say what has failed on which node, and have failed when all of them have', async (t) => {
    const { bucket, hub } = await setUp(t)
    await hub.create(recordingDraft.parse({ name: 'one' }), 'me')
    const [plan] = await bucket.keys('plan.')
    const { id } = JSON.parse(Buffer.from((await bucket.get(plan ?? ''))?.value ?? []).toString())
    const tell = async (node: string, part: Partial<RecordingPart>) => {
      const counts = { entries: 0, packets: 0, bytes: 0, lostEntries: 2, cutConnections: 1 }
      const whole: RecordingPart = { id, node, state: 'recording', reason: '', ...counts, ...part }
      await bucket.put(partKey('one', node), encode(whole))
    }
    await tell('w1', { state: 'failed', reason: 'the disk is full' })
    await until(async () => (await hub.get('one')).state === 'failed')
    await tell('w2', {})
    await until(async () => (await hub.get('one')).state === 'recording')
    assert.partialDeepStrictEqual(await hub.get('one'), {
      ...{ reason: 'w1: the disk is full', lostEntries: 4, cutConnections: 2 },
    })
  })

  test('are no more at a time than workers can bear', async (t) => {
    const { hub } = await setUp(t)
    for (let n = 0; n < 20; n++) await hub.create(recordingDraft.parse({ name: `r${n}` }), 'me')
    await assert.rejects(hub.create(recordingDraft.parse({ name: 'more' }), 'me'), { code: 'E_CONFLICT' })
    await hub.stop('r0')
    await hub.create(recordingDraft.parse({ name: 'more' }), 'me')
  })
})

describe('the routes of recordings', () => {
  test('make, show, stop and delete them', async (t) => {
    const { hub } = await setUp(t)
    const { url } = await startTestApi(t, { control: Object.assign(new FakeHub(), { recordings: hub }) })
    const body = { name: 'errors', filter: 'response.status == 500', duration: 5 }
    const made = await ask(url, 'POST', `${A}/recordings`, { body })
    assert.equal(made.status, 201, made.text)
    assert.partialDeepStrictEqual(made.body, {
      ...body,
      state: 'recording',
      createdBy: 'local',
      iterations: 1,
    })
    assert.partialDeepStrictEqual((await ask(url, 'GET', `${A}/recordings`)).body, [{ name: 'errors' }])
    const stopped = await ask(url, 'POST', `${A}/recordings/errors/stop`)
    assert.partialDeepStrictEqual(stopped.body, { state: 'done' })
    const pcap = await ask(url, 'GET', `${A}/recordings/errors/pcap`)
    assert.partialDeepStrictEqual(pcap.headers, {
      'content-type': 'application/vnd.tcpdump.pcap',
      'content-disposition': 'attachment; filename="errors.pcap"',
    })
    assert.equal((await ask(url, 'GET', `${A}/recordings/errors/download`)).status, 200)
    assert.equal((await ask(url, 'DELETE', `${A}/recordings/errors`)).status, 204)
    assert.equal((await ask(url, 'GET', `${A}/recordings/errors`)).status, 404)
  })

  test('refuse what makes no sense, and say why', async (t) => {
    const { hub } = await setUp(t)
    const { url } = await startTestApi(t, { control: Object.assign(new FakeHub(), { recordings: hub }) })
    const refused = async (body: object) => (await ask(url, 'POST', `${A}/recordings`, { body })).status
    for (const name of ['', 'Upper', 'a b', 'ä', '../x', 'a.b', '-a', 'x'.repeat(61), 7])
      assert.equal(await refused({ name }), 400, String(name))
    for (const start of ['24:00', '9:30', '09:60', 'now'])
      assert.equal(await refused({ name: 'a', start }), 400)
    for (const more of [{ duration: 0 }, { iterations: -1 }, { expiration: 0 }, { lastMinutes: 0 }, { x: 1 }])
      assert.equal(await refused({ name: 'a', ...more }), 400)
    assert.equal(await refused({ name: 'a', iterations: 2, duration: 1441 }), 400)
    const wrong = await ask(url, 'POST', `${A}/recordings`, { body: { name: 'a', filter: 'http and' } })
    assert.partialDeepStrictEqual(wrong.body, { code: 'E_FILTER_SYNTAX' })
    assert.equal(await refused({ name: 'a' }), 201)
    assert.equal(await refused({ name: 'a' }), 409)
  })

  test('let operators record and download, and viewers look', async (t) => {
    const { url, hub } = await startTestApi(t, WITH_TOKENS)
    const by = async (
      role: keyof typeof TOKENS,
      method: 'GET' | 'POST' | 'DELETE',
      path: string,
      body?: object,
    ) => (await ask(url, method, `${A}/recordings${path}`, { token: TOKENS[role], body })).status
    assert.equal(await by('viewer', 'POST', '', { name: 'a' }), 403)
    assert.equal(await by('operator', 'POST', '', { name: 'a' }), 201)
    assert.equal(await by('viewer', 'GET', '/a'), 200)
    for (const path of ['/a/pcap', '/a/download']) {
      assert.equal(await by('viewer', 'GET', path), 403)
      assert.equal(await by('operator', 'GET', path), 200)
    }
    assert.equal(await by('viewer', 'POST', '/a/stop'), 403)
    assert.equal(await by('viewer', 'DELETE', '/a'), 403)
    assert.equal(await by('operator', 'DELETE', '/a'), 204)
    const done = hub.audited.filter(({ outcome }) => outcome === 'done').map(({ action }) => action)
    assert.deepEqual(done, [
      ...['recording.create', 'recording.pcap', 'recording.download', 'recording.delete'],
    ])
  })
})

const { signal } = new AbortController()

async function setUp(t: TestContext) {
  const clock = { now: Date.now() }
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  const bucket = await bus.bucket({ name: 'recordings' })
  const names: string[] = []
  const now = () => clock.now
  const asked: string[] = []
  const request: Bus['request'] = (subject, ...rest) => {
    asked.push(subject)
    return bus.request(subject, ...rest)
  }
  const hub = new Recordings({ bus: { request }, bucket, workers: () => names, macros: {}, now })
  t.after(() => hub.close())
  return {
    ...{ clock, bucket, hub, names, asked },
    start: async (node: string) => {
      names.push(node)
      return RecordingWorker.start(t, { bus, bucket, node, now })
    },
    /** Until all of it is where it belongs. */
    settled: async (workers: readonly RecordingWorker[], name: string, entries: number) =>
      until(async () => {
        for (const worker of workers) await worker.recordings.step()
        const page = await hub.entries(name, entriesQuery.parse({}), signal)
        if (page.entries.length !== entries) return false
        // Packets are copied with the step after the entry came.
        for (const worker of workers) await worker.recordings.step()
        return true
      }),
  }
}
