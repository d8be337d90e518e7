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

/** At most `limit` bytes. What is cut off or broken is decompressed as far as it goes. */
export function unpack(codec: number, bytes: Uint8Array, limit: number): Unpacked {
  if (limit <= 0 || bytes.length === 0) return NOTHING
  switch (CODECS[codec]) {
    case 'gzip':
      return byZlib((options) => gunzipSync(bytes, options), limit, constants.Z_SYNC_FLUSH)
    case 'snappy':
      return isFramed(bytes) ? unpackFramed(bytes, limit) : bySnappy(bytes, limit)
    case 'lz4':
      return unpackLz4(bytes, limit)
    case 'zstd':
      return byZlib((options) => zstdDecompressSync(bytes, options), limit, constants.ZSTD_e_flush)
    default:
      return NOTHING
  }
}

function byZlib(
  decompress: (options: ZlibOptions & ZstdOptions) => Uint8Array,
  maxOutputLength: number,
  finishFlush: number,
): Unpacked {
  for (const options of [{ maxOutputLength }, { maxOutputLength, finishFlush }])
    try {
      return { bytes: decompress(options), isWhole: !('finishFlush' in options) }
    } catch {
      // zlib has no other way to say that bytes are cut off, broken or become too many.
    }
  return NOTHING
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
/** Magic, version, oldest version that can read it. */
const FRAME_HEADER = 16
