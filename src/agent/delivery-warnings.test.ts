import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeliveryWarnings } from './delivery-warnings.ts'

test('warnings of queued calls are told once a minute, and not too many of one agent', () => {
  const told: string[] = []
  let now = 5
  const warnings = new DeliveryWarnings({
    tell: ({ title }, text) => told.push(`${title}: ${text}`),
    now: () => now,
  })
  const one = { title: 'one', index: 0, id: 'a' }
  for (let n = 0; n < 1000; n++) warnings.take(one, 'it answered 500')
  warnings.take({ title: 'two', index: 1 }, 'it answered 500')
  assert.deepEqual(told.splice(0), ['one: it answered 500', 'two: it answered 500'])
  for (let n = 0; n < 50; n++) warnings.take(one, `${n}`)
  assert.equal(told.splice(0).length, 9)
  now += 60_000
  warnings.take(one, 'it answered 500')
  assert.deepEqual(told, [
    'one: 1040 more warnings came before, while queued calls of this agent were sent',
    'one: it answered 500',
  ])
})
