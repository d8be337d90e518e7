import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Delivery } from './delivery.ts'

test('what came and what did not is known of the last minute, and no longer', () => {
  const delivery = new Delivery()
  assert.deepEqual(delivery.lastMinute(0), { shown: 0, dropped: 0 })
  delivery.note(80, 0, 1_000)
  delivery.note(3, 17, 1_500)
  delivery.note(100, 0, 40_000)
  assert.deepEqual(delivery.lastMinute(59_000), { shown: 183, dropped: 17 })
  assert.deepEqual(delivery.lastMinute(61_000), { shown: 100, dropped: 0 })
  assert.deepEqual(delivery.lastMinute(200_000), { shown: 0, dropped: 0 })
})
