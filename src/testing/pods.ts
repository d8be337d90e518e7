import type { PodSource } from '../agent/pod-delivery.ts'
import { type ClusterChange, type ClusterObject, clusterObject } from '../wire/cluster.ts'

/** A pod as Kubernetes describes it, with the parts that are kept of it. */
export function testPod(
  name: string,
  status: object = { phase: 'Running' },
  more: object = {},
): ClusterObject {
  return clusterObject.parse({
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid of ${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-11-28T10:00:00Z',
      labels: { 'app.kubernetes.io/name': name },
      ...more,
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'main:1' }] },
    status,
  })
}

/** Whoever knows the pods, as a test has it. */
export class TestPods implements PodSource {
  isMeant: NonNullable<PodSource['isMeant']> = () => true
  readonly #known = new Map<string, ClusterChange>()
  readonly #listeners = new Set<Parameters<PodSource['onChanges']>[0]>()

  /** Those that listen. */
  get listeners(): number {
    return this.#listeners.size
  }

  onChanges: PodSource['onChanges'] = (listener) => {
    const known = [...this.#known.values()].map(
      ({ kind, at, object }): ClusterChange => ({ kind, type: 'ADDED', at, object }),
    )
    if (known.length > 0) listener(known)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(
    type: ClusterChange['type'],
    object: ClusterObject,
    reason?: ClusterChange['reason'],
    at = Date.UTC(2026, 10, 28, 10),
  ): void {
    const change: ClusterChange = {
      kind: 'pod',
      type,
      at,
      object,
      ...(reason === undefined ? {} : { reason }),
    }
    if (type === 'DELETED') this.#known.delete(object.metadata.name)
    else this.#known.set(object.metadata.name, change)
    for (const listener of this.#listeners) listener([change])
  }
}
