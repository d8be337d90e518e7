const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** Text of `bytes[start, end)`, one character a byte (ISO 8859-1). Short runs by hand: no call out of JavaScript. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length > 24) return asBuffer(bytes).latin1Slice(start, end)
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

/** Text of `bytes[start, end)` read as UTF-8; bytes that are not become U+FFFD. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return utf8.decode(bytes.subarray(start, end))
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
