import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { byLine, faultsOf, placeInReason } from './faults.ts'
import { testState } from './test-agent.ts'

describe('errors of an agent', () => {
  const fault = { line: 3, column: 5, message: 'TypeError: no', count: 2 }

  test('are added up over the nodes that run the version', () => {
    const nodes = [
      testState({ version: 2, faults: [fault, { ...fault, line: 1, count: 1 }] }),
      testState({ version: 2, node: 'n2', faults: [{ ...fault, count: 5 }] }),
      testState({ version: 1, node: 'n3', faults: [{ ...fault, count: 100 }] }),
    ]
    assert.deepEqual(faultsOf({ nodes, version: 2 }, 2), [
      { ...fault, line: 1, count: 1, nodes: ['n1'] },
      { ...fault, count: 7, nodes: ['n1', 'n2'] },
    ])
    assert.deepEqual(faultsOf({ nodes, version: 2 }, 3), [])
  })

  test('stay where the agent was stopped because of them', () => {
    const nodes = [testState({ version: 0, state: 'stopped', faults: [fault] })]
    assert.equal(faultsOf({ nodes, version: 2 }, 2).length, 1)
    assert.equal(faultsOf({ nodes, version: 2 }, 1).length, 0)
  })

  test('are told for a line with what came most', () => {
    const marks = [
      { ...fault, nodes: ['n1'] },
      { ...fault, message: 'other', count: 9, nodes: ['n1'] },
      { ...fault, message: 'third', count: 4, nodes: ['n1'] },
    ]
    const { count, message } = byLine(marks).get(3) ?? { count: 0, message: '' }
    assert.deepEqual([count, message], [15, 'other'])
  })

  test('say in words where they are', () => {
    assert.deepEqual(placeInReason('Error: no (My (1).js:12:3)'), { line: 12, column: 3 })
    assert.deepEqual(placeInReason('A.js:2:9: Unexpected token\n2 | var'), { line: 2, column: 9 })
    assert.equal(placeInReason('it took too long'), undefined)
  })
})
