import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { compileFilter } from '../../filter/index.ts'
import { callOf } from '../../service-map/call.ts'
import { addCall, addEdge, type EdgeSums } from '../../service-map/edge-sum.ts'
import { goldenEntries } from '../../testing/entry-json.ts'
import { eventually } from '../../testing/eventually.ts'
import type { EntrySums, SumPart, SumQuery } from './entry-store.ts'
import { testStore } from './test-store.ts'

const STEP = 1000

describe('sums of what is kept', () => {
  test('are those of the entries that match, with columns and without, at their time', async (t) => {
    const entries = await goldenEntries()
    const half = Math.floor(entries.length / 2)
    const { writer, reader } = await testStore(t)
    for (const [at, json] of entries.slice(0, half).entries()) writer.append(at * 10, json)
    await writer.settle()
    for (const [at, json] of entries.slice(half).entries()) writer.append((half + at) * 10, json)
    await writer.flush()
    for (const filter of [
      '',
      'http',
      'redis and request.command == "GET"',
      'status_code >= 400',
      'nope.at == 1',
    ]) {
      const { parts } = watch(t, reader, { filter, fromMs: undefined, stepMs: STEP })
      await eventually('all is read', () => parts.some(({ isFilling }) => !isFilling), 20_000)
      const wanted = entries.map((json, at) => ({ json, atMs: at * 10 }))
      assert.deepEqual(plain(together(parts)), plain(expected(wanted, filter)), filter)
      for (const { atMs, sums } of parts.filter(({ sums, isFilling }) => isFilling && sums.size > 0)) {
        const inStep = wanted.filter((each) => Math.floor(each.atMs / STEP) === Math.floor(atMs / STEP))
        assert.ok(countIn(sums) <= countIn(expected(inStep, filter)), `${filter}: too many at ${atMs}`)
      }
    }
    const { parts } = watch(t, reader, { filter: '', fromMs: half * 10, stepMs: STEP })
    await eventually('all is read', () => parts.some(({ isFilling }) => !isFilling), 20_000)
    const late = entries.slice(half).map((json) => ({ json }))
    assert.deepEqual(plain(together(parts)), plain(expected(late, '')))
  })

  test('go on with what is appended: each entry counts once, whenever it comes', async (t) => {
    const entries = (await goldenEntries()).slice(0, 400)
    const { writer, reader } = await testStore(t)
    const appended: string[] = []
    const append = async (count: number) => {
      for (const json of entries.slice(0, count)) {
        appended.push(json)
        writer.append(Date.now(), json)
      }
      await writer.flush()
    }
    await append(400)
    const watched = [watch(t, reader, { filter: '', fromMs: undefined, stepMs: STEP })]
    for (let round = 0; round < 20; round++) {
      await append(round * 7)
      if (round === 10) watched.push(watch(t, reader, { filter: '', fromMs: undefined, stepMs: STEP }))
      if (round % 8 === 0) await writer.settle()
    }
    const all = plain(
      expected(
        appended.map((json) => ({ json })),
        '',
      ),
    )
    for (const { parts } of watched) {
      await eventually('all is there', () => countIn(together(parts)) >= countAll(appended), 20_000)
      assert.deepEqual(plain(together(parts)), all)
    }
  })

  test('are refused for what is no filter', async (t) => {
    const { reader } = await testStore(t)
    const query = { filter: 'a ==', fromMs: undefined, stepMs: STEP }
    const summing = reader.sum(query, AbortSignal.timeout(1000))[Symbol.asyncIterator]()
    await assert.rejects(Promise.resolve(summing.next()), { code: 'E_FILTER_SYNTAX' })
  })
})

function watch(t: TestContext, reader: EntrySums, query: SumQuery): { readonly parts: readonly SumPart[] } {
  const parts: SumPart[] = []
  const end = new AbortController()
  const running = (async () => {
    for await (const part of reader.sum(query, end.signal)) parts.push(part)
  })().catch((error: unknown) => {
    if (!end.signal.aborted) throw error
  })
  t.after(async () => {
    end.abort()
    await running
  })
  return { parts }
}

function together(parts: readonly SumPart[]): EdgeSums {
  const all: EdgeSums = new Map()
  for (const { sums } of parts) for (const [key, sum] of sums) addEdge(all, key, sum)
  return all
}

function expected(entries: readonly { readonly json: string }[], text: string): EdgeSums {
  const filter = compileFilter(text, { prefer: 'kfl1' })
  const sums: EdgeSums = new Map()
  for (const { json } of entries) {
    const entry: unknown = JSON.parse(json)
    const call = filter.matches(entry) ? callOf(entry) : undefined
    if (call !== undefined) addCall(sums, call)
  }
  return sums
}

function countAll(entries: readonly string[]): number {
  return countIn(
    expected(
      entries.map((json) => ({ json })),
      '',
    ),
  )
}

function countIn(sums: EdgeSums): number {
  return [...sums.values()].reduce((sum, { entries }) => sum + entries, 0)
}

/** Of a named end any address may have been seen first. */
function plain(sums: EdgeSums): unknown {
  const pairs = Array.from(sums, ([key, { source: _s, destination: _d, bins, ...sum }]) => [
    key,
    { ...sum, bins: Object.fromEntries([...bins].sort()) },
  ])
  return Object.fromEntries(pairs.sort())
}
