import { ByteReader } from '../../bytes/byte-reader.ts'
import { u8 } from '../../bytes/read.ts'
import { base64, textOf } from '../../bytes/text.ts'
import type { Argument } from './grammar.ts'

/** A field table, or the arguments of a method: names and what JSON can say. */
export type Table = Readonly<Record<string, unknown>>

/** Reads the values of AMQP one after another (§4.2.5). */
export class AmqpReader extends ByteReader {
  /** Bits that follow each other share octets: how many of the last one were read. */
  #bits = 0

  /** Arguments of a method by their names. */
  arguments(grammar: readonly Argument[]): Table {
    const values: Record<string, unknown> = {}
    for (const { name, type } of grammar) {
      const value = this.#argument(type)
      if (name !== '') values[name] = value
    }
    return values
  }

  /** Exact up to 2^53. */
  longlong(): number {
    const high = this.long()
    return high * 2 ** 32 + this.long()
  }

  shortstr(): string {
    return this.#text(this.octet())
  }

  longstr(): string {
    return this.#text(this.long())
  }

  table(): Table {
    return this.#table(0)
  }

  #argument(type: Argument['type']): unknown {
    if (type === 'bit') return this.#bit()
    this.#bits = 0
    return this[type]()
  }

  #bit(): boolean {
    if (this.#bits % 8 === 0) this.take(1)
    const octet = this.isWhole ? u8(this.bytes, this.at - 1) : 0
    return (octet & (1 << (this.#bits++ % 8))) !== 0
  }

  #table(depth: number): Table {
    const end = this.#listEnd()
    const table = Object.create(null) as Record<string, unknown>
    while (this.isWhole && this.at < end) {
      const name = this.shortstr()
      const value = this.#value(depth)
      if (this.isWhole) table[name] = value
    }
    if (this.at > end) this.isWhole = false
    return table
  }

  #list(depth: number): unknown[] {
    const end = this.#listEnd()
    const items: unknown[] = []
    while (this.isWhole && this.at < end) items.push(this.#value(depth))
    if (this.at > end) this.isWhole = false
    return items
  }

  #listEnd(): number {
    const end = this.long() + this.at
    if (end > this.end) this.isWhole = false
    return end
  }

  /** As RabbitMQ and its clients write them, where they differ from the specification (`s`, `l`). */
  #value(depth: number): unknown {
    const type = String.fromCharCode(this.octet())
    switch (type) {
      case 't':
        return this.octet() !== 0
      case 'b':
        return (this.octet() << 24) >> 24
      case 'B':
        return this.octet()
      case 's':
      case 'U':
        return (this.short() << 16) >> 16
      case 'u':
        return this.short()
      case 'I':
        return this.long() | 0
      case 'i':
        return this.long()
      case 'l':
      case 'L':
        return this.#signed64()
      case 'T':
        return this.longlong()
      case 'f':
        return this.#float(4)
      case 'd':
        return this.#float(8)
      case 'D': {
        const scale = this.octet()
        return (this.long() | 0) / 10 ** scale
      }
      case 'S':
        return this.longstr()
      case 'x': {
        const length = this.long()
        const at = this.take(length)
        return at < 0 ? '' : base64(this.bytes, at, at + length)
      }
      case 'V':
        return null
      case 'A':
      case 'F':
        if (depth < DEEPEST) return type === 'A' ? this.#list(depth + 1) : this.#table(depth + 1)
    }
    this.isWhole = false
    return null
  }

  /** A number while it is exact, else text. */
  #signed64(): number | string {
    const high = this.long() | 0
    const low = this.long()
    const value = high * 2 ** 32 + low
    if (Number.isSafeInteger(value)) return value
    return String((BigInt(high) << 32n) | BigInt(low))
  }

  #float(length: 4 | 8): number {
    const at = this.take(length)
    if (at < 0) return 0
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + at, length)
    return length === 4 ? view.getFloat32(0) : view.getFloat64(0)
  }

  #text(length: number): string {
    const at = this.take(length)
    return at < 0 ? '' : textOf(this.bytes, at, at + length)
  }
}

/** Tables and arrays within each other; deeper ones are not read. */
const DEEPEST = 32
