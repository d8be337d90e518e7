import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useRef } from 'react'
import classes from './listing.module.css'

export interface Column<Row> {
  readonly name: string
  /** Instead of the name. */
  readonly head?: ReactNode
  /** px; the one without takes what is left. */
  readonly width?: number
  readonly isRight?: boolean
  readonly cell: (row: Row) => ReactNode
  /** The whole text of a cell, for those who point at it. */
  readonly title?: (row: Row) => string | undefined
}

interface Props<Row> {
  /** What is listed, for those who cannot see it. */
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  /** What a row is known by when others come and go. */
  readonly keyOf: (row: Row) => string
  /** More of a row, under it; undefined: it is closed. */
  readonly below?: (row: Row) => ReactNode | undefined
  readonly toneOf?: (row: Row) => 'chosen' | 'muted' | undefined
  /** Somebody looks at the first rows no more, or again. */
  readonly onAway?: (isAway: boolean) => void
}

/** A table that is a screen of its own: a line each, however many there are. Only what is on the screen exists. */
export function Listing<Row>({ label, columns, rows, keyOf, below, toneOf, onAway }: Props<Row>) {
  const scroller = useRef<HTMLElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => keyAt(rows, index, keyOf),
    overscan: OVERSCAN,
    useFlushSync: false,
  })
  const shown = virtual.getVirtualItems()
  const after = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0)
  return (
    <section
      ref={scroller}
      className={classes.scroller}
      aria-label={label}
      tabIndex={rows.length === 0 ? -1 : 0}
      onScroll={({ currentTarget }) => onAway?.(currentTarget.scrollTop > ROW_HEIGHT)}
    >
      <table
        className={`listing ${classes.table}`}
        style={{ minWidth: leastWidth(columns) }}
        aria-rowcount={rows.length + 1}
      >
        <colgroup>
          {columns.map(({ name, width }) => (
            <col key={name} style={width === undefined ? undefined : { width }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map(({ name, head = name, isRight }) => (
              <th key={name} scope="col" className={isRight === true ? classes.right : undefined}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <Space height={shown[0]?.start ?? 0} columns={columns.length} />
        {shown.map(({ index, key }) => {
          const row = rows[index]
          if (row === undefined) return null
          const more = below?.(row)
          return (
            <tbody key={key} ref={virtual.measureElement} data-index={index}>
              <tr data-tone={toneOf?.(row)} aria-rowindex={index + 2}>
                {columns.map(({ name, cell, isRight, title }) => (
                  <td
                    key={name}
                    className={isRight === true ? classes.right : undefined}
                    title={title?.(row)}
                  >
                    {cell(row)}
                  </td>
                ))}
              </tr>
              {more !== undefined && (
                <tr>
                  <td colSpan={columns.length} className={classes.more}>
                    {more}
                  </td>
                </tr>
              )}
            </tbody>
          )
        })}
        <Space height={after} columns={columns.length} />
      </table>
    </section>
  )
}

/** In place of the rows that nobody sees. */
function Space({ height, columns }: { readonly height: number; readonly columns: number }) {
  if (height <= 0) return null
  return (
    <tbody aria-hidden="true">
      <tr>
        <td colSpan={columns} className={classes.space} style={{ height }} />
      </tr>
    </tbody>
  )
}

function keyAt<Row>(rows: readonly Row[], index: number, keyOf: (row: Row) => string): string | number {
  const row = rows[index]
  return row === undefined ? index : keyOf(row)
}

/** Narrower pages scroll sideways. */
function leastWidth(columns: readonly { readonly width?: number }[]): number {
  return columns.reduce((sum, { width = LEAST_REST }) => sum + width, 0)
}

const ROW_HEIGHT = 37
const OVERSCAN = 12
/** px of the column that takes what is left. */
const LEAST_REST = 150
