import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TestGroup, testAgent } from '../testing/group.ts'

describe('a group of agents without traffic', () => {
  test('starts with none, and agents come, change and go', async (t) => {
    const told = await new TestGroup(t).begin()
    const { group } = told
    assert.deepEqual(group.results(), [])
    assert.equal(await group.reload(testAgent(3, 'console.log("one", utils.nodeName())')), undefined)
    assert.equal(group.runs(3), true)
    const broken = testAgent(3, 'throw new Error("no")', { version: 2 })
    assert.match((await group.reload(broken)) ?? '', /no/)
    assert.deepEqual([group.runs(3), group.results()[0]?.agent.version], [true, 1])
    assert.match((await group.reload(testAgent(4, 'var = 1'))) ?? '', /4\.js:1:5/)
    assert.equal(group.runs(4), false)
    await group.remove(3)
    assert.equal(group.runs(3), false)
    assert.deepEqual(told.texts(), ['one hub'])
    assert.equal(told.lines[0]?.node, 'hub')
    assert.deepEqual(group.discrepancies(), [])
  })

  test('runs jobs by the clock, and none of an agent that is gone', async (t) => {
    const told = await new TestGroup(t).begin()
    const job = 'jobs.schedule("j", "* * * * * *", function () { console.log("ran") })'
    await told.group.reload(testAgent(0, job))
    await told.until(() => told.texts().length >= 2)
    await told.group.remove(0)
    await told.group.settled()
    const before = told.texts().length
    await told.group.reload(testAgent(1, job.replace('ran', 'other')))
    await told.until(() => told.texts(1).length >= 2)
    assert.equal(told.texts(0).length, before)
  })

  test('keeps an account of each agent, and begins a new one for another agent in its place', async (t) => {
    const told = await new TestGroup(t).begin()
    const { group } = told
    const speak = testAgent(0, 'console.log(1)\nfunction onLogCall() { console.log(2) }')
    await group.reload(speak)
    await group.settled()
    const [first] = group.results()
    assert.deepEqual([first?.account.calls, first?.account.lines, first?.runs], [1, 2, true])
    await group.remove(0)
    await group.reload(testAgent(0, 'console.log(3)', { id: 'another' }))
    await group.settled()
    const [second] = group.results()
    assert.deepEqual([second?.agent.id, second?.account.calls, second?.account.lines], ['another', 0, 1])
  })

  test('tells agents what the component logs', async (t) => {
    const told = await new TestGroup(t).begin()
    await told.group.reload(
      testAgent(0, 'function onLogCall(level, text) { console.log(level, JSON.parse(text).message) }'),
    )
    told.group.log('warning', 'hub', 'the bus is slow', {})
    await told.group.settled()
    assert.deepEqual(told.texts(), ['info an agent was loaded', 'warning the bus is slow'])
  })

  test('refuses changes once it is closed', async (t) => {
    const told = await new TestGroup(t).begin()
    await told.group.close()
    await assert.rejects(told.group.reload(testAgent(0, 'var a')), /the sandbox was closed/)
  })
})
