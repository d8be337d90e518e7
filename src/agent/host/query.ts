import vm from 'node:vm'
import { isSeldom, type Layout, type LayoutField } from '../../entry/layout.ts'
import type { Filter } from '../../filter/index.ts'
import { mask } from '../../filter/mask.ts'
import { makerSource } from './makers.ts'
import type { Marks } from './protocol.ts'
import type { Slot } from './slot.ts'
import { withoutBodies } from './without-bodies.ts'

type Json = Record<string, unknown>
type Maker = (row: readonly unknown[]) => Json

/** An entry on its way through the agents; kept while one of them runs, so that an interrupt loses nothing. */
export interface QueriedEntry {
  readonly row: readonly unknown[]
  /** As it was captured, with its marks. */
  readonly original: Json
  /** As the agents so far have left it: JSON text. */
  text: string
  /** The next agent that gets it. */
  slot: number
}

/**
 * The way of entries through every agent with onItemQueried (agent-api §3.3), each of which may change or hide them. An
 * entry that an agent has left half changed is shown without its bodies.
 */
export class Passage {
  readonly #filter: string

  /** `filter`: the second argument of the hook. */
  constructor(filter: string) {
    this.#filter = filter
  }

  /** Takes an entry through one agent; false when it is to be hidden. */
  pass(entry: QueriedEntry, slot: Slot, layouts: readonly Layout[]): boolean {
    const answer = slot.query(entry.row, layouts, entry.text, this.#filter)
    if (answer === 'hidden') return false
    if (answer === 'half') entry.text = this.#withoutBodies(entry, slot)
    else if (answer !== 'unchanged') entry.text = this.#changed(entry, answer)
    return true
  }

  /** An agent was stopped in the middle of an entry: nobody knows what it has done to it. */
  interrupted(entry: QueriedEntry, slot: Slot): void {
    entry.text = this.#withoutBodies(entry, slot)
  }

  /** What is shown: what cannot change has not. */
  finish({ original, text }: QueriedEntry): string {
    const shown = JSON.parse(text) as Json
    for (const key of FIXED) if (shown[key] !== original[key]) shown[key] = original[key]
    return JSON.stringify(shown)
  }

  /** An agent may answer with an object of its own: what it left out and is not the content stays as it was. */
  #changed(entry: QueriedEntry, answer: string): string {
    const before = JSON.parse(entry.text) as Json
    const after = JSON.parse(answer) as Json
    for (const key of CONTENT) if (!Object.hasOwn(after, key)) delete before[key]
    for (const key of FIXED) after[key] = entry.original[key]
    return JSON.stringify({ ...before, ...after })
  }

  #withoutBodies(entry: QueriedEntry, { agent }: Slot): string {
    const failure = `"${agent.title}" failed while it was changing this entry`
    return JSON.stringify(withoutBodies(JSON.parse(entry.text) as Json, 'agent', failure))
  }
}

/** Entries as they are captured, on their way to a person: those that match the filter. */
export class EntryQuery {
  readonly passage: Passage
  readonly #filter: Filter
  #makers: readonly Maker[] = []
  #makersFor: readonly Layout[] | undefined
  #left: number

  constructor(filter: Filter) {
    this.passage = new Passage(filter.text)
    this.#filter = filter
    this.#left = filter.limit ?? Number.POSITIVE_INFINITY
  }

  /** The entry of a row, if it is asked for. */
  begin(
    row: readonly unknown[],
    layouts: readonly Layout[],
    marks: Marks | undefined,
  ): QueriedEntry | undefined {
    if (this.#left <= 0) return undefined
    if (this.#makersFor !== layouts) this.#makers = plainMakers(layouts)
    this.#makersFor = layouts
    const made = (this.#makers[row[0] as number] as Maker)(row)
    const original = throughJson(made, marks)
    if (!this.#matches(original)) return undefined
    this.#left--
    for (const path of this.#filter.redactions) mask(original, path)
    return { row, original, text: JSON.stringify(original), slot: 0 }
  }

  #matches(entry: Json): boolean {
    try {
      return this.#filter.matches(entry)
    } catch {
      // A filter that fails on an entry does not match it.
      return false
    }
  }
}

/** Entries that were kept, as plain JSON: they become rows again, so that scripts see them as they see captured ones. */
export class StoredEntries {
  readonly layouts: readonly Layout[]
  /** By protocol. The last layout is that of entries of any other. */
  readonly #layoutOf: ReadonlyMap<string, number>

  constructor(layouts: readonly Layout[]) {
    this.layouts = layouts
    this.#layoutOf = new Map(layouts.map(({ protocol }, at) => [nameOf(protocol), at]))
  }

  /** Undefined for what is no entry. */
  begin(text: string): QueriedEntry | undefined {
    const original = objectOf(text)
    if (original === undefined) return undefined
    const at = this.layoutOf(original) ?? this.layouts.length - 1
    return { row: this.row(at, original), original, text, slot: 0 }
  }

  /** Place of the layout of entries of the same protocol; undefined when there is none. */
  layoutOf({ protocol }: Json): number | undefined {
    return this.#layoutOf.get(nameOf(protocol))
  }

  row(layout: number, entry: Json): unknown[] {
    return [layout, ...rowOf((this.layouts[layout] as Layout).fields, entry)]
  }
}

/** Of a protocol and its variant. */
function nameOf(protocol: unknown): string {
  return isObject(protocol) ? JSON.stringify([protocol.name, protocol.version, protocol.abbr]) : ''
}

function objectOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What is not as the layout says is null: the text of the entry, which is put on top, has it. */
function rowOf(fields: readonly LayoutField[], value: Json): unknown[] {
  const always = fields
    .filter((field) => !isSeldom(field))
    .flatMap((field) => {
      if (field.kind === 'constant') return []
      const inner = Object.hasOwn(value, field.name) ? value[field.name] : null
      if (field.kind === 'node') return [isObject(inner) ? rowOf(field.fields, inner) : null]
      // What crosses as it is must be nothing that belongs to us.
      return [field.form === 'plain' && typeof inner === 'object' ? null : inner]
    })
  const seldom = fields.filter(isSeldom).map(({ name, form, absent }) => {
    const inner = Object.hasOwn(value, name) ? value[name] : undefined
    return inner === undefined || (form === 'plain' && typeof inner === 'object') ? absent : inner
  })
  return [...always, ...seldom]
}

/** Dotted paths at which two entries differ, and not below them; the first of them, when there are many. */
export function changedPaths(before: unknown, after: unknown): string[] {
  const paths: string[] = []
  const look = (one: unknown, other: unknown, path: string): void => {
    if (one === other || paths.length >= MOST_CHANGES) return
    if (isObject(one) && isObject(other)) {
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)]))
        look(one[key], other[key], path === '' ? key : `${path}.${key}`)
    } else if (JSON.stringify(one) !== JSON.stringify(other)) paths.push(path.slice(0, LONGEST_PATH))
  }
  look(before, after, '')
  return paths
}

/** An entry of which too much has become: fail closed. */
export function emptied(text: string): string {
  return JSON.stringify(withoutBodies(JSON.parse(text) as Json, 'agent', 'agents have made too much of it'))
}

/** So that what the filter sees is what is shown. What scripts have read may be nested more deeply than JSON can be made. */
function throughJson(entry: Json, marks: Marks | undefined): Json {
  try {
    return JSON.parse(JSON.stringify({ ...entry, ...marks })) as Json
  } catch {
    return withoutBodies({ ...entry }, 'dissection', 'its content is nested too deeply, or too long')
  }
}

/** Makers of plain objects in our own realm. */
function plainMakers(layouts: readonly Layout[]): readonly Maker[] {
  const make = vm.compileFunction(makerSource(layouts, new Set(['*'])), [])() as (
    ...values: unknown[]
  ) => Maker[]
  const same = (value: unknown) => value
  const parsed = (value: unknown) => (typeof value === 'string' ? JSON.parse(value) : value)
  return make(same, same, () => Object.prototype, same, same, parsed)
}

const MOST_CHANGES = 20
const LONGEST_PATH = 200
const CONTENT = ['request', 'response', 'data', 'base', 'passed', 'failed'] as const
const FIXED = ['id', 'stream', 'worker', 'index'] as const
