import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { Refusal, retryAfterMs, retryOf, retryOfStatus } from './answer.ts'

describe('whether a call is worth another attempt', () => {
  test('is said by the status', () => {
    for (const status of [408, 425, 429, 500, 502, 503, 504, 507])
      assert.deepEqual(retryOfStatus(status), { when: 'later' }, String(status))
    for (const status of [300, 400, 401, 403, 404, 409, 413, 422, 501, 505])
      assert.deepEqual(retryOfStatus(status), { when: 'never' }, String(status))
    assert.deepEqual(retryOfStatus(503, '2'), { when: 'later', afterMs: 2000 })
  })

  test('and by what kind of error it is', () => {
    assert.deepEqual(retryOf(new Mistake('E_HELPER_REFUSED', 'a grant')), { when: 'never' })
    assert.deepEqual(retryOf(new Mistake('E_HELPER_FAILED', 'connection refused')), { when: 'later' })
    assert.deepEqual(retryOf(new Refusal('', 400, { when: 'never' })), { when: 'never' })
    assert.deepEqual(retryOf(new Error('a bug of ours')), { when: 'later' })
  })

  test('Retry-After has seconds or a date, and no more than an hour counts', () => {
    const now = Date.parse('2026-11-27T10:00:00Z')
    assert.equal(retryAfterMs('120', now), 120_000)
    assert.equal(retryAfterMs('Fri, 27 Nov 2026 10:00:30 GMT', now), 30_000)
    assert.equal(retryAfterMs('Fri, 27 Nov 2026 09:00:00 GMT', now), 0)
    assert.equal(retryAfterMs('999999', now), 3_600_000)
    assert.equal(retryAfterMs('soon', now), undefined)
  })
})
