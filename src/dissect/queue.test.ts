import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Queue } from './queue.ts'

test('what goes in first comes out first', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(), fc.constant(undefined)), { maxLength: 200 }), (steps) => {
      const queue = new Queue<number>()
      const expected: number[] = []
      for (const step of steps) {
        if (step === undefined) assert.equal(queue.shift(), expected.shift())
        else {
          queue.push(step)
          expected.push(step)
        }
        assert.deepEqual(
          [queue.length, queue.first, queue.at(1)],
          [expected.length, expected[0], expected[1]],
        )
      }
    }),
  )
})

test('it may be long', () => {
  const queue = new Queue<number>()
  for (let item = 0; item < 200_000; item++) queue.push(item)
  for (let item = 0; item < 200_000; item++) assert.equal(queue.shift(), item)
  assert.deepEqual([queue.length, queue.shift()], [0, undefined])
})

test('one that fits is found, if it is near and nothing stands before it', () => {
  const queue = new Queue<number>()
  for (let item = 0; item < 1000; item++) queue.push(item)
  queue.shift()
  assert.equal(
    queue.find((item) => item === 5),
    4,
  )
  assert.equal(
    queue.find(
      (item) => item === 5,
      (item) => item === 3,
    ),
    -1,
  )
  assert.equal(
    queue.find((item) => item === 900),
    -1,
  )
})
