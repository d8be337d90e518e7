import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HOST, TestGroup, testAgent } from '../testing/group.ts'
import type { ActionDelivery } from './group.ts'

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

  test('answers nothing any more once it is closed', async (t) => {
    const told = await new TestGroup(t).begin()
    await told.group.reload(testAgent(0, 'function onHubAction() { utils.health() }'))
    told.answer = () => new Promise(() => {})
    const action = told.group.action(delivery('a'))
    await told.until(() => told.calls.length > 0)
    await Promise.all([assert.rejects(action, /the sandbox was closed/), told.group.close()])
    await assert.rejects(told.group.action(delivery('b')), /the sandbox was closed/)
  })

  test('refuses changes once it is closed', async (t) => {
    const told = await new TestGroup(t).begin()
    await told.group.close()
    await assert.rejects(told.group.reload(testAgent(0, 'var a')), /the sandbox was closed/)
  })
})

describe('actions', () => {
  const SAY = 'function onHubAction(action, object, meta) { console.log(action, object, meta) }'

  test('reach every agent on the hub in order, and what they say is told apart', async (t) => {
    const agents = [testAgent(1, SAY), testAgent(0, SAY), testAgent(2, 'var deaf')]
    const told = await new TestGroup(t, { agents }).begin()
    const { id, lines } = await told.group.action(delivery('seen', '{"n":1}'))
    const said = 'seen {"n":1} {"node":"n1","script":7,"title":"sender","time":5}'
    assert.equal(id, 'n1/b/1')
    assert.deepEqual(
      lines.map(({ agent, node, text }) => [agent.index, node, text]),
      [
        [0, 'hub', said],
        [1, 'hub', said],
      ],
    )
    assert.deepEqual(told.texts(), [])
    assert.equal(
      (await told.group.action(delivery('bare'))).lines[0]?.text.startsWith('bare undefined'),
      true,
    )
    await assert.rejects(told.group.action(delivery('bad', '{')), /is not JSON/)
  })

  test('go on with the next agent when one is stopped in the middle', async (t) => {
    const agents = [testAgent(0, 'function onHubAction() { for (;;) {} }'), testAgent(1, SAY)]
    const told = await new TestGroup(t, { agents }).begin()
    const { lines } = await told.group.action(delivery('a'))
    assert.deepEqual(
      lines.map(({ agent }) => agent.index),
      [1],
    )
    assert.match(told.group.results()[0]?.account.stopped ?? '', /CPU time/)
  })

  test('are told of again when the sandbox dies, and nothing of the first time is', async (t) => {
    const wait = `function onHubAction(action, object, meta) {
      console.log(meta.redelivered === true ? 'again' : 'first')
      utils.health()
      console.log('done')
    }`
    const told = await new TestGroup(t, { agents: [testAgent(0, wait), testAgent(1, wait)] }).begin()
    told.answer = ({ agent, during }) => {
      if (agent.index === 1 && during?.attempt === 1) process.kill(told.group.pid ?? 0, 'SIGKILL')
      return '{}'
    }
    const { lines } = await told.group.action(delivery('a'))
    assert.deepEqual(
      lines.map(({ agent, text }) => [agent.index, text]),
      [
        [0, 'again'],
        [0, 'done'],
        [1, 'again'],
        [1, 'done'],
      ],
    )
    assert.deepEqual(told.texts(), [])
    assert.deepEqual(
      told.calls.map(({ during }) => [during?.id, during?.attempt]),
      [1, 1, 2, 2].map((attempt) => ['n1/b/1', attempt]),
    )
    assert.equal(told.group.restarts, 1)
  })

  test('of scripts leave the sandbox where a hub is elsewhere', async (t) => {
    const send = `hub.action('seen', { a: [1], f: function () {} })
      hub.action('bare')
      try { hub.action('full') } catch (error) { console.log(error.message) }
      try { hub.action('big', new Array(1048570).join('ä')) } catch (error) { console.log(error.message) }
      function onHubAction() { console.log('inside') }`
    const told = await new TestGroup(t, { host: { ...HOST, actions: 'outside' } }).begin()
    told.answer = ({ args: [action] }) => {
      if (action === 'full') throw new Error('the outbox is full')
      return undefined
    }
    await told.group.reload(testAgent(0, send))
    await told.group.settled()
    assert.deepEqual(
      told.calls.map(({ path, args, during }) => [path, args, during]),
      [
        ['hub.action', ['seen', '{"a":[1]}'], undefined],
        ['hub.action', ['bare'], undefined],
        ['hub.action', ['full'], undefined],
      ],
    )
    const [full, big, ...more] = told.texts()
    assert.deepEqual([full, more], ['the outbox is full', []])
    assert.match(big ?? '', /the object has \d+ bytes, more than 1048576/)
  })
})

function delivery(action: string, object?: string): ActionDelivery {
  const meta = { node: 'n1', script: 7, title: 'sender', time: 5 }
  return { id: 'n1/b/1', action, meta, ...(object === undefined ? {} : { object }) }
}
