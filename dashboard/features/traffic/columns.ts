/** What a row has beside its summary, which takes the room that is left. */
export interface Column {
  readonly id:
    | 'marks'
    | 'time'
    | 'protocol'
    | 'method'
    | 'status'
    | 'summary'
    | 'source'
    | 'arrow'
    | 'destination'
    | 'elapsed'
    | 'size'
    | 'tags'
  readonly title: string
  /** px; undefined for what takes the rest. */
  readonly width: number | undefined
  readonly isRight?: boolean
}

export const columns: readonly Column[] = [
  { id: 'marks', title: '', width: 42 },
  { id: 'time', title: 'Time', width: 96 },
  { id: 'protocol', title: 'Protocol', width: 80 },
  { id: 'method', title: 'Method', width: 80 },
  { id: 'status', title: 'Status', width: 54, isRight: true },
  { id: 'summary', title: 'Summary', width: undefined },
  { id: 'source', title: 'Source', width: 136 },
  { id: 'arrow', title: '', width: 20 },
  { id: 'destination', title: 'Destination', width: 136 },
  { id: 'elapsed', title: 'Elapsed', width: 70, isRight: true },
  { id: 'size', title: 'Size', width: 72, isRight: true },
  { id: 'tags', title: 'Tags', width: 92 },
]

/** Widths that somebody has chosen, px. */
export type ColumnWidths = Readonly<Partial<Record<Column['id'], number>>>

/** Templates of the grid, for a list with room for all of it down to one with room for little. */
export function columnTemplates(widths: ColumnWidths): Readonly<Record<`--columns${string}`, string>> {
  const without = (...hidden: readonly Column['id'][]) => template(widths, hidden)
  return {
    '--columns': without(),
    '--columns-narrow': without('tags', 'size'),
    '--columns-slim': without('tags', 'size', 'source', 'arrow'),
    '--columns-least': without('tags', 'size', 'source', 'arrow', 'destination'),
    '--columns-bare': without('tags', 'size', 'source', 'arrow', 'destination', 'elapsed'),
  }
}

/** With one column wider or narrower, within what makes sense. */
export function resized(widths: ColumnWidths, id: Column['id'], by: number): ColumnWidths {
  const before = widthOf(widths, id) ?? 0
  return { ...widths, [id]: Math.round(Math.min(Math.max(before + by, LEAST), MOST)) }
}

/** Nothing but widths of columns. */
export function widthsIn(text: string | null): ColumnWidths {
  try {
    const kept: unknown = JSON.parse(text ?? '{}')
    if (typeof kept !== 'object' || kept === null) return {}
    const known = new Map<string, unknown>(Object.entries(kept))
    return Object.fromEntries(
      columns.flatMap(({ id, width }) => {
        const own = known.get(id)
        return width !== undefined && typeof own === 'number' && own >= LEAST && own <= MOST
          ? [[id, own]]
          : []
      }),
    )
  } catch {
    return {}
  }
}

function template(widths: ColumnWidths, hidden: readonly Column['id'][]): string {
  return columns
    .filter(({ id }) => !hidden.includes(id))
    .map(({ id }) => {
      const width = widthOf(widths, id)
      return width === undefined ? 'minmax(100px, 1fr)' : `${width}px`
    })
    .join(' ')
}

function widthOf(widths: ColumnWidths, id: Column['id']): number | undefined {
  return widths[id] ?? columns.find((column) => column.id === id)?.width
}

const LEAST = 36
const MOST = 600
