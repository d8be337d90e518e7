import '@xyflow/react/dist/style.css'
import { useComputedColorScheme } from '@mantine/core'
import {
  applyNodeChanges,
  Background,
  BackgroundVariant,
  Controls,
  MarkerType,
  type NodeChange,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
} from '@xyflow/react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { arranged, boxesOf, extended, type Positions, SERVICE } from './layout.ts'
import { LinkEdge, type LinkEdgeType } from './link-edge.tsx'
import classes from './map.module.css'
import type { Grouping } from './map-place.ts'
import type { ServiceGraph } from './service-graph.ts'
import { BoxNode, type BoxNodeType, ServiceNode, type ServiceNodeType } from './service-node.tsx'

interface Props {
  readonly graph: ServiceGraph
  readonly seconds: number
  readonly grouping: Grouping
  readonly chosen: string | undefined
  readonly onChoose: (key: string | undefined) => void
  /** Everything is put in order anew when it is another. */
  readonly arranging: string
  /** To be brought into view. */
  readonly sought: { readonly key: string } | undefined
}

/** The services and what goes between them, as a picture that holds still while the numbers change. */
export function MapCanvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  )
}

type AnyNode = ServiceNodeType | BoxNodeType

function Canvas({ graph, seconds, grouping, chosen, onChoose, arranging, sought }: Props) {
  const scheme = useComputedColorScheme('dark')
  const { positions, move, settled } = usePositions(graph, grouping, arranging)
  const flow = useReactFlow<AnyNode, LinkEdgeType>()
  const isFar = useStore(({ transform }) => transform[2] < FAR)
  useEffect(() => {
    if (settled === 0) return
    const frame = requestAnimationFrame(
      () => void flow.fitView({ padding: 0.08, maxZoom: 1.1, duration: 200 }),
    )
    return () => cancelAnimationFrame(frame)
  }, [settled, flow])
  useEffect(() => {
    if (sought !== undefined)
      void flow.fitView({ nodes: [{ id: sought.key }], maxZoom: 1, minZoom: 0.8, duration: 250 })
  }, [sought, flow])

  const nodes = useMemo((): AnyNode[] => {
    const near = chosen === undefined ? undefined : nearOf(graph, chosen)
    const boxes = boxesOf(graph, grouping, positions).map(
      ({ key, title, x, y, width, height }): BoxNodeType => ({
        id: `box:${key}`,
        type: 'box',
        position: { x, y },
        data: { title },
        ...{ width, height, zIndex: -1 },
        ...{ draggable: false, selectable: false, focusable: false, connectable: false },
      }),
    )
    const services = Array.from(graph.services.values(), (service): ServiceNodeType => {
      const { key, title, asked } = service
      return {
        id: key,
        type: 'service',
        position: positions.get(key) ?? { x: 0, y: 0 },
        data: { service, seconds, isDimmed: near !== undefined && !near.has(key) },
        selected: key === chosen,
        ...SERVICE,
        ariaLabel: `${title}, asked ${asked.count} times, ${asked.errors} errors`,
      }
    })
    return [...boxes, ...services]
  }, [graph, grouping, positions, chosen, seconds])

  const edges = useMemo(() => {
    const isFew = graph.links.size <= MOST_LABELLED
    const near = chosen === undefined ? undefined : nearOf(graph, chosen)
    return Array.from(graph.links.values(), (link): LinkEdgeType => {
      const { key, source, destination, errors } = link
      const isOfChosen = chosen === key || chosen === source.key || chosen === destination.key
      return {
        id: key,
        type: 'link',
        source: source.key,
        target: destination.key,
        selected: key === chosen,
        focusable: false,
        markerEnd: {
          type: MarkerType.ArrowClosed,
          width: 14,
          height: 14,
          color: errors > 0 ? 'var(--bad)' : 'var(--muted)',
          markerUnits: 'userSpaceOnUse',
        },
        data: { link, seconds, isDimmed: near !== undefined && !isOfChosen, isLabelled: isFew || isOfChosen },
      }
    })
  }, [graph, chosen, seconds])

  const onNodesChange = (changes: NodeChange<AnyNode>[]) => {
    const moved = changes.filter(({ type }) => type === 'position')
    if (moved.length > 0) move(applyNodeChanges(moved, nodes))
    for (const change of changes)
      if (change.type === 'select' && change.selected && change.id !== chosen) onChoose(change.id)
  }

  return (
    <ReactFlow<AnyNode, LinkEdgeType>
      className={classes.flow}
      data-far={isFar}
      colorMode={scheme}
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onNodesChange={onNodesChange}
      onNodeClick={(_event, { id, type }) => type === 'service' && onChoose(id)}
      onEdgeClick={(_event, { id }) => onChoose(id)}
      onPaneClick={() => onChoose(undefined)}
      nodesConnectable={false}
      deleteKeyCode={null}
      multiSelectionKeyCode={null}
      selectionKeyCode={null}
      onlyRenderVisibleElements={graph.services.size > MOST_DRAWN}
      minZoom={0.05}
      maxZoom={2}
      fitView
      fitViewOptions={{ padding: 0.08, maxZoom: 1.1 }}
      proOptions={{ hideAttribution: true }}
      aria-label="Map of services"
    >
      <Background variant={BackgroundVariant.Dots} gap={24} size={1} />
      <Controls showInteractive={false} />
    </ReactFlow>
  )
}

/** Where services stand: they stay where they are while others come and go. `settled` counts how often all were put in order. */
function usePositions(graph: ServiceGraph, grouping: Grouping, arranging: string) {
  const order = `${grouping} ${arranging}`
  const known = useRef<{ order: string; keys: string; positions: Positions; settled: number }>({
    order: '',
    keys: '',
    positions: new Map(),
    settled: 0,
  })
  const [, redraw] = useState(0)
  const [startedAt] = useState(() => performance.now())
  const now = known.current
  const keys = [...graph.services.keys()].sort().join('\n')
  if (now.order !== order || isMostlyNew(graph, now.positions)) {
    known.current = { order, keys, positions: arranged(graph, grouping), settled: now.settled + 1 }
  } else if (now.keys !== keys) {
    // At first they come one after the other, and nobody has looked at them yet.
    const isNew = performance.now() - startedAt < BEGINNING_MS
    const holdsStill = grouping === 'none' && !isNew
    const positions = holdsStill ? extended(graph, now.positions) : arranged(graph, grouping)
    known.current = { order, keys, positions, settled: now.settled + (isNew ? 1 : 0) }
  }
  const move = (nodes: readonly AnyNode[]) => {
    const services = nodes.filter(({ type }) => type === 'service')
    const positions = new Map(services.map(({ id, position }) => [id, position] as const))
    known.current = { ...known.current, positions }
    redraw((count) => count + 1)
  }
  return { ...known.current, move }
}

/** Then keeping a few in their places would only make a knot. */
function isMostlyNew({ services }: ServiceGraph, positions: Positions): boolean {
  const fresh = [...services.keys()].filter((key) => !positions.has(key)).length
  return fresh > 0 && fresh >= services.size * MOSTLY
}

function nearOf({ links }: ServiceGraph, chosen: string): ReadonlySet<string> {
  const near = new Set([chosen])
  for (const [key, { source, destination }] of links)
    if (key === chosen || source.key === chosen || destination.key === chosen)
      near.add(source.key).add(destination.key)
  return near
}

const NODE_TYPES = { service: ServiceNode, box: BoxNode }
const EDGE_TYPES = { link: LinkEdge }
/** Links that say their numbers all at once. */
const MOST_LABELLED = 40
/** Zoom below which only names can be read. */
const FAR = 0.6
const MOST_DRAWN = 150
const MOSTLY = 0.3
const BEGINNING_MS = 5000
