import { u8, u16 } from '../../bytes/read.ts'
import { hex } from '../../bytes/text.ts'
import { textOf } from '../aaa/value.ts'
import { type Attribute, type Attributes, findAttribute, readAttributes } from './attributes.ts'
import { codeName } from './codes.ts'
import type { Eap } from './eap.ts'

/** A value, or all of them in their order where an attribute is there more than once. */
export type AttributeMap = Readonly<Record<string, string | number | readonly (string | number)[]>>

/** RFC 2865 §3. Attributes are read when somebody looks at them. */
export class RadiusMessage {
  /** The same as one that came before. */
  readonly retransmission: boolean
  /** Not all of it is there, or its attributes do not fit into it. */
  readonly malformed: boolean
  readonly #bytes: Uint8Array
  #attributes: Attributes | undefined

  constructor(bytes: Uint8Array, retransmission: boolean, malformed: boolean) {
    this.#bytes = bytes
    this.retransmission = retransmission
    this.malformed = malformed
  }

  get code(): number {
    return u8(this.#bytes, 0)
  }

  get codeName(): string {
    return codeName(this.code)
  }

  get identifier(): number {
    return u8(this.#bytes, 1)
  }

  get length(): number {
    return u16(this.#bytes, 2)
  }

  get authenticator(): string {
    return hex(this.#bytes, 4, HEADER)
  }

  get attributeList(): readonly Attribute[] {
    return this.#read.list
  }

  get attributes(): AttributeMap {
    const map: Record<string, string | number | (string | number)[]> = {}
    for (const { name, value } of this.#read.list) {
      const before = map[name]
      if (before === undefined) map[name] = value
      else if (typeof before === 'object') before.push(value)
      else map[name] = [before, value]
    }
    return map
  }

  get eap(): Eap | null {
    return this.#read.eap ?? null
  }

  get userName(): string {
    const [start, end] = findAttribute(USER_NAME, this.#bytes, HEADER, this.#end)
    return textOf(this.#bytes, start, end)
  }

  get #read(): Attributes {
    this.#attributes ??= readAttributes(this.#bytes, HEADER, this.#end)
    return this.#attributes
  }

  get #end(): number {
    return Math.min(this.length, this.#bytes.length)
  }
}

/** Code, identifier, length, authenticator. */
export const HEADER = 20
const USER_NAME = 1
