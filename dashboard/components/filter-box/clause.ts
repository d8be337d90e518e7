import { detectLanguage, type FilterLanguage } from '../../../src/filter/language.ts'

/** Where a value is in an entry: keys, and places in lists. */
export type ValuePath = readonly (string | number)[]

export interface ClauseWish {
  readonly language: FilterLanguage
  /** Entries that do not have this value there. */
  readonly isNot?: boolean
}

/**
 * A filter that matches entries with the same value in the same place as this one. Undefined where the language has no words
 * for it: whole objects, fields that it does not know, text that cannot be written.
 */
export function clauseFor(
  entry: unknown,
  path: ValuePath,
  { language, isNot = false }: ClauseWish,
): string | undefined {
  const value = valueAt(entry, path)
  const field = language === 'kfl1' ? kflField(path) : celField(entry, path)
  if (field === undefined) return undefined
  const clause = comparison(field, value, language)
  if (clause === undefined || !isNot) return clause
  // In KFL a field that is absent makes a bare comparison false, also one with "!=".
  if (language === 'kfl1' || clause.endsWith(')')) return `!(${clause})`
  return clause.replace(' == ', ' != ')
}

/** Both: the filter that there is, and one more condition, in the language that they are to be in. */
export function withClause(filter: string, clause: string, language: FilterLanguage): string {
  const { prefix, source } = withoutPrefix(filter)
  const before = source.trim()
  const whole = before === '' ? clause : `${grouped(before)} ${AND[language]} ${clause}`
  return prefix !== '' ? `${prefix}${whole}` : inLanguage(whole, language)
}

/** With a prefix where a hub would take it for the other language, or for none. */
export function inLanguage(filter: string, language: FilterLanguage): string {
  return languageOf(filter) === language ? filter : `${language}:${filter}`
}

/** The language that a hub takes a filter for; undefined where it has signs of both. */
export function languageOf(filter: string): FilterLanguage | undefined {
  try {
    return detectLanguage(filter, HUB_PREFERS, {}).language
  } catch {
    return undefined
  }
}

/** A text of KFL v1 or CEL: both know these escapes, and CEL more. */
export function quoted(text: string, language: FilterLanguage): string | undefined {
  if (!text.isWellFormed()) return undefined
  const escaped = text
    .replace(/[\\"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
  return `"${language === 'kfl1' ? escaped : escaped.replace(CONTROLS, unicodeEscape)}"`
}

export function valueAt(entry: unknown, path: ValuePath): unknown {
  let value = entry
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string | number, unknown>)[key]
  }
  return value
}

function comparison(field: string, value: unknown, language: FilterLanguage): string | undefined {
  switch (typeof value) {
    case 'string':
      return textComparison(field, value, language)
    case 'number':
      return numberComparison(field, value)
    case 'boolean':
      return `${field} == ${value}`
  }
  if (value === null) return `${field} == ${language === 'kfl1' ? 'nil' : 'null'}`
  return undefined
}

/** Of a long text its beginning: filters have an end. */
function textComparison(field: string, value: string, language: FilterLanguage): string | undefined {
  if (language === 'kfl2' && isPort(field) && /^\d{1,5}$/.test(value)) return `${field} == ${Number(value)}`
  const text = quoted(value, language)
  if (text !== undefined && value.length <= LONGEST_TEXT) return `${field} == ${text}`
  const beginning = /^[^\p{Surrogate}]*/u.exec(value.slice(0, LONGEST_TEXT))?.[0] ?? ''
  return beginning === '' ? undefined : `${field}.startsWith(${quoted(beginning, language)})`
}

const isPort = (field: string) => field === 'src.port' || field === 'dst.port'

function numberComparison(field: string, value: number): string {
  const text = String(value)
  return `${field} == ${/^-?\d{1,15}$/.test(text) ? text : `"${text}"`}`
}

function kflField(path: ValuePath): string | undefined {
  const [first, ...rest] = path
  if (typeof first !== 'string' || !WORD.test(first)) return undefined
  return chain(first, rest, 'kfl1')
}

/** `response.headers["X-A"]`, `questions[0].name`. */
function chain(first: string, rest: ValuePath, language: FilterLanguage): string | undefined {
  let field = first
  for (const key of rest) {
    if (typeof key === 'number') field += `[${key}]`
    else if (WORD.test(key) && !(language === 'kfl2' && CEL_RESERVED.has(key))) field += `.${key}`
    else {
      const text = quoted(key, language)
      if (text === undefined) return undefined
      field += `[${text}]`
    }
  }
  return field
}

function celField(entry: unknown, path: ValuePath): string | undefined {
  const [first, ...rest] = path
  const variable = CEL_VARIABLES[path.join('.')]
  if (variable !== undefined) return variable
  const labels = LABELS[path.slice(0, 4).join('.')]
  if (labels !== undefined && path.length === 5) return chain(labels, path.slice(4), 'kfl2')
  switch (first) {
    case 'request':
    case 'response':
      if (rest.length === 0) return undefined
      return (isOfHttp(entry) ? HTTP_VARIABLES[path.join('.')] : undefined) ?? chain(first, rest, 'kfl2')
    case 'node':
    case 'protocol':
    case 'capture':
    case 'error':
      return rest.length === 0 ? undefined : chain(first, rest, 'kfl2')
    case 'data':
      return rest.length === 1 ? dataVariable(entry, String(rest[0])) : undefined
  }
  return undefined
}

function dataVariable(entry: unknown, key: string): string | undefined {
  const name = valueAt(entry, ['protocol', 'name'])
  const macro = valueAt(entry, ['protocol', 'macro'])
  const prefix = /_(conn|flow)$/.exec(String(macro))?.[1] ?? String(name)
  const variable = `${prefix}_${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`
  return CEL_OF_DATA.has(variable) ? variable : undefined
}

const isOfHttp = (entry: unknown) => valueAt(entry, ['protocol', 'name']) === 'http'

/** Parentheses where one more condition would be read into one of its parts. */
function grouped(filter: string): string {
  const bare = filter.replace(/(["'`])(?:\\.|(?!\1)[^\\])*\1/g, '""')
  return /\bor\b|\|\||\?/.test(bare) ? `(${filter})` : filter
}

function withoutPrefix(filter: string): { readonly prefix: string; readonly source: string } {
  const prefix = /^\s*kfl[12]:/.exec(filter)?.[0] ?? ''
  return { prefix, source: filter.slice(prefix.length) }
}

const unicodeEscape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Of what is the same in both. */
const HUB_PREFERS: FilterLanguage = 'kfl2'
const AND: Readonly<Record<FilterLanguage, string>> = { kfl1: 'and', kfl2: '&&' }
const WORD = /^[A-Za-z_][A-Za-z0-9_]*$/
const CONTROLS = /\p{Cc}/gu
/** Longer ones are compared by their beginning. */
const LONGEST_TEXT = 500
/** Names that CEL keeps for itself. */
const CEL_RESERVED: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)
const CEL_VARIABLES: Readonly<Record<string, string>> = {
  id: 'id',
  index: 'index',
  stream: 'stream',
  timestamp: 'timestamp',
  worker: 'worker',
  tls: 'tls',
  elapsedTime: 'elapsed_time',
  captureSource: 'capture_source_code',
  ...Object.fromEntries(
    ['src', 'dst'].flatMap((end) => [
      ...['ip', 'port', 'name', 'namespace'].map((key) => [`${end}.${key}`, `${end}.${key}`]),
      ...['pod', 'service'].flatMap((kind) =>
        ['name', 'namespace'].map((key) => [`${end}.${kind}.metadata.${key}`, `${end}.${kind}.${key}`]),
      ),
      ...['kind', 'name'].map((key) => [`${end}.workload.${key}`, `${end}.workload.${key}`]),
      [`${end}.nodeName`, `${end}.node`],
    ]),
  ),
  'src.processName': 'local_process_name',
  'dst.processName': 'remote_process_name',
}
const LABELS: Readonly<Record<string, string>> = {
  'src.pod.metadata.labels': 'local_labels',
  'dst.pod.metadata.labels': 'remote_labels',
}
/** Also what says nothing of the language in CEL says KFL in these. */
const HTTP_VARIABLES: Readonly<Record<string, string>> = {
  'request.method': 'method',
  'request.url': 'url',
  'request.path': 'path',
  'response.status': 'status_code',
  'request.httpVersion': 'http_version',
}
const CEL_OF_DATA: ReadonlySet<string> = new Set([
  'tcp_payload',
  'udp_length',
  'udp_checksum',
  'udp_payload',
  'sctp_checksum',
  'sctp_chunk_type',
  'sctp_length',
  ...['conn', 'flow'].flatMap((kind) =>
    'state group_id local_pkts local_bytes local_pps local_bps remote_pkts remote_bytes remote_pps remote_bps'
      .split(' ')
      .map((name) => `${kind}_${name}`),
  ),
])
