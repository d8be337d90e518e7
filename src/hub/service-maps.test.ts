import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Bus } from '../bus/bus.ts'
import { openLocalBus } from '../bus/local.ts'
import { openEntryReader, openEntryWriter } from '../store/entries/index.ts'
import { eventually } from '../testing/eventually.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { encode } from '../wire/codec.ts'
import type { MapView } from '../wire/map.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { MapQueries } from '../worker/map-queries.ts'
import { type MapQuestion, ServiceMaps } from './service-maps.ts'

describe('a map of services', () => {
  test('is of all workers, with what was kept before and what comes', async (t) => {
    const { worker, watch } = setUp(t)
    const [one, two] = [await worker('w1'), await worker('w2')]
    await one.add(call('a', 'b', { at: Date.now() - 30_000 }), call('a', 'b', { at: Date.now() - 400_000 }))
    await two.add(call('a', 'b'), call('b', 'c', { status: 500, elapsedTime: 5000 }))
    const { seen } = watch({ filter: '', windowMs: 300_000 })
    await eventually('what was kept', () => counts(seen()) === 'a-b:2/0 b-c:1/1', 10_000)
    await one.add(call('c', 'd'))
    await two.add(call('c', 'd'), call('a', 'b'))
    await eventually('what came', () => counts(seen()) === 'a-b:3/0 b-c:1/1 c-d:2/0', 10_000)
    const view = seen()
    assert.deepEqual(view?.workers.toSorted(), ['w1', 'w2'])
    assert.equal(view?.isFilling, false)
    const failed = view?.edges.find(({ errors }) => errors > 0)
    assert.ok(Math.abs((failed?.p95Us ?? 0) - 5000) <= 50, `${failed?.p95Us}`)
    assert.deepEqual([failed?.bytesOut, failed?.bytesIn, failed?.meanUs], [10, 20, 5000])
  })

  test('is of what matches, over the time that is asked for', async (t) => {
    const { worker, watch } = setUp(t)
    const one = await worker('w1')
    const old = call('x', 'y', { at: Date.now() - 1e9 })
    await one.add(call('a', 'b'), call('b', 'c', { status: 500 }), old)
    const failing = watch({ filter: 'status_code >= 500', windowMs: 60_000 })
    const everything = watch({ filter: '', windowMs: 0 })
    await eventually('failures', () => counts(failing.seen()) === 'b-c:1/1', 10_000)
    await eventually('all', () => counts(everything.seen()) === 'a-b:1/0 b-c:1/1 x-y:1/0', 10_000)
    assert.ok((everything.seen()?.spanMs ?? 0) >= 1e9)
    await one.add(call('a', 'b'), call('a', 'b', { status: 503 }))
    await eventually('one more', () => counts(failing.seen()) === 'a-b:1/1 b-c:1/1', 10_000)
  })

  test('is summed while somebody looks, once for all who ask the same', async (t) => {
    const { bus, worker, watch } = setUp(t)
    const one = await worker('w1')
    const asked = new Set<string>()
    t.after(
      bus.subscribe(SUBJECTS.mapWanted, (payload) =>
        asked.add(JSON.parse(new TextDecoder().decode(payload)).id),
      ),
    )
    await one.add(call('a', 'b'))
    const question = { filter: 'http', windowMs: 60_000 }
    const [a, b] = [watch(question), watch(question)]
    await eventually('both', () => [a, b].every(({ seen }) => counts(seen()) === 'a-b:1/0'), 10_000)
    assert.equal(asked.size, 1)
    assert.equal(one.readers(), 1)
    await a.end()
    await b.end()
    await eventually('it ends', () => one.readers() === 0)
    bus.publish(SUBJECTS.mapWanted, encode({ id: 'of a hub that died', filter: '', windowMs: 0 }))
    await eventually('it begins', () => one.readers() === 1)
    await eventually('it is forgotten', () => one.readers() === 0, 15_000)
  })

  test('leaves out a worker that is silent, and counts what makes no sense', async (t) => {
    const { bus, worker, watch, maps } = setUp(t)
    const [one, two] = [await worker('w1'), await worker('w2')]
    await one.add(call('a', 'b'))
    await two.add(call('b', 'c'))
    const { seen, asked } = watch({ filter: '', windowMs: 60_000 })
    await eventually('both', () => counts(seen()) === 'a-b:1/0 b-c:1/0', 10_000)
    await two.stop()
    await eventually('one', () => counts(seen()) === 'a-b:1/0', 15_000)
    bus.publish(SUBJECTS.mapWanted, encode({ id: 5 }))
    bus.publish(SUBJECTS.map(asked()), encode({ node: 'x' }))
    await eventually('counted', () => one.malformed() === 1 && maps.malformed === 1)
  })

  test('is refused for a filter that no message takes', async (t) => {
    const { maps } = setUp(t)
    const filter = 'a == 1 or '.repeat(1 << 20)
    const watching = maps.watch({ filter, windowMs: 0 }, new AbortController().signal)
    await assert.rejects(Promise.resolve(watching[Symbol.asyncIterator]().next()), { code: 'E_TOO_LARGE' })
  })
})

function setUp(t: TestContext) {
  const bus = openLocalBus({ folder: null })
  const maps = new ServiceMaps(bus)
  t.after(async () => {
    maps.close()
    await bus.close()
  })
  let lastId = ''
  bus.subscribe(SUBJECTS.mapWanted, (payload) => {
    lastId = JSON.parse(new TextDecoder().decode(payload)).id
  })
  return {
    bus,
    maps,
    worker: (node: string) => openWorker(t, bus, node),
    watch: (question: MapQuestion) => {
      const end = new AbortController()
      let newest: MapView | undefined
      const over = (async () => {
        for await (const view of maps.watch(question, end.signal)) newest = view
      })()
      const finish = async () => {
        end.abort()
        await over
      }
      t.after(finish)
      return { seen: () => newest, asked: () => lastId, end: finish }
    },
  }
}

async function openWorker(t: TestContext, bus: Bus, node: string) {
  const folder = await tempFolder(t)
  const writer = openEntryWriter({ folder, ttlMs: 1e12, mostBytes: 1e9 })
  const reader = openEntryReader({ folder, prefer: 'kfl2', macros: {} })
  let readers = 0
  const counted: typeof reader.sum = async function* (...args) {
    readers++
    try {
      yield* reader.sum(...args)
    } finally {
      readers--
    }
  }
  const queries = new MapQueries({ bus, node, reader: { sum: counted } })
  let isOver = false
  const stop = async () => {
    if (isOver) return
    isOver = true
    await queries.close()
    await reader.close()
    await writer.close()
  }
  t.after(stop)
  return {
    stop,
    readers: () => readers,
    malformed: () => queries.malformed,
    add: async (...entries: readonly { at: number; json: string }[]) => {
      for (const { at, json } of entries) writer.append(at, json)
      await writer.flush()
    },
  }
}

function call(from: string, to: string, { at = Date.now(), status = 200, elapsedTime = 1000 } = {}) {
  const end = (name: string) => ({ ip: `10.0.0.${name.charCodeAt(0)}`, port: '1', name, namespace: 'shop' })
  const json = JSON.stringify({
    protocol: {
      name: 'http',
      abbr: 'HTTP',
      macro: 'http',
      backgroundColor: '#326de6',
      foregroundColor: '#ffffff',
    },
    src: end(from),
    dst: end(to),
    request: { method: 'GET' },
    response: { status },
    requestSize: 10,
    responseSize: 20,
    elapsedTime,
    error: null,
  })
  return { at, json }
}

/** `a-b:3/1`: from a to b three, one of them an error. */
function counts(view: MapView | undefined): string {
  const texts = view?.edges.map(
    ({ source, destination, count, errors }) =>
      `${view.ends[source]?.name}-${view.ends[destination]?.name}:${count}/${errors}`,
  )
  return texts?.sort().join(' ') ?? ''
}
