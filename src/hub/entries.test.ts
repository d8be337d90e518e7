import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Bus } from '../bus/bus.ts'
import { openLocalBus } from '../bus/local.ts'
import { compileFilter } from '../filter/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { EntryReader, StoredEntry } from '../store/entries/entry-store.ts'
import { eventually } from '../testing/eventually.ts'
import { encode, encodeLines } from '../wire/codec.ts'
import { entriesQuery } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { answerQueries } from '../worker/entry-answers.ts'
import type { Redact } from '../worker/live-queries.ts'
import { queryWorkers } from './entries.ts'

describe('pages over several workers', () => {
  test('are all entries, each once, newest first, for any limit and any interleaving', async (t) => {
    const { bus, page, worker } = setUp(t)
    const random = numbers(7)
    for (let round = 0; round < 40; round++) {
      const stops = Array.from({ length: 1 + (random() % 4) }, (_, at) =>
        worker(`w${at}`, times(random() % 60, random), { mostEntries: 1 + (random() % 20) }),
      )
      const all = stops.flatMap(({ entries }) => entries)
      const read: string[] = []
      let cursor: string | null | undefined
      do {
        const next = await page({ limit: 1 + (random() % 25), ...(cursor ? { cursor } : {}) })
        read.push(...next.entries)
        cursor = next.cursor
      } while (cursor !== null)
      const wanted = all.toSorted((a, b) => b.atMs - a.atMs)
      assert.deepEqual(
        read.map(timeOf),
        wanted.map(({ atMs }) => atMs),
      )
      assert.deepEqual(read.toSorted(), wanted.map(({ json }) => json).toSorted())
      for (const { stop } of stops) stop()
    }
    assert.deepEqual(bus.dropped, {})
  })

  test('have no entry twice when others come while somebody reads', async (t) => {
    const { page, worker } = setUp(t)
    const one = worker('w1', [1, 3, 5, 7, 9])
    const two = worker('w2', [2, 4, 6, 8])
    const first = await page({ limit: 3 })
    assert.deepEqual(first.entries.map(timeOf), [9, 8, 7])
    one.append(11)
    two.append(10)
    const second = await page({ limit: 3, cursor: first.cursor ?? '' })
    assert.deepEqual(second.entries.map(timeOf), [6, 5, 4])
    one.append(12)
    const third = await page({ limit: 10, cursor: second.cursor ?? '' })
    assert.deepEqual([third.entries.map(timeOf), third.cursor], [[3, 2, 1], null])
  })

  test('name a worker that does not answer, and go on with it when it does', async (t) => {
    const { page, worker, names } = setUp(t)
    worker('w1', [1, 3])
    names.push('gone')
    const first = await page({ limit: 1 })
    assert.deepEqual([first.entries.map(timeOf), first.missing], [[3], ['gone']])
    worker('gone', [2])
    const second = await page({ limit: 5, cursor: first.cursor ?? '' })
    assert.deepEqual([second.entries.map(timeOf), second.missing], [[2, 1], []])
  })

  test('come to an end, and name who is missing, also when a worker never comes back', async (t) => {
    const { page, worker } = setUp(t)
    worker('w1', [1, 3, 5])
    const two = worker('w2', [2, 4])
    let next = await page({ limit: 2 })
    two.stop()
    const read = next.entries.map(timeOf)
    for (let pages = 0; next.cursor !== null; pages++) {
      assert.ok(pages < 5)
      next = await page({ limit: 2, cursor: next.cursor })
      assert.deepEqual(next.missing, ['w2'])
      read.push(...next.entries.map(timeOf))
    }
    assert.deepEqual(read, [5, 4, 3, 1])
  })

  test('keep to filters of both languages, to times and to the limit of the filter over all workers', async (t) => {
    const { page, worker } = setUp(t)
    worker('w1', [1, 3, 5, 7])
    worker('w2', [2, 4, 6, 8])
    const read = async (query: object) => (await page(query)).entries.map(timeOf)
    assert.deepEqual(await read({ filter: 'n > 5' }), [8, 7, 6])
    assert.deepEqual(await read({ filter: 'dst.name == "w1" && src.name == ""' }), [7, 5, 3, 1])
    assert.deepEqual(await read({ from: 3, to: 6 }), [6, 5, 4, 3])
    const first = await page({ filter: 'n > 0 and limit(3)', limit: 2 })
    assert.deepEqual(first.entries.map(timeOf), [8, 7])
    const second = await page({ filter: 'n > 0 and limit(3)', limit: 2, cursor: first.cursor ?? '' })
    assert.deepEqual([second.entries.map(timeOf), second.cursor], [[6], null])
  })

  test('tell who asked what is wrong with a filter or a cursor', async (t) => {
    const { page, worker } = setUp(t)
    worker('w1', [1])
    await assert.rejects(page({ filter: 'n ==' }), { name: 'Mistake' })
    const cursors = ['x', btoa('{}'), btoa('[1]'), btoa('{"shown":0,"places":{"w1":7}}')]
    for (const cursor of cursors) await assert.rejects(page({ cursor }), { code: 'E_REQUEST' })
    await assert.rejects(page({ cursor: btoa('{"shown":0,"places":{"w1":"zzz"}}') }), { code: 'E_REQUEST' })
  })

  test('have entries whose letters are several bytes, and those that are longer than a message', async (t) => {
    const { bus, page, worker } = setUp(t)
    const wide = worker('w1', [])
    for (let n = 1; n <= 9; n++) wide.append(n, '語'.repeat(100_000))
    wide.append(10, 'x'.repeat(bus.mostBytes))
    const { entries, missing } = await page({ limit: 10 })
    assert.deepEqual([entries.map(timeOf), missing], [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], []])
    assert.equal(JSON.parse(entries[0] ?? '').error.type, 'too-long')
    assert.equal(JSON.parse(entries[9] ?? '').data.length, 100_000)
  })

  test('have as many small entries as may be asked for', async (t) => {
    const { page, worker } = setUp(t)
    worker(
      'w1',
      Array.from({ length: 12_000 }, (_, n) => n),
      { mostEntries: 1e9 },
    )
    const { entries, missing } = await page({ limit: 10_000 })
    assert.deepEqual([entries.length, missing], [10_000, []])
  })

  test('end with who asked for them', async (t) => {
    const { bus, page, names } = setUp(t)
    names.push('slow')
    t.after(bus.respond(SUBJECTS.entries('slow'), () => new Promise(() => {})))
    const end = new AbortController()
    const asked = page({}, end.signal)
    end.abort()
    await assert.rejects(asked)
  })

  test('take no nonsense from a worker', async (t) => {
    const { bus, page, names, worker } = setUp(t)
    worker('good', [1])
    const head = { node: 'bad', times: [2], starts: ['a'], cursor: null, scanned: 0, dropped: {} }
    const answers = [
      new Uint8Array([0xff, 0x00]),
      encode([]),
      encodeLines(head, []),
      encodeLines({ ...head, starts: [] }, ['{}']),
      encodeLines({ ...head, times: [], starts: [], cursor: 'same' }, []),
    ]
    names.push('bad')
    for (const answer of answers) {
      const stop = bus.respond(SUBJECTS.entries('bad'), async () => answer)
      const { entries, missing } = await page({})
      assert.deepEqual([entries.map(timeOf), missing], [[1], ['bad']])
      stop()
    }
  })
})

describe('what agents do to entries that somebody looks at', () => {
  test('is done before they cross the bus', async (t) => {
    const { page, worker, crossed } = setUp(t)
    const redact: Redact = async (_, texts) =>
      texts.map((text) => (text.includes('hide') ? null : text.replaceAll('secret', '***')))
    const one = worker('w1', [], { redact })
    one.append(1, 'a secret')
    one.append(2, 'hide: secret')
    one.append(3, 'another secret')
    const first = await page({ limit: 1 })
    const { entries } = await page({ limit: 5, cursor: first.cursor ?? '' })
    assert.deepEqual(
      [...first.entries, ...entries].map((text) => JSON.parse(text).data),
      ['another ***', 'a ***'],
    )
    await eventually('recorded', () => crossed.length > 0)
    assert.ok(crossed.some((text) => text.includes('***')))
    assert.ok(!crossed.some((text) => text.includes('secret')))
  })

  test('that fails hides all', async (t) => {
    const { page, worker, crossed } = setUp(t)
    const redact: Redact = () => Promise.reject(new Mistake('E_SANDBOX', 'it is gone'))
    const one = worker('w1', [], { redact })
    one.append(1, 'a secret')
    await page({}).catch(() => {})
    assert.ok(!crossed.some((text) => text.includes('a secret')))
  })
})

/** Workers that keep what they are given, and how a hub asks them. */
function setUp(t: TestContext) {
  const local = openLocalBus({ folder: null })
  t.after(() => local.close())
  const crossed: string[] = []
  const bus = recording(local, crossed)
  const names: string[] = []
  const page = (query: object, signal = new AbortController().signal) => {
    const asked = entriesQuery.parse(query)
    const { limit: most = Number.POSITIVE_INFINITY } = asked.filter.includes('limit')
      ? compileFilter(asked.filter, { prefer: 'kfl1' })
      : {}
    return queryWorkers(bus, names, asked, { signal, most })
  }
  const worker = (name: string, at: readonly number[], options: WorkerOptions = {}) => {
    const reader = new MemoryReader(name, options.mostEntries ?? 100)
    for (const n of at) reader.append(n)
    const { redact = async (_: string, texts: readonly string[]) => texts } = options
    const unsubscribe = answerQueries({
      bus,
      readerOf: () => reader,
      redact,
      node: name,
      dropped: () => ({}),
    })
    if (!names.includes(name)) names.push(name)
    const stop = () => {
      unsubscribe()
      names.splice(names.indexOf(name), names.includes(name) ? 1 : 0)
    }
    t.after(unsubscribe)
    return { entries: reader.entries, append: reader.append.bind(reader), stop }
  }
  return { bus, names, page, worker, crossed }
}

interface WorkerOptions {
  readonly redact?: Redact
  readonly mostEntries?: number
}

/** In the order in which they came; cuts its answers after so many. */
class MemoryReader implements EntryReader {
  readonly entries: StoredEntry[] = []
  readonly counters = { unreadable: 0, damagedColumns: 0 }
  readonly #name: string
  readonly #most: number

  constructor(name: string, most: number) {
    this.#name = name
    this.#most = most
  }

  append(atMs: number, data = ''): void {
    const entry = { n: atMs, src: { name: '' }, dst: { name: this.#name }, data }
    this.entries.push({ atMs, json: JSON.stringify(entry) })
  }

  async page(
    { filter, limit, cursor, from = 0, to = 1e12 }: ReturnType<typeof entriesQuery.parse>,
    { mostBytes }: { readonly mostBytes: number },
  ) {
    const { matches } = compileFilter(filter, { prefer: 'kfl1' })
    const start = cursor === undefined ? this.entries.length : Number(cursor)
    if (Number.isNaN(start)) throw new Mistake('E_REQUEST', 'no cursor')
    const entries: StoredEntry[] = []
    const starts: string[] = []
    let at = start
    let letters = 0
    for (let scanned = 0; at > 0 && entries.length < limit && scanned < this.#most; at--, scanned++) {
      const entry = this.entries[at - 1]
      if (entry === undefined) break
      if (entry.atMs < from || entry.atMs > to || !matches(JSON.parse(entry.json))) continue
      if (entries.length > 0 && letters + entry.json.length > mostBytes) break
      letters += entry.json.length
      entries.push(entry)
      starts.push(String(at))
    }
    return { entries, starts, cursor: at === 0 ? null : String(at), scanned: start - at }
  }

  async *follow() {}

  async close(): Promise<void> {}
}

/** All that goes over a bus, as text. */
function recording(bus: Bus, crossed: string[]): Bus {
  const note = (payload: Uint8Array) => {
    crossed.push(new TextDecoder().decode(payload))
    return payload
  }
  return {
    description: bus.description,
    connected: true,
    dropped: bus.dropped,
    mostBytes: bus.mostBytes,
    onConnection: (listener) => bus.onConnection(listener),
    publish: (subject, payload) => bus.publish(subject, note(payload)),
    subscribe: (...subscribe) => bus.subscribe(...subscribe),
    request: (subject, payload, options) => bus.request(subject, note(payload), options),
    respond: (subject, handler) =>
      bus.respond(subject, async (payload, from) => note(await handler(payload, from))),
    stream: (options) => bus.stream(options),
    bucket: (options) => bus.bucket(options),
    close: () => bus.close(),
  }
}

function timeOf(json: string): number {
  return JSON.parse(json).n ?? 10
}

/** Growing, some the same. */
function times(count: number, random: () => number): number[] {
  let at = random() % 5
  return Array.from({ length: count }, () => {
    at += random() % 3
    return at
  })
}

function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 8
  }
}
