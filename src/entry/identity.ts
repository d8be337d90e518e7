import type { KubernetesObject } from './kubernetes-object.ts'

/** Who had an address at some time, as the cluster says. */
export interface Identity {
  /** Of the service, the pod or the node. */
  readonly name: string
  /** "" of nodes. */
  readonly namespace: string
  readonly mechanism: 'ip' | 'ip-and-port'
  readonly pod: KubernetesObject | KubernetesText | null
  readonly service: KubernetesObject | KubernetesText | null
  readonly endpointSlice: KubernetesObject | KubernetesText | null
  /** What has made the pod. */
  readonly workload: Workload | null
  /** Where it runs, or the node itself; "" when unknown. */
  readonly nodeName: string
}

/** The JSON of an object, where that has crossed to the agents. */
export type KubernetesText = string

export interface Workload {
  /** Deployment, StatefulSet, DaemonSet, CronJob, Job, ReplicaSet or what else owns it. */
  readonly kind: string
  readonly name: string
}
