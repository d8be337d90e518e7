import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Faults } from './faults.ts'

describe('faults of an agent', () => {
  test('are counted by place and message', () => {
    const faults = new Faults('a.js')
    for (let times = 0; times < 3; times++) faults.note('onItemCaptured: Error: no (a.js:2:7)')
    faults.note('onItemCaptured: Error: other (a.js:2:7)')
    faults.note('it has no place')
    assert.deepEqual(faults.list, [
      { line: 2, column: 7, message: 'onItemCaptured: Error: no', count: 3 },
      { line: 2, column: 7, message: 'onItemCaptured: Error: other', count: 1 },
    ])
  })

  test('are as many as anybody reads, and no longer', () => {
    const faults = new Faults('a.js')
    for (let at = 0; at < 1000; at++) faults.note(`${'x'.repeat(10_000)}${at} (a.js:${at + 1}:1)`)
    assert.equal(faults.list.length, 20)
    assert.equal(faults.list[0]?.message.length, 500)
  })
})
