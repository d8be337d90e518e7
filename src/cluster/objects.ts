import type { ClusterChange, ClusterKind } from '../wire/cluster.ts'
import type { SharedParts } from './shared-parts.ts'

/**
 * What is kept of objects of the Kubernetes API (https://kubernetes.io/docs/reference/kubernetes-api/): names are as there.
 * Lists and maps are always there, empty where the object has none; anything else is left out where it is not given.
 */
export type Metadata = {
  readonly name: string
  /** "" for nodes. */
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
  readonly labels: Texts
  /** Without those of `kubectl apply`; long ones are cut. */
  readonly annotations: Texts
  readonly ownerReferences: readonly OwnerReference[]
  /** RFC 3339. */
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
}

export type OwnerReference = {
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly apiVersion?: string
  readonly controller?: boolean
}

export type Condition = {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

/** Exactly one of the three, or none where nothing is known yet. */
export type ContainerState = {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
  readonly running?: { readonly startedAt?: string }
  readonly terminated?: {
    readonly exitCode?: number
    readonly signal?: number
    readonly reason?: string
    readonly message?: string
    readonly startedAt?: string
    readonly finishedAt?: string
    readonly containerID?: string
  }
}

export type ContainerStatus = {
  readonly name: string
  readonly ready: boolean
  readonly restartCount: number
  /** `containerd://…` */
  readonly containerID?: string
  readonly state: ContainerState
  readonly lastState: ContainerState
}

export type ContainerPort = {
  readonly name?: string
  readonly containerPort?: number
  readonly hostPort?: number
  readonly protocol?: string
}

export type Container = {
  readonly name: string
  readonly image: string
  readonly ports: readonly ContainerPort[]
}

export type Pod = {
  readonly metadata: Metadata
  readonly spec: {
    readonly nodeName?: string
    readonly hostNetwork?: boolean
    readonly serviceAccountName?: string
    readonly containers: readonly Container[]
  }
  readonly status: {
    readonly phase?: string
    readonly reason?: string
    readonly message?: string
    readonly podIP?: string
    readonly podIPs: readonly { readonly ip: string }[]
    readonly hostIP?: string
    readonly hostIPs: readonly { readonly ip: string }[]
    readonly startTime?: string
    readonly conditions: readonly Condition[]
    readonly containerStatuses: readonly ContainerStatus[]
    readonly initContainerStatuses: readonly ContainerStatus[]
    readonly ephemeralContainerStatuses: readonly ContainerStatus[]
  }
}

export type ServicePort = {
  readonly name?: string
  readonly protocol?: string
  readonly port?: number
  /** A number, or the name of a port of the containers. */
  readonly targetPort?: number | string
  readonly nodePort?: number
  readonly appProtocol?: string
}

export type Service = {
  readonly metadata: Metadata
  readonly spec: {
    readonly type?: string
    readonly clusterIP?: string
    /** `None` stands for none at all. */
    readonly clusterIPs: readonly string[]
    readonly externalIPs: readonly string[]
    readonly externalName?: string
    readonly selector: Texts
    readonly ports: readonly ServicePort[]
  }
  readonly status: {
    readonly loadBalancer: {
      readonly ingress: readonly { readonly ip?: string; readonly hostname?: string }[]
    }
  }
}

export type ObjectReference = {
  readonly kind?: string
  readonly name?: string
  readonly namespace?: string
  readonly uid?: string
}

export type Endpoint = {
  readonly addresses: readonly string[]
  readonly conditions: {
    readonly ready?: boolean
    readonly serving?: boolean
    readonly terminating?: boolean
  }
  readonly nodeName?: string
  readonly targetRef?: ObjectReference
}

/** Of the service that `metadata.labels['kubernetes.io/service-name']` names. */
export type EndpointSlice = {
  readonly metadata: Metadata
  readonly addressType?: string
  readonly endpoints: readonly Endpoint[]
  readonly ports: readonly {
    readonly name?: string
    readonly port?: number
    readonly protocol?: string
    readonly appProtocol?: string
  }[]
}

/** A node of the cluster. */
export type ClusterNode = {
  readonly metadata: Metadata
  readonly spec: {
    readonly podCIDR?: string
    readonly podCIDRs: readonly string[]
    readonly unschedulable?: boolean
  }
  readonly status: {
    readonly addresses: readonly { readonly type: string; readonly address: string }[]
    readonly conditions: readonly Condition[]
  }
}

export interface ClusterObjects {
  readonly pod: Pod
  readonly service: Service
  readonly endpointSlice: EndpointSlice
  readonly node: ClusterNode
}

/** A change whose object is known to be one of its kind. */
export type KnownChange = {
  [Kind in ClusterKind]: Omit<ClusterChange, 'kind' | 'object'> & {
    readonly kind: Kind
    readonly object: ClusterObjects[Kind]
  }
}[ClusterKind]

/** By which an object is known in one cluster. */
export function objectKey({
  kind,
  namespace,
  name,
}: Pick<Metadata, 'namespace' | 'name'> & { readonly kind: ClusterKind }): string {
  return `${kind}/${namespace}/${name}`
}

/** JSON of an object that was read, but for its version: two of the same content are the same, and their keys are in one order. */
export function contentOf(object: ClusterObjects[ClusterKind]): string {
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: '' } })
}

export interface ReadOptions {
  /** Called with what was left out though it is one of the parts that are kept: it is too long, or there is too much of it. */
  readonly shortened?: Shortened
  /** Where many objects are kept: what is alike in them is kept once. */
  readonly shared?: SharedParts
}

export type Shortened = (part: 'text' | 'list' | 'map') => void

type Texts = Readonly<Record<string, string>>

/**
 * What is kept of an object, whatever it is: a part that is not as it must be is left out. Of what was read before it is the
 * same again. Undefined when it has no name or no uid.
 */
export function readObject<Kind extends ClusterKind>(
  kind: Kind,
  value: unknown,
  options: ReadOptions = {},
): ClusterObjects[Kind] | undefined {
  const reader = new ObjectReader(options)
  const fields = fieldsOf(value)
  const metadata = reader.metadata(fieldsOf(fields.metadata))
  if (metadata.name === '' || metadata.uid === '') return undefined
  return READERS[kind](reader, metadata, fields)
}

const READERS: {
  readonly [Kind in ClusterKind]: (
    read: ObjectReader,
    metadata: Metadata,
    fields: Fields,
  ) => ClusterObjects[Kind]
} = {
  pod: (read, metadata, { spec, status }) => ({
    metadata,
    spec: read.podSpec(fieldsOf(spec)),
    status: read.podStatus(fieldsOf(status)),
  }),
  service: (read, metadata, { spec, status }) => ({
    metadata,
    spec: read.serviceSpec(fieldsOf(spec)),
    status: {
      loadBalancer: {
        ingress: read.each(fieldsOf(fieldsOf(status).loadBalancer).ingress, ({ ip, hostname }) =>
          given({ ip: read.text(ip), hostname: read.text(hostname) }),
        ),
      },
    },
  }),
  endpointSlice: (read, metadata, { addressType, endpoints, ports }) => ({
    metadata,
    ...given({ addressType: read.text(addressType) }),
    endpoints: read.each(endpoints, (each) => read.endpoint(each)),
    ports: read.each(ports, ({ name, port, protocol, appProtocol }) =>
      given({
        name: read.text(name),
        port: numberOf(port),
        protocol: read.text(protocol),
        appProtocol: read.text(appProtocol),
      }),
    ),
  }),
  node: (read, metadata, { spec, status }) => {
    const { podCIDR, podCIDRs, unschedulable } = fieldsOf(spec)
    const { addresses, conditions } = fieldsOf(status)
    return {
      metadata,
      spec: {
        ...given({ podCIDR: read.text(podCIDR), unschedulable: flagOf(unschedulable) }),
        podCIDRs: read.texts(podCIDRs),
      },
      status: {
        addresses: read.each(addresses, ({ type, address }) => ({
          type: read.text(type) ?? '',
          address: read.text(address) ?? '',
        })),
        conditions: read.conditions(conditions),
      },
    }
  },
}

/** Reads parts of one object, and says what it has to leave out. */
class ObjectReader {
  readonly #shortened: Shortened
  readonly #shared: SharedParts | undefined

  constructor({ shortened = () => {}, shared }: ReadOptions) {
    this.#shortened = shortened
    this.#shared = shared
  }

  metadata(fields: Fields): Metadata {
    const { creationTimestamp, deletionTimestamp } = fields
    return {
      name: this.text(fields.name) ?? '',
      namespace: this.text(fields.namespace) ?? '',
      uid: this.text(fields.uid) ?? '',
      resourceVersion: this.text(fields.resourceVersion) ?? '',
      labels: this.#once(this.map(fields.labels)),
      annotations: this.#once(this.map(fields.annotations, LEFT_OUT)),
      ownerReferences: this.#once(this.#owners(fields.ownerReferences)),
      ...given({
        creationTimestamp: this.text(creationTimestamp),
        deletionTimestamp: this.text(deletionTimestamp),
      }),
    }
  }

  #owners(value: unknown): OwnerReference[] {
    return this.each(value, ({ kind, name, uid, apiVersion, controller }) => ({
      kind: this.text(kind) ?? '',
      name: this.text(name) ?? '',
      uid: this.text(uid) ?? '',
      ...given({ apiVersion: this.text(apiVersion), controller: flagOf(controller) }),
    }))
  }

  podSpec({ nodeName, hostNetwork, serviceAccountName, containers }: Fields): Pod['spec'] {
    return {
      ...given({
        nodeName: this.text(nodeName),
        hostNetwork: flagOf(hostNetwork),
        serviceAccountName: this.text(serviceAccountName),
      }),
      containers: this.#once(this.#containers(containers)),
    }
  }

  #containers(value: unknown): Container[] {
    return this.each(value, ({ name, image, ports }) => ({
      name: this.text(name) ?? '',
      image: this.text(image) ?? '',
      ports: this.each(ports, (port) =>
        given({
          name: this.text(port.name),
          containerPort: numberOf(port.containerPort),
          hostPort: numberOf(port.hostPort),
          protocol: this.text(port.protocol),
        }),
      ),
    }))
  }

  podStatus(fields: Fields): Pod['status'] {
    return {
      ...given({
        phase: this.text(fields.phase),
        reason: this.text(fields.reason),
        message: this.text(fields.message),
        podIP: this.text(fields.podIP),
        hostIP: this.text(fields.hostIP),
        startTime: this.text(fields.startTime),
      }),
      podIPs: this.#addresses(fields.podIPs),
      hostIPs: this.#once(this.#addresses(fields.hostIPs)),
      conditions: this.conditions(fields.conditions),
      containerStatuses: this.#containerStatuses(fields.containerStatuses),
      initContainerStatuses: this.#once(this.#containerStatuses(fields.initContainerStatuses)),
      ephemeralContainerStatuses: this.#once(this.#containerStatuses(fields.ephemeralContainerStatuses)),
    }
  }

  serviceSpec(fields: Fields): Service['spec'] {
    const { type, clusterIP, clusterIPs, externalIPs, externalName, selector, ports } = fields
    return {
      ...given({
        type: this.text(type),
        clusterIP: this.text(clusterIP),
        externalName: this.text(externalName),
      }),
      clusterIPs: this.texts(clusterIPs),
      externalIPs: this.texts(externalIPs),
      selector: this.map(selector),
      ports: this.each(ports, (port) =>
        given({
          name: this.text(port.name),
          protocol: this.text(port.protocol),
          port: numberOf(port.port),
          targetPort: numberOf(port.targetPort) ?? this.text(port.targetPort),
          nodePort: numberOf(port.nodePort),
          appProtocol: this.text(port.appProtocol),
        }),
      ),
    }
  }

  endpoint({ addresses, conditions, nodeName, targetRef }: Fields): Endpoint {
    const { ready, serving, terminating } = fieldsOf(conditions)
    const { kind, name, namespace, uid } = fieldsOf(targetRef)
    return {
      addresses: this.texts(addresses),
      conditions: given({
        ready: flagOf(ready),
        serving: flagOf(serving),
        terminating: flagOf(terminating),
      }),
      ...given({
        nodeName: this.text(nodeName),
        targetRef: isFields(targetRef)
          ? given({
              kind: this.text(kind),
              name: this.text(name),
              namespace: this.text(namespace),
              uid: this.text(uid),
            })
          : undefined,
      }),
    }
  }

  /** Without the times at which they were looked at: these change all the time, and nothing else does. */
  conditions(value: unknown): Condition[] {
    return this.each(value, ({ type, status, reason, message, lastTransitionTime }) => ({
      type: this.text(type) ?? '',
      status: this.text(status) ?? '',
      ...given({
        reason: this.text(reason),
        message: this.text(message),
        lastTransitionTime: this.text(lastTransitionTime),
      }),
    }))
  }

  #addresses(value: unknown): { readonly ip: string }[] {
    return this.each(value, ({ ip }) => ({ ip: this.text(ip) ?? '' }))
  }

  #containerStatuses(value: unknown): ContainerStatus[] {
    return this.each(value, (fields) => ({
      name: this.text(fields.name) ?? '',
      ready: fields.ready === true,
      restartCount: numberOf(fields.restartCount) ?? 0,
      ...given({ containerID: this.text(fields.containerID) }),
      state: this.#containerState(fieldsOf(fields.state)),
      lastState: this.#containerState(fieldsOf(fields.lastState)),
    }))
  }

  #containerState({ waiting, running, terminated }: Fields): ContainerState {
    if (isFields(terminated))
      return {
        terminated: given({
          exitCode: numberOf(terminated.exitCode),
          signal: numberOf(terminated.signal),
          reason: this.text(terminated.reason),
          message: this.text(terminated.message),
          startedAt: this.text(terminated.startedAt),
          finishedAt: this.text(terminated.finishedAt),
          containerID: this.text(terminated.containerID),
        }),
      }
    if (isFields(running)) return { running: given({ startedAt: this.text(running.startedAt) }) }
    if (isFields(waiting))
      return { waiting: given({ reason: this.text(waiting.reason), message: this.text(waiting.message) }) }
    return {}
  }

  /** Undefined where there is none. */
  text(value: unknown): string | undefined {
    if (typeof value !== 'string' || value.length <= LONGEST_TEXT)
      return typeof value === 'string' ? value : undefined
    this.#shortened('text')
    return value.slice(0, LONGEST_TEXT)
  }

  texts(value: unknown): string[] {
    return this.#list(value)
      .filter((each) => typeof each === 'string')
      .map((each) => this.text(each) ?? '')
  }

  /** Mapped in the end: what `flatMap` or `filter` makes has room for 16 more, which for lists of one or two is most of an object. */
  each<Item>(value: unknown, read: (fields: Fields) => Item): Item[] {
    return this.#list(value).filter(isFields).map(read)
  }

  map(value: unknown, leftOut?: ReadonlySet<string>): Texts {
    const kept: Record<string, string> = {}
    let length = 0
    for (const [key, text] of Object.entries(fieldsOf(value))) {
      // A key of this name would be the prototype of the map.
      if (typeof text !== 'string' || leftOut?.has(key) === true || key === '__proto__') continue
      const short = this.text(text) ?? ''
      length += key.length + short.length
      if (length > LONGEST_MAP) {
        this.#shortened('map')
        break
      }
      kept[key] = short
    }
    return kept
  }

  #once<Part extends object>(part: Part): Part {
    return this.#shared?.of(part) ?? part
  }

  #list(value: unknown): readonly unknown[] {
    if (!Array.isArray(value)) return []
    if (value.length <= LONGEST_LIST) return value
    this.#shortened('list')
    return value.slice(0, LONGEST_LIST)
  }
}

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : NOTHING
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function flagOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** Without what is not given. */
function given<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const kept: { [Key in keyof T]?: Exclude<T[Key], undefined> } = {}
  for (const key in fields) {
    const value = fields[key]
    if (value !== undefined) kept[key] = value as Exclude<T[typeof key], undefined>
  }
  return kept
}

const NOTHING: Fields = {}
/** The whole object once more. */
const LEFT_OUT: ReadonlySet<string> = new Set(['kubectl.kubernetes.io/last-applied-configuration'])
const LONGEST_TEXT = 1024
/** All keys and values of one. */
const LONGEST_MAP = 16 << 10
/** An endpoint slice has 1000 endpoints at most. */
const LONGEST_LIST = 1000
