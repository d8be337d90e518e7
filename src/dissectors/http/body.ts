import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib'
import { copyOf } from '../../bytes/read.ts'
import { base64, utf8Text } from '../../bytes/text.ts'

/** The bytes of a body as they came, as far as they were kept. */
export class BodyBytes {
  /** Bytes on the wire without chunk framing, kept or not. */
  size = 0
  #pieces: Uint8Array[] = []
  #kept = 0

  /** Counts `bytes[start, end)`, and keeps a copy up to `limit` in all. */
  add(bytes: Uint8Array, start: number, end: number, limit: number): void {
    this.size += end - start
    const room = Math.min(end - start, limit - this.#kept)
    if (room <= 0) return
    this.#pieces.push(copyOf(bytes, start, start + room))
    this.#kept += room
  }

  skip(length: number): void {
    this.size += length
  }

  get truncated(): boolean {
    return this.#kept < this.size
  }

  get kept(): Uint8Array {
    return this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : Buffer.concat(this.#pieces)
  }
}

export interface DecodedBody {
  readonly text: string
  /** `base64` when `text` is; "" when it is plain text. */
  readonly encoding: string
  /** Bytes after decompression. */
  readonly size: number
}

/** Undoes Content-Encoding as far as it goes and makes text of it: UTF-8 when it is that, else base64. */
export function decodeBody(body: BodyBytes, contentEncoding: string): DecodedBody {
  const bytes = decompress(body.kept, contentEncoding)
  const size = bytes === undefined || body.truncated ? Math.max(body.size, bytes?.length ?? 0) : bytes.length
  const shown = bytes ?? body.kept
  if (shown.length === 0) return { text: '', encoding: '', size }
  const text = utf8Text(shown, 0, shown.length)
  if (!text.includes('\ufffd') && !text.includes('\0')) return { text, encoding: '', size }
  return { text: base64(shown), encoding: 'base64', size }
}

/** Undefined when nothing of it can be decompressed. */
function decompress(bytes: Uint8Array, contentEncoding: string): Uint8Array | undefined {
  let current: Uint8Array | undefined = bytes
  // The last one named was applied last.
  const encodings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
    .reverse()
    .slice(0, MOST_ENCODINGS)
  for (const encoding of encodings) {
    if (current === undefined || current.length === 0) return current
    current = undo(current, encoding)
  }
  return current
}

function undo(bytes: Uint8Array, encoding: string): Uint8Array | undefined {
  try {
    switch (encoding) {
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(bytes, ZLIB)
      case 'deflate':
        // RFC 9110 §8.4.1.2 means zlib; many servers send raw deflate.
        return ((bytes[0] as number) & 0x0f) === 8 ? inflateSync(bytes, ZLIB) : inflateRawSync(bytes, ZLIB)
      case 'br':
        return brotliDecompressSync(bytes, {
          finishFlush: constants.BROTLI_OPERATION_FLUSH,
          maxOutputLength: LONGEST,
        })
      case 'zstd':
        return zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush, maxOutputLength: LONGEST })
      default:
        return bytes
    }
  } catch {
    // Broken, or a bomb: shown as it came.
    return undefined
  }
}

/** Longest body after decompression; more is a bomb. */
const LONGEST = 8 << 20
/** What is there of a body that was cut off is decoded. */
const ZLIB = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: LONGEST }
const MOST_ENCODINGS = 3
