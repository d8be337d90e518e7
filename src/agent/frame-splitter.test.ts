import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FrameSplitter } from './frame-splitter.ts'
import { frameOf } from './host/frames.ts'

const frame = (payload: unknown, seq = 0) => frameOf(7, seq, Buffer.from(JSON.stringify(payload)))

describe('FrameSplitter', () => {
  test('gives the frames that were written, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.json()), fc.array(fc.integer({ min: 1, max: 40 })), (payloads, cuts) => {
        const bytes = Buffer.concat(payloads.map((payload, seq) => frame(payload, seq)))
        const got: unknown[] = []
        const splitter = new FrameSplitter(1 << 20, (type, payload, seq) => got.push([type, payload, seq]))
        let at = 0
        for (const cut of cuts) {
          splitter.push(bytes.subarray(at, at + cut))
          at = Math.min(at + cut, bytes.length)
        }
        splitter.push(bytes.subarray(at))
        assert.deepEqual(
          got,
          payloads.map((payload, seq) => [7, payload, seq]),
        )
      }),
    )
  })

  test('refuses what is too long, and what is no JSON', () => {
    const splitter = () => new FrameSplitter(100, () => {})
    assert.throws(() => splitter().push(frame('x'.repeat(100))), /a frame of 102 bytes/)
    assert.throws(() => splitter().push(frameOf(7, 0, Buffer.from('nonsense'))), SyntaxError)
  })

  test('lets what the receiver throws through', () => {
    const splitter = new FrameSplitter(100, () => {
      throw new Error('of no use')
    })
    assert.throws(() => splitter.push(frame(1)), /of no use/)
  })
})
