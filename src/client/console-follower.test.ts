import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsoleLine } from '../wire/console.ts'
import { ConsoleFollower } from './console-follower.ts'

const LINE = { at: 0, node: 'n', agent: 'a', index: 0, title: 'A', level: 'log', text: 'x' } as const

function message(now: number, ids: readonly string[] = [], at = now): string {
  const lines: ConsoleLine[] = ids.map((id) => ({ ...LINE, id, at }))
  return JSON.stringify({ id: 'console', now, lines })
}

test('what was wanted is asked for once, and then what came since the hub was heard', () => {
  const follower = new ConsoleFollower({ text: 'x', last: 0, since: 7 })
  const wanted = { subscribe: 'console', id: 'console', text: 'x' }
  assert.deepEqual(follower.request(), { ...wanted, last: 0, since: 7 })
  assert.deepEqual(follower.request(), { ...wanted, last: 0, since: 7 })
  follower.read(message(1_000_000))
  assert.deepEqual(follower.request(), { ...wanted, since: 940_000 })
})

test('no line from before what was wanted comes after all', () => {
  const follower = new ConsoleFollower({ since: 990_000 })
  follower.read(message(1_000_000))
  assert.deepEqual(follower.request(), { subscribe: 'console', id: 'console', since: 990_000 })
})

test('a line that was seen is left out, also after many others', () => {
  const follower = new ConsoleFollower({})
  assert.deepEqual(
    follower.read(message(1_000_000, ['a', 'b'])).map(({ id }) => id),
    ['a', 'b'],
  )
  for (let batch = 0; batch < 100; batch++) {
    const ids = Array.from({ length: 1000 }, (_, at) => `${batch}-${at}`)
    assert.equal(follower.read(message(1_000_000, ids)).length, 1000)
  }
  assert.deepEqual(follower.read(message(1_000_000, ['b', 'a', '0-0', '99-999'])), [])
})

test('what is remembered has a limit: beyond it the oldest may come again', () => {
  const follower = new ConsoleFollower({}, 10)
  const ids = Array.from({ length: 11 }, (_, at) => String(at))
  follower.read(message(1_000_000, ids))
  assert.deepEqual(
    follower.read(message(1_000_000, ['0', '10'])).map(({ id }) => id),
    ['0'],
  )
})

test('lines that would not be sent again are forgotten first', () => {
  const follower = new ConsoleFollower({}, 10)
  follower.read(message(1_000_000, ['new']))
  follower.read(
    message(
      1_000_000,
      Array.from({ length: 10 }, (_, at) => String(at)),
      900_000,
    ),
  )
  assert.deepEqual(follower.read(message(1_000_000, ['new'])), [])
})
