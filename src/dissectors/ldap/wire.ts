import { u8, u16, u32 } from '../../bytes/read.ts'
import type { Side } from '../../dissect/dissector.ts'
import { INTEGER, readHeader, readInteger, SEQUENCE } from './ber.ts'
import { REQUESTS, RESPONSES } from './names.ts'

/** Longest message that is believed in. Active Directory takes 10 MB; attributes with many values may be longer in replies. */
const LONGEST_MESSAGE = 64 << 20

/** What the first bytes of an LDAPMessage say. */
export interface Head {
  /** Bytes of all of it. */
  readonly length: number
  /** messageID. */
  readonly id: number
  /** Of the operation. */
  readonly tag: number
  /** Where the content of the operation begins. */
  readonly start: number
  readonly operationLength: number
}

/** Undefined when no message begins here; `more` when that cannot be seen yet. What is here of it is as it should be. */
export function readHead(bytes: Uint8Array, at: number, end: number, from: Side): Head | 'more' | undefined {
  if (u8(bytes, at) !== SEQUENCE) return undefined
  const outer = readHeader(bytes, at, end)
  if (outer === undefined) return mayBeLength(bytes, at + 1, end) ? 'more' : undefined
  if (outer.length < SHORTEST_CONTENT || outer.length > LONGEST_MESSAGE) return undefined
  const last = outer.start + outer.length
  if (outer.start >= end) return 'more'
  if (u8(bytes, outer.start) !== INTEGER) return undefined
  const id = readHeader(bytes, outer.start, end)
  if (id === undefined) return mayBeLength(bytes, outer.start + 1, end) ? 'more' : undefined
  if (id.length < 1 || id.length > 4 || id.start >= end) return id.start >= end ? 'more' : undefined
  if (u8(bytes, id.start) > 0x7f) return undefined
  const tagAt = id.start + id.length
  if (tagAt >= end) return 'more'
  const tag = u8(bytes, tagAt)
  if (!(tag in (from === 'client' ? REQUESTS : RESPONSES))) return undefined
  const operation = readHeader(bytes, tagAt, end)
  if (operation === undefined) return mayBeLength(bytes, tagAt + 1, end) ? 'more' : undefined
  if (operation.start + operation.length > last) return undefined
  return {
    length: last - at,
    id: readInteger(bytes, id.start, tagAt),
    tag,
    start: operation.start,
    operationLength: operation.length,
  }
}

/** Of a length that is not all here. */
function mayBeLength(bytes: Uint8Array, at: number, end: number): boolean {
  return at >= end || (u8(bytes, at) > 0x80 && u8(bytes, at) <= 0x84)
}

/** messageID and an operation without content. */
const SHORTEST_CONTENT = 5

/**
 * A buffer of a SASL security layer (RFC 4422 §3.7): its length in four bytes, then what the mechanism made of the messages.
 * Some mechanisms only sign, and the messages are to be read in it.
 */
export interface Sealed {
  /** The four bytes included. */
  readonly length: number
  /** Where messages begin in it and end, when they can be read. */
  readonly start: number
  readonly stop: number
}

/** `more` when that cannot be seen yet; undefined when it is none. */
export function readSealed(
  bytes: Uint8Array,
  at: number,
  end: number,
  from: Side,
): Sealed | 'more' | undefined {
  if (u8(bytes, at) !== 0) return undefined
  if (end - at < 4) return 'more'
  const length = 4 + u32(bytes, at)
  if (length < SHORTEST_SEALED || length > LONGEST_SEALED) return undefined
  if (end - at < Math.min(length, SEALED_HEAD)) return 'more'
  const last = at + length
  for (const offset of plainOffsets(bytes, at + 4, Math.min(end, last))) {
    const start = at + 4 + offset
    if (start >= Math.min(end, last)) continue
    const head = readHead(bytes, start, Math.min(end, last), from)
    if (typeof head !== 'object' || start + head.length > last) continue
    return { length, start, stop: endOfMessages(bytes, start, last, end, from) }
  }
  return { length, start: last, stop: last }
}

/** A buffer begins here of a mechanism that leaves its mark on it. */
export function beginsSealed(bytes: Uint8Array, at: number, end: number, from: Side): boolean {
  if (typeof readSealed(bytes, at, end, from) !== 'object') return false
  const token = at + 4
  return (
    u16(bytes, token) === CFX_WRAP || u32(bytes, token) === NTLM_SIGNATURE || u8(bytes, token) === GSS_HEADER
  )
}

/** Where messages stand if they are not encrypted. */
function plainOffsets(bytes: Uint8Array, at: number, end: number): number[] {
  // DIGEST-MD5 has its checksum behind them (RFC 2831 §2.3).
  if (u8(bytes, at) === SEQUENCE) return [0]
  // Kerberos (RFC 4121 §4.2.6.2): a bit says that it is sealed, and the checksum may have been rotated to the front.
  if (u16(bytes, at) === CFX_WRAP)
    return (u8(bytes, at + 2) & CFX_SEALED) === 0 ? [16 + u16(bytes, at + 6)] : []
  // Before (RFC 1964 §1.2.2, RFC 4757 §7.3): an ASN.1 header, token and algorithms, number, checksum, confounder.
  if (u8(bytes, at) === GSS_HEADER) {
    const header = readHeader(bytes, at, end)
    const token = header === undefined ? end : header.start + 2 + u8(bytes, header.start + 1)
    return u16(bytes, token) === V1_WRAP && u16(bytes, token + 4) === NOT_SEALED ? [token + 32 - at] : []
  }
  // NTLM ([MS-NLMP] §2.2.2.9): version 1, checksum, number.
  return u32(bytes, at) === NTLM_SIGNATURE ? [16] : []
}

/** Behind the messages there may be a checksum. */
function endOfMessages(bytes: Uint8Array, start: number, last: number, end: number, from: Side): number {
  let at = start
  while (at < Math.min(last, end)) {
    const head = readHead(bytes, at, Math.min(last, end), from)
    if (typeof head !== 'object' || at + head.length > last) break
    at += head.length
  }
  return at
}

/** Bytes of a buffer in which it is to be seen whether it is only signed. */
const SEALED_HEAD = 128
const SHORTEST_SEALED = 4 + 16
/** Cyrus makes buffers of 64 KiB, Windows of up to 16 MB less one. */
const LONGEST_SEALED = 16 << 20
const CFX_WRAP = 0x0504
const CFX_SEALED = 2
const GSS_HEADER = 0x60
const V1_WRAP = 0x0201
const NOT_SEALED = 0xffff
const NTLM_SIGNATURE = 0x01000000
