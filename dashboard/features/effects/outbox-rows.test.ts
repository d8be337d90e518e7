import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OutboxAnswer, OutboxFigures, OutboxLane } from '../../../src/wire/outbox.ts'
import { deadRows, orderDone, silentNodes, waitingRows } from './outbox-rows.ts'

const SLACK = { agent: 'a', title: 'Alerts', helper: 'vendor.slack' }
const HOOK = { agent: 'b', title: 'Beats', helper: 'vendor.webhook' }
const ALL = { agent: '', helper: '' }

describe('queued calls', () => {
  test('have a row for each node, agent and helper; what fails is first', () => {
    const nodes = [
      { node: 'n1', outbox: [figures(HOOK, { delivered: 5 }), figures(SLACK, { waiting: 3, oldest: 70 })] },
      { node: 'n2', outbox: [figures(SLACK, { waiting: 9, oldest: 80 })] },
    ]
    const lanes = [
      lane(SLACK, { waiting: 1, failures: 2, error: 'answered 503', due: 500 }),
      lane(SLACK, { due: 100 }),
    ]
    const dead = deadRows([answer('n1', { dead: [call(HOOK, '1', 5)] })])
    const rows = waitingRows(nodes, [answer('n1', { lanes })], dead, ALL)
    assert.deepEqual(
      rows.map(({ node, title, waiting, oldest, due, error, dead }) => [
        node,
        title,
        waiting,
        oldest,
        due,
        error,
        dead,
      ]),
      [
        ['n1', 'Alerts', 3, 70, 100, 'answered 503', 0],
        ['n2', 'Alerts', 9, 80, undefined, '', 0],
        ['n1', 'Beats', 0, undefined, undefined, '', 1],
      ],
    )
  })

  test('are shown by their lanes while their node has said nothing of them', () => {
    const lanes = [lane(SLACK, { waiting: 2, oldest: 20 }), lane(SLACK, { waiting: 3, oldest: 10 })]
    const [row] = waitingRows([], [answer('n1', { lanes })], [], ALL)
    assert.deepEqual([row?.waiting, row?.oldest, row?.figures], [5, 10, undefined])
  })

  test('are those of the agent and the helper that are looked at', () => {
    const nodes = [{ node: 'n1', outbox: [figures(HOOK), figures(SLACK)] }]
    const titles = (of: Partial<typeof ALL>) =>
      waitingRows(nodes, [], [], { ...ALL, ...of }).map(({ title }) => title)
    assert.deepEqual(titles({ agent: 'a' }), ['Alerts'])
    assert.deepEqual(titles({ agent: 'Beats' }), ['Beats'])
    assert.deepEqual(titles({ helper: 'vendor.slack' }), ['Alerts'])
    assert.deepEqual(titles({ agent: 'a', helper: 'vendor.webhook' }), [])
  })

  test('that were given up are listed for all nodes, the newest first', () => {
    const rows = deadRows([
      answer('n1', { dead: [call(SLACK, '2', 40), call(SLACK, '1', 10)] }),
      answer('n2', { dead: [call(HOOK, '1', 20)] }),
    ])
    assert.deepEqual(
      rows.map(({ node, id }) => [node, id]),
      [
        ['n1', '2'],
        ['n2', '1'],
        ['n1', '1'],
      ],
    )
    assert.equal(new Set(rows.map(({ key }) => key)).size, 3)
  })

  test('tell what became of an order', () => {
    assert.equal(orderDone('retry', [answer('n1', { count: 1 })]), '1 call waits again.')
    assert.equal(
      orderDone('drop-dead', [answer('n1', { count: 1 }), answer('n2', { count: 1 })]),
      '2 calls were discarded.',
    )
    assert.equal(orderDone('retry', [answer('n1', {})]), 'There is no such call any more.')
  })

  test('are missing of nodes that do not answer', () => {
    assert.deepEqual(silentNodes([{ node: 'n1' }, { node: 'n2' }, { node: 'n2' }], [answer('n1', {})]), [
      'n2',
    ])
  })
})

function figures(caller: typeof SLACK, more: Partial<OutboxFigures> = {}): OutboxFigures {
  return {
    ...caller,
    ...{ queued: 0, delivered: 0, attempts: 0, dead: 0, dropped: 0, refused: 0 },
    ...{ waiting: 0, waitingBytes: 0, oldest: null },
    ...more,
  }
}

function lane(caller: typeof SLACK, more: Partial<OutboxLane> = {}): OutboxLane {
  return { ...caller, key: 'k', waiting: 1, oldest: 0, failures: 0, error: '', due: 0, ...more }
}

function call(caller: typeof SLACK, id: string, diedAt: number) {
  return {
    ...caller,
    id,
    key: 'k',
    at: 0,
    queuedAt: 0,
    diedAt,
    attempts: 1,
    reason: 'answered 400',
    args: '[]',
  }
}

function answer(node: string, more: Partial<OutboxAnswer>): OutboxAnswer {
  return { node, component: 'worker', lanes: [], dead: [], count: 0, ...more }
}
