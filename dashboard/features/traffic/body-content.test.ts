import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import {
  bodyBytes,
  compressionOf,
  contentOf,
  firstView,
  fromBase64,
  inflated,
  looksLikeBase64,
} from './body-content.ts'
import { hexLine, hexLineCount } from './hex-dump.ts'
import { opensAtFirst, treeLines } from './json-tree.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const kindOf = (bytes: Uint8Array, mimeType = '') => contentOf(bytes, mimeType).kind

test('base64 comes back as the bytes that it was made of, and other text as itself', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      for (const form of ['base64', 'base64url'] as const)
        assert.deepEqual([...(fromBase64(Buffer.from(bytes).toString(form)) ?? [])], [...bytes])
    }),
  )
  assert.equal(fromBase64('not base64!'), undefined)
  assert.deepEqual(bodyBytes('ab"', 'base64'), bytesOf('ab"'))
  assert.deepEqual(bodyBytes('YWI=', ''), bytesOf('YWI='))
  assert.ok(looksLikeBase64(Buffer.from('{"price": 12, "id": 7}').toString('base64')))
  assert.ok(!looksLikeBase64('Internationalization'))
})

test('kinds are told by the bytes, not by what somebody says', () => {
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0)
  assert.deepEqual(kindOf(png, 'text/html'), { kind: 'image', mimeType: 'image/png' })
  assert.deepEqual(kindOf(bytesOf('<svg onload="alert(1)"/>'), 'image/svg+xml'), { kind: 'text' })
  assert.deepEqual(kindOf(bytesOf('<html>'), 'image/png'), { kind: 'text' })
  assert.deepEqual(kindOf(bytesOf(' {"a":1}')), { kind: 'json', value: { a: 1 } })
  assert.deepEqual(kindOf(bytesOf('{"a":')), { kind: 'text' })
  assert.deepEqual(kindOf(bytesOf('12'), 'application/json'), { kind: 'text' })
  assert.deepEqual(kindOf(Uint8Array.of(0xff, 0xfe, 0)), { kind: 'bytes' })
  assert.equal(firstView({ kind: 'bytes' }), 'hex')
})

test('what is compressed is recognised and unpacked, up to a limit', async () => {
  const text = 'hello '.repeat(1000)
  for (const [packed, format] of [
    [gzipSync(text), 'gzip'],
    [deflateSync(text), 'deflate'],
  ] as const) {
    assert.equal(compressionOf(packed), format)
    assert.equal(new TextDecoder().decode(await inflated(packed, format)), text)
    assert.equal((await inflated(packed, format, 100))?.length, 100)
  }
  assert.equal(compressionOf(bytesOf('plain text')), undefined)
  assert.equal(await inflated(Uint8Array.of(0x1f, 0x8b, 0, 0), 'gzip'), undefined)
})

test('a dump has all bytes, sixteen a line', () => {
  const bytes = Uint8Array.from({ length: 18 }, (_, at) => at + 0x58)
  assert.equal(hexLineCount(bytes.length), 2)
  assert.deepEqual(hexLine(bytes, 0), {
    offset: '00000000',
    bytes: '58 59 5a 5b 5c 5d 5e 5f  60 61 62 63 64 65 66 67',
    text: 'XYZ[\\]^_`abcdefg',
  })
  assert.deepEqual(hexLine(bytes, 1), { offset: '00000010', bytes: '68 69', text: 'hi' })
  assert.equal(hexLineCount(0), 0)
})

test('a tree shows what is open, in order, and has an end', () => {
  const root = { a: [1, { b: null }], c: 'text' }
  const all = treeLines(root, { isOpen: () => true })
  assert.deepEqual(
    all.lines.map(({ path, count }) => [path.join('.'), count]),
    [
      ['', 2],
      ['a', 2],
      ['a.0', undefined],
      ['a.1', 1],
      ['a.1.b', undefined],
      ['c', undefined],
    ],
  )
  const closed = treeLines(root, { isOpen: (path) => path.length === 0 })
  assert.deepEqual(
    closed.lines.map(({ path, isOpen }) => [path.join('.'), isOpen]),
    [
      ['', true],
      ['a', false],
      ['c', false],
    ],
  )
  const large = treeLines(
    Array.from({ length: 1000 }, () => 0),
    { isOpen: () => true },
    10,
  )
  assert.deepEqual([large.lines.length, large.isWhole], [10, false])
  let deep: unknown = 0
  for (let at = 0; at < 3000; at++) deep = [deep]
  assert.equal(treeLines(deep, { isOpen: () => true }).lines.length, 3001)
  assert.ok(opensAtFirst(['a'], [1]) && !opensAtFirst(['a', 'b', 'c'], [1]) && !opensAtFirst([], Array(100)))
})
