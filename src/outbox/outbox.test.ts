import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Mistake } from '../mistake/mistake.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { until } from '../testing/until.ts'
import type { Lane, NewCall, WaitingCall } from './call.ts'
import { Outbox, type OutboxOptions } from './outbox.ts'
import { isThere } from './store.ts'

describe('the outbox', () => {
  test('sends calls with the same key in order, whatever fails between', async (t) => {
    let failures = 5
    const { outbox, sent } = await open(t, {
      send: () => (failures-- > 0 ? Promise.reject(later()) : undefined),
    })
    const ids = ['1', '2', '3', '4'].map((args) => outbox.push(call({ args })))
    assert.equal(await outbox.drained(5000), 0)
    assert.deepEqual(
      sent.map(({ args }) => args),
      ['1', '2', '3', '4'],
    )
    assert.deepEqual(
      sent.map(({ id }) => id),
      ids,
    )
    const [figures] = outbox.figures()
    assert.deepEqual([figures?.queued, figures?.delivered, figures?.attempts], [4, 4, 9])
  })

  test('holds back only the key whose oldest call fails', async (t) => {
    const { outbox, sent } = await open(t, {
      send: ({ key }) => (key === 'down' ? Promise.reject(later()) : undefined),
      leastWaitMs: 60_000,
    })
    outbox.push(call({ key: 'down' }))
    outbox.push(call({ key: 'down' }))
    for (let n = 0; n < 20; n++) outbox.push(call({ key: `up ${n % 3}`, args: String(n) }))
    await until(() => outbox.waiting === 2)
    assert.equal(sent.length, 20)
    const [lane] = outbox.lanes(10)
    assert.deepEqual([lane?.key, lane?.waiting, lane?.failures, lane?.error], ['down', 2, 1, 'away'])
  })

  test('has room for keys that do well, however many others do not answer', async (t) => {
    const gate = Promise.withResolvers<void>()
    const { outbox, sent } = await open(t, {
      send({ key, failures }) {
        if (!key.startsWith('down')) return undefined
        return failures === 0 ? Promise.reject(later()) : gate.promise
      },
    })
    for (let n = 0; n < 100; n++) outbox.push(call({ key: `down ${n}` }))
    await until(() => outbox.lanes(100).every(({ failures }) => failures === 1))
    for (let n = 0; n < 200; n++) outbox.push(call({ key: `up ${n % 50}` }))
    await until(() => outbox.waiting === 100)
    assert.equal(sent.length, 200)
    gate.resolve()
    assert.equal(await outbox.drained(10_000), 0)
  })

  test('waits as long as the other side asks for', async (t) => {
    const { outbox } = await open(t, { send: () => Promise.reject(later(30_000)) })
    const before = Date.now()
    outbox.push(call({}))
    await until(() => outbox.lanes(1)[0]?.failures === 1)
    const due = outbox.lanes(1)[0]?.due ?? 0
    assert.ok(due >= before + 30_000 && due < Date.now() + 33_100, String(due - before))
  })

  test('gives up at once what will never be taken, and goes on', async (t) => {
    const { outbox, sent, died } = await open(t, {
      send: (_lane, [first]) => (first?.args === '"bad"' ? Promise.reject(never()) : undefined),
    })
    const id = outbox.push(call({ args: '"bad"' }))
    outbox.push(call({ args: '"good"' }))
    assert.equal(await outbox.drained(5000), 0)
    assert.equal(sent.length, 1)
    assert.deepEqual(died, [id])
    const [dead] = outbox.dead(10)
    assert.deepEqual(
      [dead?.id, dead?.reason, dead?.args, dead?.attempts],
      [id, 'no such channel', '"bad"', 1],
    )
  })

  test('gives up what has failed too often, and what has waited for too long', async (t) => {
    let now = 1_000_000
    const { outbox } = await open(t, {
      send: ({ key }) => Promise.reject(key === 'often' ? later() : later(1)),
      mostAttempts: 3,
      maxAgeMs: 50_000,
      now: () => now++,
    })
    outbox.push(call({ key: 'often' }))
    await until(() => outbox.dead(1).length === 1)
    assert.match(outbox.dead(1)[0]?.reason ?? '', /failed 3 times; at last: away/)
    outbox.push(call({ key: 'old' }))
    now += 60_000
    await until(() => outbox.dead(2).length === 2)
    assert.match(outbox.dead(1)[0]?.reason ?? '', /outbox\.maxAge.*away|failed 3 times/)
    assert.equal(outbox.figures()[0]?.dead, 2)
  })

  test('gives up all at once that has waited for too long behind another one', async (t) => {
    let now = 1_000_000
    const gate = Promise.withResolvers<void>()
    const { outbox } = await open(t, {
      send: () => gate.promise.then(() => Promise.reject(later())),
      maxAgeMs: 50_000,
      leastWaitMs: 60_000,
      now: () => now,
    })
    for (let n = 0; n < 2500; n++) outbox.push(call({}))
    now += 60_000
    gate.resolve()
    await until(() => outbox.waiting === 0)
    const [figures] = outbox.figures()
    assert.deepEqual([figures?.queued, figures?.dead, figures?.waiting], [2500, 2500, 0])
  })

  test('sends what was given up again when somebody says so, or deletes it', async (t) => {
    let isUp = false
    const { outbox, sent } = await open(t, { send: () => (isUp ? undefined : Promise.reject(never())) })
    const [first] = ['1', '2', '3'].map((args) => outbox.push(call({ args })))
    await until(() => outbox.dead(10).length === 3)
    isUp = true
    assert.equal(await outbox.retry({ id: first ?? '' }), 1)
    assert.equal(await outbox.drained(5000), 0)
    assert.deepEqual(
      sent.map(({ id }) => id),
      [first],
    )
    assert.equal(await outbox.drop('dead', { helper: 'vendor.webhook' }), 2)
    assert.equal(outbox.dead(10).length, 0)
    const [figures] = outbox.figures()
    assert.deepEqual([figures?.queued, figures?.delivered, figures?.dead], [3, 1, 2])
  })

  test('sends batches, and keeps of them what did not arrive', async (t) => {
    const batches: string[][] = []
    const { outbox } = await open(t, {
      limits: { most: 3, mostBytes: 1000 },
      async send(_lane, calls) {
        const args = calls.map((each) => each.args)
        batches.push(args)
        const failures = new Map<number, unknown>([
          [0, later()],
          [2, never()],
        ])
        if (batches.length === 1) throw Object.assign(new Error('partly'), { failures })
      },
    })
    for (const args of ['1', '2', '3', '4', '5']) outbox.push(call({ args }))
    assert.equal(await outbox.drained(5000), 0)
    assert.deepEqual(batches, [
      ['1', '2', '3'],
      ['1', '4', '5'],
    ])
    const [figures] = outbox.figures()
    assert.deepEqual([figures?.delivered, figures?.dead, figures?.attempts], [4, 1, 6])
    assert.deepEqual(
      outbox.dead(10).map(({ args }) => args),
      ['3'],
    )
  })

  test('a batch has no more bytes than it may, and at least one call', async (t) => {
    const sizes: number[] = []
    const { outbox } = await open(t, {
      limits: { most: 100, mostBytes: 50 },
      async send(_lane, calls) {
        sizes.push(calls.reduce((sum, { args }) => sum + args.length, 0))
      },
    })
    for (let n = 0; n < 10; n++) outbox.push(call({ args: JSON.stringify('x'.repeat(n === 5 ? 200 : 18)) }))
    assert.equal(await outbox.drained(5000), 0)
    assert.ok(
      sizes.every((size) => size <= 50 || size === 202),
      String(sizes),
    )
  })

  test('what waits is sent by who opens it next, under the same ids', async (t) => {
    const folder = await tempFolder(t)
    const before = await open(t, { folder, send: () => Promise.reject(later()), leastWaitMs: 60_000 })
    const ids = ['1', '2'].map((args) => before.outbox.push(call({ args })))
    await until(() => before.outbox.lanes(1)[0]?.failures === 1)
    await before.outbox.close()
    const after = await open(t, { folder, now: () => Date.now() + 61_000 })
    assert.equal(await after.outbox.drained(5000), 0)
    assert.deepEqual(
      after.sent.map(({ id }) => id),
      ids,
    )
    assert.ok(!ids.includes(after.outbox.push(call({}))))
    assert.equal(await after.outbox.drained(5000), 0)
    assert.equal(after.outbox.figures()[0]?.queued, 3)
  })

  test('takes nothing when it is full, and says so', async (t) => {
    const { outbox } = await open(t, {
      send: () => Promise.reject(later()),
      maxBytes: 1000,
      leastWaitMs: 60_000,
    })
    const push = () => outbox.push(call({ args: JSON.stringify('x'.repeat(150)) }))
    for (let n = 0; n < 3; n++) push()
    assert.throws(
      push,
      (error: Mistake) => error.code === 'E_HELPER_REFUSED' && /outbox is full.*1000/.test(error.message),
    )
    assert.deepEqual([outbox.figures()[0]?.waiting, outbox.figures()[0]?.refused], [3, 1])
  })

  test('drops the oldest when it is full, where that is wanted, but nothing that is under way', async (t) => {
    const gate = Promise.withResolvers<void>()
    const { outbox, sent } = await open(t, {
      send: () => gate.promise,
      maxBytes: 1000,
      whenFull: 'drop-oldest',
    })
    const push = (n: number) => outbox.push(call({ args: JSON.stringify(String(n).padEnd(150)) }))
    push(0)
    await until(() => outbox.lanes(1).length === 1)
    await new Promise((resolve) => setImmediate(resolve))
    for (let n = 1; n < 6; n++) push(n)
    gate.resolve()
    assert.equal(await outbox.drained(5000), 0)
    assert.deepEqual(
      sent.map(({ args }) => Number(JSON.parse(args))),
      [0, 4, 5],
    )
    const [figures] = outbox.figures()
    assert.deepEqual([figures?.queued, figures?.delivered, figures?.dropped], [6, 3, 3])
  })

  test('keeps several at once as it would one by one, also where they do not fit', async () => {
    const kept = fc.record({ key: fc.nat(3), path: fc.nat(1), length: fc.nat(300) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(kept, { maxLength: 12 }),
        fc.array(kept, { maxLength: 12 }),
        fc.constantFrom('refuse' as const, 'drop-oldest' as const),
        fc.integer({ min: 300, max: 6000 }),
        async (before, together, whenFull, maxBytes) => {
          const scope = new Scope()
          const calls = (all: typeof before) =>
            all.map(({ key, path, length }, at) =>
              call({ key: `k${key}`, path: `p${path}`, args: JSON.stringify(`${at}${'x'.repeat(length)}`) }),
            )
          try {
            const options = { whenFull, maxBytes, send: () => Promise.reject(later()), leastWaitMs: 60_000 }
            const [one, other] = [await open(scope, options), await open(scope, options)]
            const push = (outbox: Outbox, all: readonly NewCall[]) =>
              all.flatMap((each) => outbox.pushAll([each]))
            for (const { outbox } of [one, other]) push(outbox, calls(before))
            const said = one.outbox.pushAll(calls(together)).map(({ status }) => status)
            assert.deepEqual(
              said,
              push(other.outbox, calls(together)).map(({ status }) => status),
            )
            const books = ({ outbox }: typeof one) =>
              outbox.figures().map(({ oldest, ...figures }) => ({ ...figures, isOld: oldest !== null }))
            assert.deepEqual(books(one), books(other))
            const lanes = ({ outbox }: typeof one) =>
              outbox.lanes(100).map(({ helper, key, waiting }) => `${helper} ${key} ${waiting}`)
            assert.deepEqual(lanes(one).sort(), lanes(other).sort())
          } finally {
            await scope.end()
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test('sends what came at once in its order', async (t) => {
    const { outbox, sent } = await open(t, {})
    const all = Array.from({ length: 50 }, (_, at) => call({ args: String(at), key: `k${at % 3}` }))
    const ids = outbox.pushAll(all).map((each) => (each.status === 'fulfilled' ? each.value : ''))
    assert.equal(new Set(ids).size, 50)
    assert.equal(await outbox.drained(5000), 0)
    for (const lane of [0, 1, 2])
      assert.deepEqual(
        sent.map(({ args }) => Number(args)).filter((at) => at % 3 === lane),
        all.map((_, at) => at).filter((at) => at % 3 === lane),
      )
    await outbox.close()
    assert.deepEqual(
      outbox.pushAll(all.slice(0, 2)).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
  })

  test('what was given up has a part of the room only', async (t) => {
    const { outbox } = await open(t, { send: () => Promise.reject(never()), maxBytes: 4000 })
    for (let n = 0; n < 20; n++) {
      outbox.push(call({ args: JSON.stringify('x'.repeat(150)) }))
      assert.equal(await outbox.drained(5000), 0)
    }
    assert.equal(outbox.dead(100).length, 3)
    assert.equal(outbox.figures()[0]?.dead, 20)
  })

  test('tells of calls that leave for good, where that matters', async (t) => {
    const { outbox, gone } = await open(t, {
      send: (_lane, [first]) => (first?.args === '"bad"' ? Promise.reject(never()) : undefined),
    })
    outbox.push(call({ path: 'leaves', args: '"good"' }))
    outbox.push(call({ path: 'leaves', args: '"bad"' }))
    outbox.push(call({ path: 'does not' }))
    assert.equal(await outbox.drained(5000), 0)
    assert.deepEqual(gone, ['"good"'])
    await outbox.drop('dead', {})
    assert.deepEqual(gone, ['"good"', '"bad"'])
  })

  test('ends although something hangs, which is sent again', async (t) => {
    const folder = await tempFolder(t)
    const before = await open(t, { folder, send: () => new Promise<void>(() => {}) })
    const id = before.outbox.push(call({}))
    await new Promise((resolve) => setImmediate(resolve))
    await before.outbox.close()
    const after = await open(t, { folder })
    assert.equal(await after.outbox.drained(5000), 0)
    assert.deepEqual(
      after.sent.map((each) => each.id),
      [id],
    )
  })

  test('is for one program at a time', async (t) => {
    const folder = await tempFolder(t)
    await open(t, { folder })
    await assert.rejects(
      open(t, { folder }),
      (error: Mistake) => error.code === 'E_STORE' && /in use by/.test(error.message),
    )
  })

  test('its files are for its user alone', async (t) => {
    const folder = join(await tempFolder(t), 'outbox')
    const { outbox } = await open(t, { folder })
    outbox.push(call({}))
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    for (const name of readdirSync(folder).filter((each) => each.includes('.db')))
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
  })

  test('puts a damaged file aside, and takes over what can be read', async (t) => {
    const folder = await tempFolder(t)
    const before = await open(t, { folder, send: () => Promise.reject(later()), leastWaitMs: 60_000 })
    for (let n = 0; n < 2000; n++)
      before.outbox.push(call({ key: 'k', args: JSON.stringify(String(n).padEnd(200)) }))
    await before.outbox.close()
    const path = join(folder, 'effects.db')
    const pages = statSync(path).size / 4096
    const file = openSync(path, 'r+')
    const damage = Math.floor(pages / 2)
    writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, damage * 4096)
    const told: string[] = []
    const after = await open(t, { folder, report: (text) => told.push(text), now: () => Date.now() + 61_000 })
    await after.outbox.drained(30_000)
    const numbers = after.sent.map(({ args }) => Number(JSON.parse(args)))
    assert.ok(numbers.length > 1900, `${numbers.length} of 2000 were left, ${pages} pages`)
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )
    assert.ok(numbers.length < 2000)
    assert.match(told.join(), /effects\.db is damaged: it is kept as .*damaged/)
  })

  test('sends together what was made under the same grants', async (t) => {
    const batches: (readonly unknown[])[] = []
    const { outbox } = await open(t, {
      limits: { most: 10, mostBytes: 1000 },
      async send(_lane, calls) {
        batches.push(calls.map(({ args, grants }) => `${args} ${grants}`))
      },
    })
    for (const [args = '', grants] of ['1a', '2a', '3', '4b', '5b', '6a'])
      outbox.push(call({ args, ...(grants === undefined ? {} : { grants }) }))
    assert.equal(await outbox.drained(5000), 0)
    assert.deepEqual(batches, [['1 a', '2 a'], ['3 undefined'], ['4 b', '5 b'], ['6 a']])
  })

  test('takes over a file of an earlier release, and leaves one of a later alone', async (t) => {
    const folder = await tempFolder(t)
    const before = await open(t, { folder, send: () => Promise.reject(never()) })
    const ids = ['1', '2'].map((args) => before.outbox.push(call({ args })))
    await until(() => before.outbox.dead(10).length === 2)
    await before.outbox.close()
    const path = join(folder, 'effects.db')
    change(
      path,
      'ALTER TABLE calls DROP grants; ALTER TABLE dead DROP grants; DROP TABLE grants; PRAGMA user_version = 0',
    )
    const after = await open(t, { folder })
    assert.equal(await after.outbox.retry({}), 2)
    assert.equal(await after.outbox.drained(5000), 0)
    assert.deepEqual(
      after.sent.map(({ id }) => id),
      ids,
    )
    await after.outbox.close()
    change(path, 'PRAGMA user_version = 7')
    const text = readFileSync(path)
    await assert.rejects(
      open(t, { folder }),
      (error: Mistake) => error.code === 'E_STORE' && /newer release: it has version 7/.test(error.message),
    )
    assert.deepEqual(readFileSync(path), text)
    change(path, 'PRAGMA user_version = 1')
    await open(t, { folder })
  })

  test('forgets figures of agents that are deleted, when nothing of theirs is left', async (t) => {
    const folder = await tempFolder(t)
    const { outbox } = await open(t, {
      folder,
      send: ({ agent }) =>
        agent === 'done' || agent === 'stays'
          ? undefined
          : Promise.reject(agent === 'dead' ? never() : later()),
      leastWaitMs: 60_000,
    })
    for (const agent of ['done', 'stays', 'dead', 'waits']) outbox.push(call({ agent, id: agent }))
    outbox.push(call({ agent: 'a file.js' }))
    await until(() => outbox.dead(9).length === 1 && outbox.waiting === 2)
    const agents = (box: Outbox) => box.figures().map(({ agent }) => agent)
    assert.equal(outbox.prune(new Set(['stays'])), 1)
    assert.deepEqual(agents(outbox), ['stays', 'dead', 'waits', 'a file.js'])
    await outbox.drop('dead', {})
    await outbox.drop('waiting', { agent: 'waits' })
    assert.equal(outbox.prune(new Set(['stays'])), 2)
    outbox.push(call({ agent: 'stays', id: 'stays' }))
    outbox.push(call({ agent: 'done', id: 'done' }))
    await until(() => outbox.waiting === 1)
    await outbox.close()
    const after = await open(t, { folder, send: () => Promise.reject(later()) })
    const counts = after.outbox.figures().map(({ agent, queued, waiting }) => [agent, queued, waiting])
    assert.deepEqual(counts, [
      ['stays', 2, 0],
      ['a file.js', 1, 1],
      ['done', 1, 0],
    ])
  })

  test('counts right what is under way when the file turns out to be damaged', async (t) => {
    const folder = await tempFolder(t)
    const gate = Promise.withResolvers<void>()
    let sends = 0
    const send = () => {
      sends++
      return gate.promise
    }
    const { outbox, sent } = await open(t, { folder, send })
    const pad = 'x'.repeat(3000)
    for (let n = 0; n < 3000; n++) outbox.push(call({ key: `k${n % 10}`, args: JSON.stringify(pad) }))
    await until(() => sends === 10)
    const path = join(folder, 'effects.db')
    const file = openSync(path, 'r+')
    const pages = statSync(path).size / 4096
    for (let page = Math.floor(pages / 3); page < pages / 2; page++)
      writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096)
    closeSync(file)
    // All pages are looked at.
    await outbox.drop('waiting', { key: 'none' })
    outbox.push(call({ key: 'new' }))
    await until(() => sends > 11)
    gate.resolve()
    await until(() => outbox.lanes(1).length === 0)
    const [figures] = outbox.figures()
    assert.deepEqual(
      [figures?.waiting, figures?.waitingBytes, figures?.oldest, outbox.waiting],
      [0, 0, null, 0],
    )
    assert.ok(new Set(sent.map(({ id }) => id)).size >= Number(figures?.delivered))
    assert.ok(readdirSync(folder).some((name) => name.includes('damaged')))
  })

  test('goes on mending where it was killed, or had no room', async (t) => {
    const folder = await tempFolder(t)
    const before = await open(t, { folder, send: () => Promise.reject(later()), leastWaitMs: 60_000 })
    for (let n = 0; n < 50; n++) before.outbox.push(call({ args: String(n) }))
    await before.outbox.close()
    const file = readFileSync(join(folder, 'effects.db'))
    const now = () => Date.now() + 61_000
    for (const [left, names] of [
      ['before the file was moved', { 'effects.db': file }],
      ['before there was a new one', { 'effects.damaged-1.db': file }],
      ['in the new one', { 'effects.damaged-1.db': file, 'effects.db': Buffer.alloc(0) }],
    ] as const) {
      const place = await tempFolder(t)
      writeFileSync(join(place, 'effects.mending'), 'effects.damaged-1.db')
      for (const [name, bytes] of Object.entries(names)) writeFileSync(join(place, name), bytes)
      assert.ok(isThere(place))
      const { outbox, sent } = await open(t, { folder: place, now })
      assert.equal(await outbox.drained(20_000), 0)
      assert.equal(sent.length, 50, left)
      await outbox.close()
      const again = await open(t, { folder: place, now })
      assert.equal(again.outbox.waiting, 0, left)
    }
  })

  test('mends a file that is damaged in its head', async (t) => {
    const folder = await tempFolder(t)
    const before = await open(t, { folder, send: () => Promise.reject(later()), leastWaitMs: 60_000 })
    for (let n = 0; n < 50; n++) before.outbox.push(call({ args: String(n) }))
    await before.outbox.close()
    const file = readFileSync(join(folder, 'effects.db'))
    // https://www.sqlite.org/fileformat2.html#the_database_header: schema format, user version
    for (const [at, value, left] of [
      [47, 99, 0],
      [63, 0, 50],
    ] as const) {
      const place = await tempFolder(t)
      const damaged = Buffer.from(file)
      damaged[at] = value
      writeFileSync(join(place, 'effects.db'), damaged)
      const { outbox, sent } = await open(t, { folder: place, now: () => Date.now() + 61_000 })
      assert.equal(await outbox.drained(20_000), 0)
      assert.equal(sent.length, left)
      assert.ok(readdirSync(place).some((name) => name.includes('damaged')))
    }
  })

  test('tries at once what waits when it is opened, however long it was to wait', async (t) => {
    const folder = await tempFolder(t)
    const before = await open(t, { folder, send: () => Promise.reject(later(3_000_000)) })
    for (const key of ['a', 'b']) before.outbox.push(call({ key }))
    await until(() => before.outbox.lanes(2).every(({ failures }) => failures === 1))
    await before.outbox.close()
    const after = await open(t, { folder })
    assert.equal(await after.outbox.drained(5000), 0)
    assert.equal(after.sent.length, 2)
  })

  test('waits no longer when the clock is put back', async (t) => {
    let offMs = 0
    const { outbox, sent } = await open(t, {
      send: ({ failures }) => (failures === 0 ? Promise.reject(later()) : undefined),
      now: () => Date.now() - offMs,
      leastWaitMs: 50,
    })
    outbox.push(call({ key: 'a' }))
    await until(() => outbox.lanes(1)[0]?.failures === 1)
    offMs = 24 * 3_600_000
    outbox.push(call({ key: 'b' }))
    assert.equal(await outbox.drained(10_000), 0)
    assert.equal(sent.length, 2)
  })

  test('begins anew where a file is none', async (t) => {
    const folder = await tempFolder(t)
    writeFileSync(join(folder, 'effects.db'), 'no database, for sure'.repeat(1000))
    const told: string[] = []
    const { outbox } = await open(t, { folder, report: (text) => told.push(text) })
    outbox.push(call({}))
    assert.equal(await outbox.drained(5000), 0)
    assert.equal(told.length, 1)
    const aside = readdirSync(folder).find((name) => name.includes('damaged')) ?? ''
    assert.match(readFileSync(join(folder, aside), 'utf8'), /^no database/)
  })

  test('the books add up, whatever happens and however often it is opened', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('push' as const), key: fc.nat(3), path: fc.nat(1) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'dropDead' as const, 'drop' as const) }),
      },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom('refuse' as const, 'drop-oldest' as const),
        fc.infiniteStream(fc.constantFrom('ok', 'ok', 'later', 'never')),
        async (steps, whenFull, outcomes) => {
          const scope = new Scope()
          try {
            const folder = await tempFolder(scope)
            const pushed = new Set<string>()
            const arrived = new Map<string, string[]>()
            let refused = 0
            const options: Partial<TestOptions> = {
              folder,
              whenFull,
              maxBytes: 1500,
              mostAttempts: 3,
              limits: { most: 2, mostBytes: 1000 },
              async send(lane, calls) {
                const outcome = outcomes.next().value
                if (outcome === 'later') throw later()
                if (outcome === 'never') throw never()
                const name = `${lane.path} ${lane.key}`
                arrived.set(name, [...(arrived.get(name) ?? []), ...calls.map(({ id }) => id)])
              },
            }
            let { outbox } = await open(scope, options)
            for (const each of steps)
              switch (each.do) {
                case 'push':
                  try {
                    pushed.add(outbox.push(call({ key: String(each.key), path: `p${each.path}` })))
                  } catch {
                    refused++
                  }
                  break
                case 'wait':
                  await new Promise((resolve) => setTimeout(resolve, 2))
                  break
                case 'open':
                  await outbox.close()
                  outbox = (await open(scope, options)).outbox
                  break
                case 'retry':
                  await outbox.retry({})
                  break
                case 'dropDead':
                  await outbox.drop('dead', {})
                  break
                case 'drop':
                  await outbox.drop('waiting', { helper: 'p0' })
              }
            await outbox.close()
            const left = (
              await open(scope, { ...options, send: () => Promise.reject(later()), leastWaitMs: 60_000 })
            ).outbox
            const figures = left.figures()
            const sum = (of: (each: (typeof figures)[number]) => number) =>
              figures.reduce((all, each) => all + of(each), 0)
            for (const { queued, delivered, dead, dropped, waiting } of figures)
              assert.equal(queued, delivered + dead + dropped + waiting)
            assert.equal(
              sum(({ queued }) => queued),
              pushed.size,
            )
            assert.equal(
              sum(({ delivered }) => delivered),
              [...arrived.values()].flat().length,
            )
            assert.equal(
              sum(({ waiting }) => waiting),
              left.lanes(100).reduce((all, { waiting }) => all + waiting, 0),
            )
            assert.ok(sum((each) => each.refused) <= refused)
            assert.ok([...arrived.values()].flat().every((id) => pushed.has(id)))
            // Once each.
            assert.equal(new Set([...arrived.values()].flat()).size, [...arrived.values()].flat().length)
            await left.close()
          } finally {
            await scope.end()
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})

interface TestOptions extends Omit<OutboxOptions, 'delivery'> {
  readonly limits: { readonly most: number; readonly mostBytes: number }
  readonly send: (lane: Lane, calls: readonly WaitingCall[]) => Promise<void> | undefined
}

/** An outbox that tells of what has arrived. */
async function open(t: Pick<TestContext, 'after'>, { limits, send, ...options }: Partial<TestOptions>) {
  const sent: WaitingCall[] = []
  const gone: string[] = []
  const died: string[] = []
  const outbox = new Outbox({
    folder: options.folder ?? (await tempFolder(t)),
    maxBytes: 1 << 30,
    whenFull: 'refuse',
    maxAgeMs: 0,
    mostAttempts: 100,
    leastWaitMs: 1,
    mostWaitMs: Math.max(options.leastWaitMs ?? 0, 5),
    report: () => {},
    ...options,
    delivery: {
      limits: () => limits ?? { most: 1, mostBytes: 1000 },
      async send(lane, calls) {
        await send?.(lane, calls)
        sent.push(...calls)
      },
      retryOf: (error) => (error as { retry?: { when: 'later' | 'never' } }).retry ?? { when: 'later' },
      failuresOf: (error) => (error as { failures?: ReadonlyMap<number, unknown> }).failures,
      died: (_lane, id) => died.push(id),
      leavesSomething: (path) => path === 'leaves',
      gone: (_caller, args) => gone.push(args),
    },
  })
  t.after(() => outbox.close())
  return { outbox, sent, gone, died }
}

function call(overrides: Partial<NewCall>): NewCall {
  return {
    agent: 'a',
    title: 'alerts',
    index: 0,
    path: 'vendor.webhook',
    key: 'k',
    at: 1,
    args: '[]',
    ...overrides,
  }
}

/** As somebody else does it. */
function change(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

function later(afterMs = 0): Error {
  return Object.assign(new Error('away'), { retry: { when: 'later', afterMs } })
}

function never(): Error {
  return Object.assign(new Error('no such channel'), { retry: { when: 'never' } })
}

/** A test within a test. */
class Scope {
  readonly #ends: (() => unknown)[] = []

  after(end: () => unknown): void {
    this.#ends.push(end)
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
  }
}
