const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** Text of `bytes[start, end)`, one character a byte (ISO 8859-1). Short runs by hand: no call out of JavaScript. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length > 24) return asBuffer(bytes).latin1Slice(start, end)
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

/** Text of `bytes[start, end)` read as UTF-8; bytes that are not become U+FFFD. Short runs of ASCII by hand. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORTEST_DECODED) return utf8.decode(bytes.subarray(start, end))
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte > 0x7f) return utf8.decode(bytes.subarray(start, end))
    text += String.fromCharCode(byte)
  }
  return text
}

/** UTF-8 where the bytes are that, else a character a byte. Text with U+FFFD in it passes for binary. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (isAscii(bytes, start, end)) return latin1(bytes, start, end)
  const text = utf8Text(bytes, start, end)
  return text.includes('\ufffd') ? latin1(bytes, start, end) : text
}

export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] as number) > 0x7f) return false
  return true
}

/** Before the UTF-8 character that a cut at `end` may have left incomplete. */
export function endOfCharacters(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at >= start && at >= end - 3; at--) {
    const byte = bytes[at] as number
    if (byte < 0x80) return end
    if (byte >= 0xc0) return at + (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > end ? at : end
  }
  return end
}

/** The bytes that `latin1` made a text of. */
export function latin1Bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

/** Lower-case hexadecimal, two digits a byte. */
export function hex(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return asBuffer(bytes).hexSlice(start, end)
}

/** Standard base64 with padding. */
export function base64(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return asBuffer(bytes).base64Slice(start, end)
}

/** Bytes from which on the decoder is as fast as a loop: it costs 300 ns for whatever there is. */
const SHORTEST_DECODED = 12

/** The slice methods that Node puts on its Buffers; typed here because `@types/node` leaves them out. */
interface Sliceable extends Uint8Array {
  latin1Slice(start: number, end: number): string
  hexSlice(start: number, end: number): string
  base64Slice(start: number, end: number): string
}

function asBuffer(bytes: Uint8Array): Sliceable {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer as unknown as Sliceable
}
