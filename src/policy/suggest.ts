import { type Flow, type FlowEnd, type FlowPod, type Labels, NAMESPACE_NAME } from './flow.ts'
import type { NetworkPolicy, Peer, PolicyPort, Selector } from './network-policy.ts'
import { aggregated, cidrText, type Network, networkText, readNetwork } from './networks.ts'

/** What traffic says that is needed. */
export interface Suggestion {
  /** Of pods: one for each workload. */
  readonly policies: readonly NetworkPolicy[]
  /** Of addresses that are no pods: who may connect to them. As `policy.apply` takes them. */
  readonly rules: readonly { readonly allow: AllowRule }[]
  /** For people: what could not be said, or is wider than the traffic. */
  readonly notes: readonly string[]
}

interface AllowRule {
  readonly to: string
  readonly from: string[]
  readonly ports?: string[]
}

export interface SuggestOptions {
  /** Networks of addresses outside of the cluster in one rule; more become fewer and larger ones. */
  readonly mostBlocks: number
}

/**
 * The fewest readable policies under which all of these connections could have been opened. A workload is held in the
 * directions in which something of it was seen; names of its resolver may always be asked for.
 */
export function suggest(
  flows: readonly Flow[],
  { mostBlocks }: SuggestOptions = { mostBlocks: 20 },
): Suggestion {
  const workloads = new Map<string, Workload>()
  const notes = new Set<string>()
  for (const flow of flows) {
    if (flow.to.pod !== undefined) note(flow.to.pod, 'Ingress', flow)
    if (flow.from.pod !== undefined) note(flow.from.pod, 'Egress', flow)
  }
  function note(pod: FlowPod, direction: Direction, flow: Flow) {
    const chosen = identifying(pod.labels)
    if (chosen === undefined) {
      notes.add(`${pod.namespace}/${pod.name} has no label that tells its workload: no policy for it`)
      return
    }
    const key = JSON.stringify([pod.namespace, chosen])
    const workload = workloads.get(key) ?? {
      namespace: pod.namespace,
      labels: chosen,
      Ingress: [],
      Egress: [],
    }
    workload[direction].push(flow)
    workloads.set(key, workload)
  }
  const sorted = [...workloads.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const plain = flows.filter(({ from, to }) => from.pod === undefined && to.pod === undefined)
  return {
    policies: named(sorted).map(([name, workload]) => policyFor(name, workload, mostBlocks, notes)),
    rules: rulesFor(plain, mostBlocks),
    notes: [...notes],
  }
}

/**
 * Labels that tell a workload from others, and are the same for all of its pods. The first that is there of those by which
 * charts name theirs; without one all that no controller has made. Undefined where that leaves nothing.
 */
export function identifying(labels: Labels): Labels | undefined {
  const key = BY_NAME.find((each) => (labels[each] ?? '') !== '')
  if (key !== undefined) return { [key]: labels[key] ?? '' }
  const lasting = Object.entries(labels).filter(([each]) => !OF_ONE_POD.has(each))
  return lasting.length === 0 ? undefined : Object.fromEntries(lasting.sort())
}

type Direction = 'Ingress' | 'Egress'

interface Workload {
  readonly namespace: string
  readonly labels: Labels
  readonly Ingress: Flow[]
  readonly Egress: Flow[]
}

interface Rule {
  readonly peers: Peer[]
  readonly ports: PolicyPort[]
}

const BY_NAME = ['app.kubernetes.io/name', 'app', 'k8s-app']

/** Another value for each pod, or for each roll-out. */
const OF_ONE_POD = new Set([
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'batch.kubernetes.io/job-completion-index',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'remora.internal/blocked',
])

/** The names of policies are of one namespace: where two would be the same, they are numbered. */
function named(workloads: readonly Workload[]): [string, Workload][] {
  const taken = new Set<string>()
  return workloads.map((workload) => {
    const base = nameOf(workload)
    let name = base
    for (let number = 2; taken.has(`${workload.namespace}/${name}`); number++) name = `${base}-${number}`
    taken.add(`${workload.namespace}/${name}`)
    return [name, workload]
  })
}

function nameOf({ labels }: Workload): string {
  const text = Object.values(labels).join('-').toLowerCase()
  const plain = text.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
  return plain === '' ? 'workload' : plain.slice(0, LONGEST_NAME).replace(/-+$/, '')
}

function policyFor(name: string, workload: Workload, mostBlocks: number, notes: Set<string>): NetworkPolicy {
  const { namespace, labels, Ingress, Egress } = workload
  const of = (flows: readonly Flow[], direction: Direction) =>
    rulesOf(flows, {
      namespace,
      direction,
      mostBlocks,
      say: (text) => notes.add(`${namespace}/${name}: ${text}`),
    })
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec: {
      podSelector: { matchLabels: { ...labels } },
      policyTypes: [
        ...(Ingress.length > 0 ? (['Ingress'] as const) : []),
        ...(Egress.length > 0 ? (['Egress'] as const) : []),
      ],
      ...(Ingress.length === 0
        ? {}
        : { ingress: of(Ingress, 'Ingress').map(({ peers, ports }) => ({ from: peers, ports })) }),
      ...(Egress.length === 0
        ? {}
        : {
            egress: [
              DNS,
              ...of(
                Egress.filter((flow) => !isDns(flow)),
                'Egress',
              ).map(({ peers, ports }) => ({ to: peers, ports })),
            ],
          }),
    },
  }
}

/** The resolver of a cluster: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
const DNS = {
  to: [
    {
      namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
} satisfies { to: Peer[]; ports: PolicyPort[] }

function isDns({ to: { pod }, port, protocol }: Flow): boolean {
  return (
    port === 53 &&
    (protocol === 'UDP' || protocol === 'TCP') &&
    pod?.namespaceLabels[NAMESPACE_NAME] === 'kube-system' &&
    pod.labels['k8s-app'] === 'kube-dns'
  )
}

interface RulesOptions {
  readonly namespace: string
  readonly direction: Direction
  readonly mostBlocks: number
  say(text: string): void
}

/** A rule for all peers that use the same ports. */
function rulesOf(flows: readonly Flow[], options: RulesOptions): Rule[] {
  const { namespace, direction, mostBlocks, say } = options
  const peers = new Map<string, { readonly peer: Peer; readonly ports: Set<string> }>()
  const outside = new Map<string, Set<string>>()
  for (const flow of flows) {
    const end = direction === 'Ingress' ? flow.from : flow.to
    const port = JSON.stringify(portOf(flow))
    if (end.pod === undefined) outside.set(end.address, (outside.get(end.address) ?? new Set()).add(port))
    else {
      const peer = peerOf(end.pod, namespace)
      const key = JSON.stringify(peer)
      const known = peers.get(key) ?? { peer, ports: new Set() }
      known.ports.add(port)
      peers.set(key, known)
    }
  }
  const rules = new Map<string, { peers: Peer[]; networks: Network[] }>()
  const ruleFor = (ports: ReadonlySet<string>) => {
    const key = JSON.stringify([...ports].sort())
    const rule = rules.get(key) ?? { peers: [], networks: [] }
    rules.set(key, rule)
    return rule
  }
  for (const { peer, ports } of peers.values()) ruleFor(ports).peers.push(peer)
  for (const [address, ports] of outside) ruleFor(ports).networks.push(...networksOf(address))
  return [...rules]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, { peers: pods, networks }]) => {
      const blocks = aggregated(networks, mostBlocks)
      if (blocks.length < networks.length)
        say(`${networks.length} addresses outside are written as ${blocks.length} networks`)
      const ports = (JSON.parse(key) as string[]).map((port) => JSON.parse(port) as PolicyPort)
      return {
        peers: [...pods.sort(inOrder), ...blocks.map((each) => ({ ipBlock: { cidr: cidrText(each) } }))],
        // Ports are of TCP, UDP and SCTP: for what is none of these a rule can only allow all.
        ports: ports.some(({ protocol }) => protocol === undefined) ? [] : ports.sort(byPort),
      }
    })
}

function portOf({ protocol, port }: Flow): PolicyPort {
  const known = PROTOCOLS.find((each) => each === protocol)
  if (known === undefined) return {}
  return port === 0 ? { protocol: known } : { protocol: known, port }
}

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const

function peerOf(pod: FlowPod, own: string): Peer {
  const labels = identifying(pod.labels)
  const podSelector: Selector | undefined = labels && { matchLabels: { ...labels } }
  if (pod.namespace === own) return { podSelector: podSelector ?? {} }
  const namespaceSelector = { matchLabels: { [NAMESPACE_NAME]: pod.namespace } }
  return podSelector === undefined ? { namespaceSelector } : { namespaceSelector, podSelector }
}

function inOrder(one: Peer, other: Peer): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
}

function byPort(one: PolicyPort, other: PolicyPort): number {
  return Number(one.port ?? 0) - Number(other.port ?? 0)
}

/** What has no pods: by whom each address was connected to, and where. */
function rulesFor(flows: readonly Flow[], mostBlocks: number): { allow: AllowRule }[] {
  const byTarget = new Map<
    string,
    { readonly to: string; readonly port: string; readonly from: Set<string> }
  >()
  for (const flow of flows) {
    if (isNear(flow)) continue
    const port = hostPortOf(flow)
    const key = `${flow.to.address} ${port}`
    const known = byTarget.get(key) ?? { to: flow.to.address, port, from: new Set() }
    known.from.add(flow.from.address)
    byTarget.set(key, known)
  }
  const rules = new Map<string, { to: string; from: string[]; ports: string[] }>()
  for (const { to, port, from } of byTarget.values()) {
    const sources = aggregated([...from].flatMap(networksOf), mostBlocks).map(networkText)
    const key = JSON.stringify([to, sources, port === ''])
    const rule = rules.get(key) ?? { to, from: sources, ports: [] }
    if (port !== '') rule.ports.push(port)
    rules.set(key, rule)
  }
  return [...rules.values()]
    .sort((one, other) => (one.to < other.to ? -1 : 1))
    .map(({ to, from, ports }) => ({
      allow: ports.length === 0 ? { to, from } : { to, from, ports: ports.sort() },
    }))
}

/** With itself, nothing keeps a machine from talking. */
function isNear({ from, to }: Flow): boolean {
  return from.address === to.address || isLoopback(from) || isLoopback(to)
}

function isLoopback({ address }: FlowEnd): boolean {
  return address.startsWith('127.') || address === '::1'
}

function hostPortOf({ protocol, port }: Flow): string {
  return PROTOCOLS.some((each) => each === protocol) && port > 0 ? `${protocol.toLowerCase()}/${port}` : ''
}

function networksOf(address: string): Network[] {
  const network = readNetwork(address)
  return network === undefined ? [] : [network]
}

const LONGEST_NAME = 60
