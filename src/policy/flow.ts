/** What a pod has that policies look at. */
export interface FlowPod {
  readonly name: string
  readonly namespace: string
  readonly labels: Labels
  /** Of its namespace. Every one has at least `kubernetes.io/metadata.name`. */
  readonly namespaceLabels: Labels
  /** Machine that it runs on; "" where nobody knows. */
  readonly node: string
  /** Ports of its containers that have names. */
  readonly ports: readonly NamedPort[]
}

export interface NamedPort {
  readonly name: string
  readonly port: number
  readonly protocol: string
}

export type Labels = Readonly<Record<string, string>>

/** One of the two ends that talk. */
export interface FlowEnd {
  readonly address: string
  /** Absent for what is no pod, and for pods in the network of their node, which policies do not reach. */
  readonly pod?: FlowPod | undefined
  /** Machine whose own address it is. */
  readonly host?: string | undefined
}

/** Who opens a connection to whom. Replies go where the connection goes. */
export interface Flow {
  readonly from: FlowEnd
  readonly to: FlowEnd
  /** `TCP`, `UDP`, `SCTP`, or another. */
  readonly protocol: string
  /** Port of `to`; 0 where the protocol has none. */
  readonly port: number
}

/** Such connections as they were seen. */
export interface SeenFlow extends Flow {
  readonly count: number
  /** ms since the epoch */
  readonly firstAt: number
  readonly lastAt: number
}

/** Label of every namespace, since Kubernetes 1.22: https://kubernetes.io/docs/reference/labels-annotations-taints/ */
export const NAMESPACE_NAME = 'kubernetes.io/metadata.name'
