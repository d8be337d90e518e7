/** Fields that ClickHouse has in columns of their own: it looks at these, and the filter itself at what is left. */
const TEXTS: Readonly<Record<string, string>> = {
  'protocol.name': 'protocol_name',
  'protocol.abbr': 'protocol_abbr',
  'protocol.macro': 'protocol_macro',
  'src.ip': 'src_ip',
  'src.name': 'src_name',
  'dst.ip': 'dst_ip',
  'dst.name': 'dst_name',
  'request.method': 'method',
  'request.path': 'path',
  'request.url': 'url',
}
const NUMBERS: Readonly<Record<string, string>> = {
  'response.status': 'status',
  elapsedTime: 'elapsed',
}

export const COLUMN_TYPES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.values(TEXTS).map((name) => [name, 'String'])),
  ...Object.fromEntries(Object.values(NUMBERS).map((name) => [name, 'Int64'])),
  /** 1: something in the other columns is not what it looks like. */
  odd: 'UInt8',
}

export function columnOf(
  path: string,
): { readonly name: string; readonly kind: 'text' | 'number' } | undefined {
  if (Object.hasOwn(TEXTS, path)) return { name: TEXTS[path] ?? '', kind: 'text' }
  if (Object.hasOwn(NUMBERS, path)) return { name: NUMBERS[path] ?? '', kind: 'number' }
  return undefined
}

/**
 * The columns of an entry. What it does not have is the empty value; where something is there that is neither text nor
 * whole number as it should be, the entry is odd, and ClickHouse leaves it to the filter.
 */
export function columnsOf(json: string): Record<string, string | number> {
  const columns: Record<string, string | number> = { odd: 0 }
  const entry = parsed(json)
  for (const [path, name] of Object.entries(TEXTS)) {
    const value = valueAt(entry, path)
    const isText = typeof value === 'string' && value.length <= LONGEST_TEXT && value.isWellFormed()
    if (!isText && value !== undefined) columns.odd = 1
    columns[name] = isText ? value : ''
  }
  for (const [path, name] of Object.entries(NUMBERS)) {
    const value = valueAt(entry, path)
    if (value !== undefined && !Number.isSafeInteger(value)) columns.odd = 1
    columns[name] = typeof value === 'number' && Number.isSafeInteger(value) ? value : 0
  }
  return columns
}

function valueAt(entry: unknown, path: string): unknown {
  let value = entry
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = Reflect.get(value, name)
  }
  return value
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const LONGEST_TEXT = 4096
