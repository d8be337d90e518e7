import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { recordingDraft } from '../../../src/wire/recordings.ts'
import { draftOf, isComplete, nameProblem, newForm, type RecordingForm, summaryOf } from './draft.ts'

const NOW = Date.UTC(2026, 2, 1, 22, 45)

describe('a new recording', () => {
  const form = (change: Partial<RecordingForm> = {}) => ({ ...newForm('http', NOW, []), ...change })

  test('has a name that is free, and can be sent as it is', () => {
    assert.equal(form().name, 'traffic-0301-2245')
    assert.equal(newForm('', NOW, ['traffic-0301-2245', 'traffic-0301-2245-2']).name, 'traffic-0301-2245-3')
    assert.ok(isComplete(form(), []))
  })

  test('is something that the hub takes, whenever it records', () => {
    for (const when of ['now', 'at', 'past'] as const) {
      const made = form({ when, filter: ' dns ', iterations: 0 })
      assert.ok(isComplete(made, []), when)
      const { name, filter, start, lastMinutes, iterations } = recordingDraft.strict().parse(draftOf(made))
      assert.deepEqual([name, filter], ['traffic-0301-2245', 'dns'])
      assert.deepEqual(
        [start, iterations, lastMinutes],
        { now: [undefined, 1, undefined], at: ['23:45', 0, undefined], past: [undefined, 1, 5] }[when],
      )
    }
  })

  test('says what is wrong with its name', () => {
    assert.equal(nameProblem('a-1', []), undefined)
    for (const [name, problem] of [
      ...[
        ['', /needs/],
        ['A', /Lower-case/],
        ['ä', /Lower-case/],
        ['-a', /Lower-case/],
        ['a b', /Lower-case/],
      ],
      ...[
        ['x'.repeat(61), /60/],
        ['taken', /already/],
      ],
    ] as const)
      assert.match(nameProblem(name, ['taken']) ?? '', problem)
  })

  test('cannot be sent with what the hub would refuse', () => {
    for (const change of [
      ...[{ name: '' }, { duration: 0 }, { duration: 1.5 }, { expiration: 0 }, { duration: Number.NaN }],
      ...[
        { when: 'at', start: '' },
        { when: 'at', start: '24:00' },
        { when: 'at', iterations: -1 },
      ],
      ...[
        { when: 'at', iterations: 2, duration: 1441 },
        { when: 'past', lastMinutes: 0 },
      ],
    ] as const) {
      assert.ok(!isComplete(form(change), []), JSON.stringify(change))
      if (!('name' in change)) continue
      assert.equal(recordingDraft.safeParse(draftOf(form(change))).success, false)
    }
  })

  test('says what will happen', () => {
    assert.equal(summaryOf(form(), NOW), 'Records for 4 h from now, until 02:45 UTC; kept for 2 d.')
    assert.equal(
      summaryOf(form({ when: 'at', start: '02:30', iterations: 0, duration: 60 }), NOW),
      'Records every day at 02:30 UTC, for 1 h, first in 4 h; kept for 2 d after the end each time.',
    )
    assert.equal(
      summaryOf(form({ when: 'past' }), NOW),
      'Takes what workers still have of the last 5 min; kept for 2 d.',
    )
  })
})
