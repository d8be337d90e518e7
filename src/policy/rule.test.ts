import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRules, rulesInWords } from './rule.ts'

const BLOCK = { block: { from: '203.0.113.7' } }

test('several rules are read together, and of a wrong one the place is told', () => {
  assert.deepEqual(
    readRules({ all: [BLOCK, { allow: { to: '10.0.0.1' } }] }).map(({ kind }) => kind),
    ['host', 'host'],
  )
  assert.equal(rulesInWords(readRules({ all: [BLOCK] })), 'block from 203.0.113.7 to anywhere')
  assert.equal(rulesInWords(readRules({ all: [BLOCK, BLOCK] })), '2 policies together')
  assert.throws(() => readRules({ all: [BLOCK, { block: { from: 'here' } }] }), {
    code: 'E_REQUEST',
    message: 'all[1]: block: from: expected an address or a network',
  })
  for (const wrong of [{ all: [] }, { all: BLOCK }, { all: [BLOCK], ttl: '1h' }])
    assert.throws(() => readRules(wrong), {
      code: 'E_REQUEST',
      message: /^all: expected a list of 1 to 1000/,
    })
})
