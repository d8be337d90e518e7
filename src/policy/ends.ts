import type { ClusterNode, EndpointSlice, KnownChange, Pod, Service } from '../cluster/objects.ts'
import { type FlowEnd, type FlowPod, type Labels, NAMESPACE_NAME, type NamedPort } from './flow.ts'
import type { SeenPod } from './seen.ts'

/** Who is connected to, and at which port. */
export interface Target {
  readonly end: FlowEnd
  readonly port: number
}

/** Who has an address in a cluster, as policies want to know it: by what is told of its pods, services and nodes. */
export class ClusterEnds {
  readonly #pods = new Map<string, Pod>()
  readonly #byAddress = new Map<string, Pod>()
  /** Those that entries of a while ago tell of; of too many the oldest are forgotten. */
  readonly #gone = new Map<string, Pod>()
  readonly #services = new Map<string, Service>()
  readonly #serviceByAddress = new Map<string, Service>()
  /** By the names of their services, then their own. */
  readonly #slices = new Map<string, Map<string, EndpointSlice>>()
  readonly #hosts = new Map<string, string>()

  take(changes: readonly KnownChange[]): void {
    for (const change of changes) {
      const isGone = change.type === 'DELETED'
      switch (change.kind) {
        case 'pod':
          this.#takePod(change.object, isGone)
          break
        case 'service':
          this.#takeService(change.object, isGone)
          break
        case 'endpointSlice':
          this.#takeSlice(change.object, isGone)
          break
        case 'node':
          this.#takeNode(change.object, isGone)
      }
    }
  }

  /** Pods that run, each with an end for each of its addresses. */
  pods(): FlowEnd[] {
    return [...this.#pods.values()].flatMap((pod) =>
      hasEnded(pod) ? [] : addressesOf(pod).map((address) => this.#endOf(pod, address)),
    )
  }

  /** `seen` is the pod that somebody has found to have the address, as it was then: it may be gone, or have other labels by now. */
  end(address: string, seen?: SeenPod): FlowEnd {
    if (seen !== undefined) return this.#endThen(address, seen)
    const pod = this.#byAddress.get(address)
    if (pod !== undefined) return this.#endOf(pod, address)
    const host = this.#hosts.get(address)
    return host === undefined ? { address } : { address, host }
  }

  /** Who is connected to by an address and a port: of a service one of the pods behind it. */
  target(address: string, port: number, protocol: string): Target {
    const [found] = this.behind(address, port, protocol)
    return found ?? { end: this.end(address), port }
  }

  /** All that is behind a service with this address; nothing where there is none. */
  behind(address: string, port: number, protocol: string): IteratorObject<Target> {
    const service = this.#serviceByAddress.get(address)
    return service === undefined ? [].values() : this.#behind(service, port, protocol)
  }

  /** Addresses and ports of a service, and of all that is behind it. */
  serviceTargets(namespace: string, name: string): Target[] {
    const service = this.#services.get(`${namespace}/${name}`)
    if (service === undefined) return []
    return service.spec.ports.flatMap(({ port = 0, protocol = 'TCP' }) => {
      const own = ownAddresses(service).map((address) => ({ end: { address }, port }))
      return [...own, ...this.#behind(service, port, protocol)]
    })
  }

  hosts(): FlowEnd[] {
    return [...this.#hosts].map(([address, host]) => ({ address, host }))
  }

  #takePod(pod: Pod, isGone: boolean): void {
    const name = nameOf(pod)
    const before = this.#pods.get(name)
    // Another pod may have its address since.
    for (const address of before === undefined ? [] : addressesOf(before))
      if (this.#byAddress.get(address) === before) this.#byAddress.delete(address)
    if (isGone) {
      this.#pods.delete(name)
      this.#keepGone(name, pod)
      return
    }
    this.#pods.set(name, pod)
    // In the network of their node they have the addresses of that; those of pods that have ended are given to others.
    if (pod.spec.hostNetwork === true || hasEnded(pod)) return
    for (const address of addressesOf(pod)) this.#byAddress.set(address, pod)
  }

  #keepGone(name: string, pod: Pod): void {
    this.#gone.delete(name)
    this.#gone.set(name, pod)
    const [oldest] = this.#gone.keys()
    if (this.#gone.size > MOST_GONE && oldest !== undefined) this.#gone.delete(oldest)
  }

  #takeNode({ metadata, status }: ClusterNode, isGone: boolean): void {
    for (const { type, address } of status.addresses)
      if (type === 'InternalIP' || type === 'ExternalIP') keep(this.#hosts, address, metadata.name, isGone)
  }

  #takeService(service: Service, isGone: boolean): void {
    const name = nameOf(service)
    for (const address of ownAddresses(this.#services.get(name) ?? service))
      if (nameOf(this.#serviceByAddress.get(address) ?? service) === name)
        this.#serviceByAddress.delete(address)
    keep(this.#services, name, service, isGone)
    if (!isGone) for (const address of ownAddresses(service)) this.#serviceByAddress.set(address, service)
  }

  #takeSlice(slice: EndpointSlice, isGone: boolean): void {
    const { namespace, labels } = slice.metadata
    const service = `${namespace}/${labels[SERVICE_NAME] ?? ''}`
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>()
    keep(slices, nameOf(slice), slice, isGone)
    keep(this.#slices, service, slices, slices.size === 0)
  }

  *#behind(service: Service, port: number, protocol: string): Generator<Target> {
    const wanted = service.spec.ports.find(
      (each) => each.port === port && (each.protocol ?? 'TCP') === protocol,
    )
    if (wanted === undefined) return
    for (const { endpoints, ports } of this.#slices.get(nameOf(service))?.values() ?? []) {
      const own = ports.find(({ name = '' }) => name === (wanted.name ?? ''))
      if (own?.port === undefined) continue
      for (const { addresses } of endpoints)
        for (const address of addresses) yield { end: this.end(address), port: own.port }
    }
  }

  #endThen(address: string, { namespace, name, labels, node, hostAddress }: SeenPod): FlowEnd {
    const known = this.#pods.get(`${namespace}/${name}`) ?? this.#gone.get(`${namespace}/${name}`)
    if (known?.spec.hostNetwork === true || (known === undefined && hostAddress === address))
      return { address, host: known?.spec.nodeName ?? node }
    const ports = known === undefined ? [] : flowPodOf(known).ports
    const pod = { name, namespace, labels, namespaceLabels: namespaceLabels(namespace), node, ports }
    return { address, pod }
  }

  #endOf(pod: Pod, address: string): FlowEnd {
    if (pod.spec.hostNetwork === true) return { address, host: pod.spec.nodeName }
    return { address, pod: flowPodOf(pod) }
  }
}

function flowPodOf({ metadata, spec }: Pod): FlowPod {
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    labels: metadata.labels,
    namespaceLabels: namespaceLabels(metadata.namespace),
    node: spec.nodeName ?? '',
    ports: spec.containers.flatMap(({ ports }) => ports.flatMap(namedPort)),
  }
}

/** What is known of a namespace without asking: the label that each has. */
export function namespaceLabels(namespace: string): Labels {
  return { [NAMESPACE_NAME]: namespace }
}

function namedPort({
  name,
  containerPort,
  protocol = 'TCP',
}: Pod['spec']['containers'][number]['ports'][number]): NamedPort[] {
  return name === undefined || containerPort === undefined ? [] : [{ name, port: containerPort, protocol }]
}

function addressesOf({ status }: Pod): readonly string[] {
  return [
    ...new Set([...(status.podIP === undefined ? [] : [status.podIP]), ...status.podIPs.map(({ ip }) => ip)]),
  ]
}

/** Headless services have none. */
function ownAddresses({ spec }: Service): readonly string[] {
  return spec.clusterIPs.filter((address) => address !== 'None' && address !== '')
}

function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}

function nameOf({ metadata }: Pod | Service | EndpointSlice): string {
  return `${metadata.namespace}/${metadata.name}`
}

function keep<V>(map: Map<string, V>, key: string, value: V, isGone: boolean): void {
  if (isGone) map.delete(key)
  else map.set(key, value)
}

const MOST_GONE = 10_000
const SERVICE_NAME = 'kubernetes.io/service-name'
