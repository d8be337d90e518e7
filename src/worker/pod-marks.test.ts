import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterNode, KnownChange, Pod } from '../cluster/objects.ts'
import { compileTargeting } from '../cluster/targeting.ts'
import { podNamed } from '../testing/cluster-pods.ts'
import { targetingRules } from '../wire/targeting.ts'
import type { MarkedAddress } from './capture-messages.ts'
import { PodMarks } from './pod-marks.ts'
import { POD_MARK } from './selection.ts'

const { targeted, here, elsewhere, node } = POD_MARK
const shop = compileTargeting(targetingRules.parse({ namespaces: ['shop'] }))

function pod(namespace: string, name: string, nodeName: string, podIP: string, phase = 'Running'): Pod {
  return podNamed({ namespace, name }, { spec: { nodeName }, status: { podIP, phase } })
}

function change(type: KnownChange['type'], object: Pod): KnownChange {
  return { kind: 'pod', type, at: 0, object }
}

function marks() {
  const told: MarkedAddress[][] = []
  const made = new PodMarks('one', (changed) => told.push([...changed]))
  return { made, told, last: () => told.splice(0).flat() }
}

test('says nothing while nobody needs to know which pods are whose', () => {
  const { made, told } = marks()
  made.change([change('ADDED', pod('shop', 'a', 'one', '10.0.0.1'))])
  made.target(undefined)
  made.share(new Set())
  assert.deepEqual(told, [])
})

test('pods that come, go and end are told of at once, in one message', () => {
  const { made, told, last } = marks()
  made.target(shop)
  made.change([
    change('ADDED', pod('shop', 'a', 'one', '10.0.0.1')),
    change('ADDED', pod('shop', 'b', 'one', '')),
    change('ADDED', pod('other', 'c', 'one', '10.0.0.3')),
  ])
  assert.deepEqual(told, [[['10.0.0.1', targeted]]])
  last()
  made.change([change('MODIFIED', pod('shop', 'b', 'one', '10.0.0.2'))])
  made.change([change('MODIFIED', pod('shop', 'a', 'one', '10.0.0.1', 'Succeeded'))])
  made.change([change('DELETED', pod('shop', 'b', 'one', '10.0.0.2'))])
  assert.deepEqual(last(), [
    ['10.0.0.2', targeted],
    ['10.0.0.1', 0],
    ['10.0.0.2', 0],
  ])
})

test('an address that another pod has by now is that of the other', () => {
  const { made, last } = marks()
  made.target(shop)
  made.change([change('ADDED', pod('shop', 'a', 'one', '10.0.0.1'))])
  made.change([change('ADDED', pod('other', 'b', 'one', '10.0.0.1'))])
  made.change([change('DELETED', pod('shop', 'a', 'one', '10.0.0.1'))])
  assert.deepEqual(last(), [
    ['10.0.0.1', targeted],
    ['10.0.0.1', 0],
  ])
})

test('rules and other workers that change are told of for all pods', () => {
  const { made, last } = marks()
  made.change([
    change('ADDED', pod('shop', 'a', 'one', '10.0.0.1')),
    change('ADDED', pod('shop', 'b', 'two', '10.0.0.2')),
    change('ADDED', pod('other', 'c', 'three', '10.0.0.3')),
  ])
  made.share(new Set(['two']))
  assert.deepEqual(last(), [
    ['10.0.0.1', here],
    ['10.0.0.2', elsewhere],
  ])
  made.target(shop)
  assert.deepEqual(last(), [
    ['10.0.0.1', here | targeted],
    ['10.0.0.2', elsewhere | targeted],
  ])
  made.share(new Set(['two']))
  assert.deepEqual(last(), [])
  made.share(new Set())
  made.target(undefined)
  assert.deepEqual(last(), [
    ['10.0.0.1', targeted],
    ['10.0.0.2', targeted],
    ['10.0.0.1', 0],
    ['10.0.0.2', 0],
  ])
})

test('nodes are told of while others share the work, by the addresses among themselves', () => {
  const { made, last } = marks()
  const nodeAt = (name: string, address: string): ClusterNode => ({
    metadata: podNamed({ namespace: '', name }).metadata,
    spec: { podCIDRs: [] },
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'ExternalIP', address: '203.0.113.1' },
        { type: 'Hostname', address: name },
      ],
      conditions: [],
    },
  })
  const told = (type: KnownChange['type'], object: ClusterNode): KnownChange => ({
    kind: 'node',
    type,
    at: 0,
    object,
  })
  made.change([
    told('ADDED', nodeAt('one', '192.168.0.1')),
    told('ADDED', nodeAt('two', '192.168.0.2')),
    told('ADDED', nodeAt('three', '192.168.0.3')),
  ])
  assert.deepEqual(last(), [])
  made.share(new Set(['two']))
  assert.deepEqual(last(), [
    ['192.168.0.1', here | node],
    ['192.168.0.2', elsewhere | node],
  ])
  made.change([told('MODIFIED', nodeAt('two', '192.168.0.9'))])
  assert.deepEqual(last(), [
    ['192.168.0.2', 0],
    ['192.168.0.9', elsewhere | node],
  ])
  made.change([told('DELETED', nodeAt('two', '192.168.0.9'))])
  assert.deepEqual(last(), [['192.168.0.9', 0]])
})
