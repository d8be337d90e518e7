import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyView } from '../../../src/wire/policies.ts'
import { found, stateOf } from './policy-list.ts'

const POLICY: PolicyView = {
  ...{
    name: 'remora-1',
    kind: 'host',
    summary: 'block from 203.0.113.7 to anywhere',
    rule: {},
    namespace: '',
  },
  ...{ agent: 'a1', agentTitle: 'Guard', agentIndex: 0, node: 'n1', reason: 'a scanner' },
  ...{ appliedAt: 0, expiresAt: 1, changed: false, remainingMs: 1, cut: { packets: 3, bytes: 180 } },
  workers: [{ node: 'n1', state: 'in force', packets: 3, bytes: 180 }],
}

test('policies are found by what is said of them', () => {
  for (const words of ['203.0.113', 'guard', 'SCANNER', 'remora-1', ''])
    assert.equal(found([POLICY], words).length, 1, words)
  assert.equal(found([POLICY], 'cart').length, 0)
})

test('what is not in force somewhere is said', () => {
  assert.deepEqual(stateOf(POLICY), { word: 'in force', trouble: '' })
  assert.equal(stateOf({ ...POLICY, changed: true }).word, 'changed')
  const failed = { node: 'n2', state: 'failed' as const, packets: 0, bytes: 0, error: 'nft cannot be run' }
  assert.deepEqual(stateOf({ ...POLICY, changed: true, workers: [...POLICY.workers, failed] }), {
    word: 'on 1 of 2',
    trouble: 'somebody has changed it; n2: nft cannot be run',
  })
})
