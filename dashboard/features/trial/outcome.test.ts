import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { trialOutcomeOf } from '../../../src/testing/trial-outcome.ts'
import type { Effect } from '../../../src/wire/trials.ts'
import { consoleOf, costOf, findingsOf, prettyJson, shortValue } from './outcome.ts'

const effect = (kind: Effect['kind']): Effect => ({
  ...{ helper: 'h', kind, target: 't', arguments: [], answer: null, at: 0, node: 'n', title: 't' },
})

describe('what comes of a trial', () => {
  test('is told in a few words, the worst first', () => {
    const source = { ...trialOutcomeOf().source, entries: 349 }
    const words = (changes: Parameters<typeof trialOutcomeOf>[0]) =>
      findingsOf(trialOutcomeOf({ source, ...changes })).map(({ text }) => text)
    assert.deepEqual(words({}), ['Ran without errors', '349 entries', '1 ms'])
    const calls = [{ node: 'n', name: 'onItemCaptured', calls: 5, errors: 2, micros: 10 }]
    const faults = [{ line: 1, column: 1, message: 'x', count: 2 }]
    assert.deepEqual(words({ calls, faults }), ['Has errors', '349 entries', '2 errors at 1 place', '1 ms'])
    const list = [effect('network'), effect('file'), effect('file')]
    assert.deepEqual(words({ effects: { list, dropped: 0 } }), [
      'Ran without errors',
      '349 entries',
      '1 request not sent',
      '2 file operations',
      '1 ms',
    ])
    assert.equal(words({ loadError: 'no' })[0], 'Does not load')
    assert.equal(words({ stopped: 'no', ended: 'time' })[0], 'Was stopped')
    assert.equal(words({ ended: 'time' })[0], 'Ended after 30 seconds')
  })

  test('costs a share of what is allowed', () => {
    const fate = { received: 100, delivered: 100, dropped: 0 }
    const outcome = trialOutcomeOf({
      calls: [
        { node: 'n', name: 'onItemCaptured', calls: 100, errors: 0, micros: 1_500_000 },
        { node: 'n', name: 'onItemQueried', calls: 1, errors: 0, micros: 10 },
        { node: 'n', name: 'job "a"', calls: 2, errors: 0, micros: 6_000_000 },
        { node: 'n', name: 'loading', calls: 0, errors: 0, micros: 9_000_000 },
      ],
      events: { entries: fate, packets: { ...fate, delivered: 0 } },
      cost: {
        ...trialOutcomeOf().cost,
        ...{ microsPerEvent: 15_000, heapBytes: 32 << 20, peakBytes: 100 << 20 },
      },
    })
    const lines = costOf(outcome)
    assert.deepEqual(
      lines.map(({ label, value, share }) => [label, value, share]),
      [
        ['For each entry', '15 ms', undefined],
        ['Slowest hook, on average', '15 ms', 0.1],
        ['Slowest job, on average', '3 s', 0.1],
        ['Memory that it holds', '32 MiB', 0.5],
        ['Memory of the sandbox, at most', '100 MiB', undefined],
        ['Time in the agent', '0 ms', undefined],
      ],
    )
    assert.match(lines[0]?.words ?? '', /At 100 a second this takes 150 % of one core/)
  })

  test('has lines that consoles can show, with where errors arose', () => {
    const line = {
      level: 'error',
      text: 'no (T.js:2:3)',
      at: 5,
      node: 'n',
      place: { line: 2, column: 3 },
    } as const
    const [kept] = consoleOf(trialOutcomeOf({ console: { lines: [line], dropped: 0 } }))
    assert.deepEqual(kept?.line.place, { line: 2, column: 3 })
    assert.equal(kept?.ofAgent, 1)
  })

  test('has values that may be cut, and are shown then as they are', () => {
    assert.equal(prettyJson('{"a":1}'), '{\n  "a": 1\n}')
    assert.equal(prettyJson('{"a":…'), '{"a":…')
    assert.equal(shortValue('"text"'), 'text')
    assert.equal(shortValue('{"a":1}'), '{"a":1}')
  })
})
