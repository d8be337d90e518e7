import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PartlyFailed } from '../answer.ts'
import { keyValues } from './attributes.ts'
import type { Exported, Metric } from './messages.ts'
import { type Measured, MetricSeries } from './series.ts'

const OWNER = { agent: 'a', destination: 'd' }

function measured(changes: Partial<Measured> = {}): Measured {
  return {
    ...{ name: 'orders', value: 1, type: 'counter', temporality: 'cumulative' },
    ...{ attributes: [], resource: keyValues({ 'service.name': 'x' }), bounds: [], at: 1000n },
    ...changes,
  }
}

/** Value, start and end of each point that is sent. */
async function recorded(
  series: MetricSeries,
  values: readonly Measured[],
  owner = OWNER,
): Promise<unknown[]> {
  const sent: Exported<Metric>[] = []
  await series.record(owner, values, async (metrics) => {
    sent.push(...metrics)
  })
  return sent.flatMap(({ item: { sum, gauge, histogram } }): unknown[] => {
    const points = (sum ?? gauge)?.dataPoints ?? []
    const counted = histogram?.dataPoints ?? []
    return [
      ...points.map((point) => [point.asDouble, point.startTimeUnixNano, point.timeUnixNano]),
      ...counted.map((point) => [point.count, point.sum, point.min, point.max, point.bucketCounts]),
    ]
  })
}

describe('sums of metrics', () => {
  test('cumulative ones go on from their start; gauges are what they are', async () => {
    const series = new MetricSeries()
    assert.deepEqual(await recorded(series, [measured()]), [[1, 999n, 1000n]])
    assert.deepEqual(await recorded(series, [measured({ value: 2, at: 2000n }), measured({ at: 3000n })]), [
      [4, 999n, 3000n],
    ])
    assert.deepEqual(await recorded(series, [measured({ type: 'gauge', value: 7, at: 4000n })]), [
      [7, undefined, 4000n],
    ])
    assert.equal(series.size, 1)
    assert.deepEqual(await recorded(new MetricSeries(), [measured({ at: 0n })]), [[1, 0n, 0n]])
  })

  test('deltas begin where the last one ended, and are never empty intervals', async () => {
    const series = new MetricSeries()
    const delta = (value: number, at: bigint) => measured({ temporality: 'delta', value, at })
    assert.deepEqual(await recorded(series, [delta(1, 1000n), delta(2, 2000n)]), [[3, 999n, 2000n]])
    assert.deepEqual(await recorded(series, [delta(4, 2000n)]), [[4, 2000n, 2001n]])
    assert.deepEqual(await recorded(series, [delta(5, 1500n)]), [[5, 2001n, 2002n]])
  })

  test('histograms count by bounds, which belong to the bucket below', async () => {
    const series = new MetricSeries()
    const value = (each: number) => measured({ type: 'histogram', bounds: [5, 10], value: each })
    assert.deepEqual(await recorded(series, [5, 5.1, 11].map(value)), [[3n, 21.1, 5, 11, [1n, 1n, 1n]]])
    // A sum that fell would be taken for one that began anew.
    assert.deepEqual(await recorded(series, [value(-1)]), [[4n, undefined, -1, 11, [2n, 1n, 1n]]])
  })

  test('of a gauge each moment is sent, and of one moment the last value', async () => {
    const gauge = (value: number, at: bigint) => measured({ type: 'gauge', value, at })
    const values = [gauge(1, 1000n), gauge(2, 2000n), gauge(3, 2000n), gauge(4, 3000n)]
    assert.deepEqual(await recorded(new MetricSeries(), values), [
      [1, undefined, 1000n],
      [3, undefined, 2000n],
      [4, undefined, 3000n],
    ])
  })

  test('the order of attributes is none; attributes, destinations, agents and services make series', async () => {
    const series = new MetricSeries()
    await recorded(series, [measured({ attributes: keyValues({ a: 1, b: 2 }) })])
    const [point] = await recorded(series, [measured({ attributes: keyValues({ b: 2, a: 1 }), at: 2000n })])
    assert.deepEqual(point, [2, 999n, 2000n])
    const others = [
      recorded(series, [measured({ attributes: keyValues({ a: 1 }) })]),
      recorded(series, [measured({ attributes: keyValues({ a: 1, b: 2 }) })], {
        ...OWNER,
        destination: 'other',
      }),
      recorded(series, [measured({ attributes: keyValues({ a: 1, b: 2 }) })], { ...OWNER, agent: 'other' }),
      recorded(series, [
        measured({ attributes: keyValues({ a: 1, b: 2 }), resource: keyValues({ 'service.name': 'y' }) }),
      ]),
    ]
    for (const other of others) assert.deepEqual(await other, [[1, 999n, 1000n]])
  })

  test('what could not be sent was not counted, and what is sent at once is counted one after the other', async () => {
    const series = new MetricSeries()
    const failing = series.record(OWNER, [measured()], () => Promise.reject(new Error('down')))
    const values = Promise.all([recorded(series, [measured()]), recorded(series, [measured({ at: 2000n })])])
    await assert.rejects(failing, /down/)
    assert.deepEqual(await values, [[[1, 999n, 1000n]], [[2, 999n, 2000n]]])
  })

  test('an agent has 10,000 series; what is more is refused and counted, and gauges are none', async () => {
    const series = new MetricSeries()
    const many = (count: number, from: number) =>
      Array.from({ length: count }, (_, at) => measured({ attributes: keyValues({ at: at + from }) }))
    await recorded(series, many(10_000, 0))
    await assert.rejects(recorded(series, many(1, 10_000)), { code: 'E_HELPER_REFUSED' })
    const some = await recorded(series, [...many(1, 0), ...many(2, 20_000)]).catch((error: unknown) => error)
    assert.ok(some instanceof PartlyFailed)
    assert.deepEqual([...some.failures.keys()], [1, 2])
    assert.deepEqual([series.size, series.refused], [10_000, 3])
    await recorded(series, many(2, 0))
    await recorded(series, [measured({ type: 'gauge', attributes: keyValues({ at: -1 }) })])
    await recorded(series, many(1, 0), { ...OWNER, agent: 'other' })
  })

  test('agents that have sent nothing for longest are let go of', async () => {
    const series = new MetricSeries()
    for (let agent = 0; agent <= 1000; agent++)
      await recorded(series, [measured()], { ...OWNER, agent: `a${agent}` })
    assert.equal(series.size, 1000)
    assert.deepEqual(await recorded(series, [measured({ at: 9000n })], { ...OWNER, agent: 'a0' }), [
      [1, 8999n, 9000n],
    ])
    assert.deepEqual(await recorded(series, [measured({ at: 9000n })], { ...OWNER, agent: 'a9' }), [
      [2, 999n, 9000n],
    ])
  })
})
