import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hasTools } from '../testing/loopback.ts'
import { unpackLz4 } from './lz4.ts'
import type { Unpacked } from './unpacked.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const text = ({ bytes, isWhole }: Unpacked) => [Buffer.from(bytes).toString('latin1'), isWhole]
const MANY = 1 << 20

/** Text that repeats itself, and some that does not. */
const contents = [
  '',
  'a',
  'abc'.repeat(1000),
  'x'.repeat(300_000),
  Buffer.alloc(70_000, 'lorem ipsum 0123').toString(),
]

describe('LZ4', () => {
  test('frames of lz4 come out as they went in', (t) => {
    if (!hasTools(t, 'lz4')) return
    for (const content of contents)
      for (const options of [[], ['-9'], ['-BD'], ['-B4', '-BX'], ['--no-frame-crc'], ['--content-size']]) {
        const { stdout } = spawnSync('lz4', ['-zc', ...options], { input: content })
        assert.deepEqual(text(unpackLz4(stdout, MANY)), [content, true])
        const twice = Buffer.concat([stdout, hex('502a4d18 02000000 aabb'), stdout])
        assert.deepEqual(text(unpackLz4(twice, MANY)), [content + content, true], 'behind one to be skipped')
        assert.deepEqual(text(unpackLz4(stdout, 100)), [content.slice(0, 100), content.length <= 100])
      }
  })

  test('a frame with a wrong checksum in its header, as old clients of Kafka write it, is read', () => {
    assert.deepEqual(text(unpackLz4(hex('04224d18 6040 00 03000080 616263 00000000'), MANY)), ['abc', true])
  })

  test('what is cut off comes out as far as it goes', () => {
    const frame = hex('04224d18 6040 82 0c000000 30616263 0300 50 6465666768 00000000')
    assert.deepEqual(text(unpackLz4(frame, MANY)), ['abcabcadefgh', true])
    for (let end = 0; end < frame.length; end++) {
      const { bytes, isWhole } = unpackLz4(frame.subarray(0, end), MANY)
      assert.ok('abcabcadefgh'.startsWith(Buffer.from(bytes).toString()))
      assert.equal(isWhole, false)
    }
  })

  test('a copy from before the beginning is a mistake', () => {
    assert.deepEqual(text(unpackLz4(hex('04224d18 6040 82 06000000 10 61 0900 50 00000000'), MANY)), [
      'a',
      false,
    ])
  })
})

test('any bytes end within the limit', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(5000), (bytes, limit) => {
      const frame = Buffer.concat([hex('04224d18 6040 82'), bytes])
      assert.ok(unpackLz4(frame, limit).bytes.length <= limit)
    }),
  )
})
