import { Spellings, spellingsOf } from './spellings.ts'

/**
 * Whether a text that a field contains must stand in the JSON of the entry just so: nothing of it is written otherwise
 * there, and it is in nothing that JavaScript makes of numbers and objects.
 */
export function isNeedle(text: string): boolean {
  if (!/^[\x20-\x7e]+$/.test(text) || /["\\,:{}[\]]/.test(text)) return false
  if (!/[^0-9.e+-]/.test(text) || MADE.some((each) => each.includes(text))) return false
  return !(spellingsOf(text) instanceof Spellings)
}

const MADE = ['[object Object]', 'Infinity', 'NaN', 'null', 'undefined']
