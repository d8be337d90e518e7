import type { ConsoleLevel, ConsoleLine } from '../../../src/wire/console.ts'
import { plainText } from './ansi.ts'
import type { KeptLine } from './line-buffer.ts'

/** What stands on one row: a line, or several that say the same after each other. */
export interface ConsoleRow {
  /** Of the first line: stays while others are added. */
  readonly key: string
  readonly line: ConsoleLine
  readonly number: number
  readonly count: number
  /** When the last of them was printed. */
  readonly lastAt: number
}

export interface RowFilter {
  readonly agent?: string | undefined
  readonly node?: string | undefined
  /** Those that are shown; absent: all. */
  readonly levels?: ReadonlySet<ConsoleLevel> | undefined
}

/** Rows for lines that are wanted. Repeats are one row with their count, unless they are to stay apart. */
export function rowsOf(
  lines: readonly KeptLine[],
  filter: RowFilter,
  joinsRepeats = true,
): readonly ConsoleRow[] {
  const rows: ConsoleRow[] = []
  for (const { line, ofAgent, ofAll } of lines) {
    if (!isWanted(line, filter)) continue
    const last = rows.at(-1)
    if (joinsRepeats && last !== undefined && saysTheSame(last.line, line))
      rows[rows.length - 1] = { ...last, count: last.count + 1, lastAt: line.at }
    else
      rows.push({
        key: line.id,
        line,
        number: filter.agent === undefined ? ofAll : ofAgent,
        count: 1,
        lastAt: line.at,
      })
  }
  return rows
}

/** As a file: plain text, with the times of lines and where they come from (agent-api §4.1). */
export function textOf(rows: readonly ConsoleRow[]): string {
  return rows.map(({ line, count }) => `${`${written(line)}\n`.repeat(count)}`).join('')
}

/** The name of such a file. */
export function fileNameOf(title: string | undefined, now: number): string {
  const time = new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')
  const name = (title ?? '').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return `console-${name.replaceAll(/^-+|-+$/g, '').slice(0, 60) || 'all'}-${time}.txt`
}

function written({ at, node, index, level, text }: ConsoleLine): string {
  const label = level === 'log' || level === 'clear' ? '' : `:${level.toUpperCase()}`
  const said = level === 'clear' ? CLEARED : plainText(text)
  return `${new Date(at).toISOString()} [${node}-${index}${label}] ${said}`
}

/** A console that was cleared says so, whatever levels are shown. */
function isWanted(line: ConsoleLine, { agent, node, levels }: RowFilter): boolean {
  const isOfAgent =
    agent === undefined || line.agent === agent || (line.level === 'clear' && line.agent === '')
  if (line.level === 'clear') return isOfAgent
  return (
    isOfAgent &&
    (node === undefined || line.node === node) &&
    (levels === undefined || levels.has(line.level))
  )
}

function saysTheSame(one: ConsoleLine, other: ConsoleLine): boolean {
  return (
    one.text === other.text &&
    one.level === other.level &&
    one.agent === other.agent &&
    one.node === other.node &&
    one.level !== 'clear'
  )
}

/** What stands where a console was cleared (agent-api §8.5). */
export const CLEARED = 'console was cleared'
