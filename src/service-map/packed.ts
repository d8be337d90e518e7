import type { PackedEdges } from '../wire/map.ts'
import type { Badge, End } from './call.ts'
import { endKey } from './call.ts'
import type { EdgeSum } from './edge-sum.ts'

/** Sums as they cross the bus: ends and protocols once. */
export function packEdges(edges: Iterable<EdgeSum>): PackedEdges {
  const ends = new Listed<End>(endKey)
  const protocols = new Listed<Badge>(({ abbr }) => abbr)
  const packed: PackedEdges['edges'] = []
  for (const edge of edges) {
    const isOthers = edge.protocol.abbr === ''
    packed.push([
      isOthers ? -1 : ends.placeOf(edge.source),
      isOthers ? -1 : ends.placeOf(edge.destination),
      isOthers ? -1 : protocols.placeOf(edge.protocol),
      edge.entries,
      edge.count,
      edge.errors,
      edge.bytesOut,
      edge.bytesIn,
      edge.timed,
      edge.latencyUs,
      [...edge.bins].flat(),
    ])
  }
  return { ends: ends.all, protocols: protocols.all, edges: packed }
}

/** The same the other way round; edges whose ends are missing are those of nobody. */
export function unpackEdges({ ends, protocols, edges }: PackedEdges): EdgeSum[] {
  return edges.map(
    ([source, destination, protocol, entries, count, errors, bytesOut, bytesIn, timed, latencyUs, bins]) => ({
      source: ends[source] ?? NOBODY,
      destination: ends[destination] ?? NOBODY,
      protocol: protocols[protocol] ?? NOTHING,
      entries,
      count,
      errors,
      bytesOut,
      bytesIn,
      timed,
      latencyUs,
      bins: pairs(bins),
    }),
  )
}

/** Things in the order in which they came first. */
export class Listed<T> {
  readonly all: T[] = []
  readonly #places = new Map<string, number>()
  readonly #keyOf: (item: T) => string

  constructor(keyOf: (item: T) => string) {
    this.#keyOf = keyOf
  }

  placeOf(item: T): number {
    const key = this.#keyOf(item)
    const known = this.#places.get(key)
    if (known !== undefined) return known
    this.#places.set(key, this.all.length)
    return this.all.push(item) - 1
  }
}

function pairs(flat: readonly number[]): Map<number, number> {
  const bins = new Map<number, number>()
  for (let at = 0; at + 1 < flat.length; at += 2) bins.set(flat[at] ?? 0, flat[at + 1] ?? 0)
  return bins
}

const NOBODY: End = { name: '', namespace: '', ip: '' }
const NOTHING: Badge = { abbr: '', backgroundColor: '', foregroundColor: '' }
