import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { configOf } from '../cli/options.ts'
import { allHelpers } from '../helpers/dispatch.ts'
import { prometheus } from '../helpers/prometheus/index.ts'
import { openMetrics } from '../metrics/metrics.ts'
import { startOpsServer } from '../metrics/server.ts'
import { TestGroup, testAgent } from '../testing/group.ts'
import { hasTools } from '../testing/loopback.ts'
import { nodeStatusOf } from '../testing/node-status.ts'
import { prometheus as startPrometheus } from '../testing/prometheus-server.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import type { Agent } from './agents.ts'
import { HelperBroker } from './broker.ts'

/** Agents in a sandbox, and what they export. */
async function open(t: TestContext, sources: readonly string[], settings: readonly string[] = []) {
  const folder = await tempFolder(t)
  const { config } = configOf({ set: [`scripting.data=${join(folder, 'data')}`, ...settings] })
  const link = {
    action() {},
    alert() {},
    targeted: () => ({ targets: [], excluded: [] }),
    health: () => ({}),
  }
  const broker = new HelperBroker({ config, nodeName: 'hub', link })
  t.after(() => broker.close())
  const told = new TestGroup(t, { agents: sources.map((source, at) => testAgent(at, source)) })
  told.onExported = (agent, component, message) => {
    if (message === undefined) broker.exportsEnded(agent, component)
    else broker.exported(agent, component, message)
  }
  await told.begin()
  /** Calls `onHubAction` with the action. */
  const act = async (action: string) => {
    const { lines } = await told.group.action({ id: `n/1/${++actions}`, action, meta: META })
    told.lines.push(...lines)
  }
  let actions = 0
  const text = () => broker.exportedText().replaceAll('component="hub",node="hub"', '')
  const samples = () =>
    text()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
  const notices = () =>
    told.lines.filter(({ level }) => level === 'warn' || level === 'error').map((line) => line.text)
  return { told, broker, act, text, samples, notices }
}

const META = { node: 'n1', script: 7, title: 'sender', time: 5 }

/** Each action is a script of its own: `this.x` stays. */
const ACTING = `var total = 0
function attempt(run) { try { return run() } catch (error) { console.log(String(error)) } }
`

describe('prometheus.* in the sandbox', () => {
  test('runs every example', async (t) => {
    const examples = [...allHelpers([prometheus])].map(([, { example }]) => example)
    const { told, notices } = await open(t, examples)
    await told.group.settled()
    assert.deepEqual(notices(), [])
    assert.ok(told.group.results().every(({ runs }) => runs))
  })

  test('exports each type, with labels in any order, and what there is without a value', async (t) => {
    const { samples, text, told } = await open(t, [
      `console.log(prometheus.metric('requests', 'All requests', 1, 7))
      console.log(prometheus.vector('performance', 'Mean', 2, 12.5, { s_namespace: 'shop', s_path: '/cart/7' }))
      prometheus.vector('performance', 'Mean', 2, 13.5, { s_path: '/cart/7', s_namespace: 'shop', more: '' })
      prometheus.metric('free', 'Anything', 3, -1)
      prometheus.inc('calls'); prometheus.inc('calls', 2.5); prometheus.inc('calls', 1, { code: 200, ok: true, gone: null })
      prometheus.set('depth', 4); prometheus.set('depth', 3)
      prometheus.set('odd', NaN); prometheus.set('far', -1 / 0)
      prometheus.observe('latency', 0.5, { s: 'a' }, [0.1, 1], 'How long'); prometheus.observe('latency', 5, { s: 'a' })`,
    ])
    assert.deepEqual(told.texts(), ['ok', 'ok'])
    assert.deepEqual(samples(), [
      'requests{,agent="agent 0"} 7',
      'performance{,agent="agent 0",s_namespace="shop",s_path="/cart/7"} 13.5',
      'free{,agent="agent 0"} -1',
      'calls{,agent="agent 0"} 3.5',
      'calls{,agent="agent 0",code="200",ok="true"} 1',
      'depth{,agent="agent 0"} 3',
      'odd{,agent="agent 0"} NaN',
      'far{,agent="agent 0"} -Inf',
      'latency_bucket{,agent="agent 0",s="a",le="0.1"} 0',
      'latency_bucket{,agent="agent 0",s="a",le="1"} 1',
      'latency_bucket{,agent="agent 0",s="a",le="+Inf"} 2',
      'latency_sum{,agent="agent 0",s="a"} 5.5',
      'latency_count{,agent="agent 0",s="a"} 2',
    ])
    assert.match(text(), /^# HELP requests All requests\n# TYPE requests counter$/m)
    assert.match(text(), /^# HELP latency How long\n# TYPE latency histogram$/m)
  })

  test('takes values of a counter for totals, and from the first that falls on for what is new', async (t) => {
    const { samples, notices, act } = await open(t, [
      `${ACTING}function onHubAction(action) {
        prometheus.vector('dns', 'd', 1, +action, { pod: 'a' })
        prometheus.vector('dns', 'd', 1, total += +action, { pod: 'b' })
      }`,
    ])
    const seen: (string | undefined)[] = []
    for (const action of ['5', '7', '3', '4', '9', '0']) {
      await act(action)
      seen.push(
        samples()
          .map((line) => line.split(' ').at(-1))
          .join(' '),
      )
    }
    assert.deepEqual(seen, ['5 5', '7 12', '10 15', '14 19', '23 28', '23 28'])
    assert.equal(notices().length, 1)
    assert.match(notices()[0] ?? '', /^prometheus: dns fell from 7 to 3, /)
  })

  test('takes them for what the agent says they are', async (t) => {
    const { samples, notices, act, told } = await open(t, [
      `prometheus.counterMode = 'delta'
      function onHubAction(action) { prometheus.metric('d', '', 1, +action) }`,
      `prometheus.counterMode = 'total'
      function onHubAction(action) { prometheus.metric('t', '', 1, +action) }`,
      `try { prometheus.counterMode = 'sum' } catch (error) { console.log(String(error)) }
      console.log(prometheus.counterMode)`,
    ])
    for (const action of ['5', '7', '3']) await act(action)
    assert.deepEqual(samples(), ['d{,agent="agent 0"} 15', 't{,agent="agent 1"} 3'])
    assert.deepEqual(notices(), [])
    assert.deepEqual(told.texts(), [
      'TypeError: prometheus.counterMode must be "total", "delta" or undefined',
      'undefined',
    ])
  })

  test('says what it does not take', async (t) => {
    const { told, samples } = await open(t, [
      `${ACTING}attempt(function () { prometheus.inc('n', -1) })
      attempt(function () { prometheus.inc('n', 'many') })
      attempt(function () { prometheus.metric('n', 'd', 1, 1 / 0) })
      attempt(function () { prometheus.metric('n', 'd', 4, 1) })
      attempt(function () { prometheus.metric('n', 'd', 1) })
      attempt(function () { prometheus.set('', 1) })
      attempt(function () { prometheus.set(new Array(202).join('n'), 1) })
      attempt(function () { prometheus.set('n', 1, 'pod') })
      attempt(function () { prometheus.observe('h', 1, {}, [1, 1]) })
      attempt(function () { prometheus.observe('h', NaN) })
      prometheus.set('g', 1); attempt(function () { prometheus.inc('g') })
      attempt(function () { var l = {}; for (var i = 0; i < 31; i++) l['l' + i] = 1; prometheus.set('n', 1, l) })
      attempt(function () { var l = {}; l.l = l; prometheus.set('n', 1, l) })`,
    ])
    assert.deepEqual(told.texts().slice(0, 12), [
      'Error: prometheus.inc: value: a counter takes finite numbers of 0 and more, found -1',
      'Error: prometheus.inc: value: expected a number',
      'Error: prometheus.metric: value: a counter takes finite numbers of 0 and more, found Infinity',
      'TypeError: prometheus.metric: type must be 1 for a counter, 2 for a gauge or 3 for neither',
      'TypeError: prometheus.metric(name, description, type, value, labels): value is missing',
      'Error: prometheus.set: name: it is empty',
      'Error: prometheus.set: name: 201 characters are more than 200',
      'TypeError: prometheus.set: labels must be an object',
      'Error: prometheus.observe: buckets: expected 1 to 50 numbers, each larger than the one before',
      'Error: prometheus.observe: value: expected a number',
      'Error: prometheus.inc: name: g is a gauge already, and no counter',
      'Error: prometheus.set: labels: 31 are more than 30',
    ])
    assert.match(told.texts()[12] ?? '', /circular/)
    assert.deepEqual(samples(), ['g{,agent="agent 0"} 1'])
  })

  test('keeps so many series of an agent, and says once that these are all', async (t) => {
    const { samples, notices, told, broker } = await open(t, [
      `var last = ''
      for (var i = 0; i < 10005; i++) last = prometheus.vector('n', '', 2, i, { i: i })
      console.log(last, prometheus.vector('n', '', 2, 1, { i: 3 }))`,
      `prometheus.set('mine', 1)`,
    ])
    assert.equal(samples().length, 10_001)
    assert.equal(notices().length, 1)
    assert.match(notices()[0] ?? '', /an agent may export 10000 series/)
    assert.deepEqual(told.texts(), ['refused: an agent may export 10000 series ok'])
    assert.deepEqual(broker.exportsDropped, { series: 5 })
  })

  test('ends with the agent, and begins anew with its next version', async (t) => {
    const { samples, told, act } = await open(t, [
      `prometheus.set('a', 1); prometheus.set('b', 1)`,
      `prometheus.set('c', 1); function onHubAction(action) { if (action === 'hang') for (;;) {} }`,
    ])
    const version = (source: string, number: number): Agent => testAgent(0, source, { version: number })
    assert.equal(samples().length, 3)
    await told.group.reload(version(`prometheus.set('b', 2)`, 2))
    assert.deepEqual(samples(), ['c{,agent="agent 1"} 1', 'b{,agent="agent 0"} 2'])
    await told.group.reload(version(`prometheus.set('d', 2); throw new Error('no')`, 3))
    assert.deepEqual(samples(), ['c{,agent="agent 1"} 1', 'b{,agent="agent 0"} 2'])
    await act('hang')
    assert.deepEqual(samples(), ['b{,agent="agent 0"} 2'])
    await told.group.reload(version(`var exportsNothing = true`, 4))
    assert.deepEqual(samples(), [])
    await told.group.reload(version(`prometheus.set('e', 1)`, 5))
    assert.equal(samples().length, 1)
    await told.group.remove(0)
    assert.deepEqual(samples(), [])
  })

  test('makes one of what several export where there is no label for them', async (t) => {
    const source = `prometheus.inc('n', 2); prometheus.set('g', 1); prometheus.observe('h', 1, {}, [1])`
    const { samples } = await open(
      t,
      [source, source.replace("'g', 1", "'g', 5")],
      ['scripting.metrics.agentLabel=false'],
    )
    assert.deepEqual(samples(), [
      'n{} 4',
      'g{} 5',
      'h_bucket{,le="1"} 2',
      'h_bucket{,le="+Inf"} 2',
      'h_sum{} 2',
      'h_count{} 2',
    ])
  })

  test('is what a real Prometheus reads, whatever agents call it', { timeout: 120_000 }, async (t) => {
    if (!hasTools(t, 'prometheus', 'promtool')) return
    const { broker, act } = await open(t, [
      `var odd = 'say "hi"\\\\ back\\nnext line \\u00fc\\u4e16\\ud83d\\ude00 \\ud800 \\u0000 end'
      prometheus.set('dnscounts_cart-7.b', 1, { 'k8s/name': odd, agent: 'own', le: 'x', __name__: 'y', '9a': 1 }, 'two\\nlines \\\\ "x"')
      prometheus.set('dnscounts_cart_7_b', 2)
      prometheus.set('9lives', 9); prometheus.set('\\u00fcber', 8)
      prometheus.set('process_cpu_seconds_total', 3); prometheus.set('kubeshark_item_count', 4)
      prometheus.inc('shared_name', 5); prometheus.observe('h', 1); prometheus.set('h_count', 6)
      prometheus.vector('collide', '', 2, 1, { 'a-b': 'x', 'a.b': 'y' })
      function onHubAction(action) { prometheus.metric('falls', '', 1, +action) }`,
      `prometheus.set('shared_name', 7)`,
    ])
    const metrics = openMetrics({
      component: 'hub',
      node: 'hub',
      snapshot: () => nodeStatusOf(),
      others: (taken) => broker.exportedText(taken),
    })
    const server = await startOpsServer({
      host: '127.0.0.1',
      port: 0,
      metrics,
      ready: () => ({ ready: true, reasons: [] }),
      health: () => ({}),
    })
    t.after(() => server.close())
    const { value } = await startPrometheus(t, await tempFolder(t), server.address)
    assert.equal(await value('up'), 1)
    // Its query language has no replacement characters.
    const odd = String.raw`say \"hi\"\\\\ back\nnext line ü世😀 . . end`
    assert.equal(await value(`dnscounts_cart_7_b{k8s_name=~"${odd}"}`), 1)
    assert.equal(
      await value(
        '{__name__="dnscounts_cart_7_b",exported_agent="own",exported_le="x",exported_name__="y",_9a="1"}',
      ),
      1,
    )
    assert.equal(await value('dnscounts_cart_7_b_gauge'), 2)
    assert.equal(await value('_9lives'), 9)
    assert.equal(await value('_ber'), 8)
    assert.equal(await value('process_cpu_seconds_total_gauge'), 3)
    assert.equal(await value('kubeshark_item_count_gauge'), 4)
    assert.equal(await value('shared_name'), 5)
    assert.equal(await value('shared_name_gauge{agent="agent 1",component="hub",node="hub"}'), 7)
    assert.equal(await value('h_count'), 1)
    assert.equal(await value('h_count_gauge'), 6)
    assert.equal(await value('h_bucket{le="1"}'), 1)
    assert.equal(await value('collide{a_b="x",a_b_2="y"}'), 1)
    for (const action of ['10', '4', '1']) await act(action)
    assert.equal(await value('falls', (found) => found > 10), 15)
    const { stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], { input: broker.exportedText() })
    // It does not like names, which are the agents' own; what is no metric at all it calls an error.
    assert.doesNotMatch(`${stdout}${stderr}`, /error while/)
  })
})
