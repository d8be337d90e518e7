import { randomUUID } from 'node:crypto'
import { apiVersionOf, qualified, type ResourceKind } from './kinds.ts'
import { type FakeObject, type Json, recordOf, timestamp } from './object.ts'

export interface Change {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: FakeObject
  /** What it was before: watches with selectors see it come and go by that. */
  readonly before: FakeObject | undefined
}

/** What etcd is to the API server: objects by key, one version for all changes, and the changes of late. */
export class Storage {
  /** Changes kept for watches to catch up. */
  readonly #history: number
  readonly #now: () => number
  readonly #resources = new Map<string, Map<string, FakeObject>>()
  readonly #changes = new Map<string, Change[]>()
  readonly #listeners = new Set<(kind: ResourceKind, change: Change) => void>()
  #version = 100
  #oldest = 100

  constructor(options: { readonly history: number; readonly now: () => number }) {
    this.#history = options.history
    this.#now = options.now
  }

  get version(): number {
    return this.#version
  }

  /** Changes up to this one are not kept any more. */
  get oldest(): number {
    return this.#oldest
  }

  get(kind: ResourceKind, namespace: string, name: string): FakeObject | undefined {
    return this.#resources.get(qualified(kind))?.get(keyOf(kind, namespace, name))
  }

  /** In the order of their keys; of all namespaces where none is named. */
  list(kind: ResourceKind, namespace = ''): readonly FakeObject[] {
    const objects = this.#resources.get(qualified(kind))
    if (objects === undefined) return []
    const prefix = namespace === '' || !kind.namespaced ? '' : `${namespace}/`
    return [...objects]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
  }

  /** What it would be, were it put. */
  prepared(kind: ResourceKind, namespace: string, name: string, content: Json): FakeObject {
    const old = this.get(kind, namespace, name)
    const given = recordOf(content.metadata)
    const { namespace: _, ...rest } = given
    const metadata = {
      ...rest,
      name,
      ...(kind.namespaced ? { namespace } : {}),
      uid: old?.metadata.uid ?? (typeof given.uid === 'string' ? given.uid : randomUUID()),
      creationTimestamp: old?.metadata.creationTimestamp ?? given.creationTimestamp ?? timestamp(this.#now()),
      resourceVersion: old?.metadata.resourceVersion ?? '',
    }
    return { ...content, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata }
  }

  put(kind: ResourceKind, namespace: string, name: string, content: Json): FakeObject {
    const before = this.get(kind, namespace, name)
    const prepared = this.prepared(kind, namespace, name, content)
    const object = {
      ...prepared,
      metadata: { ...prepared.metadata, resourceVersion: String(++this.#version) },
    }
    let objects = this.#resources.get(qualified(kind))
    if (objects === undefined) {
      objects = new Map()
      this.#resources.set(qualified(kind), objects)
    }
    objects.set(keyOf(kind, namespace, name), object)
    this.#tell(kind, { version: this.#version, type: before ? 'MODIFIED' : 'ADDED', object, before })
    return object
  }

  remove(kind: ResourceKind, namespace: string, name: string): FakeObject | undefined {
    const before = this.get(kind, namespace, name)
    if (before === undefined) return undefined
    this.#resources.get(qualified(kind))?.delete(keyOf(kind, namespace, name))
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#version) } }
    this.#tell(kind, { version: this.#version, type: 'DELETED', object, before })
    return object
  }

  /** Changes after a version, which must not be older than the oldest that is kept. */
  since(kind: ResourceKind, version: number): readonly Change[] {
    return (this.#changes.get(qualified(kind)) ?? []).filter((change) => change.version > version)
  }

  /** Called with each change, at once; returns how to stop that. */
  onChange(listener: (kind: ResourceKind, change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What happened until now is not kept any more, as after a compaction. */
  forget(): void {
    this.#changes.clear()
    this.#version++
    this.#oldest = this.#version
  }

  #tell(kind: ResourceKind, change: Change): void {
    const changes = this.#changes.get(qualified(kind)) ?? []
    this.#changes.set(qualified(kind), changes)
    changes.push(change)
    if (changes.length > this.#history) {
      const dropped = changes.splice(0, changes.length - Math.floor(this.#history / 2))
      this.#oldest = Math.max(this.#oldest, dropped.at(-1)?.version ?? 0)
    }
    for (const listener of this.#listeners) listener(kind, change)
  }
}

function keyOf(kind: ResourceKind, namespace: string, name: string): string {
  return kind.namespaced ? `${namespace}/${name}` : name
}

/** The same object is written for many watches and lists. */
export function jsonOf(object: FakeObject): string {
  let text = TEXTS.get(object)
  if (text === undefined) {
    text = JSON.stringify(object)
    TEXTS.set(object, text)
  }
  return text
}

const TEXTS = new WeakMap<FakeObject, string>()
