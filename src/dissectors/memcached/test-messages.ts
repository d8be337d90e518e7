import type { DissectContext, Opening } from '../../dissect/dissector.ts'
import { type Chunk, feed } from '../../testing/feed.ts'
import { memcached } from './dissector.ts'

export type Fields = Readonly<Record<string, unknown>>

export const c = (text: string | Uint8Array): Chunk => ['client', text]
export const s = (text: string | Uint8Array): Chunk => ['server', text]

/** A packet of the binary protocol. */
export interface Packet {
  readonly extras?: Uint8Array
  readonly key?: string
  readonly value?: string | Uint8Array
  readonly status?: number
  readonly opaque?: number
  readonly cas?: number
}

export const ask = (opcode: number, packet: Packet = {}) => packetOf(0x80, opcode, packet)
export const answer = (opcode: number, packet: Packet = {}) => packetOf(0x81, opcode, packet)

function packetOf(
  magic: number,
  opcode: number,
  { extras = Buffer.alloc(0), key = '', value = '', status = 0, opaque = 0, cas = 0 }: Packet,
): Uint8Array {
  const header = Buffer.alloc(24)
  const body = [extras, Buffer.from(key), Buffer.from(value as string)]
  header.writeUInt8(magic, 0)
  header.writeUInt8(opcode, 1)
  header.writeUInt16BE(Buffer.byteLength(key), 2)
  header.writeUInt8(extras.length, 4)
  header.writeUInt16BE(status, 6)
  header.writeUInt32BE(
    body.reduce((sum, each) => sum + each.length, 0),
    8,
  )
  header.writeUInt32BE(opaque, 12)
  header.writeUInt32BE(cas, 20)
  return Buffer.concat([header, ...body])
}

export function u32s(...numbers: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * numbers.length)
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * index)
  return bytes
}

/** An exchange with all fields as plain values, save those that are empty. */
export interface Told {
  readonly request: Fields | null
  readonly response: Fields | null
  readonly error: string | null
  readonly sizes: readonly [number, number]
}

/** What is made of a connection. */
export function read(chunks: readonly Chunk[], context?: DissectContext, opening?: Partial<Opening>) {
  const { exchanges, invalid } = feed(memcached, chunks, context, opening)
  const told = exchanges.map(
    ({ request, response, error }): Told => ({
      request: request && plain(request.message, Object.keys(memcached.request.fields)),
      response: response && plain(response.message, Object.keys(memcached.response.fields)),
      error: error?.msg ?? null,
      sizes: [request?.size ?? 0, response?.size ?? 0],
    }),
  )
  return { exchanges: told, invalid }
}

export const exchanges = (...chunks: readonly Chunk[]) => read(chunks).exchanges

/** `get a = END`, as the exchanges come. */
export const lines = (...chunks: readonly Chunk[]) =>
  exchanges(...chunks).map(({ request, response, error }) => {
    const asked = request && [request.command, ...((request.keys as string[] | undefined) ?? [])]
    const text = `${asked?.join(' ') ?? ''} = ${response?.status ?? ''}`.trim()
    return error === null ? text : `${text} (${error})`
  })

function plain(message: object, names: readonly string[]): Fields {
  const fields = names.map((name) => [name, (message as Fields)[name]] as const)
  return Object.fromEntries(fields.filter(([name, value]) => name === 'success' || !isEmpty(value)))
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === '' || value === 0 || value === false
}
