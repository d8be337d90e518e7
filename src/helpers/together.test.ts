import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { PartlyFailed, Refusal } from './answer.ts'
import { sendTogether } from './together.ts'

/** Somebody who refuses requests with any of these in them, and keeps the rest. */
function receiver(bad: readonly number[], status = 400) {
  const requests: (readonly number[])[] = []
  const kept = new Set<number>()
  const send = async (calls: readonly number[]) => {
    requests.push(calls)
    if (calls.some((call) => bad.includes(call))) throw new Refusal('no', status, { when: 'never' })
    for (const call of calls) kept.add(call)
  }
  return { requests, kept, send }
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)
const outcome = (work: Promise<void>) => work.catch((error: unknown) => error)

describe('calls that are sent together', () => {
  test('go in one request, and in one for each of those that are not alike', async () => {
    const { requests, send } = receiver([])
    await sendTogether({ calls: upTo(6), alike: () => '', send })
    await sendTogether({ calls: upTo(6), alike: (call) => String(call % 2), send })
    assert.deepEqual(requests, [
      [0, 1, 2, 3, 4, 5],
      [0, 2, 4],
      [1, 3, 5],
    ])
  })

  test('arrive but for those at fault, which are named', async () => {
    const { requests, kept, send } = receiver([3, 700])
    const error = await outcome(sendTogether({ calls: upTo(1000), alike: () => '', send }))
    assert.ok(error instanceof PartlyFailed)
    assert.deepEqual([...error.failures.keys()], [3, 700])
    assert.equal(error.message, '2 of 1000 calls were refused')
    assert.equal(kept.size, 998)
    assert.ok(requests.length < 45, String(requests.length))
  })

  test('are not sent again and again when most are at fault', async () => {
    const { requests, send } = receiver(upTo(1000))
    const error = await outcome(sendTogether({ calls: upTo(1000), alike: () => '', send }))
    assert.ok(error instanceof PartlyFailed)
    assert.equal(error.failures.size, 1000)
    assert.ok(requests.length <= 65, String(requests.length))
  })

  test('fail as one where the refusal is about whoever sends', async () => {
    const { requests, send } = receiver([1], 401)
    const error = await outcome(sendTogether({ calls: upTo(10), alike: () => '', send }))
    assert.ok(error instanceof Refusal)
    assert.equal(requests.length, 1)
  })

  test('of two receivers, fail for the one that is not there', async () => {
    const gone = new Mistake('E_HELPER_FAILED', 'connection refused')
    const error = await outcome(
      sendTogether({
        calls: upTo(4),
        alike: (call) => String(call % 2),
        send: (calls) => (calls.includes(1) ? Promise.reject(gone) : Promise.resolve()),
      }),
    )
    assert.ok(error instanceof PartlyFailed)
    assert.deepEqual(
      [...error.failures],
      [
        [1, gone],
        [3, gone],
      ],
    )
  })
})
