import { alwaysIn, goAlias, isSeldom, type Layout, type LayoutField } from '../../entry/layout.ts'

/**
 * Source text of the functions that turn the rows of a batch into the entries of one agent, inside its realm. Only
 * what the agent reads is made; the names come from our own schemas, and go through JSON.stringify all the same.
 */
export function makerSource(layouts: readonly Layout[], wanted: ReadonlySet<string>): string {
  const source = new MakerSource(wanted)
  const makers = layouts.map((layout) => source.entry(layout))
  return `'use strict'; return function (clone, headers, shape, legacy, bytes, kubernetes) {\n${source.text}return [${makers.join(', ')}]\n}`
}

class MakerSource {
  text = ''
  #count = 0
  readonly #wanted: ReadonlySet<string>

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted
  }

  entry(layout: Layout): string {
    const name = this.#maker(layout.fields, '', this.#wanted.has('*'), 1)
    this.text += `legacy(${name}.prototype)\n`
    return `function (row) { return new ${name}(row) }`
  }

  /** A constructor that fills in the fields below `path` from a row whose values start at `first`. */
  #maker(fields: readonly LayoutField[], path: string, whole: boolean, first: number): string {
    const name = `M${this.#count++}`
    let body = ''
    let at = first
    let seldomAt = first + alwaysIn(fields)
    const names: string[] = []
    for (const field of fields) {
      const index = field.kind === 'constant' ? -1 : isSeldom(field) ? seldomAt++ : at++
      const fieldPath = path === '' ? field.name : `${path}.${field.name}`
      const wholeField = whole || this.#wanted.has(fieldPath)
      if (!wholeField && !this.#wanted.has(`${fieldPath}?`) && !this.#wantsBelow(fieldPath)) continue
      names.push(field.name)
      body += `  this.${field.name} = ${this.#value(field, fieldPath, wholeField, index)}\n`
    }
    this.text += `function ${name}(row) {\n${body}}\n`
    this.text += `${name}.prototype = shape(${JSON.stringify(names)}, ${JSON.stringify(names.map(goAlias))})\n`
    return name
  }

  #value(field: LayoutField, path: string, whole: boolean, index: number): string {
    if (field.kind === 'constant') return this.#constant(field.value)
    const value = `row[${index}]`
    if (isSeldom(field))
      return `${value} === undefined ? ${JSON.stringify(field.absent)} : ${field.form === 'kubernetes' ? `kubernetes(${value}, ${field.name === 'pod'})` : `clone(${value})`}`
    if (field.kind === 'node') {
      const maker = this.#maker(field.fields, path, whole, 0)
      return `${value} === null ? null : new ${maker}(${value})`
    }
    if (BODIES.has(path)) return `bytes(${value})`
    return field.form === 'plain' ? value : field.form === 'headers' ? `headers(${value})` : `clone(${value})`
  }

  /** Objects anew for each entry, since an agent may change them; with aliases, as they stand for Go structs. */
  #constant(value: unknown): string {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value)
    const name = `M${this.#count++}`
    const names = Object.keys(value)
    const body = names.map(
      (each) => `  this.${each} = ${JSON.stringify((value as Record<string, unknown>)[each])}\n`,
    )
    this.text += `function ${name}() {\n${body.join('')}}\n`
    this.text += `${name}.prototype = shape(${JSON.stringify(names)}, ${JSON.stringify(names.map(goAlias))})\n`
    return `new ${name}()`
  }

  #wantsBelow(path: string): boolean {
    for (const each of this.#wanted) if (each.startsWith(path) && each[path.length] === '.') return true
    return false
  }
}

const BODIES: ReadonlySet<string> = new Set(['request.postData.text', 'response.content.text'])

/** Source text of the function that makes the info object of packet `at` from the columns of a batch. */
export function packetMakerSource(wanted: ReadonlySet<string>): string {
  const whole = wanted.has('*')
  const names = Object.keys(PACKET_FIELDS).filter((name) => whole || wanted.has(name))
  const body = names.map((name) => `  this.${name} = ${PACKET_FIELDS[name]}\n`)
  return `'use strict'; return function (timestamp, shape, seconds, nanos, captured, lengths, flags, rows) {
function Info(at) {
${body.join('')}}
Info.prototype = shape(${JSON.stringify(names)}, ${JSON.stringify(names.map(goAlias))})
return function (at) { return new Info(at) }
}`
}

/** Fields of `info` and where they come from: the columns of a batch, or the JSON row of the optional ones. */
const PACKET_FIELDS: Readonly<Record<string, string>> = {
  timestamp: 'timestamp(seconds[at], nanos[at])',
  captureLength: 'captured[at]',
  length: 'lengths[at]',
  truncated: '(flags[at] & 1) !== 0',
  fragmented: '(flags[at] & 2) !== 0',
  interface: 'rows[at][0]',
  ethertype: 'rows[at][1]',
  ipVersion: 'rows[at][2]',
  protocol: 'rows[at][3]',
  srcIp: 'rows[at][4]',
  dstIp: 'rows[at][5]',
  srcPort: 'rows[at][6]',
  dstPort: 'rows[at][7]',
  tcpFlags: 'rows[at][8]',
  payloadLength: 'rows[at][9]',
}
