import { valueAt } from '../../components/filter-box/clause.ts'
import type { EntryLine } from './entry-line.ts'

/** Values that a field has in the newest of these entries, the most frequent first; nothing of long ones. */
export function valuesIn(lines: readonly EntryLine[], field: string): readonly string[] {
  const path = (CEL_PATHS[field] ?? field).split('.')
  const counts = new Map<string, number>()
  for (const { text } of lines.slice(-LOOKED_AT)) {
    if (text.length > LONGEST_ENTRY) continue
    const value = valueAt(JSON.parse(text), path)
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    if (!isPlain || value === '' || String(value).length > LONGEST_VALUE) continue
    counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
  }
  return [...counts].sort(([, left], [, right]) => right - left).map(([value]) => value)
}

const CEL_PATHS: Readonly<Record<string, string>> = {
  method: 'request.method',
  path: 'request.path',
  url: 'request.url',
  status_code: 'response.status',
  elapsed_time: 'elapsedTime',
  node_name: 'node.name',
  ...Object.fromEntries(
    ['src', 'dst'].flatMap((end) => [
      ...['pod', 'service'].flatMap((kind) =>
        ['name', 'namespace'].map((key) => [`${end}.${kind}.${key}`, `${end}.${kind}.metadata.${key}`]),
      ),
      [`${end}.node`, `${end}.nodeName`],
    ]),
  ),
}
const LOOKED_AT = 200
const LONGEST_ENTRY = 1 << 20
const LONGEST_VALUE = 100
