import {
  type BrotliOptions,
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  type ZlibOptions,
  type ZstdOptions,
  zstdDecompressSync,
} from 'node:zlib'
import { u8, u16, u32le } from '../../bytes/read.ts'
import { base64 } from '../../bytes/text.ts'
import type { Body } from './body.ts'
import { asUtf8 } from './characters.ts'
import { mediaType, parameterOf } from './form.ts'

/** Longest body after decompression. Where there would be more, what comes before is shown. */
export const LONGEST_DECODED = 4 << 20

/** A body as people and scripts read it. */
export interface Content {
  /** With Content-Encoding undone, as far as that went. */
  readonly bytes: Uint8Array
  /** Text where it is that, else base64. */
  readonly text: string
  /** `base64` when `text` is; "" when it is plain text. */
  readonly encoding: string
  /** Bytes after decompression: of what was kept, when it was compressed; else of the body. */
  readonly size: number
  /** `text` is not all of the body. */
  readonly truncated: boolean
}

/** `isCut`: the message ended before its body did. */
export function readContent(
  body: Body,
  isCut: boolean,
  contentEncoding: string,
  contentType: string,
): Content {
  if (body.size === 0) return isCut ? { ...NO_CONTENT, truncated: true } : NO_CONTENT
  const { kept } = body
  const { bytes, isWhole } = undoCodings(kept, contentEncoding)
  const isCompressed = bytes !== kept
  const truncated = isCut || body.isCut || !isWhole
  return {
    bytes,
    ...printable(bytes, contentType, truncated),
    size: isCompressed ? bytes.length : body.size,
    truncated,
  }
}

interface Decompressed {
  readonly bytes: Uint8Array
  readonly isWhole: boolean
}

/**
 * All of the bytes, for what is looked into whether anybody asks or not. Undefined where they become more than `most`, or
 * the coding has its price: a hundred bytes of Brotli fill a window of 16 MiB before they are found to be too many.
 */
export function undoneForLittle(
  bytes: Uint8Array,
  contentEncoding: string,
  most: number,
): Uint8Array | undefined {
  return COSTLY_CODING.test(contentEncoding) ? undefined : undoneWhole(bytes, contentEncoding, most)
}

/** All of the bytes; undefined where they are broken, or become more than `most`. */
export function undoneWhole(
  bytes: Uint8Array,
  contentEncoding: string,
  most: number,
): Uint8Array | undefined {
  const options = strict(most)
  const { bytes: undone, isWhole } = undoCodings(bytes, contentEncoding, (decode, each) => {
    const all = tryDecode(decode, each, options)
    return { bytes: all ?? NO_CONTENT.bytes, isWhole: all !== undefined }
  })
  return isWhole ? undone : undefined
}

/** Undoes codings from the last that was applied on (RFC 9110 §8.4), up to one that is not known. */
function undoCodings(
  bytes: Uint8Array,
  contentEncoding: string,
  undo: (decode: Decoder, bytes: Uint8Array) => Decompressed = decodeWhatGoes,
): Decompressed {
  let current: Decompressed = { bytes, isWhole: true }
  if (contentEncoding === '') return current
  for (const coding of contentEncoding
    .toLowerCase()
    .split(/[\s,]+/, MOST_CODINGS)
    .reverse()) {
    if (coding === 'identity' || coding === '') continue
    const decode = decoderOf(coding, current.bytes)
    if (decode === undefined) break
    const { bytes, isWhole } = undo(decode, current.bytes)
    // Nothing at all: it never was what the header says, and is shown as it came.
    if (bytes.length === 0 && !isWhole) return { bytes: current.bytes, isWhole: false }
    current = { bytes, isWhole: current.isWhole && isWhole }
  }
  return current
}

interface Options {
  readonly zlib: ZlibOptions
  readonly brotli: BrotliOptions
  readonly zstd: ZstdOptions
}

type Decoder = (bytes: Uint8Array, options: Options) => Uint8Array

/** Undefined when there is nothing to undo: an unknown coding, or bytes that are plainly not of it. */
function decoderOf(coding: string, bytes: Uint8Array): Decoder | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return u16(bytes, 0) === GZIP_MAGIC ? (each, { zlib }) => gunzipSync(each, zlib) : undefined
    case 'deflate':
      // RFC 9110 §8.4.1.2 means zlib; many servers send deflate without its header.
      if (bytes.length < 2) return undefined
      return isZlib(bytes)
        ? (each, { zlib }) => inflateSync(each, zlib)
        : (each, { zlib }) => inflateRawSync(each, zlib)
    case 'br':
      return bytes.length === 0 ? undefined : (each, { brotli }) => brotliDecompressSync(each, brotli)
    case 'zstd':
      return u32le(bytes, 0) === ZSTD_MAGIC ? (each, { zstd }) => zstdDecompressSync(each, zstd) : undefined
    default:
      return undefined
  }
}

/**
 * What is cut off, broken or too long is decoded up to near there. zlib gives all or nothing for what it is handed, so
 * the longest beginning that it takes is looked for.
 */
function decodeWhatGoes(decode: Decoder, bytes: Uint8Array): Decompressed {
  const whole = tryDecode(decode, bytes, STRICT)
  if (whole !== undefined) return { bytes: whole, isWhole: true }
  let best = tryDecode(decode, bytes, LENIENT)
  let good = best === undefined ? 0 : bytes.length
  let bad = bytes.length
  for (let attempt = 0; attempt < MOST_ATTEMPTS && bad - good > 1; attempt++) {
    const middle = (good + bad) >>> 1
    const decoded = tryDecode(decode, bytes.subarray(0, middle), LENIENT)
    if (decoded === undefined) bad = middle
    else {
      good = middle
      best = decoded
    }
  }
  return { bytes: best ?? bytes.subarray(0, 0), isWhole: false }
}

function strict(maxOutputLength: number): Options {
  return { zlib: { maxOutputLength }, brotli: { maxOutputLength }, zstd: { maxOutputLength } }
}

function tryDecode(decode: Decoder, bytes: Uint8Array, options: Options): Uint8Array | undefined {
  try {
    return decode(bytes, options)
  } catch {
    // zlib has no other way to say that bytes are broken or become too many.
    return undefined
  }
}

/** RFC 1950 §2.2: method 8, and a multiple of 31. */
function isZlib(bytes: Uint8Array): boolean {
  return (u8(bytes, 0) & 0x0f) === 8 && u16(bytes, 0) % 31 === 0
}

/** UTF-8, or what Content-Type says, as it is; anything else as base64. */
function printable(
  bytes: Uint8Array,
  contentType: string,
  isCut: boolean,
): { readonly text: string; readonly encoding: string } {
  if (bytes.length === 0) return { text: '', encoding: '' }
  const type = mediaType(contentType)
  if (!BINARY_TYPE.test(type)) {
    const isText = TEXT_TYPE.test(type)
    const charset = isText ? parameterOf(contentType, 'charset') : ''
    const text = LIKE_ASCII.test(charset)
      ? decodedAs(charset, bytes, isCut)
      : (asUtf8(isCut ? bytes.subarray(0, endOfWholeCharacters(bytes)) : bytes) ??
        decodedAs(charset, bytes, isCut))
    if (text !== undefined && (isText || !text.includes('\0'))) return { text, encoding: '' }
  }
  return { text: base64(bytes), encoding: 'base64' }
}

/** Undefined when the charset is not known, or the bytes are not of it. */
function decodedAs(charset: string, bytes: Uint8Array, isCut: boolean): string | undefined {
  if (charset === '') return undefined
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: isCut })
  } catch {
    return undefined
  }
}

/** Where the last whole character of cut UTF-8 ends. */
export function endOfWholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = u8(bytes, bytes.length - back)
    if (byte < 0x80) break
    if (byte >= 0xc0)
      return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? bytes.length - back : bytes.length
  }
  return bytes.length
}

const NO_CONTENT: Content = { bytes: new Uint8Array(0), text: '', encoding: '', size: 0, truncated: false }
const TEXT_TYPE =
  /^text\/|[/+](?:json|xml|javascript|x-javascript|ecmascript|yaml|x-www-form-urlencoded|graphql|x-ndjson|csv|html)$/
const BINARY_TYPE =
  /^(?:image\/(?!svg)|audio\/|video\/|font\/)|^application\/(?:pdf|zip|gzip|wasm|x-protobuf|grpc)/
/** Charsets whose bytes may be UTF-8 by accident. */
const LIKE_ASCII = /^(?:utf-?16|iso-2022|ucs-2|unicode)/i
const GZIP_MAGIC = 0x1f8b
/** RFC 8878 §3.1.1, little-endian. */
const ZSTD_MAGIC = 0xfd2fb528
const MOST_CODINGS = 3
/** Each halves what is not known: the end that is shown is within a 64th of the body. */
const MOST_ATTEMPTS = 6
const COSTLY_CODING = /\b(?:br|zstd)\b/i
/** For a body that is all there. */
const STRICT = strict(LONGEST_DECODED)
/** For one that may end anywhere. */
const LENIENT: Options = {
  zlib: { ...STRICT.zlib, finishFlush: constants.Z_SYNC_FLUSH },
  brotli: { ...STRICT.brotli, finishFlush: constants.BROTLI_OPERATION_FLUSH },
  zstd: { ...STRICT.zstd, finishFlush: constants.ZSTD_e_flush },
}
