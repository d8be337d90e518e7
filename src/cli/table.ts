import { printable } from './text.ts'

/** Columns of text, each as wide as its widest cell; numbers to the right. Cells may have names in them that others gave. */
export function table(cells: readonly (readonly (string | number)[])[], indent = '  '): string {
  const rows = cells.map((row) => row.map((cell) => (typeof cell === 'string' ? printable(cell) : cell)))
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, width(String(cell)))
    })
  return rows
    .map(
      (row) =>
        indent +
        row
          .map((cell, at) => pad(cell, widths[at] as number, at === row.length - 1))
          .join('  ')
          .trimEnd(),
    )
    .join('\n')
}

function pad(cell: string | number, to: number, last: boolean): string {
  const text = String(cell)
  const space = ' '.repeat(to - width(text))
  if (typeof cell === 'number' || /^[\d,.]+( [kMG]?B| ms| s| %)?$/.test(text)) return space + text
  return last ? text : text + space
}

function width(text: string): number {
  return text.length
}

/** `1,234,567` */
export function count(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1.2 MB`, decimal units. */
export function bytes(number: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = number
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** `850 ms`, `3.24 s`, `2 min 5 s`, `3 h 20 min`, `12 d 4 h` */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_995) return `${(ms / 1000).toFixed(2)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  const hours = Math.round(minutes / 60)
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}
