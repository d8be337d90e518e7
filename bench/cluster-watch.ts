/**
 * What it costs a hub to follow a cluster: pods and changes each second, from an API server in a process of its own over
 * HTTPS, through a real hub that is let in as a pod is, over NATS to a program that follows; what the informer of
 * @kubernetes/client-node takes for reading the same; and what each program is told when another hub begins to lead.
 *
 *     node bench/cluster-watch.ts [pods] [changes a second] [seconds]
 *
 * Needs nats-server, openssl, and root, for a service account where pods have theirs. Each change marks a pod with the time, so that it is known how old it is where it arrives.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { CoreV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node'
import type { Bus } from '../src/bus/bus.ts'
import { openNatsBus } from '../src/bus/nats.ts'
import { ClusterWatcher } from '../src/hub/cluster/watcher.ts'
import { KubernetesClient } from '../src/kubernetes/client.ts'
import { ClusterFollower } from '../src/node/cluster-follower.ts'
import { certificate } from '../src/testing/certificate.ts'
import { clusterNews } from '../src/wire/cluster.ts'
import { decode } from '../src/wire/codec.ts'
import { SUBJECTS } from '../src/wire/subjects.ts'
import { FakeKubernetes } from '../test/kube/fake-kubernetes.ts'
import { cpuMsOf, ended, machine, natsSettings, residentMb, startRealHub, whenTrue } from './real-hub.ts'

const MARK = 'remora.bench/at'
/** Later than that of the hub that is measured. */
const NEXT_TERM = 1_000_000
/** Puts the files of a service account where those of a pod are, for this program alone. */
const AS_IN_A_POD = `mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io &&
  cp -r "$0" /run/secrets/kubernetes.io/serviceaccount && exec "$@"`

const [role = '', ...numbers] = ['api', 'informer'].includes(process.argv[2] ?? '')
  ? process.argv.slice(2)
  : ['', ...process.argv.slice(2)]
if (role === 'api') await serve(Number(numbers[0]), Number(numbers[1]))
else if (role === 'informer') await inform(String(numbers[0]))
else await main(Number(numbers[0] ?? 10_000), Number(numbers[1] ?? 1000), Number(numbers[2] ?? 20))

async function main(pods: number, perSecond: number, seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
  const api = fork(import.meta.filename, ['api', String(pods), String(perSecond)])
  const [{ url, ca, bytes }] = (await once(api, 'message')) as [{ url: string; ca: string; bytes: number }]
  console.log(`${pods} pods of ${bytes} bytes, ${perSecond} changes a second; ${machine()}`)
  const kubeconfig = join(folder, 'config')
  writeFileSync(kubeconfig, JSON.stringify(configOf(url, ca)))
  for (const [name, text] of Object.entries({ 'ca.crt': ca, token: 'bench', namespace: 'default' }))
    writeFileSync(join(folder, name), text)
  try {
    const alone = await ofHub(folder, undefined)
    const ours = await ofHub(folder, { url, ca, api, pods, seconds })
    const theirs = await ofInformer(kubeconfig, api, seconds)
    say('hub without a cluster', alone)
    say('hub', ours)
    say('informer of @kubernetes/client-node', theirs)
    const [memory, cores] = [ours.memory / theirs.memory, ours.cores / theirs.cores]
    console.log(`ratio: ${memory.toFixed(2)} of the memory, ${cores.toFixed(2)} of the CPU time`)
  } finally {
    await ended(api, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Load {
  readonly url: string
  readonly ca: string
  readonly api: ChildProcess
  readonly pods: number
  readonly seconds: number
}

async function ofHub(account: string, load: Load | undefined) {
  const { hostname, port } = new URL(load?.url ?? 'https://localhost')
  const flags = process.env.HUB_FLAGS?.split(' ') ?? []
  const hub = await startRealHub({
    flags,
    settings: [`kubernetes.enabled=${load === undefined ? 'off' : 'on'}`],
    within: [
      ...[
        'unshare',
        '--mount',
        'env',
        `KUBERNETES_SERVICE_HOST=${hostname}`,
        `KUBERNETES_SERVICE_PORT=${port}`,
      ],
      ...['sh', '-c', AS_IN_A_POD, account],
    ],
  })
  const bus = await openNatsBus({ settings: natsSettings(hub.natsUrl) })
  const follower = new ClusterFollower({ bus, isOn: true, note: console.warn })
  try {
    if (load === undefined) return await under(hub.pid, undefined, 5)
    const measured = await whileFollowing(hub.pid, follower, load)
    const [first, next] = [await toldBy(0, bus, load), await toldBy(NEXT_TERM, bus, load)]
    console.log(
      `the first hub tells each program ${mib(first.bytes)} MiB within ${first.ms} ms, one that leads later ` +
        `${mib(next.bytes)} MiB (ratio ${(next.bytes / first.bytes).toFixed(2)}) within ${next.ms} ms`,
    )
    return measured
  } finally {
    await follower.close()
    await bus.close()
    await hub.close()
  }
}

async function whileFollowing(pid: number, follower: ClusterFollower, load: Load) {
  const { api, pods, seconds } = load
  const ages: number[] = []
  await whenTrue(() => follower.objects('pod').length === pods, 60_000)
  await setTimeout(2000)
  const idle = residentMb(pid)
  follower.onChanges((changes) => {
    if (changes.length === pods) return
    const now = Date.now()
    for (const { object } of changes) ages.push(now - Number(object.metadata.annotations[MARK]))
  })
  const measured = await under(pid, api, seconds)
  for (let before = -1; before < ages.length; await setTimeout(1000)) before = ages.length
  ages.sort((a, b) => a - b)
  const at = (share: number) => ages[Math.floor((ages.length - 1) * share)]
  console.log(
    `hub: ${idle.toFixed(0)} MiB with all pods and no changes; ${ages.length} changes arrived, ` +
      `half within ${at(0.5)} ms, 99 % within ${at(0.99)} ms`,
  )
  return measured
}

/** What each program gets from a hub that begins to lead, until all has been told. */
async function toldBy(term: number, bus: Bus, { url, ca }: Load) {
  let bytes = 0
  let isWhole = false
  const stop = bus.subscribe(SUBJECTS.clusterNews, (payload) => {
    const news = decode(clusterNews, payload)
    if (news?.term !== term) return
    bytes += payload.length
    isWhole ||= news.complete.includes('pod')
  })
  const client = new KubernetesClient({ url, ca, namespace: 'default', token: async () => 'bench' })
  const began = performance.now()
  const watcher = new ClusterWatcher({ client, namespaces: [], bus, term, note: () => {} })
  try {
    await whenTrue(() => isWhole, 60_000)
    const ms = Math.round(performance.now() - began)
    await setTimeout(2000)
    return { bytes, ms }
  } finally {
    stop()
    await watcher.close()
    await client.close()
  }
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

async function ofInformer(kubeconfig: string, api: ChildProcess, seconds: number) {
  const informer = fork(import.meta.filename, ['informer', kubeconfig])
  await once(informer, 'message')
  await setTimeout(2000)
  try {
    const measured = await under(informer.pid as number, api, seconds)
    informer.send('how many')
    console.log(`informer: ${await once(informer, 'message')} changes arrived`)
    return measured
  } finally {
    await ended(informer, 'SIGKILL')
  }
}

/** What a process takes while pods change. */
async function under(pid: number, api: ChildProcess | undefined, seconds: number) {
  api?.send('go')
  await setTimeout(2000)
  const [cpu, began] = [cpuMsOf(pid), performance.now()]
  let memory = 0
  while (performance.now() - began < seconds * 1000) {
    await setTimeout(100)
    memory = Math.max(memory, residentMb(pid))
  }
  const cores = (cpuMsOf(pid) - cpu) / (performance.now() - began)
  api?.send('stop')
  return { memory, cores }
}

function say(what: string, { memory, cores }: { readonly memory: number; readonly cores: number }): void {
  console.log(`${what}: ${memory.toFixed(0)} MiB at most, ${cores.toFixed(2)} of a core`)
}

/** The API server. */
async function serve(pods: number, perSecond: number): Promise<void> {
  const never = { after: () => {} }
  const { cert, key } = await certificate(never)
  const fake = await FakeKubernetes.start(never, { history: 10_000, tls: { cert, key }, host: 'localhost' })
  for (let at = 0; at < pods; at++) fake.put(nameOf(at), podOf(at, 0), 'pods', `ns-${at % 50}`)
  process.send?.({
    url: fake.url,
    ca: cert,
    bytes: JSON.stringify(fake.find(nameOf(1), 'pods', 'ns-1')).length,
  })
  let timer: NodeJS.Timeout | undefined
  let change = 0
  process.on('message', (said) => {
    clearInterval(timer)
    if (said !== 'go') return
    const [began, from] = [performance.now(), change]
    timer = setInterval(() => {
      const due = from + ((performance.now() - began) * perSecond) / 1000
      for (; change < due; change++) {
        const at = (change * 7919) % pods
        fake.put(nameOf(at), podOf(at, change), 'pods', `ns-${at % 50}`)
      }
    }, 10)
  })
}

async function inform(kubeconfig: string): Promise<void> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  const informer = makeInformer(config, '/api/v1/pods', () => core.listPodForAllNamespaces())
  let changes = 0
  informer.on('update', () => {
    changes++
  })
  process.on('message', () => process.send?.(changes))
  informer.on('error', (error) => console.warn('informer', String(error)))
  await informer.start()
  process.send?.(informer.list().length)
}

function nameOf(at: number): string {
  return `checkout-${(at * 2_654_435_761) % 4_294_967_296}-${at}`
}

/** As one of a deployment looks with one container. */
function podOf(at: number, change: number) {
  const ip = `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`
  const time = '2026-07-01T10:00:00Z'
  const container = 'a'.repeat(64)
  return {
    metadata: {
      labels: { app: 'checkout', 'pod-template-hash': '5d7f8c9b4', version: 'v3' },
      annotations: { 'prometheus.io/scrape': 'true', [MARK]: String(change === 0 ? 0 : Date.now()) },
      ownerReferences: [
        {
          ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'checkout-5d7f8c9b4' },
          ...{ uid: '0c1b2a39-4857-6675-8493-a2b1c0dfeecd', controller: true, blockOwnerDeletion: true },
        },
      ],
    },
    spec: {
      nodeName: `node-${at % 100}`,
      serviceAccountName: 'checkout',
      restartPolicy: 'Always',
      containers: [
        {
          ...{ name: 'main', image: 'registry.example.com/shop/checkout:3.14.1' },
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          env: [{ name: 'LOG_LEVEL', value: 'info' }],
          resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
          volumeMounts: [{ name: 'token', readOnly: true, mountPath: '/var/run/secrets/x' }],
        },
      ],
    },
    status: {
      ...{ phase: 'Running', podIP: ip, podIPs: [{ ip }], startTime: time, qosClass: 'Burstable' },
      ...{ hostIP: '192.168.0.1', hostIPs: [{ ip: '192.168.0.1' }] },
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        ...{ type, status: 'True', lastProbeTime: null, lastTransitionTime: time },
      })),
      containerStatuses: [
        {
          ...{ name: 'main', ready: true, started: true, restartCount: change % 3 },
          ...{ image: 'registry.example.com/shop/checkout:3.14.1', containerID: `containerd://${container}` },
          state: { running: { startedAt: time } },
          lastState: {},
        },
      ],
    },
  }
}

function configOf(server: string, ca: string) {
  const authority = Buffer.from(ca).toString('base64')
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'bench' },
    clusters: [{ name: 'bench', cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: 'bench', user: { token: 'bench' } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  }
}
