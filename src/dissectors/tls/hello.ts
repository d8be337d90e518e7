import { u8, u16 } from '../../bytes/read.ts'

/** Longest hello that is read; with post-quantum keys they have two to twenty KiB. */
export const LONGEST_HELLO = 64 << 10
/** Shortest: version, random, and the lengths of what follows. RFC 8446 §4.1.2 */
export const SHORTEST_HELLO = 38

/** An extension of a hello: its data are `bytes[start, end)` of the hello. */
export interface Extension {
  readonly type: number
  readonly start: number
  readonly end: number
}

/** The parts of a ClientHello or ServerHello that stand in the open. */
export interface HelloParts {
  readonly bytes: Uint8Array
  /** What the field of that name says; since TLS 1.3 the truth is in an extension. */
  readonly legacyVersion: number
  readonly sessionStart: number
  readonly sessionEnd: number
  /** All that a client offers, or the one that a server chose. */
  readonly cipherSuites: readonly number[]
  readonly extensions: readonly Extension[]
}

/**
 * The body of a ClientHello, which is kept. Undefined when the parts before its extensions do not fit into it.
 * RFC 8446 §4.1.2; with a cookie RFC 9147 §5.3, DTLS.
 */
export function readClientHello(bytes: Uint8Array, hasCookie: boolean): HelloParts | undefined {
  const sessionEnd = vectorEnd(bytes, SESSION, 1)
  const cookieEnd = hasCookie ? vectorEnd(bytes, sessionEnd, 1) : sessionEnd
  const ciphersEnd = vectorEnd(bytes, cookieEnd, 2)
  const compressionEnd = vectorEnd(bytes, ciphersEnd, 1)
  if (Number.isNaN(compressionEnd)) return undefined
  const cipherSuites = numbers16(bytes, cookieEnd + 2, ciphersEnd)
  return { ...head(bytes, sessionEnd), cipherSuites, extensions: readExtensions(bytes, compressionEnd) }
}

/** The body of a ServerHello or HelloRetryRequest. RFC 8446 §4.1.3 */
export function readServerHello(bytes: Uint8Array): HelloParts | undefined {
  const sessionEnd = vectorEnd(bytes, SESSION, 1)
  // Then the cipher suite and the compression method.
  const fixedEnd = sessionEnd + 3
  if (Number.isNaN(fixedEnd) || fixedEnd > bytes.length) return undefined
  const cipherSuites = [u16(bytes, sessionEnd)]
  return { ...head(bytes, sessionEnd), cipherSuites, extensions: readExtensions(bytes, fixedEnd) }
}

/** RFC 8446 §4.1.3: a ServerHello with this random asks for another ClientHello. */
export function isRetryRequest(bytes: Uint8Array): boolean {
  return RETRY_RANDOM.every((byte, at) => bytes[2 + at] === byte)
}

export function extensionOf(hello: HelloParts, type: number): Extension | undefined {
  return hello.extensions.find((each) => each.type === type)
}

/** Numbers in an extension that is a vector of them, with a length of `lengthBytes`. */
export function numbersIn(hello: HelloParts, type: number, lengthBytes: 1 | 2, each: 1 | 2): number[] {
  const extension = extensionOf(hello, type)
  if (extension === undefined) return []
  const start = extension.start + lengthBytes
  const end = vectorEnd(hello.bytes, extension.start, lengthBytes)
  if (!(end <= extension.end)) return []
  return each === 2 ? numbers16(hello.bytes, start, end) : [...hello.bytes.subarray(start, end)]
}

/** The byte strings in an extension that is a list of them, as ALPN is. RFC 7301 §3.1 */
export function stringsIn(hello: HelloParts, type: number): Uint8Array[] {
  const extension = extensionOf(hello, type)
  if (extension === undefined) return []
  const strings: Uint8Array[] = []
  const end = Math.min(vectorEnd(hello.bytes, extension.start, 2), extension.end)
  let at = extension.start + 2
  while (at < end) {
    const next = vectorEnd(hello.bytes, at, 1)
    if (!(next <= end)) break
    strings.push(hello.bytes.subarray(at + 1, next))
    at = next
  }
  return strings
}

/** Where the first host name of a server_name extension lies. RFC 6066 §3 */
export function hostNameIn(hello: HelloParts): readonly [start: number, end: number] | undefined {
  const extension = extensionOf(hello, SERVER_NAME)
  // A list with its length, of entries with type 0 and a name.
  if (extension === undefined || extension.end - extension.start < 5) return undefined
  if (u8(hello.bytes, extension.start + 2) !== 0) return undefined
  const end = vectorEnd(hello.bytes, extension.start + 3, 2)
  return end <= extension.end ? [extension.start + 5, end] : undefined
}

function head(bytes: Uint8Array, sessionEnd: number) {
  return { bytes, legacyVersion: u16(bytes, 0), sessionStart: SESSION + 1, sessionEnd }
}

/** Old hellos have none at all. Of a list that is broken, those before the break. */
function readExtensions(bytes: Uint8Array, start: number): Extension[] {
  const extensions: Extension[] = []
  let at = start + 2
  while (at < bytes.length) {
    const end = vectorEnd(bytes, at + 2, 2)
    if (Number.isNaN(end)) break
    extensions.push({ type: u16(bytes, at), start: at + 4, end })
    at = end
  }
  return extensions
}

/** Where the vector ends whose length stands at `at`; NaN when that is outside of the hello. */
function vectorEnd(bytes: Uint8Array, at: number, lengthBytes: 1 | 2): number {
  if (!(at + lengthBytes <= bytes.length)) return Number.NaN
  const end = at + lengthBytes + (lengthBytes === 1 ? u8(bytes, at) : u16(bytes, at))
  return end <= bytes.length ? end : Number.NaN
}

function numbers16(bytes: Uint8Array, start: number, end: number): number[] {
  const numbers: number[] = []
  for (let at = start; at + 1 < end; at += 2) numbers.push(u16(bytes, at))
  return numbers
}

/** After version and random. */
const SESSION = 34

/** Types of extensions. */
export const SERVER_NAME = 0
export const SUPPORTED_GROUPS = 10
export const POINT_FORMATS = 11
export const SIGNATURE_ALGORITHMS = 13
export const ALPN = 16
export const SUPPORTED_VERSIONS = 43

/** SHA-256 of "HelloRetryRequest". */
const RETRY_RANDOM = [
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
  0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
]
