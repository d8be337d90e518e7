import { latin1, latin1Bytes, utf8Text } from './text.ts'

/**
 * Bytes that are kept for later, a character each: strings of that kind are made and thrown away at a fraction of what
 * arrays of bytes cost, and what is plain ASCII needs no decoding.
 */
export type Octets = string

export function octets(bytes: Uint8Array, start: number, end: number): Octets {
  return start < end ? latin1(bytes, start, end) : ''
}

export const bytesOf: (octets: Octets) => Uint8Array = latin1Bytes

/** Read as UTF-8; a character a byte where they are not that. */
export function textOf(octets: Octets): string {
  if (!NOT_ASCII.test(octets)) return octets
  const text = utf8Text(bytesOf(octets), 0, octets.length)
  // The last character may have been cut off.
  const broken = text.indexOf(REPLACEMENT)
  return broken >= 0 && broken < text.length - 1 ? octets : text
}

/** What stands for bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd'
const NOT_ASCII = /[\x80-\xff]/
