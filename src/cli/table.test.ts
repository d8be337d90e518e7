import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytes, count, duration, table } from './table.ts'

describe('what the summary is made of', () => {
  test('says durations in the units that one would use', () => {
    const said: readonly (readonly [number, string])[] = [
      [0, '0 ms'],
      [850, '850 ms'],
      [3240, '3.24 s'],
      [59_999, '1 min 0 s'],
      [119_600, '2 min 0 s'],
      [125_000, '2 min 5 s'],
      [12_000_000, '3 h 20 min'],
      [12.2 * 86_400_000, '12 d 5 h'],
    ]
    for (const [ms, text] of said) assert.equal(duration(ms), text)
  })

  test('says numbers and sizes so that they can be read', () => {
    assert.deepEqual(
      [0, 999, 1000, 1234567].map((each) => count(each)),
      ['0', '999', '1,000', '1,234,567'],
    )
    assert.deepEqual(
      [0, 999, 1500, 2_345_678].map((each) => bytes(each)),
      ['0 B', '999 B', '1.5 kB', '2.3 MB'],
    )
  })

  test('aligns numbers at the right, and words at the left', () => {
    assert.equal(
      table([
        ['a', '1', 'x'],
        ['bcd', '12,345', 'yz'],
      ]),
      '  a         1  x\n  bcd  12,345  yz',
    )
  })
})
