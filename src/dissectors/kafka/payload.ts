import { base64 } from '../../bytes/text.ts'
import { REDACTED } from '../../entry/redacted.ts'
import { consumerLayouts } from './consumers.ts'
import { errorName } from './errors.ts'
import type { Reading, TopicNames } from './reading.ts'
import { readRecords } from './records.ts'
import type { Layout, LayoutField } from './table.ts'
import { Wire } from './wire.ts'

/** A structure as scripts see it. */
export type Payload = Record<string, unknown>

/** Reads a structure as far as it goes. What comes after bytes that are missing or broken is not there. */
export function readPayload(wire: Wire, layout: Layout, reading: Reading): Payload {
  return new PayloadReader(wire, layout.tagged !== undefined, reading).struct(layout)
}

class PayloadReader {
  readonly #wire: Wire
  readonly #isFlexible: boolean
  readonly #reading: Reading

  constructor(wire: Wire, isFlexible: boolean, reading: Reading) {
    this.#wire = wire
    this.#isFlexible = isFlexible
    this.#reading = reading
  }

  struct(layout: Layout): Payload {
    const payload: Payload = {}
    if (--this.#reading.structs < 0) this.#wire.state = 'cut'
    for (const field of layout.fields) {
      this.#field(payload, field)
      if (this.#wire.state !== 'good') return payload
    }
    if (layout.tagged !== undefined)
      eachTagged(this.#wire, layout.tagged, (field) => this.#field(payload, field))
    return payload
  }

  #field(payload: Payload, field: LayoutField): void {
    const value = field.isArray ? this.#array(field) : this.#value(field)
    // Of what was cut off only that is shown which has something in it.
    if (this.#wire.state !== 'good' && (typeof value !== 'object' || value === null)) return
    payload[field.name] = value
    if (field.isArray) return
    if (field.type === 'config') payload[field.name] = configValue(payload.name, value)
    else if (field.type === 'error') payload[field.name.replace(/Code$/, 'Name')] = errorName(value as number)
    else if (field.type === 'topicId') this.#named(payload, value as string)
  }

  /** Newer versions have ids of topics where the older ones have names. */
  #named(payload: Payload, id: string): void {
    const name = this.#reading.names.get(id)
    if (name !== undefined && payload.name === undefined && payload.topic === undefined)
      payload.topicName = name
  }

  #array(field: LayoutField): unknown {
    const wire = this.#wire
    const count = wire.count(this.#isFlexible)
    if (count < 0) return field.isNullable ? null : []
    const values: unknown[] = []
    while (values.length < count) {
      const value = this.#value(field)
      if (wire.state !== 'good') {
        if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) values.push(value)
        break
      }
      values.push(value)
    }
    return values
  }

  #value(field: LayoutField): unknown {
    const wire = this.#wire
    switch (field.type) {
      case 'struct':
        return this.#struct(field)
      case 'bool':
        return wire.int8() !== 0
      case 'int8':
        return wire.int8()
      case 'int16':
      case 'error':
        return wire.int16()
      case 'uint16':
        return wire.uint16()
      case 'int32':
        return wire.int32()
      case 'int64':
        return wire.int64()
      case 'float64':
        return wire.float64()
      case 'uuid':
      case 'topicId':
        return wire.uuid()
      case 'string':
      case 'topic':
      case 'subject':
      case 'config':
        return this.#string(field)
      case 'records':
        return this.#records()
      default:
        return this.#bytes(field)
    }
  }

  #struct(field: LayoutField): Payload | null {
    // A structure that may be null begins with a byte that says so.
    if (field.isNullable && !field.isArray && this.#wire.int8() < 0) return null
    return this.struct(field.layout as Layout)
  }

  #string({ isNullable, isArray }: LayoutField): string | null {
    const length = this.#wire.stringLength(this.#isFlexible)
    return length < 0 ? (isNullable && !isArray ? null : '') : this.#wire.text(length)
  }

  #bytes({ type, isNullable }: LayoutField): unknown {
    const wire = this.#wire
    const length = wire.bytesLength(this.#isFlexible)
    if (length < 0) return isNullable ? null : ''
    const start = wire.skip(length)
    if (type === 'secret') return length === 0 ? '' : REDACTED
    const known = type === 'subscription' || type === 'assignment' ? consumerLayouts[type] : undefined
    return (known && this.#embedded(known, start)) ?? base64(wire.bytes, start, wire.at)
  }

  /** What the bytes from `start` on say, where they are of one of these layouts: undefined when not. */
  #embedded(versions: readonly Layout[], start: number): Payload | undefined {
    const wire = new Wire(this.#wire.bytes, start, this.#wire.at)
    const version = wire.int16()
    const layout = versions[Math.min(version, versions.length - 1)]
    if (wire.state !== 'good' || layout === undefined) return undefined
    const payload = readPayload(wire, layout, this.#reading)
    // Newer versions may have more at the end.
    const isRead = wire.state === 'good' && (wire.isAtEnd || version >= versions.length)
    return isRead ? { version, ...payload } : undefined
  }

  #records(): unknown {
    const wire = this.#wire
    const length = wire.bytesLength(this.#isFlexible)
    if (length < 0) return null
    const start = wire.at
    wire.skip(length)
    return readRecords(wire.bytes, start, wire.at, start + length, this.#reading)
  }
}

/** Brokers do not tell secrets among their settings, but administrators do. */
function configValue(name: unknown, value: unknown): unknown {
  return value !== null && SECRET_SETTING.test(String(name)) ? REDACTED : value
}

/** Where records are, with the length before them. */
export interface Span {
  readonly lengthAt: number
  readonly start: number
  readonly end: number
  readonly isCompact: boolean
  /** Values that were walked over to find them. */
  readonly behind: number
}

/** What a row shows of a payload, and whether it is one, without reading it. */
export interface Skimmed {
  readonly topics: readonly string[]
  /** Names of groups, transactions and the like. */
  readonly others: readonly string[]
  /** The first error code that is not 0. */
  readonly status: number
  /** The last ones that there are. */
  readonly records: Span | undefined
}

/** Walks over a structure. The wire tells how that went. */
export function skimPayload(wire: Wire, layout: Layout, names: TopicNames = NO_NAMES): Skimmed {
  const skimmer = new Skimmer(wire, layout.tagged !== undefined, names)
  skimmer.struct(layout)
  const { topics, others, status, records } = skimmer
  return { topics, others, status, records }
}

class Skimmer {
  status = 0
  records: Span | undefined = undefined
  #values = 0
  readonly #wire: Wire
  readonly #isFlexible: boolean
  readonly #names: TopicNames
  readonly #topics = new Set<string>()
  readonly #others = new Set<string>()

  constructor(wire: Wire, isFlexible: boolean, names: TopicNames) {
    this.#wire = wire
    this.#isFlexible = isFlexible
    this.#names = names
  }

  get topics(): readonly string[] {
    return [...this.#topics]
  }

  get others(): readonly string[] {
    return [...this.#others]
  }

  struct(layout: Layout): void {
    for (const field of layout.fields) {
      this.#field(field)
      if (this.#wire.state !== 'good') return
    }
    if (layout.tagged !== undefined) eachTagged(this.#wire, layout.tagged, (field) => this.#field(field))
  }

  #field(field: LayoutField): void {
    if (!field.isArray) {
      this.#value(field)
      return
    }
    const size = SIZES[field.type]
    const count = this.#wire.count(this.#isFlexible)
    if (size !== undefined) this.#wire.skip(Math.max(count, 0) * size)
    else for (let at = 0; at < count && this.#wire.state === 'good'; at++) this.#value(field)
  }

  #value({ type, isNullable, isArray, layout }: LayoutField): void {
    const wire = this.#wire
    const size = SIZES[type]
    this.#values++
    if (size !== undefined) wire.skip(size)
    else if (type === 'error') this.#error(wire.int16())
    else if (type === 'topic') this.#subject(this.#topics)
    else if (type === 'topicId') this.#topicId()
    else if (type === 'subject') this.#subject(this.#others)
    else if (type === 'string' || type === 'config')
      wire.skip(Math.max(wire.stringLength(this.#isFlexible), 0))
    else if (type === 'records') this.#records()
    else if (type !== 'struct') wire.skip(Math.max(wire.bytesLength(this.#isFlexible), 0))
    else if (!isNullable || isArray || wire.int8() >= 0) this.struct(layout as Layout)
  }

  #error(code: number): void {
    if (this.status === 0) this.status = code
  }

  #records(): void {
    const lengthAt = this.#wire.at
    const length = Math.max(this.#wire.bytesLength(this.#isFlexible), 0)
    const start = this.#wire.at
    const [end, isCompact, behind] = [start + length, this.#isFlexible, this.#values]
    this.records = { lengthAt, start, end, isCompact, behind }
    this.#wire.skip(length)
  }

  #topicId(): void {
    const id = this.#wire.uuid()
    if (id !== '' && id !== NO_ID && this.#topics.size < MOST_SUBJECTS)
      this.#topics.add(this.#names.get(id) ?? id)
  }

  #subject(subjects: Set<string>): void {
    const length = this.#wire.stringLength(this.#isFlexible)
    if (length > 0 && subjects.size < MOST_SUBJECTS) {
      const subject = this.#wire.text(length)
      if (this.#wire.state === 'good') subjects.add(subject)
    } else this.#wire.skip(Math.max(length, 0))
  }
}

/** The tagged fields at the end of a structure of a flexible version; those that are not known are stepped over. */
export function eachTagged(
  wire: Wire,
  known: ReadonlyMap<number, LayoutField>,
  read: (field: LayoutField) => void,
): void {
  const count = wire.unsignedVarint()
  for (let at = 0; at < count && wire.state === 'good'; at++) {
    const tag = wire.unsignedVarint()
    const size = wire.unsignedVarint()
    if (size > wire.limit - wire.at) wire.state = 'bad'
    const end = wire.at + size
    const field = known.get(tag)
    if (field === undefined) wire.skip(size)
    else read(field)
    // A newer version of it may have more in it.
    if (wire.state === 'good' && wire.at <= end) wire.skip(end - wire.at)
    else if (wire.state === 'good') wire.state = 'bad'
  }
}

/** Bytes of the types that always have as many. */
const SIZES: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
}
const NO_NAMES: TopicNames = new Map()
/** A topic that is told by its name. */
const NO_ID = 'A'.repeat(22)
const SECRET_SETTING = /password|secret|jaas\.config|keystore\.key|token\.(master|secret)\.key|credential/i
/** Names that a row may show. */
const MOST_SUBJECTS = 32
