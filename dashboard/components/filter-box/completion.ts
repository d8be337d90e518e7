import type { FilterLanguage } from '../../../src/filter/language.ts'
import { quoted } from './clause.ts'

/** Something that a filter may name. */
export interface FilterField {
  /** As it is written: `request.path`, `http`. */
  readonly path: string
  /** A word stands alone: a protocol, a macro. */
  readonly kind: 'word' | 'text' | 'number' | 'flag' | 'map' | 'list' | 'any'
  readonly doc: string
  /** Both, when absent. */
  readonly language?: FilterLanguage
  /** What it often is. */
  readonly values?: readonly string[]
}

export interface Completion {
  readonly label: string
  /** What takes the place of the text between `from` and `to`. */
  readonly insert: string
  readonly doc: string
  readonly kind: 'field' | 'word' | 'operator' | 'value'
}

export interface Completions {
  readonly from: number
  readonly to: number
  readonly items: readonly Completion[]
}

export interface CompletionSource {
  readonly fields: readonly FilterField[]
  readonly language: FilterLanguage
  /** Values that a field has in what is shown, the most frequent first. */
  valuesOf?(path: string): readonly string[]
}

/** What could stand at the cursor. */
export function complete(text: string, cursor: number, source: CompletionSource): Completions {
  const tokens = tokensOf(text.slice(0, cursor))
  const last = tokens.at(-1)
  const partial = last !== undefined && last.end === cursor && last.kind !== 'symbol' ? last : undefined
  const before = partial === undefined ? tokens : tokens.slice(0, -1)
  const written = partial?.text ?? ''
  const from = partial?.start ?? cursor
  const items = itemsAfter(before, written, partial, source)
  return { from, to: endOfWord(text, cursor, partial), items: items.slice(0, MOST_ITEMS) }
}

function itemsAfter(
  before: readonly Token[],
  written: string,
  partial: Token | undefined,
  source: CompletionSource,
): readonly Completion[] {
  const previous = before.at(-1)
  const field = fieldBeforeOperator(before, source.fields)
  if (previous?.kind === 'symbol' && COMPARISONS.has(previous.text))
    return field === undefined ? [] : valuesFor(field, written, source)
  if (partial?.kind === 'text') return []
  if (previous === undefined || beginsOperand(previous)) return operands(written, source)
  const known = source.fields.find(({ path }) => path === previous.text)
  if (known !== undefined && known.kind !== 'word') return operators(known, written, source.language)
  return ranked(connectors(source.language), written)
}

/** `request.path ==`, of which the cursor is to the right. */
function fieldBeforeOperator(
  tokens: readonly Token[],
  fields: readonly FilterField[],
): FilterField | undefined {
  const name = tokens.at(-2)?.text
  return fields.find(({ path }) => path === name)
}

function beginsOperand({ kind, text }: Token): boolean {
  return (kind === 'symbol' && OPENERS.has(text)) || (kind === 'word' && CONNECTORS.has(text))
}

function operands(written: string, { fields, language }: CompletionSource): readonly Completion[] {
  const items = fields
    .filter((field) => field.language === undefined || field.language === language)
    .map(
      ({ path, doc, kind }): Completion => ({
        label: path,
        insert: path,
        doc,
        kind: kind === 'word' ? 'word' : 'field',
      }),
    )
  return [...ranked(items, written), ...methods(written, fields)]
}

/** `request.path.con…`: of a field that is text. */
function methods(written: string, fields: readonly FilterField[]): readonly Completion[] {
  const dot = written.lastIndexOf('.')
  if (dot < 0) return []
  const [path, begun] = [written.slice(0, dot), written.slice(dot + 1)]
  const field = fields.find((each) => each.path === path)
  if (field === undefined || field.kind !== 'text') return []
  return METHODS.filter(([name]) => name.startsWith(begun)).map(([name, doc]) => ({
    label: `${path}.${name}("…")`,
    insert: `${path}.${name}("`,
    doc,
    kind: 'operator',
  }))
}

function operators(field: FilterField, written: string, language: FilterLanguage): readonly Completion[] {
  const fitting = OPERATORS.filter(([, , kinds]) => kinds === undefined || kinds.includes(field.kind))
  const items = fitting.map(
    ([label, doc]): Completion => ({
      label,
      insert: `${label} `,
      doc,
      kind: 'operator',
    }),
  )
  return ranked([...items, ...connectors(language)], written)
}

function connectors(language: FilterLanguage): readonly Completion[] {
  const [and, or] = language === 'kfl1' ? ['and', 'or'] : ['&&', '||']
  return [
    { label: and, insert: `${and} `, doc: 'Both have to hold', kind: 'operator' },
    { label: or, insert: `${or} `, doc: 'One of them has to hold', kind: 'operator' },
  ]
}

function valuesFor(
  field: FilterField,
  written: string,
  { language, valuesOf }: CompletionSource,
): readonly Completion[] {
  const seen = [...new Set([...(valuesOf?.(field.path) ?? []), ...(field.values ?? [])])]
  const values = field.kind === 'flag' && seen.length === 0 ? ['true', 'false'] : seen
  const isBare = field.kind === 'number' || field.kind === 'flag'
  const items = values.flatMap((value): Completion[] => {
    const insert = isBare ? value : quoted(value, language)
    return insert === undefined ? [] : [{ label: insert, insert, doc: '', kind: 'value' }]
  })
  return ranked(items, written)
}

/** What begins so first, then where a part of the name does, then what contains it. */
function ranked(items: readonly Completion[], written: string): readonly Completion[] {
  const wanted = written.toLowerCase()
  return items
    .map((item) => ({ item, rank: rankOf(item.label.toLowerCase(), wanted) }))
    .filter(({ rank, item }) => rank < NO_RANK && item.label !== written)
    .sort((left, right) => left.rank - right.rank)
    .map(({ item }) => item)
}

function rankOf(label: string, wanted: string): number {
  if (label.startsWith(wanted)) return 0
  if (label.includes(`.${wanted}`) || label.includes(`_${wanted}`)) return 1
  return label.includes(wanted) ? 2 : NO_RANK
}

interface Token {
  readonly kind: 'word' | 'text' | 'number' | 'symbol'
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Roughly, and of both languages: a filter that is being written is mostly not one yet. */
function tokensOf(text: string): readonly Token[] {
  return [...text.matchAll(TOKEN)].map(({ 0: whole, index, groups }) => ({
    kind: (Object.keys(groups ?? {}).find((name) => groups?.[name] !== undefined) ??
      'symbol') as Token['kind'],
    text: whole,
    start: index,
    end: index + whole.length,
  }))
}

/** The rest of the word that the cursor stands in is replaced, too. */
function endOfWord(text: string, cursor: number, partial: Token | undefined): number {
  if (partial?.kind !== 'word') return cursor
  return cursor + (/^[\w.]*/.exec(text.slice(cursor))?.[0].length ?? 0)
}

const TOKEN =
  /(?<text>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|`[^`]*`?)|(?<word>[A-Za-z_][\w]*(?:\.[\w]*|\[(?:\d+|\*|"[^"]*")\])*)|(?<number>\d+(?:\.\d+)?)|(?<symbol>[=!<>]=|&&|\|\||[^\s\w])/g
const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>='])
const OPENERS: ReadonlySet<string> = new Set(['(', '!', '&&', '||', ',', ':', '?', '{', '['])
const CONNECTORS: ReadonlySet<string> = new Set(['and', 'or', 'in', 'kfl1', 'kfl2'])
const OPERATORS: readonly (readonly [string, string, (readonly FilterField['kind'][])?])[] = [
  ['==', 'The same'],
  ['!=', 'Another'],
  ['>', 'More', ['number', 'any']],
  ['>=', 'As much, or more', ['number', 'any']],
  ['<', 'Less', ['number', 'any']],
  ['<=', 'As much, or less', ['number', 'any']],
]
const METHODS = [
  ['startsWith', 'Begins with this text'],
  ['endsWith', 'Ends with this text'],
  ['contains', 'Has this text somewhere'],
] as const
const NO_RANK = 3
const MOST_ITEMS = 50
