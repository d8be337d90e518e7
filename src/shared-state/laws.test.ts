import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Counter } from './counter.ts'
import { readDelta, readShared, sumOf } from './kinds.ts'
import { type Part, readPart, writePart } from './part.ts'
import { quantileOf, summaryOf } from './quantile-answers.ts'
import { Quantiles } from './quantiles.ts'
import { Replicas } from './replicas.ts'
import { readId, Seen } from './seen.ts'
import { MOST_KEYS, TopKeys, topOf } from './top-keys.ts'
import { Unique } from './unique.ts'
import { KINDS, type Shared } from './value.ts'

/** What one node adds, one call each. */
const adds = fc.record({
  counter: fc.array(fc.integer({ min: -1e9, max: 1e9 })),
  topk: fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.integer({ min: 1, max: 1e6 }))),
  unique: fc.array(fc.string({ maxLength: 4 }), { maxLength: 2000 }),
  quantile: fc.array(fc.integer({ min: -1000, max: 1e6 })),
})
type Adds = typeof adds extends fc.Arbitrary<infer T> ? T : never

function valuesOf({ counter, topk, unique, quantile }: Adds): Shared[] {
  const made = [new Counter(), new TopKeys(), new Unique(), new Quantiles()] as const
  for (const by of counter) made[0].add(by)
  for (const [key, by] of topk) made[1].add(key, by)
  for (const value of unique) made[2].add(value)
  for (const value of quantile) made[3].add(value)
  return [...made]
}

/** What can be seen of it, whatever the order in which it is kept. */
function seen(value: Shared): unknown {
  if (value instanceof TopKeys) return topOf([value], 10_000)
  if (value instanceof Unique) return value.count()
  if (value instanceof Quantiles) return [summaryOf(value), quantileOf(value, 0), quantileOf(value, 1)]
  return value.toJSON()
}

const whole = (parts: readonly Shared[]) => {
  const [first] = parts
  assert.ok(first)
  return sumOf(first.kind, parts)
}

describe('values that agents share', () => {
  test('are the same in whatever order and grouping their parts are merged', () => {
    fc.assert(
      fc.property(adds, adds, adds, (a, b, c) => {
        for (const [at] of KINDS.entries()) {
          const [x, y, z] = [a, b, c].map((each) => valuesOf(each)[at]) as [Shared, Shared, Shared]
          const expected = seen(whole([x, y, z]))
          assert.deepEqual(seen(whole([z, x, y])), expected)
          assert.deepEqual(seen(whole([x, whole([y, z])])), expected)
          assert.deepEqual(seen(whole([whole([y, x]), z])), expected)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('are the same when added at one node or at several', () => {
    fc.assert(
      fc.property(adds, adds, (a, b) => {
        const both = valuesOf({
          counter: [...a.counter, ...b.counter],
          topk: [...a.topk, ...b.topk],
          unique: [...a.unique, ...b.unique],
          quantile: [...a.quantile, ...b.quantile],
        })
        const [left, right] = [valuesOf(a), valuesOf(b)]
        for (const [at, value] of both.entries())
          assert.deepEqual(seen(whole([left[at] as Shared, right[at] as Shared])), seen(value))
      }),
      { numRuns: 50 },
    )
  })

  test('survive being written and read', () => {
    fc.assert(
      fc.property(adds, (each) => {
        for (const value of valuesOf(each)) {
          const json: unknown = JSON.parse(JSON.stringify(value))
          const read = readShared(value.kind, json)
          assert.ok(read)
          assert.deepEqual(seen(read), seen(value))
          assert.deepEqual(JSON.parse(JSON.stringify(read)), json)
          assert.equal(read.isEmpty, value.isEmpty)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('are read from no nonsense, and nothing throws', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.jsonValue(), (kind, value) => {
        readShared(kind, value)
        readDelta(value)
        readDelta({ kind, name: 'n', value })
        readPart(new TextEncoder().encode(JSON.stringify({ ...VALID, kind, value })))
      }),
      { numRuns: 500 },
    )
    const refused: readonly [string, unknown][] = [
      ['counter', null],
      ['counter', '5'],
      ['topk', { missed: -1, keys: [] }],
      ['topk', { missed: 0, keys: ['a'] }],
      ['topk', { missed: 0, keys: ['a', 0] }],
      ['topk', { missed: 0, keys: ['x'.repeat(129), 1] }],
      ['topk', { missed: 0, keys: Array(2 * MOST_KEYS + 2).fill('a') }],
      ['unique', { few: [1 << 14, 1] }],
      ['unique', { few: [0, 52] }],
      ['unique', { few: [0] }],
      ['unique', { registers: 'AAAA' }],
      ['unique', { registers: '*' }],
      ['unique', { registers: new Uint8Array(1 << 14).fill(60).toBase64() }],
      ['quantile', { ...BINS, count: 3 }],
      ['quantile', { ...BINS, positive: [1.5, 2] }],
      ['quantile', { ...BINS, positive: [1, -2], count: -2 }],
      ['quantile', { ...BINS, positive: [50_000, 2] }],
      ['quantile', { ...BINS, min: 2, max: 1 }],
    ]
    for (const [kind, value] of refused)
      assert.equal(readDelta({ kind, name: 'n', value }), undefined, `${kind} ${JSON.stringify(value)}`)
    assert.ok(readDelta({ kind: 'quantile', name: 'n', value: BINS }))
    assert.equal(readDelta({ kind: 'counter', name: 'n'.repeat(101), value: 1 }), undefined)
    assert.equal(readDelta({ kind: 'counter', name: '', value: 1 }), undefined)
    assert.equal(readDelta({ kind: 'constructor', name: 'n', value: 1 }), undefined)
  })
})

const BINS = { positive: [1, 2], negative: [], zeros: 0, count: 2, sum: 2, min: 1, max: 1.01 }
const VALID = {
  agent: 'a',
  title: 'A',
  kind: 'counter',
  name: 'n',
  node: 'x',
  version: 1,
  epoch: 0,
  value: 1,
  seen: {},
}

describe('top keys', () => {
  const stream = fc.array(fc.tuple(fc.nat(30), fc.nat(5000)), { minLength: 10, maxLength: 40 })

  test('miss no more than their bound says, however many keys there are and nodes see them', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 4 }), (blocks, nodes) => {
        const parts = Array.from({ length: nodes }, () => new TopKeys())
        const exact = new Map<string, number>()
        let total = 0
        // Some keys again and again among very many that come once or twice.
        for (const [at, [hot, cold]] of blocks.entries())
          for (let n = 0; n < 300; n++) {
            const key = n % 3 === 0 ? `hot ${hot}` : `cold ${(cold + n * 17) % 6000}`
            parts[(at + n) % nodes]?.add(key, 1)
            exact.set(key, (exact.get(key) ?? 0) + 1)
            total++
          }
        const read = parts.map((part) => readShared('topk', part.toJSON()) as TopKeys)
        const top = topOf(read, 100_000)
        const error = read.reduce((sum, { missed }) => sum + missed, 0)
        assert.ok(error <= total / MOST_KEYS, `${error} of ${total}`)
        const told = new Map(top.map(({ key, count }) => [key, count]))
        for (const [key, count] of exact) {
          const estimate = told.get(key) ?? 0
          assert.ok(estimate <= count && estimate >= count - error, `${key}: ${estimate} of ${count}`)
        }
      }),
      { numRuns: 20 },
    )
  })

  test('are exact as long as there are no more than it keeps', () => {
    const top = new TopKeys()
    for (let at = 0; at < MOST_KEYS; at++) top.add(`k${at}`, at + 1)
    assert.deepEqual(topOf([top], 2), [
      { key: 'k999', count: 1000, error: 0 },
      { key: 'k998', count: 999, error: 0 },
    ])
  })
})

describe('unique values', () => {
  test('are estimated within three standard errors, up to a million and over several nodes', () => {
    const nodes = [new Unique(), new Unique(), new Unique()]
    const sure = 3 * (1.04 / Math.sqrt(1 << 14))
    let next = 1
    for (let at = 1; at <= 1_000_000; at++) {
      nodes[at % 3]?.add(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`)
      // What another node has seen as well.
      if (at % 5 === 0) nodes[0]?.add(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`)
      if (at !== next) continue
      next *= 10
      const count = (sumOf('unique', nodes) as Unique).count()
      assert.ok(Math.abs(count - at) <= Math.max(1, at * sure), `${count} of ${at}`)
    }
  })

  test('are counted exactly while they are few', () => {
    const unique = new Unique()
    assert.equal(unique.count(), 0)
    for (let at = 0; at < 50; at++) for (let again = 0; again < 3; again++) unique.add(`user ${at}`)
    assert.equal(unique.count(), 50)
  })
})

describe('quantiles', () => {
  const numbers = fc.oneof(
    fc.array(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 }),
    fc.array(fc.double({ min: -1e5, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 300 }),
    fc.array(fc.constantFrom(-5, 0, 5, 0.001, 1e12), { minLength: 1, maxLength: 300 }),
  )

  test('are within 1 % of the value, over any number of nodes', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 5 }), (values, nodes) => {
        const parts = Array.from({ length: nodes }, () => new Quantiles())
        for (const [at, value] of values.entries()) parts[at % nodes]?.add(value)
        const all = sumOf('quantile', parts) as Quantiles
        const sorted = values.toSorted((a, b) => a - b)
        for (const q of [0, 0.1, 0.5, 0.9, 0.99, 1]) {
          const answer = quantileOf(all, q) as number
          const rank = q * (sorted.length - 1)
          const [low, high] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]] as [number, number]
          // A number that is nearly a bound of two bins may fall into either; there are bins for 17 powers of ten.
          const most = Math.max(...values.map(Math.abs))
          const slack = (value: number) => Math.abs(value) * 0.010001 + most * 1e-17
          assert.ok(
            answer >= low - slack(low) && answer <= high + slack(high),
            `${q}: ${answer}, ${low} to ${high}`,
          )
        }
        const { count, min, max } = summaryOf(all) as NonNullable<ReturnType<typeof summaryOf>>
        assert.deepEqual([count, min, max], [values.length, sorted[0], sorted.at(-1)])
      }),
      { numRuns: 200 },
    )
  })

  test('keep what is large when the numbers are spread too far', () => {
    const all = new Quantiles()
    for (let exponent = -300; exponent <= 300; exponent++)
      for (let n = 1; n < 10; n++) all.add(n * 10 ** exponent)
    const read = readShared('quantile', all.toJSON()) as Quantiles
    const p99 = quantileOf(read, 0.99) as number
    assert.ok(Math.abs(p99 / 9.1e294 - 1) < 0.2, `${p99}`)
    assert.equal(summaryOf(new Quantiles()), undefined)
  })
})

describe('parts of nodes', () => {
  const part = (node: string, version: number, value: number): Part => {
    const counter = new Counter()
    counter.add(value)
    return { ...VALID, kind: 'counter', node, version, value: counter, seen: new Seen() }
  }
  const writes = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(20)), {
    maxLength: 12,
  })
  const replicas = (list: readonly (readonly [string, number])[]) => {
    const made = new Replicas()
    // Of one node, one version is one value.
    for (const [node, version] of list) made.put(part(node, version, version * 7 + 0.1))
    return made
  }
  const read = (all: Replicas) => [
    ...['a', 'b', 'c'].map((node) => all.of(node)?.version),
    sumOf('counter', all.counted(0, 'x', [])).toJSON(),
  ]
  const merged = (...all: Replicas[]) => {
    const made = new Replicas()
    for (const each of all) made.merge(each)
    return read(made)
  }

  test('merge commutatively, associatively and idempotently', () => {
    fc.assert(
      fc.property(writes, writes, writes, (x, y, z) => {
        const [a, b, c] = [x, y, z].map(replicas) as [Replicas, Replicas, Replicas]
        assert.deepEqual(merged(a, b), merged(b, a))
        const [ab, bc] = [new Replicas(), new Replicas()]
        for (const each of [a, b]) ab.merge(each)
        for (const each of [b, c]) bc.merge(each)
        assert.deepEqual(merged(ab, c), merged(a, bc))
        assert.deepEqual(merged(a, a), read(a))
        assert.deepEqual(merged(ab, ab, b), read(ab))
      }),
    )
  })

  test('are written and read, and bytes that are none are refused', () => {
    const bytes = writePart(part('x', 1, 5))
    assert.deepEqual(readPart(bytes)?.value.toJSON(), 5)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Uint8Array.from(bytes)
        damaged[at] = byte
        readPart(damaged)
      }),
      { numRuns: 1000 },
    )
    for (const text of ['', '{}', '[]', 'null', JSON.stringify({ ...VALID, epoch: -1 }), '{"agent":'])
      assert.equal(readPart(new TextEncoder().encode(text)), undefined, text)
    assert.equal(readPart(new Uint8Array(2 << 20)), undefined)
    assert.equal(readPart(Uint8Array.of(0xff)), undefined)
    assert.equal(
      readPart(new TextEncoder().encode(JSON.stringify({ ...VALID, seen: { a: [0.5] } }))),
      undefined,
    )
  })
})

describe('messages that were seen', () => {
  test('are known again, also when they overtake each other, and forgotten only when they are old', () => {
    const seen = new Seen()
    for (const number of [1, 2, 4, 3, 7]) seen.add('a', number)
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((number) => seen.has('a', number)),
      [true, true, true, true, false, false, true, false],
    )
    for (let number = 8; number < 100; number++) seen.add('a', number)
    assert.equal(seen.has('a', 5), true)
    assert.equal(seen.has('b', 5), false)
    for (let sender = 0; sender < 128; sender++) seen.add(`s${sender}`, 1)
    assert.equal(seen.has('a', 99), false)
    assert.equal(seen.has('s127', 1), true)
  })

  test('have a sender and a number', () => {
    assert.deepEqual(readId('node-1/b7/42'), { sender: 'node-1/b7', number: 42 })
    assert.deepEqual(readId('whatever'), { sender: 'whatever', number: 0 })
  })
})
