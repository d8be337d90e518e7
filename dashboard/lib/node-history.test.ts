import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeStatusOf } from '../../src/testing/node-status.ts'
import { NodeHistory } from './node-history.ts'

const NODE = { node: 'n1', component: 'worker' } as const

function said(now: number, packets: number, boot = 'b1') {
  const status = { ...NODE, boot, now, counters: { packets }, health: { cpuUsage: 0.5, memoryUsage: 100 } }
  return [{ ...nodeStatusOf(status), skewMs: 0, silentMs: 0 }]
}

test('rates are of what a node counted between two words of it', () => {
  const history = new NodeHistory()
  for (const [now, packets] of [
    [1000, 0],
    [2000, 10],
    [2000, 10],
    [4000, 50],
  ] as const)
    history.note(said(now, packets))
  assert.deepEqual(history.rates(NODE, 'packets'), [
    { at: 2000, value: 10 },
    { at: 4000, value: 20 },
  ])
  assert.equal(Math.round(history.rate(NODE, 'packets')), 17)
  assert.equal(history.growth(NODE, 'packets', 2000), 40)
  assert.equal(history.growth(NODE, 'packets', 60_000), 50)
  assert.equal(history.growth(NODE, 'nothing', 60_000), 0)
  assert.deepEqual(history.loads(NODE, 'cpu').at(-1), { at: 4000, value: 0.5 })
})

test('a node that was started anew begins anew, and one that has gone is forgotten', () => {
  const history = new NodeHistory()
  history.note(said(1000, 500))
  history.note(said(2000, 3, 'b2'))
  assert.deepEqual(history.rates(NODE, 'packets'), [])
  assert.equal(history.growth(NODE, 'packets', 60_000), 0)
  history.note([])
  assert.deepEqual(history.loads(NODE, 'memory'), [])
})

test('five minutes are kept', () => {
  const history = new NodeHistory()
  for (let second = 0; second < 1000; second++) history.note(said(second * 1000, second))
  assert.equal(history.loads(NODE, 'cpu').length, 301)
})
