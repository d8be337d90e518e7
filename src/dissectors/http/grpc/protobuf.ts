import { u8, u32le } from '../../../bytes/read.ts'
import { base64, utf8Text } from '../../../bytes/text.ts'
import type { ProtoField, ProtoMessage, ProtoSchema, ScalarType } from '../../../dissect/protos.ts'
import { asUtf8 } from '../characters.ts'
import { exact, readFields, u64le, varintAt, WIRE, type WireField } from './wire.ts'

/** A protobuf message as scripts read it. */
export interface ProtoObject {
  /** Fields by name where the schema has them, else by number; those that are repeated as arrays. */
  readonly message: Readonly<Record<string, unknown>>
  /** How fields that have no name were written, by their path: `{ "2": "len", "2.1": "varint" }`. */
  readonly wireTypes: Readonly<Record<string, string>>
}

/** Reads all of `bytes` as a message of this type, or of a type that nobody knows; undefined when it is no protobuf. */
export function readProtobuf(
  bytes: Uint8Array,
  schema: ProtoSchema | undefined,
  type: string,
): ProtoObject | undefined {
  const reader = new ProtobufReader(bytes, schema)
  const message = reader.read({ start: 0, end: bytes.length }, schema?.messages.get(type), '', 0)
  return message === undefined ? undefined : { message, wireTypes: reader.wireTypes }
}

type Span = Pick<WireField, 'start' | 'end'>

class ProtobufReader {
  readonly wireTypes = emptyObject<string>()
  readonly #bytes: Uint8Array
  readonly #schema: ProtoSchema | undefined

  constructor(bytes: Uint8Array, schema: ProtoSchema | undefined) {
    this.#bytes = bytes
    this.#schema = schema
  }

  read(
    { start, end }: Span,
    type: ProtoMessage | undefined,
    path: string,
    depth: number,
  ): Record<string, unknown> | undefined {
    const fields = readFields(this.#bytes, start, end)
    return fields && this.#object(fields, type, path, depth)
  }

  #object(
    fields: readonly WireField[],
    type: ProtoMessage | undefined,
    path: string,
    depth: number,
  ): Record<string, unknown> {
    const object = emptyObject<unknown>()
    for (const field of fields) {
      const known = type?.get(field.number)
      if (known === undefined || !this.#addKnown(object, field, known, path, depth))
        this.#addUnknown(object, field, path, depth)
    }
    return object
  }

  /** False when the field is not written as its type is: then it is of another type than the schema says. */
  #addKnown(
    object: Record<string, unknown>,
    field: WireField,
    known: ProtoField,
    path: string,
    depth: number,
  ): boolean {
    const place = within(path, known.name)
    if (known.mapValue !== undefined) return this.#addPair(object, field, known, place, depth)
    const values = this.#valuesOf(field, known, place, depth)
    if (values === undefined) return false
    if (!known.isRepeated) object[known.name] = values.at(-1)
    else {
      const list = (object[known.name] ?? []) as unknown[]
      for (const value of values) list.push(value)
      object[known.name] = list
    }
    return true
  }

  /** An entry of a map is a message of a key (1) and a value (2). */
  #addPair(
    object: Record<string, unknown>,
    field: WireField,
    { name, type, mapValue }: ProtoField,
    place: string,
    depth: number,
  ): boolean {
    const types: ProtoMessage = new Map([
      [1, { name: 'key', type, typeName: '', isRepeated: false }],
      [2, { ...(mapValue as ProtoField), name: 'value' }],
    ])
    const isPair = field.wire === WIRE.len && depth < DEEPEST
    const pair = isPair ? this.read(field, types, place, depth + 1) : undefined
    if (pair === undefined) return false
    const map = (object[name] ?? emptyObject()) as Record<string, unknown>
    map[String(pair.key ?? (type === 'string' ? '' : 0))] = pair.value ?? null
    object[name] = map
    return true
  }

  /** One value, or those of a packed list; undefined when the field is not written as its type is. */
  #valuesOf(field: WireField, known: ProtoField, place: string, depth: number): unknown[] | undefined {
    const { type } = known
    if (type === 'message' || type === 'group') {
      if (field.wire !== (type === 'group' ? WIRE.group : WIRE.len) || depth >= DEEPEST) return undefined
      const message = this.read(field, this.#schema?.messages.get(known.typeName), place, depth + 1)
      return message && [message]
    }
    const wire = WIRE_OF[type]
    if (field.wire === wire) return [this.#scalar(field.start, field.end, known)]
    return field.wire === WIRE.len && wire !== WIRE.len ? this.#packed(field, known, wire) : undefined
  }

  #packed({ start, end }: Span, known: ProtoField, wire: number): unknown[] | undefined {
    const values: unknown[] = []
    for (let at = start; at < end; ) {
      let next = at + (wire === WIRE.i64 ? 8 : 4)
      if (wire === WIRE.varint) {
        next = at + 1
        while (next < end && u8(this.#bytes, next - 1) >= 0x80) next++
        if (u8(this.#bytes, next - 1) >= 0x80 || next - at > LONGEST_VARINT) return undefined
      }
      if (next > end) return undefined
      values.push(this.#scalar(at, next, known))
      at = next
    }
    return values
  }

  /** A value that is no message, in the bytes that it takes. 64-bit integers are text where a number is not exact. */
  #scalar(start: number, end: number, { type, typeName }: ProtoField): unknown {
    const bytes = this.#bytes
    switch (type) {
      case 'string':
        return utf8Text(bytes, start, end)
      case 'bytes':
        return base64(bytes, start, end)
      case 'float':
        return viewOf(bytes).getFloat32(start, true)
      case 'double':
        return viewOf(bytes).getFloat64(start, true)
      case 'fixed32':
        return u32le(bytes, start)
      case 'sfixed32':
        return u32le(bytes, start) | 0
      case 'fixed64':
        return plain(exact(u64le(bytes, start)))
      case 'sfixed64':
        return plain(exact(BigInt.asIntN(64, u64le(bytes, start))))
      default:
        return this.#integer(varintAt(bytes, start), type, typeName)
    }
  }

  #integer(value: number | bigint, type: ProtoField['type'], typeName: string): unknown {
    switch (type) {
      case 'bool':
        return value !== 0
      case 'uint32':
        return Number(BigInt.asUintN(32, BigInt(value)))
      case 'int32':
        return int32(value)
      case 'enum': {
        const number = int32(value)
        return this.#schema?.enums.get(typeName)?.get(number) ?? number
      }
      case 'sint32': {
        const bits = Number(BigInt.asUintN(32, BigInt(value)))
        return (bits >>> 1) ^ -(bits & 1)
      }
      case 'sint64': {
        const bits = BigInt(value)
        return plain(exact((bits >> 1n) ^ -(bits & 1n)))
      }
      case 'int64':
        return plain(exact(BigInt.asIntN(64, BigInt(value))))
      default:
        return plain(value)
    }
  }

  /** A field of which nobody knows more than its number. */
  #addUnknown(object: Record<string, unknown>, field: WireField, path: string, depth: number): void {
    const key = String(field.number)
    const place = within(path, key)
    this.wireTypes[place] = WIRE_NAMES[field.wire] ?? ''
    const value = this.#guess(field, place, depth)
    const before = object[key]
    if (before === undefined) object[key] = value
    else if (Array.isArray(before)) before.push(value)
    else object[key] = [before, value]
  }

  /** Integers as they are; what may be an integer or a fraction in hexadecimal; text, a message inside, or base64. */
  #guess({ wire, start, end }: WireField, place: string, depth: number): unknown {
    const bytes = this.#bytes
    if (wire === WIRE.varint) return plain(varintAt(bytes, start))
    if (wire === WIRE.i32) return `0x${u32le(bytes, start).toString(16).padStart(8, '0')}`
    if (wire === WIRE.i64) return `0x${u64le(bytes, start).toString(16).padStart(16, '0')}`
    const fields = depth < DEEPEST ? readFields(bytes, start, end) : undefined
    if (wire === WIRE.group)
      return fields === undefined
        ? base64(bytes, start, end)
        : this.#object(fields, undefined, place, depth + 1)
    const text = start === end ? '' : printable(bytes, start, end)
    // What is text may also be a message by chance; but no text begins with a line feed and its own length.
    if (
      fields !== undefined &&
      (text === undefined || (fields[0]?.number === 1 && fields[0].wire === WIRE.len))
    )
      return this.#object(fields, undefined, place, depth + 1)
    return text ?? base64(bytes, start, end)
  }
}

/** Undefined when it is not UTF-8, or has characters that texts have not. */
function printable(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) {
    const byte = u8(bytes, at)
    if (byte < 0x20 && byte !== TAB && byte !== LF && byte !== CR) return undefined
  }
  return asUtf8(bytes.subarray(start, end))
}

function within(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function int32(value: number | bigint): number {
  return Number(BigInt.asIntN(32, BigInt(value)))
}

function plain(value: number | bigint): number | string {
  return typeof value === 'bigint' ? String(value) : value
}

/** Without a prototype: a field may be called `__proto__`. */
function emptyObject<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}

const WIRE_NAMES: readonly string[] = ['varint', 'i64', 'len', 'group', '', 'i32']
const WIRE_OF: Readonly<Record<ScalarType | 'enum', number>> = {
  double: WIRE.i64,
  float: WIRE.i32,
  int32: WIRE.varint,
  int64: WIRE.varint,
  uint32: WIRE.varint,
  uint64: WIRE.varint,
  sint32: WIRE.varint,
  sint64: WIRE.varint,
  fixed32: WIRE.i32,
  fixed64: WIRE.i64,
  sfixed32: WIRE.i32,
  sfixed64: WIRE.i64,
  bool: WIRE.varint,
  string: WIRE.len,
  bytes: WIRE.len,
  enum: WIRE.varint,
}
const LONGEST_VARINT = 10
/** Messages within messages; deeper ones are shown as bytes. */
const DEEPEST = 16
const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
