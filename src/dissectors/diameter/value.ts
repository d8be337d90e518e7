import { i32, u8, u16, u32 } from '../../bytes/read.ts'
import { REDACTED } from '../../entry/redacted.ts'
import { ipv4Text, ipv6Text, octets, textOf, timeText, unsigned64 } from '../aaa/value.ts'
import type { AvpType } from './dictionary/dictionary.ts'

/**
 * The value of an AVP that has no others in it. What does not have the length of its type is shown as the bytes that it
 * is. Text stands for all but plain numbers; bytes are text where they can be printed, else `0x` and hexadecimal digits.
 */
export function readValue(
  type: AvpType | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
): string | number {
  const length = end - start
  switch (type) {
    case 'text':
      return textOf(bytes, start, end)
    case 'secret':
      return REDACTED
    case 'integer':
      if (length === 4) return i32(bytes, start)
      break
    case 'unsigned':
      if (length === 4) return u32(bytes, start)
      break
    case 'integer64':
      if (length === 8) return signed64(bytes, start)
      break
    case 'unsigned64':
      if (length === 8) return unsigned64(bytes, start)
      break
    case 'float':
      if (length === 4) return new DataView(bytes.buffer, bytes.byteOffset + start, 4).getFloat32(0)
      break
    case 'time':
      if (length === 4) return timeText(secondsSince1970(u32(bytes, start)))
      break
    case 'address':
      return address(bytes, start, end)
    case 'prefix':
      if (length >= 2 && length <= 18) return `${ipv6Text(bytes, start + 2, end)}/${u8(bytes, start + 1)}`
      break
    case 'digits':
      return digits(bytes, start, end)
    case 'plmn':
      if (length === 3) return plmn(bytes, start)
      break
  }
  return octets(bytes, start, end)
}

/** With its family in front (RFC 6733 §4.3.1); the AVPs that were attributes of RADIUS have none. */
function address(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length === 4) return ipv4Text(bytes, start)
  if (length === 16) return ipv6Text(bytes, start, end)
  const family = length < 2 ? 0 : u16(bytes, start)
  if (family === IPV4 && length === 6) return ipv4Text(bytes, start + 2)
  if (family === IPV6 && length === 18) return ipv6Text(bytes, start + 2, end)
  return family === E164 ? textOf(bytes, start + 2, end) : octets(bytes, start, end)
}

/** NTP's seconds, which begin anew in 2036. RFC 6733 §4.3.1 */
function secondsSince1970(seconds: number): number {
  return seconds >= 2 ** 31 ? seconds - FROM_1900_TO_1970 : seconds + 2 ** 32 - FROM_1900_TO_1970
}

function signed64(bytes: Uint8Array, start: number): string | number {
  const value = i32(bytes, start) * 2 ** 32 + u32(bytes, start + 4)
  return Number.isSafeInteger(value)
    ? value
    : String((BigInt(i32(bytes, start)) << 32n) | BigInt(u32(bytes, start + 4)))
}

/** Telephone numbers, two digits a byte, the lower half first. TS 29.329 §6.3.2 */
function digits(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = u8(bytes, at)
    const isLast = byte >> 4 === FILLER && at === end - 1
    if ((byte & 15) > 9 || (byte >> 4 > 9 && !isLast)) return octets(bytes, start, end)
    text += isLast ? `${byte & 15}` : `${byte & 15}${byte >> 4}`
  }
  return text
}

/** `262-01`: country and network. TS 29.272 §7.3.9 */
function plmn(bytes: Uint8Array, start: number): string {
  const [a, b, c] = [u8(bytes, start), u8(bytes, start + 1), u8(bytes, start + 2)]
  const last = b >> 4 === FILLER ? '' : `${b >> 4}`
  return `${a & 15}${a >> 4}${b & 15}-${c & 15}${c >> 4}${last}`
}

const FILLER = 15
const FROM_1900_TO_1970 = 2_208_988_800
/** https://www.iana.org/assignments/address-family-numbers */
const IPV4 = 1
const IPV6 = 2
const E164 = 8
