import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesOf, octets, textOf } from './octets.ts'

const kept = (text: string, encoding: BufferEncoding = 'utf8') => {
  const bytes = Buffer.from(text, encoding)
  return octets(bytes, 0, bytes.length)
}

test('bytes come back as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(new Uint8Array(bytesOf(octets(bytes, 0, bytes.length))), bytes)
    }),
  )
})

test('text is UTF-8, or a character a byte where it is not that', () => {
  assert.equal(textOf(kept('plain')), 'plain')
  assert.equal(textOf(kept('grüße 😀')), 'grüße 😀')
  assert.equal(textOf(kept('grüße', 'latin1')), 'grüße')
  assert.equal(textOf(kept('\xff\xfe\x00', 'latin1')), '\xff\xfe\x00')
})

test('a last character that is cut in two does not spoil the others', () => {
  assert.equal(textOf(kept('grüße ü').slice(0, -1)), 'grüße \ufffd')
})
