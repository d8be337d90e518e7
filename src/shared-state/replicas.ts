import type { Part } from './part.ts'
import type { Shared } from './value.ts'

/**
 * What is known of one name: the newest part of each node. Which one that is, parts say themselves: revisions of a bucket begin
 * anew when it has lost its disk, and the nodes write again what they know.
 */
export class Replicas {
  readonly #parts = new Map<string, Part>()

  /** Takes a part, unless as new a one of the same node is known. Answers whether it is news. */
  put(part: Part): boolean {
    const known = this.#parts.get(part.node)
    if (known !== undefined && known.version >= part.version) return false
    this.#parts.set(part.node, part)
    return true
  }

  /** Forgets the part of a node. */
  delete(node: string): void {
    this.#parts.delete(node)
  }

  nodes(): string[] {
    return [...this.#parts.keys()]
  }

  /** Whether a message is in the part of any node. */
  hasSeen(sender: string, number: number): boolean {
    for (const part of this.#parts.values()) if (part.seen.has(sender, number)) return true
    return false
  }

  merge(others: Replicas): void {
    for (const part of others.#parts.values()) this.put(part)
  }

  get size(): number {
    return this.#parts.size
  }

  of(node: string): Part | undefined {
    return this.#parts.get(node)
  }

  /**
   * The parts that count, with what `own` has beside its part, in the order of the names of their nodes: numbers that are no
   * integers are added in the same order everywhere.
   */
  counted(epoch: number, own: string, more: readonly Shared[]): Shared[] {
    const nodes = new Set([...this.#parts.keys(), own])
    return [...nodes].sort().flatMap((node) => {
      const part = this.#parts.get(node)
      return [...(part?.epoch === epoch ? [part.value] : []), ...(node === own ? more : [])]
    })
  }
}
