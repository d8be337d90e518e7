import { u8, u32le } from './read.ts'
import { Output, type Unpacked } from './unpacked.ts'

/**
 * LZ4 frames, one after another (lz4_Frame_format.md, lz4_Block_format.md); those that may be skipped are.
 * Checksums are not looked at: Kafka's clients before 0.10 made the one of the header wrongly.
 */
export function unpackLz4(bytes: Uint8Array, limit: number): Unpacked {
  const output = new Output(bytes.length * USUAL_RATIO, limit)
  let at = 0
  while (at < bytes.length) {
    at = frame(bytes, at, output)
    if (at < 0) return output.unpacked(false)
  }
  return output.unpacked(at > 0)
}

/** Returns where the frame that begins at `start` ends, or `BROKEN`. */
function frame(bytes: Uint8Array, start: number, output: Output): number {
  if (start + SHORTEST_FRAME > bytes.length) return BROKEN
  const magic = u32le(bytes, start)
  if ((magic & ~0xf) >>> 0 === SKIPPABLE) return skipped(bytes, start)
  const flags = u8(bytes, start + 4)
  if (magic !== MAGIC || flags >>> 6 !== VERSION) return BROKEN
  let at = start + 7 + ((flags & HAS_SIZE) === 0 ? 0 : 8) + ((flags & HAS_DICTIONARY) === 0 ? 0 : 4)
  const checksum = (flags & HAS_BLOCK_CHECKSUMS) === 0 ? 0 : 4
  for (;;) {
    if (at + 4 > bytes.length) return BROKEN
    const word = u32le(bytes, at)
    at += 4
    if (word === 0) return at + ((flags & HAS_CHECKSUM) === 0 ? 0 : 4)
    const size = word & 0x7fffffff
    const end = Math.min(at + size, bytes.length)
    const isGood = word >= 0x80000000 ? output.append(bytes, at, end) : unpackBlock(bytes, at, end, output)
    if (!isGood || end < at + size) return BROKEN
    at = end + checksum
  }
}

function skipped(bytes: Uint8Array, start: number): number {
  const end = start + 8 + u32le(bytes, start + 4)
  return end > bytes.length ? BROKEN : end
}

/** Sequences: literals, then what repeats. The last one has literals only. */
function unpackBlock(bytes: Uint8Array, start: number, end: number, output: Output): boolean {
  let at = start
  while (at < end) {
    const token = u8(bytes, at++)
    let length = token >>> 4
    if (length === 15)
      do length += at < end ? u8(bytes, at) : 0
      while (at < end && u8(bytes, at++) === 255)
    const literalsEnd = Math.min(at + length, end)
    if (!output.append(bytes, at, literalsEnd) || at + length > end) return false
    at = literalsEnd
    if (at === end) return true
    if (at + 2 > end) return false
    const distance = u8(bytes, at) | (u8(bytes, at + 1) << 8)
    at += 2
    length = token & 15
    if (length === 15)
      do length += at < end ? u8(bytes, at) : 0
      while (at < end && u8(bytes, at++) === 255)
    if (!output.repeat(distance, length + SHORTEST_MATCH)) return false
  }
  return true
}

const BROKEN = -1
const MAGIC = 0x184d2204
/** 0x184d2a50 … 5f */
const SKIPPABLE = 0x184d2a50
const VERSION = 1
const HAS_BLOCK_CHECKSUMS = 0x10
const HAS_SIZE = 0x08
const HAS_CHECKSUM = 0x04
const HAS_DICTIONARY = 0x01
const SHORTEST_FRAME = 8
const SHORTEST_MATCH = 4
/** The first buffer is so many times as long as what is compressed. */
const USUAL_RATIO = 4
