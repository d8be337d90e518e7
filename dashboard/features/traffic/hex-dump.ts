/** A line as in `hexdump -C`: where it begins, its bytes, and the same as text. */
export interface HexLine {
  readonly offset: string
  readonly bytes: string
  readonly text: string
}

/** How many lines so many bytes make. */
export function hexLineCount(length: number): number {
  return Math.ceil(length / PER_LINE)
}

/** One line alone: lists ask only for what is on the screen. */
export function hexLine(bytes: Uint8Array, line: number): HexLine {
  const from = line * PER_LINE
  const part = [...bytes.subarray(from, from + PER_LINE)]
  const hex = part.map((byte) => byte.toString(16).padStart(2, '0'))
  return {
    offset: from.toString(16).padStart(8, '0'),
    bytes: `${hex.slice(0, HALF).join(' ')}  ${hex.slice(HALF).join(' ')}`.trimEnd(),
    text: part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(''),
  }
}

const PER_LINE = 16
const HALF = 8
