import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hasTools } from '../../testing/loopback.ts'
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
      { series: [{ id: 1, value: 1, is: { ...is, name: '' } }] },
      { begins: true, series: [{ id: 1, value: 1 }] },
      { series: [{ id: 1, value: 1, counts: [1], sum: 1, is: histogram }] },
    ]
    for (const message of nonsense) metrics.take(ONE, message)
    assert.deepEqual(metrics.dropped, { invalid: nonsense.length })
    assert.equal(metrics.text(), '')
  })

  test('is text that Prometheus reads, whatever agents call things', (t) => {
    if (!hasTools(t, 'promtool')) return
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('le', '__', '', '\\"\n\r\0'),
    )
    const value = fc.oneof(fc.double(), fc.constantFrom(...['NaN', 'Infinity', '-Infinity']))
    const kind = fc.constantFrom('counter', 'gauge', 'untyped', 'histogram')
    const labels = fc.array(fc.tuple(name, name), { maxLength: 5 })
    const described = fc.record({ name: name.map((text) => text || 'x'), kind, help: name, labels })
    const metrics = new ExportedMetrics({ agentLabel: true })
    const series = fc
      .sample(fc.tuple(described, value), { numRuns: 1000, seed: 1 })
      .map(([is, value], id) => {
        const isTold = Number.isFinite(value) || typeof value === 'string'
        const shown = isTold ? value : 0
        return is.kind === 'histogram'
          ? { id, value: 3, counts: [1, 1], sum: shown, is: { ...is, buckets: [-0.5, 1e21] } }
          : { id, value: shown, is }
      })
    metrics.take({ ...ONE, title: 'a "title"\n\\' }, { begins: true, series })
    assert.deepEqual(metrics.dropped, {})
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: metrics.text() })
    // It does not like names; what it cannot read it calls an error.
    assert.doesNotMatch(`${stdout}${stderr}`, /error while/)
    assert.equal(
      new Set(metrics.text().match(/^# TYPE \S+/gm)).size,
      metrics.text().match(/^# TYPE /gm)?.length,
    )
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
