import type { ClusterChange, ClusterKind } from '../wire/cluster.ts'
import { type KnownChange, readObject } from './objects.ts'

/** A change as a follower tells it, of an object as the API has it. */
export function change(
  kind: ClusterKind,
  type: ClusterChange['type'],
  at: number,
  object: Record<string, unknown>,
): KnownChange {
  const read = readObject(kind, object)
  if (read === undefined) throw new Error('an object without name or uid')
  return { kind, type, at, object: read } as KnownChange
}

/** A pod that runs, on `node-1` where nothing else is said. */
export function aPod(name: string, ip: string, more: { [part: string]: Record<string, unknown> } = {}) {
  return {
    metadata: { name, namespace: 'shop', uid: `uid of ${name}`, ...more.metadata },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', ports: [] }], ...more.spec },
    status: {
      phase: 'Running',
      hostIP: '192.168.0.1',
      ...(ip === '' ? {} : { podIP: ip, podIPs: [{ ip }] }),
      startTime: seconds(START),
      ...more.status,
    },
  }
}

export function aService(name: string, spec: Record<string, unknown>, status: Record<string, unknown> = {}) {
  return {
    metadata: { name, namespace: 'shop', uid: `uid of service ${name}`, creationTimestamp: seconds(START) },
    spec,
    status,
  }
}

/** Endpoints of a service: addresses with the pods that they are of. */
export function aSlice(
  service: string,
  port: number,
  pods: Readonly<Record<string, string | undefined>>,
  name = `${service}-x1`,
) {
  return {
    metadata: {
      ...{ name, namespace: 'shop', uid: `uid of slice ${name}`, creationTimestamp: seconds(START) },
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    ports: [{ port }],
    endpoints: Object.entries(pods).map(([address, pod]) => ({
      addresses: [address],
      ...(pod === undefined ? {} : { targetRef: { kind: 'Pod', name: pod, uid: `uid of ${pod}` } }),
    })),
  }
}

export function aNode(name: string, address: string, spec: Record<string, unknown> = {}) {
  return {
    metadata: { name, uid: `uid of node ${name}`, creationTimestamp: seconds(START) },
    spec,
    status: { addresses: [{ type: 'InternalIP', address }] },
  }
}

/** As Kubernetes tells times. */
export function seconds(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}

/** When all that is made here began, ms since the epoch: a whole second. */
export const START = Date.UTC(2026, 0, 1)
