import type { ValuePath } from '../../../components/filter-box/clause.ts'

/** What a protocol says of a field of its messages; as `GET /protocols` answers it. */
export interface FieldShape {
  readonly doc?: string
  readonly fields?: Readonly<Record<string, FieldShape>> | undefined
}

/** A part of what is shown of a message. */
export type Section =
  | { readonly kind: 'values'; readonly title: string; readonly values: readonly FieldValue[] }
  | { readonly kind: 'body'; readonly title: string; readonly body: BodyField }
  | { readonly kind: 'tree'; readonly title: string; readonly path: ValuePath; readonly value: unknown }

export interface FieldValue {
  readonly name: string
  readonly path: ValuePath
  readonly value: unknown
  readonly doc: string
}

export interface BodyField {
  readonly path: ValuePath
  readonly text: string
  /** base64, or "" for text. */
  readonly encoding: string
  readonly mimeType: string
  /** Not all of it was kept. */
  readonly isTruncated: boolean
}

interface SectionOptions {
  readonly shape?: FieldShape | undefined
  /** With what is empty. */
  readonly isWhole?: boolean
  /** 0 says that something is not known. */
  readonly hidesZeros?: boolean
}

/**
 * The parts of a message in the order in which people look for them: plain values, names with values such as headers, what it
 * carries, and what has parts of its own. In the order of the schema; what no schema knows is at the end. Nothing is left out
 * but what is empty, which `isWhole` shows, too.
 */
export function sectionsOf(
  message: unknown,
  path: ValuePath,
  { shape, isWhole = false, hidesZeros = false }: SectionOptions = {},
): readonly Section[] {
  if (!isObject(message))
    return message === null || message === undefined
      ? []
      : [{ kind: 'tree', title: 'Value', path, value: message }]
  const names = [...new Set([...Object.keys(shape?.fields ?? {}), ...Object.keys(message)])]
  const present = names.filter(
    (name) =>
      Object.hasOwn(message, name) &&
      (isWhole || !(isEmpty(message[name]) || (hidesZeros && message[name] === 0))),
  )
  const taken = new Set<string>()
  const parts = present.map((name) => part(name, message, [...path, name], shape?.fields?.[name], taken))
  const values = parts.flatMap((each) => (each.kind === 'value' ? [each.value] : []))
  const others = parts.flatMap((each) => (each.kind === 'section' ? [each.section] : []))
  const shown = values.filter(({ path: own }) => !taken.has(String(own.at(-1))))
  const first: readonly Section[] = shown.length === 0 ? [] : [{ kind: 'values', title: '', values: shown }]
  const order = { values: 0, body: 1, tree: 2 }
  return [...first, ...others.sort((left, right) => order[left.kind] - order[right.kind])]
}

/** How many fields are left out because they are empty. */
export function emptyCount(message: unknown): number {
  return isObject(message) ? Object.values(message).filter(isEmpty).length : 0
}

/** `queryString` → `Query string` */
export function titleOf(name: string): string {
  const words = name
    .replace(/(?<=[a-z\d])[A-Z](?![A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(/(?<=[a-z\d])(?=[A-Z])/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

type Part =
  | { readonly kind: 'value'; readonly value: FieldValue }
  | { readonly kind: 'section'; readonly section: Section }

function part(
  name: string,
  message: Fields,
  path: ValuePath,
  shape: FieldShape | undefined,
  taken: Set<string>,
): Part {
  const value = message[name]
  const title = titleOf(name)
  const body = bodyIn(name, message, path, taken)
  if (body !== undefined) return { kind: 'section', section: { kind: 'body', title, body } }
  if (!isObject(value) && !Array.isArray(value))
    return { kind: 'value', value: { name, path, value, doc: shape?.doc ?? '' } }
  if (isObject(value) && Object.values(value).every((each) => typeof each !== 'object' || each === null)) {
    const values = Object.entries(value).map(([key, each]) => ({
      name: key,
      path: [...path, key],
      value: each,
      doc: shape?.fields?.[key]?.doc ?? '',
    }))
    if (values.length > 0) return { kind: 'section', section: { kind: 'values', title, values } }
  }
  return { kind: 'section', section: { kind: 'tree', title, path, value } }
}

/** `{text, encoding, mimeType}`, a text with its encoding in a field beside it, what is called a body, or is as long as one. */
function bodyIn(name: string, message: Fields, path: ValuePath, taken: Set<string>): BodyField | undefined {
  const value = message[name]
  if (isObject(value) && typeof value.text === 'string' && 'encoding' in value)
    return {
      path: [...path, 'text'],
      text: value.text,
      encoding: textOf(value.encoding),
      mimeType: textOf(value.mimeType),
      isTruncated: value.truncated === true,
    }
  if (typeof value !== 'string' || value === '') return undefined
  const beside = `${name}Encoding`
  const isEncoded = typeof message[beside] === 'string'
  const isLong = value.length > LONG_VALUE || value.includes('\n')
  if (!isEncoded && !isLong && !BODY_NAMES.has(name)) return undefined
  if (isEncoded) taken.add(beside)
  return {
    path,
    text: value,
    encoding: textOf(message[beside]),
    mimeType: textOf(message.mimeType),
    isTruncated: message.truncated === true,
  }
}

/** What says nothing: fields of a message that it does not use. */
function isEmpty(value: unknown): boolean {
  if (value === '' || value === null || value === undefined || value === false) return true
  if (Array.isArray(value)) return value.length === 0
  return isObject(value) && (Object.keys(value).length === 0 || (value.text === '' && 'encoding' in value))
}

interface Fields {
  readonly [name: string]: unknown
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')
/** Longer ones are not read in a table. */
const LONG_VALUE = 300
const BODY_NAMES: ReadonlySet<string> = new Set(['body', 'payload', 'payloadData'])
