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
  for (let from = 0; from < bytes.length; from += PER_LINE) {
    const line = bytes.subarray(from, from + PER_LINE)
    const split = Math.min(Math.max(payloadStart - from, 0), line.length)
    const parts = [line.subarray(0, split), line.subarray(split)] as const
    lines.push({
      offset: from.toString(16).padStart(4, '0'),
      hex: [hexOf(parts[0]), hexOf(parts[1])],
      text: [lettersOf(parts[0]), lettersOf(parts[1])],
    })
  }
  return lines
}

export function bytesIn(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
}

const PER_LINE = 16
