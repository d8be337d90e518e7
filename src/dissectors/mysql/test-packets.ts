import { deflateSync, zstdCompressSync } from 'node:zlib'
import type { Side } from '../../dissect/dissector.ts'

/** One after another: who sends what. */
export type Script = readonly (readonly [Side, Uint8Array])[]

type Part = number | string | Uint8Array

/** Bytes: a number is a byte, text is UTF-8. */
export function bytes(...parts: readonly Part[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string))),
  )
}

export const u16 = (value: number) => bytes(value & 0xff, value >> 8)
export const u32 = (value: number) => {
  const made = Buffer.alloc(4)
  made.writeUInt32LE(value >>> 0)
  return made
}
const u24 = (value: number) => u32(value).subarray(0, 3)

/** `string<lenenc>` */
export function lenenc(text: string | Uint8Array): Uint8Array {
  const { length } = Buffer.from(text as string)
  return length < 0xfb ? bytes(length, text) : bytes(0xfc, u16(length), text)
}

/** Packets with sequence numbers from `sequence` on; long ones go on in the next. */
export function packets(sequence: number, ...payloads: readonly Uint8Array[]): Uint8Array {
  const made: Uint8Array[] = []
  for (const payload of payloads)
    for (let at = 0; at <= payload.length; at += LONGEST) {
      const part = payload.subarray(at, at + LONGEST)
      made.push(bytes(u24(part.length), (sequence + made.length / 2) & 0xff), part)
    }
  return Buffer.concat(made)
}

export const command = (code: number, ...parts: readonly Part[]) => packets(0, bytes(code, ...parts))
export const query = (text: string) => command(3, text)

export const LONGEST = 0xffffff
export const CAPABILITIES = 0x00ffa28d | 0x00080000
export const DEPRECATE_EOF = 1 << 24

interface Hello {
  readonly capabilities?: number
  readonly version?: string
  readonly extended?: number
}

export function greeting({
  capabilities = 0xffffffff,
  version = '8.0.36',
  extended = 0,
}: Hello = {}): Uint8Array {
  const caps = u32(capabilities)
  return packets(
    0,
    bytes(
      ...[10, version, 0, u32(77), 'saltsalt', 0, caps.subarray(0, 2), 45, u16(2), caps.subarray(2)],
      ...[21, new Uint8Array(6), u32(extended), 'saltsaltsalt', 0, 'caching_sha2_password', 0],
    ),
  )
}

interface Who extends Hello {
  readonly user?: string
  readonly database?: string
  readonly sequence?: number
}

export function login(who: Who = {}): Uint8Array {
  const { capabilities = CAPABILITIES, extended = 0, user = 'app', database = 'shop' } = who
  return packets(
    who.sequence ?? 1,
    bytes(
      ...[u32(capabilities), u32(1 << 24), 45, new Uint8Array(19), u32(extended), user, 0],
      ...[lenenc(PROOF), database, 0, 'caching_sha2_password', 0],
      lenenc(bytes(lenenc('program_name'), lenenc('till'), lenenc('_pid'), lenenc('7'))),
    ),
  )
}

/** What must never be shown. */
export const PROOF = 'very secret proof'

interface Ok {
  readonly affected?: number
  readonly id?: number
  readonly status?: number
  readonly warnings?: number
  readonly info?: string
  readonly header?: number
  readonly database?: string
}

/** Payloads of the server. */
export function ok({
  affected = 0,
  id = 0,
  status = 2,
  warnings = 0,
  header = 0,
  ...rest
}: Ok = {}): Uint8Array {
  const { info = '', database } = rest
  const state = database === undefined ? undefined : lenenc(bytes(1, lenenc(lenenc(database))))
  const flags = status | (state === undefined ? 0 : 0x4000)
  const text = info === '' && state === undefined ? bytes() : lenenc(info)
  return bytes(header, affected, id, u16(flags), u16(warnings), text, state ?? bytes())
}

export const error = (code: number, state: string, text: string) => bytes(0xff, u16(code), `#${state}`, text)
export const eof = (status = 2, warnings = 0) => bytes(0xfe, u16(warnings), u16(status))

/** A definition; `type` 253 is text, 8 a BIGINT. */
export function column(
  name: string,
  type = 253,
  { flags = 0, decimals = 0, extended = '' } = {},
): Uint8Array {
  const texts = ['def', 'shop', 't', 't', name, name].map(lenenc)
  const more = extended === '' ? [] : [lenenc(extended)]
  return bytes(...texts, ...more, 0x0c, u16(45), u32(255), type, u16(flags), decimals, u16(0))
}

export const textRow = (...values: readonly (string | null)[]) =>
  bytes(...values.map((value) => (value === null ? 0xfb : lenenc(value))))

/** Columns and rows in text, with EOF packets, or as clients ask for that do without. */
export function resultSet(
  names: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  { isDeprecated = false, status = 2 } = {},
): Uint8Array[] {
  return [
    bytes(names.length),
    ...names.map((name) => column(name)),
    ...(isDeprecated ? [] : [eof(status)]),
    ...rows.map((row) => textRow(...row)),
    isDeprecated ? ok({ header: 0xfe, status }) : eof(status),
  ]
}

/** COM_STMT_PREPARE_OK and what follows it. */
export function prepared(
  id: number,
  parameters: number,
  columns: readonly Uint8Array[],
  isDeprecated = false,
): Uint8Array[] {
  const end = isDeprecated ? [] : [eof()]
  return [
    bytes(0, u32(id), u16(columns.length), u16(parameters), 0, u16(0)),
    ...(parameters > 0 ? [...Array.from({ length: parameters }, () => column('?')), ...end] : []),
    ...(columns.length > 0 ? [...columns, ...end] : []),
  ]
}

/** COM_STMT_EXECUTE with types and values; each is `[type, value]`, a value of null is NULL. */
export function execute(id: number, values: readonly (readonly [number, Uint8Array | null])[]): Uint8Array {
  const nulls = new Uint8Array((values.length + 7) >> 3)
  for (const [at, [, value]] of values.entries())
    if (value === null) nulls[at >> 3] = (nulls[at >> 3] ?? 0) | (1 << (at & 7))
  const types = values.map(([type]) => u16(type))
  const bodies = values.flatMap(([, value]) => (value === null ? [] : [value]))
  return command(0x17, u32(id), 0, u32(1), nulls, 1, ...types, ...bodies)
}

/** A login that goes well. */
export function session(who: Who = {}): Script {
  return [
    [
      'server',
      greeting({
        ...(who.extended === undefined ? {} : { extended: who.extended, capabilities: 0xfffffffe }),
      }),
    ],
    ['client', login(who)],
    ['server', packets(2, bytes(1, 3), ok())],
  ]
}

/** A frame of the compressed protocol: as zlib, zstd or plain. */
export function frame(sequence: number, content: Uint8Array, how: 'zlib' | 'zstd' | 'plain'): Uint8Array {
  const packed = how === 'zlib' ? deflateSync(content) : how === 'zstd' ? zstdCompressSync(content) : content
  return bytes(u24(packed.length), sequence, u24(how === 'plain' ? 0 : content.length), packed)
}
