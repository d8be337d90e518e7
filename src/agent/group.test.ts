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

  test('takes an agent that throws no error on the hub for one of workers, of which nothing runs here any more', async (t) => {
    const told = await new TestGroup(t).begin()
    const { group } = told
    const job = 'jobs.schedule("j", "0 0 1 1 *", function () {})'
    assert.equal(await group.reload(testAgent(0, job)), undefined)
    const moved = testAgent(0, `${job}; throw 'for workers alone'`, { version: 2 })
    assert.equal(await group.reload(moved), undefined)
    const [result] = group.results()
    assert.deepEqual(
      [result?.declined, result?.loadError, result?.runs],
      ['for workers alone', undefined, false],
    )
    assert.deepEqual((await group.jobs({ order: 'list' })).jobs, [])
    const { level, text } = told.lines.at(-1) ?? {}
    assert.deepEqual([level, text], ['info', 'does not run on the hub: for workers alone'])
    assert.equal(await group.reload(testAgent(0, job, { version: 3 })), undefined)
    assert.equal(group.results()[0]?.runs, true)
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

  test('says which names of env are not set that a script needs, once each', async (t) => {
    const source = `var hook = env.HOOK, team = env.TEAM || 'shop', nobody = env.SET, near = env.SERVER_URI
      if (env.OTHER) console.log(env.IF_OTHER + '')
      console.log(env.HOOK + env.HOOK)`
    const env = { SET: 'x', SERVER_URL: 'http://127.0.0.1', EMPTY: null }
    const agents = [testAgent(0, source), testAgent(1, 'env.EMPTY + 1')]
    const told = await new TestGroup(t, { hub: 'always', host: { ...HOST, env }, agents }).begin()
    const warnings = told.lines
      .filter(({ level }) => level === 'warn')
      .map(({ text, agent }) => [agent.index, text])
    assert.deepEqual(warnings, [
      [0, 'env.HOOK is not set, so it is undefined: set scripting.env.HOOK'],
      [0, 'env.SERVER_URI is not set, so it is undefined: did you mean env.SERVER_URL?'],
      [1, 'env.EMPTY is not set, so it is undefined: set scripting.env.EMPTY'],
    ])
  })

  test('knows where errors arose, and forgets it with the next version', async (t) => {
    const told = await new TestGroup(t).begin()
    const { group } = told
    const failing = 'function onLogCall(level) {\n  if (level !== "debug") nothing.at.all()\n}'
    await group.reload(testAgent(0, failing))
    for (let times = 0; times < 2; times++) group.log('warning', 'hub', 'x', {})
    await group.settled()
    const [fault, ...others] = group.results()[0]?.account.faults ?? []
    assert.match(fault?.message ?? '', /^onLogCall: ReferenceError: nothing is not defined$/)
    assert.deepEqual([fault?.line, fault?.column, fault?.count, others], [2, 26, 3, []])
    assert.deepEqual(told.lines.find(({ level }) => level === 'error')?.place, { line: 2, column: 26 })
    await group.reload(testAgent(0, failing.replace('!==', '==='), { version: 2 }))
    group.log('warning', 'hub', 'x', {})
    await group.settled()
    assert.deepEqual(group.results()[0]?.account.faults, [])
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

describe('jobs of a group', () => {
  /** Runs in a year at the earliest. */
  const NEVER = '0 0 0 1 1 *'

  test('are listed with what has come of them', async (t) => {
    const code = `jobs.schedule('fine', '${NEVER}', function () { console.log('ran') }, 7)
      jobs.schedule('bad', '@yearly', function () { throw new Error('broken') })
      jobs.schedule('once', '${NEVER}', function () {}, 1)`
    const told = await new TestGroup(t, { agents: [testAgent(0, code), testAgent(1, code)] }).begin()
    const { group } = told
    const { running, jobs } = await group.jobs({ order: 'list', index: 1 })
    const never = { runs: 0, failures: 0, lastRun: null, lastDurationMs: null, lastError: null }
    assert.equal(running, true)
    assert.deepEqual(
      jobs.map(({ agent, nextRun, ...job }) => [agent.id, nextRun !== null && nextRun > Date.now(), job]),
      [
        ['fine', NEVER, 7],
        ['bad', '@yearly', 0],
        ['once', NEVER, 1],
      ].map(([tag, cron, limit]) => [
        'id-1',
        true,
        { component: 'hub', tag, cron, limit, scope: 'node', status: 'waiting', ...never },
      ]),
    )
    await group.jobs({ order: 'run', index: 1 })
    await told.until(() => told.lines.some(({ text }) => text.includes('broken')))
    await group.settled()
    const after = (await group.jobs({ order: 'list' })).jobs
    assert.deepEqual(
      after.map(({ agent, tag, runs, failures, status }) => [agent.index, tag, runs, failures, status]),
      [
        [0, 'fine', 0, 0, 'waiting'],
        [0, 'bad', 0, 0, 'waiting'],
        [0, 'once', 0, 0, 'waiting'],
        [1, 'fine', 1, 0, 'waiting'],
        [1, 'bad', 1, 1, 'waiting'],
        [1, 'once', 1, 0, 'finished'],
      ],
    )
    assert.match(after[4]?.lastError ?? '', /broken/)
    assert.equal(after[5]?.nextRun, null)
    assert.ok((after[3]?.lastDurationMs ?? -1) >= 0 && (after[3]?.lastRun ?? 0) > 0)
  })

  test('are listed while one of them runs for long, and which one that is', async (t) => {
    const code = `jobs.schedule('quick', '${NEVER}', function () {})
      jobs.schedule('long', '${NEVER}', function () { utils.health() })`
    const told = await new TestGroup(t, { agents: [testAgent(0, code), testAgent(1, code)] }).begin()
    const { group } = told
    const statuses = async () =>
      (await group.jobs({ order: 'list', index: 1 })).jobs.map(({ tag, status, runs }) => [tag, status, runs])
    assert.deepEqual(await statuses(), [
      ['quick', 'waiting', 0],
      ['long', 'waiting', 0],
    ])
    const end = Promise.withResolvers<string>()
    told.answer = () => end.promise
    await group.jobs({ order: 'run', index: 1, tag: 'long' })
    await told.until(() => told.calls.length > 0)
    assert.deepEqual(await statuses(), [
      ['quick', 'waiting', 0],
      ['long', 'running', 0],
    ])
    end.resolve('{}')
    await group.settled()
    assert.deepEqual(await statuses(), [
      ['quick', 'waiting', 0],
      ['long', 'waiting', 1],
    ])
  })

  test('are removed, paused and started again: all, or those that are meant', async (t) => {
    const code = `jobs.schedule('a', '* * * * * *', function () { console.log('a') })
      jobs.schedule('b', '* * * * * *', function () { console.log('b') })`
    const told = await new TestGroup(t, { agents: [testAgent(0, code)] }).begin()
    const { group } = told
    assert.deepEqual(
      (await group.jobs({ order: 'stop', tag: 'a' })).jobs.map(({ tag }) => tag),
      ['a'],
    )
    await told.until(() => told.texts().length >= 2)
    assert.deepEqual(told.texts().slice(0, 2), ['b', 'b'])
    assert.equal((await group.jobs({ order: 'list', tag: 'a' })).jobs[0]?.status, 'paused')
    await group.jobs({ order: 'start', tag: 'a' })
    await told.until(() => told.texts().includes('a'))
    const stopped = await group.jobs({ order: 'stop' })
    assert.deepEqual(
      [stopped.running, stopped.jobs[1]?.status, stopped.jobs[1]?.nextRun],
      [false, 'paused', null],
    )
    assert.equal((await group.jobs({ order: 'start' })).running, true)
    assert.equal((await group.jobs({ order: 'remove', index: 0, tag: 'b' })).jobs.length, 1)
    assert.deepEqual(
      (await group.jobs({ order: 'list' })).jobs.map(({ tag }) => tag),
      ['a'],
    )
  })

  const CLUSTER = { host: { ...HOST, clusterJobs: true } }

  test('with scope cluster run when it is their turn, and what they say is told apart', async (t) => {
    const code = `var n = 0
      jobs.schedule('c', '* * * * * *', function (who) { console.log(who, ++n); if (n > 1) throw new Error('twice') },
        { scope: 'cluster', limit: 5 }, 'me')
      jobs.schedule('n', '* * * * * *', function () { console.log('on each') }, { scope: 'node' })
      function onJobPassed(tag) { if (tag === 'c') console.log('passed', tag) }`
    const told = await new TestGroup(t, { ...CLUSTER, agents: [testAgent(3, code)] }).begin()
    const { group } = told
    assert.deepEqual(told.jobs, ['+c of 3'])
    assert.deepEqual(
      group.clusterJobs().map(({ agent, cron, limit }) => [agent.id, cron, limit]),
      [['id-3', '* * * * * *', 5]],
    )
    await told.until(() => told.texts().length >= 2)
    assert.deepEqual([...new Set(told.texts())], ['on each'])
    const first = await group.runClusterJob(3, 'c', Date.now())
    assert.deepEqual(
      [first.ok, first.error, first.lines.map(({ text }) => text)],
      [true, undefined, ['me 1', 'passed c']],
    )
    const second = await group.runClusterJob(3, 'c', 86_400_000)
    assert.equal(second.ok, false)
    assert.match(second.error ?? '', /twice/)
    const [job] = (await group.jobs({ order: 'list', tag: 'c' })).jobs
    assert.deepEqual([job?.scope, job?.runs, job?.failures, job?.lastRun], ['cluster', 2, 1, 86_400_000])
    assert.match((await group.runClusterJob(3, 'other', 0)).error ?? '', /no job "other"/)
    assert.deepEqual(
      told.texts().filter((text) => text !== 'on each'),
      [],
    )
  })

  test('that compute for long are told so once', async (t) => {
    const code = `jobs.schedule('c', '${NEVER}', function () {}, { scope: 'cluster' })`
    const { host } = new TestGroup(t).options
    const told = await new TestGroup(t, {
      ...CLUSTER,
      host: { ...host, ...CLUSTER.host, budgets: { ...host.budgets, slowJobMs: 0 } },
      agents: [testAgent(0, code)],
    }).begin()
    const runs = [await told.group.runClusterJob(0, 'c', 0), await told.group.runClusterJob(0, 'c', 1000)]
    const lines = runs.map((run) =>
      run.lines.map(({ level, text }) => `${level}: ${text.replace(/[\d.]+ s/, 'N s')}`),
    )
    assert.deepEqual(lines, [['warn: job "c" takes long, N s this time: all agents here wait for it'], []])
  })

  test('with scope cluster end with the agent that breaks a limit in them', async (t) => {
    const code = `jobs.schedule('c', '${NEVER}', function () { for (;;) {} }, { scope: 'cluster' })`
    const limits = { callMb: 128, hookMs: 150, jobMs: 300 }
    const { sandbox } = new TestGroup(t).options
    const told = await new TestGroup(t, {
      ...CLUSTER,
      sandbox: { ...sandbox, limits },
      agents: [testAgent(0, code)],
    }).begin()
    const run = await told.group.runClusterJob(0, 'c', 0)
    assert.match(run.error ?? '', /stopped: it ran for more than 300 ms/)
    assert.deepEqual(told.jobs, ['+c of 0', '-c of 0'])
  })

  test('with scope cluster are told of as agents come, change and go', async (t) => {
    const told = await new TestGroup(t, CLUSTER).begin()
    const { group } = told
    const scheduling = (...tags: readonly string[]) =>
      tags
        .map((tag) => `jobs.schedule('${tag}', '${NEVER}', function () {}, { scope: 'cluster' })`)
        .join('\n')
    await group.reload(testAgent(0, scheduling('a', 'b')))
    await group.reload(testAgent(0, `${scheduling('c')}; throw new Error('no')`))
    await group.reload(testAgent(0, scheduling('b', 'c')))
    await group.jobs({ order: 'remove', tag: 'c' })
    process.kill(group.pid ?? 0, 'SIGKILL')
    await told.until(() => group.restarts === 1)
    await group.settled()
    await group.jobs({ order: 'list' })
    await group.remove(0)
    const changes = ['+a', '+b', '+b', '+c', '-a', '-c', '+b', '+c', '-b', '-c']
    assert.deepEqual(
      told.jobs,
      changes.map((change) => `${change} of 0`),
    )
  })

  test('with scope cluster run like all others where there is no cluster', async (t) => {
    const code = `jobs.schedule('c', '* * * * * *', function () { console.log('c') }, { scope: 'cluster' })`
    const told = await new TestGroup(t, { agents: [testAgent(0, code)] }).begin()
    await told.until(() => told.texts().length > 0)
    assert.deepEqual(told.jobs, [])
  })

  test('refuse options that there are not', async (t) => {
    const told = await new TestGroup(t).begin()
    for (const [option, why] of [
      ['{ scop: "cluster" }', /no option "scop"/],
      ['{ scope: "world" }', /scope must be/],
      ['{ limit: "3" }', /limit must be/],
    ] as const) {
      const code = `jobs.schedule('a', '* * * * * *', function () {}, ${option})`
      assert.match((await told.group.reload(testAgent(0, code))) ?? '', why)
    }
  })

  test('are told of outside when scripts order them, as that means all nodes', async (t) => {
    const own = `jobs.schedule('mine', '${NEVER}', function () {})
      jobs.run('mine'); jobs.run('other'); jobs.run('other'); jobs.scheduler.stop(); jobs.scheduler.start()
      jobs.removeAll()`
    const told = await new TestGroup(t, { ...CLUSTER, agents: [testAgent(4, own)] }).begin()
    assert.deepEqual(told.orders, [
      { order: 'run', index: 4, tag: 'mine' },
      { order: 'run', tag: 'other' },
      { order: 'stop' },
      { order: 'start' },
      { order: 'remove' },
    ])
  })

  test('can be ordered about only so often at once', async (t) => {
    const flood = `try { for (var n = 0; n < 5000; n++) jobs.run('j' + n) } catch (error) { console.log(n, error.message) }`
    const told = await new TestGroup(t, { ...CLUSTER, agents: [testAgent(0, flood)] }).begin()
    assert.deepEqual([told.texts(), told.orders.length], [['2000 too many orders and jobs at once'], 2000])
  })

  test('of others can be put out of reach', async (t) => {
    const host = { ...HOST, jobsAcrossAgents: false }
    const theirs = `jobs.schedule('theirs', '${NEVER}', function () {})`
    const meddling = `jobs.schedule('mine', '${NEVER}', function () {})
      jobs.remove('theirs'); jobs.removeAll()
      try { jobs.scheduler.stop() } catch (error) { console.log(error.message) }`
    const told = await new TestGroup(t, {
      host,
      agents: [testAgent(0, theirs), testAgent(1, meddling)],
    }).begin()
    assert.match(told.texts()[0] ?? '', /scripting\.jobsAcrossAgents forbids/)
    const { running, jobs } = await told.group.jobs({ order: 'list' })
    assert.deepEqual([running, jobs.map(({ tag }) => tag)], [true, ['theirs']])
  })
})

function delivery(action: string, object?: string): ActionDelivery {
  const meta = { node: 'n1', script: 7, title: 'sender', time: 5 }
  return { id: 'n1/b/1', action, meta, ...(object === undefined ? {} : { object }) }
}

describe('what agents hold', () => {
  test('is measured when somebody asks', async (t) => {
    const hoard =
      'var all = []; for (var n = 0; n < 200000; n++) all.push({ n: n }); function onLogCall() { return all }'
    const told = await new TestGroup(t, {
      agents: [testAgent(0, 'var nothing'), testAgent(1, hoard)],
    }).begin()
    await told.group.measure()
    const [little, much] = told.group.results().map(({ account }) => account.heapBytes)
    assert.ok((much ?? 0) > 4e6 && (little ?? 0) > 0 && (much ?? 0) > 2 * (little ?? 0), `${little}, ${much}`)
  })
})
