import { constants, inflateSync, type ZlibOptions, type ZstdOptions, zstdDecompressSync } from 'node:zlib'
import { fromSnappy } from '../../bytes/snappy.ts'
import { mostUnpacked } from '../../bytes/unpacked.ts'

/** Longest message after decompression: more than a batch of documents has. Of a longer one the beginning is read. */
export const LONGEST_DECODED = 17 << 20

/** `compressorId` of OP_COMPRESSED. */
export const COMPRESSORS: Readonly<Record<number, string>> = { 0: 'noop', 1: 'snappy', 2: 'zlib', 3: 'zstd' }

/**
 * What a compressed message becomes, or as much of its beginning as can be had; undefined when that is nothing.
 * `size` is what the message says; `isCut` when not all of `packed` is here.
 */
export function decompressed(
  compressor: number,
  packed: Uint8Array,
  size: number,
  isCut: boolean,
): Uint8Array | undefined {
  const most = Math.min(size, LONGEST_DECODED, mostUnpacked(packed.length))
  switch (compressor) {
    case 0:
      return packed.subarray(0, most)
    case 1:
      return fromSnappy(packed, most)
    case 2:
      return beginningOf(packed, isCut, (each, isWhole) => inflateSync(each, zlibOptions(most, isWhole)))
    case 3:
      return beginningOf(packed, isCut, (each, isWhole) =>
        zstdDecompressSync(each, zstdOptions(most, isWhole)),
      )
    default:
      return undefined
  }
}

/** zlib gives all or nothing: where it gives nothing, because it is too much or broken, a shorter beginning may do. */
function beginningOf(
  packed: Uint8Array,
  isCut: boolean,
  decode: (bytes: Uint8Array, isWhole: boolean) => Uint8Array,
): Uint8Array | undefined {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const bytes = attempt === 0 ? packed : packed.subarray(0, packed.length >>> attempt)
    try {
      const decoded = decode(bytes, attempt === 0 && !isCut)
      if (decoded.length > 0) return decoded
    } catch {
      // It has no other way to say so.
    }
  }
  return undefined
}

function zlibOptions(maxOutputLength: number, isWhole: boolean): ZlibOptions {
  return isWhole ? { maxOutputLength } : { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }
}

function zstdOptions(maxOutputLength: number, isWhole: boolean): ZstdOptions {
  return isWhole ? { maxOutputLength } : { maxOutputLength, finishFlush: constants.ZSTD_e_flush }
}

const MOST_ATTEMPTS = 7
