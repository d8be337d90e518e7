import { contentOf, type Metadata, readObject, type Shortened } from '../../cluster/objects.ts'
import { contentHash } from '../../node/content-hash.ts'
import type { ClusterKind } from '../../wire/cluster.ts'

/**
 * What is kept of an object on the hub: a text, which takes a fifth of the memory of the object itself and goes out as it is.
 */
export class PackedObject {
  readonly kind: ClusterKind
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly #version: string
  /** JSON of what is kept, but for its version: two of the same content are the same. */
  readonly content: string

  /** Undefined of what is no object that can be told of. */
  static of(kind: ClusterKind, object: unknown, shortened: Shortened): PackedObject | undefined {
    const read = readObject(kind, object, { shortened })
    if (read === undefined) return undefined
    return new PackedObject(kind, read.metadata, contentOf(read))
  }

  private constructor(kind: ClusterKind, metadata: Metadata, content: string) {
    this.kind = kind
    this.namespace = metadata.namespace
    this.name = metadata.name
    this.uid = metadata.uid
    this.#version = metadata.resourceVersion
    this.content = content
  }

  get hash(): string {
    return contentHash(this.content)
  }

  /** JSON of all that is kept. */
  json(): string {
    // The first such key is that of the object: nothing but its name, namespace and uid stands before it, and within these
    // quotes are escaped.
    const at = this.content.indexOf(VERSION) + VERSION.length - 2
    return this.content.slice(0, at) + JSON.stringify(this.#version) + this.content.slice(at + 2)
  }
}

const VERSION = '"resourceVersion":""'
