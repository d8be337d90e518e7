import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HubClient } from '../src/client/hub-client.ts'
import { canCapture } from '../src/testing/live-run.ts'
import { natsServer } from '../src/testing/nats-server.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'

const AGENT = `function onPodEvent(event, pod, meta, why) {
  console.log(event + ' ' + pod.metadata.name + (why ? ' ' + (why.reason + ' ' + why.container).trim() : ''))
}`

describe('changes of pods', () => {
  test('are told once on the hub and on each worker, through a change of the leader and outages', async (t) => {
    if (!canCapture(t)) return
    const nats = await natsServer(t)
    if (nats === undefined) return
    const kube = await FakeKubernetes.start(t)
    const put = (name: string, status: object = {}, metadata: object = {}) =>
      kube.put(name, pod(status, metadata), 'pods', 'shop')
    const remove = (name: string) => kube.remove(name, 'pods', 'shop')
    for (let at = 1; at <= 9; at++) put(`cart-${at}`)

    const kubeconfig = await kubeconfigFile(t, { here: { url: kube.url } })
    const settings = [`kubernetes.kubeconfig=${kubeconfig}`, 'hub.store=nats', 'logLevel=info']
    const common = ['--nats', nats.url, ...settings.flatMap((each) => ['--set', each])]
    const startHub = async () => new Running(t, await tempFolder(t), ['hub', ...common])
    const hubs = [await startHub(), await startHub()]
    const workers: Running[] = []
    for (const node of ['node-1', 'node-2']) {
      const onLoopback = ['--interface', 'lo', '--filter', 'host 127.0.0.99', '--node-name', node]
      workers.push(new Running(t, await tempFolder(t), ['worker', ...common, ...onLoopback]))
    }
    await until(() => hubs.some(leads))
    const [first, second] = hubs.sort((one, other) => Number(leads(other)) - Number(leads(one)))
    assert.ok(first !== undefined && second !== undefined)
    let hub = await second.client(t)
    await hub.createAgent({ title: 'watches pods', code: AGENT, active: true })

    const read = new Map<string, number>()
    /** What has been said on a node since the last time, sorted, when there is as much as that. */
    const told = async (node: string, wanted: readonly string[]) => {
      const said = async () => (await linesOf(hub, node)).slice(read.get(node) ?? 0)
      const what = async () => JSON.stringify([node, await said(), wanted])
      await until(async () => (await said()).length >= wanted.length, what)
      const lines = await said()
      read.set(node, (read.get(node) ?? 0) + lines.length)
      assert.deepEqual([...lines].sort(), [...wanted].sort(), node)
    }
    const there = () => kube.objects('pods').map(({ metadata }) => `ADDED ${metadata.name}`)
    for (const node of ['hub', 'node-1', 'node-2']) await told(node, there())

    await hub.changeTargeting({ excludedNamespaces: ['test'] })
    put('cart-1', died(1))
    for (const node of ['hub', 'node-1', 'node-2']) await told(node, ['MODIFIED cart-1 crash main'])

    // The leader dies, and pods go on: the next one learns of it, and its agents know all pods anew.
    const before = there()
    await first.stop('SIGKILL')
    put('cart-1', startedAgain(1))
    put('cart-2', died(137, 'OOMKilled'))
    remove('cart-3')
    put('new-1')
    remove('cart-4')
    put('cart-4', {}, { labels: { version: '2' } })
    const changes = [
      'MODIFIED cart-1 restart main',
      'MODIFIED cart-2 oom main',
      'DELETED cart-3',
      'ADDED new-1',
      'DELETED cart-4',
      'ADDED cart-4 started',
    ]
    for (const node of ['node-1', 'node-2']) await told(node, changes)
    await told('hub', [...before, ...changes])

    // The API server is away, and pods die meanwhile: many a change is told as one.
    kube.fail({ kind: 'reset', after: false }, () => true, Number.POSITIVE_INFINITY)
    kube.endWatches('reset')
    put('cart-5', startedAgain(7, 137))
    put('cart-6', { phase: 'Failed', reason: 'Evicted', containerStatuses: [] })
    put('cart-7', died(143))
    remove('cart-7')
    put('new-2')
    put('new-2', died(1))
    kube.forget()
    await until(() => /pods of all namespaces are not followed/.test(second.stdout + second.stderr))
    kube.recover()
    for (const node of ['hub', 'node-1', 'node-2'])
      await told(node, [
        'MODIFIED cart-5 crash main',
        'MODIFIED cart-6 evicted',
        'DELETED cart-7',
        'ADDED new-2',
      ])

    // No hub at all: another one begins with what there is, and workers hear what is different.
    await second.stop('SIGKILL')
    put('cart-8', { phase: 'Succeeded', containerStatuses: [status({ terminated: run(0) })] })
    remove('cart-9')
    const third = await startHub()
    hub = await third.client(t)
    for (const node of ['node-1', 'node-2']) await told(node, ['MODIFIED cart-8 completed', 'DELETED cart-9'])
    await told('hub', there())
    const { rules, author } = await hub.targeting()
    assert.deepEqual([rules.excludedNamespaces, author], [['test'], 'local'], 'rules outlive hubs')

    // Nobody hears anybody.
    await nats.kill()
    put('new-1', died(1))
    await nats.start()
    put('end')
    for (const node of ['hub', 'node-1', 'node-2'])
      await told(node, ['MODIFIED new-1 crash main', 'ADDED end'])
    for (const program of [...workers, third]) assert.equal(await program.stop(), 0, program.stderr)
  })
})

function leads({ stderr, stdout }: Running): boolean {
  return /this hub leads/.test(stderr + stdout)
}

async function linesOf(hub: HubClient, node: string): Promise<string[]> {
  const lines = await hub.console({ last: 1000, node })
  return lines.filter(({ level }) => level === 'log').map(({ text }) => text)
}

function pod(more: object, metadata: object): object {
  return {
    metadata,
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'main:1' }] },
    status: { phase: 'Running', containerStatuses: [status({ running: {} })], ...more },
  }
}

function status(state: object, more: object = {}): object {
  return { name: 'main', restartCount: 0, ready: false, state, lastState: {}, ...more }
}

function run(exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error', id = 1): object {
  return { exitCode, reason, containerID: `containerd://${id}` }
}

function died(exitCode: number, reason?: string): object {
  return { containerStatuses: [status({ terminated: run(exitCode, reason) })] }
}

/** So many times, and the last time after it had ended with that. */
function startedAgain(restartCount: number, exitCode = 1): object {
  const lastState = { terminated: run(exitCode, 'Error', restartCount) }
  return { containerStatuses: [status({ running: {} }, { restartCount, lastState })] }
}
