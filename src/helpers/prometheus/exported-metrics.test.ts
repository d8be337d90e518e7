import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ExportedMetrics } from './exported-metrics.ts'

const ONE = { id: 'a', title: 'Same', component: 'worker', node: 'n1' } as const
const is = { name: 'n', kind: 'gauge', help: '', labels: [] } as const

describe('what agents export', () => {
  test('takes no nonsense of a sandbox', () => {
    const metrics = new ExportedMetrics({ agentLabel: true })
    const histogram = { name: 'h', kind: 'histogram', help: '', labels: [], buckets: [1, 2] }
    const nonsense = [
      undefined,
      {},
      { series: [{ id: -1, value: 1, is }] },
      { series: [{ id: 10_000, value: 1, is }] },
      { series: [{ id: 1, value: 'many', is }] },
      { series: [{ id: 1, value: 1, is: { ...is, kind: 'summary' } }] },
      { series: [{ id: 1, value: 1, is: { ...is, name: 'n'.repeat(201) } }] },
      { series: [{ id: 1, value: 1, is: { ...is, labels: [['a']] } }] },
      { begins: true, series: [{ id: 1, value: 1 }] },
      { series: [{ id: 1, value: 1, counts: [1], sum: 1, is: histogram }] },
    ]
    for (const message of nonsense) metrics.take(ONE, message)
    assert.deepEqual(metrics.dropped, { invalid: nonsense.length })
    assert.equal(metrics.text(), '')
  })

  test('takes nothing more of an agent that has ended', () => {
    const metrics = new ExportedMetrics({ agentLabel: true })
    metrics.take(ONE, { begins: true, series: [{ id: 0, value: 1, is }] })
    metrics.end(ONE)
    metrics.take(ONE, { series: [{ id: 0, value: 2 }] })
    assert.equal(metrics.text(), '')
    assert.deepEqual(metrics.dropped, {})
  })

  test('tells agents of one title apart, and an agent from itself on the hub', () => {
    const metrics = new ExportedMetrics({ agentLabel: true })
    const begins = { begins: true, series: [{ id: 0, value: 1, is }] }
    metrics.take(ONE, begins)
    metrics.take({ ...ONE, component: 'hub', node: 'hub' }, begins)
    metrics.take({ ...ONE, id: 'b' }, begins)
    assert.deepEqual(metrics.text().trim().split('\n').slice(2), [
      'n{component="worker",node="n1",agent="Same (a)"} 1',
      'n{component="hub",node="hub",agent="Same (a)"} 1',
      'n{component="worker",node="n1",agent="Same (b)"} 1',
    ])
  })
})
