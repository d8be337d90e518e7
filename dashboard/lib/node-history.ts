import type { NodeView } from '../../src/wire/views.ts'

/** What a node had counted at a time of its own clock. */
interface Sample {
  readonly at: number
  readonly counters: Readonly<Record<string, number>>
  readonly cpu: number
  readonly memory: number
}

export interface Point {
  /** ms since the epoch, by the clock of the node. */
  readonly at: number
  readonly value: number
}

/** What nodes have said in the last five minutes, for as long as the page is open. A node that was started anew begins anew. */
export class NodeHistory {
  readonly #nodes = new Map<string, { readonly boot: string; readonly samples: Sample[] }>()

  note(nodes: readonly NodeView[]): void {
    for (const node of nodes) this.#add(node)
    const there = new Set(nodes.map(keyOf))
    for (const key of this.#nodes.keys()) if (!there.has(key)) this.#nodes.delete(key)
  }

  /** How fast a counter grew between one word of the node and the next, a second. */
  rates(node: NodeKey, counter: string): readonly Point[] {
    const samples = this.#samplesOf(node)
    return samples.slice(1).map(({ at, counters }, index) => {
      const before = samples[index] as Sample
      const grown = (counters[counter] ?? 0) - (before.counters[counter] ?? 0)
      return { at, value: (Math.max(0, grown) * 1000) / (at - before.at) }
    })
  }

  /** The mean of the last seconds; 0 while too little is known. */
  rate(node: NodeKey, counter: string): number {
    const samples = this.#samplesOf(node).slice(-RATE_SAMPLES)
    const [first, last] = [samples[0], samples.at(-1)]
    if (first === undefined || last === undefined || first === last) return 0
    const grown = (last.counters[counter] ?? 0) - (first.counters[counter] ?? 0)
    return (Math.max(0, grown) * 1000) / (last.at - first.at)
  }

  /** How much a counter grew in the last `ms`, as far as that was seen. */
  growth(node: NodeKey, counter: string, ms: number): number {
    const samples = this.#samplesOf(node)
    const last = samples.at(-1)
    const first = samples.find(({ at }) => last !== undefined && at >= last.at - ms)
    if (last === undefined || first === undefined) return 0
    return Math.max(0, (last.counters[counter] ?? 0) - (first.counters[counter] ?? 0))
  }

  loads(node: NodeKey, what: 'cpu' | 'memory'): readonly Point[] {
    return this.#samplesOf(node).map((sample) => ({ at: sample.at, value: sample[what] }))
  }

  #samplesOf(node: NodeKey): readonly Sample[] {
    return this.#nodes.get(keyOf(node))?.samples ?? []
  }

  #add(node: NodeView): void {
    const { boot, now, counters, health } = node
    const known = this.#nodes.get(keyOf(node))
    const samples = known?.boot === boot ? known.samples : []
    if (known?.boot !== boot) this.#nodes.set(keyOf(node), { boot, samples })
    // The hub tells of all nodes when one has said something.
    if (samples.length > 0 && now <= (samples.at(-1) as Sample).at) return
    samples.push({
      at: now,
      counters,
      cpu: numberIn(health, 'cpuUsage'),
      memory: numberIn(health, 'memoryUsage'),
    })
    while ((samples[0] as Sample).at < now - KEPT_MS) samples.shift()
  }
}

type NodeKey = Pick<NodeView, 'node' | 'component'>

function keyOf({ node, component }: NodeKey): string {
  return `${component}/${node}`
}

/** A number of what a node says of its health; 0 when there is none. */
export function numberIn(health: Readonly<Record<string, unknown>>, name: string): number {
  const value = health[name]
  return typeof value === 'number' ? value : 0
}

const KEPT_MS = 300_000
const RATE_SAMPLES = 6
