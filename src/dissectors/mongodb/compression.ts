import { constants, inflateSync, type ZlibOptions, type ZstdOptions, zstdDecompressSync } from 'node:zlib'
import { copyOf } from '../../bytes/read.ts'
import { fromSnappy } from '../../bytes/snappy.ts'
import { mostUnpacked } from '../../bytes/unpacked.ts'
import type { Kept } from './content.ts'

/** Longest message after decompression: more than a batch of documents has. Of a longer one the beginning is read. */
export const LONGEST_DECODED = 17 << 20

/** `compressorId` of OP_COMPRESSED. */
export const COMPRESSORS: Readonly<Record<number, string>> = { 0: 'noop', 1: 'snappy', 2: 'zlib', 3: 'zstd' }

/** A message as it was compressed. */
export interface Packed {
  readonly compressor: number
  readonly bytes: Uint8Array
  /** What it becomes, as it says. */
  readonly size: number
  /** Not all of `bytes` is here. */
  readonly isCut: boolean
}

/**
 * Of a message that was compressed well: its content is made again when somebody asks for it, so that what waits for a
 * reply takes about as much memory as it had bytes on the wire.
 */
export class KeptPacked implements Kept {
  readonly opcode: number
  readonly isCut: boolean
  readonly #packed: Packed
  readonly #length: number

  /** The first `length` bytes of what it becomes are asked for. */
  constructor(opcode: number, packed: Packed, length: number, isCut: boolean) {
    this.opcode = opcode
    this.isCut = isCut
    this.#packed = { ...packed, bytes: copyOf(packed.bytes, 0, packed.bytes.length) }
    this.#length = length
  }

  get bytes(): Uint8Array {
    return decompressed(this.#packed)?.subarray(0, this.#length) ?? NOTHING
  }
}

/** Whether it is worth while to make `length` bytes again rather than to keep them. */
export function isDense(packed: Packed, length: number): boolean {
  return length > packed.bytes.length * DENSE
}

/** What a message becomes, or as much of its beginning as can be had; undefined when that is nothing. */
export function decompressed({ compressor, bytes, size, isCut }: Packed): Uint8Array | undefined {
  const most = Math.min(size, LONGEST_DECODED, mostUnpacked(bytes.length))
  switch (compressor) {
    case 0:
      return bytes.subarray(0, most)
    case 1:
      return fromSnappy(bytes, most)
    case 2:
      return beginningOf(bytes, isCut, (each, isWhole) => inflateSync(each, zlibOptions(most, isWhole)))
    case 3:
      return beginningOf(bytes, isCut, (each, isWhole) =>
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
/** Documents mostly come to more than an eighth: they are not decompressed twice. */
const DENSE = 8
const NOTHING = new Uint8Array(0)
