import type { EntryProtocol as AnyEntryProtocol } from './entry.ts'
import { commonFields, legacyFields } from './schema.ts'
import type { Fields, Leaf, Shape } from './shape.ts'

/** What layouts need of a protocol. */
type EntryProtocol = Pick<AnyEntryProtocol, 'protocols' | 'request' | 'response' | 'data'>

/**
 * Which fields of the entries of one protocol cross into the sandbox, and in which order. An entry crosses as a row:
 * an array with the values of the wanted fields, nested objects as arrays of their own, null for null. Plain data.
 */
export interface Layout {
  readonly protocol: unknown
  readonly fields: readonly LayoutField[]
}

export type LayoutField =
  /** Crosses as it is. */
  | {
      readonly kind: 'leaf'
      readonly name: string
      readonly form: LeafForm
      /** Of one that is not always known, which is in the row behind all others, or not at all: what stands for it then. */
      readonly absent?: unknown
    }
  /** Crosses as an array of its fields, or null. */
  | { readonly kind: 'node'; readonly name: string; readonly fields: readonly LayoutField[] }
  /** Does not cross. */
  | { readonly kind: 'constant'; readonly name: string; readonly value: unknown }

/**
 * How a leaf is brought into a realm: primitives as they are, header maps with their lookup, objects of Kubernetes from their
 * text, others as copies.
 */
export type LeafForm = 'plain' | 'headers' | 'kubernetes' | 'deep'

/** Dotted paths of fields that somebody reads; `response?` when only whether it is there; `*` for everything. */
export type Wanted = ReadonlySet<string>

/** Everything that an entry of this protocol can have. */
export function entryFields(protocol: EntryProtocol): Fields {
  return {
    ...commonFields,
    request: protocol.request,
    response: protocol.response,
    ...(protocol.data === undefined ? {} : { data: protocol.data }),
  }
}

/** Layouts of all protocols one after another, in the order in which rows number them. */
export function layoutsFor(protocols: readonly EntryProtocol[], wanted: Wanted): Layout[] {
  return protocols.flatMap((protocol) => layoutsOf(protocol, wanted))
}

/** One layout for each variant of a protocol. */
export function layoutsOf(protocol: EntryProtocol, wanted: Wanted): Layout[] {
  const everything = wanted.has('*')
  const fields = entryFields(protocol)
  return protocol.protocols.map((descriptor) => ({
    protocol: descriptor,
    fields: layoutFields(
      { ...fields, protocol: { kind: 'constant', doc: '', type: '', value: descriptor } },
      '',
      wanted,
      everything,
    ),
  }))
}

function layoutFields(fields: Fields, prefix: string, wanted: Wanted, everything: boolean): LayoutField[] {
  const layout: LayoutField[] = []
  for (const name of Object.keys(fields)) {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const field = layoutField(name, fields[name] as Shape, path, wanted, everything)
    if (field !== undefined) layout.push(field)
  }
  return layout
}

function layoutField(
  name: string,
  shape: Shape,
  path: string,
  wanted: Wanted,
  everything: boolean,
): LayoutField | undefined {
  const whole = everything || wanted.has(path)
  if (!whole && !wanted.has(`${path}?`) && !wantsBelow(wanted, path)) return undefined
  if (shape.kind === 'constant') return { kind: 'constant', name, value: shape.value }
  if (shape.kind === 'object')
    return { kind: 'node', name, fields: layoutFields(shape.fields, path, wanted, whole) }
  const { absent } = shape
  return { kind: 'leaf', name, form: leafForm(name, shape), ...(absent === undefined ? {} : { absent }) }
}

function leafForm(name: string, shape: Leaf<unknown>): LeafForm {
  if (shape.kind === 'text' || shape.kind === 'number' || shape.kind === 'flag') return 'plain'
  if (shape.absent !== undefined && KUBERNETES.has(name)) return 'kubernetes'
  return name === 'headers' ? 'headers' : 'deep'
}

const KUBERNETES: ReadonlySet<string> = new Set(['pod', 'service', 'endpointSlice'])

function wantsBelow(wanted: Wanted, path: string): boolean {
  for (const each of wanted)
    if (each.length > path.length && each.startsWith(path) && each[path.length] === '.') return true
  return false
}

export type Row = readonly unknown[]

/** The values of an entry in the order of its layout. */
export function encodeRow(fields: readonly LayoutField[], value: object): unknown[] {
  const row: unknown[] = []
  let hasSeldom = false
  for (const field of fields) {
    if (field.kind === 'constant') continue
    if (field.kind === 'leaf' && field.absent !== undefined) {
      hasSeldom = true
      continue
    }
    const inner = (value as Record<string, unknown>)[field.name]
    if (field.kind === 'leaf' || inner === null) row.push(inner)
    else row.push(encodeRow(field.fields, inner as object))
  }
  if (hasSeldom) addSeldom(row, fields, value)
  return row
}

function addSeldom(row: unknown[], fields: readonly LayoutField[], value: object): void {
  for (const field of fields) {
    if (!isSeldom(field)) continue
    const inner = (value as Record<string, unknown>)[field.name]
    if (inner === undefined) return
    row.push(inner)
  }
}

type SeldomField = LayoutField & { readonly kind: 'leaf'; readonly absent: unknown }

/** Whether its value may not be in the row, and is behind those that are. */
export function isSeldom(field: LayoutField): field is SeldomField {
  return field.kind === 'leaf' && field.absent !== undefined
}

/** How many values are in every row. */
export function alwaysIn(fields: readonly LayoutField[]): number {
  return fields.filter((field) => field.kind !== 'constant' && !isSeldom(field)).length
}

/** A plain object with the fields of the layout: the inverse of `encodeRow` for those who need no aliases. */
export function decodeRow(fields: readonly LayoutField[], row: Row): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  let at = 0
  let seldomAt = alwaysIn(fields)
  for (const field of fields) {
    if (field.kind === 'constant') value[field.name] = field.value
    else if (isSeldom(field)) {
      const inner = row[seldomAt++]
      value[field.name] = inner === undefined ? field.absent : inner
    } else {
      const inner = row[at++]
      value[field.name] =
        field.kind === 'leaf' || inner === null ? inner : decodeRow(field.fields, inner as Row)
    }
  }
  return value
}

/**
 * What a property name of an entry means below `path`: for reading scripts. Go-style aliases resolve to the field
 * they stand for (agent-api §2.8); fields of any protocol count.
 */
export function resolveField(
  protocols: readonly EntryProtocol[],
  path: readonly string[],
  property: string,
): { readonly kind: 'leaf' | 'node' | 'unknown'; readonly name: string } {
  let kind: 'leaf' | 'node' | 'unknown' = 'unknown'
  let name = property
  for (const protocol of protocols) {
    const fields = fieldsAt({ ...entryFields(protocol), ...(path.length === 0 ? legacyFields : {}) }, path)
    if (fields === undefined) continue
    const found = findField(fields, property)
    if (found === undefined) continue
    name = found
    const shape = fields[found] as Shape
    if (shape.kind === 'object') kind = 'node'
    else if (kind === 'unknown') kind = 'leaf'
  }
  return { kind, name }
}

function fieldsAt(fields: Fields, path: readonly string[]): Fields | undefined {
  let at: Fields | undefined = fields
  for (const step of path) {
    const shape: Shape | undefined = at?.[step]
    at = shape?.kind === 'object' ? shape.fields : undefined
  }
  return at
}

function findField(fields: Fields, property: string): string | undefined {
  if (Object.hasOwn(fields, property)) return property
  return Object.keys(fields).find((name) => goAlias(name) === property)
}

/** The Go field name of a JSON name: `elapsedTime` → `ElapsedTime`, with the exceptions of agent-api §2.8. */
export function goAlias(name: string): string {
  return GO_ALIASES[name] ?? (name[0] ?? '').toUpperCase() + name.slice(1)
}

const GO_ALIASES: Readonly<Record<string, string>> = {
  src: 'Source',
  dst: 'Destination',
  ip: 'IP',
  cgroupId: 'CgroupID',
  containerId: 'ContainerID',
  socketId: 'SocketID',
  processId: 'ProcessID',
  parentProcessId: 'ParentProcessID',
  hostProcessId: 'HostProcessID',
  hostParentProcessId: 'HostParentProcessID',
  abbr: 'Abbreviation',
}
