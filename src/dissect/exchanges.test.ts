import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AT_THE_START } from '../testing/feed.ts'
import { type Asked, Exchanges } from './exchanges.ts'

class Replies extends Exchanges<object, object, Asked<object, object>> {
  /** The client asks, and has received `heard` bytes by then; of the reply `reached` have come. */
  ask(heard: number, reached: number): void {
    this.wait({ message: {}, size: 1, since: this.now, kept: 1, heard, reached, answer: undefined })
  }

  /** How many still wait when something begins at `position`. */
  waitAt(position: number): number {
    this.passOver(position)
    return this.asked.length
  }
}

test('requests whose replies the client had received before it asked again are passed over', () => {
  const replies = new Replies(AT_THE_START)
  for (const at of [0, 10, 20]) replies.ask(at, at)
  assert.deepEqual([replies.waitAt(9), replies.waitAt(10), replies.waitAt(30)], [3, 2, 1])
})

test('one that claims to have received more than its reply has reached keeps nobody busy', () => {
  const replies = new Replies(AT_THE_START)
  for (const heard of [5000, 6000]) replies.ask(heard, 100)
  assert.equal(replies.waitAt(10_000), 2)
})
