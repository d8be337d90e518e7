import type { EntryLine } from './entry-line.ts'
import { rowOf } from './entry-row.ts'

/** What is shown, as a table for spreadsheets (RFC 4180). */
export function csvOf(lines: readonly EntryLine[]): string {
  const rows = lines.flatMap((line) => {
    const row = rowOf(line.text)
    if (row === undefined) return []
    return [
      [
        new Date(row.at).toISOString(),
        row.protocol.label,
        row.method,
        row.status?.text ?? '',
        row.summary,
        row.source.name,
        row.source.address,
        row.destination.name,
        row.destination.address,
        String(row.size),
        row.elapsed === undefined ? '' : String(row.elapsed),
        row.mark ?? '',
        row.tags.join(' '),
        line.id,
      ],
    ]
  })
  return [HEADER, ...rows].map((cells) => cells.map(cell).join(',')).join('\r\n')
}

/** The entries as workers wrote them, as one JSON list. */
export function jsonOf(lines: readonly EntryLine[]): string {
  return `[\n${lines.map(({ text }) => text).join(',\n')}\n]\n`
}

/** Spreadsheets run what looks like a formula: such a cell begins with a quote. */
function cell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

const HEADER = [
  'time',
  'protocol',
  'method',
  'status',
  'summary',
  'source',
  'source address',
  'destination',
  'destination address',
  'bytes',
  'elapsed µs',
  'mark',
  'tags',
  'id',
]
