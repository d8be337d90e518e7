import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bytesView } from './bytes-view.ts'

interface Bytes {
  readonly length: number
  u8(at: number): number
  u16(at: number): number
  u24(at: number): number
  u32(at: number): number
  u16le(at: number): number
  u32le(at: number): number
  text(start?: number, end?: number): string
  latin1(start?: number, end?: number): string
  hex(start?: number, end?: number): string
  slice(start?: number, end?: number): Bytes
  indexOf(what: string | number, from?: number): number
}

const bytesOf = bytesView()
const view = (bytes: Uint8Array) => bytesOf(Buffer.from(bytes).toString('latin1')) as unknown as Bytes

describe('the bytes that a dissector of a script reads', () => {
  test('are numbers of one to four bytes, in either order', () => {
    const bytes = view(Uint8Array.of(0xff, 0x01, 0x80, 0x7f))
    assert.deepEqual(
      [bytes.u8(0), bytes.u16(0), bytes.u24(0), bytes.u32(0), bytes.u16le(0), bytes.u32le(0)],
      [0xff, 0xff01, 0xff0180, 0xff01807f, 0x01ff, 0x7f8001ff],
    )
  })

  test('are not there past the end', () => {
    const bytes = view(Uint8Array.of(1, 2))
    assert.deepEqual([bytes.u8(2), bytes.u8(-1), bytes.u16(1), bytes.u32(0)], [NaN, NaN, NaN, NaN])
    assert.deepEqual([bytes.text(5), bytes.hex(1, 9), bytes.slice(1, 0).length], ['', '02', 0])
  })

  test('are text as TextDecoder reads UTF-8, where it is that', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = new TextEncoder().encode(text)
        assert.equal(view(bytes).text(), new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
      }),
    )
  })

  test('have U+FFFD where they are no UTF-8, and what can be read around it', () => {
    for (const [hex, text] of [
      ['61ff62', 'a\ufffdb'],
      ['c3', '\ufffd'],
      ['e282', '\ufffd\ufffd'],
      ['c080', '\ufffd\ufffd'],
      ['61c361', 'a\ufffda'],
    ] as const)
      assert.equal(view(Buffer.from(hex, 'hex')).text(), text)
  })

  test('are found by a text or a byte, and cut as slices are', () => {
    const bytes = view(Buffer.from('get key\r\nx\r\n'))
    assert.deepEqual(
      [bytes.indexOf('\r\n'), bytes.indexOf(10), bytes.indexOf('\r\n', 8), bytes.indexOf('no')],
      [7, 8, 10, -1],
    )
    assert.equal(bytes.slice(4, 7).text(), 'key')
    assert.equal(bytes.slice(-3).latin1(), 'x\r\n')
  })
})
