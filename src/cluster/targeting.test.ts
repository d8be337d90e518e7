import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { podNamed } from '../testing/cluster-pods.ts'
import { targetingRules } from '../wire/targeting.ts'
import { addressesOf, compileTargeting, podState } from './targeting.ts'

const rules = (some: object) => targetingRules.parse(some)
const pod = (namespace: string, name: string, more: { spec?: object; status?: object } = {}) =>
  podNamed({ namespace, name }, more)

test('the rules that nobody has set take everything', () => {
  const targeting = compileTargeting(rules({}))
  assert.equal(targeting.takesAll, true)
  assert.equal(targeting.has(pod('any', 'thing')), true)
})

test('a pod is taken by its name, in the namespaces that are named and not excluded', () => {
  const targeting = compileTargeting(
    rules({ regex: '^(catalogue|front)', namespaces: ['shop', 'test'], excludedNamespaces: ['test'] }),
  )
  assert.equal(targeting.takesAll, false)
  assert.equal(targeting.has(pod('shop', 'catalogue-1')), true)
  assert.equal(targeting.has(pod('shop', 'back-catalogue-1')), false)
  assert.equal(targeting.has(pod('other', 'catalogue-1')), false)
  assert.equal(targeting.has(pod('test', 'catalogue-1')), false)
})

test('a capture filter stands instead of them', () => {
  const targeting = compileTargeting(rules({ regex: '^a', bpfOverride: 'port 80' }))
  assert.deepEqual([targeting.takesAll, targeting.has(pod('any', 'thing'))], [true, true])
})

test('namespaces are meant without space around them, and what cannot be one is refused', () => {
  const targeting = compileTargeting(rules({ namespaces: [' shop ', ''], excludedNamespaces: ['test '] }))
  assert.deepEqual([targeting.has(pod('shop', 'a')), targeting.has(pod('test', 'a'))], [true, false])
  assert.equal(compileTargeting(rules({ namespaces: ['', ' '] })).takesAll, true)
  for (const wrong of ['shop cart', 'Shop', 'shop/cart', '-', 'x'.repeat(64)])
    for (const list of ['namespaces', 'excludedNamespaces'])
      assert.throws(
        () => compileTargeting(rules({ [list]: ['test', wrong] })),
        (error) =>
          error instanceof Mistake && error.message.startsWith(`tap.${list}: ${JSON.stringify(wrong)}`),
      )
})

test('what is known of a pod is not found out again', () => {
  const targeting = compileTargeting(rules({ regex: 'a.*b' }))
  assert.equal(targeting.has(pod('shop', 'a-1-b')), true)
  const { effort } = targeting
  assert.ok(effort > 0)
  assert.equal(targeting.has(pod('shop', 'a-1-b')), true)
  assert.equal(targeting.effort, effort)
})

test('a regular expression that cannot be read is refused with its place', () => {
  assert.throws(
    () => compileTargeting(rules({ regex: 'front(' })),
    (error) => error instanceof Mistake && error.message.startsWith('tap.regex: ') && error.at?.offset === 5,
  )
})

test('pods that have ended, and those on the network of their node, have no address of their own', () => {
  const targeting = compileTargeting(rules({ namespaces: ['shop'] }))
  const status = { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], phase: 'Running' }
  const running = pod('shop', 'a', { status })
  const ended = pod('shop', 'b', { status: { ...status, phase: 'Succeeded' } })
  const onHost = pod('shop', 'c', { status, spec: { hostNetwork: true } })
  assert.deepEqual(addressesOf(running), ['10.0.0.1', 'fd00::1'])
  assert.deepEqual([addressesOf(ended), addressesOf(onHost)], [[], []])
  const states = [running, ended, onHost, pod('other', 'd', { status })].map((each) =>
    podState(each, targeting),
  )
  assert.deepEqual(states, ['targeted', 'ended', 'host-network', 'excluded'])
})
