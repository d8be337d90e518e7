import assert from 'node:assert/strict'
import { test } from 'node:test'
import { u16s, u32s } from './test-messages.ts'
import { typeName, valueText } from './types.ts'

const TEXT = 0
const BINARY = 1
const print = (bytes: Uint8Array, type: number, format = BINARY) =>
  valueText(bytes, 0, bytes.length, format, type)

const float8 = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes
}
const float4 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return bytes
}
const int8 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

test('binary values print as the server prints them', () => {
  for (const [bytes, type, text] of [
    [Buffer.from([1]), 16, 't'],
    [Buffer.from([0, 255]), 17, '\\x00ff'],
    [int8(-(2n ** 63n)), 20, '-9223372036854775808'],
    [u16s(-2), 21, '-2'],
    [u32s(-3), 23, '-3'],
    [Buffer.from('grüße'), 25, 'grüße'],
    [u32s(-1), 26, '4294967295'],
    [float4(0.1), 700, '0.1'],
    [float4(16777216), 700, '16777216'],
    [float8(1e100), 701, '1e+100'],
    [float8(Number.NEGATIVE_INFINITY), 701, '-Infinity'],
    [u32s(8825), 1082, '2024-02-29'],
    [u32s(-1), 1082, '1999-12-31'],
    [u32s(0x7fffffff), 1082, 'infinity'],
    [int8(45_296_000_700n), 1083, '12:34:56.0007'],
    [int8(757_479_845_000_678n), 1114, '2024-01-02 03:04:05.000678'],
    [int8(-1n), 1184, '1999-12-31 23:59:59.999999+00'],
    [int8(2n ** 63n - 1n), 1114, 'infinity'],
    [u16s(0, 0, 0, 0), 1700, '0'],
    [u16s(2, 0, 0, 2, 12, 3450), 1700, '12.34'],
    [u16s(2, 0, 0x4000, 4, 1234, 5600), 1700, '-1234.5600'],
    [u16s(1, 2, 0, 0, 5), 1700, '500000000'],
    [u16s(1, -2, 0, 7, 1200), 1700, '0.0000120'],
    [u16s(0, 0, 0xc000, 0), 1700, 'NaN'],
    [u16s(0, 0, 0xf000, 0), 1700, '-Infinity'],
    [Buffer.from('00112233445566778899aabbccddeeff', 'hex'), 2950, '00112233-4455-6677-8899-aabbccddeeff'],
    [Buffer.from('\x01{"a":1}'), 3802, '{"a":1}'],
  ] as const)
    assert.equal(print(bytes, type), text)
})

test('text is what it is, whatever its type', () => {
  assert.equal(print(Buffer.from('grüße'), 23, TEXT), 'grüße')
})

test('binary values of other types, or that are none of theirs, are shown in hexadecimal', () => {
  assert.equal(print(u16s(1, 2), 600), '\\x00010002')
  assert.equal(print(u16s(1), 23), '\\x0001')
  assert.equal(print(u16s(9, 0, 0, 0), 1700), '\\x0009000000000000')
  assert.equal(print(new Uint8Array(0), 1700), '\\x')
  assert.equal(print(new Uint8Array(0), 0), '\\x')
  assert.equal(print(u16s(0, 0, 0, 65535), 1700), '\\x000000000000ffff')
})

test('what no calendar has is shown as a number', () => {
  assert.equal(print(int8(9n * 10n ** 18n), 1114), '9000000000000000000 µs')
  assert.equal(print(u32s(0x7ffffff0), 1082), 'day 2147483632')
})

test('types have names, or a number', () => {
  assert.deepEqual([23, 1009, 99_999].map(typeName), ['int4', '_text', '99999'])
})
