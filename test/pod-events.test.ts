import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { HubClient } from '../src/client/hub-client.ts'
import { kubeTools } from '../src/testing/kube-tools.ts'
import { canCapture } from '../src/testing/live-run.ts'
import { natsServer } from '../src/testing/nats-server.ts'
import { run } from '../src/testing/programs.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { tsharkFields } from '../src/testing/tshark.ts'
import { until } from '../src/testing/until.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'

/** Stand for pods: each has an address of its own. */
const CART = '127.0.0.21'
const PAY = '127.0.0.22'

const TEMPLATE = join(REPOSITORY, 'templates/packets-before-a-crash.js')
const AGENT = `function onPodEvent(event, pod, meta, why) {
  if (pod.metadata.namespace !== 'shop') return
  console.log(event + ' ' + pod.metadata.name + ' ' + (why ? why.reason + ' ' + why.container : '-') + ' ' + meta.node)
  if (event === 'DELETED' && utils.nodeName() !== 'hub') console.log('gone, kept ' + pcap.history(pod, 60))
  if (!why || why.reason !== 'crash' || utils.nodeName() === 'hub') return
  console.log('kept ' + pcap.history(pod, 30) + ' by name ' + pcap.history('shop/' + pod.metadata.name, 30))
}`

describe('a pod that crashes', () => {
  test('is told of on the hub and on workers, which have its packets from before', async (t) => {
    const tools = await kubeTools(t)
    if (tools === undefined || !canCapture(t)) return
    const nats = await natsServer(t)
    if (nats === undefined) return
    const kube = await FakeKubernetes.start(t)
    kube.put('cart-1', runningPod('node-1', CART), 'pods', 'shop')
    kube.put('far-1', runningPod('node-2', '10.9.9.9'), 'pods', 'shop')
    const kubeconfig = await kubeconfigFile(t, { here: { url: kube.url } })
    const kubectl = async (...args: string[]) => {
      const { code, stderr } = await run(tools.kubectl, ['--kubeconfig', kubeconfig, '-n', 'shop', ...args])
      assert.equal(code, 0, stderr)
    }
    const server = await startServer(t, CART)

    const folder = await tempFolder(t)
    const bus = ['--nats', nats.url]
    const asked = ['--set', `kubernetes.kubeconfig=${kubeconfig}`]
    const hubProgram = new Running(t, await tempFolder(t), ['hub', ...bus, ...asked])
    const hub = await hubProgram.client(t)
    const onLoopback = ['--interface', 'lo', '--node-name', 'node-1', '--filter', `host ${CART}`]
    const worker = new Running(t, folder, ['worker', ...bus, ...asked, ...onLoopback])
    await until(
      async () => (await hub.nodes()).some(({ node }) => node === 'node-1'),
      () => worker.stderr,
    )
    await hub.createAgent({ title: 'watches pods', code: AGENT, active: true })
    const template = { title: 'Packets before a crash', code: readFileSync(TEMPLATE, 'utf8'), active: true }
    const { id } = await hub.createAgent(template)
    await until(
      async () => (await hub.agent(id)).nodes.filter(({ state }) => state === 'running').length === 2,
    )
    for (const node of ['hub', 'node-1'])
      await until(
        async () => (await linesOf(hub, node)).length >= 2,
        async () => JSON.stringify([await hub.console({}), worker.stderr, hubProgram.stderr]),
      )
    assert.deepEqual((await linesOf(hub, 'node-1')).sort(), ['ADDED cart-1 - node-1', 'ADDED far-1 - node-2'])

    // Something goes wrong in its last moments: what it was asked is in its packets.
    await until(async () => (await ask(server.port, '/before')) === 200)
    await until(async () => (await hub.entries({ filter: '', limit: 10 })).entries.length > 0)
    assert.equal(await ask(server.port, '/crash'), undefined)
    assert.equal(await server.ended, 1)
    const finishedAt = new Date().toISOString()
    const terminated = { exitCode: 1, reason: 'Error', containerID: 'containerd://1', finishedAt }
    const status = {
      containerStatuses: [{ name: 'main', restartCount: 0, state: { terminated }, lastState: {} }],
    }
    await kubectl(
      'patch',
      'pod',
      'cart-1',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    )
    for (const node of ['hub', 'node-1'])
      await until(
        async () => (await linesOf(hub, node)).includes('MODIFIED cart-1 crash main node-1'),
        async () => JSON.stringify(await hub.console({})),
      )
    const kept = /^kept (\d+\.pcap) by name (\d+(?:-\d+)?\.pcap)$/
    await until(
      async () => (await linesOf(hub, 'node-1')).some((line) => kept.test(line)),
      async () => JSON.stringify(await hub.console({})),
    )
    const said = (await linesOf(hub, 'node-1')).find((line) => kept.test(line)) ?? ''
    const [, first = '', second = ''] = kept.exec(said) ?? []
    for (const name of [first, second]) {
      const file = join(folder, '.remora/data', name)
      const rows = await tsharkFields(t, file, ['ip.addr', 'http.request.uri', 'tcp.flags.reset'])
      if (rows === undefined) return
      assert.ok(rows.every(([addresses]) => addresses?.includes(CART)))
      const paths = rows.flatMap(([, path]) => (path === undefined || path === '' ? [] : [path]))
      assert.deepEqual([...new Set(paths)], ['/before', '/crash'])
    }

    await until(async () => (await hub.alerts()).length > 0)
    const [alert] = await hub.alerts()
    assert.equal(alert?.title, 'shop/cart-1 crashes')
    const [, path = ''] =
      /exit code 1, packets in (crashes\/\S+\.pcap) on node-1$/.exec(alert?.text ?? '') ?? []
    assert.ok(existsSync(join(folder, '.remora/data', path)), alert?.text)
    assert.ok((alert?.entries.length ?? 0) > 0)

    await kubectl('delete', 'pod', 'cart-1', '--force', '--grace-period=0')
    await until(async () => (await linesOf(hub, 'hub')).some((line) => line.startsWith('DELETED cart-1')))
    await until(async () => (await linesOf(hub, 'node-1')).some((line) => /^gone, kept \d+/.test(line)))
    kube.put('cart-2', { ...runningPod('', PAY), status: { phase: 'Pending' } }, 'pods', 'shop')
    kube.put('cart-2', runningPod('node-1', PAY), 'pods', 'shop')
    await until(
      async () =>
        (await linesOf(hub, 'node-1')).some((line) => / cart-2 started /.test(line)) ||
        (await linesOf(hub, 'node-1')).some((line) => /^ADDED cart-2/.test(line)),
    )
    for (const program of [worker, hubProgram]) assert.equal(await program.stop(), 0, program.stderr)
  })
})

function runningPod(nodeName: string, podIP: string): object {
  return {
    spec: { nodeName, containers: [{ name: 'main', image: 'main:1' }] },
    status: {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      containerStatuses: [
        { name: 'main', restartCount: 0, ready: true, state: { running: {} }, lastState: {} },
      ],
    },
  }
}

/** What the agent has said there, oldest first. */
async function linesOf(hub: HubClient, node: string): Promise<string[]> {
  const lines = await hub.console({ last: 1000 })
  return lines
    .filter((line) => line.node === node && line.title === 'watches pods' && line.level === 'log')
    .map(({ text }) => text)
}

/** A real process that answers, and crashes when it is asked for `/crash`. */
async function startServer(t: TestContext, host: string) {
  const code = `require('http').createServer((q, r) => {
    if (q.url === '/crash') process.exit(1)
    r.end('hello')
  }).listen(0, '${host}', function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  return { port: Number(line), ended: once(child, 'exit').then(([exit]) => exit as number) }
}

/** The status; undefined when it broke off. */
function ask(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: CART, port, path, agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    request.on('error', () => resolve(undefined))
  })
}
