import { isDeepStrictEqual } from 'node:util'
import { qualified, type ResourceKind } from './kinds.ts'
import { type FakeObject, type Json, listOf, recordOf, textOf, textsOf, timestamp } from './object.ts'
import type { Storage } from './storage.ts'

/** What the rest of a cluster would do, each by choice. */
export type ControllerName =
  /** EndpointSlices out of services with a selector and pods. */
  | 'endpoint-slices'
  /** Objects go when their owners have gone. */
  | 'garbage-collector'
  /** Pods are placed on a node, get an address, become ready, and end when they are told to. */
  | 'kubelet'

/** Work that controllers do after each change; returns how to stop. */
export function startControllers(
  names: readonly ControllerName[],
  storage: Storage,
  kinds: () => readonly ResourceKind[],
  now: () => number,
): () => void {
  const kind = (name: string) => {
    const found = kinds().find((each) => qualified(each) === name)
    if (found === undefined) throw new Error(`no resource ${name}`)
    return found
  }
  const parts = { storage, kinds, kind, now }
  const work: (() => void)[] = []
  if (names.includes('kubelet')) work.push(kubelet(parts))
  if (names.includes('endpoint-slices')) work.push(() => syncEndpointSlices(parts))
  if (names.includes('garbage-collector')) work.push(() => collectGarbage(parts))
  if (work.length === 0) return () => {}
  let isDue = false
  // After all that is changed at a time.
  const run = () => {
    isDue = false
    for (const each of work) each()
  }
  const stop = storage.onChange(() => {
    if (isDue) return
    isDue = true
    setImmediate(run)
  })
  setImmediate(run)
  return stop
}

interface Parts {
  readonly storage: Storage
  readonly kinds: () => readonly ResourceKind[]
  readonly kind: (name: string) => ResourceKind
  readonly now: () => number
}

/**
 * Takes away what is owned by nothing that is still there; says how many. An owner in another namespace is none:
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
 */
export function collectGarbage({ storage, kinds }: Pick<Parts, 'storage' | 'kinds'>): number {
  const there = new Map<string, string>()
  for (const kind of kinds())
    for (const { metadata } of storage.list(kind)) there.set(metadata.uid, metadata.namespace ?? '')
  let removed = 0
  for (const kind of kinds())
    for (const { metadata } of storage.list(kind)) {
      const owners = listOf(metadata.ownerReferences).map((each) => there.get(textOf(recordOf(each).uid)))
      if (owners.length === 0 || owners.some((each) => each === '' || each === metadata.namespace)) continue
      storage.remove(kind, metadata.namespace ?? '', metadata.name)
      removed++
    }
  return removed > 0 ? removed + collectGarbage({ storage, kinds }) : 0
}

/** As the controller of EndpointSlices: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ */
function syncEndpointSlices({ storage, kind }: Parts): void {
  const [services, pods, slices] = [kind('services'), kind('pods'), kind('endpointslices.discovery.k8s.io')]
  const wanted = new Set<string>()
  for (const service of storage.list(services)) {
    const { selector, ports } = recordOf(service.spec)
    const labels = Object.entries(textsOf(selector))
    if (labels.length === 0) continue
    const { name, namespace = '', uid } = service.metadata
    const chosen = storage
      .list(pods, namespace)
      .filter((pod) => labels.every(([key, value]) => textsOf(pod.metadata.labels)[key] === value))
      .filter((pod) => textOf(recordOf(pod.status).podIP) !== '')
      .filter((pod) => !['Succeeded', 'Failed'].includes(textOf(recordOf(pod.status).phase)))
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const own = chosen.filter(
        (pod) => textOf(recordOf(pod.status).podIP).includes(':') === (addressType === 'IPv6'),
      )
      const sliceName = `${name}-${addressType.toLowerCase()}`
      if (addressType === 'IPv6' && own.length === 0) continue
      wanted.add(`${namespace}/${sliceName}`)
      const slice = {
        metadata: {
          labels: {
            'kubernetes.io/service-name': name,
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          },
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true },
          ],
        },
        addressType,
        endpoints: own.map(endpoint),
        ports: listOf(ports).map((port) => endpointPort(recordOf(port), own[0])),
      }
      const old = storage.get(slices, namespace, sliceName)
      if (old === undefined || !isDeepStrictEqual([old.endpoints, old.ports], [slice.endpoints, slice.ports]))
        storage.put(slices, namespace, sliceName, slice)
    }
  }
  for (const { metadata } of storage.list(slices))
    if (
      textsOf(metadata.labels)['endpointslice.kubernetes.io/managed-by'] ===
        'endpointslice-controller.k8s.io' &&
      !wanted.has(`${metadata.namespace}/${metadata.name}`)
    )
      storage.remove(slices, metadata.namespace ?? '', metadata.name)
}

function endpoint(pod: FakeObject): Json {
  const { podIP, conditions } = recordOf(pod.status)
  const isReady = listOf(conditions)
    .map(recordOf)
    .some(({ type, status }) => type === 'Ready' && status === 'True')
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const { name, namespace, uid } = pod.metadata
  const nodeName = textOf(recordOf(pod.spec).nodeName)
  return {
    addresses: [podIP],
    conditions: { ready: isReady && !terminating, serving: isReady, terminating },
    ...(nodeName === '' ? {} : { nodeName }),
    targetRef: { kind: 'Pod', name, namespace, uid },
  }
}

function endpointPort({ name, protocol, port, targetPort }: Json, pod: FakeObject | undefined): Json {
  const ports = listOf(recordOf(pod?.spec).containers).flatMap((each) =>
    listOf(recordOf(each).ports).map(recordOf),
  )
  const named = ports.find((each) => each.name === targetPort)?.containerPort
  return {
    name: textOf(name),
    protocol: textOf(protocol) || 'TCP',
    port: typeof targetPort === 'string' ? (named ?? port) : (targetPort ?? port),
  }
}

/** Address that a pod gets, where the test wants it to be a certain one. */
export const POD_IP = 'kube.test/ip'

function kubelet({ storage, kind, now }: Parts): () => void {
  let given = 0
  return () => {
    const [pods, nodes] = [kind('pods'), kind('nodes')]
    for (const pod of storage.list(pods)) {
      const { name, namespace = '', deletionTimestamp, finalizers } = pod.metadata
      const phase = recordOf(pod.status).phase
      if (deletionTimestamp !== undefined) {
        if (listOf(finalizers).length === 0) storage.remove(pods, namespace, name)
      } else if (phase === 'Pending' || phase === undefined) {
        const all = storage.list(nodes)
        const nodeName =
          textOf(recordOf(pod.spec).nodeName) || all[given % Math.max(all.length, 1)]?.metadata.name
        if (nodeName === undefined) continue
        given++
        const podIP =
          textsOf(pod.metadata.annotations)[POD_IP] ?? `10.244.${(given >> 8) & 255}.${given & 255}`
        const node = storage.get(nodes, '', nodeName)
        storage.put(pods, namespace, name, {
          ...pod,
          spec: { ...recordOf(pod.spec), nodeName },
          status: runningStatus(pod, podIP, addressOf(node), timestamp(now())),
        })
      }
    }
  }
}

function addressOf(node: FakeObject | undefined): string {
  const addresses = listOf(recordOf(node?.status).addresses).map(recordOf)
  return textOf(addresses.find(({ type }) => type === 'InternalIP')?.address)
}

function runningStatus(pod: FakeObject, podIP: string, hostIP: string, at: string): Json {
  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: at })
  return {
    ...recordOf(pod.status),
    phase: 'Running',
    ...(hostIP === '' ? {} : { hostIP, hostIPs: [{ ip: hostIP }] }),
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: at,
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
    containerStatuses: listOf(recordOf(pod.spec).containers)
      .map(recordOf)
      .map(({ name, image }) => ({
        ...{ name, image, imageID: '', ready: true, started: true, restartCount: 0 },
        containerID: `containerd://${pod.metadata.uid.replaceAll('-', '')}`,
        state: { running: { startedAt: at } },
      })),
  }
}
