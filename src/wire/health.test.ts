import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { HelperBroker } from '../agent/broker.ts'
import { configOf } from '../cli/options.ts'
import { TestGroup, testAgent } from '../testing/group.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { hubHealth, type ProcessState, workerHealth } from './health.ts'

const PROCESS: ProcessState = {
  at: 1000,
  cpu: 0.25,
  memoryBytes: 50e6,
  restarts: 2,
  lastRestart: { at: 900, reason: 'OOMKilled' },
  limits: { cores: 1, memoryBytes: 512e6 },
}
const COMPONENT = {
  timestamp: 1000,
  cpuUsage: 0.25,
  memoryUsage: 50e6,
  lastRestartReason: 'OOMKilled',
  lastRestartTimestamp: 900,
  resources: { cpu: 1, memory: 512e6 },
  restarts: 2,
}
const WORKER = workerHealth({
  nodeName: 'n1',
  clusterId: 'c',
  version: '1.0.0',
  process: PROCESS,
  storage: { limitBytes: 1000, usedBytes: 10 },
  sources: [
    { name: 'eth0', packets: 95, lost: 5 },
    { name: 'lo', packets: 1, lost: 0 },
    { name: 'eth0', packets: 5, lost: 0 },
  ],
  traced: [{ name: 'openssl', packets: 7, lost: 1 }],
  filter: 'port 80',
  startedAt: 500,
  bytesRead: 1234,
  entries: 12,
  entriesSent: 3,
})
const HUB = hubHealth({
  nodeName: 'hub',
  clusterId: 'c',
  version: '1.0.0',
  process: PROCESS,
  workers: [{ address: '10.0.0.1:48999', podName: 'worker-a' }],
  nodes: [{ nodeName: 'n1', podCount: 4 }],
})

/** What the template "Monitor Kubeshark Resources" reads, on either component. */
const MONITOR = `
function load(name, component) {
  console.log(name, component.cpuUsage, component.memoryUsage, component.restarts, component.lastRestartReason)
}
function losses(name, stats) {
  Object.keys(stats.Sources).forEach(function (key) {
    var source = stats.Sources[key]
    console.log(name, key, source.ChunksLost / (source.PacketsGot + source.ChunksLost))
  })
}
function monitor() {
  var health = JSON.parse(utils.health())
  if (utils.nodeName() === 'hub' && health.workers) {
    load('hub', health)
    console.log(health.workers[0].addr, health.nodes[0].podCount)
    return
  }
  load('sniffer', health.sniffer)
  load('tracer', health.tracer)
  losses('sniffer', health.snifferStats)
  console.log(health.tracerStats.PktSnifferStats.PacketsGot, health.storage.usage / health.storage.requested)
  console.log(health.licenseData.processedBytes, health.licenseData.itemsGenerated, health.bpfFilter)
}
monitor()`

describe('health', () => {
  test('has on a worker what scripts read', () => {
    assert.deepEqual(WORKER, {
      nodeName: 'n1',
      clusterID: 'c',
      version: '1.0.0',
      ...COMPONENT,
      storage: { requested: 1000, usage: 10 },
      sniffer: COMPONENT,
      snifferStats: {
        Sources: { eth0: { PacketsGot: 100, ChunksLost: 5 }, lo: { PacketsGot: 1, ChunksLost: 0 } },
      },
      tracer: {
        timestamp: 1000,
        cpuUsage: 0,
        memoryUsage: 0,
        lastRestartReason: '',
        lastRestartTimestamp: 0,
        resources: { cpu: 0, memory: 0 },
        restarts: 0,
      },
      tracerStats: {
        PktSnifferStats: {
          Sources: { openssl: { PacketsGot: 7, ChunksLost: 1 } },
          PacketsGot: 7,
          ChunksLost: 1,
        },
      },
      bpfFilter: 'port 80',
      licenseData: { processedBytes: 1234, itemsGenerated: 12, wsWrites: 3, startTime: 500 },
    })
  })

  test('has on the hub what scripts read', () => {
    assert.deepEqual(HUB, {
      workers: [{ addr: '10.0.0.1:48999', podName: 'worker-a' }],
      nodes: [{ nodeName: 'n1', podCount: 4 }],
      nodeName: 'hub',
      clusterID: 'c',
      version: '1.0.0',
      ...COMPONENT,
    })
  })

  test('is read by a script that monitors components', async (t) => {
    assert.deepEqual(await said(t, HUB), ['hub 0.25 50000000 2 OOMKilled', '10.0.0.1:48999 4'])
    const [first, second, ...more] = await said(t, WORKER)
    assert.equal(first, 'sniffer 0.25 50000000 2 OOMKilled')
    assert.match(second ?? '', /^tracer 0 0 0/)
    assert.deepEqual(more, [`sniffer eth0 ${5 / 105}`, 'sniffer lo 0', '7 0.01', '1234 12 port 80'])
  })
})

async function said(t: TestContext, health: unknown): Promise<string[]> {
  const { config } = configOf({ set: [`scripting.data=${join(await tempFolder(t), 'data')}`] })
  const link = {
    action() {},
    alert() {},
    targeted: () => ({ targets: [], excluded: [] }),
    health: () => health,
  }
  const broker = new HelperBroker({ config, nodeName: 'n1', link })
  t.after(() => broker.close())
  const told = new TestGroup(t, { agents: [testAgent(0, MONITOR)] })
  told.answer = (call) => broker.call(call)
  await told.begin()
  return told.texts()
}
