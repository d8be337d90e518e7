import { type Badge, type Call, callKey, type End } from './call.ts'
import { latencyBin } from './latency.ts'

/** What went from one to another in one protocol. Plain data: it crosses threads. */
export interface EdgeSum {
  readonly source: End
  readonly destination: End
  readonly protocol: Badge
  /** Entries that it was made of; those that only tell of a connection have no part in the rest. */
  entries: number
  count: number
  errors: number
  bytesOut: number
  bytesIn: number
  /** Replies that came … */
  timed: number
  /** … and how long they took in all, µs. */
  latencyUs: number
  /** How many took how long, by bins of `latency.ts`. */
  readonly bins: Map<number, number>
}

/** Edges by their keys. */
export type EdgeSums = Map<string, EdgeSum>

/** Adds an entry. What would be one edge too many is summed with all others like it. */
export function addCall(sums: EdgeSums, call: Call): void {
  const edge = edgeIn(sums, call.key, call)
  edge.entries++
  edge.count += call.count
  if (call.isError) edge.errors++
  edge.bytesOut += call.bytesOut
  edge.bytesIn += call.bytesIn
  if (call.latencyUs === undefined) return
  const bin = latencyBin(call.latencyUs)
  edge.timed++
  edge.latencyUs += call.latencyUs
  edge.bins.set(bin, (edge.bins.get(bin) ?? 0) + 1)
}

/** Adds sums, or takes them away again. */
export function addEdge(sums: EdgeSums, key: string, from: EdgeSum, times: 1 | -1 = 1): void {
  const edge = edgeIn(sums, key, from)
  edge.entries += times * from.entries
  edge.count += times * from.count
  edge.errors += times * from.errors
  edge.bytesOut += times * from.bytesOut
  edge.bytesIn += times * from.bytesIn
  edge.timed += times * from.timed
  edge.latencyUs += times * from.latencyUs
  for (const [bin, count] of from.bins) {
    const left = (edge.bins.get(bin) ?? 0) + times * count
    if (left === 0) edge.bins.delete(bin)
    else edge.bins.set(bin, left)
  }
}

/** By its key. */
export function keyOf({
  source,
  destination,
  protocol,
}: Pick<EdgeSum, 'source' | 'destination' | 'protocol'>) {
  return protocol.abbr === '' ? OTHERS : callKey(source, destination, protocol.abbr)
}

type Ends = Pick<EdgeSum, 'source' | 'destination' | 'protocol'>

function edgeIn(sums: EdgeSums, key: string, ends: Ends): EdgeSum {
  const known = sums.get(key)
  if (known !== undefined) return known
  if (key !== OTHERS && isFull(sums)) return edgeIn(sums, OTHERS, REST)
  const { source, destination, protocol } = ends
  const edge: EdgeSum = {
    source,
    destination,
    protocol,
    entries: 0,
    count: 0,
    errors: 0,
    bytesOut: 0,
    bytesIn: 0,
    timed: 0,
    latencyUs: 0,
    bins: new Map(),
  }
  sums.set(key, edge)
  return edge
}

/** Whatever is new goes to `OTHERS`. */
export function isFull(sums: EdgeSums): boolean {
  return sums.size >= MOST_EDGES + (sums.has(OTHERS) ? 1 : 0)
}

/** Key of what is summed without telling between whom. */
export const OTHERS = ''
const NOBODY: End = { name: '', namespace: '', ip: '' }
const REST: Ends = {
  source: NOBODY,
  destination: NOBODY,
  protocol: { abbr: '', backgroundColor: '', foregroundColor: '' },
}
/** A map with more is of no use to anybody. */
export const MOST_EDGES = 5000
