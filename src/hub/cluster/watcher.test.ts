import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { FakeKubernetes } from '../../../test/kube/fake-kubernetes.ts'
import { openLocalBus } from '../../bus/local.ts'
import type { KnownChange } from '../../cluster/objects.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import { ClusterFollower } from '../../node/cluster-follower.ts'
import { until } from '../../testing/until.ts'
import { ClusterWatcher } from './watcher.ts'

describe('the watcher of the cluster', () => {
  it('tells all programs of pods, services, endpoint slices and nodes', async (t) => {
    const { fake, follower, told, watcher } = await setUp(t)
    await until(() => watcher.watches.every(({ state }) => state === 'following'))
    fake.put('n1', node, 'nodes')
    fake.put('cart-1', pod('10.0.0.1'), 'pods', 'shop')
    fake.put('cart', service, 'services', 'shop')
    fake.put('cart-abc', slice, 'endpointslices', 'shop')
    await until(() => told.length === 4)
    const [cart] = follower.objects('pod')
    assert.equal(cart?.status.podIP, '10.0.0.1')
    assert.equal(cart?.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration'], undefined)
    assert.deepEqual(follower.objects('service')[0]?.spec.clusterIPs, ['10.96.0.7'])
    assert.deepEqual(follower.objects('endpointSlice')[0]?.endpoints[0]?.addresses, ['10.0.0.1'])
    assert.deepEqual(follower.objects('node')[0]?.spec.podCIDRs, ['10.0.0.0/24'])
    fake.put('cart-1', pod('10.0.0.2'), 'pods', 'shop')
    fake.remove('cart', 'services', 'shop')
    await until(() => told.length === 6)
    const last = told.slice(4).map(({ kind, type }) => `${type} ${kind}`)
    assert.deepEqual(last.sort(), ['DELETED service', 'MODIFIED pod'])
    const { uid } = fake.find('kube-system', 'namespaces')?.metadata ?? {}
    await until(() => follower.clusterId === uid)
  })

  it('tells nothing of what nobody needs to know', async (t) => {
    const { fake, told } = await setUp(t)
    fake.put('cart-1', pod('10.0.0.1'), 'pods', 'shop')
    await until(() => told.length === 1)
    const managedFields = [{ manager: 'kubelet', operation: 'Update' }]
    fake.put('cart-1', { ...pod('10.0.0.1'), metadata: { managedFields } }, 'pods', 'shop')
    fake.put('end', pod('10.0.0.9'), 'pods', 'shop')
    await until(() => told.length === 2)
    assert.equal(told[1]?.object.metadata.name, 'end')
  })

  it('comes to what there is, however often watches break and what they missed is forgotten', async (t) => {
    const { fake, follower, told } = await setUp(t)
    const numbers = (() => {
      let state = 7
      return (most: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return (state >>> 8) % most
      }
    })()
    const breaks = [
      () => fake.endWatches('reset'),
      () => fake.endWatches('end', 'pods'),
      () => fake.endWatches('gone', 'pods'),
      () => {
        fake.forget()
        fake.endWatches('reset')
      },
      () => fake.writeToWatches('{"type":"MODIFIED","object":'),
      () => fake.writeToWatches('no JSON\n'),
      () => fake.fail({ kind: 'garbage' }, (asked) => asked.includes('/pods')),
      () => fake.fail({ kind: 'status', code: 500 }, (asked) => asked.includes('watch=true'), 2),
    ]
    for (let at = 0; at < 300; at++) {
      const name = `pod-${numbers(20)}`
      if (numbers(3) === 0) fake.remove(name, 'pods', 'shop')
      else fake.put(name, pod(`10.0.${at >> 8}.${at & 255}`), 'pods', 'shop')
      if (numbers(12) === 0) breaks[numbers(breaks.length)]?.()
      if (numbers(6) === 0) await setTimeout(numbers(20))
    }
    fake.recover()
    fake.endWatches('end')
    const wanted = () => fake.objects('pods').map(addressOf).sort()
    const known = () => follower.objects('pod').map(addressOf).sort()
    await until(() => JSON.stringify(known()) === JSON.stringify(wanted()), 'all pods')
    assert.deepEqual(replayed(told).sort(), wanted())
  })

  for (const resource of ['pods', 'services', 'endpointslices', 'nodes'])
    it(`follows the others without the right to ${resource}, says so once, and mends itself`, async (t) => {
      const all = ['pods', 'services', 'endpointslices', 'nodes']
      const allow = (resources: readonly string[], verbs = ['list', 'watch']) =>
        fake.addUser('ours', 'remora', [{ verbs, apiGroups: ['', 'discovery.k8s.io'], resources }])
      const fake = await FakeKubernetes.start(t)
      allow(all.filter((each) => each !== resource))
      const { watcher, notes, follower } = await setUp(t, { fake })
      const stateOf = (name: string) => watcher.watches.find((each) => each.resource === name)
      await until(() => watcher.watches.filter(({ state }) => state === 'following').length === 3)
      await until(() => stateOf(resource)?.state === 'in trouble')
      await until(() => fake.seen.filter((asked) => asked.includes(`/${resource}?`)).length > 3)
      const told = notes.filter(([level]) => level === 'warning')
      assert.equal(told.length, 1)
      assert.match(
        String(told[0]?.[1]),
        new RegExp(`^${resource} of all namespaces are not followed: .*forbidden`),
      )
      assert.match(JSON.stringify(told[0]?.[2]), new RegExp(`rights list and watch on ${resource} of`))
      assert.match(stateOf(resource)?.why ?? '', /cannot list resource/)
      assert.equal(watcher.counters['cluster.in-trouble'], 1)
      assert.equal(follower.state, 'following')
      allow(all)
      await until(() => stateOf(resource)?.state === 'following')
      assert.equal(watcher.counters['cluster.in-trouble'], 0)
      assert.deepEqual(notes.at(-1), ['info', `${resource} are followed`, { namespace: 'all' }])
    })

  it('says which right is missing where it may list and not watch', async (t) => {
    const fake = await FakeKubernetes.start(t)
    fake.addUser('ours', 'remora', [
      {
        verbs: ['list', 'watch'],
        apiGroups: ['', 'discovery.k8s.io'],
        resources: ['services', 'endpointslices', 'nodes'],
      },
      { verbs: ['list'], apiGroups: [''], resources: ['pods'] },
    ])
    fake.put('cart-1', pod('10.0.0.1'), 'pods', 'shop')
    const { watcher, notes, follower } = await setUp(t, { fake })
    await until(() => follower.objects('pod').length === 1)
    await until(() => notes.some(([level]) => level === 'warning'))
    assert.match(String(notes.find(([level]) => level === 'warning')?.[1]), /cannot watch resource "pods"/)
    assert.equal(watcher.counters['cluster.in-trouble'], 1)
    // What is read anew from time to time is not followed for that.
    fake.put('cart-2', pod('10.0.0.2'), 'pods', 'shop')
    await until(() => follower.objects('pod').length === 2)
    assert.equal(watcher.counters['cluster.in-trouble'], 1)
    assert.equal(notes.length, 1)
    fake.addUser('ours', 'remora', [
      { verbs: ['list', 'watch'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['get'], apiGroups: [''], resources: ['namespaces'] },
    ])
    await until(() => watcher.counters['cluster.in-trouble'] === 0)
    assert.deepEqual(notes.at(-1), ['info', 'pods are followed', { namespace: 'all' }])
  })

  it('asks for no cluster role where namespaces are named', async (t) => {
    const fake = await FakeKubernetes.start(t)
    fake.addUser('ours', 'remora', [
      {
        verbs: ['list', 'watch'],
        apiGroups: ['', 'discovery.k8s.io'],
        resources: ['pods', 'services', 'endpointslices'],
        namespaces: ['shop', 'bank'],
      },
    ])
    fake.put('cart-1', pod('10.0.0.1'), 'pods', 'shop')
    fake.put('pay-1', pod('10.0.0.2'), 'pods', 'bank')
    fake.put('other-1', pod('10.0.0.3'), 'pods', 'other')
    const { watcher, follower, notes } = await setUp(t, { fake, namespaces: ['shop', 'bank', 'shop'] })
    await until(
      () => watcher.watches.length === 6 && watcher.watches.every(({ state }) => state === 'following'),
    )
    await until(() => follower.objects('pod').length === 2)
    assert.deepEqual(follower.objects('pod').map(addressOf).sort(), ['10.0.0.1', '10.0.0.2'])
    assert.deepEqual(notes, [])
    assert.ok(fake.seen.every((asked) => asked.includes('/namespaces/')))
    // A namespace that goes takes its pods along; one that is made again is followed again.
    fake.remove('pay-1', 'pods', 'bank')
    fake.remove('bank', 'namespaces')
    await until(() => follower.objects('pod').length === 1)
    fake.put('pay-2', pod('10.0.0.4'), 'pods', 'bank')
    await until(() => follower.objects('pod').length === 2)
  })

  it('hands over to the next hub that leads, which tells differences alone', async (t) => {
    const { fake, bus, watcher, told, follower } = await setUp(t)
    fake.put('cart-1', pod('10.0.0.1'), 'pods', 'shop')
    fake.put('cart-2', pod('10.0.0.2'), 'pods', 'shop')
    await until(() => told.length === 2)
    await watcher.close()
    fake.remove('cart-2', 'pods', 'shop')
    fake.put('cart-3', pod('10.0.0.3'), 'pods', 'shop')
    const client = new KubernetesClient(fake.access())
    const next = new ClusterWatcher({ ...FAST, client, namespaces: [], bus, term: 2, note() {} })
    t.after(async () => {
      await next.close()
      await client.close()
    })
    await until(() => told.length === 4)
    assert.deepEqual(
      told
        .slice(2)
        .map(({ type, object }) => `${type} ${object.metadata.name}`)
        .sort(),
      ['ADDED cart-3', 'DELETED cart-2'],
    )
    assert.equal(follower.state, 'following')
  })

  it('counts what is no object, and takes the rest', async (t) => {
    const { fake, watcher, told } = await setUp(t)
    await until(() => watcher.watches.every(({ state }) => state === 'following'))
    const strange = { metadata: { name: 'x' }, spec: 7, status: [] }
    fake.writeToWatches(`${JSON.stringify({ type: 'ADDED', object: strange })}\n`)
    fake.writeToWatches(`${JSON.stringify({ type: 'WHATEVER', object: {} })}\n`)
    fake.put('cart-1', pod('10.0.0.1'), 'pods', 'shop')
    await until(() => told.length === 1)
    assert.ok(Number(watcher.counters['dropped.cluster-watch.malformed']) >= 1)
  })

  it('cuts what is too long, and counts it', async (t) => {
    const { fake, watcher, told } = await setUp(t)
    const annotations = { note: 'x'.repeat(100_000), more: 'y' }
    fake.put('cart-1', { ...pod('10.0.0.1'), metadata: { annotations } }, 'pods', 'shop')
    await until(() => told.length === 1)
    assert.equal(told[0]?.object.metadata.annotations.note?.length, 1024)
    assert.equal(told[0]?.object.metadata.annotations.more, 'y')
    assert.equal(watcher.counters['cluster.shortened'], 1)
  })
})

function replayed(told: readonly KnownChange[]): string[] {
  const there = new Map<string, string>()
  for (const { kind, type, object } of told) {
    if (kind !== 'pod') continue
    const { name } = object.metadata
    assert.equal(there.has(name), type !== 'ADDED', `${type} of ${name}`)
    if (type === 'DELETED') there.delete(name)
    else there.set(name, addressOf(object))
  }
  return [...there.values()]
}

function addressOf(object: object): string {
  return String((object as { readonly status?: { readonly podIP?: string } }).status?.podIP)
}

const FAST = { batchMs: 5, beatMs: 20 }

async function setUp(
  t: TestContext,
  { fake: given, namespaces = [] }: { fake?: FakeKubernetes; namespaces?: readonly string[] } = {},
) {
  const fake = given ?? (await FakeKubernetes.start(t))
  const bus = openLocalBus({ folder: null })
  const client = new KubernetesClient(fake.access(given === undefined ? undefined : 'ours'))
  const notes: unknown[][] = []
  const note = (...said: unknown[]) => void notes.push(said)
  const follower = new ClusterFollower({ bus, isOn: true, note })
  const told: KnownChange[] = []
  follower.onChanges((changes) => told.push(...changes))
  const watcher = new ClusterWatcher({ ...FAST, client, namespaces, bus, term: 1, note })
  t.after(async () => {
    await watcher.close()
    await follower.close()
    await client.close()
    await bus.close()
  })
  return { fake, bus, follower, told, watcher, notes }
}

function pod(podIP: string) {
  return {
    metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'nginx' }] },
    status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
  }
}

const service = { spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], ports: [{ port: 80 }] } }
const slice = { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [] }
const node = { spec: { podCIDRs: ['10.0.0.0/24'] }, status: { addresses: [] } }
