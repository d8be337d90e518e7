import type { Bucket, Change, Kept } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'

/**
 * A bucket that is far away: answers take a moment that `delay` says, and while `fails` says so, operations fail, some of
 * them only after they were done. Changes come to those who watch in order, late.
 */
export class ChaosBucket implements Bucket {
  readonly #values = new Map<string, Kept>()
  readonly #watchers = new Set<Watcher>()
  #revision = 0
  readonly #delay: () => Promise<void>
  /** Whether the next operation fails, and when: before it is done, or when nobody knows any more. */
  fails: () => 'before' | 'after' | 'no' = () => 'no'
  writes = 0

  constructor(delay: () => Promise<void> = async () => {}) {
    this.#delay = delay
  }

  get(key: string): Promise<Kept | undefined> {
    return this.#operate(() => this.#values.get(key))
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#operate(() => this.#set(key, value))
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#operate(() => {
      if (this.#values.has(key)) throw new Mistake('E_CONFLICT', `${key} is there`)
      return this.#set(key, value)
    })
  }

  update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#operate(() => {
      this.#expect(key, revision)
      return this.#set(key, value)
    })
  }

  delete(key: string, revision?: number): Promise<void> {
    return this.#operate(() => {
      if (revision !== undefined) this.#expect(key, revision)
      if (this.#values.delete(key)) this.#tell({ kind: 'delete', key, revision: ++this.#revision })
    })
  }

  keys(prefix = ''): Promise<string[]> {
    return this.#operate(() => [...this.#values.keys()].filter((key) => key.startsWith(prefix)))
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncIterable<Change> {
    const watcher = new Watcher(signal)
    for (const [key, kept] of this.#values) watcher.push({ kind: 'put', key, ...kept })
    watcher.push({ kind: 'current' })
    this.#watchers.add(watcher)
    try {
      for (let change = await watcher.next(); change !== undefined; change = await watcher.next()) {
        await this.#delay()
        if (signal.aborted) return
        yield change
      }
    } finally {
      this.#watchers.delete(watcher)
    }
  }

  /** All is gone, and revisions begin anew; those who watch are not told. */
  loseAll(): void {
    this.#values.clear()
    this.#revision = 0
  }

  #set(key: string, value: Uint8Array): number {
    this.writes++
    this.#values.set(key, { value, revision: ++this.#revision })
    this.#tell({ kind: 'put', key, value, revision: this.#revision })
    return this.#revision
  }

  #expect(key: string, revision: number): void {
    if (this.#values.get(key)?.revision !== revision) throw new Mistake('E_CONFLICT', `${key} was changed`)
  }

  #tell(change: Change): void {
    for (const watcher of this.#watchers) watcher.push(change)
  }

  async #operate<Answer>(run: () => Answer): Promise<Answer> {
    await this.#delay()
    const fails = this.fails()
    if (fails === 'before') throw new Mistake('E_BUS', 'nobody is there')
    const answer = run()
    await this.#delay()
    if (fails === 'after') throw new Mistake('E_BUS', 'nobody answers')
    return answer
  }
}

/** A way to a bucket that can be cut: who used it is gone, as far as the bucket is concerned. */
export class CutBucket implements Bucket {
  readonly #bucket: Bucket
  readonly #gone = new AbortController()

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  /** What is under way may still be done; nobody is told. */
  cut(): void {
    this.#gone.abort()
  }

  get = (key: string) => this.#pass((bucket) => bucket.get(key))
  put = (key: string, value: Uint8Array) => this.#pass((bucket) => bucket.put(key, value))
  create = (key: string, value: Uint8Array) => this.#pass((bucket) => bucket.create(key, value))
  update = (key: string, value: Uint8Array, revision: number) =>
    this.#pass((bucket) => bucket.update(key, value, revision))
  delete = (key: string, revision?: number) => this.#pass((bucket) => bucket.delete(key, revision))
  keys = (prefix?: string) => this.#pass((bucket) => bucket.keys(prefix))
  watch = ({ signal }: { readonly signal: AbortSignal }) =>
    this.#bucket.watch({ signal: AbortSignal.any([signal, this.#gone.signal]) })

  async #pass<Answer>(run: (bucket: Bucket) => Promise<Answer>): Promise<Answer> {
    const lost = new Mistake('E_BUS', 'it is gone')
    if (this.#gone.signal.aborted) throw lost
    const answer = await run(this.#bucket)
    if (this.#gone.signal.aborted) throw lost
    return answer
  }
}

/** What one that watches has not had yet. */
class Watcher {
  readonly #signal: AbortSignal
  #waiting: Change[] = []
  #wake = () => {}

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake())
  }

  push(change: Change): void {
    this.#waiting.push(change)
    this.#wake()
  }

  async next(): Promise<Change | undefined> {
    while (this.#waiting.length === 0 && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    return this.#signal.aborted ? undefined : this.#waiting.shift()
  }
}
