import { constants, gunzipSync, type ZlibOptions, type ZstdOptions, zstdDecompressSync } from 'node:zlib'
import { unpackLz4 } from '../../bytes/lz4.ts'
import { i32, u8 } from '../../bytes/read.ts'
import { fromSnappy } from '../../bytes/snappy.ts'
import { latin1 } from '../../bytes/text.ts'
import { Output, type Unpacked } from '../../bytes/unpacked.ts'

/** By their number in the attributes of a batch. */
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** "" for one that there is not. */
export function codecName(codec: number): string {
  return CODECS[codec] ?? ''
}

/** `made` is how many bytes were: more than there are, where some could not be had. */
export interface Made extends Unpacked {
  readonly made: number
}

/** At most `limit` bytes. What is cut off, broken or too long is decompressed as far as it goes. */
export function unpack(codec: number, bytes: Uint8Array, limit: number): Made {
  if (limit <= 0 || bytes.length === 0) return { ...NOTHING, made: 0 }
  if (CODECS[codec] === 'gzip') return byZlib(gunzipSync, bytes, limit, constants.Z_SYNC_FLUSH)
  if (CODECS[codec] === 'zstd') return byZlib(zstdDecompressSync, bytes, limit, constants.ZSTD_e_flush)
  const unpacked = unpackBlocks(codec, bytes, limit)
  return { ...unpacked, made: unpacked.bytes.length }
}

function unpackBlocks(codec: number, bytes: Uint8Array, limit: number): Unpacked {
  switch (CODECS[codec]) {
    case 'snappy':
      return isFramed(bytes) ? unpackFramed(bytes, limit) : bySnappy(bytes, limit)
    case 'lz4':
      return unpackLz4(bytes, limit)
    default:
      return NOTHING
  }
}

/**
 * zlib gives all or nothing. Where it gives nothing the bytes may be cut off, which it can be told; or else a part of
 * them is looked for that gives most of what may be.
 */
function byZlib(
  decompress: (bytes: Uint8Array, options: ZlibOptions & ZstdOptions) => Uint8Array,
  packed: Uint8Array,
  maxOutputLength: number,
  finishFlush: number,
): Made {
  let isTooMuch = false
  try {
    const bytes = decompress(packed, { maxOutputLength })
    return { bytes, isWhole: true, made: bytes.length }
  } catch (error) {
    isTooMuch = isAboutLength(error)
  }
  let { bytes } = NOTHING
  let made = isTooMuch ? maxOutputLength : 0
  let [fits, fails] = [0, packed.length]
  let length = isTooMuch ? fails >>> 1 : fails
  for (let attempt = 0; attempt < MOST_ATTEMPTS && length > fits; attempt++) {
    try {
      bytes = decompress(packed.subarray(0, length), { maxOutputLength, finishFlush })
      fits = length
      if (fits === fails || bytes.length > maxOutputLength * MOST) break
    } catch {
      fails = length
      made = maxOutputLength
    }
    length = (fits + fails) >>> 1
  }
  return { bytes, isWhole: false, made: Math.max(made, bytes.length) }
}

function isAboutLength(error: unknown): boolean {
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}

/** Whether it is all is not told; who reads what is in it sees that. */
function bySnappy(block: Uint8Array, limit: number): Unpacked {
  const bytes = fromSnappy(block, limit)
  return bytes === undefined ? NOTHING : { bytes, isWhole: true }
}

/** The framing of xerial's snappy-java, which Java clients put around: blocks, each with its length. */
function isFramed(bytes: Uint8Array): boolean {
  return bytes.length >= FRAME_HEADER && u8(bytes, 0) === 0x82 && latin1(bytes, 1, 8) === 'SNAPPY\0'
}

function unpackFramed(bytes: Uint8Array, limit: number): Unpacked {
  const output = new Output(bytes.length * 2, limit)
  let at = FRAME_HEADER
  while (at + 4 <= bytes.length) {
    const end = at + 4 + i32(bytes, at)
    const block = end < at ? undefined : fromSnappy(bytes.subarray(at + 4, end), limit)
    if (block === undefined || !output.append(block, 0, block.length)) return output.unpacked(false)
    at = end
  }
  return output.unpacked(at === bytes.length)
}

const NOTHING: Unpacked = { bytes: new Uint8Array(0), isWhole: false }
/** Each may take as long as the first. */
const MOST_ATTEMPTS = 7
/** Of what may be decompressed: for more no further attempt is made. */
const MOST = 0.75
/** Magic, version, oldest version that can read it. */
const FRAME_HEADER = 16
