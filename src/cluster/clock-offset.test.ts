import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClockOffset } from './clock-offset.ts'

test('times of a clock that is ahead or behind are mended by what came the shortest way', () => {
  const NOW = 1_000_000
  const none = new ClockOffset()
  assert.equal(none.ms, 0)
  for (const way of [20, 120, 90, 60_000]) none.note(NOW - way, NOW)
  assert.equal(none.ms, 0, 'the clocks agree')
  const ahead = new ClockOffset()
  for (const way of [20, 120, 60_000]) ahead.note(NOW + 10_000 - way, NOW)
  assert.equal(ahead.ms, -9980)
  const little = new ClockOffset()
  for (const way of [20, 120, 60_000]) little.note(NOW + 200 - way, NOW)
  assert.equal(little.ms, -180)
  const behind = new ClockOffset()
  for (const way of [60_000, 50, 120]) behind.note(NOW - 5000 - way, NOW)
  assert.equal(behind.ms, 5050)
  for (let at = 0; at < 300; at++) behind.note(NOW - 10, NOW)
  assert.equal(behind.ms, 0, 'it was set right')
})
