import { quantileOf } from '../shared-state/quantile-answers.ts'
import { Quantiles } from '../shared-state/quantiles.ts'
import type { MapEdge, MapEnd, MapView } from '../wire/map.ts'
import { type Badge, type End, endKey } from './call.ts'
import { addEdge, type EdgeSum, type EdgeSums, keyOf, OTHERS } from './edge-sum.ts'
import { Listed } from './packed.ts'

/** What one worker has summed. */
export interface WorkerSums {
  readonly node: string
  readonly spanMs: number
  readonly isFilling: boolean
  readonly isCut: boolean
  readonly edges: readonly EdgeSum[]
}

/** One map of what all workers have summed. */
export function mapOf(workers: readonly WorkerSums[]): MapView {
  const all = workers.flatMap(({ edges }) => edges)
  const known = nameOfAddress(all)
  const also = new Set<string>()
  const named = (end: End): End => {
    const better = end.name === '' ? known.get(end.ip) : undefined
    if (better !== undefined) also.add(endKey(better))
    return better ?? end
  }
  const sums: EdgeSums = new Map()
  for (const edge of all) {
    const its = { ...edge, source: named(edge.source), destination: named(edge.destination) }
    addEdge(sums, keyOf(its), its)
  }
  const others = sums.get(OTHERS)
  sums.delete(OTHERS)
  const ends = new Listed<End>(endKey)
  const protocols = new Listed<Badge>(({ abbr }) => abbr)
  const edges = Array.from(sums.values(), (sum): MapEdge => {
    const { count, errors, bytesOut, bytesIn, timed, latencyUs } = sum
    const { p50, p95 } = latenciesOf(sum.bins) ?? { p50: 0, p95: 0 }
    return {
      source: ends.placeOf(sum.source),
      destination: ends.placeOf(sum.destination),
      protocol: protocols.placeOf(sum.protocol),
      ...{ count, errors, bytesOut, bytesIn, timed },
      meanUs: timed === 0 ? 0 : latencyUs / timed,
      p50Us: p50,
      p95Us: p95,
    }
  })
  return {
    spanMs: Math.max(1, ...workers.map(({ spanMs }) => spanMs)),
    workers: workers.map(({ node }) => node),
    isFilling: workers.some(({ isFilling }) => isFilling),
    isCut: workers.some(({ isCut }) => isCut),
    ends: ends.all.map((end): MapEnd => ({ ...end, isByAddress: also.has(endKey(end)) })),
    protocols: protocols.all,
    edges,
    others: {
      count: others?.count ?? 0,
      errors: others?.errors ?? 0,
      bytesOut: others?.bytesOut ?? 0,
      bytesIn: others?.bytesIn ?? 0,
    },
  }
}

/**
 * Names of addresses that have one alone: who is asked for by a name often goes without one where it asks itself. Addresses of
 * the machine itself are many programs.
 */
function nameOfAddress(edges: readonly EdgeSum[]): ReadonlyMap<string, End> {
  const names = new Map<string, Map<string, End>>()
  for (const end of edges.flatMap(({ source, destination }) => [source, destination])) {
    if (end.name === '' || end.ip === '' || LOOPBACK.test(end.ip)) continue
    const known = names.get(end.ip) ?? new Map<string, End>()
    names.set(end.ip, known.set(endKey(end), end))
  }
  return new Map(
    Array.from(names).flatMap(([ip, ends]) => {
      const [end] = ends.values()
      return end === undefined || ends.size > 1 ? [] : [[ip, end] as const]
    }),
  )
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/

/** Half and 95 % of the replies took at most so many µs; undefined without any. */
function latenciesOf(bins: ReadonlyMap<number, number>): { p50: number; p95: number } | undefined {
  const numbers = new Quantiles()
  for (const [bin, count] of bins) {
    numbers.positive.set(bin, count)
    numbers.count += count
  }
  // What they were is known as far as the bins tell.
  numbers.min = 0
  numbers.max = Number.MAX_VALUE
  const [p50, p95] = [quantileOf(numbers, 0.5), quantileOf(numbers, 0.95)]
  return p50 === undefined || p95 === undefined ? undefined : { p50, p95 }
}
