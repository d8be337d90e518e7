import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AlertView } from '../../../src/wire/alerts.ts'
import { found, summary } from './alert-list.ts'

const ALERTS = [
  alert('old', { severity: 'critical', state: 'closed', lastAt: 90 }),
  alert('slow', { severity: 'warning', lastAt: 100, labels: { team: 'Shop' } }),
  alert('down', { severity: 'critical', lastAt: 50, nodes: ['node-b'] }),
  alert('late', { severity: 'warning', lastAt: 200 }),
]

describe('alerts on the page', () => {
  test('are the open ones, the worst first, and all of them when one wants', () => {
    assert.deepEqual(idsOf(found(ALERTS, '', false)), ['down', 'late', 'slow'])
    assert.deepEqual(idsOf(found(ALERTS, '', true)), ['down', 'late', 'slow', 'old'])
  })

  test('are found by their words, labels and nodes', () => {
    assert.deepEqual(idsOf(found(ALERTS, ' team: shop', true)), ['slow'])
    assert.deepEqual(idsOf(found(ALERTS, 'NODE-B', true)), ['down'])
    assert.deepEqual(idsOf(found(ALERTS, 'nothing', true)), [])
  })

  test('are counted', () => {
    assert.equal(summary(ALERTS), '3 open (1 critical, 2 warning), 1 closed')
    assert.equal(summary([]), '0 open, 0 closed')
  })
})

function idsOf(alerts: readonly AlertView[]): string[] {
  return alerts.map(({ id }) => id)
}

function alert(id: string, more: Partial<AlertView>): AlertView {
  return {
    ...{ id, key: id, agent: 'a', agentTitle: 'Agent', title: `Title of ${id}`, text: '', labels: {} },
    ...{
      severity: 'info',
      state: 'open',
      openedAt: 0,
      lastAt: 0,
      heardAt: 0,
      count: 1,
      nodes: ['node-a'],
      entries: [],
    },
    ...{ pcapBytes: 0, suppressed: 0 },
    ...more,
  }
}
