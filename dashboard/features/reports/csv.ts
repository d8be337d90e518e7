/** Rows of a text as RFC 4180 has it, also with line feeds alone; no more than so many. */
export function readCsv(text: string, most = MOST_ROWS): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let at = text.startsWith('\ufeff') ? 1 : 0
  while (at < text.length && rows.length < most) {
    const [field, end] = text[at] === '"' ? quotedAt(text, at) : plainAt(text, at)
    row.push(field)
    at = end + 1
    if (text[end] === ',' && at < text.length) continue
    if (text[end] === ',') row.push('')
    if (text[end] === '\r' && text[at] === '\n') at++
    rows.push(row)
    row = []
  }
  return rows
}

function plainAt(text: string, from: number): readonly [field: string, end: number] {
  END.lastIndex = from
  const end = END.exec(text)?.index ?? text.length
  return [text.slice(from, end), end]
}

/** What stands between a quote that closes and the next comma is kept, as spreadsheets do. */
function quotedAt(text: string, from: number): readonly [field: string, end: number] {
  let field = ''
  let at = from + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return [field + text.slice(at), text.length]
    field += text.slice(at, quote)
    at = quote + 1
    if (text[at] !== '"') break
    field += '"'
    at++
  }
  const [rest, end] = plainAt(text, at)
  return [field + rest, end]
}

const END = /[,\r\n]/g
/** Of those that are shown. */
const MOST_ROWS = 50_000
