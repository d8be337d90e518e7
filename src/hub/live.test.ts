import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Bus } from '../bus/bus.ts'
import { openLocalBus } from '../bus/local.ts'
import { eventually } from '../testing/eventually.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { decode, encodeLines } from '../wire/codec.ts'
import { liveRequest } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { LivePart } from '../wire/views.ts'
import { LiveEntries } from './live.ts'

describe('live entries', () => {
  test('are asked for once for all who watch with the same filter, and given up with the last of them', async (t) => {
    const { bus, live, asked } = await feed(t)
    const [one, two] = [watch(live, 'http'), watch(live, 'http')]
    await eventually('somebody asks', () => asked.length > 0)
    const id = asked[0]?.id ?? ''
    send(bus, id, ['{"a":1}', '{"a":2}'], 3)
    await eventually('both have it', () => one.parts.length === 1 && two.parts.length === 1)
    assert.deepEqual([one.parts[0]?.entries, one.parts[0]?.dropped], [['{"a":1}', '{"a":2}'], 3])
    assert.equal(one.parts[0]?.entries, two.parts[0]?.entries, 'they are in memory once')
    await one.end()
    assert.ok(asked.every(({ mostPerSecond }) => mostPerSecond > 0))
    await two.end()
    await eventually('it is over', () => asked.at(-1)?.mostPerSecond === 0)
    assert.deepEqual(new Set(asked.map((each) => each.id)), new Set([id]))
  })

  test('take no more memory than they may, however long they are, and say what was lost', async (t) => {
    const { bus, live, asked } = await feed(t)
    const end = new AbortController()
    const watching = live.watch('', end.signal)[Symbol.asyncIterator]()
    const first = watching.next()
    await eventually('somebody asks', () => asked.length > 0)
    const id = asked[0]?.id ?? ''
    send(bus, id, ['first'])
    assert.deepEqual((await first).value?.entries, ['first'])
    const long = 'x'.repeat(256 << 10)
    for (let at = 0; at < 600; at++) {
      send(bus, id, [long, `${at}`])
      await setImmediate()
    }
    let got = 0
    let dropped = 0
    for (let last: string | undefined; last !== '599'; ) {
      const { value } = await watching.next()
      last = value?.entries.at(-1)
      got += value?.entries.length ?? 0
      dropped += value?.dropped ?? 0
    }
    assert.equal(got + dropped, 1200)
    assert.ok(got > 400 && got * 128 <= 64 << 10, `${got} waited`)
    end.abort()
    await watching.return?.()
  })
})

async function feed(t: Parameters<typeof tempFolder>[0]) {
  const bus = openLocalBus({ folder: await tempFolder(t) })
  const live = new LiveEntries(bus)
  t.after(async () => {
    live.close()
    await bus.close()
  })
  const asked: { id: string; mostPerSecond: number }[] = []
  bus.subscribe(SUBJECTS.wanted, (payload) => {
    const request = decode(liveRequest, payload)
    if (request !== undefined) asked.push(request)
  })
  return { bus, live, asked }
}

function send(bus: Bus, id: string, entries: readonly string[], dropped = 0): void {
  bus.publish(SUBJECTS.live(id), encodeLines({ node: 'a', count: entries.length, dropped }, entries))
}

function watch(live: LiveEntries, filter: string) {
  const end = new AbortController()
  const parts: LivePart[] = []
  const watching = (async () => {
    for await (const part of live.watch(filter, end.signal)) parts.push(part)
  })()
  return {
    parts,
    end: async () => {
      end.abort()
      await watching
    },
  }
}
