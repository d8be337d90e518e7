import type { MapEdge, MapEnd, MapView } from '../../../src/wire/map.ts'

/** Sums of a service or of what goes between two. */
export interface Totals {
  readonly count: number
  readonly errors: number
  readonly bytesOut: number
  readonly bytesIn: number
}

export interface Protocol {
  readonly abbr: string
  readonly backgroundColor: string
  readonly foregroundColor: string
}

/** One who talks or is talked to; several addresses without a name that all talk to the same are one. */
export interface Service {
  readonly key: string
  readonly title: string
  readonly namespace: string
  /** More than one where they are folded together. */
  readonly ends: readonly MapEnd[]
  /** What it is asked … */
  readonly asked: Totals
  /** … and what it asks others. */
  readonly asks: Totals
}

/** What goes from one service to another in one protocol. */
export interface Strand extends Totals {
  readonly protocol: Protocol
  readonly timed: number
  readonly p50Us: number
  readonly p95Us: number
}

/** All that goes from one service to another. */
export interface Link extends Totals {
  readonly key: string
  readonly source: Service
  readonly destination: Service
  /** What goes most first. */
  readonly strands: readonly Strand[]
}

export interface ServiceGraph {
  readonly services: ReadonlyMap<string, Service>
  readonly links: ReadonlyMap<string, Link>
}

export interface GraphWish {
  readonly hidden: ReadonlySet<string>
  /** Addresses without names that talk to the same are put together. */
  readonly isFolded: boolean
}

export function graphOf(view: MapView, { hidden, isFolded }: GraphWish): ServiceGraph {
  const edges = view.edges.filter(({ protocol }) => !hidden.has(view.protocols[protocol]?.abbr ?? ''))
  const keys = isFolded ? foldedKeys(view.ends, edges) : view.ends.map(keyOfEnd)
  const used = new Set(edges.flatMap(({ source, destination }) => [source, destination]))
  const members = Map.groupBy(
    view.ends.map((end, at) => ({ end, key: keys[at] ?? '' })).filter((_, at) => used.has(at)),
    ({ key }) => key,
  )
  const askedBy = Map.groupBy(edges, ({ destination }) => keys[destination])
  const asking = Map.groupBy(edges, ({ source }) => keys[source])
  const between = Map.groupBy(edges, ({ source, destination }) => `${keys[source]}→${keys[destination]}`)
  const services = new Map<string, Service>()
  for (const [key, all] of members) {
    const ends = all.map(({ end }) => end)
    services.set(key, {
      key,
      title: titleOf(ends),
      namespace: ends[0]?.namespace ?? '',
      ends,
      asked: totalsOf(askedBy.get(key) ?? []),
      asks: totalsOf(asking.get(key) ?? []),
    })
  }
  const links = new Map<string, Link>()
  for (const [key, own] of between) {
    const source = services.get(keys[own[0]?.source ?? -1] ?? '')
    const destination = services.get(keys[own[0]?.destination ?? -1] ?? '')
    if (source === undefined || destination === undefined) continue
    links.set(key, { key, source, destination, strands: strandsOf(own, view), ...totalsOf(own) })
  }
  return { services, links }
}

/** A service and those that it talks with, or a link and its two ends. */
export function aroundOf(graph: ServiceGraph, chosen: string): ServiceGraph {
  const links = [...graph.links].filter(
    ([key, { source, destination }]) => key === chosen || source.key === chosen || destination.key === chosen,
  )
  const kept = new Set(links.flatMap(([, { source, destination }]) => [source.key, destination.key]))
  kept.add(chosen)
  return {
    services: new Map([...graph.services].filter(([key]) => kept.has(key))),
    links: new Map(links),
  }
}

/** The busiest links alone, and those that they are between. */
export function busiestOf(graph: ServiceGraph, most: number): ServiceGraph {
  if (graph.links.size <= most) return graph
  const links = [...graph.links].sort(([, a], [, b]) => b.count - a.count).slice(0, most)
  const kept = new Set(links.flatMap(([, { source, destination }]) => [source.key, destination.key]))
  return {
    services: new Map([...graph.services].filter(([key]) => kept.has(key))),
    links: new Map(links),
  }
}

export function keyOfEnd({ name, namespace, ip }: MapEnd): string {
  if (name === '') return ip
  return namespace === '' ? name : `${namespace}/${name}`
}

/** As the map sums it: from whom to whom. */
export function totalsOf(all: readonly Totals[]): Totals {
  const totals = { count: 0, errors: 0, bytesOut: 0, bytesIn: 0 }
  for (const each of all) {
    totals.count += each.count
    totals.errors += each.errors
    totals.bytesOut += each.bytesOut
    totals.bytesIn += each.bytesIn
  }
  return totals
}

/** What it has of all protocols, the most first. */
export function protocolsOf(view: MapView): readonly (Protocol & Totals)[] {
  return view.protocols
    .map((protocol, at) => ({ ...protocol, ...totalsOf(view.edges.filter((edge) => edge.protocol === at)) }))
    .sort((a, b) => b.count - a.count || a.abbr.localeCompare(b.abbr))
}

function strandsOf(edges: readonly MapEdge[], view: MapView): readonly Strand[] {
  const strands = Array.from(
    Map.groupBy(edges, ({ protocol }) => protocol),
    ([at, own]): Strand => {
      const slowest = own.reduce((worst, each) => (each.timed > worst.timed ? each : worst))
      return {
        protocol: view.protocols[at] ?? { abbr: '?', backgroundColor: '#666666', foregroundColor: '#ffffff' },
        ...totalsOf(own),
        timed: own.reduce((sum, { timed }) => sum + timed, 0),
        p50Us: slowest.p50Us,
        p95Us: Math.max(...own.map(({ p95Us }) => p95Us)),
      }
    },
  )
  return strands.sort((a, b) => b.count - a.count || a.protocol.abbr.localeCompare(b.protocol.abbr))
}

/** Addresses without a name get one key where they talk to just the same, in the same directions, and are many. */
function foldedKeys(ends: readonly MapEnd[], edges: readonly MapEdge[]): readonly string[] {
  const peers = ends.map(() => new Set<string>())
  for (const { source, destination } of edges) {
    peers[source]?.add(`→${destination}`)
    peers[destination]?.add(`←${source}`)
  }
  const alike = ends.map(({ name, namespace }, at) =>
    name === '' ? `${namespace} ${[...(peers[at] ?? [])].sort().join()}` : undefined,
  )
  const sizes = new Map<string, number>()
  for (const each of alike) if (each !== undefined) sizes.set(each, (sizes.get(each) ?? 0) + 1)
  const firsts = new Map<string, string>()
  return ends.map((end, at) => {
    const same = alike[at]
    if (same === undefined || (sizes.get(same) ?? 0) < LEAST_FOLDED) return keyOfEnd(end)
    const first = firsts.get(same) ?? `${end.ip}+`
    firsts.set(same, first)
    return first
  })
}

function titleOf(ends: readonly MapEnd[]): string {
  const [first] = ends
  if (first === undefined) return ''
  if (ends.length > 1) return `${ends.length} addresses`
  return first.name === '' ? first.ip : first.name
}

const LEAST_FOLDED = 4
