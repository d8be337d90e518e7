import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatCount, formatDuration, formatMicros, formatRate, formatTime } from './format.ts'

test('sizes, counts and times are told in the largest unit that is not too coarse', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 5 << 20].map(formatBytes), [
    '0 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '5 MiB',
  ])
  assert.deepEqual([7, 9999, 12_345, 3_400_000].map(formatCount), ['7', '9,999', '12.3 k', '3.4 M'])
  assert.deepEqual([0.25, 430, 5000].map(formatRate), ['0.3/s', '430/s', '5,000/s'])
  assert.deepEqual([430, 1230, 45_600, 4_500_000].map(formatMicros), ['430 µs', '1.2 ms', '46 ms', '4.5 s'])
  assert.deepEqual([450, 12_000, 180_000, 7_200_000, 2 * 86_400_000].map(formatDuration), [
    '450 ms',
    '12 s',
    '3 min',
    '2 h',
    '2 d',
  ])
  assert.equal(formatTime(new Date(2026, 10, 27, 4, 3, 7, 25).getTime()), '04:03:07.025')
})
