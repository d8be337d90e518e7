import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeadCounts } from './dead-counts.ts'

test('dead letters are new when there are more than before, of programs that were seen before', () => {
  const counts = new DeadCounts()
  assert.equal(counts.more([node('b', { slack: 5 })]), 0, 'those before the page came are not new')
  assert.equal(counts.more([node('b', { slack: 7, mail: 1 })]), 3)
  assert.equal(counts.more([node('b', { slack: 2, mail: 1 })]), 0, 'sent again')
  assert.equal(counts.more([node('b', { slack: 3, mail: 1 })]), 1)
  assert.equal(counts.more([]), 0)
  assert.equal(
    counts.more([node('b', { slack: 3, mail: 1 }), node('c', { slack: 9 })]),
    0,
    'back, or another one',
  )
  assert.equal(counts.more([{ boot: 'd' }]), 0)
})

function node(boot: string, dead: Readonly<Record<string, number>>) {
  const outbox = Object.entries(dead).map(([helper, count]) => ({
    ...{ agent: 'a', title: 'A', helper, queued: 0, delivered: 0, attempts: 0, dead: count },
    ...{ dropped: 0, refused: 0, waiting: 0, waitingBytes: 0, oldest: null },
  }))
  return { boot, outbox }
}
