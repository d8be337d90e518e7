import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Clock } from './clock.ts'

const NANOS = 1_000_000_000n

test('reads any time in any resolution as exactly as big numbers do', () => {
  const time = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.bigInt({ min: -(2n ** 33n), max: 2n ** 33n }),
      fc.array(time),
      (resolution, offset, times) => {
        const clock = new Clock(resolution, offset)
        const perSecond = resolution < 128 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution - 128)
        // Twice each: the second comes out of what the first left.
        for (const units of times.flatMap((time) => [time, time ^ 1n])) {
          clock.read(Number(units >> 32n), Number(units & 0xffffffffn))
          const seconds = Number(units / perSecond + offset)
          if (Number.isSafeInteger(seconds)) assert.equal(clock.seconds, seconds)
          assert.equal(clock.nanos, Number(((units % perSecond) * NANOS) / perSecond))
        }
      },
    ),
  )
})

test('is not misled by the last nanosecond of a second', () => {
  const clock = new Clock(9, 0n)
  const units = 1_700_000_000_999_999_999n
  clock.read(Number(units >> 32n), Number(units & 0xffffffffn))
  assert.deepEqual([clock.seconds, clock.nanos], [1_700_000_000, 999_999_999])
})
