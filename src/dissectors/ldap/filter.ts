import { u8 } from '../../bytes/read.ts'
import { utf8Text } from '../../bytes/text.ts'
import { REDACTED } from '../../entry/redacted.ts'
import { type BerReader, OCTET_STRING } from './ber.ts'
import { isSecret } from './secrets.ts'

/** Filters in filters that are shown; what is further within is `(…)`. */
export const DEEPEST_FILTER = 32
/** Characters of a filter. */
export const LONGEST_FILTER = 16 << 10

/** The filter that begins at the next element, in the form of RFC 4515. */
export function filterText(reader: BerReader): string {
  const text = new FilterText().read(reader, 0)
  return text.length > LONGEST_FILTER ? `${text.slice(0, LONGEST_FILTER)}…` : text
}

class FilterText {
  /** Characters that may still be written: what is nested is not written again and again. */
  #room = LONGEST_FILTER

  read(reader: BerReader, depth: number): string {
    if (!reader.next()) return ''
    if (depth > DEEPEST_FILTER || this.#room < 0) return '(…)'
    const text = this.#component(reader.tag, reader.inside(), depth)
    return `(${text})`
  }

  #component(tag: number, inside: BerReader, depth: number): string {
    switch (tag) {
      case AND:
        return `&${this.#all(inside, depth)}`
      case OR:
        return `|${this.#all(inside, depth)}`
      case NOT:
        return `!${this.read(inside, depth + 1)}`
      case SUBSTRINGS:
        return this.#substrings(inside)
      case PRESENT:
        return this.#count(`${escaped(inside.bytes, inside.at, inside.end)}=*`)
      case EXTENSIBLE:
        return this.#extensible(inside)
      default: {
        const sign = SIGNS[tag]
        if (sign === undefined) return '…'
        const attribute = inside.text()
        return this.#count(`${attribute}${sign}${assertion(attribute, inside)}`)
      }
    }
  }

  #all(inside: BerReader, depth: number): string {
    let text = ''
    while (inside.at < inside.end && this.#room >= 0) text += this.read(inside, depth + 1)
    return text
  }

  #substrings(inside: BerReader): string {
    const attribute = inside.text()
    const parts = inside.next() ? inside.inside() : inside
    let text = `${attribute}=`
    let isOpen = false
    while (this.#room >= 0 && parts.next()) {
      const value = isSecret(attribute) ? REDACTED : escaped(parts.bytes, parts.start, parts.stop)
      this.#count(value)
      text += parts.tag === INITIAL ? value : `*${value}`
      isOpen = parts.tag !== FINAL
    }
    return isOpen ? `${text}*` : text
  }

  #extensible(inside: BerReader): string {
    const rule = inside.text(MATCHING_RULE)
    const attribute = inside.text(RULE_TYPE)
    const value = inside.nextIf(MATCH_VALUE)
      ? isSecret(attribute)
        ? REDACTED
        : escaped(inside.bytes, inside.start, inside.stop)
      : ''
    const withDn = inside.number(DN_ATTRIBUTES) !== 0
    return this.#count(`${attribute}${withDn ? ':dn' : ''}${rule === '' ? '' : `:${rule}`}:=${value}`)
  }

  #count(text: string): string {
    this.#room -= text.length + 2
    return text
  }
}

function assertion(attribute: string, inside: BerReader): string {
  if (!inside.nextIf(OCTET_STRING)) return ''
  return isSecret(attribute) ? REDACTED : escaped(inside.bytes, inside.start, inside.stop)
}

/** A value as it may stand in a filter (RFC 4515 §3); what is not UTF-8 is all written as `\xx`. */
function escaped(bytes: Uint8Array, start: number, stop: number): string {
  const end = Math.min(stop, start + LONGEST_FILTER)
  const text = utf8Text(bytes, start, end)
  if (!text.includes('\ufffd')) return text.replace(SPECIAL, (each) => hexOf(each.charCodeAt(0)))
  let all = ''
  for (let at = start; at < end; at++) {
    const byte = u8(bytes, at)
    all +=
      byte > 0x1f && byte < 0x7f && !'*()\\'.includes(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : hexOf(byte)
  }
  return all
}

function hexOf(byte: number): string {
  return `\\${byte.toString(16).padStart(2, '0')}`
}

/** What RFC 4515 §3 wants escaped, and the other controls of ASCII, which are not to be printed. */
const SPECIAL = /[[\p{Cc}*\(\)\\]--[\x80-\x9f]]/gv
const AND = 0xa0
const OR = 0xa1
const NOT = 0xa2
const SUBSTRINGS = 0xa4
const PRESENT = 0x87
const EXTENSIBLE = 0xa9
/** equalityMatch, greaterOrEqual, lessOrEqual, approxMatch. */
const SIGNS: Readonly<Record<number, string>> = { 163: '=', 165: '>=', 166: '<=', 168: '~=' }
/** Parts of substrings: initial, any (0x81), final. */
const INITIAL = 0x80
const FINAL = 0x82
/** Parts of extensibleMatch. */
const MATCHING_RULE = 0x81
const RULE_TYPE = 0x82
const MATCH_VALUE = 0x83
const DN_ATTRIBUTES = 0x84
