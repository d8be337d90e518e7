import { IconAlertTriangleFilled } from '@tabler/icons-react'
import {
  BaseEdge,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getBezierPath,
  useStore,
} from '@xyflow/react'
import { memo, useState } from 'react'
import { formatMicros } from '../../lib/format.ts'
import classes from './map.module.css'
import { formatPace, formatShare } from './numbers.ts'
import type { Link } from './service-graph.ts'

export type LinkEdgeType = Edge<
  {
    readonly link: Link
    readonly seconds: number
    readonly isDimmed: boolean
    /** Says its numbers also where nobody points at it. */
    readonly isLabelled: boolean
  },
  'link'
>

/** What goes from one service to another: thicker for more, dashed and red where it fails. */
export const LinkEdge = memo(function LinkEdge(props: EdgeProps<LinkEdgeType>) {
  const { id, data, selected, markerEnd } = props
  const [isPointedAt, setPointedAt] = useState(false)
  const isNear = useStore(({ transform }) => transform[2] >= NEAR)
  if (data === undefined) return null
  const { link, seconds, isDimmed, isLabelled } = data
  const [path, x, y] = link.source.key === link.destination.key ? loopPath(props) : getBezierPath(props)
  const state = { 'data-bad': link.errors > 0, 'data-dimmed': isDimmed, 'data-chosen': selected === true }
  const isSaid = isPointedAt || selected === true || (isLabelled && isNear && !isDimmed)
  return (
    <g
      className={classes.link}
      {...state}
      onPointerEnter={() => setPointedAt(true)}
      onPointerLeave={() => setPointedAt(false)}
    >
      <BaseEdge
        id={id}
        path={path}
        style={{ strokeWidth: widthOf(link, seconds) }}
        interactionWidth={16}
        {...(markerEnd === undefined ? {} : { markerEnd })}
      />
      {isSaid && (
        <EdgeLabelRenderer>
          <div
            className={classes.label}
            {...state}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            <LinkWords link={link} seconds={seconds} />
          </div>
        </EdgeLabelRenderer>
      )}
    </g>
  )
})

function LinkWords({ link, seconds }: { readonly link: Link; readonly seconds: number }) {
  const [first, ...others] = link.strands
  if (first === undefined) return null
  return (
    <>
      <span>
        <strong>{first.protocol.abbr}</strong>
        {others.length > 0 && ` +${others.length}`} {formatPace(link.count, seconds)}
        {link.errors > 0 && (
          <span className={classes.bad}>
            {' '}
            <IconAlertTriangleFilled size={10} aria-hidden /> {formatShare(link)}
          </span>
        )}
      </span>
      {first.timed > 0 && (
        <span className={classes.times}>
          {formatMicros(first.p50Us)} · p95 {formatMicros(first.p95Us)}
        </span>
      )}
    </>
  )
}

/** Out at the right and in again at the left, above the service. */
function loopPath({ sourceX, sourceY, targetX, targetY }: EdgeProps<LinkEdgeType>): [string, number, number] {
  const top = sourceY - 58
  const path = `M ${sourceX} ${sourceY} C ${sourceX + 46} ${top}, ${targetX - 46} ${top}, ${targetX} ${targetY}`
  return [path, (sourceX + targetX) / 2, sourceY - 46]
}

function widthOf({ count }: Link, seconds: number): number {
  return Math.min(5, 1.2 + Math.log10(1 + count / seconds))
}

/** Zoom at which words can be read. */
const NEAR = 0.75
