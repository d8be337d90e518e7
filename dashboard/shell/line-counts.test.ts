import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_STATE } from '../../src/node/node-agents.ts'
import { LineCounts } from './line-counts.ts'

test('lines are new when agents have printed more of them than before', () => {
  const counts = new LineCounts()
  assert.equal(counts.more([node({ a: 5 })]), 0, 'what was printed before the page came is not new')
  assert.equal(counts.more([node({ a: 5 })]), 0)
  assert.equal(counts.more([node({ a: 7, b: 1 })]), 3)
  assert.equal(counts.more([node({ a: 2, b: 1 })]), 2, 'loaded anew')
  assert.equal(counts.more([node({ a: 2, b: 1 }), node({ a: 4 }, 'n2')]), 4)
  assert.equal(counts.more([]), 0)
})

function node(lines: Readonly<Record<string, number>>, name = 'n1') {
  const agents = Object.entries(lines).map(([id, count]) => ({
    ...NO_STATE,
    id,
    component: 'worker' as const,
    lines: count,
  }))
  return { node: name, boot: 'b', agents: agents.map((agent) => ({ ...agent, faults: [] })) }
}
