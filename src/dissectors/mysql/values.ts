import type { Cursor } from './cursor.ts'

/** A value in the text that the server would print it with; null where there is none. */
export type Text = string | null

/** Of a parameter, or of a column of a binary row. */
export interface ValueType {
  readonly type: number
  readonly isUnsigned: boolean
  /** Digits after the seconds of a column; else as many as came. */
  readonly decimals?: number
}

/**
 * A value of the binary protocol.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html
 */
export function binaryValue(cursor: Cursor, { type, isUnsigned, decimals }: ValueType): Text {
  switch (type) {
    case TYPE.null:
      return null
    case TYPE.tiny:
    case TYPE.bool:
      return integer(cursor.u8(), 8, isUnsigned)
    case TYPE.short:
    case TYPE.year:
      return integer(cursor.u16(), 16, isUnsigned)
    case TYPE.long:
    case TYPE.int24:
      return integer(cursor.u32(), 32, isUnsigned)
    case TYPE.longlong:
      return long(cursor, isUnsigned)
    case TYPE.float:
      return float(cursor)
    case TYPE.double:
      return double(cursor)
    case TYPE.date:
    case TYPE.newDate:
    case TYPE.datetime:
    case TYPE.timestamp:
      return date(cursor, type, decimals)
    case TYPE.time:
      return time(cursor, decimals)
    default:
      return cursor.value() ?? null
  }
}

function integer(value: number, bits: number, isUnsigned: boolean): string {
  return String(isUnsigned || value < 2 ** (bits - 1) ? value : value - 2 ** bits)
}

function long(cursor: Cursor, isUnsigned: boolean): string {
  const low = BigInt(cursor.u32())
  const value = (BigInt(cursor.u32()) << 32n) | low
  return String(isUnsigned ? value : BigInt.asIntN(64, value))
}

/** The shortest number that is this float. */
function float(cursor: Cursor): string {
  const value = view(cursor, 4).getFloat32(0, true)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return String(short)
  }
  return String(value)
}

function double(cursor: Cursor): string {
  return String(view(cursor, 8).getFloat64(0, true))
}

function view(cursor: Cursor, length: number): DataView {
  const { bytes, at } = cursor
  cursor.skip(length)
  return cursor.isBroken ? ZEROES : new DataView(bytes.buffer, bytes.byteOffset + at, length)
}

function date(cursor: Cursor, type: number, decimals: number | undefined): string {
  const length = cursor.u8()
  const until = cursor.at + length
  const year = length >= 4 ? digits(cursor.u16(), 4) : '0000'
  const month = length >= 4 ? digits(cursor.u8()) : '00'
  const day = length >= 4 ? digits(cursor.u8()) : '00'
  const isDate = type === TYPE.date || type === TYPE.newDate
  const clock = isDate && length <= 4 ? '' : ` ${clockOf(cursor, length - 4, 0, decimals)}`
  cursor.skip(Math.max(0, until - cursor.at))
  return `${year}-${month}-${day}${clock}`
}

function time(cursor: Cursor, decimals: number | undefined): string {
  const length = cursor.u8()
  const until = cursor.at + length
  const isNegative = length >= 8 && cursor.u8() === 1
  const days = length >= 8 ? cursor.u32() : 0
  const clock = clockOf(cursor, length - 5, days, decimals)
  cursor.skip(Math.max(0, until - cursor.at))
  return `${isNegative ? '-' : ''}${clock}`
}

/** 3 bytes of hours, minutes and seconds, and 4 of microseconds, as far as they are there. */
function clockOf(cursor: Cursor, length: number, days: number, decimals: number | undefined): string {
  const hours = days * 24 + (length >= 3 ? cursor.u8() : 0)
  const minutes = length >= 3 ? cursor.u8() : 0
  const seconds = length >= 3 ? cursor.u8() : 0
  const micros = length >= 7 ? digits(cursor.u32(), 6) : ''
  const fraction = decimals === undefined ? micros : micros.padEnd(6, '0').slice(0, decimals)
  return `${digits(hours)}:${digits(minutes)}:${digits(seconds)}${fraction === '' ? '' : `.${fraction}`}`
}

function digits(value: number, count = 2): string {
  return String(value).padStart(count, '0')
}

const ZEROES = new DataView(new ArrayBuffer(8))

/** `enum_field_types`, where values are not texts with their length. */
const TYPE = {
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newDate: 14,
  bool: 244,
} as const
