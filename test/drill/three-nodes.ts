import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { CoreV1Api, DiscoveryV1Api, KubeConfig } from '@kubernetes/client-node'
import type { HubClient } from '../../src/client/hub-client.ts'
import { openHubClient } from '../../src/client/open-hub-client.ts'
import { REPOSITORY } from '../../src/testing/remora.ts'
import { RECEIVER, TICKER } from '../chaos/agents.ts'
import { actionsOf, printed, runsOf } from '../chaos/books.ts'
import { Supervised } from '../chaos/supervised.ts'
import { NAMES, SENDER } from './agents.ts'
import { Kubelet, type PodWanted } from './kubelet.ts'
import { Lab } from './lab.ts'

/**
 * Three nodes with pods, two hubs, NATS and an API server, each on a machine of its own, and what happens to a cluster in a year, in
 * some minutes. Needs root, iproute2, nftables, nginx and nats-server. Ends with 1 when something is not as it is promised.
 *
 *     node test/drill/three-nodes.ts [--rate 2000] [--churn 100] [--seconds 60]
 */
const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000', short: 'r' },
    churn: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
  },
})
const RATE = Number(values.rate)
const CHURN = Number(values.churn)
const SECONDS = Number(values.seconds)

const CONTROL = '10.60.0.100'
const NATS = `nats://${CONTROL}:4222`
const NODES = ['node-1', 'node-2', 'node-3'] as const
const TOKEN = 'the-token-of-this-drill'
const SERVICE = '10.62.0.10'

interface Bar {
  readonly what: string
  readonly figures: string
  readonly holds: boolean
}

class Drill {
  readonly #folder = mkdtempSync(join(tmpdir(), 'remora-drill-'))
  readonly #lab = new Lab('drill')
  readonly #bars: Bar[] = []
  readonly #hubs: Supervised[] = []
  readonly #workers: Supervised[] = []
  readonly #clients: HubClient[] = []
  readonly #pods = new Map<string, PodWanted>()
  #kubelet: Kubelet | undefined
  #core: CoreV1Api | undefined
  #scripts: Supervised | undefined
  #made = 0

  async run(): Promise<boolean> {
    try {
      const began = performance.now()
      await this.#buildCluster()
      await this.#startRemora()
      await this.#firstEntry(began)
      await this.#once()
      await this.#names()
      await this.#upgrade()
      await this.#cutOff()
      await this.#lostConfigMap()
    } finally {
      for (const program of [this.#scripts, ...this.#workers, ...this.#hubs]) await program?.destroy()
      for (const client of this.#clients) await client.close()
      this.#lab.destroy()
      rmSync(this.#folder, { recursive: true, force: true })
    }
    return this.#bars.every(({ holds }) => holds)
  }

  async #buildCluster(): Promise<void> {
    const lab = this.#lab
    lab.machine('control', CONTROL)
    const kubeconfig = join(this.#folder, 'kubeconfig')
    lab.start('control', [
      'nats-server',
      '-a',
      CONTROL,
      '-p',
      '4222',
      '-js',
      '-sd',
      join(this.#folder, 'nats'),
    ])
    lab.start('control', [
      ...[process.execPath, join(REPOSITORY, 'test/kube/main.ts')],
      ...['--host', CONTROL, '--port', '6443', '--kubeconfig', kubeconfig, '--tls'],
    ])
    await until('the API server is there', () => readFileSync(kubeconfig, 'utf8') !== '')
    const access = new KubeConfig()
    access.loadFromFile(kubeconfig)
    this.#core = access.makeApiClient(CoreV1Api)
    const core = this.#core
    await until('the API server answers', () => core.listNamespace().then(() => true))
    const kubelet = new Kubelet(lab, core, this.#folder)
    this.#kubelet = kubelet
    for (const [at, node] of NODES.entries()) {
      lab.machine(node, address(at))
      await kubelet.addNode(node, address(at), `10.61.${at + 1}.0/24`)
    }
    for (const at of NODES.keys())
      lab.route(
        `10.61.${at + 1}.0/24`,
        address(at),
        NODES.filter((_, other) => other !== at),
      )
    for (const name of ['shop', 'remora'])
      await core.createNamespace({ body: { metadata: { name } } }).catch(unlessThere)
    await this.#serve()
    await this.#service(access)
  }

  /** Five servers on each node. */
  async #serve(): Promise<void> {
    for (const [at, node] of NODES.entries())
      for (const n of [10, 11, 12, 13, 14]) await this.#replace(`10.61.${at + 1}.${n}`, node, 'price')
  }

  /** A server at this address, in place of the one that is there. */
  async #replace(podAddress: string, node: string, app: string): Promise<void> {
    const before = this.#pods.get(podAddress)
    if (before !== undefined) await this.#kubelet?.remove(before)
    const name = `${app}-${++this.#made}`
    const pod = { name, namespace: 'shop', node, address: podAddress, labels: { app } }
    this.#pods.set(podAddress, pod)
    await this.#kubelet?.runServer(pod)
  }

  /** A service whose address every node translates, as kube-proxy does. */
  async #service(access: KubeConfig): Promise<void> {
    const backends = ['10.61.1.11', '10.61.2.11']
    await this.#core?.createNamespacedService({
      namespace: 'shop',
      body: {
        metadata: { name: 'price' },
        spec: {
          clusterIP: SERVICE,
          clusterIPs: [SERVICE],
          ports: [{ name: 'http', port: 80, targetPort: 80 }],
        },
      },
    })
    await access.makeApiClient(DiscoveryV1Api).createNamespacedEndpointSlice({
      namespace: 'shop',
      body: {
        metadata: { name: 'price-1', labels: { 'kubernetes.io/service-name': 'price' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
        endpoints: backends.map((each) => ({ addresses: [each], conditions: { ready: true } })),
      },
    })
    const to = `dnat to numgen inc mod 2 map { 0 : ${backends[0]}, 1 : ${backends[1]} }`
    const rules = `table ip proxy {
  chain pre {
    type nat hook prerouting priority dstnat;
    ip daddr ${SERVICE} ${to}
  }
}
`
    writeFileSync(join(this.#folder, 'proxy.nft'), rules)
    for (const node of NODES) this.#lab.run(node, 'nft', '-f', join(this.#folder, 'proxy.nft'))
  }

  async #startRemora(): Promise<void> {
    const kubernetes = ['kubernetes.enabled=on', `kubernetes.kubeconfig=${join(this.#folder, 'kubeconfig')}`]
    const release = ['tap.release.namespace=remora', 'logLevel=info']
    for (const [at, front] of [8899, 8898].entries()) {
      const name = `hub-${at + 1}`
      const path = join(this.#folder, `${name}.yaml`)
      writeFileSync(
        path,
        JSON.stringify({ hub: { tokens: [{ name: 'drill', role: 'admin', token: TOKEN }] } }),
      )
      const settings = [
        ...[
          'hub.store=configmap',
          'tap.proxy.host=0.0.0.0',
          `tap.proxy.front.port=${front}`,
          'hub.metricsPort=0',
        ],
        ...[...kubernetes, ...release],
      ]
      const args = ['hub', '--nats', NATS, '--config-path', path, ...setOf(settings)]
      this.#hubs.push(this.#program(name, 'control', args))
      this.#clients.push(openHubClient({ url: `http://${CONTROL}:${front}`, token: TOKEN }))
    }
    for (const node of NODES)
      this.#workers.push(
        this.#program(node, node, [
          ...['worker', '--nats', NATS, '--interface', 'any', '--node-name', node],
          ...setOf(release),
        ]),
      )
    const agents = join(this.#folder, 'agents')
    mkdirSync(agents)
    const codes = { sender: SENDER, receiver: RECEIVER, ticker: TICKER, names: NAMES }
    for (const [name, code] of Object.entries(codes)) writeFileSync(join(agents, `${name}.js`), code)
    const hub = ['--hub-url', `http://${CONTROL}:8899`, '--token', TOKEN]
    this.#scripts = this.#program('scripts', 'control', [
      ...['scripts', ...hub, '--activate', '--set', `scripting.source=${agents}`],
    ])
    for (const program of [...this.#hubs, ...this.#workers, this.#scripts]) program.start()
  }

  async #firstEntry(began: number): Promise<void> {
    await this.#call('first', 'node-1', 30, 'close', ['http://10.61.2.10'])
    await until(
      'an entry with names has come to an agent',
      async () => (await this.#counter('named')) > 0,
      () => this.#tails(),
    )
    const seconds = (performance.now() - began) / 1000
    this.#bar(
      'from nothing to the first entry with names',
      `${seconds.toFixed(1)} s, 30 allowed`,
      seconds <= 30,
    )
    await this.#untilWell()
    await this.#removeCallers()
    await setTimeout(SETTLE_MS)
  }

  /** Every packet between nodes is seen on four interfaces, and by two workers. */
  async #once(): Promise<void> {
    const before = await this.#figures()
    const urls = NODES.map((_, at) => `http://10.61.${at + 1}.11`)
    const callers: Caller[] = []
    for (const node of NODES)
      callers.push(
        await this.#call(`o-${node}`, node, 50, 'keep', [...urls, `http://${SERVICE}`], { most: 600 }),
      )
    await until('all calls are answered', () => callers.every(({ finished }) => finished === 600))
    await setTimeout(SETTLE_MS)
    const entries = (await this.#figures()).compared - before.compared
    this.#bar('each request is one entry', `${entries} entries of 1800 requests`, entries === 1800)
    await this.#removeCallers()
  }

  /** Pods are replaced all the time, and the next one has the address of the one before. */
  async #names(): Promise<void> {
    const servers = [...this.#pods.values()].filter(
      ({ address: each, labels }) => labels?.app === 'price' && !each.endsWith('.11'),
    )
    const urls = servers.map(({ address: each }) => `http://${each}`)
    for (const node of NODES) await this.#call(`c-${node}`, node, 40, 'close', [...urls, `http://${SERVICE}`])
    const before = await this.#figures()
    const end = performance.now() + SECONDS * 1000
    let replaced = 0
    for (let next = performance.now(); performance.now() < end; next += 60_000 / CHURN) {
      await setTimeout(Math.max(0, next - performance.now()))
      const { address: each, node } = servers[replaced % servers.length] as PodWanted
      await this.#replace(each, node, 'price')
      // Callers come and go as well, with the address of the one before.
      if (replaced % 2 === 0)
        await this.#call(`b-${replaced}`, node, 20, 'close', urls, {
          address: `10.61.${NODES.indexOf(node as never) + 1}.30`,
        })
      replaced++
    }
    await setTimeout(SETTLE_MS)
    const after = await this.#figures()
    const [compared, named, wrong] = [
      after.compared - before.compared,
      after.named - before.named,
      after.wrong - before.wrong,
    ]
    const share = (100 * named) / compared
    this.#bar(
      `names while ${replaced} pods were replaced in ${SECONDS} s`,
      `${named} of ${compared} entries have both (${share.toFixed(2)} %), ${wrong} wrong`,
      compared > 1000 && share >= 99 && wrong === 0,
    )
    await this.#tell(/wrong|lacking/)
    await this.#removeCallers()
  }

  async #upgrade(): Promise<void> {
    const servers = NODES.map((_, at) => `http://10.61.${at + 1}.10`)
    const callers = await Promise.all(
      NODES.map((node) => this.#call(`load-${node}`, node, RATE / NODES.length, 'keep', servers)),
    )
    await setTimeout(5000)
    const agents = await this.#client.agents()
    for (const program of [...this.#workers, ...this.#hubs]) {
      await program.stop()
      program.start()
      await this.#untilWell()
      await setTimeout(2000)
    }
    const after = await this.#client.agents()
    const kept = agents.every(({ id, version }) =>
      after.some((each) => each.id === id && each.version === version),
    )
    const rates = callers.map((caller) => caller.perSecond())
    await this.#books('a rolling upgrade', kept, `${Math.round(rates.reduce((a, b) => a + b, 0))} requests/s`)
    await this.#removeCallers()
  }

  async #cutOff(): Promise<void> {
    await this.#call('inside', 'node-3', 200, 'keep', ['http://10.61.3.10'])
    await setTimeout(2000)
    this.#lab.cut('node-3', true)
    await setTimeout(CUT_MS)
    const sentBefore = this.#sent('node-3').length
    this.#lab.cut('node-3', false)
    await this.#untilWell()
    const went = sentBefore > 0
    await this.#books(`a node that was cut off for ${CUT_MS / 1000} s`, went, `${sentBefore} actions by then`)
  }

  async #lostConfigMap(): Promise<void> {
    const [name, namespace] = ['remora-config-map', 'remora']
    await this.#core?.deleteNamespacedConfigMap({ name, namespace })
    const began = performance.now()
    await until('the config map is there again with all agents', async () => {
      const map = await this.#core?.readNamespacedConfigMap({ name, namespace }).catch(() => undefined)
      const scripts = JSON.parse(map?.data?.SCRIPTING_SCRIPTS ?? '{}') as object
      return Object.keys(scripts).length === 4
    })
    await this.#untilWell()
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    this.#bar('the config map was deleted', `restored and all agents running after ${seconds} s`, true)
  }

  /** No action that was accepted is lost or twice, and no run of the job is. */
  async #books(what: string, more: boolean, figures: string): Promise<void> {
    await this.#client.updateAgent('Sender', { active: false })
    const lost = async () => {
      const lines = await printed(NATS)
      return NODES.flatMap((node) => actionsOf(node, this.#sent(node), lines).lost)
    }
    await until('all actions have arrived', async () => (await lost()).length === 0).catch(() => {})
    const lines = await printed(NATS)
    const books = NODES.map((node) => actionsOf(node, this.#sent(node), lines))
    const sum = (of: (each: (typeof books)[number]) => number) =>
      books.reduce((all, each) => all + of(each), 0)
    const [accepted, missing, doubled] = [
      sum((each) => each.accepted),
      sum((each) => each.lost.length),
      sum((each) => each.doubled.length),
    ]
    const jobs = runsOf(lines)
    this.#bar(
      what,
      `${figures}; ${accepted} actions accepted, ${missing} lost, ${doubled} twice; ${jobs.runs} runs of the job, ${jobs.skipped.length} skipped, ${jobs.doubled.length} twice`,
      more &&
        accepted > 0 &&
        missing === 0 &&
        doubled === 0 &&
        jobs.skipped.length === 0 &&
        jobs.doubled.length === 0,
    )
    await this.#client.updateAgent('Sender', { active: true })
    await this.#untilWell()
  }

  /** A pod that calls these. */
  async #call(
    app: string,
    node: string,
    perSecond: number,
    connections: 'keep' | 'close',
    urls: readonly string[],
    options: { readonly address?: string; readonly most?: number } = {},
  ): Promise<Caller> {
    const key = `caller ${options.address ?? app}`
    const before = this.#pods.get(key)
    if (before !== undefined) await this.#remove(key, before)
    const name = `${app}-${++this.#made}`
    const where = options.address ?? `10.61.${NODES.indexOf(node as never) + 1}.${100 + (this.#made % 100)}`
    const pod = { name, namespace: 'shop', node, address: where, labels: { app } }
    this.#pods.set(key, pod)
    const command = [process.execPath, join(REPOSITORY, 'test/drill/caller.ts')]
    const arguments_ = [`shop/${name}`, String(perSecond), String(options.most ?? 0), connections, ...urls]
    const child = await this.#kubelet?.runProgram(pod, [...command, ...arguments_])
    return new Caller(child?.stdout ?? null)
  }

  async #removeCallers(): Promise<void> {
    for (const [key, pod] of this.#pods) if (key.startsWith('caller')) await this.#remove(key, pod)
  }

  async #remove(key: string, pod: PodWanted): Promise<void> {
    this.#pods.delete(key)
    await this.#kubelet?.remove(pod)
  }

  #program(name: string, machine: string, args: readonly string[]): Supervised {
    const folder = join(this.#folder, name)
    return new Supervised({ name, folder, args, metricsPort: 0, within: this.#lab.into(machine) })
  }

  #sent(node: string): string[] {
    try {
      const path = join(this.#folder, node, '.remora/data/sent')
      return readFileSync(path, 'utf8').split('\n').slice(0, -1)
    } catch {
      return []
    }
  }

  get #client(): HubClient {
    return this.#clients[0] as HubClient
  }

  async #figures() {
    const [compared, named, wrong] = await Promise.all(
      ['compared', 'named', 'wrong'].map((name) => this.#counter(name)),
    )
    return { compared: compared ?? 0, named: named ?? 0, wrong: wrong ?? 0 }
  }

  async #counter(name: string): Promise<number> {
    const reply = await fetch(`http://${CONTROL}:8899/api/v1/shared`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    }).catch(() => undefined)
    if (reply?.ok !== true) return 0
    const shared = (await reply.json()) as { readonly name: string; readonly value: unknown }[]
    return Number(shared.find((each) => each.name === name)?.value ?? 0)
  }

  /** Until every node runs every agent, by what both hubs say. */
  async #untilWell(): Promise<void> {
    let lacks = ''
    await until(
      'all nodes run all agents',
      async () => {
        for (const client of this.#clients) {
          const nodes = await client.nodes().catch(() => [])
          lacks = NODES.filter((node) => {
            const seen = nodes.find((each) => each.node === node && each.silentMs < 4000)
            return (seen?.agents.filter(({ state }) => state === 'running').length ?? 0) < 4
          }).join()
          if (lacks === '' && nodes.filter(({ component }) => component === 'hub').length < 2) lacks = 'a hub'
          if (lacks !== '') return false
        }
        return true
      },
      () => `${lacks}\n${this.#tails()}`,
    )
  }

  async #tell(text: RegExp): Promise<void> {
    const lines = await this.#client.console({ last: 2000 })
    for (const line of lines.filter((each) => text.test(each.text)).slice(0, 20))
      process.stdout.write(`    ${line.node}: ${line.text}\n`)
  }

  #tails(): string {
    return [...this.#hubs, ...this.#workers, this.#scripts]
      .map((each) => `--- ${each?.name}\n${each?.said.trim().split('\n').slice(-10).join('\n')}`)
      .join('\n')
  }

  #bar(what: string, figures: string, holds: boolean): void {
    this.#bars.push({ what, figures, holds })
    process.stdout.write(`${holds ? 'holds' : 'FAILS'}  ${what}: ${figures}\n`)
  }
}

/** What a caller prints. */
class Caller {
  #last = { sent: 0, answered: 0, failed: 0 }
  #seconds = 0

  constructor(output: NodeJS.ReadableStream | null) {
    output?.on('data', (chunk: Buffer) => {
      const line = chunk.toString().trim().split('\n').at(-1) ?? ''
      if (!line.startsWith('{')) return
      this.#last = JSON.parse(line)
      this.#seconds++
    })
  }

  /** Requests that were answered. */
  get finished(): number {
    return this.#last.answered
  }

  /** Replies, since it began. */
  perSecond(): number {
    return this.#last.answered / Math.max(this.#seconds, 1)
  }
}

function address(at: number): string {
  return `10.60.0.${at + 1}`
}

function setOf(settings: readonly string[]): string[] {
  return settings.flatMap((each) => ['--set', each])
}

function unlessThere(error: { readonly code?: unknown }): void {
  if (error.code !== 409) throw error
}

async function until(what: string, holds: () => unknown, more: () => string = () => ''): Promise<void> {
  let why: unknown
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await setTimeout(100))
    try {
      if (await holds()) return
    } catch (error) {
      why = error
    }
  throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what} ${why ?? ''} ${more()}`)
}

const PATIENCE_MS = 60_000
const SETTLE_MS = 5000
const CUT_MS = 20_000

process.exitCode = (await new Drill().run()) ? 0 : 1
