import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linePath } from './sparkline-path.ts'

test('a line goes from edge to edge, and its largest value touches the top', () => {
  const points = [
    { at: 1000, value: 0 },
    { at: 2000, value: 10 },
    { at: 5000, value: 5 },
  ]
  assert.equal(linePath(points, { width: 80, height: 22 }), 'M 0 21 L 20 1 L 80 11')
  assert.equal(linePath(points, { width: 80, height: 22, most: 5 }), 'M 0 21 L 20 1 L 80 1')
})

test('nothing but zeros is a line at the bottom, and less than two values are none', () => {
  const zeros = [0, 1, 2].map((at) => ({ at, value: 0 }))
  assert.equal(linePath(zeros, { width: 10, height: 10 }), 'M 0 9 L 5 9 L 10 9')
  assert.equal(linePath(zeros.slice(0, 1), { width: 10, height: 10 }), '')
  assert.equal(linePath([], { width: 10, height: 10 }), '')
})
