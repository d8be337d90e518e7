import type { Link, ServiceGraph, Strand } from './service-graph.ts'

/** A line of the table: what goes from one to another in one protocol. */
export interface MapRow {
  readonly key: string
  readonly link: Link
  readonly strand: Strand
}

export const COLUMNS = [
  { id: 'source', title: 'Source', of: ({ link }: MapRow) => link.source.title },
  { id: 'destination', title: 'Destination', of: ({ link }: MapRow) => link.destination.title },
  { id: 'protocol', title: 'Protocol', of: ({ strand }: MapRow) => strand.protocol.abbr },
  { id: 'rate', title: 'Rate', of: ({ strand }: MapRow) => strand.count },
  { id: 'count', title: 'Count', of: ({ strand }: MapRow) => strand.count },
  {
    id: 'errors',
    title: 'Errors',
    of: ({ strand }: MapRow) => (strand.count === 0 ? 0 : strand.errors / strand.count),
  },
  { id: 'p50', title: 'p50', of: ({ strand }: MapRow) => strand.p50Us },
  { id: 'p95', title: 'p95', of: ({ strand }: MapRow) => strand.p95Us },
  { id: 'out', title: 'Bytes there', of: ({ strand }: MapRow) => strand.bytesOut },
  { id: 'in', title: 'Bytes back', of: ({ strand }: MapRow) => strand.bytesIn },
] as const

export type ColumnId = (typeof COLUMNS)[number]['id']

export interface Sorting {
  readonly column: ColumnId
  readonly isUp: boolean
}

export function rowsOf(graph: ServiceGraph, { column, isUp }: Sorting): readonly MapRow[] {
  const of = COLUMNS.find(({ id }) => id === column)?.of ?? COLUMNS[0].of
  const rows = [...graph.links.values()].flatMap((link) =>
    link.strands.map((strand): MapRow => ({ key: `${link.key} ${strand.protocol.abbr}`, link, strand })),
  )
  const sign = isUp ? 1 : -1
  return rows.sort((a, b) => sign * compared(of(a), of(b)) || a.key.localeCompare(b.key))
}

/** Names from A on, numbers from the largest on. */
export function sortedBy(column: ColumnId, before: Sorting): Sorting {
  if (before.column === column) return { column, isUp: !before.isUp }
  return { column, isUp: column === 'source' || column === 'destination' || column === 'protocol' }
}

function compared(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))
}
