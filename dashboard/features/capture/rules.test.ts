import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PodTarget, TargetingRules } from '../../../src/wire/targeting.ts'
import { changeOf, countsText, found, isSame, namespacesOf } from './rules.ts'

const RULES: TargetingRules = {
  regex: '.*',
  namespaces: ['shop', 'cart'],
  excludedNamespaces: [],
  bpfOverride: '',
  sampleRate: 100,
}
const pod = (namespace: string, name: string, node: string): PodTarget => ({
  ...{ namespace, name, node, ips: ['10.0.0.1'], state: 'targeted', seen: false },
})
const PODS = [pod('shop', 'front-1', 'one'), pod('cart', 'cart-1', 'two'), pod('shop', 'front-2', 'two')]

test('rules are the same in another order, with spaces around, and when the pattern is left out', () => {
  assert.ok(isSame(RULES, { ...RULES, namespaces: ['cart', 'shop'], regex: ' ', bpfOverride: ' ' }))
  assert.ok(!isSame(RULES, { ...RULES, sampleRate: 50 }))
  assert.equal(changeOf({ ...RULES, regex: ' ^a ' }).regex, '^a')
})

test('what they take is told in words', () => {
  assert.equal(
    countsText({ counts: { pods: 5, targeted: 2, namespaces: 1, nodes: 2 } }),
    '2 of 5 pods, in 1 namespace, on 2 nodes',
  )
})

test('pods are found by words of all that stands in a row', () => {
  assert.deepEqual(
    found(PODS, 'front TWO').map(({ name }) => name),
    ['front-2'],
  )
  assert.equal(found(PODS, ' ').length, 3)
  assert.deepEqual(namespacesOf(PODS), ['cart', 'shop'])
})
