/** As much of an object of the Kubernetes API as every one has. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: unknown
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/**
 * An object of the Kubernetes API that many entries have: the texts that are made of it are made once for each version. Agents
 * get all of it, what is kept and listed has the reduced form (agent-api §5.2), with the labels of pods besides.
 */
export class KubernetesObject {
  readonly value: ApiObject
  readonly #kind: 'pod' | 'other'
  #whole: string | undefined
  #reduced: string | undefined

  constructor(value: ApiObject, kind: 'pod' | 'other') {
    this.value = value
    this.#kind = kind
  }

  /** As it crosses to agents: the text of all of it. */
  toJSON(): string {
    this.#whole ??= JSON.stringify(this.value)
    return this.#whole
  }

  /** The text of its reduced form. */
  get reduced(): string {
    this.#reduced ??= JSON.stringify(this.#kind === 'pod' ? reducedPod(this.value) : reducedOther(this.value))
    return this.#reduced
  }
}

function reducedOther({ metadata }: ApiObject) {
  return { metadata: { name: metadata.name, namespace: metadata.namespace ?? '' } }
}

function reducedPod(pod: ApiObject) {
  const { metadata } = reducedOther(pod)
  return {
    metadata: { ...metadata, labels: pod.metadata.labels ?? {} },
    spec: { nodeName: fieldOf(pod.spec, 'nodeName') },
    status: { hostIp: fieldOf(pod.status, 'hostIP') },
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? ((value as Record<string, unknown>)[name] ?? '') : ''
}
