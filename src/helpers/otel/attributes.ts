import type { AnyValue, Attributed, KeyValue } from './messages.ts'

/** Names and values as scripts and conventions give them; undefined: left out. */
export type Attributes = Readonly<Record<string, unknown>>

/** As OTLP has them, in their order, as many as a collector takes: 128, as the SDKs have it, and texts of 8 KiB. */
export function attributed(attributes: Attributes): Attributed {
  const all = keyValues(attributes)
  if (all.length <= MOST_ATTRIBUTES) return { attributes: all }
  return {
    attributes: all.slice(0, MOST_ATTRIBUTES),
    droppedAttributesCount: all.length - MOST_ATTRIBUTES,
  }
}

export function keyValues(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    key === '' || value === undefined ? [] : [{ key, value: anyValue(value) }],
  )
}

/** JSON → AnyValue. Whole numbers are ints, as far as they are exact. */
export function anyValue(value: unknown, depth = 0): AnyValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: cut(value) }
    case 'boolean':
      return { boolValue: value }
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: BigInt(value) } : { doubleValue: value }
    case 'bigint':
      return { intValue: BigInt.asIntN(64, value) }
    case 'object':
      break
    default:
      return {}
  }
  if (value === null) return {}
  if (depth >= DEEPEST) return { stringValue: cut(JSON.stringify(value)) }
  if (Array.isArray(value))
    return { arrayValue: { values: value.slice(0, MOST_VALUES).map((each) => anyValue(each, depth + 1)) } }
  const fields = Object.entries(value).slice(0, MOST_VALUES)
  return {
    kvlistValue: {
      values: fields.map(([key, each]) => ({ key, value: anyValue(each, depth + 1) })),
    },
  }
}

/** Not in the middle of a character: protobuf has UTF-8 only. */
function cut(text: string): string {
  return (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text).toWellFormed()
}

const MOST_ATTRIBUTES = 128
const MOST_VALUES = 1024
const LONGEST_TEXT = 8192
const DEEPEST = 8
