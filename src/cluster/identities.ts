import type { Identity, Workload } from '../entry/identity.ts'
import { KubernetesObject } from '../entry/kubernetes-object.ts'
import type { Protocol } from '../entry/protocol.ts'
import { AddressTable, type Claim, Claims, LATENCY_MS, Past } from './address-table.ts'
import type { Holding } from './holders.ts'
import { canonicalAddress, Networks, neighbourhoodOf, PRIVATE_NETWORKS } from './networks.ts'
import { NodeClocks } from './node-clocks.ts'
import type { ClusterNode, EndpointSlice, KnownChange, Pod, Service } from './objects.ts'
import { podLife, timeOf } from './pod-life.ts'
import { workloadOf } from './workload.ts'

export interface IdentityLimits {
  /** How long is remembered who had an address, ms: at least as long as entries are kept. */
  readonly keepMs: number
  /** Of those who have theirs no more, so many are remembered. */
  readonly mostPast: number
}

/** Who has begun to have an address. */
export interface NamedSince {
  /** ms since the epoch. */
  readonly since: number
  /** Address, or address:port: of several protocols each by itself. */
  readonly address: string
  readonly name: string
  readonly namespace: string
}

type Layer4 = Protocol['layer4']

/**
 * Who has which address in a cluster, and who had it before. The order is that of trust: the exact address and port of a service
 * goes before the address of a pod, and that before the address of a node (agent-api §5.2). Where two may have had an address at
 * the time that is asked about, nobody is named.
 *
 * https://kubernetes.io/docs/concepts/services-networking/service/
 */
export class Identities {
  readonly #known = new Map<string, Known>()
  readonly #past: Past
  /** By the address, port and protocol of a service, which several may share but for one of these … */
  readonly #services = new AddressTable<KnownService>()
  /** … those behind it … */
  readonly #endpoints = new AddressTable<Endpoint>()
  /** … and pods that have a port of their node. */
  readonly #hostPorts = new AddressTable<KnownPod>()
  /** By the number alone: they are open on every node. */
  readonly #nodePorts = new AddressTable<KnownService>()
  readonly #pods = new AddressTable<KnownPod>()
  readonly #clusterIps = new AddressTable<KnownService>()
  readonly #nodes = new AddressTable<KnownNode>()
  readonly #podsByUid = new Map<string, KnownPod>()
  readonly #clocks = new NodeClocks()
  /** Their pods are told of for a while, and another node may have their network already. */
  readonly #goneNodes = new Set<string>()
  /** How many pods have an address in a network, lately. */
  readonly #neighbourhoods = new Map<string, number>()
  #networks: Networks | undefined
  /** Number of the change. */
  #turn = 0

  constructor({ keepMs, mostPast }: IdentityLimits) {
    this.#past = new Past(keepMs, mostPast)
  }

  /** Objects that are there. */
  get size(): number {
    return this.#known.size
  }

  /** Holders of addresses that had to be forgotten before their time. */
  get forgotten(): number {
    return this.#past.forgotten
  }

  /** Changes in the order in which they were told. */
  apply(change: KnownChange): void {
    const { kind, type, at, object } = change
    const { uid, namespace, name } = object.metadata
    const key = `${kind} ${namespace}/${name}`
    const before = this.#known.get(key)
    this.#turn++
    if (before !== undefined && before.uid !== uid) this.#end(key, before, at)
    const known = before?.uid === uid ? before : this.#begin(key, change)
    this.#update(known, change, known === before ? at - LATENCY_MS : known.begin)
    // What was told last of it says how it ended.
    if (type === 'DELETED') this.#end(key, known, at)
    this.#past.advance(at)
  }

  /** Who had an address and port at a time in ms since the epoch. */
  find(address: string, port: string, atMs: number, layer4: Layer4 = 'tcp'): Identity | undefined {
    const ip = plain(address)
    return this.#findExact(ip, `${port}/${layer4}`, atMs) ?? this.#findAddress(ip, atMs)
  }

  /** The pod with a uid, whatever addresses it has. */
  podOf(uid: string): Identity | undefined {
    const pod = this.#podsByUid.get(uid)
    return pod === undefined ? undefined : identityOfPod(pod, 'ip')
  }

  /**
   * Whether more may become known of who had an address then: it is in the networks of the cluster and nobody is known to have had
   * it, or who had it gave it up about then, or is about to.
   */
  mayChange(address: string, port: string, atMs: number, layer4: Layer4 = 'tcp'): boolean {
    const ip = plain(address)
    const holding = this.#pods.get(ip)?.only(atMs)
    if (holding !== undefined)
      return atMs >= holding.endLow || (holding.endHigh === Infinity && this.#isEnding(holding.who))
    return this.isOfPods(ip) && this.find(ip, port, atMs, layer4) === undefined
  }

  #isEnding({ isEnding, nodeName }: KnownPod): boolean {
    return isEnding || this.#goneNodes.has(nodeName)
  }

  /** Since when the last pod that had an address has it, or has it no more, ms; undefined where none is known. */
  changedAt(address: string): number | undefined {
    const last = this.#pods.get(plain(address))?.last
    return last === undefined || last.endHigh === Infinity ? last?.begin : last.endLow
  }

  /** Whether an address is one that pods have, or may have. */
  isOfPods(address: string): boolean {
    if (this.#known.size === 0) return false
    const ip = plain(address)
    if (this.#pods.get(ip) !== undefined || this.#neighbourhoods.has(neighbourhoodOf(ip))) return true
    const told = this.#networksOfPods()
    return (told.size > 0 ? told : PRIVATE).has(ip)
  }

  /** Whether a pod has had it, or a node says that its pods may: beside those it may be that of a database in the same network. */
  isCertainlyOfPods(address: string): boolean {
    const ip = plain(address)
    return this.#pods.get(ip) !== undefined || this.#networksOfPods().has(ip)
  }

  /** Who has which address since when, as far back as that is remembered, in no order. */
  *history(): Iterable<NamedSince> {
    for (const table of [this.#nodes, this.#clusterIps, this.#pods, this.#services, this.#hostPorts])
      for (const [key, holders] of table)
        for (const { who, begin } of holders)
          yield { since: begin, address: withoutLayer4(key), name: who.name, namespace: who.namespace }
    for (const [key, holders] of this.#endpoints)
      for (const { who, begin } of holders) {
        const since = Math.max(begin, this.#podsByUid.get(who.pod)?.begin ?? 0)
        yield { since, address: withoutLayer4(key), name: who.slice.service, namespace: who.slice.namespace }
      }
  }

  #findExact(ip: string, port: string, atMs: number): Identity | undefined {
    const key = `${ip}:${port}`
    const service = this.#services.get(key)?.only(atMs)?.who
    if (service !== undefined) return identityOfService(service, 'ip-and-port')
    const isNode = this.#nodes.get(ip)?.only(atMs) !== undefined
    const open = isNode ? this.#nodePorts.get(port)?.only(atMs)?.who : undefined
    if (open !== undefined) return identityOfService(open, 'ip-and-port')
    const endpoint = this.#endpointAt(ip, key, atMs)
    if (endpoint !== undefined) return this.#identityOfEndpoint(endpoint, ip, atMs)
    const [pod, ...others] = this.#hostPorts.get(key)?.all(atMs) ?? []
    return pod === undefined || others.length > 0 ? undefined : identityOfPod(pod.who, 'ip-and-port')
  }

  #findAddress(ip: string, atMs: number): Identity | undefined {
    const pod = this.#pods.get(ip)?.only(atMs)?.who
    if (pod !== undefined) return identityOfPod(pod, 'ip')
    const service = this.#clusterIps.get(ip)?.only(atMs)?.who
    if (service !== undefined) return identityOfService(service, 'ip')
    const node = this.#nodes.get(ip)?.only(atMs)?.who
    return node === undefined ? undefined : identityOfNode(node)
  }

  /** Several services may have the same pods behind them: the one that has an address, and is older, goes first. */
  #endpointAt(ip: string, key: string, atMs: number): Endpoint | undefined {
    const found = this.#endpoints.get(key)?.all(atMs)
    if (found === undefined) return undefined
    const holders = this.#pods.get(ip)?.all(atMs) ?? []
    const holder = this.#pods.get(ip)?.only(atMs)?.who
    const there: Endpoint[] = []
    for (const { who } of found)
      if (there.length < MOST_SERVICES && this.#wasAt(who, atMs, holders, holder)) there.push(who)
    if (there.length < 2) return there[0]
    const weight = ({ slice }: Endpoint) => (this.#serviceOf(slice)?.hasAddress === true ? 0 : 1)
    const inOrder = (a: Endpoint, b: Endpoint) =>
      weight(a) - weight(b) ||
      a.slice.begin - b.slice.begin ||
      (a.slice.service < b.slice.service ? -1 : a.slice.service > b.slice.service ? 1 : 0)
    return there.sort(inOrder)[0]
  }

  /**
   * Whether the pod of an endpoint had its address then; where none is told, whether no pod had it. Anybody may write slices in a
   * namespace of theirs, so that those say nothing of pods of others.
   */
  #wasAt(
    { pod: uid, slice }: Endpoint,
    atMs: number,
    holders: readonly Holding<KnownPod>[],
    holder: KnownPod | undefined,
  ): boolean {
    if (uid === '') return holders.every(({ who }) => who.namespace === slice.namespace)
    const pod = this.#podsByUid.get(uid)
    if (pod === undefined || pod.namespace !== slice.namespace) return false
    return pod.isOnHost ? pod.begin <= atMs && atMs < pod.end : holder === pod
  }

  #serviceOf({ namespace, service }: KnownSlice): KnownService | undefined {
    const known = this.#known.get(`service ${namespace}/${service}`)
    return known?.kind === 'service' ? known : undefined
  }

  #identityOfEndpoint({ slice, pod: uid }: Endpoint, ip: string, atMs: number): Identity {
    const pod = uid === '' ? this.#pods.get(ip)?.only(atMs)?.who : this.#podsByUid.get(uid)
    return {
      name: slice.service,
      namespace: slice.namespace,
      mechanism: 'ip-and-port',
      pod: pod?.json ?? null,
      service: this.#serviceOf(slice)?.json ?? null,
      endpointSlice: slice.json,
      workload: pod?.workload ?? null,
      nodeName: pod?.nodeName ?? '',
    }
  }

  #begin(key: string, change: KnownChange): Known {
    const known = this.#make(change)
    this.#known.set(key, known)
    if (known.kind === 'pod') this.#podsByUid.set(known.uid, known)
    if (known.kind === 'node') this.#goneNodes.delete(known.name)
    return known
  }

  #make({ kind, object: { metadata }, at }: KnownChange): Known {
    const { name, namespace, uid } = metadata
    const json = new KubernetesObject({ metadata }, 'other')
    const begin = Math.min(timeOf(metadata.creationTimestamp)?.low ?? at, at)
    const base = { name, namespace, uid, json, begin }
    const claims = <Who>(table: AddressTable<Who>) => new Claims(table, this.#past)
    if (kind === 'pod')
      return {
        ...{ turn: this.#turn, toldAt: at, gone: STILL_THERE, notBegunAt: -Infinity, saidBegin: undefined },
        ...{ first: new Set<string>(), lastAt: at },
        ...{ ...base, kind, end: Infinity, isOnHost: false, isEnding: false, nodeName: '', workload: null },
        ...{ addresses: claims(this.#pods), hostPorts: claims(this.#hostPorts), networks: new Set<string>() },
      }
    if (kind === 'service')
      return {
        ...{ ...base, kind, hasAddress: false },
        ...{ exact: claims(this.#services), addresses: claims(this.#clusterIps) },
        nodePorts: claims(this.#nodePorts),
      }
    if (kind === 'endpointSlice') return { ...base, kind, service: '', exact: claims(this.#endpoints) }
    return { ...base, kind, networks: [], addresses: claims(this.#nodes) }
  }

  /** What it has now and had not before, it has since `since`. */
  #update(known: Known, { object, at }: KnownChange, since: number): void {
    known.json = new KubernetesObject(object, known.kind === 'pod' ? 'pod' : 'other')
    // Both are of the same kind: the key says so.
    if (known.kind === 'pod') this.#updatePod(known, object as Pod, at)
    else if (known.kind === 'service') updateService(known, object as Service, since, at)
    else if (known.kind === 'endpointSlice') updateSlice(known, object as EndpointSlice, since, at)
    else this.#updateNode(known, object as ClusterNode, since, at)
  }

  #updatePod(pod: KnownPod, object: Pod, at: number): void {
    const { spec, status, metadata } = object
    this.#compareClocks(pod, object, at)
    const life = podLife(object, at, this.#clocks.of(spec.nodeName ?? ''))
    const addresses = canonical([status.podIP, ...status.podIPs.map(({ ip }) => ip)])
    const hosts = canonical([status.hostIP, ...status.hostIPs.map(({ ip }) => ip)])
    pod.nodeName = spec.nodeName ?? ''
    pod.workload = workloadOf(metadata)
    pod.isOnHost = spec.hostNetwork === true || addresses.some((address) => hosts.includes(address))
    this.#noteBegin(pod, object, life.begin, at)
    pod.isEnding = life.isEnding
    // It is over, and stays so.
    if (pod.end !== Infinity) return
    // When one that is over and tells of no start has had its address, nobody knows.
    const isUnknown = life.end !== undefined && life.running === Infinity
    const own = pod.isOnHost || isUnknown ? [] : addresses
    const seen = Math.min(at, life.running)
    const claim = { who: pod, begin: pod.begin, seen }
    if (pod.first.size === 0) pod.first = new Set(own)
    const claims = own.map((each) => [each, this.#claimOf(pod, each, seen, at)] as const)
    const ofHost = pod.isOnHost ? [...new Set([...addresses, ...hosts])] : hosts
    const ports = openPorts(spec, pod.isOnHost)
    pod.addresses.set(new Map(claims), at)
    pod.hostPorts.set(claimed(withPorts(ofHost, ports), claim), at)
    pod.lastAt = at
    for (const address of own) this.#settle(pod, neighbourhoodOf(address))
    if (life.end === undefined) return
    // What is told was over by then, whatever the clock of its node says.
    const low = life.end.low > at ? at - LATENCY_MS : life.end.low
    endPod(pod, low, Math.max(low, Math.min(life.end.high, at)))
  }

  /** The kubelet took it on after the last that was told of it without a word of that, and before that was told. */
  #compareClocks(pod: KnownPod, { status, spec }: Pod, at: number): void {
    const begun = timeOf(status.startTime)
    if (begun === undefined) pod.notBegunAt = at
    else if (pod.saidBegin === undefined)
      this.#clocks.note(spec.nodeName ?? '', begun, pod.notBegunAt - LATENCY_MS, at)
  }

  #noteBegin(pod: KnownPod, { status: { startTime } }: Pod, begin: number, at: number): void {
    if (startTime !== undefined && pod.saidBegin === startTime) return
    pod.saidBegin = startTime
    pod.begin = Math.min(Math.max(begin, pod.notBegunAt - LATENCY_MS + SANDBOX_MS), at)
  }

  /** One that is given another address has it since it was last told of without. */
  #claimOf(pod: KnownPod, address: string, seen: number, at: number): Claim<KnownPod> {
    return pod.first.has(address)
      ? { who: pod, begin: this.#beginAt(address, pod), seen }
      : { who: pod, begin: Math.max(pod.begin, pod.lastAt - LATENCY_MS), seen: at }
  }

  /**
   * One that was told of after another had gone was made after that, and begins when it was told of at the earliest; unless it says
   * that it began before: then the news was old.
   */
  #beginAt(address: string, pod: KnownPod): number {
    const before = this.#pods.get(address)?.last?.who
    if (before === undefined || before === pod || before.gone.turn > pod.turn) return pod.begin
    const made = pod.toldAt - LATENCY_MS
    return made > pod.begin + 999 ? pod.begin : Math.max(pod.begin, made)
  }

  #updateNode(node: KnownNode, { spec, status }: ClusterNode, since: number, at: number): void {
    const listed = status.addresses.filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP')
    const addresses = canonical(listed.map(({ address }) => address))
    node.addresses.set(claimed(addresses, { who: node, begin: since, seen: at }), at)
    const networks = [...new Set([spec.podCIDR ?? '', ...spec.podCIDRs])]
    if (networks.join() !== node.networks.join()) this.#networks = undefined
    node.networks = networks
  }

  #settle(pod: KnownPod, network: string): void {
    if (pod.networks.has(network)) return
    pod.networks.add(network)
    this.#neighbourhoods.set(network, (this.#neighbourhoods.get(network) ?? 0) + 1)
  }

  /** It is gone, as was seen at `at`. */
  #end(key: string, known: Known, at: number): void {
    this.#known.delete(key)
    const low = at - LATENCY_MS
    if (known.kind === 'pod') {
      known.gone = { turn: this.#turn, at }
      if (known.end === Infinity) endPod(known, low, at)
      this.#past.add(at, () => this.#forgetPod(known))
      return
    }
    if (known.kind === 'node') {
      this.#networks = undefined
      this.#clocks.forget(known.name)
      this.#goneNodes.add(known.name)
      this.#past.add(at, () => this.#goneNodes.delete(known.name))
    } else known.exact.end(low, at)
    if (known.kind === 'service') known.nodePorts.end(low, at)
    if (known.kind !== 'endpointSlice') known.addresses.end(low, at)
  }

  #forgetPod(pod: KnownPod): void {
    if (this.#podsByUid.get(pod.uid) === pod) this.#podsByUid.delete(pod.uid)
    for (const network of pod.networks) {
      const others = (this.#neighbourhoods.get(network) ?? 1) - 1
      if (others > 0) this.#neighbourhoods.set(network, others)
      else this.#neighbourhoods.delete(network)
    }
  }

  /** What nodes say. */
  #networksOfPods(): Networks {
    const told = () =>
      [...this.#known.values()].flatMap((each) => (each.kind === 'node' ? each.networks : []))
    this.#networks ??= new Networks(told())
    return this.#networks
  }
}

interface KnownObject {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  json: KubernetesObject
  /** ms since the epoch. */
  begin: number
}

interface KnownPod extends KnownObject {
  readonly kind: 'pod'
  /** The change that first told of it, with its time … */
  readonly turn: number
  readonly toldAt: number
  /** … and the one that said that it is gone, with its time. */
  gone: { readonly turn: number; readonly at: number }
  /** What its kubelet says of when it began, and when it was last told of before it was said. */
  saidBegin: string | undefined
  notBegunAt: number
  /** The addresses that it was given first, and when it was told of last. */
  first: ReadonlySet<string>
  lastAt: number
  /** Infinity while it lives. */
  end: number
  isEnding: boolean
  /** It shares the addresses of its node. */
  isOnHost: boolean
  nodeName: string
  workload: Workload | null
  readonly addresses: Claims<KnownPod>
  readonly hostPorts: Claims<KnownPod>
  /** In which it had addresses. */
  readonly networks: Set<string>
}

interface KnownService extends KnownObject {
  readonly kind: 'service'
  /** It is no headless one. */
  hasAddress: boolean
  readonly exact: Claims<KnownService>
  readonly addresses: Claims<KnownService>
  readonly nodePorts: Claims<KnownService>
}

interface KnownSlice extends KnownObject {
  readonly kind: 'endpointSlice'
  /** Name of its service. */
  service: string
  readonly exact: Claims<Endpoint>
}

interface KnownNode extends KnownObject {
  readonly kind: 'node'
  /** CIDRs of its pods. */
  networks: readonly string[]
  readonly addresses: Claims<KnownNode>
}

type Known = KnownPod | KnownService | KnownSlice | KnownNode

interface Endpoint {
  readonly slice: KnownSlice
  /** Its uid; "" where it is none. */
  readonly pod: string
}

function updateService(service: KnownService, { spec, status }: Service, since: number, at: number): void {
  const addresses = canonical([spec.clusterIP, ...spec.clusterIPs])
  const balancers = status.loadBalancer.ingress.map(({ ip }) => ip)
  const outside = canonical([...spec.externalIPs, ...balancers])
  const ports = spec.ports.flatMap(({ port, protocol }) => portKeys(port, protocol))
  const nodePorts = spec.ports.flatMap(({ nodePort, protocol }) => portKeys(nodePort, protocol))
  const claim = { who: service, begin: since, seen: at }
  service.hasAddress = addresses.length > 0
  service.exact.set(claimed(withPorts([...addresses, ...outside], ports), claim), at)
  service.addresses.set(claimed(addresses, claim), at)
  service.nodePorts.set(claimed(nodePorts, claim), at)
}

function updateSlice(
  slice: KnownSlice,
  { metadata, endpoints, ports }: EndpointSlice,
  since: number,
  at: number,
): void {
  slice.service = metadata.labels['kubernetes.io/service-name'] ?? ''
  const keys = ports.flatMap(({ port, protocol }) => portKeys(port, protocol))
  const claims = new Map<string, Claim<Endpoint>>()
  for (const { addresses, targetRef } of slice.service === '' ? [] : endpoints) {
    const pod = targetRef?.kind === 'Pod' ? (targetRef.uid ?? '') : ''
    for (const address of canonical(addresses))
      for (const port of keys) {
        const who = { slice, pod }
        // From when to when a pod has its address is for the pod to say.
        claims.set(`${address}:${port}`, { who, begin: pod === '' ? since : 0, seen: at })
      }
  }
  slice.exact.set(claims, at, (one, other) => one.pod === other.pod)
}

function endPod(pod: KnownPod, low: number, high: number): void {
  pod.end = high
  pod.addresses.end(low, high)
  pod.hostPorts.end(low, high)
}

/** Ports of the node that lead to a pod. */
function openPorts({ containers }: Pod['spec'], isOnHost: boolean): string[] {
  const all = containers.flatMap(({ ports }) => ports)
  return all.flatMap(({ hostPort, containerPort, protocol }) =>
    portKeys(hostPort || (isOnHost && containerPort) || undefined, protocol),
  )
}

/** `80/tcp`. TCP where nothing is said. */
function portKeys(port: number | undefined, protocol = 'TCP'): string[] {
  return port === undefined ? [] : [`${port}/${protocol.toLowerCase()}`]
}

function withoutLayer4(key: string): string {
  const at = key.indexOf('/')
  return at < 0 ? key : key.slice(0, at)
}

function withPorts(addresses: readonly string[], ports: readonly string[]): string[] {
  return addresses.flatMap((address) => ports.map((port) => `${address}:${port}`))
}

function claimed<Who>(keys: readonly string[], claim: Claim<Who>): ReadonlyMap<string, Claim<Who>> {
  return new Map(keys.map((key) => [key, claim]))
}

/** Each once; without `None` and the like. */
function canonical(addresses: readonly (string | undefined)[]): string[] {
  return [...new Set(addresses.flatMap((each) => (each === undefined ? [] : (canonicalAddress(each) ?? []))))]
}

/** IPv4 that is written as IPv6 is IPv4. */
function plain(address: string): string {
  return address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address
}

function identityOfPod(pod: KnownPod, mechanism: Identity['mechanism']): Identity {
  const { name, namespace, json, workload, nodeName } = pod
  return { name, namespace, mechanism, pod: json, service: null, endpointSlice: null, workload, nodeName }
}

function identityOfService(service: KnownService, mechanism: Identity['mechanism']): Identity {
  const { name, namespace, json } = service
  return {
    ...{ name, namespace, mechanism, pod: null, service: json, endpointSlice: null },
    ...{ workload: null, nodeName: '' },
  }
}

function identityOfNode({ name }: KnownNode): Identity {
  return {
    ...{ name, namespace: '', mechanism: 'ip', pod: null, service: null, endpointSlice: null },
    ...{ workload: null, nodeName: name },
  }
}

const STILL_THERE = { turn: Infinity, at: Infinity }
const MAPPED = '::ffff:'
/** From when the kubelet takes a pod on it takes longer than this to make its sandbox, with the network that its first packet is sent in. */
const SANDBOX_MS = 50
/** Of those that have the same pod behind them, so many are compared. */
const MOST_SERVICES = 32
/** Where no node says anything. */
const PRIVATE = new Networks(PRIVATE_NETWORKS)
