import type { Condition } from '../../filter/index.ts'
import { columnOf } from './columns.ts'

/**
 * What ClickHouse can tell of a filter: entries that do not fulfil it do not match. "1" when it can tell nothing. Texts
 * become literals, and nothing else of a filter gets into it.
 */
export function whereOf(conditions: readonly Condition[]): string {
  const parts = conditions.map(clauseOf).filter((each) => each !== undefined)
  return parts.length === 0 ? '1' : `(odd = 1 OR (${parts.join(' AND ')}))`
}

function clauseOf({ path, test, value }: Condition): string | undefined {
  const column = columnOf(path)
  if (column === undefined) return undefined
  if (column.kind === 'number') {
    const isComparable = typeof value === 'number' && Number.isSafeInteger(value) && NUMBER_TESTS.has(test)
    return isComparable ? `${column.name} ${test === '==' ? '=' : test} ${value}` : undefined
  }
  if (test === 'in' && typeof value === 'object') {
    const texts = value.map(sqlText)
    return texts.includes(undefined) || texts.length === 0
      ? undefined
      : `${column.name} IN (${texts.join(', ')})`
  }
  const text = typeof value === 'string' && value !== '' ? sqlText(value) : undefined
  if (text === undefined) return undefined
  if (test === '==') return `${column.name} = ${text}`
  if (test === 'startsWith') return `position(${column.name}, ${text}) = 1`
  return test === 'contains' || test === 'endsWith' ? `position(${column.name}, ${text}) > 0` : undefined
}

/** A literal. Undefined for half of a character, which is not the same in bytes. */
export function sqlText(text: string): string | undefined {
  if (!text.isWellFormed()) return undefined
  return `'${text.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0')}'`
}

const NUMBER_TESTS: ReadonlySet<string> = new Set(['==', '<', '<=', '>', '>='])
