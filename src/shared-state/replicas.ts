import type { Part } from './part.ts'
import type { Shared } from './value.ts'

/** What is known of one name: the newest part of each node, by the number under which it was written. */
export class Replicas {
  readonly #parts = new Map<string, { readonly part: Part; readonly revision: number }>()

  /** Takes a part, unless a newer one of the same node is known. Answers whether it is news. */
  put(part: Part, revision: number): boolean {
    const known = this.#parts.get(part.node)
    if (known !== undefined && known.revision >= revision) return false
    this.#parts.set(part.node, { part, revision })
    return true
  }

  /** Forgets the part of a node, unless a newer one is known. */
  delete(node: string, revision: number): boolean {
    const known = this.#parts.get(node)
    return known !== undefined && known.revision < revision && this.#parts.delete(node)
  }

  /** Forgets the part of a node, whatever is known. */
  forget(node: string): void {
    this.#parts.delete(node)
  }

  nodes(): string[] {
    return [...this.#parts.keys()]
  }

  /** Whether a message is in the part of any node. */
  hasSeen(sender: string, number: number): boolean {
    for (const { part } of this.#parts.values()) if (part.seen.has(sender, number)) return true
    return false
  }

  merge(others: Replicas): void {
    for (const { part, revision } of others.#parts.values()) this.put(part, revision)
  }

  get size(): number {
    return this.#parts.size
  }

  of(node: string): { readonly part: Part; readonly revision: number } | undefined {
    return this.#parts.get(node)
  }

  /**
   * The parts that count, with what `own` has beside its part, in the order of the names of their nodes: numbers that are no
   * integers are added in the same order everywhere.
   */
  counted(epoch: number, own: string, more: readonly Shared[]): Shared[] {
    const nodes = new Set([...this.#parts.keys(), own])
    return [...nodes].sort().flatMap((node) => {
      const part = this.#parts.get(node)?.part
      return [...(part?.epoch === epoch ? [part.value] : []), ...(node === own ? more : [])]
    })
  }
}
