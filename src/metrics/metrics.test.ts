import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { hasTools } from '../testing/loopback.ts'
import { agentStateOf, nodeStatusOf } from '../testing/node-status.ts'
import { run } from '../testing/programs.ts'
import { prometheus } from '../testing/prometheus-server.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { COUNTER_NAMES, COUNTERS } from './counters.ts'
import type { MetricsSnapshot } from './declarations.ts'
import { type Metrics, MOST_AGENTS, openMetrics } from './metrics.ts'
import { type OpsOptions, type OpsServer, startOpsServer } from './server.ts'

describe('metrics', () => {
  test('have the documented names, as far as the node counts them', async () => {
    const { metrics, set } = opened()
    set({ counters: { packets: 5, 'streams.live': 2, items: 3 } })
    const text = await metrics.text()
    assert.equal(seriesValue(text, 'kubeshark_received_packets_total'), 5)
    assert.equal(seriesValue(text, 'kubeshark_live_tcp_streams'), 2)
    assert.equal(seriesValue(text, 'kubeshark_item_count'), 3)
    assert.equal(
      seriesValue(text, 'kubeshark_dns_packets_total'),
      undefined,
      'what nobody counts is not zero',
    )
    for (const name of DOCUMENTED) assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'))
  })

  test('count on when what they are read from begins anew', async () => {
    const { metrics, set } = opened()
    for (const packets of [10, 25, 4, 6]) {
      set({ counters: { packets } })
      await metrics.text()
    }
    assert.equal(seriesValue(await metrics.text(), 'kubeshark_received_packets_total'), 25 + 6)
  })

  test('say of each agent by its title how it does, and forget it when it is gone', async () => {
    const { metrics, set } = opened()
    const agents = [
      agentStateOf('id-1', { calls: 9, errors: 1, jobRuns: 5, jobErrors: 2, dropped: { 'queue-full': 4 } }),
      agentStateOf('id-2', { state: 'stopped', memoryBytes: 77 }),
    ]
    set({ agents, titles: new Map([['id-1', 'Server errors']]) })
    metrics.hookCalled('id-1', 'onItemCaptured', 0.002)
    const text = await metrics.text()
    assert.equal(seriesValue(text, 'agent_hook_calls_total', 'agent="Server errors"', 'hook="all"'), 9)
    assert.equal(seriesValue(text, 'agent_job_runs_total', 'Server errors', 'status="passed"'), 3)
    assert.equal(seriesValue(text, 'agent_job_runs_total', 'Server errors', 'status="failed"'), 2)
    assert.equal(seriesValue(text, 'agent_hook_skipped_total', 'Server errors', 'queue-full'), 4)
    assert.equal(seriesValue(text, 'agent_running', 'id-2'), 0)
    assert.equal(seriesValue(text, 'agent_memory_bytes', 'id-2'), 77)
    set({ agents: agents.slice(1), titles: new Map() })
    assert.doesNotMatch(await metrics.text(), /Server errors|agent="id-1"/)
  })

  test('have calls hook by hook where they are counted so', async () => {
    const { metrics, set } = opened()
    set({
      agents: [agentStateOf('a', { calls: 9 })],
      hooks: [{ agent: 'a', hook: 'onItemCaptured', calls: 8 }],
    })
    const text = await metrics.text()
    assert.equal(seriesValue(text, 'agent_hook_calls_total', 'hook="onItemCaptured"'), 8)
    assert.equal(seriesValue(text, 'agent_hook_calls_total', 'hook="all"'), undefined)
  })

  test('keep their number: agents, helpers, routes and drops beyond it are one', async () => {
    const { metrics, set } = opened()
    const many = Array.from({ length: MOST_AGENTS + 50 }, (_, at) => agentStateOf(`a${at}`, { errors: 2 }))
    const counters = Object.fromEntries(
      Array.from({ length: 5000 }, (_, at) => [COUNTER_NAMES.dropped('store', `reason-${at}`), 1]),
    )
    for (let round = 0; round < 2; round++) {
      set({ agents: many, counters })
      for (let at = 0; at < 500; at++) {
        metrics.helperCalled(`vendor.x${at}`, 'ok', 0.1)
        metrics.apiRequest(`/api/${at}`, 200, 0.1)
      }
    }
    const text = await metrics.text()
    assert.equal(seriesValue(text, 'agent_errors_total', 'agent="other"'), 100)
    assert.equal(seriesValue(text, 'agent_vendor_calls_total', 'helper="other"'), 800)
    assert.equal(seriesValue(text, 'remora_api_requests_total', 'route="other"'), 800)
    assert.equal(seriesValue(text, 'remora_dropped_total', 'place="other"'), 3000)
    const drops = text.split('\n').filter((line) => line.startsWith('remora_dropped_total{'))
    assert.equal(drops.length, 2001)
  })

  test('take numbers and labels that make no sense', async () => {
    const { metrics, set } = opened()
    set({
      counters: { packets: Number.NaN, bytes: -5, 'dropped.': 3, 'queue.a.b': 4, 'what"\n\\else': 1 },
      agents: [agentStateOf('"\n\\'.repeat(200), { errors: Number.POSITIVE_INFINITY })],
    })
    metrics.apiRequest('/x', Number.NaN, Number.NaN)
    metrics.helperCalled('vendor.webhook', 'failed', -1)
    const text = await metrics.text()
    assert.equal(seriesValue(text, 'kubeshark_received_packets_total'), undefined)
    assert.equal(seriesValue(text, 'kubeshark_processed_bytes_total'), 0)
    assert.equal(seriesValue(text, 'remora_queue_depth', 'queue="a.b"'), 4)
    assert.equal(seriesValue(text, 'remora_other', 'name="dropped."'), 3)
  })

  test('are those of the process while the node is not up', async () => {
    const metrics = openMetrics({ component: 'hub', node: 'hub', snapshot: () => undefined })
    assert.match(await metrics.text(), /^process_cpu_seconds_total\{component="hub",node="hub"\} /m)
  })

  test('pass the check of promtool, but for two names that are documented as they are', async (t) => {
    if (!hasTools(t, 'promtool')) return
    const { metrics, set } = opened()
    set(busyNode())
    metrics.apiRequest('/api/agents', 200, 0.01)
    metrics.hookCalled('a', 'onItemCaptured', 0.01)
    const path = join(await tempFolder(t), 'metrics.txt')
    writeFileSync(path, await metrics.text())
    const { stdout, stderr } = await run('sh', ['-c', `promtool check metrics < ${path}`])
    const told = `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line !== '' && !/^(kubeshark_item_count|kubeshark_ws_write_count) /.test(line))
      // Names of prom-client's own.
      .filter((line) => !line.startsWith('nodejs_'))
    assert.deepEqual(told, [])
  })

  test('are what a real Prometheus reads', { timeout: 120_000 }, async (t) => {
    if (!hasTools(t, 'prometheus')) return
    const { metrics, set } = opened()
    set(busyNode())
    metrics.helperCalled('vendor.slack', 'refused', 0.2)
    metrics.apiRequest('/api/agents/:id', 404, 0.01)
    const server = await started(t, { metrics })
    const { value } = await prometheus(t, await tempFolder(t), server.address)
    assert.equal(await value('kubeshark_received_packets_total{component="worker",node="node-1"}'), 1000)
    assert.equal(await value('remora_dropped_total{place="sandbox",reason="queue-full"}'), 12)
    assert.equal(await value('remora_dropped_total{place="bus",reason="no-link"}'), 3)
    assert.equal(await value('remora_queue_depth{queue="actions"}'), 5)
    assert.equal(await value('agent_vendor_calls_total{helper="vendor.slack",status="refused"}'), 1)
    assert.equal(await value('remora_api_requests_total{route="/api/agents/:id",status="404"}'), 1)
    assert.equal(await value('remora_bus_connected'), 1)
    set({ ...busyNode(), counters: { ...busyNode().counters, [COUNTERS.packets]: 1600 } })
    assert.equal(await value('kubeshark_received_packets_total', (found) => found > 1000), 1600)
    assert.ok((await value('process_resident_memory_bytes')) > 0)
  })
})

describe('the server of metrics and health', () => {
  test('answers whether the program is ready, and why not', async (t) => {
    let reasons: readonly string[] = ['the bus cannot be reached']
    const server = await started(t, { ready: () => ({ ready: reasons.length === 0, reasons }) })
    const before = await fetch(`http://${server.address}/readyz`)
    assert.equal(before.status, 503)
    assert.deepEqual(await before.json(), { ready: false, reasons })
    reasons = []
    assert.equal((await fetch(`http://${server.address}/readyz`)).status, 200)
    const health = await fetch(`http://${server.address}/healthz`)
    assert.deepEqual(await health.json(), { status: 'ok', nodeName: 'node-1' })
  })

  test('answers nothing else', async (t) => {
    const server = await started(t, {})
    const url = `http://${server.address}`
    assert.equal((await fetch(`${url}/`)).status, 404)
    assert.equal((await fetch(`${url}/metrics/../etc/passwd`)).status, 404)
    assert.equal((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status, 405)
    assert.equal((await fetch(`${url}/metrics?x=1`)).status, 200)
    assert.equal(await (await fetch(`${url}/healthz`, { method: 'HEAD' })).text(), '')
  })

  test('survives metrics that cannot be read', async (t) => {
    let isBroken = true
    const snapshot = () => {
      if (isBroken) throw new Error('the books are gone')
      return nodeStatusOf()
    }
    const metrics = openMetrics({ component: 'worker', node: 'n', snapshot, ofProcess: false })
    const server = await started(t, { metrics })
    const broken = await fetch(`http://${server.address}/metrics`)
    assert.deepEqual([broken.status, await broken.text()], [500, 'the books are gone\n'])
    isBroken = false
    assert.equal((await fetch(`http://${server.address}/metrics`)).status, 200)
  })

  test('names who has its port, and how to choose another', async (t) => {
    const first = await started(t, {})
    await assert.rejects(started(t, { port: first.port }), (error: unknown) => {
      assert.ok(error instanceof Mistake)
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${first.port}: .*listens there already`))
      if (process.platform === 'linux')
        assert.match(error.message, new RegExp(`\\(process ${process.pid}\\)`))
      assert.match(error.hint ?? '', /tap\.metrics\.port/)
      return true
    })
  })

  test('ends though somebody is connected', async (t) => {
    const server = await started(t, {})
    const socket = connect(server.port, '127.0.0.1')
    const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}))
    await new Promise((resolve) => socket.on('connect', resolve))
    socket.write('GET /metrics HTTP/1.1\r\n')
    await server.close()
    await ended
    const again = createServer().listen(server.port, '127.0.0.1')
    await new Promise((resolve) => again.on('listening', resolve))
    again.close()
  })
})

function opened(): { metrics: Metrics; set(changes: Partial<MetricsSnapshot>): void } {
  let now: MetricsSnapshot = nodeStatusOf()
  const metrics = openMetrics({ component: 'worker', node: 'node-1', snapshot: () => now, ofProcess: true })
  return {
    metrics,
    set: (changes) => {
      now = { ...nodeStatusOf(), ...changes }
    },
  }
}

async function started(t: TestContext, options: Partial<OpsOptions>): Promise<OpsServer> {
  const server = await startOpsServer({
    host: '127.0.0.1',
    port: 0,
    metrics: opened().metrics,
    ready: () => ({ ready: true, reasons: [] }),
    health: () => ({ nodeName: 'node-1' }),
    ...options,
  })
  t.after(() => server.close())
  return server
}

function busyNode(): Partial<MetricsSnapshot> {
  return {
    agents: [agentStateOf('a', { calls: 3, lines: 2, dropped: { stopped: 1 } })],
    counters: {
      ...Object.fromEntries(Object.values(COUNTERS).map((name) => [name, 1000])),
      [COUNTER_NAMES.dropped('sandbox', 'queue-full')]: 12,
      [COUNTER_NAMES.queue('actions')]: 5,
      [COUNTER_NAMES.protocol('HTTP')]: 800,
      unheard: 1,
    },
    bus: { connected: true, dropped: { 'no-link': 3 } },
  }
}

/** Value of the series of this name with all these words in its labels. */
function seriesValue(text: string, name: string, ...words: readonly string[]): number | undefined {
  const found = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && words.every((word) => line.includes(word)))
  assert.ok(found.length <= 1, `several: ${found.join('\n')}`)
  const [line] = found
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
}

/** As the documentation of Kubeshark has them, and its Grafana dashboard. */
const DOCUMENTED = [
  'kubeshark_received_packets_total',
  'kubeshark_dropped_packets_total',
  'kubeshark_dropped_chunks_total',
  'kubeshark_processed_bytes_total',
  'kubeshark_tcp_packets_total',
  'kubeshark_dns_packets_total',
  'kubeshark_icmp_packets_total',
  'kubeshark_reassembled_tcp_payloads_total',
  'kubeshark_matched_pairs_total',
  'kubeshark_dropped_tcp_streams_total',
  'kubeshark_live_tcp_streams',
  'kubeshark_item_count',
  'kubeshark_ws_write_count',
  'kubeshark_tls_packet_count_total',
  'kubeshark_tls_packet_dropped_total',
]
