import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openLocalBus } from '../bus/local.ts'
import type { KnownChange, Pod } from '../cluster/objects.ts'
import { ClusterFollower } from '../node/cluster-follower.ts'
import { Fleet } from '../node/fleet.ts'
import { openShared } from '../node/streams.ts'
import { TargetingFollower } from '../node/targeting-follower.ts'
import { podNamed } from '../testing/cluster-pods.ts'
import { eventually } from '../testing/eventually.ts'
import { nodeStatusOf } from '../testing/node-status.ts'
import { encode } from '../wire/codec.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { TARGETING_KEY, targetingRules } from '../wire/targeting.ts'
import type { MarkedAddress, SelectionOrder } from './capture-messages.ts'
import { POD_MARK } from './selection.ts'
import { WorkerTargeting } from './targeting.ts'

const PODS: readonly Pod[] = [
  podNamed({ namespace: 'shop', name: 'a' }, { spec: { nodeName: 'one' }, status: { podIP: '10.0.0.1' } }),
  podNamed({ namespace: 'cart', name: 'b' }, { spec: { nodeName: 'two' }, status: { podIP: '10.0.0.2' } }),
]

interface Options {
  readonly configured?: object
  readonly expectsCluster?: boolean
  readonly pods?: readonly Pod[]
}

async function setUp(t: TestContext, { configured = {}, expectsCluster = true, pods = PODS }: Options = {}) {
  const bus = openLocalBus({ folder: null })
  const { state } = await openShared(bus)
  const follower = new TargetingFollower(state)
  const fleet = new Fleet(bus)
  const cluster = new (class extends ClusterFollower {
    override onChanges(listener: (changes: readonly KnownChange[]) => void): () => void {
      listener(pods.map((object) => ({ kind: 'pod', type: 'ADDED', at: 0, object })))
      return () => {}
    }
  })({ bus, isOn: true, note: () => {} })
  const notes: string[] = []
  const targeting = new WorkerTargeting(
    {
      ...{ bus, node: 'one', source: { interface: 'any' }, expectsCluster, onceInCluster: true },
      configured: targetingRules.parse(configured),
    },
    { follower, cluster, fleet, note: (_, message) => notes.push(message) },
  )
  const selected: SelectionOrder[] = []
  const marked = new Map<string, number>()
  targeting.drive({
    select: (order) => selected.push(order),
    markPods: (changed: readonly MarkedAddress[]) => {
      for (const [address, mark] of changed) marked.set(address, mark)
    },
    refilter: () => {},
  })
  t.after(async () => {
    targeting.close()
    await follower.close()
    await cluster.close()
    fleet.close()
    await bus.close()
  })
  const put = (rules: object, hasCluster = true) =>
    state.put(
      TARGETING_KEY,
      encode({
        ...{ rules: targetingRules.parse(rules), configured: targetingRules.parse({}) },
        ...{ version: 1, author: 'ada', at: 0, hasCluster },
      }),
    )
  const say = (node: string, captures: 'node' | 'some') =>
    bus.publish(SUBJECTS.status(node), encode(nodeStatusOf({ node, boot: node, captures })))
  return { targeting, selected, marked, put, say, notes }
}

test('a worker follows the rules of its configuration until it knows those of the hub', async (t) => {
  const { targeting, selected, marked, put } = await setUp(t, {
    configured: { namespaces: ['shop'], regex: 'a' },
  })
  assert.deepEqual(selected, [{ onlyTargeted: true, sampleRate: 100 }])
  assert.deepEqual([...marked], [['10.0.0.1', POD_MARK.targeted]])
  await put({ namespaces: ['cart'], sampleRate: 20 })
  await eventually('the rules of the hub', () => selected.at(-1)?.sampleRate === 20)
  assert.deepEqual(Object.fromEntries(marked), { '10.0.0.1': 0, '10.0.0.2': POD_MARK.targeted })
  assert.equal(targeting.warning, '')
  await put({})
  await eventually('no rules', () => selected.at(-1)?.onlyTargeted === false)
  assert.deepEqual(Object.fromEntries(marked), { '10.0.0.1': 0, '10.0.0.2': 0 })
})

test('where there is no cluster rules about pods take everything, and say so', async (t) => {
  const { targeting, selected, notes } = await setUp(t, {
    ...{ configured: { namespaces: ['shop'] }, expectsCluster: false, pods: [] },
  })
  assert.equal(selected.at(-1)?.onlyTargeted, false)
  assert.match(targeting.warning, /no cluster.*everything is captured/)
  assert.deepEqual(notes, [targeting.warning])
})

test('while pods are not known, what rules may leave out is not captured', async (t) => {
  const { targeting, selected } = await setUp(t, { configured: { excludedNamespaces: ['secret'] }, pods: [] })
  assert.equal(selected.at(-1)?.onlyTargeted, true)
  assert.match(targeting.warning, /not known yet: nothing is captured/)
})

test('shares connections with workers that see all of their node, and takes over when they do not any more', async (t) => {
  const { targeting, marked, say } = await setUp(t)
  assert.equal(targeting.captures, 'node')
  assert.deepEqual([...marked], [])
  say('two', 'node')
  await eventually('the other worker', () => marked.get('10.0.0.2') === POD_MARK.elsewhere)
  assert.equal(marked.get('10.0.0.1'), POD_MARK.here)
  say('two', 'some')
  await eventually('that it sees not all', () => marked.get('10.0.0.2') === 0)
  assert.equal(marked.get('10.0.0.1'), 0)
})

test('agents hear which pods are captured', async (t) => {
  const { targeting, put } = await setUp(t)
  const [shop, cart] = PODS as readonly [Pod, Pod]
  await put({ namespaces: ['cart'] })
  await eventually('the rules', () => !targeting.has(shop))
  assert.equal(targeting.has(cart), true)
})
