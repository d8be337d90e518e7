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
  /** Those of nodes beyond the most that are heard. */
  refused = 0
  #bytes = 0

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
    if (status === undefined || !isShallow(status.health)) {
      this.malformed++
      return
    }
    const key = keyOf(status)
    const before = this.#heard.get(key)
    const bytes = this.#bytes - (before?.bytes ?? 0) + payload.length
    if ((before === undefined && this.#heard.size >= MOST_NODES) || bytes > MOST_BYTES) {
      this.refused++
      return
    }
    this.#bytes = bytes
    this.#heard.set(key, {
      status,
      atMs: performance.now(),
      skewMs: Math.round(status.now - Date.now()),
      bytes: payload.length,
    })
    this.#tell()
  }

  /** By our own clock: theirs may be anything. */
  #forget(): void {
    const now = performance.now()
    const gone = [...this.#heard].filter(([, { atMs }]) => now - atMs > NODE_GONE_MS)
    for (const [key, { bytes }] of gone) {
      this.#heard.delete(key)
      this.#bytes -= bytes
    }
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
  /** Of its message. */
  readonly bytes: number
}

/** A worker that was started again is another one until the first is forgotten; what it says last counts. */
function keyOf({ component, node, boot }: NodeStatus): string {
  return component === 'hub' ? `hub ${boot}` : `worker ${node}`
}

/** Whether it can be written again as JSON; what is nested without end cannot. */
function isShallow(value: unknown, deepest = DEEPEST): boolean {
  if (typeof value !== 'object' || value === null) return true
  return deepest > 0 && Object.values(value).every((each) => isShallow(each, deepest - 1))
}

const SWEEP_MS = 500
const MOST_NODES = 5000
/** Of what all nodes say of themselves. */
const MOST_BYTES = 128 << 20
const DEEPEST = 20
