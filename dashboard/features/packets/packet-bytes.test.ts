import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byteLines, bytesIn } from './packet-bytes.ts'

test('bytes of a packet are lines of 16, in which headers end where the payload begins', () => {
  const bytes = Uint8Array.from({ length: 36 }, (_, at) => at + 0x40)
  const lines = byteLines(bytes, 18)
  assert.deepEqual(
    lines.map(({ offset, text }) => [offset, ...text]),
    [
      ['0000', '@ABCDEFGHIJKLMNO', ''],
      ['0010', 'PQ', 'RSTUVWXYZ[\\]^_'],
      ['0020', '', '`abc'],
    ],
  )
  assert.deepEqual(lines[2]?.hex, ['', '60 61 62 63'])
  assert.deepEqual(byteLines(Uint8Array.of(0, 10, 0x1b, 255), 100)[0]?.text, ['....', ''])
  assert.deepEqual(byteLines(Uint8Array.of(), 0), [])
  assert.deepEqual([...bytesIn('AP8K')], [0, 255, 10])
})
