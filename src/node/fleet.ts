import type { AliveNodes } from '../agent/cluster-job.ts'
import type { Bus } from '../bus/bus.ts'
import { decode } from '../wire/codec.ts'
import { NODE_GONE_MS, type NodeStatus, nodeStatus } from '../wire/nodes.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { NodeView } from '../wire/views.ts'

/** Workers and hubs of which something was heard lately, by what they say of themselves once a second. */
export class Fleet implements AliveNodes {
  readonly #heard = new Map<string, Heard>()
  readonly #stop: () => void
  readonly #sweep: NodeJS.Timeout
  readonly #listeners = new Set<() => void>()
  /** Messages that made no sense. */
  malformed = 0

  constructor(bus: Bus) {
    this.#stop = bus.subscribe(SUBJECTS.allStatus, (payload) => this.#hear(payload))
    this.#sweep = setInterval(() => this.#forget(), SWEEP_MS)
  }

  nodes(): NodeView[] {
    const now = performance.now()
    return [...this.#heard.values()]
      .map(({ status, atMs, skewMs }) => ({ ...status, skewMs, silentMs: Math.round(now - atMs) }))
      .sort((a, b) => (a.node < b.node ? -1 : a.node > b.node ? 1 : 0))
  }

  workers(): NodeView[] {
    return this.nodes().filter(({ component }) => component === 'worker')
  }

  isAlive(boot: string): boolean {
    return [...this.#heard.values()].some(({ status }) => status.boot === boot)
  }

  get count(): number {
    return this.#heard.size
  }

  /** Called when a node comes, goes, or says something new. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#stop()
    clearInterval(this.#sweep)
  }

  #hear(payload: Uint8Array): void {
    const status = decode(nodeStatus, payload)
    if (status === undefined) {
      this.malformed++
      return
    }
    this.#heard.set(keyOf(status), {
      status,
      atMs: performance.now(),
      skewMs: Math.round(status.now - Date.now()),
    })
    this.#tell()
  }

  /** By our own clock: theirs may be anything. */
  #forget(): void {
    const now = performance.now()
    const gone = [...this.#heard].filter(([, { atMs }]) => now - atMs > NODE_GONE_MS)
    for (const [key] of gone) this.#heard.delete(key)
    if (gone.length > 0) this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

interface Heard {
  readonly status: NodeStatus
  readonly atMs: number
  readonly skewMs: number
}

/** A worker that was started again is another one until the first is forgotten; what it says last counts. */
function keyOf({ component, node, boot }: NodeStatus): string {
  return component === 'hub' ? `hub ${boot}` : `worker ${node}`
}

const SWEEP_MS = 500
