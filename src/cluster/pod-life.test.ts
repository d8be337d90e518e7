import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from './objects.ts'
import { podLife } from './pod-life.ts'
import { aPod, change, START, seconds } from './test-objects.ts'

const AT = START + 100_000
const ended = (ms: number) => ({
  terminated: { startedAt: seconds(START + 1000), finishedAt: seconds(START + ms) },
})

function life(status: Record<string, unknown>, metadata: Record<string, unknown> = {}) {
  return podLife(change('pod', 'MODIFIED', AT, aPod('p', '10.0.0.1', { status, metadata })).object as Pod, AT)
}

test('a pod lives from when the kubelet took it on, until its last container has ended for good', () => {
  const GOING = { deletionTimestamp: seconds(START + 60_000) }
  const two = [
    { name: 'a', state: ended(20_000) },
    { name: 'b', state: ended(30_000) },
  ]
  assert.deepEqual(life({ containerStatuses: two }, GOING), {
    ...{ begin: START, running: START + 1999, isEnding: true },
    end: { low: START + 30_000, high: START + 30_999 },
  })
  assert.equal(life({ containerStatuses: two }).end, undefined, 'they are started again')
  assert.deepEqual(life({ containerStatuses: two, phase: 'Failed' }).end?.low, START + 30_000)
  const oneGoesOn = [two[0], { name: 'b', state: { running: { startedAt: seconds(START) } } }]
  assert.equal(life({ containerStatuses: oneGoesOn }, GOING).end, undefined)
  const sidecar = [{ name: 's', state: { running: { startedAt: seconds(START) } } }]
  assert.equal(life({ containerStatuses: two, initContainerStatuses: sidecar }, GOING).end, undefined)
  const init = [{ name: 'i', state: ended(500) }]
  assert.equal(life({ containerStatuses: two, initContainerStatuses: init }, GOING).end?.low, START + 30_000)
})

test('of a pod that tells no times of its life the time counts when it was told of', () => {
  const { begin, end, isEnding } = life({ startTime: undefined, phase: 'Failed' })
  assert.deepEqual([begin, isEnding, end?.high], [AT, true, AT])
  assert.equal(life({ startTime: 'soon' }).begin, AT)
  assert.equal(life({ startTime: undefined }, { creationTimestamp: seconds(START) }).begin, START)
})
