import type { Bucket, Change, Kept } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { Incoming } from '../waiting/incoming.ts'

/** A bucket in memory; what it does happens at once, so that a test can say when. */
export class MemoryBucket implements Bucket {
  readonly #kept = new Map<string, Kept>()
  readonly #listeners = new Set<(change: Change) => void>()
  #revision = 0

  find(key: string): Kept | undefined {
    return this.#kept.get(key)
  }

  /** Writes a value; with a revision only when the value has it; 0: only when there is none. */
  set(key: string, value: Uint8Array, expected?: number): number {
    this.#expect(key, expected)
    const revision = ++this.#revision
    this.#kept.set(key, { value, revision })
    this.#tell({ kind: 'put', key, value, revision })
    return revision
  }

  unset(key: string, expected?: number): void {
    this.#expect(key, expected)
    if (!this.#kept.delete(key)) return
    this.#tell({ kind: 'delete', key, revision: ++this.#revision })
  }

  /** Everything that is there, then `current`; each change goes to the listener. Answers how to stop. */
  listen(listener: (change: Change) => void): () => void {
    for (const change of this.everything()) listener(change)
    listener({ kind: 'current' })
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  everything(): Change[] {
    return Array.from(this.#kept, ([key, { value, revision }]) => ({ kind: 'put', key, value, revision }))
  }

  async get(key: string): Promise<Kept | undefined> {
    return this.find(key)
  }

  async put(key: string, value: Uint8Array): Promise<number> {
    return this.set(key, value)
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    return this.set(key, value, 0)
  }

  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.set(key, value, revision)
  }

  async delete(key: string, revision?: number): Promise<void> {
    this.unset(key, revision)
  }

  async keys(prefix = ''): Promise<string[]> {
    return [...this.#kept.keys()].filter((key) => key.startsWith(prefix))
  }

  watch({
    prefix = '',
    signal,
  }: {
    readonly prefix?: string
    readonly signal: AbortSignal
  }): AsyncIterable<Change> {
    const changes = new Incoming<Change>(signal)
    const stop = this.listen((change) => {
      if (change.kind === 'current' || change.key.startsWith(prefix)) changes.push([change])
    })
    signal.addEventListener('abort', stop, { once: true })
    return changes
  }

  #expect(key: string, revision: number | undefined): void {
    const actual = this.#kept.get(key)?.revision ?? 0
    if (revision !== undefined && revision !== actual)
      throw new Mistake('E_CONFLICT', `${key} has revision ${actual}, not ${revision}`)
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }
}
