import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { join } from 'node:path'
import type { HubClient } from '../src/client/hub-client.ts'
import { Running } from '../src/testing/running.ts'
import { until } from '../src/testing/until.ts'
import { FakeKubernetes } from '../test/kube/fake-kubernetes.ts'
import { kubeconfigText } from '../test/kube/kubeconfig.ts'

type Whole = Parameters<typeof FakeKubernetes.start>[0]

/**
 * Remora on the loopback, in a small cluster whose pods are addresses of it and talk to each other, with agents that have put
 * policies in force.
 */
export async function startCluster(whole: Whole, folder: string): Promise<Running> {
  const kube = await FakeKubernetes.start(whole, {})
  for (const [name, ip] of Object.entries(NODES))
    kube.put(name, { status: { addresses: [{ type: 'InternalIP', address: ip }], conditions: [] } }, 'nodes')
  for (const each of PODS) kube.put(each[1], podOf(...each), 'pods', each[0])
  await startTraffic(whole)
  const agents = join(folder, 'agents')
  mkdirSync(agents, { recursive: true })
  for (const [name, code] of Object.entries(AGENTS)) writeFileSync(join(agents, `${name}.js`), code)
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigText({ shop: { url: kube.url } }))
  const settings = [`kubernetes.kubeconfig=${kubeconfig}`, 'scripting.allowEnforcement=true']
  const tap = new Running(whole, folder, [
    ...['tap', agents, '--interface', 'lo', '--filter', 'net 127.0.1.0/24', '--node-name', 'node-1'],
    ...settings.flatMap((each) => ['--set', each]),
  ])
  const client = await tap.client(whole)
  await until(async () => (await client.agents()).length === Object.keys(AGENTS).length)
  for (const { title } of await client.agents()) await client.updateAgent(title, { active: true })
  await until(
    async () => (await seen(client)) >= TALKS.length && (await client.policies()).policies.length >= 3,
  )
  return tap
}

async function seen(client: HubClient): Promise<number> {
  return (await client.targeting()).pods.filter((pod) => pod.seen).length
}

/** Requests between pods, as long as the pictures take. */
async function startTraffic(whole: Whole): Promise<void> {
  const asked = new Set(TALKS.map(([, to]) => to))
  for (const host of asked) {
    const server = createServer((_, reply) => reply.end('{"ok":true}')).listen(PORT, addressOf(host))
    await once(server, 'listening')
    whole.after(() => server.close())
  }
  const asking = setInterval(() => {
    for (const [from, to, path] of TALKS) {
      const request = { host: addressOf(to), port: PORT, path, localAddress: addressOf(from) }
      get(request, (reply) => reply.resume()).on('error', () => {})
    }
  }, 300)
  whole.after(() => clearInterval(asking))
}

const PORT = 8080
const NODES = { 'node-1': '10.0.0.1', 'node-2': '10.0.0.2' }
const PODS: readonly (readonly [
  namespace: string,
  name: string,
  node: keyof typeof NODES,
  ip: string,
  more?: 'ended' | 'host-network',
])[] = [
  ['batch', 'report-29388240-k8w4p', 'node-2', '127.0.1.30', 'ended'],
  ['batch', 'etl-0', 'node-1', '127.0.1.31'],
  ['kube-system', 'coredns-668d6bf9bc-q9x2v', 'node-1', '127.0.1.2'],
  ['kube-system', 'kube-proxy-7rjnz', 'node-1', '10.0.0.1', 'host-network'],
  ['kube-system', 'kube-proxy-m4d8c', 'node-2', '10.0.0.2', 'host-network'],
  ['shop', 'cart-7d9c5bf6d8-x2x1p', 'node-1', '127.0.1.10'],
  ['shop', 'cart-7d9c5bf6d8-zl6gm', 'node-2', '127.0.1.15'],
  ['shop', 'front-end-6b5f7c9d4-n8k2t', 'node-1', '127.0.1.11'],
  ['shop', 'price-5d5b8c7f6d-k9v7h', 'node-1', '127.0.1.12'],
  ['shop', 'payment-84c6d9b5f7-w5r2q', 'node-2', '127.0.1.13'],
  ['test', 'debug-toolbox', 'node-1', '127.0.1.14'],
]
const TALKS = [
  ['front-end-6b5f7c9d4-n8k2t', 'cart-7d9c5bf6d8-x2x1p', '/cart/17'],
  ['cart-7d9c5bf6d8-x2x1p', 'price-5d5b8c7f6d-k9v7h', '/price?id=1'],
  ['cart-7d9c5bf6d8-x2x1p', 'payment-84c6d9b5f7-w5r2q', '/pay'],
  ['etl-0', 'price-5d5b8c7f6d-k9v7h', '/all'],
  ['debug-toolbox', 'payment-84c6d9b5f7-w5r2q', '/admin'],
] as const

function addressOf(pod: string): string {
  return PODS.find(([, name]) => name === pod)?.[3] ?? ''
}

function podOf(_: string, name: string, nodeName: keyof typeof NODES, podIP: string, more?: string): object {
  return {
    metadata: { labels: { app: name.split('-')[0] } },
    spec: {
      nodeName,
      containers: [{ name: 'main', image: 'example' }],
      ...(more === 'host-network' ? { hostNetwork: true } : {}),
    },
    status: {
      phase: more === 'ended' ? 'Succeeded' : 'Running',
      hostIP: NODES[nodeName],
      podIP,
      podIPs: [{ ip: podIP }],
    },
  }
}

/** They put policies in force when the hub tells them of a pod. */
const AGENTS = {
  quarantine: `// Quarantine
function onPodEvent(event, pod) {
  if (event === 'ADDED' && utils.nodeName() === 'hub' && pod.metadata.name === 'debug-toolbox')
    policy.apply({ block: { pod: 'debug-toolbox', namespace: 'test' }, ttl: '30m', reason: 'asked payment for /admin' })
}
`,
  fences: `// Fences around payment
function onPodEvent(event, pod) {
  if (event !== 'ADDED' || utils.nodeName() !== 'hub') return
  if (pod.metadata.labels.app === 'payment') policy.apply({ policy: fence('payment', 'cart'), ttl: '8h', reason: 'cart alone pays' })
  if (pod.metadata.labels.app === 'price') policy.apply({ policy: fence('price', 'cart'), ttl: '2h', reason: 'etl reads prices of everybody' })
}

function fence(app, from) {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: app + '-from-' + from, namespace: 'shop' },
    spec: {
      podSelector: { matchLabels: { app: app } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: { app: from } } }], ports: [{ port: ${PORT} }] }]
    }
  }
}
`,
}
