import type { Layout, LayoutField } from './table.ts'

/**
 * Bytes of a message, written from the same tables that it is read with: what the tables say is held against
 * others' code.
 */
export class Writer {
  readonly #bytes: number[] = []
  readonly #isFlexible: boolean

  constructor(isFlexible = false) {
    this.#isFlexible = isFlexible
  }

  get bytes(): Buffer {
    return Buffer.from(this.#bytes)
  }

  raw(bytes: Uint8Array | readonly number[]): this {
    for (const byte of bytes) this.#bytes.push(byte)
    return this
  }

  /** Big-endian, of so many bytes. */
  int(value: number | bigint, length: number): this {
    const bits = BigInt.asUintN(length * 8, BigInt(value))
    for (let shift = (length - 1) * 8; shift >= 0; shift -= 8)
      this.#bytes.push(Number((bits >> BigInt(shift)) & 0xffn))
    return this
  }

  unsignedVarint(value: number): this {
    let rest = value
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes.push((rest & 0x7f) | 0x80)
    this.#bytes.push(rest)
    return this
  }

  /** With the sign in the lowest bit. */
  varint(value: number): this {
    return this.unsignedVarint(value < 0 ? -value * 2 - 1 : value * 2)
  }

  string(value: string | null): this {
    const bytes = value === null ? null : Buffer.from(value)
    if (this.#isFlexible) this.unsignedVarint(bytes === null ? 0 : bytes.length + 1)
    else this.int(bytes?.length ?? -1, 2)
    return this.raw(bytes ?? [])
  }

  blob(value: Uint8Array | null): this {
    if (this.#isFlexible) this.unsignedVarint(value === null ? 0 : value.length + 1)
    else this.int(value?.length ?? -1, 4)
    return this.raw(value ?? [])
  }

  array(values: readonly unknown[] | null, each: (value: unknown) => void): this {
    if (this.#isFlexible) this.unsignedVarint(values === null ? 0 : values.length + 1)
    else this.int(values?.length ?? -1, 4)
    for (const value of values ?? []) each(value)
    return this
  }

  struct(layout: Layout, value: Fields): this {
    for (const field of layout.fields) this.#field(field, value[field.name])
    if (layout.tagged === undefined) return this
    const tagged = [...layout.tagged].filter(([, { name }]) => value[name] !== undefined)
    this.unsignedVarint(tagged.length)
    for (const [tag, field] of tagged) {
      const { bytes } = new Writer(this.#isFlexible).#field(field, value[field.name])
      this.unsignedVarint(tag).unsignedVarint(bytes.length).raw(bytes)
    }
    return this
  }

  #field(field: LayoutField, value: unknown): this {
    if (!field.isArray) return this.#value(field, value)
    return this.array(value as unknown[] | null, (each) => this.#value({ ...field, isNullable: false }, each))
  }

  #value({ type, layout, isNullable }: LayoutField, value: unknown): this {
    switch (type) {
      case 'struct':
        if (isNullable) this.int(value === null ? -1 : 1, 1)
        return value === null ? this : this.struct(layout as Layout, value as Fields)
      case 'string':
      case 'topic':
      case 'subject':
      case 'config':
        return this.string(value as string | null)
      case 'uuid':
      case 'topicId':
        return this.raw(Buffer.from(value as string, 'base64url'))
      case 'float64': {
        const bytes = Buffer.alloc(8)
        bytes.writeDoubleBE(value as number)
        return this.raw(bytes)
      }
      case 'records':
      case 'bytes':
      case 'secret':
      case 'subscription':
      case 'assignment':
        return this.blob(value as Uint8Array | null)
      default:
        return this.int(Number(value), SIZES[type])
    }
  }
}

export type Fields = Readonly<Record<string, unknown>>

const SIZES = { bool: 1, int8: 1, int16: 2, uint16: 2, error: 2, int32: 4, int64: 8 }

/** A request as it is on the wire. */
export function requestFrame(
  key: number,
  version: number,
  correlationId: number,
  content: Uint8Array,
  { clientId = 'client' as string | null, isFlexible = false } = {},
): Buffer {
  const header = new Writer().int(key, 2).int(version, 2).int(correlationId, 4).string(clientId)
  return framed(header.raw(isFlexible ? [0] : []).raw(content).bytes)
}

export function responseFrame(correlationId: number, content: Uint8Array, isFlexible = false): Buffer {
  return framed(
    new Writer()
      .int(correlationId, 4)
      .raw(isFlexible ? [0] : [])
      .raw(content).bytes,
  )
}

export function framed(bytes: Uint8Array): Buffer {
  return new Writer().int(bytes.length, 4).raw(bytes).bytes
}

/** Values for all fields, each of them different, some of them null; tagged ones now and then. */
export function someFields(layout: Layout, random: () => number): Record<string, unknown> {
  const all = [...layout.fields, ...[...(layout.tagged?.values() ?? [])].filter(() => random() < 0.5)]
  return Object.fromEntries(all.map((field) => [field.name, someField(field, random)]))
}

function someField(field: LayoutField, random: () => number): unknown {
  if (field.isNullable && random() < 0.2) return null
  if (!field.isArray) return someValue(field, random)
  return Array.from({ length: Math.floor(random() * 3) }, () => someValue(field, random))
}

function someValue({ type, layout }: LayoutField, random: () => number): unknown {
  const number = Math.floor(random() * 0x7fff)
  switch (type) {
    case 'struct':
      return someFields(layout as Layout, random)
    case 'bool':
      return random() < 0.5
    case 'int8':
      return number & 0x3f
    case 'error':
      return random() < 0.8 ? 0 : 3
    case 'float64':
      return number / 8
    case 'int32':
      return number * 65_000
    case 'int64':
      return number * 2 ** 36 - (random() < 0.2 ? 2 ** 52 : 0)
    case 'uuid':
    case 'topicId':
      return Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString('base64url')
    case 'string':
    case 'topic':
    case 'subject':
    case 'config':
      return `${type}-${number}-ü`
    case 'records':
      return null
    case 'bytes':
    case 'secret':
    case 'subscription':
    case 'assignment':
      return Buffer.from(`${type} ${number}`)
    default:
      return number
  }
}

/** Numbers that look random and are always the same (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
