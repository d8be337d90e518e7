import { u8, u32le } from '../../bytes/read.ts'
import { base64, hex, latin1, utf8Text } from '../../bytes/text.ts'
import {
  AROUND,
  ARRAY,
  BINARY,
  BOOLEAN,
  CODE,
  CODE_WITH_SCOPE,
  DATE,
  DB_POINTER,
  DECIMAL128,
  DOCUMENT,
  DOUBLE,
  FIXED,
  INT32,
  INT64,
  MAX_KEY,
  MIN_KEY,
  NULL,
  OBJECT_ID,
  REGEX,
  SHORTEST_DOCUMENT,
  STRING,
  SYMBOL,
  TIMESTAMP,
  UNDEFINED,
} from './walker.ts'
import { cstringEnd, f64le, i32le, i64le } from './wire.ts'

export interface Fields {
  [name: string]: unknown
}

/** Documents in documents that are shown; MongoDB stores no more than 100. */
export const DEEPEST = 128

/**
 * Reads documents of BSON as plain values: Extended JSON in its relaxed form, save that whole numbers which JavaScript
 * cannot hold are `$numberLong`. What is cut off or broken is shown up to there: `bson` would show nothing of a reply of
 * which not all is kept, and goes as deep as it is told to.
 * https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
 */
export class PlainReader {
  /** Where it stopped. */
  at: number
  /** Something was cut off, broken, or nested too deeply. */
  isCut = false
  readonly #bytes: Uint8Array
  readonly #end: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.at = start
    this.#end = end
  }

  /** There may be another document. */
  get hasMore(): boolean {
    return !this.isCut && this.at < this.#end
  }

  /** Reads a document into `fields`. */
  document(fields: Fields = {}): Fields {
    this.#elements(this.#end, 0, (key, value) => put(fields, key, value))
    return fields
  }

  /** The elements of a document that ends before `limit`; returns when it has ended, or nothing more can be read. */
  #elements(limit: number, depth: number, take: (key: string, value: unknown) => void): void {
    const bytes = this.#bytes
    const start = this.at
    const length = start + 4 <= limit ? u32le(bytes, start) : 0
    if (length < SHORTEST_DOCUMENT || depth > DEEPEST) {
      this.isCut = true
      return
    }
    const end = Math.min(start + length, limit)
    this.at = start + 4
    while (this.at < end && !this.isCut) {
      const type = u8(bytes, this.at)
      if (type === 0) break
      const keyEnd = cstringEnd(bytes, this.at + 1, end, end)
      if (keyEnd < 0) break
      const key = utf8Text(bytes, this.at + 1, keyEnd)
      this.at = keyEnd + 1
      const value = this.#value(type, end, depth)
      if (value !== NOTHING) take(key, value)
    }
    // The NUL that ends it stands where its length says, or it is not whole.
    if (this.at !== start + length - 1 || this.at >= end || u8(bytes, this.at) !== 0) this.isCut = true
    this.at = start + length
  }

  #value(type: number, end: number, depth: number): unknown {
    const bytes = this.#bytes
    const { at } = this
    if (type === DOCUMENT) return this.#nested(end, depth)
    if (type === ARRAY) {
      const items: unknown[] = []
      this.#elements(end, depth + 1, (_, value) => items.push(value))
      return items
    }
    if (type === REGEX) return this.#regex(end)
    const fixed = FIXED[type]
    const around = AROUND[type]
    if (fixed === undefined && (around === undefined || at + 4 > end)) return this.#cut()
    const length = fixed ?? u32le(bytes, at) + (around ?? 0)
    if (at + length > end || (fixed === undefined && length < (around === 0 ? 14 : (around ?? 0))))
      return type === STRING && at + 4 < end ? this.#cutText(end) : this.#cut()
    this.at = at + length
    return this.#whole(type, at, length, depth)
  }

  #whole(type: number, at: number, length: number, depth: number): unknown {
    const bytes = this.#bytes
    switch (type) {
      case DOUBLE:
        return double(f64le(bytes, at))
      case STRING:
        return this.#text(at, length)
      case BINARY: {
        // The old kind 2 has its length once more.
        const subType = u8(bytes, at + 4)
        const data = at + (subType === 2 && length >= 9 ? 9 : 5)
        return {
          $binary: {
            base64: base64(bytes, data, at + length),
            subType: subType.toString(16).padStart(2, '0'),
          },
        }
      }
      case UNDEFINED:
        return { $undefined: true }
      case OBJECT_ID:
        return { $oid: hex(bytes, at, at + length) }
      case BOOLEAN:
        return u8(bytes, at) === 1
      case DATE:
        return date(i64le(bytes, at))
      case NULL:
        return null
      case DB_POINTER:
        return {
          $dbPointer: {
            $ref: this.#text(at, length - 12),
            $id: { $oid: hex(bytes, at + length - 12, at + length) },
          },
        }
      case CODE:
        return { $code: this.#text(at, length) }
      case SYMBOL:
        return { $symbol: this.#text(at, length) }
      case CODE_WITH_SCOPE:
        return this.#codeWithScope(at, length, depth)
      case INT32:
        return i32le(bytes, at)
      case TIMESTAMP:
        return { $timestamp: { t: u32le(bytes, at + 4), i: u32le(bytes, at) } }
      case INT64:
        return long(i64le(bytes, at))
      case DECIMAL128:
        return { $numberDecimal: decimal(i64le(bytes, at + 8), i64le(bytes, at)) }
      case MIN_KEY:
        return { $minKey: 1 }
      case MAX_KEY:
        return { $maxKey: 1 }
      default:
        return this.#cut()
    }
  }

  #nested(end: number, depth: number): Fields {
    const fields: Fields = {}
    this.#elements(end, depth + 1, (key, value) => put(fields, key, value))
    return fields
  }

  /** Length and NUL around it. */
  #text(at: number, length: number): string {
    return utf8Text(this.#bytes, at + 4, Math.max(at + 4, at + length - 1))
  }

  /** What is here of a text that goes on behind `end`. */
  #cutText(end: number): string {
    const text = utf8Text(this.#bytes, this.at + 4, end)
    this.#cut()
    return text.replace(/\ufffd$/, '')
  }

  #codeWithScope(at: number, length: number, depth: number): unknown {
    const end = at + length
    const textLength = 4 + u32le(this.#bytes, at + 4)
    if (textLength < 5 || 4 + textLength + SHORTEST_DOCUMENT > length) return this.#cut()
    this.at = at + 4 + textLength
    const code = { $code: this.#text(at + 4, textLength), $scope: this.#nested(end, depth) }
    this.at = end
    return code
  }

  #regex(end: number): unknown {
    const patternEnd = cstringEnd(this.#bytes, this.at, end, end)
    const optionsEnd = patternEnd < 0 ? -1 : cstringEnd(this.#bytes, patternEnd + 1, end, end)
    if (optionsEnd < 0) return this.#cut()
    const pattern = utf8Text(this.#bytes, this.at, patternEnd)
    this.at = optionsEnd + 1
    return { $regularExpression: { pattern, options: latin1(this.#bytes, patternEnd + 1, optionsEnd) } }
  }

  #cut(): typeof NOTHING {
    this.isCut = true
    this.at = this.#end
    return NOTHING
  }
}

/** A key of a document may be `__proto__`. */
export function put(fields: Fields, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(fields, key, { value, enumerable: true, writable: true, configurable: true })
  else fields[key] = value
}

function double(value: number): unknown {
  return Number.isFinite(value) ? value : { $numberDouble: String(value) }
}

function long(value: bigint): unknown {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : { $numberLong: String(value) }
}

/** Years from 1970 to 9999 are written as text, without milliseconds where there are none. */
function date(value: bigint): unknown {
  if (value < 0n || value > LAST_DATE) return { $date: { $numberLong: String(value) } }
  return { $date: new Date(Number(value)).toISOString().replace('.000Z', 'Z') }
}

/** IEEE 754-2008 decimal128 with a binary integer as its significand, as text in the form that its specification asks for. */
function decimal(high: bigint, low: bigint): string {
  const sign = high < 0n ? '-' : ''
  const combination = Number((high >> 58n) & 0x1fn)
  if (combination === 0x1f) return 'NaN'
  if (combination === 0x1e) return `${sign}Infinity`
  // Significands that begin with 100 are larger than any that is allowed: they stand for 0.
  const isLarge = combination >> 3 === 3
  const exponent = Number((high >> (isLarge ? 47n : 49n)) & 0x3fffn) - DECIMAL_BIAS
  const significand = isLarge ? 0n : ((high & 0x1ffffffffffffn) << 64n) | (low & 0xffffffffffffffffn)
  const digits = String(significand > MOST_SIGNIFICAND ? 0n : significand)
  const scientific = exponent + digits.length - 1
  if (exponent > 0 || scientific < -6) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    return `${sign}${digits[0]}${fraction}E${scientific < 0 ? '' : '+'}${scientific}`
  }
  if (exponent === 0) return sign + digits
  const padded = digits.padStart(1 - exponent, '0')
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`
}

/** Instead of a value that cannot be read. */
const NOTHING = Symbol('nothing')
const LAST_DATE = 253402300799999n
const DECIMAL_BIAS = 6176
const MOST_SIGNIFICAND = 10n ** 34n - 1n
