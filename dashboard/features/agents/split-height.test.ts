import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clampHeight, heightByKey } from './split-height.ts'

test('the panel leaves room for the code, and for its own tabs', () => {
  assert.deepEqual(
    [0, 240, 900].map((height) => clampHeight(height, 700)),
    [34, 240, 500],
  )
  assert.equal(clampHeight(240, 100), 34)
  assert.deepEqual(
    ['ArrowUp', 'ArrowDown', 'Home', 'End', 'x'].map((key) => heightByKey(key, 240, 700)),
    [264, 216, 500, 34, undefined],
  )
})
