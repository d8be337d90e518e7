import { utf8Text } from '../../bytes/text.ts'

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const COLON = 0x3a

/** `text[start, end)` without the white space of HTTP around it. Not `trim`, which takes 0xA0 for a space. */
export function trimmed(text: string, start = 0, end = text.length): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** Whether `text` has `name` (given in lower case) at `at`, in any case. */
export function hasNameAt(text: string, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index++)
    if ((text.charCodeAt(at + index) | 0x20) !== name.charCodeAt(index)) return false
  return true
}

/** Text that has one character for each byte, as UTF-8 where the bytes are that. */
export function readable(text: string): string {
  return NOT_ASCII.test(text) ? (asUtf8(Buffer.from(text, 'latin1')) ?? text) : text
}

/** Undefined when the bytes are not UTF-8. A replacement character may be among what was written. */
export function asUtf8(bytes: Uint8Array): string | undefined {
  const text = utf8Text(bytes, 0, bytes.length)
  return text.includes('\ufffd') && !Buffer.from(text).equals(bytes) ? undefined : text
}

/** Characters that methods and header names consist of (RFC 9110 §5.6.2). */
export function isTokenCharacter(code: number): boolean {
  return code < 128 && TOKEN[code] === 1
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB || code === CR || code === LF
}

const TOKEN = Uint8Array.from({ length: 128 }, (_, code) =>
  /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(code)) ? 1 : 0,
)
const NOT_ASCII = /[\u0080-\u00ff]/
