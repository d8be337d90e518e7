import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { TestGroup, testAgent } from '../src/testing/group.ts'
import { runOnSample } from '../src/testing/test-run.ts'

/** The entries of the sample as agents with onItemQueried leave them while they are captured. */
async function captured(t: TestContext, sources: readonly string[], filter = ''): Promise<string[]> {
  const entries: string[] = []
  const result = await runOnSample(t, sources, { query: { filter } }, { entry: (json) => entries.push(json) })
  assert.deepEqual(result.discrepancies, [])
  return entries
}

/** Agents of a worker on which nothing is captured. */
function worker(t: TestContext, ...sources: readonly string[]): Promise<TestGroup> {
  const agents = sources.map((source, index) => testAgent(index, source))
  return new TestGroup(t, { nodeName: 'n', hub: 'never', agents }).begin()
}

const SILENT = 'function onPacketCaptured() {}'

describe('entries that were kept', () => {
  test('are shown by agents as they are while they are captured', async (t) => {
    const agents = [
      // In place, by the old names, and what is not there.
      `function onItemQueried(data, filter) {
        if (data.Request && data.Request.Path) data.Request.Path = data.Request.Path.toUpperCase() + filter
        if (data.request && data.request.headers) data.agent = data.request.headers['USER-AGENT']
        data.Source.Name = data.namespace + data.outgoing + data.src.name
        data.id = 'mine'
      }`,
      'function onItemQueried(data) { if (data.protocol.abbr === "DNS") return null; return test.fail(data) }',
      `function onItemQueried(data) {
        if (data.response && data.response.status === 404) {
          data.response.status = 200
          throw new Error('in the middle')
        }
        if (data.response && data.response.status >= 500) return { response: { status: 1 } }
      }`,
    ]
    const plain = await captured(t, [SILENT])
    const wanted = await captured(t, agents)
    assert.ok(wanted.length > 100 && wanted.length < plain.length)
    const { group } = await worker(t, ...agents)
    const shown = await group.query('', plain)
    assert.equal(shown.length, plain.length)
    assert.deepEqual(
      shown.filter((entry) => entry !== null).map((entry) => JSON.parse(entry.replace('agent 2', '2'))),
      wanted.map((entry) => JSON.parse(entry)),
    )
  })

  test('need no sandbox when no agent has the hook, and are masked all the same', async (t) => {
    const { group } = await worker(t, SILENT)
    process.kill(group.pid ?? 0, 'SIGSTOP')
    const entry = '{"request":{"path":"/a","method":"GET"}}'
    assert.deepEqual(await group.query('', [entry]), [entry])
    assert.deepEqual(await group.query('redact("request.path")', [entry]), [
      '{"request":{"path":"[REDACTED]","method":"GET"}}',
    ])
    await assert.rejects(group.query('redact(', [entry]), { code: 'E_FILTER_SYNTAX' })
  })

  test('wait for the agents that may hide something of them', async (t) => {
    const hide = testAgent(0, 'function onItemQueried(data) { data.request = null }')
    const told = new TestGroup(t, { hub: 'never', agents: [hide] })
    const shown = told.group.query('', ['{"request":1}'])
    await told.begin()
    assert.deepEqual(await shown, ['{"request":null}'])
    const change = told.group.reload(testAgent(0, 'function onItemQueried() { return null }'))
    assert.deepEqual(await told.group.query('', ['{"request":1}']), [null])
    await change
  })

  test('are shown without their bodies when an agent is stopped while it changes them', async (t) => {
    const told = await worker(
      t,
      'function onItemQueried(data) { data.seen = true; if (data.index === 1) for (;;) {} }',
      'function onItemQueried(data) { data.last = true; console.log(data.index) }',
    )
    const entries = [0, 1, 2].map((index) => JSON.stringify({ index, request: { path: '/' }, data: 1 }))
    const shown = (await told.group.query('', entries)).map((entry) => JSON.parse(entry ?? 'null'))
    assert.deepEqual(
      shown.map(({ index, request, seen, last }) => [index, request, seen, last]),
      [
        [0, { path: '/' }, true, true],
        [1, null, undefined, true],
        [2, { path: '/' }, undefined, true],
      ],
    )
    assert.match(shown[1].error.msg, /"agent 0" failed/)
    assert.deepEqual(told.texts(1), ['0', '1', '2'])
    assert.deepEqual(await told.group.query('', ['no JSON', '[]', '7']), [null, null, null])
  })

  test('are shown without their bodies when an agent ends the process while it changes one of them', async (t) => {
    const ends = 'function onItemQueried(data) { data.seen = true; if (data.index === 1) utils.health() }'
    const told = await worker(t, ends, 'function onItemQueried(data) { data.last = true }')
    // Twice while the same agent runs: that is no accident.
    told.answer = () => process.kill(told.group.pid ?? 0, 'SIGKILL')
    const entries = [0, 1].map((index) => JSON.stringify({ index, request: { path: '/' } }))
    const shown = (await told.group.query('', entries)).map((entry) => JSON.parse(entry ?? 'null'))
    assert.deepEqual(
      shown.map(({ index, request }) => [index, request]),
      [
        [0, null],
        [1, null],
      ],
    )
    assert.deepEqual([told.group.results()[0]?.runs, told.group.restarts], [false, 2])
  })

  test('of unknown protocols, and such as are not as they should be, are plain objects for scripts', async (t) => {
    const told = await worker(
      t,
      `function onItemQueried(data) {
        console.log(data.Request.a, data.request.constructor === Object, data.src instanceof Object, data.id)
      }`,
    )
    const entry = {
      id: { no: 'text' },
      src: 5,
      dst: [],
      protocol: { name: 'mine' },
      request: { a: [1, { b: 2 }] },
    }
    assert.deepEqual(await told.group.query('', [JSON.stringify(entry)]), [JSON.stringify(entry)])
    assert.deepEqual(told.texts(), ['[1,{"b":2}] true false {"no":"text"}'])
  })

  test('go through in parts, and lose their bodies when agents make too much of them', async (t) => {
    const told = await worker(
      t,
      `var grown = new Array(1000001).join('x')
      function onItemQueried(data) { data.data = data.index < 50 ? grown : 1 }`,
    )
    const entries = Array.from({ length: 250 }, (_, index) => JSON.stringify({ index }))
    const shown = (await told.group.query('', entries)).map((entry) => JSON.parse(entry ?? 'null'))
    assert.deepEqual(
      shown.map(({ index }) => index),
      [...entries.keys()],
    )
    const [first, last] = [shown[0], shown[49]]
    assert.deepEqual([first.data.length, last.data, shown[249].data], [1_000_000, null, 1])
    assert.match(last.error.msg, /too much/)
    assert.equal(told.group.restarts, 0)
  })
})

test('entries say which worker has captured them', async (t) => {
  const entries: string[] = []
  const address = { worker: '192.0.2.7:48999', ip: '192.0.2.7' }
  const options = { query: { filter: 'http' }, address }
  await runOnSample(t, [SILENT], options, { entry: (json) => entries.push(json) })
  const workers = entries
    .map((entry) => JSON.parse(entry))
    .map(({ id, worker, node }) => [id, worker, node.ip])
  assert.ok(workers.length > 0)
  for (const [id, worker, ip] of workers)
    assert.deepEqual([id.startsWith('192.0.2.7:48999/'), worker, ip], [true, address.worker, address.ip])
})
