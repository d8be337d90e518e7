import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { openNatsBus } from '../src/bus/nats.ts'
import type { HubClient } from '../src/client/hub-client.ts'
import type { KnownChange } from '../src/cluster/objects.ts'
import { ClusterFollower } from '../src/node/cluster-follower.ts'
import { natsServer } from '../src/testing/nats-server.ts'
import { NATS_SETTINGS } from '../src/testing/nats-settings.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'

describe('hubs and a worker in a cluster', () => {
  test('know the same pods through a change of the leader, an outage of all hubs, and one of the bus', async (t) => {
    const lab = await fiftyPods(t)
    if (lab === undefined) return
    const { server, fake, hubOf } = lab
    const hubs = [await hubOf(), await hubOf()]
    const clients = await Promise.all(hubs.map((hub) => hub.client(t)))
    const worker = new Running(t, await tempFolder(t), [
      ...['worker', '--nats', server.url, '--pcap', SAMPLE, '--node-name', 'n1'],
    ])

    const follower = await followerOf(t, server)
    const told: KnownChange[] = []
    follower.onChanges((changes) => told.push(...changes))
    const same = async () => {
      const wanted = fake
        .objects('pods')
        .map(({ metadata }) => `${metadata.uid}`)
        .sort()
      const known = () =>
        follower
          .objects('pod')
          .map(({ metadata }) => metadata.uid)
          .sort()
      await until(() => JSON.stringify(known()) === JSON.stringify(wanted))
      assert.deepEqual(replayed(told).sort(), wanted)
    }
    await same()

    // Every program knows it, also the hub that does not lead.
    for (const client of clients) {
      const health = async () => (await client.nodes()).map(clusterOf)
      await until(async () => (await health()).filter((each) => each === 'following 50').length === 3)
    }
    const cluster = fake.find('kube-system', 'namespaces')?.metadata.uid
    await until(async () => (await healthOfLeader(clients[0])).clusterID === cluster)
    const { nodes, watches } = await healthOfLeader(clients[0])
    assert.deepEqual(nodes, [{ nodeName: 'n1', podCount: 50 }])
    assert.equal(Array.isArray(watches) && watches.length, 4)

    // The leader dies: what happens meanwhile is told by the other one, and nothing else.
    const first = told.length
    const [leads, follows] = hubs.sort((one, other) => Number(hasLed(other)) - Number(hasLed(one)))
    await leads?.stop('SIGKILL')
    fake.remove('pod-1', 'pods', 'shop')
    put(fake, 'pod-2', 'n2')
    put(fake, 'new-1', 'n1')
    await same()
    const differences = told.slice(first).map(({ type, object }) => `${type} ${object.metadata.name}`)
    assert.deepEqual(differences.sort(), ['ADDED new-1', 'DELETED pod-1', 'MODIFIED pod-2'])

    // No hub at all: what is known stays known, and the worker runs on.
    await follows?.stop('SIGKILL')
    await until(() => follower.state === 'waiting')
    assert.equal(follower.objects('pod').length, 50)
    fake.remove('pod-3', 'pods', 'shop')
    const third = await hubOf()
    const client = await third.client(t)
    await same()
    await until(
      async () =>
        (await client.nodes()).map(clusterOf).filter((each) => each === 'following 49').length === 2,
    )
    assert.deepEqual(
      told.slice(first + 3).map(({ type, object }) => `${type} ${object.metadata.name}`),
      ['DELETED pod-3'],
    )

    // Nobody hears anybody.
    await server.kill()
    put(fake, 'new-2', 'n1')
    fake.remove('pod-4', 'pods', 'shop')
    await server.start()
    await same()
    assert.equal(follower.state, 'following')
    assert.equal(await worker.stop(), 0, worker.stderr)
    assert.equal(await third.stop(), 0, third.stderr)
  })

  test('are told each change once when the leader stood still, and then goes on as if it led', async (t) => {
    const lab = await fiftyPods(t)
    if (lab === undefined) return
    const { server, fake, hubOf } = lab
    const first = await hubOf()
    await until(() => hasLed(first), 'the first to lead')
    const second = await hubOf()
    await second.says(/the API is at/)
    const follower = await followerOf(t, server)
    const told: string[] = []
    await until(() => follower.objects('pod').length === 50, 'all pods')
    follower.onChanges((changes) => {
      if (changes.length < 50)
        told.push(...changes.map(({ type, object }) => `${type} ${object.metadata.name}`))
    })

    process.kill(first.pid, 'SIGSTOP')
    fake.remove('pod-1', 'pods', 'shop')
    put(fake, 'new-1', 'n1')
    await until(() => told.length === 2, 'what the second one tells')
    // It is as far behind as it can be, and has all that it missed in its buffers.
    put(fake, 'pod-2', 'n2')
    fake.remove('new-1', 'pods', 'shop')
    await until(() => told.length === 4, 'more of it')
    process.kill(first.pid, 'SIGCONT')
    await first.says(/this hub does not lead any more/)
    put(fake, 'new-2', 'n1')
    await until(() => told.length === 5, 'what comes then')

    // And back, when the second one ends.
    assert.equal(await second.stop(), 0, second.stderr)
    put(fake, 'new-3', 'n1')
    await until(() => told.at(-1) === 'ADDED new-3', 'what the first one tells again')
    assert.deepEqual(told.slice(0, 2).sort(), ['ADDED new-1', 'DELETED pod-1'])
    assert.deepEqual(told.slice(2, 4).sort(), ['DELETED new-1', 'MODIFIED pod-2'])
    assert.deepEqual(told.slice(4), ['ADDED new-2', 'ADDED new-3'])
    assert.equal(await first.stop(), 0, first.stderr)
  })
})

/** An API server with pods on one node, and hubs that follow it. Undefined where there is no nats-server. */
async function fiftyPods(t: TestContext) {
  const server = await natsServer(t)
  if (server === undefined) return undefined
  const fake = await FakeKubernetes.start(t)
  const kubeconfig = await kubeconfigFile(t, { test: { url: fake.url } })
  const settings = [`kubernetes.kubeconfig=${kubeconfig}`, 'hub.store=nats', 'logLevel=info'].flatMap(
    (each) => ['--set', each],
  )
  const hubOf = async () => new Running(t, await tempFolder(t), ['hub', '--nats', server.url, ...settings])
  for (let at = 0; at < 50; at++) put(fake, `pod-${at}`, 'n1')
  return { server, fake, hubOf }
}

async function followerOf(t: TestContext, { url }: { readonly url: string }): Promise<ClusterFollower> {
  const bus = await openNatsBus({ settings: { ...NATS_SETTINGS, url } })
  const follower = new ClusterFollower({ bus, isOn: true, note() {} })
  t.after(async () => {
    await follower.close()
    await bus.close()
  })
  return follower
}

async function healthOfLeader(client: HubClient | undefined): Promise<Readonly<Record<string, unknown>>> {
  return (await client?.nodes())?.find(({ leading }) => leading)?.health ?? {}
}

function hasLed({ stderr, stdout }: Running): boolean {
  return /this hub leads/.test(stderr + stdout)
}

function put(fake: FakeKubernetes, name: string, nodeName: string): void {
  const content = {
    spec: { nodeName, containers: [{ name: 'main', image: 'nginx' }] },
    status: { phase: 'Running' },
  }
  fake.put(name, content, 'pods', 'shop')
}

function clusterOf({ health }: { readonly health: Readonly<Record<string, unknown>> }): string {
  const cluster = health.cluster as { state: string; known: { pod: number } } | undefined
  return `${cluster?.state} ${cluster?.known.pod}`
}

/** Uids of what is there after these events, each of which must be possible. */
function replayed(told: readonly KnownChange[]): string[] {
  const there = new Map<string, string>()
  for (const { kind, type, object } of told) {
    if (kind !== 'pod') continue
    const { name, uid } = object.metadata
    assert.equal(there.has(name), type !== 'ADDED', `${type} of ${name}`)
    if (type === 'DELETED') there.delete(name)
    else there.set(name, uid)
  }
  return [...there.values()]
}

const SAMPLE = join(REPOSITORY, 'samples', 'sample.pcap')
