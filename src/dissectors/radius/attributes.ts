import { Gathered } from '../../bytes/gathered.ts'
import { u8, u16, u24, u32 } from '../../bytes/read.ts'
import { octets } from '../aaa/value.ts'
import {
  type AttributeDefinition,
  standardAttribute,
  type ValueType,
  vendorAttribute,
  vendorName,
} from './dictionary/dictionary.ts'
import { type Eap, readEap } from './eap.ts'
import { readValue } from './value.ts'

/** An attribute as it is shown. */
export interface Attribute {
  /** Its number, within what it is in: `1`, `26.311.16` of Microsoft, `241.5.3`. */
  readonly type: string
  readonly name: string
  readonly value: string | number
  /** Whose it is; "" = a standard one. */
  readonly vendor: string
  /** Which of several tunnels it is about (RFC 2868 §3); 0 = none said. */
  readonly tag: number
}

/** The attributes of a message, and its EAP packet, which is sent in as many of them as it takes (RFC 3579 §3.1) and shown as one. */
export interface Attributes {
  readonly list: readonly Attribute[]
  readonly eap: Eap | undefined
}

/** Reads `[start, end)` as far as it makes sense. */
export function readAttributes(bytes: Uint8Array, start: number, end: number): Attributes {
  return new Reader(bytes).read(start, end)
}

/** Where the value of the first attribute with this number begins and ends; nowhere, if there is none. */
export function findAttribute(
  number: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): readonly [start: number, end: number] {
  for (let at = start; at + 2 <= end; at += u8(bytes, at + 1)) {
    const next = at + u8(bytes, at + 1)
    if (next < at + 2 || next > end) break
    if (u8(bytes, at) === number) return [at + 2, next]
  }
  return [0, 0]
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #list: Attribute[] = []
  #eap: Gathered | undefined
  #eapAt = 0
  /** Pieces of a long extended attribute whose last one is still to come. RFC 6929 §2.2 */
  #pieces: { readonly path: string; readonly value: Gathered } | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  read(start: number, end: number): Attributes {
    const bytes = this.#bytes
    for (let at = start; at + 2 <= end; ) {
      const next = at + u8(bytes, at + 1)
      if (next < at + 2 || next > end) break
      this.#attribute(u8(bytes, at), at + 2, next)
      at = next
    }
    return { list: this.#list, eap: this.#eap && this.#readEap(this.#eap.bytes) }
  }

  #readEap(packet: Uint8Array): Eap | undefined {
    const eap = readEap(packet)
    const value = eap === undefined ? octets(packet, 0, packet.length) : `${eap.code} ${eap.type}`.trimEnd()
    this.#list.splice(this.#eapAt, 0, { type: '79', name: 'EAP-Message', value, vendor: '', tag: 0 })
    return eap
  }

  #attribute(number: number, start: number, end: number): void {
    const path = String(number)
    const definition = standardAttribute(path)
    switch (definition?.type) {
      case 'eap':
        if (this.#eap === undefined) this.#eapAt = this.#list.length
        this.#eap ??= new Gathered()
        this.#eap.add(this.#bytes, start, end)
        return
      case 'vendor':
        this.#vendor(path, this.#bytes, start, end)
        return
      case 'extended':
      case 'long-extended':
        this.#extended(path, definition, start, end)
        return
      case 'tlv':
        this.#tlvs(path, standardAttribute, '', this.#bytes, start, end, 0)
        return
      default:
        this.#add(path, definition, '', this.#bytes, start, end)
    }
  }

  #add(
    path: string,
    definition: AttributeDefinition | undefined,
    vendor: string,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (definition === undefined) {
      this.#list.push({ type: path, name: `Attr-${path}`, value: octets(bytes, start, end), vendor, tag: 0 })
      return
    }
    const { name, values } = definition
    const type = definition.type.replace('tagged-', '') as ValueType
    const isTagged = type !== definition.type && end > start && hasTag(type, u8(bytes, start))
    const tag = isTagged ? u8(bytes, start) : 0
    const value = readValue(type, bytes, isTagged ? start + 1 : start, end)
    const named = typeof value === 'number' ? values?.get(value) : undefined
    this.#list.push({ type: path, name, value: named ?? value, vendor, tag })
  }

  /** RFC 2865 §5.26: what follows the vendor's number is up to the vendor; most have attributes of the usual form. */
  #vendor(path: string, bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 4) {
      this.#add(path, undefined, '', bytes, start, end)
      return
    }
    const id = u32(bytes, start)
    if (!this.#vendorAttributes(path, id, bytes, start + 4, end))
      this.#add(`${path}.${id}`, undefined, vendorName(id), bytes, start + 4, end)
  }

  /** False when it is of another form. */
  #vendorAttributes(path: string, id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const found: (readonly [number: number, start: number, end: number])[] = []
    const { type, length, extra } = FORMS[id] ?? USUAL_FORM
    const header = type + length + extra
    let at = start
    while (at < end) {
      if (at + header > end) return false
      const next = length === 0 ? end : at + number(bytes, at + type, length)
      if (next < at + header || next > end) return false
      found.push([number(bytes, at, type), at + header, next])
      at = next
    }
    const vendor = vendorName(id)
    for (const [number, valueStart, valueEnd] of found) {
      const definition = vendorAttribute(id, String(number))
      const inner = `${path}.${id}.${number}`
      if (definition?.type === 'tlv')
        this.#tlvs(
          inner,
          (each) => vendorAttribute(id, each.slice(path.length + String(id).length + 2)),
          vendor,
          bytes,
          valueStart,
          valueEnd,
          0,
        )
      else this.#add(inner, definition, vendor, bytes, valueStart, valueEnd)
    }
    return found.length > 0
  }

  /** RFC 6929 §2.1, §2.2: a second number; and in 245 and 246 a bit which says that the value goes on in the next attribute. */
  #extended(path: string, { type }: AttributeDefinition, start: number, end: number): void {
    const bytes = this.#bytes
    const isLong = type === 'long-extended'
    const valueStart = start + (isLong ? 2 : 1)
    if (valueStart > end) {
      this.#add(path, undefined, '', bytes, start, end)
      return
    }
    const inner = `${path}.${u8(bytes, start)}`
    if (this.#pieces?.path !== inner) this.#pieces = { path: inner, value: new Gathered() }
    this.#pieces.value.add(bytes, valueStart, end)
    if (isLong && (u8(bytes, start + 1) & 0x80) !== 0) return
    const value = this.#pieces.value.bytes
    this.#pieces = undefined
    this.#extendedValue(inner, value)
  }

  #extendedValue(path: string, value: Uint8Array): void {
    const definition = standardAttribute(path)
    if (definition?.type === 'tlv') this.#tlvs(path, standardAttribute, '', value, 0, value.length, 0)
    else if (path.endsWith('.26')) this.#extendedVendor(path, value)
    else this.#add(path, definition, '', value, 0, value.length)
  }

  /** RFC 6929 §2.4: one attribute, its number a byte behind the vendor's. */
  #extendedVendor(path: string, value: Uint8Array): void {
    if (value.length < 5) {
      this.#add(path, undefined, '', value, 0, value.length)
      return
    }
    const id = u32(value, 0)
    this.#add(`${path}.${id}.${u8(value, 4)}`, undefined, vendorName(id), value, 5, value.length)
  }

  /** RFC 6929 §2.3: attributes within an attribute. */
  #tlvs(
    path: string,
    definitionOf: (path: string) => AttributeDefinition | undefined,
    vendor: string,
    bytes: Uint8Array,
    start: number,
    end: number,
    depth: number,
  ): void {
    for (let at = start; at + 2 <= end; ) {
      const next = at + u8(bytes, at + 1)
      if (next < at + 2 || next > end) break
      const inner = `${path}.${u8(bytes, at)}`
      const definition = definitionOf(inner)
      if (definition?.type === 'tlv' && depth < DEEPEST)
        this.#tlvs(inner, definitionOf, vendor, bytes, at + 2, next, depth + 1)
      else this.#add(inner, definition, vendor, bytes, at + 2, next)
      at = next
    }
  }
}

/** Of numbers it always stands there; of text only where it can be none. RFC 2868 §3.1, §3.3; a Tunnel-Password always has one. */
function hasTag(type: ValueType, first: number): boolean {
  return type !== 'text' || first <= LAST_TAG
}

function number(bytes: Uint8Array, at: number, length: number): number {
  if (length === 1) return u8(bytes, at)
  if (length === 2) return u16(bytes, at)
  return length === 3 ? u24(bytes, at) : u32(bytes, at)
}

/** Bytes of the number, of the length and of what else stands in front of the value. */
interface Form {
  readonly type: number
  readonly length: number
  readonly extra: number
}

const USUAL_FORM: Form = { type: 1, length: 1, extra: 0 }
/** USR, Lucent, Starent, and WiMAX with its byte of flags. */
const FORMS: Readonly<Record<number, Form>> = {
  429: { type: 4, length: 0, extra: 0 },
  4846: { type: 2, length: 1, extra: 0 },
  8164: { type: 2, length: 2, extra: 0 },
  24757: { type: 1, length: 1, extra: 1 },
}
const LAST_TAG = 0x1f
/** TLVs in TLVs. */
const DEEPEST = 4
