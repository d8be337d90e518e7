import type { ClusterNode, EndpointSlice, KnownChange, Pod, Service } from '../cluster/objects.ts'
import { type FlowEnd, type FlowPod, type Labels, NAMESPACE_NAME, type NamedPort } from './flow.ts'

/** Who has an address in a cluster, as policies want to know it: by what is told of its pods, services and nodes. */
export class ClusterEnds {
  readonly #pods = new Map<string, Pod>()
  readonly #byAddress = new Map<string, Pod>()
  readonly #services = new Map<string, Service>()
  readonly #slices = new Map<string, EndpointSlice>()
  readonly #hosts = new Map<string, string>()

  take(changes: readonly KnownChange[]): void {
    for (const change of changes) {
      const isGone = change.type === 'DELETED'
      switch (change.kind) {
        case 'pod':
          this.#takePod(change.object, isGone)
          break
        case 'service':
          for (const address of change.object.spec.clusterIPs)
            keep(this.#services, address, change.object, isGone)
          break
        case 'endpointSlice':
          keep(this.#slices, nameOf(change.object), change.object, isGone)
          break
        case 'node':
          this.#takeNode(change.object, isGone)
      }
    }
  }

  /** Pods that run, each with an end of its own. */
  pods(): FlowEnd[] {
    return [...this.#pods.values()].flatMap((pod) => {
      const address = pod.status.podIP
      return address === undefined || hasEnded(pod) ? [] : [this.#endOf(pod, address)]
    })
  }

  /** `name` is the pod that somebody has found to have the address. */
  end(address: string, name?: { readonly namespace: string; readonly name: string }): FlowEnd {
    const named = name === undefined ? undefined : this.#pods.get(`${name.namespace}/${name.name}`)
    const pod = named ?? this.#byAddress.get(address)
    if (pod !== undefined) return this.#endOf(pod, address)
    const host = this.#hosts.get(address)
    return host === undefined ? { address } : { address, host }
  }

  /** Who is connected to by an address and a port: of a service one of the pods behind it. */
  target(address: string, port: number, protocol: string): { readonly end: FlowEnd; readonly port: number } {
    const service = this.#services.get(address)
    const found = service === undefined ? undefined : this.#behind(service, port, protocol)
    return found ?? { end: this.end(address), port }
  }

  /** Addresses and ports of a service, and of what is behind it. */
  serviceTargets(namespace: string, name: string): { readonly end: FlowEnd; readonly port: number }[] {
    const service = [...this.#services.values()].find(
      ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
    )
    if (service === undefined) return []
    return service.spec.ports.flatMap(({ port = 0, protocol = 'TCP' }) => {
      const own = service.spec.clusterIPs.map((address) => ({ end: { address }, port }))
      const behind = this.#behind(service, port, protocol)
      return behind === undefined ? own : [...own, behind]
    })
  }

  hosts(): FlowEnd[] {
    return [...this.#hosts].map(([address, host]) => ({ address, host }))
  }

  #takePod(pod: Pod, isGone: boolean): void {
    const name = nameOf(pod)
    const addresses = addressesOf(pod)
    if (isGone) {
      this.#pods.delete(name)
      for (const address of addresses)
        if (this.#byAddress.get(address)?.metadata.uid === pod.metadata.uid) this.#byAddress.delete(address)
      return
    }
    this.#pods.set(name, pod)
    // In the network of their node they have the addresses of that; those of pods that have ended are given to others.
    if (pod.spec.hostNetwork === true || hasEnded(pod)) return
    for (const address of addresses) this.#byAddress.set(address, pod)
  }

  #takeNode({ metadata, status }: ClusterNode, isGone: boolean): void {
    for (const { type, address } of status.addresses)
      if (type === 'InternalIP' || type === 'ExternalIP') keep(this.#hosts, address, metadata.name, isGone)
  }

  #behind(service: Service, port: number, protocol: string) {
    const wanted = service.spec.ports.find(
      (each) => each.port === port && (each.protocol ?? 'TCP') === protocol,
    )
    if (wanted === undefined) return undefined
    const slices = [...this.#slices.values()].filter(
      ({ metadata }) =>
        metadata.namespace === service.metadata.namespace &&
        metadata.labels[SERVICE_NAME] === service.metadata.name,
    )
    for (const { endpoints, ports } of slices) {
      const own = ports.find(({ name = '' }) => name === (wanted.name ?? ''))
      const address = endpoints.flatMap(({ addresses }) => addresses).at(0)
      if (own?.port !== undefined && address !== undefined) return { end: this.end(address), port: own.port }
    }
    return undefined
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
function namespaceLabels(namespace: string): Labels {
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
  return [...(status.podIP === undefined ? [] : [status.podIP]), ...status.podIPs.map(({ ip }) => ip)]
}

function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}

function nameOf({ metadata }: Pod | EndpointSlice): string {
  return `${metadata.namespace}/${metadata.name}`
}

function keep<V>(map: Map<string, V>, key: string, value: V, isGone: boolean): void {
  if (isGone) map.delete(key)
  else map.set(key, value)
}

const SERVICE_NAME = 'kubernetes.io/service-name'
