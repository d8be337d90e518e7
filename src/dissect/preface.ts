import { u8, u16 } from '../bytes/read.ts'
import { latin1 } from '../bytes/text.ts'

/**
 * Length of the header with which load balancers tell a server who its client is, at the beginning of a connection
 * (PROXY protocol, versions 1 and 2); 0 when there is none, or not all of it.
 * https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt
 */
export function prefaceLength(bytes: Uint8Array, start: number, end: number): number {
  const first = u8(bytes, start)
  if (first === LETTER_P) return lineLength(bytes, start, end)
  return first === CR ? binaryLength(bytes, start, end) : 0
}

function lineLength(bytes: Uint8Array, start: number, end: number): number {
  const found = LINE.exec(latin1(bytes, start, Math.min(end, start + LONGEST_LINE)))
  return found === null ? 0 : found[0].length
}

function binaryLength(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < BINARY_HEADER) return 0
  if (latin1(bytes, start, start + SIGNATURE.length) !== SIGNATURE) return 0
  const length = BINARY_HEADER + u16(bytes, start + 14)
  return length <= end - start ? length : 0
}

const LINE = /^PROXY (TCP4|TCP6|UNKNOWN)( [^\r\n]*)?\r\n/
const LONGEST_LINE = 107
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
/** Signature, version and command, family, and length of the addresses. */
const BINARY_HEADER = 16
const LETTER_P = 0x50
const CR = 0x0d
