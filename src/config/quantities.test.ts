import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, msOf } from './quantities.ts'

test('sizes are read with the units of Kubernetes, and of people', () => {
  assert.deepEqual(['0', '512', '10MB', '1Gi', '1.5k', '2ti'].map(bytesOf), [
    0,
    512,
    10_000_000,
    1 << 30,
    1500,
    2 * 2 ** 40,
  ])
})

test('times are read in milliseconds', () => {
  assert.deepEqual(
    ['0', '10s', '5m', '1h30m', '200ms', '1.5s'].map(msOf),
    [0, 10_000, 300_000, 5_400_000, 200, 1500],
  )
})
