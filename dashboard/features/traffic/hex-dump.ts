import { asciiOf, BYTES_PER_LINE, hexPairs } from '../../lib/bytes-as-text.ts'

/** A line as in `hexdump -C`: where it begins, its bytes, and the same as text. */
export interface HexLine {
  readonly offset: string
  readonly bytes: string
  readonly text: string
}

/** How many lines so many bytes make. */
export function hexLineCount(length: number): number {
  return Math.ceil(length / BYTES_PER_LINE)
}

/** One line alone: lists ask only for what is on the screen. */
export function hexLine(bytes: Uint8Array, line: number): HexLine {
  const from = line * BYTES_PER_LINE
  const part = bytes.subarray(from, from + BYTES_PER_LINE)
  const hex = hexPairs(part)
  return {
    offset: from.toString(16).padStart(8, '0'),
    bytes: `${hex.slice(0, HALF).join(' ')}  ${hex.slice(HALF).join(' ')}`.trimEnd(),
    text: asciiOf(part),
  }
}

const HALF = 8
