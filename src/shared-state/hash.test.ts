import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hash64, murmur128 } from './hash.ts'

test('hashes as SMHasher says that MurmurHash3_x86_128 does', () => {
  const key = Uint8Array.from({ length: 256 }, (_, at) => at)
  const hashes = new Uint32Array(4 * 256)
  for (let length = 0; length < 256; length++)
    murmur128(key, length, 256 - length, hashes.subarray(4 * length, 4 * length + 4))
  const words = new Uint32Array(4)
  murmur128(new Uint8Array(hashes.buffer), hashes.byteLength, 0, words)
  assert.equal(words[0], 0xb3ece62a)
})

test('hashes texts as their UTF-8', () => {
  const hash = new Hash64()
  for (const text of ['', 'a', '10.0.0.1', 'größe', '😀'.repeat(2000), 'x'.repeat(5000)]) {
    hash.text(text)
    const words = new Uint32Array(4)
    const bytes = new TextEncoder().encode(text)
    murmur128(bytes, bytes.length, 0, words)
    assert.deepEqual([hash.high, hash.low], [...words.subarray(0, 2)])
  }
})
