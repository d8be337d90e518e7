import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Gathered } from './gathered.ts'

test('bytes that come piece by piece are all there, whatever becomes of where they were', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (pieces) => {
      const gathered = new Gathered()
      for (const piece of pieces) {
        const passing = Uint8Array.of(0, ...piece, 0)
        gathered.add(passing, 1, piece.length + 1)
        passing.fill(0xee)
      }
      assert.deepEqual(
        [...gathered.bytes],
        pieces.flatMap((piece) => [...piece]),
      )
      assert.equal(gathered.length, gathered.bytes.length)
    }),
  )
})
