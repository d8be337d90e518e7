import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Bus } from '../bus/bus.ts'
import { openLocalBus } from '../bus/local.ts'
import { compileFilter } from '../filter/index.ts'
import type { EntryReader, FollowedEntries } from '../store/entries/entry-store.ts'
import { eventually } from '../testing/eventually.ts'
import { decode, encode } from '../wire/codec.ts'
import { liveRequest } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { LivePart } from '../wire/views.ts'
import { LiveQueries, type Redact } from '../worker/live-queries.ts'
import { LiveEntries } from './live.ts'

describe('entries as they come', () => {
  test('reach all who watch, from all workers, and those with one filter share what comes', async (t) => {
    const { worker, watch, asked } = setUp(t)
    const [one, two] = [worker('w1'), worker('w2')]
    const [a, b, c] = [watch('n > 0'), watch('n > 0'), watch('n > 1')]
    await eventually('both are asked', () => one.readers === 2 && two.readers === 2)
    assert.equal(new Set(asked.map(({ id }) => id)).size, 2)
    one.add(1)
    two.add(2)
    for (const each of [a, b])
      await eventually('both entries', () => each.texts.toSorted().join() === '{"n":1},{"n":2}')
    await eventually('the one', () => c.texts.join() === '{"n":2}')
  })

  test('are asked for while somebody watches: who has gone leaves nothing behind', async (t) => {
    const { worker, watch } = setUp(t)
    const one = worker('w1')
    const [a, b] = [watch(''), watch('')]
    await eventually('asked', () => one.readers === 1)
    await a.end()
    one.add(1)
    await eventually('the other goes on', () => b.texts.length === 1)
    await b.end()
    await eventually('it ends', () => one.readers === 0)
    const again = watch('')
    await eventually('asked again', () => one.readers === 1)
    one.add(2)
    await eventually('it comes', () => again.texts.join() === '{"n":2}')
  })

  test('are not sent any more when the hub has died', async (t) => {
    const { bus, worker } = setUp(t)
    const one = worker('w1')
    bus.publish(SUBJECTS.wanted, encode({ id: 'dead', filter: '', mostPerSecond: 10 }))
    await eventually('it begins', () => one.readers === 1)
    await eventually('it ends', () => one.readers === 0)
  })

  test('that are too many are dropped, and everybody is told how many', async (t) => {
    const { bus, worker } = setUp(t)
    const one = worker('w1')
    const told: string[] = []
    t.after(bus.subscribe(SUBJECTS.live('few'), (payload) => told.push(new TextDecoder().decode(payload))))
    bus.publish(SUBJECTS.wanted, encode({ id: 'few', filter: '', mostPerSecond: 10 }))
    await eventually('it begins', () => one.readers === 1)
    one.add(...Array.from({ length: 25 }, (_, n) => n))
    await eventually('it came', () => told.length > 0)
    const [header = '', ...entries] = told[0]?.split('\n') ?? []
    assert.deepEqual([JSON.parse(header).dropped, entries.length], [15, 10])
    assert.equal(one.live.dropped, 15)
  })

  test('that somebody reads too slowly for are dropped, the oldest first, and told', async (t) => {
    const { bus, entries, asked } = setUp(t)
    const end = new AbortController()
    const parts = entries.watch('', end.signal)[Symbol.asyncIterator]()
    const first = parts.next()
    await eventually('asked', () => asked.length > 0)
    const send = (n: number) => {
      const texts = Array.from({ length: 1000 }, () => `{"n":${n}}`)
      const header = JSON.stringify({ node: 'w', count: texts.length, dropped: 0 })
      const payload = new TextEncoder().encode([header, ...texts].join('\n'))
      bus.publish(SUBJECTS.live(asked[0]?.id ?? ''), payload)
    }
    send(0)
    await first
    for (let n = 1; n <= 80; n++) send(n)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    let [got, dropped] = [0, 0]
    let last = ''
    while (last !== '{"n":80}') {
      const { value } = await parts.next()
      got += value.entries.length
      dropped += value.dropped
      last = value.entries.at(-1)
    }
    assert.deepEqual([got, dropped], [50_000, 30_000])
    end.abort()
    await parts.return?.()
  })

  test('are shown as agents leave them, and what they hide never crosses', async (t) => {
    const { worker, watch, crossed } = setUp(t)
    const one = worker('w1', async (_, texts) =>
      texts.map((text) => (text.includes('hide') ? null : text.replaceAll('secret', '***'))),
    )
    const viewer = watch('')
    await eventually('asked', () => one.readers === 1)
    one.add('a secret', 'hide this secret', 'end')
    await eventually('all', () => viewer.texts.join() === '{"n":"a ***"},{"n":"end"}')
    assert.ok(!crossed.some((text) => text.includes('secret')))
  })

  test('that are longer than a message come without what they carry', async (t) => {
    const { bus, worker, watch } = setUp(t)
    const one = worker('w1')
    const viewer = watch('')
    await eventually('asked', () => one.readers === 1)
    one.add('語'.repeat(bus.mostBytes), 'after')
    await eventually('both', () => viewer.texts.length === 2)
    assert.equal(JSON.parse(viewer.texts[0] ?? '').error.type, 'too-long')
    assert.equal(viewer.texts[1], '{"n":"after"}')
  })

  test('end for all who watch when the hub ends', async (t) => {
    const { worker, watch, entries } = setUp(t)
    const one = worker('w1')
    const viewer = watch('')
    await eventually('asked', () => one.readers === 1)
    entries.close()
    await viewer.over
    await eventually('the worker, too', () => one.readers === 0)
  })

  test('are refused for a filter that no message takes', async (t) => {
    const { entries } = setUp(t)
    const watching = entries.watch('n == 1 or '.repeat(1 << 20), new AbortController().signal)
    await assert.rejects(watching[Symbol.asyncIterator]().next(), { code: 'E_TOO_LARGE' })
  })

  test('nonsense is counted on both sides, and too many queries are refused', async (t) => {
    const { bus, worker, watch, entries, asked } = setUp(t)
    const one = worker('w1')
    const viewer = watch('')
    await eventually('asked', () => one.readers === 1)
    for (const text of ['', '{', '[]', '{"id":1}', '\n\n', '{"node":1}\n{}']) {
      const bytes = new TextEncoder().encode(text)
      bus.publish(SUBJECTS.wanted, bytes)
      bus.publish(SUBJECTS.live(asked[0]?.id ?? ''), bytes)
    }
    await eventually('counted', () => one.live.malformed === 6 && entries.malformed === 6)
    for (let n = 0; n < 200; n++)
      bus.publish(SUBJECTS.wanted, encode({ id: `q${n}`, filter: '', mostPerSecond: 1 }))
    await eventually('refused', () => one.live.refused === 101)
    one.add(1)
    await eventually('it goes on', () => viewer.texts.length === 1)
  })
})

function setUp(t: TestContext) {
  const local = openLocalBus({ folder: null })
  t.after(() => local.close())
  const crossed: string[] = []
  const bus: Pick<Bus, 'publish' | 'subscribe' | 'mostBytes'> & Bus = Object.assign(Object.create(local), {
    mostBytes: local.mostBytes,
    publish: (subject: string, payload: Uint8Array) => {
      crossed.push(new TextDecoder().decode(payload))
      local.publish(subject, payload)
    },
    subscribe: local.subscribe.bind(local),
  })
  const asked: { readonly id: string }[] = []
  t.after(
    local.subscribe(SUBJECTS.wanted, (payload) => {
      const request = decode(liveRequest, payload)
      if (request !== undefined) asked.push(request)
    }),
  )
  const entries = new LiveEntries(bus)
  t.after(() => entries.close())
  const watch = (filter: string) => {
    const end = new AbortController()
    const texts: string[] = []
    const over = collect(entries.watch(filter, end.signal), texts)
    t.after(() => end.abort())
    const stop = () => {
      end.abort()
      return over
    }
    return { texts, over, end: stop }
  }
  const worker = (node: string, redact: Redact = async (_, texts) => texts) => {
    const reader = new FollowedReader()
    const live = new LiveQueries({ bus, reader, redact, node })
    t.after(() => live.close())
    return Object.assign(reader, { live })
  }
  return { bus, entries, watch, worker, crossed, asked }
}

async function collect(parts: AsyncIterable<LivePart>, texts: string[]): Promise<void> {
  for await (const part of parts) texts.push(...part.entries)
}

class FollowedReader implements EntryReader {
  readonly counters = { unreadable: 0, damagedColumns: 0 }
  readonly #listeners = new Set<(jsons: readonly string[]) => void>()

  get readers(): number {
    return this.#listeners.size
  }

  add(...values: readonly unknown[]): void {
    const jsons = values.map((n) => JSON.stringify({ n }))
    for (const listener of this.#listeners) listener(jsons)
  }

  async page() {
    return { entries: [], starts: [], cursor: null, scanned: 0 }
  }

  async *follow(filter: string, signal: AbortSignal): AsyncGenerator<FollowedEntries> {
    const { matches } = compileFilter(filter, { prefer: 'kfl1' })
    let waiting: string[] = []
    let wake = () => {}
    const listener = (jsons: readonly string[]) => {
      waiting.push(...jsons.filter((json) => filter === '' || matches(JSON.parse(json))))
      wake()
    }
    const over = () => wake()
    this.#listeners.add(listener)
    signal.addEventListener('abort', over)
    try {
      while (!signal.aborted) {
        const entries = waiting.map((json) => ({ atMs: 0, json }))
        waiting = []
        if (entries.length > 0) yield { entries, dropped: 0 }
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  async close(): Promise<void> {}
}
