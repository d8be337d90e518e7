import { Spellings, spellingsOf } from './spellings.ts'

/**
 * Something without which a filter does not match an entry, so that others can do part of its work. With it it need not
 * match either: what is not there may be equal to an empty value, and an array to one of its elements.
 */
export interface Condition {
  /** Keys from the entry to the field, with dots; "" for a field somewhere in it. */
  readonly path: string
  readonly test: '==' | '<' | '<=' | '>' | '>=' | 'contains' | 'startsWith' | 'endsWith' | 'in'
  readonly value: string | number | readonly string[]
}

/** Texts that the JSON of every matching entry contains, if nothing in it is escaped that need not be. */
export function needlesOf(conditions: readonly Condition[]): readonly string[] {
  return conditions.flatMap(({ test, value }) =>
    TEXT_TESTS.has(test) && typeof value === 'string' && isNeedle(value) ? [value] : [],
  )
}

/**
 * Whether a text that a field contains must stand in the JSON of the entry just so: nothing of it is written otherwise
 * there, and it is in nothing that JavaScript makes of numbers and objects.
 */
function isNeedle(text: string): boolean {
  if (!/^[\x20-\x7e]+$/.test(text) || /["\\,:{}[\]]/.test(text)) return false
  if (!/[^0-9.e+-]/.test(text) || MADE.some((each) => each.includes(text))) return false
  return !(spellingsOf(text) instanceof Spellings)
}

export const TEXT_TESTS: ReadonlySet<string> = new Set(['contains', 'startsWith', 'endsWith'])
const MADE = ['[object Object]', 'Infinity', 'NaN', 'null', 'undefined']
