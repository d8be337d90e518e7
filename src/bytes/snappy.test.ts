import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compress } from 'snappyjs'
import { fromSnappy } from './snappy.ts'

const text = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.constantFrom(Buffer.from('again and again '), new Uint8Array(70)),
    ),
  )
  .map((pieces) => new Uint8Array(Buffer.concat(pieces)))

test('what was compressed comes back, and of a part of it the beginning', () => {
  fc.assert(
    fc.property(text, fc.nat(), fc.nat(2000), (bytes, cut, most) => {
      const block = compress(bytes)
      assert.deepEqual(fromSnappy(block, 1 << 20), bytes)
      assert.deepEqual(fromSnappy(block, most), bytes.subarray(0, most))
      const part = fromSnappy(block.subarray(0, cut % block.length), 1 << 20)
      if (part !== undefined) assert.deepEqual(part, bytes.subarray(0, part.length))
    }),
  )
})

test('long literals and far copies', () => {
  const bytes = new Uint8Array(200_000).map((_, at) => (at * at * 31 + (at >> 7)) & 0xff)
  bytes.copyWithin(150_000, 0, 40_000)
  assert.deepEqual(fromSnappy(compress(bytes), 1 << 20), bytes)
  // 16 bits of offset, then 32, each with literals whose length takes one to four bytes.
  for (const [tag, length] of [
    [0xf0, 1],
    [0xf4, 2],
    [0xf8, 3],
    [0xfc, 4],
  ] as const) {
    const head = [100, tag, 99, ...new Array(length - 1).fill(0)]
    assert.equal(fromSnappy(Uint8Array.from([...head, ...new Array(100).fill(7)]), 1000)?.length, 100)
  }
  assert.deepEqual(
    fromSnappy(Uint8Array.of(6, 8, 1, 2, 3, 0x0b, 3, 0, 0, 0), 10),
    Uint8Array.of(1, 2, 3, 1, 2, 3),
  )
})

test('any bytes are read without an exception, in time and memory that go with their number', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const out = fromSnappy(bytes, 1 << 30)
      assert.ok((out?.buffer.byteLength ?? 0) <= bytes.length * 22)
    }),
    { numRuns: 2000 },
  )
  // A literal of 2^32 − 5 bytes: who takes that for −5 goes round in circles.
  assert.equal(fromSnappy(Uint8Array.of(100, 0, 1, 0xfc, 0xfa, 0xff, 0xff, 0xff, 1, 2), 1000)?.length, 3)
  assert.equal(fromSnappy(Uint8Array.of(), 10), undefined)
  assert.equal(fromSnappy(Uint8Array.of(4, 0x0d, 1), 10), undefined, 'copies from before the beginning')
})
