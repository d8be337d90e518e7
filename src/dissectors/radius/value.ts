import { i32, u8, u16, u32 } from '../../bytes/read.ts'
import { hex, utf8Text } from '../../bytes/text.ts'
import { addressText } from '../../packet/address.ts'
import type { AttributeType } from './dictionary/dictionary.ts'

/**
 * The value of an attribute. What does not have the length of its type is shown as the bytes that it is. Text stands for
 * all but plain numbers; bytes are text where they can be printed, else `0x` and hexadecimal digits.
 */
export function readValue(
  type: AttributeType,
  bytes: Uint8Array,
  start: number,
  end: number,
): string | number {
  const length = end - start
  switch (type) {
    case 'text':
      return utf8Text(bytes, start, end)
    case 'secret':
      return MASK
    case 'byte':
      if (length === 1) return u8(bytes, start)
      break
    case 'short':
      if (length === 2) return u16(bytes, start)
      break
    case 'integer':
      // With a tag in front of it three bytes are left. RFC 2868 §3.1
      if (length === 4 || length === 3) return unsigned(bytes, start, end)
      break
    case 'signed':
      if (length === 4) return i32(bytes, start)
      break
    case 'integer64':
      if (length === 8) return integer64(bytes, start)
      break
    case 'time':
      if (length === 4) return new Date(u32(bytes, start) * 1000).toISOString().replace('.000', '')
      break
    case 'ipv4':
      if (length === 4) return ipv4(bytes, start)
      break
    case 'ipv6':
      if (length === 16) return ipv6(bytes, start, end)
      break
    case 'ipv4-prefix':
      if (length === 6) return `${ipv4(bytes, start + 2)}/${u8(bytes, start + 1) & 63}`
      break
    case 'ipv6-prefix':
      if (length >= 2 && length <= 18) return `${ipv6(bytes, start + 2, end)}/${u8(bytes, start + 1)}`
      break
    case 'interface-id':
      if (length === 8) return (hex(bytes, start, end).match(/.{4}/g) ?? []).join(':')
      break
    case 'egress-vlan':
      if (length === 4 && isEgressTag(u8(bytes, start)))
        return `${egress(u8(bytes, start))} ${u16(bytes, start + 2) & 0xfff}`
      break
    case 'egress-name':
      if (length >= 1 && isEgressTag(u8(bytes, start)))
        return `${egress(u8(bytes, start))} ${utf8Text(bytes, start + 1, end)}`
      break
  }
  return octets(bytes, start, end)
}

/** `secret`, or `0x00ff` where it cannot be printed. */
export function octets(bytes: Uint8Array, start: number, end: number): string {
  for (let at = start; at < end; at++)
    if (u8(bytes, at) < 0x20 || u8(bytes, at) > 0x7e) return `0x${hex(bytes, start, end)}`
  return utf8Text(bytes, start, end)
}

function unsigned(bytes: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) value = value * 256 + u8(bytes, at)
  return value
}

/** As a number where JavaScript's numbers are exact, else as text. */
function integer64(bytes: Uint8Array, start: number): string | number {
  const value = u32(bytes, start) * 2 ** 32 + u32(bytes, start + 4)
  if (Number.isSafeInteger(value)) return value
  return String((BigInt(u32(bytes, start)) << 32n) | BigInt(u32(bytes, start + 4)))
}

function ipv4(bytes: Uint8Array, start: number): string {
  return addressText(4, i32(bytes, start), 0, 0, 0)
}

/** Bytes of a prefix that are left out are 0. RFC 3162 §2.3 */
function ipv6(bytes: Uint8Array, start: number, end: number): string {
  const whole = new Uint8Array(16)
  whole.set(bytes.subarray(start, end))
  return addressText(6, i32(whole, 0), i32(whole, 4), i32(whole, 8), i32(whole, 12))
}

/** RFC 4675 §2.1, §2.3: the characters 1 and 2. */
function isEgressTag(byte: number): boolean {
  return byte === 0x31 || byte === 0x32
}

function egress(tag: number): string {
  return tag === 0x31 ? 'tagged' : 'untagged'
}

/** What stands for a password, or a key. */
const MASK = '[REDACTED]'
