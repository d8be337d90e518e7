/**
 * Numbers out of byte arrays, big-endian but for those that end in `le`. The caller has checked the bounds: past the end
 * they read as NaN or 0, never throw. One place for the cast that `noUncheckedIndexedAccess` asks for; V8 inlines them.
 */
export function u8(bytes: Uint8Array, at: number): number {
  return bytes[at] as number
}

export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

export function u24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
}

/** Unsigned: 0 … 2^32 − 1. */
export function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}

/** The same 32 bits as `u32`, signed: cheaper to hash and to compare. */
export function i32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

export function u16le(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

export function u24le(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
}

export function u32le(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}

/** A copy of `bytes[start, end)`. Unlike `slice`, which on a Node Buffer is a view. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start)
  copy.set(bytes.subarray(start, end))
  return copy
}

/**
 * The same, and faster where it is neither tiny nor large: it lies in a slab with others. The slab stays as long as any of
 * them is held, so it is a small one: some of them wait for replies.
 */
export function briefCopyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start
  if (length <= TINY) return copyOf(bytes, start, end)
  const copy = length > SLAB / 4 ? Buffer.allocUnsafeSlow(length) : inSlab(length)
  copy.set(bytes.subarray(start, end))
  return copy
}

function inSlab(length: number): Uint8Array {
  if (taken + length > SLAB) {
    slab = Buffer.allocUnsafeSlow(SLAB)
    taken = 0
  }
  taken += length
  return slab.subarray(taken - length, taken)
}

/** V8 has the bytes of such in the object itself. */
const TINY = 64
const SLAB = 4096
let slab = new Uint8Array(0)
let taken = SLAB
