/**
 * Messages of Kafka are written down as tables, after the JSON files that Kafka generates its own code from
 * (clients/src/main/resources/common/message). A line is a field; those below it, further in, are the fields of its
 * parts:
 *
 *     throttleTimeMs int32 1+             from version 1 on
 *     topics [] 0-7                       an array, in versions 0 to 7
 *       name topic
 *       partitions []int32
 *     clusterID string? 12+ tag 0         may be null; a tagged field
 *     topics []?2+                        may be null from version 2 on
 *     assignment {}?                      a structure of its own, or null
 *
 * Beside the types of Kafka there are `topic` and `subject` (strings that a row shows), `topicId` (a uuid, with the
 * name of the topic beside it), `error` (int16, with its name beside it), `config` (the value of a setting, which
 * may be a secret), and bytes: `secret` (never shown), `records`, `subscription`, `assignment`.
 */
export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly isArray: boolean
  /** From this version on it may be null. */
  readonly nullableFrom: number
  readonly from: number
  readonly to: number
  /** Of a tagged field its number, else −1. */
  readonly tag: number
  /** Of its parts, when its type is `struct`. */
  readonly fields: readonly Field[]
}

export type FieldType = (typeof TYPES)[number]

/** The fields of one version, in the order in which they are on the wire. */
export interface Layout {
  readonly fields: readonly LayoutField[]
  /** Of flexible versions (KIP-482), whose structures end with tagged fields. */
  readonly tagged: ReadonlyMap<number, LayoutField> | undefined
}

export interface LayoutField {
  readonly name: string
  readonly type: FieldType
  readonly isArray: boolean
  readonly isNullable: boolean
  /** Of a structure. */
  readonly layout: Layout | undefined
}

/** Reads a table. Tables are ours, so mistakes in them are thrown. */
export function parseTable(table: string): Field[] {
  const lines = table.split('\n').filter((line) => line.trim() !== '')
  return fieldsAt(lines, { at: 0 }, indentOf(lines[0] ?? ''))
}

function fieldsAt(lines: readonly string[], cursor: { at: number }, indent: number): Field[] {
  const fields: Field[] = []
  while (cursor.at < lines.length) {
    const line = lines[cursor.at] as string
    if (indentOf(line) < indent) break
    cursor.at++
    const inner = indentOf(lines[cursor.at] ?? '')
    fields.push(fieldIn(line, inner > indent ? fieldsAt(lines, cursor, inner) : []))
  }
  return fields
}

function fieldIn(line: string, fields: readonly Field[]): Field {
  const found = LINE.exec(line.trim())
  if (found === null) throw new Error(`not a field of Kafka: ${line}`)
  const [, name = '', array, word = '', nullable, nullableFrom, from, to, tag] = found
  const type = word === '' || word === '{}' ? 'struct' : word
  if (!isFieldType(type) || (type === 'struct') !== fields.length > 0) throw new Error(`bad type: ${line}`)
  return {
    name,
    type,
    isArray: array !== undefined,
    nullableFrom: nullable === undefined ? Number.POSITIVE_INFINITY : Number(nullableFrom ?? 0),
    from: Number(from ?? 0),
    to: from === undefined || to === '+' ? Number.POSITIVE_INFINITY : Number(to?.slice(1) ?? from),
    tag: Number(tag ?? -1),
    fields,
  }
}

export function layoutOf(fields: readonly Field[], version: number, isFlexible: boolean): Layout {
  const here = fields.filter(({ from, to }) => from <= version && version <= to)
  const laidOut = (field: Field): LayoutField => ({
    name: field.name,
    type: field.type,
    isArray: field.isArray,
    isNullable: version >= field.nullableFrom,
    layout: field.type === 'struct' ? layoutOf(field.fields, version, isFlexible) : undefined,
  })
  return {
    fields: here.filter(({ tag }) => tag < 0).map(laidOut),
    tagged: isFlexible
      ? new Map(here.filter(({ tag }) => tag >= 0).map((field) => [field.tag, laidOut(field)]))
      : undefined,
  }
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

function isFieldType(word: string): word is FieldType {
  return (TYPES as readonly string[]).includes(word)
}

const TYPES = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint16',
  'float64',
  'string',
  'bytes',
  'uuid',
  'struct',
  'topic',
  'topicId',
  'subject',
  'error',
  'config',
  'secret',
  'records',
  'subscription',
  'assignment',
] as const
/** name, [], type, ?, first version that may be null, first and last version, tag */
const LINE = /^(\w+) (\[\])?(\w+|\{\})?(\?(?:(\d+)\+)?)?(?: (\d+)(\+|-\d+)?)?(?: tag (\d+))?$/
