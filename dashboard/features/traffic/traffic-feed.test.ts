import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrafficFeed } from './traffic-feed.ts'

/** A feed whose frames are drawn when the test says so. */
function feedWithFrames() {
  const frames: (() => void)[] = []
  const clock = {
    time: 100_000,
    now: () => clock.time,
    onFrame: (callback: () => void) => {
      frames.push(callback)
    },
  }
  const feed = new TrafficFeed(clock)
  const frame = (ms = 16) => {
    clock.time += ms
    for (const callback of frames.splice(0)) callback()
  }
  const send = (from: number, to: number, dropped = 0) =>
    feed.take(
      Array.from({ length: to - from }, (_, at) => `{"id":"${from + at}","timestamp":${from + at}}`),
      dropped,
    )
  return { feed, frame, send, frames, ids: () => feed.lines.map(({ id }) => Number(id)) }
}

test('what comes in one frame is shown together', () => {
  const { feed, frame, send, ids } = feedWithFrames()
  let told = 0
  feed.list.listen(() => told++)
  send(0, 3)
  send(3, 5)
  assert.deepEqual(ids(), [])
  frame()
  assert.deepEqual(ids(), [0, 1, 2, 3, 4])
  assert.equal(told, 1)
})

test('a list that is held stays as it is, whatever comes, and says how much waits', () => {
  const { feed, frame, send, ids } = feedWithFrames()
  send(0, 3)
  frame()
  feed.hold('pointer')
  const seen = feed.lines
  for (let at = 3; at < 60_003; at += 1000) {
    send(at, at + 1000)
    frame()
  }
  assert.equal(feed.lines, seen)
  assert.deepEqual(ids(), [0, 1, 2])
  assert.equal(feed.counts.fresh, 60_000)
  feed.hold('paused')
  feed.release('pointer')
  assert.deepEqual(ids(), [0, 1, 2])
  feed.release('paused')
  assert.equal(ids().at(-1), 60_002)
  assert.equal(feed.counts.fresh, 0)
})

test('the books: all that was seen is shown or was let go, and what was lost is told', () => {
  const { feed, frame, send } = feedWithFrames()
  for (let at = 0; at < 50_000; at += 100) {
    send(at, at + 100, 1)
    frame()
  }
  const { shown, seen, letGo, lost } = feed.counts
  assert.deepEqual([shown, seen, letGo, lost], [20_000, 50_000, 30_000, 500])
})

test('a page that draws no frames does not pile up what comes', () => {
  const { feed, send, ids } = feedWithFrames()
  for (let at = 0; at < 100_000; at += 1000) send(at, at + 1000)
  assert.equal(feed.lines.length, 20_000)
  assert.ok((ids().at(-1) ?? 0) > 90_000)
})

test('beyond what eyes can follow the list is drawn ten times a second, and the last of it is always shown', () => {
  const { feed, frame, send, frames, ids } = feedWithFrames()
  let told = 0
  for (let at = 0; at < 120; at++) {
    send(at * 50, at * 50 + 50)
    frame()
  }
  feed.list.listen(() => told++)
  for (let at = 120; at < 180; at++) {
    send(at * 50, at * 50 + 50)
    frame()
  }
  assert.ok(told >= 8 && told <= 11, String(told))
  while (frames.length > 0) frame()
  assert.equal(ids().at(-1), 180 * 50 - 1)
})

test('what was kept before comes in front, once', () => {
  const { feed, frame, send, ids } = feedWithFrames()
  send(10, 12)
  frame()
  feed.hold('scrolled')
  const text = (at: number) => `{"id":"${at}","timestamp":${at}}`
  assert.equal(feed.addOlder([text(10), text(9), text(8)]), 2)
  assert.deepEqual([ids(), feed.olderCount], [[8, 9, 10, 11], 2])
  feed.release('scrolled')
  assert.deepEqual(ids(), [10, 11])
  feed.begin(false)
  feed.addOlder([text(5), text(4)])
  feed.hold('pointer')
  feed.release('pointer')
  assert.deepEqual(ids(), [4, 5])
})

test('another filter begins anew, and a pause goes on', () => {
  const { feed, frame, send, ids } = feedWithFrames()
  feed.hold('paused')
  send(0, 2)
  frame()
  assert.equal(feed.counts.fresh, 2)
  feed.begin(true)
  assert.deepEqual([ids(), feed.counts.fresh, feed.counts.seen], [[], 0, 0])
  feed.addKept(['{"id":"a","timestamp":1}'])
  assert.equal(feed.lines.length, 1)
  send(5, 6)
  frame()
  assert.deepEqual([feed.lines.length, feed.counts.fresh], [1, 1])
})
