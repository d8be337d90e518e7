import { crc32 } from 'node:zlib'

/**
 * An entry as it lies on disk: `<checksum of the rest> <time> <JSON>`, a line. The checksum is zlib's, which comes as
 * machine code.
 */
export function encodeLine(atMs: number, json: string): Buffer {
  const line = Buffer.from(`00000000 ${atMs} ${json}\n`)
  line.write(checksum(line.subarray(CHECKSUM_WIDTH, -1)), 'latin1')
  return line
}

export interface Line {
  readonly atMs: number
  readonly json: string
}

/** Undefined when it is damaged. Without its line end. */
export function decodeLine(line: Uint8Array): Line | undefined {
  if (line.length < CHECKSUM_WIDTH + 3) return undefined
  const buffer = Buffer.from(line.buffer, line.byteOffset, line.byteLength)
  const rest = buffer.subarray(CHECKSUM_WIDTH)
  if (buffer.toString('latin1', 0, CHECKSUM_WIDTH) !== checksum(rest)) return undefined
  const space = rest.indexOf(SPACE, 1)
  const atMs = Number(rest.toString('latin1', 1, space))
  return space < 0 || Number.isNaN(atMs) ? undefined : { atMs, json: rest.toString('utf8', space + 1) }
}

/** Places where lines begin, and behind the last one that has an end. */
export function lineStarts(bytes: Uint8Array): number[] {
  const starts = [0]
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) starts.push(at + 1)
  return starts
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(CHECKSUM_WIDTH, '0')
}

export const LINE_END = 10
const SPACE = 32
const CHECKSUM_WIDTH = 8
