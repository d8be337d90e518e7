import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JobAnswer, JobView } from '../../../src/wire/jobs.ts'
import {
  countdown,
  duration,
  groupsOf,
  jobKey,
  orderDone,
  schedulersOf,
  silentNodes,
  since,
  totalsOf,
} from './job-groups.ts'

const ANSWERS: readonly JobAnswer[] = [
  { node: 'n10', running: true, jobs: [job({ node: 'n10', tag: 'b' }), job({ node: 'n10', tag: 'a' })] },
  {
    node: 'n2',
    running: false,
    jobs: [
      job({ node: 'n2', tag: 'a', status: 'paused' }),
      job({ node: 'n2', tag: 'a', agent: 'y', index: 2, title: 'Yellow', lastError: 'Error: no' }),
    ],
  },
]

describe('jobs', () => {
  test('stand under their agents and tags, in an order that stays', () => {
    const shown = groupsOf(ANSWERS).map(({ title, tags }) => [
      title,
      tags.map(({ tag, jobs }) => `${tag}: ${jobs.map(({ node }) => node).join(' ')}`),
    ])
    assert.deepEqual(shown, [
      ['Xenon', ['a: n2 n10', 'b: n10']],
      ['Yellow', ['a: n2']],
    ])
    assert.deepEqual(groupsOf(ANSWERS.toReversed()), groupsOf(ANSWERS))
    assert.deepEqual(groupsOf([]), [])
  })

  test('are found by words of their agents, tags and nodes', () => {
    const found = (searched: string) =>
      groupsOf(ANSWERS, searched).flatMap(({ tags }) =>
        tags.flatMap(({ jobs }) => jobs.map(({ node }) => node)),
      )
    assert.deepEqual(found('xeno N10'), ['n10', 'n10'])
    assert.deepEqual(found(' yellow '), ['n2'])
    assert.deepEqual(found('nothing'), [])
  })

  test('are told apart by agent, tag and node; those of the cluster by agent and tag', () => {
    assert.notEqual(jobKey(job({ node: 'n1' })), jobKey(job({ node: 'n2' })))
    assert.notEqual(jobKey(job({ agent: 'a b' })), jobKey(job({ agent: 'a' })))
    assert.equal(jobKey(job({ node: 'n1', scope: 'cluster' })), jobKey(job({ node: 'n2', scope: 'cluster' })))
  })

  test('are counted, and so are nodes that start them', () => {
    assert.deepEqual(totalsOf(ANSWERS), { jobs: 4, running: 0, paused: 1, failing: 1 })
    assert.deepEqual(schedulersOf(ANSWERS), [
      { node: 'n2', isRunning: false },
      { node: 'n10', isRunning: true },
    ])
  })
})

describe('orders about jobs', () => {
  test('are told of when they are done', () => {
    const [first] = ANSWERS
    assert.ok(first)
    assert.equal(orderDone('run', ANSWERS), 'Asked 4 jobs to run')
    assert.equal(orderDone('remove', [{ ...first, jobs: first.jobs.slice(1) }]), 'Deleted 1 job')
    assert.equal(orderDone('stop', ANSWERS), 'Stopped on n10, n2')
    assert.equal(orderDone('start', []), 'No node answered')
  })

  test('do not reach nodes that are silent', () => {
    assert.deepEqual(silentNodes(['n3', 'n2', 'hub', 'hub'], ANSWERS), ['hub', 'n3'])
  })
})

describe('times of jobs', () => {
  test('are counted down in two units', () => {
    const told = (seconds: number) => countdown(seconds * 1000, 0)
    assert.deepEqual([-5, 0, 0.2, 12, 60, 185, 7500, 3600 * 76].map(told), [
      'now',
      'now',
      'in 1 s',
      'in 12 s',
      'in 1 min',
      'in 3 min 5 s',
      'in 2 h 5 min',
      'in 3 d 4 h',
    ])
    assert.deepEqual(
      [since(0, 500), since(0, 12_000), since(0, 86_400_000)],
      ['just now', '12 s ago', '1 d ago'],
    )
  })

  test('that runs took have the digits that count', () => {
    assert.deepEqual([0.4, 35.3, 999, 1234, 185_000].map(duration), [
      '0.4 ms',
      '35 ms',
      '999 ms',
      '1.2 s',
      '3 min 5 s',
    ])
  })
})

function job(other: Partial<JobView>): JobView {
  return {
    agent: 'x',
    index: 1,
    title: 'Xenon',
    node: 'n1',
    tag: 't',
    cron: '* * * * * *',
    limit: 0,
    scope: 'node',
    status: 'waiting',
    runs: 0,
    failures: 0,
    lastRun: null,
    lastDurationMs: null,
    lastError: null,
    nextRun: null,
    ...other,
  }
}
