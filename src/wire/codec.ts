import type { z } from 'zod'

/** A value as the bytes of its JSON. */
export function encode(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

/**
 * What a message says, or undefined when it is none of this kind: whoever receives it counts that. Messages come from other
 * programs, which may be older, newer, or not ours.
 */
export function decode<S extends z.ZodType>(schema: S, payload: Uint8Array): z.output<S> | undefined {
  const read = schema.safeParse(parsed(payload))
  return read.success ? read.data : undefined
}

/** A line of JSON as a header, then texts, one a line: who passes them on need not read them. */
export function encodeLines(header: unknown, texts: readonly string[]): Uint8Array {
  return encoder.encode([JSON.stringify(header), ...texts].join('\n'))
}

export function decodeLines<S extends z.ZodType>(
  schema: S,
  payload: Uint8Array,
): { readonly header: z.output<S>; readonly texts: string[] } | undefined {
  const [first = '', ...texts] = decoder.decode(payload).split('\n')
  const header = schema.safeParse(parsedText(first))
  return header.success ? { header: header.data, texts } : undefined
}

/** A line of JSON as a header, then bytes. */
export function encodeBytes(header: unknown, bytes: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([encoder.encode(`${JSON.stringify(header)}\n`), ...bytes])
}

export function decodeBytes<S extends z.ZodType>(
  schema: S,
  payload: Uint8Array,
): { readonly header: z.output<S>; readonly bytes: Uint8Array } | undefined {
  const end = payload.indexOf(LINE_END)
  if (end < 0) return undefined
  const header = schema.safeParse(parsed(payload.subarray(0, end)))
  return header.success ? { header: header.data, bytes: payload.subarray(end + 1) } : undefined
}

function parsed(payload: Uint8Array): unknown {
  return parsedText(decoder.decode(payload))
}

function parsedText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const LINE_END = 10
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
