import { asciiOf, BYTES_PER_LINE, hexPairs } from '../../lib/bytes-as-text.ts'

/** A line of a dump: where it begins, and its bytes; those before `split` are of headers. */
export interface ByteLine {
  readonly offset: string
  /** Of headers, and of what they carry: as hexadecimal numbers … */
  readonly hex: readonly [string, string]
  /** … and as letters. */
  readonly text: readonly [string, string]
}

/** Bytes of a packet as lines of 16; headers end at `payloadStart`. */
export function byteLines(bytes: Uint8Array, payloadStart: number): ByteLine[] {
  const lines: ByteLine[] = []
  for (let from = 0; from < bytes.length; from += BYTES_PER_LINE) {
    const line = bytes.subarray(from, from + BYTES_PER_LINE)
    const split = Math.min(Math.max(payloadStart - from, 0), line.length)
    const parts = [line.subarray(0, split), line.subarray(split)] as const
    lines.push({
      offset: from.toString(16).padStart(4, '0'),
      hex: [hexPairs(parts[0]).join(' '), hexPairs(parts[1]).join(' ')],
      text: [asciiOf(parts[0]), asciiOf(parts[1])],
    })
  }
  return lines
}

export function bytesIn(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
}
