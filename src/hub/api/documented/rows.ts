import { z } from 'zod'

export type Fields = Readonly<Record<string, unknown>>

/** What agents have made of an entry must not matter here. */
const baseShape = z.record(z.string(), z.unknown()).catch({})

/** The row of an entry in lists (agent-api §5.6, BaseEntry). */
export function rowOf(entry: Fields): Fields {
  const plain = Object.fromEntries(PLAIN_FIELDS.map((name) => [name, entry[name] ?? null]))
  const { protocol = null, base, error = null, event = null } = entry
  return { ...plain, proto: protocol, ...baseShape.parse(base), error, event: event !== null }
}

/** The same of a JSON text. */
export function rowText(text: string): string {
  return JSON.stringify(rowOf(fieldsOf(text)))
}

export function fieldsOf(text: string): Fields {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
}

/** An entry with what a detail view draws (agent-api §5.6, EntryWrapper). */
export function wrapperOf(entry: Fields) {
  const { protocol = null } = entry
  const parts = ['request', 'response', 'event', 'data']
  const representation = Object.fromEntries(parts.map((part) => [part, sectionsOf(part, entry[part])]))
  return { protocol, representation, data: entry, base: rowOf(entry) }
}

/** Tables of names and values, with the path of each for a filter; one for each object, deep ones as JSON. */
function sectionsOf(path: string, value: unknown): Fields[] {
  if (!isObject(value)) return []
  const fields = Object.entries(value)
  const plain = fields.filter(([, each]) => !isObject(each))
  const tables = fields.flatMap(([name, each]) =>
    isObject(each) ? [table(name, `${path}.${name}`, Object.entries(each))] : [],
  )
  return plain.length > 0 ? [table('Details', path, plain), ...tables] : tables
}

function table(title: string, path: string, fields: readonly (readonly [string, unknown])[]): Fields {
  const tableData = fields.map(([name, value]) => ({
    name,
    value: isObject(value) ? JSON.stringify(value) : value,
    selector: selector(path, name),
  }))
  return { type: 'table', title, tableData }
}

function selector(path: string, name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

const PLAIN_FIELDS = [
  ...['id', 'stream', 'worker', 'tls', 'timestamp', 'src', 'dst', 'requestSize', 'responseSize', 'size'],
  ...['elapsedTime', 'passed', 'failed', 'record', 'capture', 'checksums', 'duplicate'],
]
