import { i32, u8, u16, u32 } from '../../bytes/read.ts'
import { hex, utf8Text } from '../../bytes/text.ts'

/**
 * A value as text: as it is where it crossed as text, else as its type prints, or its bytes as `\x0102` where the type
 * is not known here. Format codes: 0 is text, 1 is binary.
 */
export function valueText(
  bytes: Uint8Array,
  start: number,
  end: number,
  format: number,
  type: number,
): string {
  const last = Math.min(end, start + LONGEST_VALUE)
  if (format === TEXT) return utf8Text(bytes, start, last)
  const { length, print } = BINARY[type] ?? UNKNOWN
  return (length === ANY || length === end - start ? print : UNKNOWN.print)(bytes, start, last)
}

/** `int4`, or the number of a type that is not built in. */
export function typeName(type: number): string {
  return BINARY[type]?.name ?? OTHER_NAMES[type] ?? String(type)
}

interface Binary {
  readonly name: string
  /** Bytes of each value; `ANY` where they differ. */
  readonly length: number
  print(bytes: Uint8Array, start: number, end: number): string
}

const ANY = -1

const asText = (name: string): Binary => ({ name, length: ANY, print: utf8Text })
const asHex = (bytes: Uint8Array, start: number, end: number) => `\\x${hex(bytes, start, end)}`
const unsigned = (name: string): Binary => ({ name, length: 4, print: (bytes, at) => String(u32(bytes, at)) })
const float = (name: string, length: 4 | 8): Binary => ({ name, length, print: printFloat })

/** By object id, as in the catalog `pg_type`. Integers are big-endian. */
const BINARY: Readonly<Record<number, Binary>> = {
  16: { name: 'bool', length: 1, print: (bytes, at) => (u8(bytes, at) === 0 ? 'f' : 't') },
  17: { name: 'bytea', length: ANY, print: asHex },
  18: asText('char'),
  19: asText('name'),
  20: { name: 'int8', length: 8, print: (bytes, at) => String(i64(bytes, at)) },
  21: { name: 'int2', length: 2, print: (bytes, at) => String((u16(bytes, at) << 16) >> 16) },
  23: { name: 'int4', length: 4, print: (bytes, at) => String(i32(bytes, at)) },
  25: asText('text'),
  26: unsigned('oid'),
  28: unsigned('xid'),
  29: unsigned('cid'),
  114: asText('json'),
  142: asText('xml'),
  700: float('float4', 4),
  701: float('float8', 8),
  705: asText('unknown'),
  1042: asText('bpchar'),
  1043: asText('varchar'),
  1082: { name: 'date', length: 4, print: (bytes, at) => printDate(i32(bytes, at)) },
  1083: { name: 'time', length: 8, print: (bytes, at) => printTime(i64(bytes, at)) },
  1114: { name: 'timestamp', length: 8, print: (bytes, at) => printTimestamp(i64(bytes, at), '') },
  1184: { name: 'timestamptz', length: 8, print: (bytes, at) => printTimestamp(i64(bytes, at), '+00') },
  1700: { name: 'numeric', length: ANY, print: printNumeric },
  2950: { name: 'uuid', length: 16, print: printUuid },
  // Before the text stands the version of the format.
  3802: {
    name: 'jsonb',
    length: ANY,
    print: (bytes, start, end) => utf8Text(bytes, Math.min(start + 1, end), end),
  },
}

const UNKNOWN: Binary = { name: '', length: ANY, print: asHex }

const OTHER_NAMES: Readonly<Record<number, string>> = {
  22: 'int2vector',
  24: 'regproc',
  27: 'tid',
  30: 'oidvector',
  194: 'pg_node_tree',
  199: '_json',
  600: 'point',
  650: 'cidr',
  774: 'macaddr8',
  829: 'macaddr',
  869: 'inet',
  1000: '_bool',
  1001: '_bytea',
  1002: '_char',
  1003: '_name',
  1005: '_int2',
  1007: '_int4',
  1009: '_text',
  1014: '_bpchar',
  1015: '_varchar',
  1016: '_int8',
  1021: '_float4',
  1022: '_float8',
  1028: '_oid',
  1115: '_timestamp',
  1182: '_date',
  1185: '_timestamptz',
  1186: 'interval',
  1231: '_numeric',
  1266: 'timetz',
  1560: 'bit',
  1562: 'varbit',
  2205: 'regclass',
  2206: 'regtype',
  2249: 'record',
  2275: 'cstring',
  2278: 'void',
  2951: '_uuid',
  3807: '_jsonb',
  3904: 'int4range',
}

function i64(bytes: Uint8Array, at: number): bigint {
  return (BigInt(i32(bytes, at)) << 32n) | BigInt(u32(bytes, at + 4))
}

function printFloat(bytes: Uint8Array, start: number, end: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start)
  if (end - start === 8) return String(view.getFloat64(0))
  const value = view.getFloat32(0)
  // The fewest digits that give the same number back, as the server prints it.
  let digits = 1
  while (digits < FLOAT4_DIGITS && Math.fround(Number(value.toPrecision(digits))) !== value) digits++
  return String(Number(value.toPrecision(digits)))
}

/** Digits of base 10,000: their count, the weight of the first, sign and scale stand in front of them. */
function printNumeric(bytes: Uint8Array, start: number, end: number): string {
  const count = u16(bytes, start)
  const sign = u16(bytes, start + 4)
  const scale = u16(bytes, start + 6)
  if (sign === NOT_A_NUMBER) return 'NaN'
  if (sign === INFINITE) return 'Infinity'
  if (sign === MINUS_INFINITE) return '-Infinity'
  const weight = (u16(bytes, start + 2) << 16) >> 16
  if (
    end - start !== NUMERIC_HEADER + 2 * count ||
    Math.abs(weight) > LARGEST_WEIGHT ||
    scale > LARGEST_SCALE
  )
    return asHex(bytes, start, end)
  const digit = (index: number) =>
    String(index >= 0 && index < count ? u16(bytes, start + NUMERIC_HEADER + 2 * index) : 0).padStart(4, '0')
  let whole = ''
  for (let index = 0; index <= weight; index++) whole += digit(index)
  let fraction = ''
  for (let index = weight + 1; fraction.length < scale; index++) fraction += digit(index)
  const point = scale > 0 ? `.${fraction.slice(0, scale)}` : ''
  return `${sign === NEGATIVE ? '-' : ''}${whole.replace(/^0+(?=.)/, '') || '0'}${point}`
}

function printUuid(bytes: Uint8Array, start: number, end: number): string {
  return hex(bytes, start, end).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Days since 2000-01-01. */
function printDate(days: number): string {
  if (days === LAST_DAY) return 'infinity'
  if (days === FIRST_DAY) return '-infinity'
  const date = new Date(EPOCH_MS + days * DAY_MS)
  return Number.isNaN(date.getTime()) ? `day ${days}` : isoText(date).slice(0, -'T00:00:00.000Z'.length)
}

/** Microseconds of a day. */
function printTime(micros: bigint): string {
  const seconds = Number(micros / MICROS)
  const two = (count: number) => String(Math.floor(count)).padStart(2, '0')
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}${printMicros(micros % MICROS)}`
}

/** Microseconds since 2000-01-01 00:00. */
function printTimestamp(micros: bigint, zone: string): string {
  if (micros === LAST_MOMENT) return 'infinity'
  if (micros === FIRST_MOMENT) return '-infinity'
  const rest = ((micros % MICROS) + MICROS) % MICROS
  const date = new Date(EPOCH_MS + Number((micros - rest) / MICROS) * 1000)
  if (Number.isNaN(date.getTime())) return `${micros} µs`
  return `${isoText(date).replace('T', ' ').slice(0, -'.000Z'.length)}${printMicros(rest)}${zone}`
}

function isoText(date: Date): string {
  return date.toISOString().replace(/^\+0*/, '')
}

function printMicros(micros: bigint): string {
  return micros === 0n ? '' : `.${String(micros).padStart(6, '0')}`.replace(/0+$/, '')
}

export const TEXT = 0

/** Bytes of one value that are shown. */
const LONGEST_VALUE = 64 << 10
const FLOAT4_DIGITS = 9
const NUMERIC_HEADER = 8
const NEGATIVE = 0x4000
const NOT_A_NUMBER = 0xc000
const INFINITE = 0xd000
const MINUS_INFINITE = 0xf000
/** Groups of four digits, and digits behind the point, that are printed. */
const LARGEST_WEIGHT = 1000
const LARGEST_SCALE = 16383
const EPOCH_MS = Date.UTC(2000, 0, 1)
const DAY_MS = 86_400_000
const MICROS = 1_000_000n
const LAST_DAY = 0x7fffffff
const FIRST_DAY = -0x80000000
const LAST_MOMENT = 0x7fffffffffffffffn
const FIRST_MOMENT = -0x8000000000000000n
