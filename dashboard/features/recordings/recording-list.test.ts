import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RecordingView } from '../../../src/wire/recordings.ts'
import { found, lossesOf, nextStep, progress, scheduleOf } from './recording-list.ts'

const NOW = Date.UTC(2026, 2, 1, 12, 0)
const MINUTE = 60_000

describe('the list of recordings', () => {
  test('is searched by name, filter and who made them', () => {
    const all = [
      recording({ name: 'errors', filter: 'status >= 500' }),
      recording({ name: 'dns', createdBy: 'Ann' }),
    ]
    const names = (text: string) => found(all, text).map(({ name }) => name)
    assert.deepEqual(names(''), ['errors', 'dns'])
    assert.deepEqual(names(' STATUS '), ['errors'])
    assert.deepEqual(names('ann'), ['dns'])
    assert.deepEqual(names('none'), [])
  })

  test('says what comes next for each', () => {
    const step = (change: Partial<RecordingView>) => nextStep(recording(change), NOW)
    assert.equal(step({ state: 'recording', until: NOW + 12 * MINUTE }), '12 min left')
    assert.equal(step({ state: 'recording', until: null }), 'is being ended')
    assert.equal(step({ state: 'scheduled', nextStart: NOW + 3 * 60 * MINUTE }), 'starts in 3 h')
    assert.equal(step({ state: 'done', end: NOW, expires: NOW + 2880 * MINUTE }), 'kept for 2 d')
    assert.equal(step({ state: 'expired' }), 'deleted')
    assert.equal(step({ state: 'recording', until: NOW - 5 }), '1 s left')
  })

  test('shows how far it has come', () => {
    assert.equal(
      progress(recording({ state: 'recording', until: NOW + 3 * MINUTE, duration: 12 }), NOW),
      0.75,
    )
    assert.equal(progress(recording({ state: 'done', until: null }), NOW), undefined)
  })

  test('says when each records, and what was lost', () => {
    const start = Date.UTC(2026, 2, 1, 2, 30)
    assert.equal(scheduleOf(recording({ duration: 1530 })), 'once, for 1 d 1 h 30 min')
    assert.equal(
      scheduleOf(recording({ iterations: 0, start, duration: 60 })),
      'every day at 02:30 UTC, for 1 h',
    )
    assert.equal(scheduleOf(recording({ iterations: 3, start })), 'on 3 days at 02:30 UTC, for 10 min')
    assert.equal(scheduleOf(recording({ lastMinutes: 5 })), 'the last 5 min before')
    assert.equal(lossesOf(recording({})), undefined)
    assert.equal(
      lossesOf(recording({ lostEntries: 1, cutConnections: 1200 })),
      '1 entry came too fast to be kept; of 1,200 connections the first packets were gone already',
    )
  })
})

function recording(change: Partial<RecordingView>): RecordingView {
  return {
    ...{
      name: 'one',
      filter: '',
      state: 'recording',
      reason: '',
      createdAt: NOW,
      createdBy: 'me',
      nodes: [],
    },
    ...{ start: NOW, end: null, nextStart: null, until: null, expires: null, lastMinutes: null },
    ...{ iterations: 1, duration: 10, expiration: 60, entries: 0, packets: 0, bytes: 0 },
    ...{ lostEntries: 0, cutConnections: 0 },
    ...change,
  }
}
