import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'
import { Bell } from './bell.ts'
import { Incoming } from './incoming.ts'
import { pause } from './pause.ts'
import { Wake } from './wake.ts'

const LONG_MS = 2 ** 40

test('a pause ends with its signal, and leaves nothing behind', async () => {
  const end = new AbortController()
  const resting = pause(LONG_MS, end.signal)
  end.abort()
  await resting
  await pause(LONG_MS, end.signal)
  await pause(1, new AbortController().signal)
  assert.equal(getEventListeners(end.signal, 'abort').length, 0)
})

test('a bell wakes all who wait, and nobody who comes later', async () => {
  const bell = new Bell()
  const end = new AbortController()
  const both = [bell.wait(end.signal), bell.wait(end.signal, LONG_MS)]
  bell.ring()
  await Promise.all(both)
  let isWoken = false
  const late = bell.wait(end.signal).then(() => {
    isWoken = true
  })
  await pause(5)
  assert.equal(isWoken, false)
  end.abort()
  await late
  assert.equal(getEventListeners(end.signal, 'abort').length, 0)
})

test('what happened while nobody waited is told once', async () => {
  const wake = new Wake()
  const { signal } = new AbortController()
  wake.ring()
  wake.ring()
  await wake.next(signal, LONG_MS)
  let isWoken = false
  const next = wake.next(signal).then(() => {
    isWoken = true
  })
  await pause(5)
  assert.equal(isWoken, false)
  wake.ring()
  await next
})

test('what comes is read in order, the oldest go when it is too much, and the signal ends it', async () => {
  const end = new AbortController()
  const incoming = new Incoming<number>(end.signal, 3)
  incoming.push([1, 2, 3, 4])
  const read: number[] = []
  for await (const item of incoming) {
    read.push(item)
    if (item === 4) setImmediate(() => incoming.push([5]))
    if (item === 5) setImmediate(() => end.abort())
  }
  assert.deepEqual(read, [2, 3, 4, 5])
})

test('each attempt waits longer, up to a limit, and the first ones again after a success', () => {
  const backoff = new Backoff(100, 300)
  const times = [backoff.next(), backoff.next(), backoff.next(), backoff.next()]
  const limits = [100, 200, 300, 300]
  for (const [at, ms] of times.entries())
    assert.ok(ms >= (limits[at] ?? 0) / 2 && ms <= (limits[at] ?? 0), `${at}: ${ms}`)
  backoff.reset()
  assert.ok(backoff.next() <= 100)
})
