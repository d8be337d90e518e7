import { i32, u8, u16, u32 } from '../../bytes/read.ts'
import { hex } from '../../bytes/text.ts'
import { REDACTED } from '../../entry/redacted.ts'
import { ipv4Text, ipv6Text, octets, textOf, timeText, unsigned64 } from '../aaa/value.ts'
import type { ValueType } from './dictionary/dictionary.ts'

/**
 * The value of an attribute. What does not have the length of its type is shown as the bytes that it is. Text stands for
 * all but plain numbers; bytes are text where they can be printed, else `0x` and hexadecimal digits.
 */
export function readValue(type: ValueType, bytes: Uint8Array, start: number, end: number): string | number {
  const length = end - start
  switch (type) {
    case 'text':
      return textOf(bytes, start, end)
    case 'secret':
      return REDACTED
    case 'pair':
      return textOf(bytes, start, end).replace(SECRET_PAIR, `$1${REDACTED}`)
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
      if (length === 8) return unsigned64(bytes, start)
      break
    case 'time':
      if (length === 4) return timeText(u32(bytes, start))
      break
    case 'ipv4':
      if (length === 4) return ipv4Text(bytes, start)
      break
    case 'ipv6':
      if (length === 16) return ipv6Text(bytes, start, end)
      break
    case 'ipv4-prefix':
      if (length === 6) return `${ipv4Text(bytes, start + 2)}/${u8(bytes, start + 1) & 63}`
      break
    case 'ipv6-prefix':
      if (length >= 2 && length <= 18) return `${ipv6Text(bytes, start + 2, end)}/${u8(bytes, start + 1)}`
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
        return `${egress(u8(bytes, start))} ${textOf(bytes, start + 1, end)}`
      break
  }
  return octets(bytes, start, end)
}

function unsigned(bytes: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) value = value * 256 + u8(bytes, at)
  return value
}

/** RFC 4675 §2.1, §2.3: the characters 1 and 2. */
function isEgressTag(byte: number): boolean {
  return byte === 0x31 || byte === 0x32
}

function egress(tag: number): string {
  return tag === 0x31 ? 'tagged' : 'untagged'
}

/** Cisco's form, which others took over: `psk=…`, `vpdn:l2tp-tunnel-password=…`; with `*` where it is optional. */
const SECRET_PAIR = /^([^=*]*(?:psk|password|secret|key)[=*]).*/is
