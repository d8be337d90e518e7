import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { configOf } from '../cli/options.ts'
import { cluster, clusterCounter, clusterQuantile, clusterTopk, clusterUnique } from '../helpers/cluster.ts'
import { allHelpers } from '../helpers/dispatch.ts'
import { SharedState } from '../store/shared-state.ts'
import { TestGroup, testAgent } from '../testing/group.ts'
import { packetBatches, TestSandbox } from '../testing/sandbox.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { HelperBroker } from './broker.ts'

/** Agents in a sandbox with all that answers them. */
async function open(t: TestContext, ...sources: readonly string[]) {
  const folder = await tempFolder(t)
  const { config } = configOf({ set: [`scripting.data=${join(folder, 'data')}`] })
  const shared = new SharedState({ node: 'hub', boot: 'b1' })
  const link = {
    action() {},
    alert() {},
    targeted: () => ({ targets: [], excluded: [] }),
    health: () => ({}),
  }
  const broker = new HelperBroker({ config, nodeName: 'hub', link, shared })
  t.after(() => broker.close())
  const told = new TestGroup(t, { agents: sources.map((source, at) => testAgent(at, source)) })
  told.answer = (call) => broker.call(call)
  told.onShared = (...added) => broker.share(...added)
  await told.begin()
  return { told, shared, of: (index: number) => shared.of({ id: `id-${index}`, title: `agent ${index}` }) }
}

const META = { node: 'n1', script: 7, title: 'sender', time: 5 }

describe('cluster.* in the sandbox', () => {
  test('runs every example', async (t) => {
    const namespaces = [cluster, clusterCounter, clusterTopk, clusterUnique, clusterQuantile]
    const examples = [...allHelpers(namespaces)].map(([, { example }]) => example)
    assert.equal(examples.length, 13)
    const { told } = await open(t, ...examples)
    await told.group.settled()
    const problems = told.lines.filter(({ level }) => level === 'error' || level === 'warn')
    assert.deepEqual(problems, [])
    assert.ok(told.group.results().every(({ runs }) => runs))
    const said = told.texts()
    for (const line of [
      'nodes have started 1 times',
      '/cart 3',
      '1 users',
      '99 of 100 take no more than 12 ms',
    ])
      assert.ok(said.includes(line), `${line} in ${said.join('\n')}`)
  })

  test('lets an agent read at once what it has added, and others what is theirs', async (t) => {
    const { told } = await open(
      t,
      `cluster.counter.add('n'); cluster.counter.add('n', 2.5)
      console.log(cluster.counter.value('n'), cluster.counter.value('m'))
      cluster.counter.add('n', -1)
      console.log(cluster.counter.value('n'))
      cluster.unique.add('u', 5); cluster.unique.add('u', '5'); cluster.unique.add('u', { a: 1 })
      cluster.topk.add('k', 7); cluster.topk.add('k', 'x', 2)
      cluster.quantile.add('q', 3); cluster.quantile.add('q', -3)
      console.log(cluster.unique.count('u'), cluster.topk.top('k'), cluster.quantile.at('q', 0), cluster.quantile.summary('q').sum)
      cluster.counter.reset('n')
      console.log(cluster.counter.value('n'), cluster.quantile.summary('none'))`,
      `console.log(cluster.counter.value('n'), cluster.unique.count('u', { agent: 'agent 0' }))`,
    )
    assert.deepEqual(told.texts(), [
      '3.5 0',
      '2.5',
      '2 [{"key":"x","count":2,"error":0},{"key":"7","count":1,"error":0}] -3 0',
      '0 null',
      '0 2',
    ])
  })

  test('says what it does not take', async (t) => {
    const { told } = await open(
      t,
      `function attempt(run) { try { run() } catch (error) { console.log(error instanceof Error, error.message) } }
      attempt(function () { cluster.counter.add('n', NaN) })
      attempt(function () { cluster.counter.add('n', '1') })
      attempt(function () { cluster.counter.add('', 1) })
      attempt(function () { cluster.counter.add(new Array(102).join('n')) })
      attempt(function () { cluster.topk.add('k', 'x', 0) })
      attempt(function () { cluster.topk.add('k', new Array(130).join('k')) })
      attempt(function () { cluster.quantile.add('q', Infinity) })
      attempt(function () { cluster.quantile.add('q', 'fast') })
      attempt(function () { cluster.unique.add('u', new Array(65538).join('u')) })
      attempt(function () { cluster.counter.add() })
      attempt(function () { for (var n = 0; n < 1001; n++) cluster.counter.add('n' + n) })
      attempt(function () { cluster.topk.top('k', 0) })
      attempt(function () { cluster.quantile.at('q', 2) })`,
    )
    assert.deepEqual(told.texts(), [
      'true cluster.counter.add(name, by?): by: expected a finite number, found NaN',
      'true cluster.counter.add(name, by?): by: expected a finite number, found NaN',
      'true cluster.counter.add(name, by?): name: it is empty',
      'true cluster.counter.add(name, by?): name: 101 characters are more than 100',
      'true cluster.topk.add(name, key, by?): by: expected more than 0, found 0',
      'true cluster.topk.add(name, key, by?): key: 129 characters are more than 128',
      'true cluster.quantile.add(name, value): value: expected a finite number, found Infinity',
      'true cluster.quantile.add(name, value): value: expected a finite number, found NaN',
      'true cluster.unique.add(name, value): value: 65537 characters are more than 65536',
      'true cluster.counter.add(name, by): name is missing',
      'true cluster.counter.add(name, by?): name: an agent has 1000 names for it at most',
      'true cluster.topk.top(name, k?, from?): k: expected at least 1, found 0',
      'true cluster.quantile.at(name, q, from?): q: expected at most 1, found 2',
    ])
  })

  test('keeps what an agent has added before it was stopped', async (t) => {
    const { told, of } = await open(
      t,
      `function onHubAction() { cluster.counter.add('n', 5); for (;;) {} }`,
      `function onHubAction() { cluster.counter.add('n', 7) }`,
    )
    await told.group.action({ id: 'n/1/1', action: 'a', meta: META })
    assert.deepEqual([of(0).counter('n'), of(1).counter('n')], [5, 7])
  })

  test('adds what an action brings once, also when the sandbox dies in the middle, and when it is delivered again', async (t) => {
    const source = `function onHubAction() {
      cluster.counter.add('orders')
      console.log(cluster.counter.value('orders'))
      cluster.counter.add('orders')
      utils.health()
      cluster.counter.add('orders')
    }`
    const { told, of } = await open(t, source, source)
    const { answer } = told
    let deaths = 0
    told.answer = (call) => {
      if (call.path === 'utils.health' && call.agent.index === 1 && deaths++ === 0)
        process.kill(told.group.pid ?? 0, 'SIGKILL')
      return answer(call)
    }
    await told.group.action({ id: 'n/1/1', action: 'a', meta: META })
    assert.equal(told.group.restarts, 1)
    assert.deepEqual([of(0).counter('orders'), of(1).counter('orders')], [3, 3])
    await told.group.action({ id: 'n/1/1', action: 'a', meta: META })
    assert.deepEqual([of(0).counter('orders'), of(1).counter('orders')], [3, 3])
    await told.group.action({ id: 'n/1/2', action: 'a', meta: META })
    assert.deepEqual([of(0).counter('orders'), of(1).counter('orders')], [6, 6])
  })

  test('crosses once a frame, and not at all for agents that share nothing', async (t) => {
    const sandbox = new TestSandbox()
    t.after(() => sandbox.process.close())
    await sandbox.start(
      `function onPacketCaptured(info) { cluster.counter.add('packets'); cluster.quantile.add('length', info.length) }`,
      `var n = 0; function onPacketCaptured() { n++ }`,
    )
    await Promise.all(sandbox.send(packetBatches(3, 100)))
    const shared = sandbox.acks.flatMap((ack) => ack.shared ?? [])
    assert.deepEqual(
      shared.map(({ slot, deltas }) => [slot, deltas.map(({ kind, name }) => `${kind} ${name}`)]),
      Array(3).fill([0, ['counter packets', 'quantile length']]),
    )
    assert.deepEqual(
      shared.map(({ deltas }) => deltas[0]?.value),
      [100, 100, 100],
    )
    const idle = new TestSandbox()
    t.after(() => idle.process.close())
    await idle.start(`var n = 0; function onPacketCaptured() { n++ }`)
    await Promise.all(idle.send(packetBatches(1, 10)))
    assert.ok(idle.acks.every((ack) => !('shared' in ack)))
  })
})
