import type { Condition } from '../../filter/index.ts'
import type { ColumnNode, SealedSegment } from './sealed-segment.ts'

/** Codes of a column with which no entry matches: `codes[row]` is one of them where `isOut[codes[row]]` is 1. */
export interface Exclusion {
  readonly codes: Uint16Array
  readonly isOut: Uint8Array
}

/**
 * What the conditions of a filter rule out, each value of a column looked at once. Only texts where it speaks of texts, and
 * numbers where of numbers: the filter itself knows what all others are to it.
 */
export function exclusionsOf(segment: SealedSegment, conditions: readonly Condition[]): readonly Exclusion[] {
  return conditions.flatMap((condition) => {
    const node = nodeAt(segment.root, condition.path)
    const fits = testOf(condition)
    if (node === undefined || fits === undefined) return []
    const { codes, cells } = segment.column(node.index)
    const isOut = Uint8Array.from(cells, (cell) => (fits(cell) ? 0 : 1))
    return isOut.includes(1) ? [{ codes, isOut }] : []
  })
}

function nodeAt(root: ColumnNode, path: string): ColumnNode | undefined {
  if (path === '') return undefined // Somewhere in the entry.
  let node: ColumnNode | undefined = root
  for (const name of path.split('.')) node = node?.children.get(name)
  return node
}

/** False for what makes the condition false. */
function testOf({ test, value }: Condition): ((cell: unknown) => boolean) | undefined {
  if (typeof value === 'number') return numberTest(test, value)
  if (typeof value === 'string') return textTest(test, value)
  return test === 'in' ? (cell) => typeof cell !== 'string' || value.includes(cell) : undefined
}

function numberTest(test: Condition['test'], value: number): ((cell: unknown) => boolean) | undefined {
  switch (test) {
    case '==':
      return (cell) => typeof cell !== 'number' || cell === value
    case '<':
      return (cell) => typeof cell !== 'number' || cell < value
    case '<=':
      return (cell) => typeof cell !== 'number' || cell <= value
    case '>':
      return (cell) => typeof cell !== 'number' || cell > value
    case '>=':
      return (cell) => typeof cell !== 'number' || cell >= value
    default:
      return undefined
  }
}

function textTest(test: Condition['test'], value: string): ((cell: unknown) => boolean) | undefined {
  switch (test) {
    case '==':
      return (cell) => typeof cell !== 'string' || cell === value
    case 'contains':
      return (cell) => typeof cell !== 'string' || cell.includes(value)
    case 'startsWith':
      return (cell) => typeof cell !== 'string' || cell.startsWith(value)
    case 'endsWith':
      return (cell) => typeof cell !== 'string' || cell.endsWith(value)
    default:
      return undefined
  }
}
