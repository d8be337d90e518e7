import type { z } from 'zod'
import { decode, encode } from './codec.ts'

/** JSON, and bytes behind it: the length of the JSON (u32), the JSON, the bytes. */
export function encodeChunk(head: unknown, bytes: Uint8Array): Uint8Array {
  const json = encode(head)
  const whole = new Uint8Array(LENGTH + json.length + bytes.length)
  new DataView(whole.buffer).setUint32(0, json.length)
  whole.set(json, LENGTH)
  whole.set(bytes, LENGTH + json.length)
  return whole
}

/** Undefined when it is none of this kind. The bytes are part of the payload. */
export function decodeChunk<S extends z.ZodType>(
  schema: S,
  payload: Uint8Array,
): { readonly head: z.output<S>; readonly bytes: Uint8Array } | undefined {
  if (payload.length < LENGTH) return undefined
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
  if (length > payload.length - LENGTH) return undefined
  const head = decode(schema, payload.subarray(LENGTH, LENGTH + length))
  return head === undefined ? undefined : { head, bytes: payload.subarray(LENGTH + length) }
}

const LENGTH = 4
