import assert from 'node:assert/strict'
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { Bucket, Bus, Change, Stream, StreamOptions } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { eventually } from './eventually.ts'

/** Programs that share a bus. */
export interface BusSite {
  /** So many programs; in one process they share the bus itself. */
  programs(count: number): Promise<Bus[]>
  /** Ends all programs, and starts one again. */
  restart(): Promise<Bus>
}

/** What every bus owes. `site` answers undefined where it cannot be tested. */
export function describeBus(name: string, site: (t: TestContext) => Promise<BusSite | undefined>): void {
  describe(name, () => {
    const test = (sentence: string, body: (site: BusSite) => Promise<void>) =>
      it(sentence, async (t) => {
        const here = await site(t)
        if (here !== undefined) await body(here)
      })

    describe('messages', () => describeMessages(test))
    describe('requests', () => describeRequests(test))
    describe('streams', () => describeStreams(test))
    describe('buckets', () => describeBuckets(test))
  })
}

type Test = (sentence: string, body: (site: BusSite) => Promise<void>) => void

function describeMessages(test: Test): void {
  test('reach all who listen to the subject, in order, and nobody else', async (site) => {
    const [sender, one, two] = await three(site)
    const heard = [listen(one, 'status.a'), listen(two, 'status.a'), listen(two, 'status.b')]
    await settled(sender, one, two)
    for (let at = 0; at < 100; at++) sender.publish('status.a', bytes(`${at}`))
    await eventually('all messages', () => heard[0]?.length === 100 && heard[1]?.length === 100)
    assert.deepEqual(
      heard[0],
      Array.from({ length: 100 }, (_, at) => `status.a ${at}`),
    )
    assert.deepEqual(heard[2], [])
  })

  test('are matched by wildcards: one token, or all that follow', async (site) => {
    const [sender, one] = await three(site)
    const patterns = ['a.*', 'a.>', '>', 'a.*.c', '*.b', 'a.b']
    const heard = patterns.map((pattern) => listen(one, pattern))
    await settled(sender, one)
    const subjects = ['a', 'a.b', 'a.b.c', 'x.b', 'a.b.c.d', 'a.=2e']
    for (const subject of subjects) sender.publish(subject, bytes(''))
    sender.publish('end', bytes(''))
    await eventually('the last message', () => heard[2]?.some((each) => each.startsWith('end')) === true)
    const told = heard.map((each) => each.map((text) => text.trim()).filter((text) => text !== 'end'))
    assert.deepEqual(told, [
      ['a.b', 'a.=2e'],
      ['a.b', 'a.b.c', 'a.b.c.d', 'a.=2e'],
      subjects,
      ['a.b.c'],
      ['a.b', 'x.b'],
      ['a.b'],
    ])
  })

  test('do not come any more after the end of a subscription, nor before publish returns', async (site) => {
    const [bus] = await three(site)
    const heard: string[] = []
    const stop = bus.subscribe('a', (payload) => heard.push(text(payload)))
    await settled(bus)
    bus.publish('a', bytes('1'))
    assert.deepEqual(heard, [])
    await eventually('the message', () => heard.length === 1)
    stop()
    stop()
    const other = listen(bus, 'a')
    await settled(bus)
    bus.publish('a', bytes('2'))
    await eventually('the other message', () => other.length === 1)
    assert.deepEqual(heard, ['1'])
  })

  test('go on when a handler throws, and it is counted', async (site) => {
    const [bus] = await three(site)
    let calls = 0
    bus.subscribe('a', () => {
      calls++
      throw new Error('a fault')
    })
    const heard = listen(bus, 'a')
    await settled(bus)
    bus.publish('a', bytes('1'))
    bus.publish('a', bytes('2'))
    await eventually('both', () => heard.length === 2 && calls === 2)
    assert.equal(bus.dropped['handler-failed'], 2)
  })

  test('are what they were when they were published', async (site) => {
    const [bus, other] = await three(site)
    const heard = listen(other, 'a')
    await settled(bus, other)
    const buffer = bytes('one')
    bus.publish('a', buffer)
    buffer.set(bytes('two'))
    bus.publish('a', buffer)
    buffer.fill(0)
    await eventually('both', () => heard.length === 2)
    assert.deepEqual(heard, ['a one', 'a two'])
  })

  test('that are too large are refused, the longest that are not arrive', async (site) => {
    const [bus, other] = await three(site)
    const heard: Uint8Array[] = []
    other.subscribe('large', (payload) => heard.push(payload))
    await settled(bus, other)
    await refused('E_TOO_LARGE', async () => bus.publish('large', new Uint8Array(bus.mostBytes + 1)))
    await refused('E_TOO_LARGE', () =>
      bus.request('large', new Uint8Array(bus.mostBytes + 1), { timeoutMs: 1000 }),
    )
    const longest = new Uint8Array(randomBytes(bus.mostBytes))
    bus.publish('large', longest)
    await eventually('the longest', () => heard.length === 1)
    assert.deepEqual(Buffer.from(heard[0] ?? []), Buffer.from(longest))
  })

  test('of any bytes on any subject end nobody who listens or answers', async (site) => {
    const [sender, other] = await three(site)
    const heard = listen(other, '>')
    other.respond('jobs.*', async (payload) => payload)
    const bucket = await other.bucket(bucketOptions())
    const stream = await other.stream(streamOptions())
    await settled(sender, other)
    const subjects = ['status.a', 'jobs.a', 'entries.a', 'live.x', 'wanted', 'deployed', 'x.y.z']
    for (let at = 0; at < 300; at++)
      sender.publish(subjects[at % subjects.length] ?? '', new Uint8Array(randomBytes(at)))
    await eventually('all', () => heard.length >= 300)
    assert.deepEqual(text(await sender.request('jobs.a', bytes('still'), patient)), 'still')
    await bucket.put('k', new Uint8Array(randomBytes(100)))
    await stream.append('x', new Uint8Array(randomBytes(100)), { id: '1' })
  })
}

function describeRequests(test: Test): void {
  test('are answered, and know their subject', async (site) => {
    const [asking, answering] = await three(site)
    answering.respond('jobs.*', async (payload, subject) => bytes(`${subject} ${text(payload)}`))
    await settled(asking, answering)
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((node) => asking.request(`jobs.${node}`, bytes(node), patient)),
    )
    assert.deepEqual(answers.map(text), ['jobs.a a', 'jobs.b b', 'jobs.c c'])
  })

  test('are shared by those who answer', async (site) => {
    const [asking, one, two] = await three(site)
    const counts = [0, 0]
    for (const [at, bus] of [one, two].entries())
      bus.respond('work', async () => {
        counts[at] = (counts[at] ?? 0) + 1
        return bytes(`${at}`)
      })
    await settled(asking, one, two)
    await Promise.all(Array.from({ length: 200 }, () => asking.request('work', bytes(''), patient)))
    assert.equal((counts[0] ?? 0) + (counts[1] ?? 0), 200)
    assert.ok(counts.every((count) => count > 0))
  })

  test('bring back mistakes as they are', async (site) => {
    const [asking, answering] = await three(site)
    answering.respond('a', async () => {
      throw new Mistake('E_AGENT_SYNTAX', 'agent "ü": unexpected token', { hint: 'Line 3, column 4.' })
    })
    answering.respond('b', async () => {
      throw new Mistake('E_NOT_FOUND', 'no such thing')
    })
    await settled(asking, answering)
    const first = await refused('E_AGENT_SYNTAX', () => asking.request('a', bytes(''), patient))
    assert.deepEqual([first.message, first.hint], ['agent "ü": unexpected token', 'Line 3, column 4.'])
    const second = await refused('E_NOT_FOUND', () => asking.request('b', bytes(''), patient))
    assert.deepEqual([second.message, second.hint], ['no such thing', undefined])
  })

  test('of which a program fails end at once, and what it failed of stays there', async (site) => {
    const [asking, answering] = await three(site)
    answering.respond('a', async () => {
      throw new Error('password=secret')
    })
    await settled(asking, answering)
    await assert.rejects(asking.request('a', bytes(''), patient), (error: unknown) => {
      assert.ok(error instanceof Error && !error.message.includes('secret'))
      return true
    })
    assert.equal(answering.dropped['handler-failed'], 1)
  })

  test('that nobody answers end in time', async (site) => {
    const [asking, answering] = await three(site)
    await refused('E_BUS_NO_ANSWER', () => asking.request('nobody', bytes(''), { timeoutMs: 200 }))
    answering.respond('slow', () => new Promise(() => undefined))
    await settled(asking, answering)
    await refused('E_BUS_NO_ANSWER', () => asking.request('slow', bytes(''), { timeoutMs: 50 }))
    const controller = new AbortController()
    const asked = asking.request('slow', bytes(''), { ...patient, signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(asked, /enough/)
  })

  test('with an answer that is too large say so', async (site) => {
    const [asking, answering] = await three(site)
    answering.respond('a', async () => new Uint8Array(answering.mostBytes + 1))
    answering.respond('b', async () => new Uint8Array(answering.mostBytes))
    await settled(asking, answering)
    await refused('E_TOO_LARGE', () => asking.request('a', bytes(''), patient))
    assert.equal((await asking.request('b', bytes(''), patient)).length, answering.mostBytes)
  })
}

function describeStreams(test: Test): void {
  test('keep each message once, by its id', async (site) => {
    const [one, two] = await three(site)
    const options = streamOptions()
    const streams = [await one.stream(options), await two.stream(options)] as const
    await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        streams[at % 2 === 0 ? 0 : 1].append('actions.a', bytes(`${at % 10}`), { id: `n/b ${at % 10}\n` }),
      ),
    )
    const kept = await take(streams[0].read({ follow: false, signal: endless() }))
    assert.deepEqual(kept.map(({ payload }) => text(payload)).sort(), [...'0123456789'])
    assert.ok(kept.every(({ subject }) => subject === 'actions.a'))
    assert.ok(kept.every(({ sequence }, at) => at === 0 || sequence > (kept[at - 1]?.sequence ?? 0)))
  })

  test('are consumed in order, each message once', async (site) => {
    const [one, two] = await three(site)
    const options = streamOptions()
    const [stream, other] = [await one.stream(options), await two.stream(options)]
    await fill(stream, 0, 30)
    const end = new AbortController()
    const taken: string[] = []
    const consuming = other.consume('hub', async (each) => void taken.push(text(each.payload)), end.signal)
    await fill(stream, 30, 60)
    await eventually('all', () => taken.length >= 60)
    end.abort()
    await consuming
    assert.deepEqual(
      taken,
      Array.from({ length: 60 }, (_, at) => `${at}`),
    )
  })

  test('give a message again when its handler rejects, and say so; the next ones wait', async (site) => {
    const [one] = await three(site)
    const stream = await one.stream(streamOptions())
    await fill(stream, 0, 3)
    const end = new AbortController()
    const seen: string[] = []
    const consuming = stream.consume(
      'hub',
      async ({ payload, redelivered }) => {
        seen.push(`${text(payload)} ${redelivered}`)
        if (text(payload) === '1' && seen.length < 4) throw new Error('not yet')
      },
      end.signal,
    )
    await eventually('the last', () => seen.some((each) => each.startsWith('2')))
    end.abort()
    await consuming
    assert.deepEqual(seen, ['0 false', '1 false', '1 true', '1 true', '2 false'])
  })

  test('go on where a consumer ended, also after all programs have ended', async (site) => {
    const [one] = await three(site)
    const options = streamOptions()
    const stream = await one.stream(options)
    await fill(stream, 0, 10)
    assert.deepEqual(await consume(stream, 'hub', 4), ['0', '1', '2', '3'])
    assert.deepEqual(await consume(stream, 'other', 2), ['0', '1'])
    const again = await (await site.restart()).stream(options)
    assert.deepEqual(await consume(again, 'hub', 6), ['4', '5', '6', '7', '8', '9'])
    await again.append('x', bytes('again'), { id: '3' })
    await again.append('x', bytes('10'), { id: '10' })
    assert.deepEqual(await consume(again, 'hub', 1), ['10'], 'ids are remembered, too')
  })

  test('take the time that a handler needs', async (site) => {
    const [one] = await three(site)
    const stream = await one.stream(streamOptions())
    await fill(stream, 0, 2)
    const end = new AbortController()
    const seen: string[] = []
    let finish = () => {}
    const consuming = stream.consume(
      'hub',
      async ({ payload, redelivered }) => {
        seen.push(`${text(payload)} ${redelivered}`)
        if (seen.length === 1) await new Promise<void>((resolve) => (finish = resolve))
      },
      end.signal,
    )
    await eventually('the first', () => seen.length === 1)
    setTimeout(() => finish(), 2500)
    await eventually('the second', () => seen.length > 1)
    end.abort()
    await consuming
    assert.deepEqual(seen, ['0 false', '1 false'])
  })

  test('are read: the last, those since a time, and what comes', async (site) => {
    const [one] = await three(site)
    const stream = await one.stream(streamOptions())
    await fill(stream, 0, 20)
    const all = await take(stream.read({ follow: false, signal: endless() }))
    assert.equal(all.length, 20)
    assert.ok(all.every(({ at }) => Math.abs(at - Date.now()) < 60_000))
    const texts = async (options: { last?: number; sinceMs?: number }) =>
      (await take(stream.read({ ...options, follow: false, signal: endless() }))).map(({ payload }) =>
        text(payload),
      )
    assert.deepEqual(await texts({ last: 3 }), ['17', '18', '19'])
    assert.equal((await texts({ last: 100 })).length, 20)
    assert.deepEqual(await texts({ last: 0 }), [])
    assert.deepEqual(await texts({ sinceMs: Date.now() + 100_000 }), [])
    const since = all[10]?.at ?? 0
    assert.deepEqual(
      await texts({ sinceMs: since }),
      all.filter(({ at }) => at >= since).map(({ payload }) => text(payload)),
    )
    assert.deepEqual(await texts({ sinceMs: since, last: 2 }), ['18', '19'])
  })

  test('are followed by several, each from where it began', async (site) => {
    const [one, two] = await three(site)
    const options = streamOptions()
    const [stream, other] = [await one.stream(options), await two.stream(options)]
    await fill(stream, 0, 5)
    const end = new AbortController()
    const heard: string[][] = [[], []]
    const follow = async (last: number, into: string[]) => {
      for await (const { payload } of other.read({ last, follow: true, signal: end.signal }))
        into.push(text(payload))
    }
    const following = [follow(2, heard[0] ?? []), follow(0, heard[1] ?? [])]
    await eventually('what was there', () => heard[0]?.length === 2)
    // Who wants nothing that was there shows nothing until something comes.
    let sent = 5
    await eventually('the other one', async () => {
      await fill(stream, sent, ++sent)
      return heard[1]?.length !== 0
    })
    const next = sent
    await fill(stream, next, next + 300)
    await eventually('the end', () => heard.every((each) => each.at(-1) === `${next + 299}`))
    end.abort()
    await Promise.all(following)
    assert.deepEqual(
      heard[0],
      Array.from({ length: next + 297 }, (_, at) => `${at + 3}`),
    )
    const first = Number(heard[1]?.[0])
    assert.deepEqual(
      heard[1],
      Array.from({ length: next + 300 - first }, (_, at) => `${at + first}`),
    )
  })

  test('drop the oldest beyond their limits', async (site) => {
    const [one] = await three(site)
    const few = await one.stream({ ...streamOptions(), mostMessages: 5 })
    await fill(few, 0, 20)
    assert.deepEqual(await consume(few, 'hub', 5), ['15', '16', '17', '18', '19'])
    const small = await one.stream({ ...streamOptions(), mostBytes: 20_000 })
    for (let at = 0; at < 30; at++) await small.append('x', new Uint8Array(5000), { id: `${at}` })
    const kept = await take(small.read({ follow: false, signal: endless() }))
    assert.ok(kept.length > 0 && kept.length <= 4, `${kept.length}`)
    const brief = await one.stream({ ...streamOptions(), mostAgeMs: 1000, rememberIdsMs: 1000 })
    await brief.append('x', bytes('1'), { id: '1' })
    await eventually(
      'nothing kept',
      async () => (await take(brief.read({ follow: false, signal: endless() }))).length === 0,
    )
  })

  test('refuse what is too large', async (site) => {
    const [one] = await three(site)
    const stream = await one.stream(streamOptions())
    await refused('E_TOO_LARGE', () => stream.append('x', new Uint8Array(one.mostBytes + 1), { id: '1' }))
    await stream.append('x', new Uint8Array(one.mostBytes), { id: 'x'.repeat(300) })
  })

  test('do nothing more after close, and say so', async (site) => {
    const [one] = await three(site)
    const stream = await one.stream(streamOptions())
    const bucket = await one.bucket(bucketOptions())
    const consuming = stream.consume('hub', async () => undefined, endless())
    const watching = take(bucket.watch({ signal: endless() }))
    const following = take(stream.read({ follow: true, signal: endless() }))
    await one.close()
    await Promise.all([consuming, watching, following])
    await refused('E_BUS', () => stream.append('x', bytes(''), { id: '1' }))
    await refused('E_BUS', () => bucket.put('x', bytes('')))
    await refused('E_BUS', () => bucket.get('x'))
    await refused('E_BUS', () => one.stream(streamOptions()))
    await refused('E_BUS', () => one.bucket(bucketOptions()))
    await refused('E_BUS', () => one.request('x', bytes(''), patient))
    one.publish('x', bytes(''))
    await one.close()
  })
}

function describeBuckets(test: Test): void {
  test('keep values with revisions that grow, also after all programs have ended', async (site) => {
    const [one] = await three(site)
    const options = bucketOptions()
    const bucket = await one.bucket(options)
    assert.equal(await bucket.get('a.b'), undefined)
    const first = await bucket.put('a.b', bytes('1'))
    const second = await bucket.put('a.b', bytes('2'))
    const third = await bucket.put('c', bytes(''))
    assert.ok(first < second && second < third)
    const again = await (await site.restart()).bucket(options)
    const kept = await again.get('a.b')
    assert.deepEqual([text(kept?.value), kept?.revision], ['2', second])
    assert.deepEqual(text((await again.get('c'))?.value), '')
    assert.deepEqual((await again.keys()).sort(), ['a.b', 'c'])
  })

  test('create what is not there, also what was deleted, and refuse what is', async (site) => {
    const [one, two] = await three(site)
    const options = bucketOptions()
    const [bucket, other] = [await one.bucket(options), await two.bucket(options)]
    await bucket.create('a', bytes('1'))
    await refused('E_CONFLICT', () => other.create('a', bytes('2')))
    await bucket.delete('a')
    assert.equal(await other.get('a'), undefined)
    await other.create('a', bytes('3'))
    assert.equal(text((await bucket.get('a'))?.value), '3')
  })

  test('update and delete only what is still the same', async (site) => {
    const [one] = await three(site)
    const bucket = await one.bucket(bucketOptions())
    const first = await bucket.put('a', bytes('1'))
    const second = await bucket.update('a', bytes('2'), first)
    assert.ok(second > first)
    await refused('E_CONFLICT', () => bucket.update('a', bytes('3'), first))
    await refused('E_CONFLICT', () => bucket.delete('a', first))
    await refused('E_CONFLICT', () => bucket.update('b', bytes('3'), 1))
    await refused('E_CONFLICT', () => bucket.update('b', bytes('3'), 0))
    await bucket.delete('a', second)
    await refused('E_CONFLICT', () => bucket.update('a', bytes('3'), second))
    await bucket.delete('a', second)
    await bucket.delete('never.there')
    assert.deepEqual(await bucket.keys(), [])
  })

  test('name the keys that begin with something', async (site) => {
    const [one] = await three(site)
    const bucket = await one.bucket(bucketOptions())
    for (const key of ['code.a', 'code.b', 'codex', 'leader', 'gone']) await bucket.put(key, bytes(key))
    await bucket.delete('gone')
    assert.deepEqual((await bucket.keys()).sort(), ['code.a', 'code.b', 'codex', 'leader'])
    assert.deepEqual((await bucket.keys('code')).sort(), ['code.a', 'code.b', 'codex'])
    assert.deepEqual((await bucket.keys('code.')).sort(), ['code.a', 'code.b'])
    assert.deepEqual(await bucket.keys('code.b'), ['code.b'])
    assert.deepEqual(await bucket.keys('x'), [])
  })

  test('are watched: what is there, then that this is all, then each change', async (site) => {
    const [one, two] = await three(site)
    const options = bucketOptions()
    const [bucket, other] = [await one.bucket(options), await two.bucket(options)]
    await bucket.put('a.1', bytes('1'))
    await bucket.put('a.2', bytes('2'))
    await bucket.put('b', bytes('3'))
    await bucket.put('a.gone', bytes('4'))
    await bucket.delete('a.gone')
    const { seen, end } = watch(other, 'a.')
    await eventually('current', () => seen.length === 3)
    assert.deepEqual(seen, ['put a.1 1', 'put a.2 2', 'current'])
    await bucket.put('b', bytes('5'))
    await bucket.put('a.1', bytes('6'))
    await eventually('a change', () => seen.length === 4)
    await bucket.delete('a.2')
    await eventually('a deletion', () => seen.length === 5)
    await bucket.create('a.2', bytes('7'))
    await eventually('a creation', () => seen.length === 6)
    assert.deepEqual(seen.slice(3), ['put a.1 6', 'delete a.2', 'put a.2 7'])
    await end()
    const empty = watch(await two.bucket(bucketOptions()), '')
    await eventually('that nothing is there', () => empty.seen.length === 1)
    assert.deepEqual(empty.seen, ['current'])
    await empty.end()
  })

  test('do what a map with revisions does, in any order of changes', async (site) => {
    const [one, two] = await three(site)
    const options = bucketOptions()
    const [bucket, other] = [await one.bucket(options), await two.bucket(options)]
    const early = watch(other, '')
    const model = new Map<string, { readonly value: string; readonly revision: number }>()
    const revisions = [0]
    for (let step = 0; step < 300; step++) {
      const key = `k.${randomInt(4)}`
      const before = model.get(key)
      const expected = randomInt(2) === 0 ? before?.revision : revisions[randomInt(revisions.length)]
      const value = `${step}`
      const write = async (work: Promise<number>) => {
        const revision = await work
        assert.ok(revision > Math.max(...revisions))
        revisions.push(revision)
        model.set(key, { value, revision })
      }
      const isSame = before !== undefined && before.revision === expected
      const changes = [
        () => write(bucket.put(key, bytes(value))),
        () =>
          before === undefined
            ? write(bucket.create(key, bytes(value)))
            : refused('E_CONFLICT', () => bucket.create(key, bytes(value))),
        () =>
          isSame
            ? write(bucket.update(key, bytes(value), expected))
            : refused('E_CONFLICT', () => bucket.update(key, bytes(value), expected ?? 1_000_000)),
        async () => {
          if (before === undefined || expected === undefined || isSame) {
            await bucket.delete(key, expected)
            model.delete(key)
          } else await refused('E_CONFLICT', () => bucket.delete(key, expected))
        },
      ]
      await changes[randomInt(changes.length)]?.()
      const kept = await other.get(key)
      assert.deepEqual(kept && { value: text(kept.value), revision: kept.revision }, model.get(key))
    }
    assert.deepEqual((await bucket.keys()).sort(), [...model.keys()].sort())
    await bucket.put('end', bytes(''))
    const late = watch(other, 'k.')
    await eventually('the end', () => early.seen.at(-1) === 'put end ' && late.seen.at(-1) === 'current')
    const values = new Map([...model].map(([key, { value }]) => [key, value]))
    for (const { seen } of [early, late]) assert.deepEqual(replayed(seen), values)
    await Promise.all([early.end(), late.end()])
  })

  test('count right when ten write at once', async (site) => {
    const programs = await site.programs(10)
    const options = bucketOptions()
    const buckets = await Promise.all(programs.map((bus) => bus.bucket(options)))
    const watched = watch(buckets[0] as Bucket, '')
    await Promise.all(
      buckets.map(async (bucket) => {
        for (let at = 0; at < 10; at++) await increment(bucket, 'counter')
      }),
    )
    assert.equal(text((await buckets[0]?.get('counter'))?.value), '100')
    await eventually('the last one', () => watched.seen.at(-1) === 'put counter 100')
    await watched.end()
  })

  test('forget what was not written for long, and tell who watches', async (site) => {
    const [one] = await three(site)
    const bucket = await one.bucket({ ...bucketOptions(), ttlMs: 1500 })
    const { seen, end } = watch(bucket, '')
    await bucket.put('a', bytes('1'))
    await eventually('that it is there', () => seen.includes('put a 1'))
    await eventually('that it is gone', () => seen.includes('delete a'))
    assert.equal(await bucket.get('a'), undefined)
    assert.deepEqual(await bucket.keys(), [])
    await bucket.create('a', bytes('2'))
    await eventually('that it is there again', () => seen.includes('put a 2'))
    await end()
  })

  test('refuse what is too large, and keys that are none', async (site) => {
    const [one] = await three(site)
    const bucket = await one.bucket(bucketOptions())
    await refused('E_TOO_LARGE', () => bucket.put('x', new Uint8Array(one.mostBytes + 1)))
    await bucket.put('x', new Uint8Array(one.mostBytes))
    for (const key of ['', 'a b', 'a.', '.a', 'a..b', '*', 'ä', 'a\n', '>'])
      await assert.rejects(async () => bucket.put(key, bytes('')), /no key/)
  })
}

async function increment(bucket: Bucket, key: string): Promise<void> {
  for (;;)
    try {
      const kept = await bucket.get(key)
      const next = bytes(`${Number(text(kept?.value)) + 1}`)
      await (kept === undefined ? bucket.create(key, next) : bucket.update(key, next, kept.revision))
      return
    } catch (error) {
      if (!(error instanceof Mistake && error.code === 'E_CONFLICT')) throw error
    }
}

/** Changes as text. */
export function watch(bucket: Bucket, prefix: string): { readonly seen: string[]; end(): Promise<void> } {
  const controller = new AbortController()
  const seen: string[] = []
  const watching = (async () => {
    for await (const change of bucket.watch({ prefix, signal: controller.signal })) seen.push(print(change))
  })()
  return {
    seen,
    end: async () => {
      controller.abort()
      await watching
    },
  }
}

/** What is there after these changes. */
function replayed(seen: readonly string[]): Map<string, string> {
  const values = new Map<string, string>()
  for (const [kind, key, value] of seen.map((change) => change.split(' ')))
    if (kind === 'put' && key !== undefined && key !== 'end') values.set(key, value ?? '')
    else if (kind === 'delete') values.delete(key ?? '')
  return values
}

function print(change: Change): string {
  if (change.kind === 'current') return 'current'
  return change.kind === 'put' ? `put ${change.key} ${text(change.value)}` : `delete ${change.key}`
}

/** So many messages, and then no more. */
async function consume(stream: Stream, name: string, count: number): Promise<string[]> {
  const end = new AbortController()
  const taken: string[] = []
  await stream.consume(
    name,
    async ({ payload }) => {
      taken.push(text(payload))
      if (taken.length === count) end.abort()
    },
    AbortSignal.any([end.signal, AbortSignal.timeout(30_000)]),
  )
  return taken
}

export async function fill(stream: Stream, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) await stream.append('x', bytes(`${at}`), { id: `${at}` })
}

function listen(bus: Bus, pattern: string): string[] {
  const heard: string[] = []
  bus.subscribe(pattern, (payload, subject) => {
    if (!subject.startsWith('settled.')) heard.push(`${subject} ${text(payload)}`)
  })
  return heard
}

/** Until subscriptions are known everywhere: what is sent after them comes behind them. */
async function settled(...buses: readonly Bus[]): Promise<void> {
  for (const bus of buses) {
    const name = `settled.${randomUUID()}`
    let isThere = false
    const stop = bus.subscribe(name, () => {
      isThere = true
    })
    await eventually('a message of its own', () => {
      bus.publish(name, bytes(''))
      return isThere
    })
    stop()
  }
}

async function three(site: BusSite): Promise<[Bus, Bus, Bus]> {
  return (await site.programs(3)) as [Bus, Bus, Bus]
}

export async function refused(code: string, work: () => Promise<unknown>): Promise<Mistake> {
  try {
    await work()
  } catch (error) {
    assert.ok(error instanceof Mistake, String(error))
    assert.equal(error.code, code, error.message)
    return error
  }
  throw new assert.AssertionError({ message: `not refused with ${code}` })
}

async function take<Each>(source: AsyncIterable<Each>): Promise<Each[]> {
  const all: Each[] = []
  for await (const each of source) all.push(each)
  return all
}

export function streamOptions(): StreamOptions {
  return {
    name: `s${randomUUID()}`,
    mostMessages: 10_000,
    mostBytes: 64 << 20,
    mostAgeMs: 3_600_000,
    rememberIdsMs: 60_000,
  }
}

export function bucketOptions(): { readonly name: string } {
  return { name: `b${randomUUID()}` }
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

export function text(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value)
}

function endless(): AbortSignal {
  return new AbortController().signal
}

const patient = { timeoutMs: 30_000 }
