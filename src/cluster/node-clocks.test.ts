import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NodeClocks } from './node-clocks.ts'

test('a clock is as far ahead as it says, or is taken for right', () => {
  const news = fc.record({
    happened: fc.integer({ min: 10_000, max: 99_000 }),
    before: fc.nat(500),
    late: fc.nat(900),
  })
  fc.assert(
    fc.property(fc.array(news, { minLength: 1 }), fc.integer({ min: -8000, max: 8000 }), (all, lead) => {
      const clocks = new NodeClocks()
      for (const { happened, before, late } of all) {
        const second = Math.floor((happened + lead) / 1000) * 1000
        clocks.note('one', { low: second, high: second + 999 }, happened - before, happened + late)
      }
      const { low, high } = clocks.of('one')
      if (low !== 0 || high !== 0) assert.ok(low <= lead && lead <= high && (low > 0 || high < 0))
      else assert.ok(Math.abs(lead) < 2500)
      assert.deepEqual(clocks.of('two'), { low: 0, high: 0 })
    }),
  )
})

test('a clock that is set is believed again', () => {
  const clocks = new NodeClocks()
  clocks.note('one', { low: 5000, high: 5999 }, 0, 100)
  assert.deepEqual(clocks.of('one'), { low: 4900, high: 5999 })
  clocks.note('one', { low: 9000, high: 9999 }, 9100, 9300)
  assert.deepEqual(clocks.of('one'), { low: 0, high: 0 })
  clocks.note('one', { low: 5000, high: 5999 }, 0, 100)
  clocks.forget('one')
  assert.deepEqual(clocks.of('one'), { low: 0, high: 0 })
})
