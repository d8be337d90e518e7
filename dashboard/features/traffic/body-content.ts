/**
 * What a value carries, in the forms in which people want to see it. Entries have bodies as text, or as base64 with `encoding`
 * beside it; the same may be compressed once more, or be JSON inside a text.
 */
export interface BodyContent {
  readonly text: string
  readonly bytes: Uint8Array
  readonly isUtf8: boolean
  readonly kind: ContentKind
  /** How it was unpacked: base64, gzip … */
  readonly decoded: readonly string[]
}

export type ContentKind =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'image'; readonly mimeType: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'bytes' }

export type BodyView = 'tree' | 'text' | 'hex' | 'image'

/** The bytes of a body as its entry has it. */
export function bodyBytes(text: string, encoding: string): Uint8Array {
  return (encoding === 'base64' ? fromBase64(text) : undefined) ?? new TextEncoder().encode(text)
}

/** Undefined for what is no base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  const compact = text.replaceAll(/\s/g, '').replaceAll('-', '+').replaceAll('_', '/')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.replaceAll('=', '').length % 4 === 1)
    return undefined
  return Uint8Array.from(atob(compact), (character) => character.charCodeAt(0))
}

/** Whether a text is so likely base64 that it is offered decoded. */
export function looksLikeBase64(text: string): boolean {
  return (
    text.length >= 16 &&
    text.length % 4 === 0 &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(text) &&
    !/^[A-Za-z]+$/.test(text)
  )
}

export function contentOf(bytes: Uint8Array, mimeType: string, decoded: readonly string[] = []): BodyContent {
  const text = new TextDecoder().decode(bytes)
  const isUtf8 = isText(bytes)
  return { text, bytes, isUtf8, kind: kindOf(bytes, text, isUtf8, mimeType), decoded }
}

/** How it is shown at first. */
export function firstView({ kind }: ContentKind): BodyView {
  return kind === 'json' ? 'tree' : kind === 'image' ? 'image' : kind === 'bytes' ? 'hex' : 'text'
}

/** Which decompression the bytes ask for by how they begin; the name as `DecompressionStream` has it. */
export function compressionOf(bytes: Uint8Array): CompressionFormat | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip'
  const [first = 0, second = 0] = bytes
  const isZlib = (first & 0x0f) === 8 && first >> 4 <= 7 && ((first << 8) | second) % 31 === 0
  return isZlib && bytes.length > 6 ? 'deflate' : undefined
}

/** Unpacks, up to so many bytes; what is damaged gives what could be read, or undefined where nothing could. */
export async function inflated(
  bytes: Uint8Array,
  format: CompressionFormat,
  most = MOST_INFLATED,
): Promise<Uint8Array | undefined> {
  const source = new Blob([new Uint8Array(bytes)]).stream()
  const reader = source.pipeThrough(new DecompressionStream(format)).getReader()
  const parts: Uint8Array[] = []
  let length = 0
  try {
    while (length < most) {
      const { done, value } = await reader.read()
      if (done) break
      parts.push(value)
      length += value.length
    }
  } catch {
    if (length === 0) return undefined
  }
  void reader.cancel().catch(() => {})
  return joined(parts, Math.min(length, most))
}

function kindOf(bytes: Uint8Array, text: string, isUtf8: boolean, mimeType: string): ContentKind {
  const image = rasterImage(bytes)
  if (image !== undefined) return { kind: 'image', mimeType: image }
  if (!isUtf8) return { kind: 'bytes' }
  const value = jsonIn(text, mimeType)
  return value === undefined ? { kind: 'text' } : { kind: 'json', value }
}

/** Objects and lists only; a text that is a number is a text. */
function jsonIn(text: string, mimeType: string): unknown {
  if (!/^\s*[[{]/.test(text) && !/[/+]json\b/.test(mimeType)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** By its first bytes, never by what somebody says it is: SVG and HTML are text here, whatever their type. */
function rasterImage(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 12))
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (/^GIF8[79]a/.test(head)) return 'image/gif'
  if (/^RIFF[\s\S]{4}WEBP/.test(head)) return 'image/webp'
  return undefined
}

/** UTF-8 throughout, without what texts do not have. */
function isText(bytes: Uint8Array): boolean {
  if (bytes.subarray(0, LONGEST_LOOK).includes(0)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part.subarray(0, length - at), at)
    at += Math.min(part.length, length - at)
  }
  return all
}

const MOST_INFLATED = 16 << 20
const LONGEST_LOOK = 4096
