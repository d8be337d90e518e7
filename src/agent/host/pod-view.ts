/**
 * Runs inside the realm of an agent, like `bootstrap`, and can use nothing but its built-ins. Answers a function that makes of the
 * JSON text of a pod what `onPodEvent` gets (agent-api §§2.8, 3.5): `metadata`, `spec` and `status` as Kubernetes writes them, whose
 * objects have the names of the Go structs as well, not listed; and `ObjectMeta`, `Spec`, `Status` and `TypeMeta`, which
 * have the Go names alone, listed, and are made when somebody looks at them.
 *
 * https://pkg.go.dev/k8s.io/api/core/v1#Pod
 */
export function podView(): (text: string) => object {
  const O = Object
  const S = String
  const parse = JSON.parse
  const create = O.create
  const keysOf = O.keys
  const defineAs = O.defineProperty
  const setPrototype = O.setPrototypeOf
  const hasOwn = O.hasOwn
  const objectPrototype = O.prototype
  const isArray = Array.isArray
  const A = Array
  const apply = Reflect.apply
  const slice = S.prototype.slice
  const upper = S.prototype.toUpperCase

  type Tree = Record<string, unknown>

  /** Where the Go name is more than the JSON name with a capital. */
  const GO: Readonly<Record<string, string>> = setPrototype(
    {
      apiVersion: 'APIVersion',
      awsElasticBlockStore: 'AWSElasticBlockStore',
      cephfs: 'CephFS',
      csi: 'CSI',
      dnsConfig: 'DNSConfig',
      dnsPolicy: 'DNSPolicy',
      fc: 'FC',
      fsGroup: 'FSGroup',
      fsGroupChangePolicy: 'FSGroupChangePolicy',
      gcePersistentDisk: 'GCEPersistentDisk',
      grpc: 'GRPC',
      httpGet: 'HTTPGet',
      httpHeaders: 'HTTPHeaders',
      ip: 'IP',
      iscsi: 'ISCSI',
      lastState: 'LastTerminationState',
      nfs: 'NFS',
      os: 'OS',
      qosClass: 'QOSClass',
      rbd: 'RBD',
      seLinuxOptions: 'SELinuxOptions',
      tcpSocket: 'TCPSocket',
      tty: 'TTY',
      uid: 'UID',
      uri: 'URI',
      url: 'URL',
    },
    null,
  )
  /** Maps, whose keys are nobody's fields. */
  const MAPS: Readonly<Record<string, true>> = setPrototype(
    {
      allocatedResources: true,
      annotations: true,
      labels: true,
      limits: true,
      matchLabels: true,
      nodeSelector: true,
      overhead: true,
      requests: true,
    },
    null,
  )

  /** What a struct has although nothing was written of it. */
  const ZERO = {
    ObjectMeta: () => ({
      Name: '',
      Namespace: '',
      UID: '',
      Labels: {},
      Annotations: {},
      OwnerReferences: [],
      CreationTimestamp: null,
      DeletionTimestamp: null,
    }),
    Spec: () => ({ NodeName: '', InitContainers: [], Containers: [] }),
    Status: () => ({
      Phase: '',
      Message: '',
      Reason: '',
      HostIP: '',
      PodIP: '',
      Conditions: [],
      InitContainerStatuses: [],
      ContainerStatuses: [],
    }),
    ContainerStatus: () => ({ Name: '', State: {}, LastTerminationState: {}, Ready: false, RestartCount: 0 }),
  }
  const STATUSES: Readonly<Record<string, true>> = setPrototype(
    { containerStatuses: true, initContainerStatuses: true, ephemeralContainerStatuses: true },
    null,
  )

  function goName(name: string): string {
    return GO[name] ?? apply(upper, apply(slice, name, [0, 1]), []) + apply(slice, name, [1])
  }

  /** Made once: pods have many fields. */
  const listed: PropertyDescriptor = { value: 0, writable: true, enumerable: true, configurable: true }
  const unlisted: PropertyDescriptor = { value: 0, writable: true, enumerable: false, configurable: true }
  setPrototype(listed, null)
  setPrototype(unlisted, null)

  function put(target: object, key: string, value: unknown): void {
    listed.value = value
    defineAs(target, key, listed)
  }

  function hide(target: object, key: string, value: unknown): void {
    unlisted.value = value
    defineAs(target, key, unlisted)
  }

  /** By the names of an object's fields. */
  const prototypes: Record<string, object> = create(null)
  let count = 0

  function prototypeOf(names: readonly string[]): object {
    let key = ''
    for (let at = 0; at < names.length; at++) key += `${names[at]}\n`
    const known = prototypes[key]
    if (known !== undefined) return known
    const made = create(objectPrototype) as object
    for (let at = 0; at < names.length; at++) alias(made, names[at] as string)
    // Pods have few kinds of objects; whoever makes up names of fields gets no more room than this.
    if (count++ < 1000) prototypes[key] = made
    return made
  }

  function alias(target: object, name: string): void {
    const go = goName(name)
    if (go === name) return
    const descriptor = {
      get(this: Tree) {
        return this[name]
      },
      set(this: Tree, value: unknown) {
        this[name] = value
      },
      enumerable: false,
      configurable: true,
    }
    defineAs(target, go, setPrototype(descriptor, null))
  }

  /** The same with aliases, all the way down but for maps. */
  function aliased(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (isArray(value)) {
      for (let at = 0; at < value.length; at++) value[at] = aliased(value[at])
      return value
    }
    const names = keysOf(value)
    const copy = create(prototypeOf(names)) as object
    for (let at = 0; at < names.length; at++) {
      const name = names[at] as string
      const inner = (value as Tree)[name]
      put(copy, name, MAPS[name] === true ? inner : aliased(inner))
    }
    return copy
  }

  /** A copy under Go names, on top of what `zero` has. */
  function inGo(value: unknown, zero: object): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (isArray(value)) {
      const copy = new A(value.length)
      for (let at = 0; at < value.length; at++) copy[at] = inGo(value[at], {})
      return copy
    }
    const names = keysOf(value)
    for (let at = 0; at < names.length; at++) {
      const name = names[at] as string
      put(zero, goName(name), fieldInGo(name, (value as Tree)[name]))
    }
    return zero
  }

  function fieldInGo(name: string, value: unknown): unknown {
    if (MAPS[name] === true) return copyOf(value)
    if (STATUSES[name] !== true || !isArray(value)) return inGo(value, {})
    const statuses = new A(value.length)
    for (let at = 0; at < value.length; at++) statuses[at] = inGo(value[at], ZERO.ContainerStatus())
    return statuses
  }

  function copyOf(map: unknown): unknown {
    if (typeof map !== 'object' || map === null) return map
    const copy = {}
    const names = keysOf(map)
    for (let at = 0; at < names.length; at++)
      put(copy, names[at] as string, (map as Tree)[names[at] as string])
    return copy
  }

  const podPrototype = create(objectPrototype) as object
  lazily('ObjectMeta', (pod) => inGo(pod.metadata, ZERO.ObjectMeta()))
  lazily('Spec', (pod) => inGo(pod.spec, ZERO.Spec()))
  lazily('Status', (pod) => inGo(pod.status, ZERO.Status()))
  lazily('TypeMeta', (pod) => ({ Kind: pod.kind ?? 'Pod', APIVersion: pod.apiVersion ?? 'v1' }))

  function lazily(name: string, make: (pod: Tree) => unknown): void {
    const descriptor = {
      get(this: Tree) {
        const made = make(this)
        hide(this, name, made)
        return made
      },
      set(this: Tree, value: unknown) {
        hide(this, name, value)
      },
      enumerable: false,
      configurable: true,
    }
    defineAs(podPrototype, name, setPrototype(descriptor, null))
  }

  return (text) => {
    const told = parse(text) as Tree
    const pod = create(podPrototype) as Tree
    const names = keysOf(told)
    for (let at = 0; at < names.length; at++)
      put(pod, names[at] as string, aliased(told[names[at] as string]))
    if (!hasOwn(pod, 'metadata')) put(pod, 'metadata', {})
    if (!hasOwn(pod, 'spec')) put(pod, 'spec', {})
    if (!hasOwn(pod, 'status')) put(pod, 'status', {})
    return pod
  }
}
