import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { random } from '../testing/mutate.ts'
import { BoundedQueue } from './bounded-queue.ts'

describe('a bounded queue', () => {
  test('lets the oldest go beyond its number', () => {
    const queue = new BoundedQueue<string>({ mostItems: 2, mostSize: 100, sizeOf: (item) => item.length })
    assert.deepEqual(
      [queue.push('a'), queue.push('b'), queue.push('c'), queue.push('d')],
      [[], [], ['a'], ['b']],
    )
    assert.deepEqual([queue.length, queue.peek(10), queue.shift()], [2, ['c', 'd'], ['c', 'd']])
    assert.equal(queue.length, 0)
  })

  test('lets the oldest go beyond its size, and keeps the newest however large it is', () => {
    const queue = new BoundedQueue<string>({ mostItems: 9, mostSize: 3, sizeOf: (item) => item.length })
    for (const item of ['a', 'b', 'c']) queue.push(item)
    assert.deepEqual(queue.push('dd'), ['a', 'b'])
    assert.deepEqual(queue.push('much too long'), ['c', 'dd'])
    assert.deepEqual(queue.peek(9), ['much too long'])
    assert.deepEqual(queue.push('e'), ['much too long'])
  })

  test('keeps what is wanted, and its size with it', () => {
    const queue = new BoundedQueue<string>({ mostItems: 9, mostSize: 4, sizeOf: (item) => item.length })
    for (const item of ['a', 'bb', 'c']) queue.push(item)
    queue.keep((item) => item !== 'bb')
    assert.deepEqual([queue.push('dd'), queue.peek(9)], [[], ['a', 'c', 'dd']])
  })

  test('is the same as a list that is cut', () => {
    const next = random(1)
    const queue = new BoundedQueue<number>({ mostItems: 20, mostSize: 60, sizeOf: (item) => item })
    let list: number[] = []
    for (let at = 0; at < 20_000; at++) {
      if (next() < 0.05) {
        const count = Math.floor(next() * 30)
        assert.deepEqual(queue.shift(count), list.splice(0, count))
        continue
      }
      const item = Math.floor(next() * 8)
      list.push(item)
      const gone: number[] = []
      const sum = () => list.reduce((all, each) => all + each, 0)
      while (list.length > 1 && (list.length > 20 || sum() > 60)) gone.push(...list.splice(0, 1))
      assert.deepEqual(queue.push(item), gone)
      if (at % 1000 === 0) {
        list = list.filter((each) => each % 2 === 0)
        queue.keep((each) => each % 2 === 0)
      }
      assert.deepEqual([queue.length, queue.peek(99)], [list.length, list])
    }
  })
})
