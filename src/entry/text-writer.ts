import { KubernetesObject } from './kubernetes-object.ts'
import { isSeldom, type LayoutField } from './layout.ts'

/** Writes a value as JSON, with the fields of a layout in their order. */
export type TextWriter = (value: object) => string

/**
 * A writer made for one layout: names and constants, which are more than half of an entry, are written as the text that they
 * always are. What it writes is what `JSON.stringify` makes of a plain object with these fields.
 */
export function textWriterOf(fields: readonly LayoutField[]): TextWriter {
  const code = new Code()
  const written = code.object(fields, 'value')
  const variables = code.variables === 0 ? '' : `let ${code.names().join()};`
  const make = new Function('json', `return (value) => { ${variables} return ${written} }`)
  const write: TextWriter = make(json)
  return (value) => {
    try {
      return write(value)
    } catch (error) {
      if (error !== MISSING) throw error
      return JSON.stringify(plain(fields, value))
    }
  }
}

/** Writes expressions of JavaScript that make texts. */
class Code {
  /** So many are needed. */
  variables = 0

  names(): string[] {
    return Array.from({ length: this.variables }, (_, at) => `v${at}`)
  }

  /** `known`: its fields that are not always known are there. */
  object(fields: readonly LayoutField[], value: string, known = true): string {
    const pieces: string[] = []
    let text = '{'
    let separator = ''
    for (const field of fields) {
      const absent = !known && isSeldom(field)
      const constant =
        field.kind === 'constant' ? JSON.stringify(field.value) : absent ? JSON.stringify(field.absent) : ''
      if (constant === undefined) continue
      text += `${separator}${JSON.stringify(field.name)}:${constant}`
      separator = ','
      if (field.kind === 'constant' || absent) continue
      pieces.push(JSON.stringify(text), this.#field(field, `${value}[${JSON.stringify(field.name)}]`))
      text = ''
    }
    return [...pieces, JSON.stringify(`${text}}`)].join(' + ')
  }

  #field(field: Exclude<LayoutField, { kind: 'constant' }>, value: string): string {
    if (field.kind === 'leaf') return `json(${value})`
    const variable = `v${this.variables++}`
    const seldom = field.fields.find(isSeldom)
    const bare =
      seldom === undefined
        ? ''
        : `${variable}[${JSON.stringify(seldom.name)}] === undefined ? ${this.object(field.fields, variable, false)} : `
    return `((${variable} = ${value}) === null ? 'null' : ${bare}${this.object(field.fields, variable)})`
  }
}

function json(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : 'null'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (value === null) return 'null'
  if (value instanceof KubernetesObject) return value.reduced
  const text = JSON.stringify(value)
  // A field without a value is left out, and whether a comma stands before the next one depends on that.
  if (text === undefined) throw MISSING
  return text
}

function quoted(text: string): string {
  if (text === '') return '""'
  // Calling out of JavaScript takes longer than looking at a short text.
  return text.length <= SHORT && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

function plain(fields: readonly LayoutField[], value: object): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const field of fields) {
    if (field.kind === 'constant') {
      copy[field.name] = field.value
      continue
    }
    const inner = (value as Record<string, unknown>)[field.name]
    if (inner instanceof KubernetesObject) copy[field.name] = JSON.parse(inner.reduced)
    else if (isSeldom(field) && inner === undefined) copy[field.name] = field.absent
    else
      copy[field.name] =
        field.kind === 'leaf' || inner === null ? inner : plain(field.fields, inner as object)
  }
  return copy
}

const MISSING = new Error('a field without a value')
const SHORT = 64
/** Nothing that JSON escapes. */
const PLAIN = /^[ !#-[\]-~]*$/
