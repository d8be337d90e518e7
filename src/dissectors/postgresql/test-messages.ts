import type { DissectContext, Opening } from '../../dissect/dissector.ts'
import { type Chunk, feed } from '../../testing/feed.ts'
import { postgresql } from './dissector.ts'

export type Fields = Readonly<Record<string, unknown>>

/** A message: its type, and strings that end with NUL, or bytes as they are. */
export function m(type: string, ...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)),
  )
  return Buffer.concat([Buffer.from(type, 'latin1'), u32s(4 + body.length), body])
}

/** What has no type: a length and a code. */
export function untyped(code: number, ...parts: readonly (string | Uint8Array)[]): Uint8Array {
  return m('', u32s(code), ...parts)
}

export function u16s(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value & 0xffff, 2 * index)
  return bytes
}

export function u32s(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index)
  return bytes
}

/** Values with their lengths in front, their count before all. */
export function values(...each: readonly (string | Uint8Array | null)[]): Uint8Array {
  const parts = each.map((value) => {
    if (value === null) return u32s(-1)
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    return Buffer.concat([u32s(bytes.length), bytes])
  })
  return Buffer.concat([u16s(each.length), ...parts])
}

export const startup = (...options: readonly string[]) => untyped(0x30000, ...options, '')
export const query = (text: string) => m('Q', text)
export const parse = (name: string, text: string, ...types: readonly number[]) =>
  m('P', name, text, u16s(types.length), u32s(...types))
export const bind = (
  portal: string,
  name: string,
  bound: Uint8Array = values(),
  formats: readonly number[] = [],
  results: readonly number[] = [],
) => m('B', portal, name, u16s(formats.length, ...formats), bound, u16s(results.length, ...results))
export const describe = (kind: 'S' | 'P', name = '') => m('D', Buffer.from(kind), name)
export const execute = (portal = '', rows = 0) => m('E', portal, u32s(rows))
export const close = (kind: 'S' | 'P', name = '') => m('C', Buffer.from(kind), name)
export const sync = m('S')
export const flush = m('H')
export const terminate = m('X')

export const ready = (state = 'I') => m('Z', Buffer.from(state))
export const tag = (text: string) => m('C', text)
export const row = (...each: readonly (string | Uint8Array | null)[]) => m('D', values(...each))
export const columns = (...each: readonly (readonly [name: string, type: number, format?: number])[]) =>
  m(
    'T',
    u16s(each.length),
    ...each.flatMap(([name, type, format = 0]) => [
      name,
      u32s(0),
      u16s(0),
      u32s(type),
      u16s(4),
      u32s(-1),
      u16s(format),
    ]),
  )
export const failure = (code: string, text: string, severity = 'ERROR', more: readonly string[] = []) =>
  m('E', `S${severity}`, `V${severity}`, `C${code}`, `M${text}`, ...more, '')
export const notice = (text: string) => m('N', 'SNOTICE', 'VNOTICE', 'C00000', `M${text}`, '')
export const parsed = m('1')
export const bound = m('2')
export const closed = m('3')
export const noData = m('n')
export const suspended = m('s')
export const authentication = (kind: number, ...parts: readonly (string | Uint8Array)[]) =>
  m('R', u32s(kind), ...parts)
export const setting = (name: string, value: string) => m('S', name, value)
export const keyData = (id: number) => m('K', u32s(id, 0x5ec4e7))

export function both(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

export const c = (...parts: readonly Uint8Array[]): Chunk => ['client', both(...parts)]
export const s = (...parts: readonly Uint8Array[]): Chunk => ['server', both(...parts)]

/** An exchange with all fields as plain values, save those that are empty. */
export interface Told {
  readonly request: Fields | null
  readonly response: Fields | null
  readonly error: string | null
  readonly sizes: readonly [number, number]
}

/** What is made of a connection. */
export function read(
  chunks: readonly Chunk[],
  context?: DissectContext,
  opening?: Partial<Opening>,
): { exchanges: Told[]; switched: string | undefined; invalid: string | undefined } {
  const { exchanges, switched, invalid } = feed(postgresql, chunks, context, opening)
  const told = exchanges.map(({ request, response, error }) => ({
    request: request && plain(request.message, Object.keys(postgresql.request.fields)),
    response: response && plain(response.message, Object.keys(postgresql.response.fields)),
    error: error?.msg ?? null,
    sizes: [request?.size ?? 0, response?.size ?? 0] as const,
  }))
  return { exchanges: told, switched, invalid }
}

export const exchanges = (...chunks: readonly Chunk[]) => read(chunks).exchanges

/** `Query select 1 = SELECT 1`, as the exchanges come. */
export function lines(...chunks: readonly Chunk[]): string[] {
  return exchanges(...chunks).map(line)
}

export function line({ request, response, error }: Told): string {
  const asked =
    request && [request.command, request.query ?? request.statement ?? request.portal].filter(Boolean)
  const answered = response && [response.type, response.commandTag ?? response.errorCode ?? response.channel]
  const text = `${asked?.join(' ') ?? ''} = ${answered?.filter(Boolean).join(' ') ?? ''}`.trim()
  return error === null ? text : `${text} (${error})`
}

function plain(message: object, names: readonly string[]): Fields {
  const fields = names.map((name) => [name, (message as Fields)[name]] as const)
  return Object.fromEntries(fields.filter(([name, value]) => name === 'success' || !isEmpty(value)))
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === '' || value === 0 || value === false
}
