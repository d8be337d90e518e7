import { u8 } from './read.ts'
import { Output, type Unpacked } from './unpacked.ts'

/** One block of Snappy (format_description.txt): its length, then literals and what repeats. */
export function unpackSnappy(bytes: Uint8Array, start: number, end: number, limit: number): Unpacked {
  let at = start
  let length = 0
  for (let shift = 1; ; shift *= 128) {
    if (at === end || at - start === LONGEST_LENGTH) return NOTHING
    const byte = u8(bytes, at++)
    length += (byte & 0x7f) * shift
    if (byte < 0x80) break
  }
  // The length that is told may be a lie: so many bytes cannot come out of so few.
  const output = new Output(Math.min(length, (end - start) * HIGHEST_RATIO), Math.min(length, limit))
  while (at < end) {
    const tag = u8(bytes, at++)
    const after = at + (tag & 3 ? (COPY_BYTES[tag & 3] as number) : literalBytes(tag))
    if (after > end) return output.unpacked(false)
    const number = littleEndian(bytes, at, after)
    at = after
    if ((tag & 3) === 0) {
      const size = (tag >>> 2 < 60 ? tag >>> 2 : number) + 1
      const literalsEnd = Math.min(at + size, end)
      if (!output.append(bytes, at, literalsEnd) || literalsEnd < at + size) return output.unpacked(false)
      at = literalsEnd
    } else {
      const isShort = (tag & 3) === 1
      const distance = isShort ? ((tag >>> 5) << 8) | number : number
      if (!output.repeat(distance, isShort ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1))
        return output.unpacked(false)
    }
  }
  return output.unpacked(output.length === length)
}

/** Bytes of a literal's length, where it is not in the tag. */
function literalBytes(tag: number): number {
  return Math.max((tag >>> 2) - 59, 0)
}

function littleEndian(bytes: Uint8Array, start: number, end: number): number {
  let number = 0
  for (let at = end - 1; at >= start; at--) number = number * 256 + u8(bytes, at)
  return number
}

const NOTHING: Unpacked = { bytes: new Uint8Array(0), isWhole: false }
const LONGEST_LENGTH = 5
/** Three bytes repeat at most 64. */
const HIGHEST_RATIO = 22
/** Bytes of the distance after each kind of tag that is a copy. */
const COPY_BYTES = [0, 1, 2, 4]
