import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DAY_MS, nextTimeOfDay, phaseAt } from './recording-schedule.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 2, 1, 22, 30)
const PLAN = { startAt: START, durationMs: 60 * MINUTE, iterations: 1, expirationMs: 120 * MINUTE }

describe('the schedule of a recording', () => {
  test('goes from scheduled over recording and over to expired', () => {
    const at = (minutes: number) => phaseAt(PLAN, START + minutes * MINUTE)
    assert.deepEqual(at(-1), { kind: 'scheduled', startsAt: START })
    assert.deepEqual(at(0), { kind: 'recording', since: START, until: START + 60 * MINUTE })
    assert.equal(at(59.99).kind, 'recording')
    assert.deepEqual(at(60), {
      kind: 'over',
      endedAt: START + 60 * MINUTE,
      expiresAt: START + 180 * MINUTE,
    })
    assert.deepEqual(at(180), { kind: 'expired', expiredAt: START + 180 * MINUTE })
  })

  test('comes again each day, so many times, or without end', () => {
    const thrice = { ...PLAN, iterations: 3 }
    assert.deepEqual(phaseAt(thrice, START + 61 * MINUTE), { kind: 'scheduled', startsAt: START + DAY_MS })
    assert.deepEqual(phaseAt(thrice, START + 2 * DAY_MS + MINUTE), {
      kind: 'recording',
      since: START + 2 * DAY_MS,
      until: START + 2 * DAY_MS + 60 * MINUTE,
    })
    assert.equal(phaseAt(thrice, START + 2 * DAY_MS + 60 * MINUTE).kind, 'over')
    const forever = { ...PLAN, iterations: 0 }
    assert.equal(phaseAt(forever, START + 1000 * DAY_MS).kind, 'recording')
  })

  test('ends where somebody stops it, also before it has begun', () => {
    const stopped = { ...PLAN, iterations: 0, stoppedAt: START + DAY_MS + MINUTE }
    assert.equal(phaseAt(stopped, START + DAY_MS).kind, 'recording')
    assert.partialDeepStrictEqual(phaseAt(stopped, START + DAY_MS + MINUTE), {
      kind: 'over',
      endedAt: START + DAY_MS + MINUTE,
    })
    assert.equal(phaseAt({ ...PLAN, stoppedAt: START - 2 * MINUTE }, START - MINUTE).kind, 'over')
  })

  test('finds the next time of day', () => {
    assert.equal(nextTimeOfDay('22:30', START - 1), START)
    assert.equal(nextTimeOfDay('22:30', START), START)
    assert.equal(nextTimeOfDay('22:30', START + 1), START + DAY_MS)
    assert.equal(nextTimeOfDay('00:05', START), Date.UTC(2026, 2, 2, 0, 5))
  })
})
