import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentStateOf, nodeStatusOf } from '../../../src/testing/node-status.ts'
import { skewText, stateOf } from './node-state.ts'

test('a node is well, or says all that is not, the worst first', () => {
  const well = { ...nodeStatusOf(), skewMs: 30, silentMs: 900 }
  assert.deepEqual(stateOf(well), { level: 'good', words: ['All is well'] })
  const agents = [agentStateOf('a', { state: 'failed' }), agentStateOf('b')]
  assert.deepEqual(stateOf({ ...well, agents, skewMs: -4000 }), {
    level: 'warn',
    words: ['Clock is 4 s behind', '1 agent does not run'],
  })
  assert.deepEqual(stateOf({ ...well, silentMs: 4200, health: { restarts: 2 } }), {
    level: 'bad',
    words: ['Silent for 4 s', 'Started anew 2 times'],
  })
})

test('clocks are in step, ahead or behind', () => {
  assert.deepEqual([0, -40, 2500, -200].map(skewText), ['in step', 'in step', '3 s ahead', '200 ms behind'])
})
