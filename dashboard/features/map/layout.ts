import { Graph, layout } from '@dagrejs/dagre'
import type { Grouping } from './map-place.ts'
import type { Service, ServiceGraph } from './service-graph.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Box extends Point {
  readonly key: string
  readonly title: string
  readonly width: number
  readonly height: number
}

export const SERVICE = { width: 184, height: 46 }

export type Positions = ReadonlyMap<string, Point>

/** Where everything stands: who asks at the left of whom it asks, those of a group together. */
export function arranged(graph: ServiceGraph, grouping: Grouping): Positions {
  const groups = Map.groupBy(graph.services.values(), (service) => groupOf(service, grouping))
  const inner = new Map(Array.from(groups, ([group, own]) => [group, arrangedGroup(graph, own)] as const))
  if (grouping === 'none') return inner.get('')?.positions ?? new Map()
  const outer = newGraph(72, 120)
  for (const [group, { width, height }] of inner)
    outer.setNode(idOf(group), { width: width + 2 * PADDING, height: height + 2 * PADDING + TITLE })
  for (const { source, destination } of graph.links.values()) {
    const [from, to] = [groupOf(source, grouping), groupOf(destination, grouping)]
    if (from !== to) outer.setEdge(idOf(from), idOf(to), {})
  }
  layout(outer)
  const positions = new Map<string, Point>()
  for (const [group, { positions: own }] of inner) {
    const { x, y, width, height } = outer.node(idOf(group))
    const corner = { x: x - width / 2 + PADDING, y: y - height / 2 + PADDING + TITLE }
    for (const [key, at] of own) positions.set(key, { x: corner.x + at.x, y: corner.y + at.y })
  }
  return positions
}

/** What is there stays; what is new is put beside those that it talks to, where there is room. */
export function extended(graph: ServiceGraph, known: Positions): Positions {
  const positions = new Map([...known].filter(([key]) => graph.services.has(key)))
  const bottom = Math.max(0, ...Array.from(positions.values(), ({ y }) => y)) + SERVICE.height + 40
  for (const key of graph.services.keys()) {
    if (positions.has(key)) continue
    const wish = besidePeer(graph, key, positions) ?? { x: 0, y: bottom }
    positions.set(key, freePlace(wish, positions))
  }
  return positions
}

/** Around those of each group. */
export function boxesOf(graph: ServiceGraph, grouping: Grouping, positions: Positions): readonly Box[] {
  if (grouping === 'none') return []
  const groups = Map.groupBy(graph.services.values(), (service) => groupOf(service, grouping))
  return Array.from(groups, ([group, own]) => {
    const places = own.map(({ key }) => positions.get(key)).filter((place) => place !== undefined)
    const left = Math.min(...places.map(({ x }) => x)) - PADDING
    const top = Math.min(...places.map(({ y }) => y)) - PADDING - TITLE
    const right = Math.max(...places.map(({ x }) => x)) + SERVICE.width + PADDING
    const bottom = Math.max(...places.map(({ y }) => y)) + SERVICE.height + PADDING
    return {
      key: group,
      title: titleOf(group, grouping),
      x: left,
      y: top,
      width: right - left,
      height: bottom - top,
    }
  }).filter(({ width }) => Number.isFinite(width))
}

export function groupOf({ namespace, ends }: Service, grouping: Grouping): string {
  if (grouping === 'namespace') return namespace
  return grouping === 'host' ? (ends.length > 1 ? MANY : (ends[0]?.ip ?? '')) : ''
}

function titleOf(group: string, grouping: Grouping): string {
  if (group === MANY) return 'Many addresses'
  return group === '' ? (grouping === 'namespace' ? 'No namespace' : 'Unknown host') : group
}

function arrangedGroup(graph: ServiceGraph, services: readonly Service[]) {
  const inside = newGraph(22, 110)
  const keys = new Set(services.map(({ key }) => key))
  for (const key of keys) inside.setNode(key, { ...SERVICE })
  for (const { source, destination } of graph.links.values())
    if (source.key !== destination.key && keys.has(source.key) && keys.has(destination.key))
      inside.setEdge(source.key, destination.key, {})
  layout(inside)
  const ranks = Map.groupBy(keys, (key) => Math.round(inside.node(key).x))
  const ordered = [...ranks]
    .sort(([a], [b]) => a - b)
    .map(([, own]) => own.sort((a, b) => inside.node(a).y - inside.node(b).y))
  const positions = inColumns(ordered)
  return { positions, ...sizeOf(positions) }
}

/** Ranks side by side, long ones in several columns, so that the whole is about as wide as a screen. */
function inColumns(ranks: readonly (readonly string[])[]): Positions {
  const rows = rowsFor(ranks.map(({ length }) => length))
  const positions = new Map<string, Point>()
  let left = 0
  for (const rank of ranks) {
    const columns = Math.ceil(rank.length / rows)
    const tall = Math.ceil(rank.length / columns)
    for (const [at, key] of rank.entries()) {
      const column = Math.floor(at / tall)
      const inColumn = Math.min(tall, rank.length - column * tall)
      const top = ((Math.min(rows, Math.max(...ranks.map(({ length }) => length))) - inColumn) / 2) * STEP_Y
      positions.set(key, { x: left + column * STEP_X, y: top + (at % tall) * STEP_Y })
    }
    left += columns * STEP_X + BETWEEN
  }
  return positions
}

/** How many may stand above each other. */
function rowsFor(lengths: readonly number[]): number {
  const longest = Math.max(1, ...lengths)
  for (let rows = LEAST_ROWS; rows < longest; rows++) {
    const columns = lengths.reduce((sum, length) => sum + Math.ceil(length / rows), 0)
    const width = columns * STEP_X + lengths.length * BETWEEN
    if (width <= WIDE * rows * STEP_Y) return rows
  }
  return longest
}

/** The layout takes no empty names. */
const idOf = (group: string) => `:${group}`

function sizeOf(positions: Positions) {
  const xs = Array.from(positions.values(), ({ x }) => x)
  const ys = Array.from(positions.values(), ({ y }) => y)
  return { width: Math.max(0, ...xs) + SERVICE.width, height: Math.max(0, ...ys) + SERVICE.height }
}

function newGraph(nodesep: number, ranksep: number) {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep, ranksep, ranker: 'tight-tree' })
  return graph
}

function besidePeer(graph: ServiceGraph, key: string, positions: Positions): Point | undefined {
  for (const { source, destination } of graph.links.values()) {
    const isSource = source.key === key
    if (!isSource && destination.key !== key) continue
    const peer = positions.get(isSource ? destination.key : source.key)
    if (peer !== undefined) return { x: peer.x + (isSource ? -1 : 1) * (SERVICE.width + 110), y: peer.y }
  }
  return undefined
}

function freePlace({ x, y }: Point, positions: Positions): Point {
  const taken = [...positions.values()]
  const isFree = (at: Point) =>
    taken.every(
      (each) =>
        Math.abs(each.x - at.x) >= SERVICE.width + 16 || Math.abs(each.y - at.y) >= SERVICE.height + 14,
    )
  for (let step = 0; step < taken.length + 1; step++) {
    const at = { x, y: y + step * (SERVICE.height + 22) }
    if (isFree(at)) return at
  }
  return { x, y }
}

const STEP_X = SERVICE.width + 26
const STEP_Y = SERVICE.height + 22
/** Room for links between ranks. */
const BETWEEN = 160
const LEAST_ROWS = 6
/** Width of a screen in its heights. */
const WIDE = 1.9
const PADDING = 18
const TITLE = 22
const MANY = '\0'
