import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { openLocalBus } from '../bus/local.ts'
import { readPart } from '../shared-state/part.ts'
import { SharedState } from '../store/shared-state.ts'
import { HOST, TestGroup, testAgent } from '../testing/group.ts'
import { UnsureStream } from '../testing/unsure-stream.ts'
import { until } from '../testing/until.ts'
import { decode } from '../wire/codec.ts'
import { consoleLine } from '../wire/console.ts'
import { BUCKETS } from '../wire/subjects.ts'
import { ConsoleOut } from './console-out.ts'
import { Fleet } from './fleet.ts'
import { NodeAgents } from './node-agents.ts'
import { STREAM_OPTIONS } from './streams.ts'

describe('the agents of a node, while the bus is away', () => {
  test('are told of an action once, and what they print arrives', async (t) => {
    const { agents, stream, texts } = await started(t, RECEIVER)
    stream.fails = () => (stream.attempts <= 3 ? 'before' : 'no')
    await agents.deliver(ACTION, false, new AbortController().signal)
    assert.deepEqual(await texts(), ['got 1'])
    await agents.deliver({ ...ACTION, id: 'n1/b1/2' }, false, new AbortController().signal)
    assert.deepEqual(await texts(), ['got 1', 'got 2'])
  })

  test('leave an action to the next hub when this one ends', async (t) => {
    const { agents, stream } = await started(t, RECEIVER)
    stream.fails = () => 'before'
    const ending = new AbortController()
    const delivered = agents.deliver(ACTION, false, ending.signal)
    await Promise.all([
      assert.rejects(delivered, /enough/),
      until(() => stream.attempts > 0).then(() => ending.abort(new Error('enough'))),
    ])
  })

  test('have run their jobs of the cluster well, and what they print arrives', async (t) => {
    const { agents, stream, texts } = await started(t, TICKER)
    stream.fails = () => (stream.attempts <= 3 ? 'before' : 'no')
    await until(async () => (await texts()).length >= 2)
    assert.equal(agents.group.results()[0]?.runs, true)
    assert.equal(agents.counters['cluster_jobs.failures'], 0)
    const [first, second] = await texts()
    assert.deepEqual([first, second], ['tick 1', 'tick 2'])
  })

  test('have written what a job of the cluster has shared before it counts as done', async (t) => {
    const { agents, values, texts } = await started(t, TICKER)
    await until(async () => (await texts()).length >= 2)
    const [first] = await values()
    assert.ok(Number(first) >= 1, `${first}`)
    assert.equal(agents.counters['cluster_jobs.failures'], 0)
  })
})

const RECEIVER = `var calls = 0
function onHubAction() { console.log('got ' + ++calls) }`
const TICKER = `var runs = 0
jobs.schedule('tick', '* * * * * *', function () {
  console.log('tick ' + ++runs)
  cluster.counter.add('ticks')
}, { scope: 'cluster' })`
const ACTION = { id: 'n1/b1/1', node: 'n1', agent: 'a', index: 0, title: 'A', at: 0, action: 'x' }

async function started(t: TestContext, code: string) {
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  const stream = new UnsureStream(await bus.stream(STREAM_OPTIONS.console))
  const console = new ConsoleOut(stream, 'hub', 'boot')
  const fleet = new Fleet(bus)
  t.after(() => fleet.close())
  const cluster = await bus.bucket({ name: BUCKETS.cluster })
  const shared = new SharedState({ node: 'hub', boot: 'boot', bucket: cluster, flushMs: 3600_000 })
  t.after(() => shared.close())
  const told = new TestGroup(t, { host: { ...HOST, clusterJobs: true } })
  const agents = new NodeAgents({
    component: 'hub',
    node: 'hub',
    boot: 'boot',
    bus,
    fleet,
    jobs: await bus.bucket({ name: BUCKETS.jobs }),
    shared,
    console,
    note: () => {},
    open: (observer) => {
      told.clusterJob = observer.clusterJob
      told.onShared = ({ id = '', title }, deltas, errand) =>
        shared.apply({ id, title }, deltas, errand === undefined ? {} : { id: errand })
      return told.group
    },
  })
  t.after(() => agents.close())
  await told.begin()
  await told.group.reload(testAgent(0, code))
  const texts = async () => {
    const found: string[] = []
    const { signal } = new AbortController()
    for await (const { payload } of stream.read({ sinceMs: 0, follow: false, signal }))
      found.push(...(decode(z.array(consoleLine), payload) ?? []).map(({ text }) => text))
    return found
  }
  /** As they are in the bucket. */
  const values = async () => {
    const parts = await Promise.all((await cluster.keys()).map((key) => cluster.get(key)))
    return parts.map((part) => part && readPart(part.value)?.value.toJSON())
  }
  return { agents, stream, texts, values }
}
