import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TestGroup, testAgent } from '../testing/group.ts'
import { agentState } from '../wire/agents.ts'
import { jobView as jobViewSchema } from '../wire/jobs.ts'
import { AgentStates, jobView } from './views.ts'

describe('how agents do', () => {
  test('is told of those that are there: sums, and what was added by the second', async (t) => {
    const speak = 'function onHubAction() { console.log(1); throw new Error("x") }'
    const agents = [
      testAgent(0, speak, { version: 4 }),
      testAgent(1, 'throw new Error("no")'),
      testAgent(2, ''),
    ]
    const { group } = await new TestGroup(t, { agents }).begin()
    const states = new AgentStates()
    assert.deepEqual(
      states.of(group.results(), 1000).map(({ id, version, state, calls }) => [id, version, state, calls]),
      [
        ['id-0', 4, 'running', 0],
        ['id-1', 0, 'failed', 0],
        ['id-2', 1, 'running', 0],
      ],
    )
    const meta = { node: 'n', script: 0, title: '', time: 0 }
    for (let n = 0; n < 3; n++) await group.action({ id: String(n), action: 'a', meta })
    await group.remove(2)
    const [first, second, ...more] = agentState.array().parse(states.of(group.results(), 3000))
    assert.deepEqual(more, [])
    assert.deepEqual(
      [first?.calls, first?.callsPerSecond, first?.errors, first?.lines, first?.dropped],
      [3, 1.5, 3, 4, { 'queue-full': 0, stopped: 0 }],
    )
    assert.ok((first?.cpuMs ?? 0) > 0 && (first?.cpu ?? 0) > 0)
    assert.match(second?.reason ?? '', /no/)
  })

  test('is told as often as somebody asks, with rates that are not over a moment', async (t) => {
    const { group } = await new TestGroup(t, {
      agents: [testAgent(0, 'function onHubAction() {}')],
    }).begin()
    const states = new AgentStates()
    const rate = (nowMs: number) => states.of(group.results(), nowMs)[0]?.callsPerSecond
    assert.equal(rate(1000), 0)
    await group.action({ id: '1', action: 'a', meta: { node: 'n', script: 0, title: '', time: 0 } })
    assert.deepEqual([rate(1250), rate(1400), rate(2000), rate(3000)], [4, 2.5, 1, 0])
  })

  test('and their jobs are told by their names', async (t) => {
    const code = 'jobs.schedule("a", "@yearly", function () {}, { scope: "cluster" })'
    const { group } = await new TestGroup(t, { hub: 'always', agents: [testAgent(7, code)] }).begin()
    const { jobs } = await group.jobs({ order: 'list' })
    const views = jobs.map((job) => jobViewSchema.parse(jobView(job, 'n1')))
    assert.deepEqual(
      views.map(({ agent, index, title, node, tag, scope }) => [agent, index, title, node, tag, scope]),
      ['n1', 'hub'].map((node) => ['id-7', 7, 'agent 7', node, 'a', 'cluster']),
    )
  })
})
