import { u8, u16, u32 } from '../../bytes/read.ts'
import { latin1, utf8Text } from '../../bytes/text.ts'
import { TEXT, typeName, valueText } from './types.ts'

/** Where the NUL is that ends the string at `start`; `end` when there is none. */
export function nulAt(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && u8(bytes, at) !== 0) at++
  return at
}

/** The text of `bytes[start, end)`: names and tags, which are ASCII nearly always. */
export function shortText(bytes: Uint8Array, start: number, end: number): string {
  for (let at = start; at < end; at++) if (u8(bytes, at) > 0x7e) return utf8Text(bytes, start, end)
  return start === end ? '' : latin1(bytes, start, end)
}

/** Strings in pairs up to an empty one: the parameters of a startup packet. */
export function textPairs(bytes: Uint8Array, start: number, end: number): Record<string, string> {
  const pairs: Record<string, string> = {}
  let at = start
  for (let count = 0; count < MOST_PAIRS && at < end && u8(bytes, at) !== 0; count++) {
    const nameEnd = nulAt(bytes, at, end)
    const valueEnd = nulAt(bytes, nameEnd + 1, end)
    // Names come from the wire: `__proto__` is one like any other.
    Object.defineProperty(pairs, utf8Text(bytes, at, nameEnd), {
      value: utf8Text(bytes, Math.min(nameEnd + 1, end), valueEnd),
      enumerable: true,
      configurable: true,
      writable: true,
    })
    at = valueEnd + 1
  }
  return pairs
}

/** The fields of an error or a notice by their letter: S severity, C code, M message … */
export function errorFields(bytes: Uint8Array, start: number, end: number): Record<string, string> {
  const fields: Record<string, string> = {}
  let at = start
  while (at < end && u8(bytes, at) !== 0) {
    const valueEnd = nulAt(bytes, at + 1, end)
    fields[String.fromCharCode(u8(bytes, at))] = utf8Text(bytes, at + 1, valueEnd)
    at = valueEnd + 1
  }
  return fields
}

/** The columns of a RowDescription, or as many as are here. */
export class Columns {
  readonly names: readonly string[]
  readonly types: readonly number[]
  readonly formats: readonly number[]

  constructor(bytes: Uint8Array) {
    const names: string[] = []
    const types: number[] = []
    const formats: number[] = []
    let at = 2
    for (;;) {
      const nameEnd = nulAt(bytes, at, bytes.length)
      const details = nameEnd + 1
      if (details + COLUMN_DETAILS > bytes.length) break
      names.push(shortText(bytes, at, nameEnd))
      types.push(u32(bytes, details + 6))
      formats.push(u16(bytes, details + 16))
      at = details + COLUMN_DETAILS
    }
    this.names = names
    this.types = types
    this.formats = formats
  }

  get typeNames(): string[] {
    return this.types.map(typeName)
  }
}

/** Type ids in a row: of a Parse or a ParameterDescription. */
export function typeIds(bytes: Uint8Array, start: number, count: number, end: number): number[] {
  const types: number[] = []
  for (let at = start; types.length < count && at + 4 <= end; at += 4) types.push(u32(bytes, at))
  return types
}

/** Two-byte numbers in a row, their count in front of them. */
export function shorts(bytes: Uint8Array, start: number): { values: number[]; next: number } {
  const count = start + 2 <= bytes.length ? u16(bytes, start) : 0
  const next = Math.min(start + 2 + 2 * count, bytes.length)
  const values: number[] = []
  for (let at = start + 2; at + 2 <= next; at += 2) values.push(u16(bytes, at))
  return { values, next }
}

/**
 * Values with their lengths in front, their count before all: of a row, or what was bound to parameters. NULL is null.
 * Formats may be one for each, one for all, or none for text.
 */
export function readValues(
  bytes: Uint8Array,
  start: number,
  formats: readonly number[],
  types: readonly number[],
): { values: (string | null)[]; next: number } {
  const values: (string | null)[] = []
  const count = start + 2 <= bytes.length ? u16(bytes, start) : 0
  let at = start + 2
  while (values.length < count && at + 4 <= bytes.length) {
    const length = u32(bytes, at)
    at += 4
    const index = values.length
    if (length === IS_NULL) {
      values.push(null)
      continue
    }
    const format = formats.length === 1 ? formats[0] : formats[index]
    const end = Math.min(at + length, bytes.length)
    values.push(valueText(bytes, at, end, format ?? TEXT, types[index] ?? 0))
    at = end
  }
  return { values, next: at }
}

const MOST_PAIRS = 64
/** −1 as a length. */
const IS_NULL = 0xffffffff
/** Table, number in the table, type, size, modifier, format. */
const COLUMN_DETAILS = 18
