import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { rejects, testRules } from '../testing/describe-agent-store.ts'
import { describeBucketStore } from '../testing/describe-bucket-store.ts'
import { MemoryBucket } from '../testing/memory-bucket.ts'
import { until } from '../testing/until.ts'
import { openBucketStore } from './bucket-shelf.ts'

describeBucketStore('a bucket in memory', async () => {
  const bucket = new MemoryBucket()
  return async () => bucket
})

describe('agents in a bucket', () => {
  test('of which one is damaged are all others, and it stays as it is', async (t) => {
    const warnings: string[] = []
    const { bucket, store } = await started(t, { warn: (text: string) => warnings.push(text) })
    const a = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const b = await store.create({ title: 'b', code: 'var b' }, 'ann')
    const book = await jsonOf(bucket, 'book')
    const broken = { id: a.id, index: 0, title: 17 }
    await bucket.put('book', Buffer.from(JSON.stringify({ ...book, agents: [broken, book.agents[1]] })))
    assert.deepEqual(
      (await store.list()).map(({ id }) => id),
      [b.id],
    )
    assert.match(
      (await rejects(store.get(a.id), 'E_STORE')).message,
      /agent 0 in the key book in here is damaged/,
    )
    assert.equal(warnings.length, 1)
    assert.equal((await store.create({ title: 'c', code: '' }, 'ann')).index, 2)
    assert.deepEqual((await jsonOf(bucket, 'book')).agents.at(-1), broken)
  })

  test('of which the code of one is lost are all others', async (t) => {
    const { bucket, store, reopen } = await started(t)
    const a = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const b = await store.create({ title: 'b', code: 'var b' }, 'ann')
    await bucket.delete((await bucket.keys(`version.${a.id}`))[0] ?? '')
    const again = reopen()
    assert.deepEqual(
      (await again.list()).map(({ id }) => id),
      [b.id],
    )
    assert.match((await rejects(again.get(a.id), 'E_STORE')).message, /the code of agent "a"/)
  })

  test('leave nothing behind: neither when they are deleted nor when a program died', async (t) => {
    const { bucket, store, reopen } = await started(t)
    await bucket.put('version.nobody.1.00000000', Buffer.from('{}\nvar lost'))
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    await store.update(id, { code: 'var a2' }, 'ann')
    await until(async () => (await bucket.keys('version.nobody')).length === 0)
    assert.equal((await bucket.keys(`version.${id}`)).length, 2)
    await reopen().delete(id, 'ann')
    assert.deepEqual(await bucket.keys(), ['book'])
  })

  test('are too many when their list does not fit in a message', async (t) => {
    const { bucket, store } = await started(t)
    const { id } = await store.create({ title: 'a', code: '' }, 'ann')
    const { agents, active } = await jsonOf(bucket, 'book')
    const others = Array.from({ length: 1600 }, (_, n) => ({
      ...{ ...agents[0], id: `id-${n}`, index: n + 1, title: `${n} ${'x'.repeat(400)}` },
    }))
    await bucket.put('book', Buffer.from(JSON.stringify({ agents: [...agents, ...others], active })))
    const mistake = await rejects(
      store.update(id, { title: 'y'.repeat(500), code: 'var y' }, 'ann'),
      'E_TOO_LARGE',
    )
    assert.match(mistake.message, /would have 1\d{6} bytes; here takes 10\d{5}/)
  })

  test('are not changed when the bucket cannot be written, and go on when it can again', async (t) => {
    class Flaky extends MemoryBucket {
      fails = false
      override async update(key: string, value: Uint8Array, revision: number): Promise<number> {
        if (this.fails) throw new Mistake('E_BUS', 'no server')
        return super.update(key, value, revision)
      }
    }
    const bucket = new Flaky()
    const { store } = await started(t, {}, bucket)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    bucket.fails = true
    await rejects(store.update(id, { code: 'var b' }, 'ann'), 'E_BUS')
    bucket.fails = false
    assert.equal((await store.get(id)).code, 'var a')
    assert.equal((await store.update(id, { code: 'var c' }, 'ann')).version, 2)
  })
})

interface Book {
  readonly agents: readonly object[]
  readonly active: readonly string[]
}

async function jsonOf(bucket: MemoryBucket, key: string): Promise<Book> {
  return JSON.parse(Buffer.from((await bucket.get(key))?.value ?? []).toString()) as Book
}

async function started(t: TestContext, rules: object = {}, bucket = new MemoryBucket()) {
  const reopen = () => {
    const store = openBucketStore(bucket, { ...testRules(rules), description: 'here', sweepAfterMs: 20 })
    t.after(() => store.close())
    return store
  }
  return { bucket, store: reopen(), reopen }
}
