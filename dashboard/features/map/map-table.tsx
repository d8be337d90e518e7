import { UnstyledButton } from '@mantine/core'
import { IconChevronDown, IconChevronUp } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef, useState } from 'react'
import { formatBytes, formatCount, formatMicros } from '../../lib/format.ts'
import classes from './map.module.css'
import { ErrorShare } from './map-panel.tsx'
import { COLUMNS, type MapRow, rowsOf, type Sorting, sortedBy } from './map-rows.ts'
import { formatPace } from './numbers.ts'
import type { ServiceGraph } from './service-graph.ts'

interface Props {
  readonly graph: ServiceGraph
  readonly seconds: number
  readonly chosen: string | undefined
  readonly onChoose: (key: string) => void
}

/** The same as the map, to be read and sorted. */
export function MapTable({ graph, seconds, chosen, onChoose }: Props) {
  const [sorting, setSorting] = useState<Sorting>({ column: 'rate', isUp: false })
  const rows = useMemo(() => rowsOf(graph, sorting), [graph, sorting])
  const frame = useRef<HTMLElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    overscan: 12,
  })
  const shown = virtual.getVirtualItems()
  const above = shown[0]?.start ?? 0
  const below = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0)
  return (
    <section className={classes.tableFrame} ref={frame} aria-label="Who talks to whom">
      <table className={classes.table} aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {COLUMNS.map(({ id, title }) => (
              <th
                key={id}
                scope="col"
                {...(sorting.column === id ? { 'aria-sort': sorting.isUp ? 'ascending' : 'descending' } : {})}
              >
                <UnstyledButton onClick={() => setSorting(sortedBy(id, sorting))}>
                  {title}
                  {sorting.column === id &&
                    (sorting.isUp ? (
                      <IconChevronUp size={12} aria-hidden />
                    ) : (
                      <IconChevronDown size={12} aria-hidden />
                    ))}
                </UnstyledButton>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space height={above} />
          {shown.map(({ index }) => {
            const row = rows[index]
            return row === undefined ? null : (
              <Row
                key={row.key}
                row={row}
                index={index}
                seconds={seconds}
                isChosen={chosen === row.link.key}
                onChoose={onChoose}
              />
            )
          })}
          <Space height={below} />
        </tbody>
      </table>
    </section>
  )
}

interface RowProps {
  readonly row: MapRow
  readonly index: number
  readonly seconds: number
  readonly isChosen: boolean
  readonly onChoose: (key: string) => void
}

function Row({ row: { link, strand }, index, seconds, isChosen, onChoose }: RowProps) {
  const isTimed = strand.timed > 0
  return (
    <tr data-chosen={isChosen} aria-rowindex={index + 2}>
      <td title={link.source.title}>
        <UnstyledButton className={classes.plainButton} fz="inherit" onClick={() => onChoose(link.key)}>
          {link.source.title}
        </UnstyledButton>
      </td>
      <td title={link.destination.title}>{link.destination.title}</td>
      <td>{strand.protocol.abbr}</td>
      <td>{formatPace(strand.count, seconds)}</td>
      <td>{formatCount(strand.count)}</td>
      <td>
        <ErrorShare totals={strand} />
      </td>
      <td>{isTimed ? formatMicros(strand.p50Us) : '–'}</td>
      <td>{isTimed ? formatMicros(strand.p95Us) : '–'}</td>
      <td>{formatBytes(strand.bytesOut)}</td>
      <td>{formatBytes(strand.bytesIn)}</td>
    </tr>
  )
}

function Space({ height }: { readonly height: number }) {
  if (height <= 0) return null
  return (
    <tr aria-hidden>
      <td colSpan={COLUMNS.length} style={{ height, padding: 0 }} />
    </tr>
  )
}

const ROW = 29
