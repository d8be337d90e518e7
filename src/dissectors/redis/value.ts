import { u8 } from '../../bytes/read.ts'
import { endOfCharacters, latin1, textOf } from '../../bytes/text.ts'
import {
  ARRAY,
  ATTRIBUTE,
  BIG_NUMBER,
  BOOLEAN,
  BULK,
  BULK_ERROR,
  CHUNK,
  CR,
  DOUBLE,
  ERROR,
  INTEGER,
  LONGEST_VALUE,
  MAP,
  NULL,
  PUSH,
  QUESTION,
  SET,
  SIMPLE,
  STREAM_END,
  VERBATIM,
} from './walker.ts'

/** A RESP value as text; `items` when it is an aggregate. */
export interface RespValue {
  readonly type: string
  readonly text: string
  readonly items: readonly RespValue[] | undefined
}

/** Reads a value out of bytes that a `ValueReader` gave; of one that was cut short, what is there. */
export function readValue(wire: Uint8Array): RespValue {
  return new ValueDecoder(wire).value() ?? NOTHING_THERE
}

/** The elements of the array of strings that a command is. */
export function readStrings(wire: Uint8Array): string[] {
  return (readValue(wire).items ?? []).map(printValue)
}

/** `OK`, `[a, nil, [c, d]]`; maps print as RESP2 sends them, keys and values by turns. */
export function printValue(value: RespValue): string {
  return value.items === undefined ? value.text : printList(value.items.map(printElement))
}

function printElement(value: RespValue): string {
  return value === NULL_VALUE ? 'nil' : printValue(value)
}

/** As one text: nothing, the only one, or `[a, b]`. */
export function printFew(texts: readonly string[]): string {
  return texts.length > 1 ? printList(texts) : (texts[0] ?? '')
}

function printList(texts: readonly string[]): string {
  return `[${texts.join(', ')}]`
}

class ValueDecoder {
  readonly #wire: Uint8Array
  #at = 0
  /** Of the last header: a length or count, −1 for null, NaN for `?`. */
  #number = 0

  constructor(wire: Uint8Array) {
    this.#wire = wire
  }

  /** Undefined where the bytes end. Nests no deeper than the walker let through. */
  value(): RespValue | undefined {
    if (this.#at >= this.#wire.length) return undefined
    const type = u8(this.#wire, this.#at)
    switch (type) {
      case BULK:
      case BULK_ERROR:
      case VERBATIM:
        return this.#string(type)
      case ARRAY:
      case SET:
      case PUSH:
        return this.#aggregate(NAMES[type] ?? '', 1)
      case MAP:
        return this.#aggregate('Map', 2)
      case ATTRIBUTE:
        this.#aggregate('Attribute', 2)
        return this.value()
      default:
        return this.#line(type)
    }
  }

  #line(type: number): RespValue {
    const start = this.#at + 1
    const end = this.#lineEnd()
    if (type === NULL) return NULL_VALUE
    if (type === BOOLEAN) return leaf('Boolean', u8(this.#wire, start) === LETTER_T ? 'true' : 'false')
    return leaf(NAMES[type] ?? '', textOf(this.#wire, start, end))
  }

  #string(type: number): RespValue {
    this.#header()
    if (this.#number === -1) return NULL_VALUE
    const text = Number.isNaN(this.#number) ? this.#chunks() : this.#body()
    if (type === VERBATIM) return leaf('Verbatim String', text.slice(FORMAT_LENGTH))
    return leaf(type === BULK ? 'Bulk String' : 'Bulk Error', text)
  }

  #chunks(): string {
    let text = ''
    while (u8(this.#wire, this.#at) === CHUNK) {
      this.#header()
      if (this.#number === 0) break
      text += this.#body()
    }
    return text
  }

  #body(): string {
    const length = this.#number
    const start = this.#at
    const end = Math.min(start + Math.min(length, LONGEST_VALUE), this.#wire.length)
    this.#at = length > LONGEST_VALUE ? end : end + 2
    return textOf(this.#wire, start, end - start < length ? endOfCharacters(this.#wire, start, end) : end)
  }

  #aggregate(type: string, each: number): RespValue {
    this.#header()
    if (this.#number === -1) return NULL_VALUE
    const count = Number.isNaN(this.#number) ? Number.POSITIVE_INFINITY : this.#number * each
    const items: RespValue[] = []
    while (items.length < count) {
      if (u8(this.#wire, this.#at) === STREAM_END) {
        this.#at += 3
        break
      }
      const item = this.value()
      if (item === undefined) break
      items.push(item)
    }
    return { type, text: '', items }
  }

  #header(): void {
    const start = this.#at + 1
    const end = this.#lineEnd()
    this.#number = u8(this.#wire, start) === QUESTION ? Number.NaN : Number(latin1(this.#wire, start, end))
  }

  /** Steps over the line; returns where its CR is. */
  #lineEnd(): number {
    let at = this.#at
    while (at < this.#wire.length && u8(this.#wire, at) !== CR) at++
    this.#at = Math.min(at + 2, this.#wire.length)
    return at
  }
}

const leaf = (type: string, text: string): RespValue => ({ type, text, items: undefined })

const NAMES: Readonly<Record<number, string>> = {
  [SIMPLE]: 'Simple String',
  [ERROR]: 'Error',
  [INTEGER]: 'Integer',
  [BIG_NUMBER]: 'Big Number',
  [DOUBLE]: 'Double',
  [ARRAY]: 'Array',
  [SET]: 'Set',
  [PUSH]: 'Push',
}
/** `_`, and the null strings and arrays of RESP2: a reader need not know the version. */
const NULL_VALUE = leaf('Null', '')
const NOTHING_THERE = leaf('N/A', '')
/** `txt:` or `mkd:` in front of a verbatim string. */
const FORMAT_LENGTH = 4
const LETTER_T = 0x74
