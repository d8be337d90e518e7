import { latin1, latin1Bytes, utf8Text } from '../../bytes/text.ts'

/**
 * Bytes that are kept for later, a character each: strings of that kind are made and thrown away at a fraction of what
 * arrays of bytes cost, and what is plain ASCII needs no decoding.
 */
export type Octets = string

export function octets(bytes: Uint8Array, start: number, end: number): Octets {
  return start < end ? latin1(bytes, start, end) : ''
}

export const bytesOf: (octets: Octets) => Uint8Array = latin1Bytes

/** Read as UTF-8. */
export function textOf(octets: Octets): string {
  return NOT_ASCII.test(octets) ? utf8Text(bytesOf(octets), 0, octets.length) : octets
}

const NOT_ASCII = /[\x80-\xff]/
