import { u8, u32 } from '../../bytes/read.ts'

/** Messages of the client without a type: a length, then a code that says what they are, or the version of the protocol. */
export const UNTYPED = {
  header: 8,
  cancel: 80877102,
  tls: 80877103,
  gss: 80877104,
  /** The upper half of the code of a startup packet: the major version. */
  version: 3,
} as const

/** How long the one at `at` is, of which the first 8 bytes are here; 0 when there is none. */
export function startupLength(bytes: Uint8Array, at: number): number {
  const length = u32(bytes, at)
  const code = u32(bytes, at + 4)
  if (code === UNTYPED.tls || code === UNTYPED.gss) return length === UNTYPED.header ? length : 0
  // The key has 4 bytes, or up to 256 since version 3.2.
  if (code === UNTYPED.cancel) return length >= 16 && length <= 268 ? length : 0
  if (code >>> 16 !== UNTYPED.version) return 0
  return length > UNTYPED.header && length <= LONGEST_STARTUP ? length : 0
}

/** `user`, `database` … as far as they are here: names of settings, each with a value. */
export function areOptions(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  let isName = true
  let length = 0
  for (; at < end; at++) {
    const byte = u8(bytes, at)
    if (byte === 0) {
      if (isName && length === 0) return at > start
      isName = !isName
      length = 0
    } else {
      length++
      if (isName && (!isNameByte(byte) || length > LONGEST_OPTION)) return false
    }
  }
  return true
}

/** `_pq_.` begins the names of extensions of the protocol. */
function isNameByte(byte: number): boolean {
  const lower = byte | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === 0x2e
}

/** As in PostgreSQL: `MAX_STARTUP_PACKET_LENGTH`. */
const LONGEST_STARTUP = 10_000
const LONGEST_OPTION = 64
