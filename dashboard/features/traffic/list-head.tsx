import { type KeyboardEvent, type PointerEvent, useRef } from 'react'
import { type Column, type ColumnWidths, columns, resized } from './columns.ts'
import classes from './traffic.module.css'

interface Props {
  readonly widths: ColumnWidths
  readonly onWidths: (widths: ColumnWidths) => void
}

/** Titles of the columns; their right edges are drawn, or moved by keys, to make them wider. */
export function ListHead({ widths, onWidths }: Props) {
  return (
    <div className={`${classes.row} ${classes.head}`}>
      {columns.map((column) => (
        <span
          key={column.id}
          data-column={column.id}
          data-align={column.isRight === true ? 'right' : undefined}
          className={classes.title}
        >
          {column.title}
          {column.width !== undefined && column.title !== '' && (
            <Edge column={column} widths={widths} onWidths={onWidths} />
          )}
        </span>
      ))}
    </div>
  )
}

function Edge({ column: { id, title, width = 0 }, widths, onWidths }: Props & { readonly column: Column }) {
  const drag = useRef<{ readonly x: number; readonly widths: ColumnWidths }>(undefined)
  // Behind the summary, which takes the rest, what is wider grows to the left.
  const sign = AFTER_REST.has(id) ? -1 : 1
  const onPointerDown = (event: PointerEvent) => {
    event.currentTarget.setPointerCapture(event.pointerId)
    drag.current = { x: event.clientX, widths }
  }
  const onPointerMove = ({ clientX }: PointerEvent) => {
    if (drag.current !== undefined)
      onWidths(resized(drag.current.widths, id, (clientX - drag.current.x) * sign))
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key]
    if (by === undefined) return
    event.preventDefault()
    event.stopPropagation()
    onWidths(resized(widths, id, by))
  }
  return (
    <span
      role="slider"
      tabIndex={0}
      aria-label={`Width of ${title}`}
      aria-orientation="horizontal"
      aria-valuenow={widths[id] ?? width}
      aria-valuetext={`${widths[id] ?? width} pixels`}
      className={classes.resize}
      data-side={sign === 1 ? 'right' : 'left'}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        drag.current = undefined
      }}
      onKeyDown={onKeyDown}
    />
  )
}

const AFTER_REST: ReadonlySet<Column['id']> = new Set(['source', 'destination', 'elapsed', 'size', 'tags'])
const STEP = 10
