import { i32, u8, u32 } from '../../bytes/read.ts'
import { hex, latin1, utf8Text } from '../../bytes/text.ts'
import { addressText } from '../../packet/address.ts'

/** Text in UTF-8. Most is ASCII, which needs no decoder. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  for (let at = start; at < end; at++) if (u8(bytes, at) > 0x7e) return utf8Text(bytes, start, end)
  return latin1(bytes, start, end)
}

/** Bytes as text where they can be printed, else `0x` and hexadecimal digits. */
export function octets(bytes: Uint8Array, start: number, end: number): string {
  for (let at = start; at < end; at++)
    if (u8(bytes, at) < 0x20 || u8(bytes, at) > 0x7e) return `0x${hex(bytes, start, end)}`
  return latin1(bytes, start, end)
}

/** A number of eight bytes: as text where JavaScript's numbers are not exact. */
export function unsigned64(bytes: Uint8Array, start: number): string | number {
  const value = u32(bytes, start) * 2 ** 32 + u32(bytes, start + 4)
  if (Number.isSafeInteger(value)) return value
  return String((BigInt(u32(bytes, start)) << 32n) | BigInt(u32(bytes, start + 4)))
}

/** `2026-01-01T00:00:00Z`, of seconds since 1970. */
export function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000', '')
}

export function ipv4Text(bytes: Uint8Array, start: number): string {
  return addressText(4, i32(bytes, start), 0, 0, 0)
}

/** Bytes that are left out at the end, as those of a prefix may be, are 0. */
export function ipv6Text(bytes: Uint8Array, start: number, end: number): string {
  const whole = new Uint8Array(16)
  whole.set(bytes.subarray(start, Math.min(end, start + 16)))
  return addressText(6, i32(whole, 0), i32(whole, 4), i32(whole, 8), i32(whole, 12))
}
