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
  const counts = { pods: 5, targeted: 2, namespaces: 1, nodes: 2 }
  const none = { pods: 0, targeted: 0, namespaces: 0, nodes: 0 }
  const [rules, all] = [RULES, { ...RULES, namespaces: [] }]
  const cluster = 'following'
  assert.equal(countsText({ counts, rules, cluster }), '2 of 5 pods, in 1 namespace, on 2 nodes')
  assert.equal(countsText({ counts: none, rules, cluster }), '0 of 0 pods, in 0 namespaces, on 0 nodes')
  assert.equal(countsText({ counts: none, rules: all, cluster }), 'everything')
  assert.equal(countsText({ counts: none, rules, cluster: 'off' }), 'everything')
  const bpfOverride = 'tcp port 80'
  assert.equal(
    countsText({ counts, rules: { ...all, bpfOverride }, cluster }),
    'what the capture filter takes',
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
