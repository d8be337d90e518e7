import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HubClient } from '../src/client/hub-client.ts'
import { aNode, aPod, aService, aSlice, seconds } from '../src/cluster/test-objects.ts'
import { eventually } from '../src/testing/eventually.ts'
import { canCapture } from '../src/testing/live-run.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'

/** Addresses of the loopback stand for pods: each end of a connection may have its own. */
describe('entries in a cluster', () => {
  test('say which pods and services their ends are, to people and to agents', async (t) => {
    if (!canCapture(t)) return
    const cluster = await Cluster.start(t)
    const [cart, price] = ['127.11.0.2', '127.11.0.3']
    const port = await cluster.serve(price)
    cluster.put('nodes', '', aNode('node-1', '127.10.0.1', { podCIDRs: ['127.11.0.0/24'] }))
    cluster.put('pods', 'shop', aPod('cart-6b5f-x', cart, { metadata: OF_CART }))
    cluster.put('pods', 'shop', aPod('price-1', price))
    cluster.put('services', 'shop', aService('price', { clusterIP: '127.12.0.1', ports: [{ port: 80 }] }))
    cluster.put('endpointslices', 'shop', aSlice('price', port, { [price]: 'price-1' }))
    const { program, hub } = await cluster.tap(t, port)
    await hub.createAgent({
      title: 'names',
      active: true,
      code: `function onItemCaptured(data) {
  if (data.protocol.name !== 'http') return
  var src = data.src, pod = data.Source.Pod
  console.log([src.name, src.namespace, src.pod.metadata.labels.app, pod.ObjectMeta.Name, pod.Spec.NodeName, src.workload.kind,
    src.nodeName, data.dst.name, data.dst.pod.metadata.name, data.dst.service.spec.clusterIP, data.namespace,
    data.dst.resolutionMechanism].join(' '))
}`,
    })
    await eventually('the agent runs', async () =>
      (await hub.nodes()).some(({ component, agents }) => component === 'worker' && agents.length > 0),
    )
    await eventually('the cluster is known', () => knows(hub, 5, port))
    await get({ host: price, port, from: cart, path: '/a' })
    await eventually('the agent has seen it', async () => (await hub.console({})).length > 0, 20_000)
    const [line] = await hub.console({})
    assert.equal(
      line?.text,
      'cart-6b5f-x shop cart cart-6b5f-x node-1 Deployment node-1 price price-1 127.12.0.1 shop ip-and-port',
    )

    const { entries } = await hub.entries({ filter: 'http and src.namespace == "shop"', limit: 10 })
    const { src, dst } = JSON.parse(entries[0] ?? '{}')
    assert.partialDeepStrictEqual(src, {
      ...{ name: 'cart-6b5f-x', namespace: 'shop', resolutionMechanism: 'ip', nodeName: 'node-1' },
      workload: { kind: 'Deployment', name: 'cart-6b5f' },
      service: null,
    })
    assert.deepEqual(src.pod, {
      metadata: { name: 'cart-6b5f-x', namespace: 'shop', labels: OF_CART.labels },
      spec: { nodeName: 'node-1' },
      status: { hostIp: '192.168.0.1' },
    })
    assert.deepEqual(dst.service, { metadata: { name: 'price', namespace: 'shop' } })
    for (const filter of [
      'src.pod.name == "cart-6b5f-x" && dst.service.name == "price"',
      'local_labels["app"] == "cart" && "shop" in namespaces',
      'src.workload.name == "cart-6b5f" and dst.pod.metadata.name == "price-1"',
    ])
      assert.equal((await hub.entries({ filter, limit: 10 })).entries.length, 1, filter)
    assert.equal(await program.stop(), 0)
  })

  test('name nobody wrongly while 100 pods a minute are replaced and addresses are used again', async (t) => {
    if (!canCapture(t)) return
    const cluster = await Cluster.start(t)
    const servers = Array.from({ length: SLOTS }, (_, at) => `127.11.1.${at + 1}`)
    const port = await cluster.serve('127.11.1.1')
    for (const ip of servers.slice(1)) await cluster.serve(ip, port)
    cluster.put('nodes', '', aNode('node-1', '127.10.0.1', { podCIDRs: ['127.11.1.0/24'] }))
    cluster.put('pods', 'shop', aPod('client', '127.11.1.200'))
    const { program, hub } = await cluster.tap(t, port)
    await eventually('the cluster is known', () => knows(hub, 2, port))
    await Promise.all(servers.map((ip, slot) => cluster.replace(ip, port, slot)))
    const all = ROUNDS * SLOTS * REQUESTS
    const found = async () => (await hub.entries({ filter: 'http', limit: 1000 })).entries
    await eventually('all are kept', async () => (await found()).length === all)
    const entries = (await found()).map((text) => JSON.parse(text))
    const named = entries.filter(({ src, dst }) => src.namespace === 'shop' && dst.namespace === 'shop')
    for (const { src, dst, request: asked } of named)
      assert.deepEqual([src.name, `/to/${dst.name}`], ['client', asked.path])
    assert.ok(named.length >= 0.99 * all, `${named.length} of ${all}`)
    assert.equal(await program.stop(), 0)
  })
})

/** Pods at the same time, how many have one address after another, and what each is asked. */
const [SLOTS, ROUNDS, REQUESTS] = [8, 3, 24]
const EVERY_MS = 190
const OF_CART = {
  labels: { app: 'cart', 'pod-template-hash': 'x' },
  ownerReferences: [{ kind: 'ReplicaSet', name: 'cart-6b5f-x', uid: 'r', controller: true }],
}

class Cluster {
  readonly fake: FakeKubernetes
  readonly #t: TestContext

  static async start(t: TestContext): Promise<Cluster> {
    return new Cluster(t, await FakeKubernetes.start(t))
  }

  private constructor(t: TestContext, fake: FakeKubernetes) {
    this.#t = t
    this.fake = fake
  }

  put(resource: string, namespace: string, object: { readonly metadata: { readonly name: string } }): void {
    this.fake.put(object.metadata.name, object, resource, namespace)
  }

  /** A server of HTTP at an address; answers its port. */
  async serve(host: string, port = 0): Promise<number> {
    const server = createServer((_, response) => response.end('hello'))
    await new Promise<void>((resolve) => server.listen(port, host, resolve))
    this.#t.after(() => server.close())
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Pods that have an address one after another. They send before anybody is told of their address. */
  async replace(ip: string, port: number, slot: number): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `pod-${slot}-${round}`
      const startTime = seconds(Date.now())
      this.put('pods', 'shop', aPod(name, '', { status: { startTime, phase: 'Pending' } }))
      const told = sleep(100 * slot).then(() =>
        this.put('pods', 'shop', aPod(name, ip, { status: { startTime } })),
      )
      for (let at = 0; at < REQUESTS; at++) {
        await get({ host: ip, port, from: '127.11.1.200', path: `/to/${name}` })
        await sleep(EVERY_MS)
      }
      await told
      if (slot % 2 === 0) await this.#finish(name, ip, startTime)
      this.fake.remove(name, 'pods', 'shop')
      // What a kubelet takes at least to make another sandbox.
      await sleep(300)
    }
  }

  /** As the kubelet tells of it. */
  async #finish(name: string, ip: string, startTime: string): Promise<void> {
    const terminated = { startedAt: startTime, finishedAt: seconds(Date.now()) }
    const metadata = { deletionTimestamp: seconds(Date.now() + 30_000) }
    const status = { startTime, containerStatuses: [{ name: 'main', state: { terminated } }] }
    this.put('pods', 'shop', aPod(name, ip, { metadata, status }))
    await sleep(500)
  }

  async tap(t: TestContext, port: number) {
    const folder = await tempFolder(t)
    const kubeconfig = await kubeconfigFile(t, { test: { url: this.fake.url } })
    const settings = ['kubernetes.enabled=on', `kubernetes.kubeconfig=${kubeconfig}`].flatMap((each) => [
      '--set',
      each,
    ])
    const program = new Running(t, folder, [
      'tap',
      '--interface',
      'lo',
      '--filter',
      `tcp port ${port}`,
      ...settings,
    ])
    return { program, hub: await program.client(t) }
  }
}

/** Whether the capture, which begins with the first packet, knows of so many objects of the cluster. */
async function knows(hub: HubClient, objects: number, port: number): Promise<boolean> {
  await connectOnce(port)
  return (await hub.nodes()).some(({ counters }) => (counters['names.known'] ?? 0) >= objects)
}

/** Packets that become no entry. */
function connectOnce(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.destroy())
    socket.on('error', () => {}).on('close', () => resolve())
  })
}

interface Request {
  readonly host: string
  readonly port: number
  readonly from: string
  readonly path: string
}

/** A request on a connection of its own, from an address. */
function get({ host, port, from, path }: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, localAddress: from, agent: false }, (response) => {
      response.resume().on('end', resolve)
    })
      .on('error', reject)
      .end()
  })
}
