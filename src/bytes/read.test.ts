import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { briefCopyOf } from './read.ts'

test('brief copies are copies, and none of them keeps much more than itself', () => {
  const lengths = fc.oneof(fc.nat(100), fc.nat(2000), fc.nat(70_000))
  fc.assert(
    fc.property(fc.array(lengths, { maxLength: 50 }), (wanted) => {
      const copies = wanted.map((length, at) => {
        const passing = new Uint8Array(length + 2).fill(at)
        const copy = briefCopyOf(passing, 1, length + 1)
        passing.fill(0xee)
        return copy
      })
      for (const [at, copy] of copies.entries()) {
        assert.deepEqual(copy.length, wanted[at])
        assert.equal(
          copy.every((byte) => byte === at),
          true,
        )
        assert.equal(copy.buffer.byteLength <= Math.max(4096, copy.length), true)
      }
    }),
  )
})
