/**
 * JSON of an object whose last field is `entries`, which are JSON texts already: each on a line of its own, so that who
 * passes them on, or prints them, need not read them. Without a library: the dashboard reads it, too.
 */
export function joinEntries(head: object, entries: readonly string[]): string {
  const before = JSON.stringify({ ...head, count: entries.length }).slice(0, -1)
  return `${before},"entries":[\n${entries.join(',\n')}\n]}`
}

/** The other way round, for whatever JSON has `entries`. Throws what `JSON.parse` throws, and for other JSON. */
export function splitEntries(text: string): { readonly head: unknown; readonly entries: readonly string[] } {
  const lines = text.split('\n')
  const first = lines[0] ?? ''
  if (!first.endsWith('"entries":[') || lines.at(-1) !== ']}') return readEntries(text)
  const head: unknown = JSON.parse(`${first}]}`)
  const count = countIn(head)
  if (count === 0) return { head, entries: [] }
  if (lines.length !== count + 2) return readEntries(text)
  const entries = lines.slice(1, -1).map((line) => (line.endsWith(',') ? line.slice(0, -1) : line))
  return { head, entries }
}

function readEntries(text: string): { readonly head: unknown; readonly entries: readonly string[] } {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('entries' in value) || !Array.isArray(value.entries))
    throw new Error('an answer with entries has none')
  const { entries, ...head } = value
  return { head, entries: entries.map((entry: unknown) => JSON.stringify(entry)) }
}

function countIn(head: unknown): number {
  if (typeof head === 'object' && head !== null && 'count' in head && Number.isSafeInteger(head.count))
    return Number(head.count)
  throw new Error('an answer with entries does not say how many there are')
}
