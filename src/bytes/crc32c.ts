import { u8 } from './read.ts'

/** CRC-32C (Castagnoli) of `bytes[start, end)`, the four bytes at `zeros` taken as 0. RFC 9260, appendix A */
export function crc32c(bytes: Uint8Array, start: number, end: number, zeros: number): number {
  let crc = 0xffffffff
  for (let at = start; at < end; at++) {
    const byte = at >= zeros && at < zeros + 4 ? 0 : u8(bytes, at)
    crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number)
  }
  return ~crc >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})
