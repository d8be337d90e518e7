/** Bytes on a line of a dump, as `hexdump -C` has it. */
export const BYTES_PER_LINE = 16

/** Each byte as two hexadecimal digits. */
export function hexPairs(bytes: Uint8Array): string[] {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
}

/** Letters of ASCII as they are, a point for every other byte. */
export function asciiOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
}
