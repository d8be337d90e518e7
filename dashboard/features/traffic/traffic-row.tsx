import {
  IconAlertTriangle,
  IconArrowRight,
  IconCheck,
  IconLock,
  IconPlugConnectedX,
  IconX,
} from '@tabler/icons-react'
import { memo } from 'react'
import { formatBytes, formatMicros, formatTime } from '../../lib/format.ts'
import type { EntryLine } from './entry-line.ts'
import { type EntryRow, type RowEnd, rowOf } from './entry-row.ts'
import classes from './traffic.module.css'

interface Props {
  readonly id: string
  readonly line: EntryLine
  readonly at: number
  readonly top: number
  readonly isSelected: boolean
  /** Of the same stream as the one that is selected. */
  readonly isRelated: boolean
}

/** One entry. Its line is read when it is first shown. */
export const TrafficRow = memo(function TrafficRow({ id, line, at, top, isSelected, isRelated }: Props) {
  const row = shownRow(line)
  return (
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-setsize={-1}
      aria-posinset={at + 1}
      aria-selected={isSelected}
      data-id={line.id}
      data-mark={row?.mark}
      data-related={isRelated && !isSelected}
      className={`${classes.row} ${classes.entry}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      {row === undefined ? <Unreadable /> : <Cells row={row} />}
    </div>
  )
})

function Cells({ row }: { readonly row: EntryRow }) {
  const { protocol, status } = row
  return (
    <>
      <span data-column="marks" className={classes.marks}>
        <Marks row={row} />
      </span>
      <span data-column="time" className={`${classes.cell} ${classes.muted}`}>
        {formatTime(row.at)}
      </span>
      <span data-column="protocol" title={protocol.title}>
        <span
          className={classes.badge}
          style={{ backgroundColor: protocol.background, color: protocol.foreground }}
        >
          {protocol.label}
        </span>
      </span>
      <span data-column="method" className={classes.cell} title={row.method}>
        {row.method}
      </span>
      <span data-column="status" data-align="right" className={classes.cell}>
        {status !== undefined && (
          <span className={classes.status} data-tone={status.tone}>
            {status.text}
          </span>
        )}
      </span>
      <span data-column="summary" className={`${classes.cell} ${classes.mono}`} title={row.summary}>
        {row.summary}
      </span>
      <End column="source" end={row.source} />
      <span data-column="arrow" className={classes.muted}>
        <IconArrowRight size={13} role="img" aria-label="to" />
      </span>
      <End column="destination" end={row.destination} />
      <span data-column="elapsed" data-align="right" className={classes.cell}>
        {row.elapsed === undefined ? '' : formatMicros(row.elapsed)}
      </span>
      <span data-column="size" data-align="right" className={`${classes.cell} ${classes.muted}`}>
        {formatBytes(row.size)}
      </span>
      <span data-column="tags" className={classes.cell} title={row.tags.join(', ')}>
        {row.tags.map((tag) => (
          <span key={tag} className={classes.tag}>
            {tag}
          </span>
        ))}
      </span>
    </>
  )
}

/** What an agent said of it, and what is special about it: each with a sign and in words. */
function Marks({ row }: { readonly row: EntryRow }) {
  return (
    <>
      {row.mark === 'passed' && (
        <IconCheck size={15} stroke={2.6} className={classes.good} role="img" aria-label="passed" />
      )}
      {row.mark === 'failed' && (
        <IconX size={15} stroke={2.6} className={classes.bad} role="img" aria-label="failed" />
      )}
      {row.error !== '' ? (
        <IconAlertTriangle size={14} className={classes.bad} role="img" aria-label={`error: ${row.error}`} />
      ) : (
        row.half !== undefined && (
          <IconPlugConnectedX size={14} className={classes.muted} role="img" aria-label={row.half} />
        )
      )}
      {row.isTls && <IconLock size={13} className={classes.muted} role="img" aria-label="was encrypted" />}
    </>
  )
}

function End({ column, end }: { readonly column: string; readonly end: RowEnd }) {
  const title = [end.name, end.namespace, end.address].filter((each) => each !== '').join('\n')
  return (
    <span data-column={column} className={classes.cell} title={title}>
      {end.isResolved ? end.name : <span className={classes.muted}>{end.address}</span>}
      {end.namespace !== '' && <span className={classes.muted}> · {end.namespace}</span>}
    </span>
  )
}

function Unreadable() {
  return <span className={`${classes.cell} ${classes.muted}`}>An entry that cannot be read</span>
}

/** Rows are read once, and forgotten with their lines. */
export function shownRow(line: EntryLine): EntryRow | undefined {
  const known = rows.get(line)
  if (known !== undefined) return known
  const row = rowOf(line.text)
  if (row !== undefined) rows.set(line, row)
  return row
}

const rows = new WeakMap<EntryLine, EntryRow>()
