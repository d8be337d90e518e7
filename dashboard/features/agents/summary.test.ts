import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { foundAgents, summaryOf } from './summary.ts'
import { testAgent, testState } from './test-agent.ts'

describe('how an agent does', () => {
  test('is the sum over its nodes', () => {
    const summary = summaryOf(
      testAgent({
        nodes: [
          testState({ callsPerSecond: 2, errors: 1, dropped: { stopped: 3, 'queue-full': 1 } }),
          testState({ node: 'hub', component: 'hub', version: 2, callsPerSecond: 0.5 }),
        ],
      }),
    )
    const { word, versions, callsPerSecond, errors, dropped } = summary
    assert.deepEqual([word, versions, callsPerSecond, errors, dropped], ['Running', '1, 2', 2.5, 1, 4])
  })

  test('is as bad as on the worst of them', () => {
    const stopped = testState({ node: 'n2', state: 'stopped', reason: 'too slow' })
    const failed = testState({ node: 'n3', state: 'failed', version: 0, reason: 'no' })
    const of = (...nodes: ReturnType<typeof testState>[]) => summaryOf(testAgent({ nodes }))
    assert.equal(of(testState(), stopped).word, 'Stopped on n2')
    assert.equal(of(testState(), stopped, failed).word, 'Failed on n3')
    assert.equal(of(stopped).reason, 'too slow')
    assert.equal(of().word, 'Starting')
    assert.equal(summaryOf(testAgent({ active: false, nodes: [failed] })).word, 'Inactive')
  })
})

test('agents are found by all words, wherever they are', () => {
  const agents = [
    testAgent({ title: 'Top talkers' }),
    testAgent({ id: 'b', title: 'B', code: 'jobs.schedule("top")' }),
    testAgent({ id: 'c', title: 'C', source: { path: '/x/top.js', hash: '', syncedBy: '' } }),
  ]
  assert.equal(foundAgents(agents, ' TOP ').length, 3)
  assert.deepEqual(
    foundAgents(agents, 'top jobs').map(({ id }) => id),
    ['b'],
  )
  assert.equal(foundAgents(agents, '').length, 3)
})
