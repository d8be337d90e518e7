import { u8, u32le } from './read.ts'

/**
 * Decompresses one block of Snappy, up to `most` bytes of what it becomes. A block that is cut off gives what comes
 * before the cut. Undefined: it is none, or it is broken.
 * https://github.com/google/snappy/blob/main/format_description.txt
 */
export function fromSnappy(block: Uint8Array, most: number): Uint8Array | undefined {
  let at = 0
  let length = 0
  for (let shift = 0; ; shift += 7) {
    const byte = block[at++]
    if (byte === undefined || shift > 28) return undefined
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  // The longest that a block of this length can become: what it says may be a lie.
  const size = Math.min(length, most, (block.length - at) * MOST_RATIO)
  const out = new Uint8Array(size)
  let to = 0
  while (at < block.length && to < size) {
    const tag = u8(block, at++)
    const kind = tag & 3
    if (kind === 0) {
      const extra = Math.max((tag >> 2) - 59, 0)
      if (at + extra > block.length) break
      const count = extra === 0 ? (tag >> 2) + 1 : numberAt(block, at, extra) + 1
      at += extra
      const copied = Math.min(count, block.length - at, size - to)
      out.set(block.subarray(at, at + copied), to)
      at += count
      to += copied
      continue
    }
    const extra = kind === 3 ? 4 : kind
    if (at + extra > block.length) break
    const offset = kind === 1 ? ((tag >> 5) << 8) | u8(block, at) : numberAt(block, at, extra)
    const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    at += extra
    if (offset === 0 || offset > to) return undefined
    const last = Math.min(to + count, size)
    // What is copied may overlap what it becomes.
    if (offset >= count) to += copyWithin(out, to, offset, last)
    else for (; to < last; to++) out[to] = u8(out, to - offset)
  }
  return out.subarray(0, to)
}

function copyWithin(out: Uint8Array, to: number, offset: number, last: number): number {
  // Short runs, which most are, go faster by hand.
  if (last - to < 16) for (let at = to; at < last; at++) out[at] = u8(out, at - offset)
  else out.copyWithin(to, to - offset, last - offset)
  return last - to
}

/** Little-endian, of one to four bytes. */
function numberAt(bytes: Uint8Array, at: number, length: number): number {
  if (length === 4) return u32le(bytes, at)
  let number = 0
  for (let each = length - 1; each >= 0; each--) number = (number << 8) | u8(bytes, at + each)
  return number
}

/** A copy of 64 bytes takes at least 3, one of 11 at least 2. */
const MOST_RATIO = 64 / 3
