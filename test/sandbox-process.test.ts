import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { AckMessage, HostConfig, Line, LoadAgent } from '../src/agent/host/protocol.ts'
import { prepareJail } from '../src/agent/jail.ts'
import { bestLevel } from '../src/agent/launch.ts'
import { SandboxProcess } from '../src/agent/sandbox-process.ts'
import { stubTable } from '../src/helpers/dispatch.ts'
import { HOOKS } from '../src/helpers/hooks.ts'
import { namespaces } from '../src/helpers/index.ts'
import { Packet } from '../src/packet/packet.ts'
import { Batcher } from '../src/worker/batcher.ts'

const BATCHES = 5
const PACKETS = 1000
const COUNTER = `var n = 0; function onPacketCaptured(info) { n++ } jobs.schedule("report", "0 0 0 * * *", function () { console.log(n) })`

describe('SandboxProcess', () => {
  test('works off batches and says so', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start()
    await sandbox.load(agent(0, COUNTER))
    sandbox.send(packetBatches())
    await sandbox.end()
    assert.deepEqual(sandbox.texts(), ['5000'])
    assert.equal(sandbox.log.restarted.length, 0)
  })

  test('replaces a process that was killed, and takes the batches that it had not finished to the new one', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start()
    await sandbox.load(agent(0, COUNTER))
    const frames = packetBatches()
    const acked = sandbox.send(frames.slice(0, 2))
    await Promise.all(acked)
    process.kill(sandbox.process.pid as number, 'SIGKILL')
    const first = sandbox.send(frames.slice(2))
    await Promise.all(first)
    await sandbox.end()
    assert.deepEqual(sandbox.log.restarted, ['its sandbox died (SIGKILL)'])
    assert.deepEqual(sandbox.texts(), ['3000'], 'what was acknowledged is not sent again, the rest is')
    assert.deepEqual(sandbox.log.stopped, [])
  })

  test('stops an agent that loops, and only it', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start()
    await sandbox.load(agent(0, 'var n = 0; function onPacketCaptured() { if (++n === 1500) for (;;); }'))
    await sandbox.load(agent(1, COUNTER))
    sandbox.send(packetBatches())
    await sandbox.end()
    assert.deepEqual(sandbox.log.stopped, [[0, 'it ran for more than 150 ms of CPU time in one call']])
    assert.deepEqual(sandbox.texts(1), ['5000'])
    const [looping, counter] = sandbox.log.acks.at(-1)?.slots ?? []
    assert.deepEqual([looping?.packets, looping?.missedPackets], [1500, 3500])
    assert.deepEqual([counter?.packets, counter?.missedPackets], [5000, 0])
  })

  test('names who was running when a process died, and leaves that agent out', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start()
    await sandbox.load(agent(0, 'function onPacketCaptured() { for (;;); }'))
    await sandbox.load(agent(1, COUNTER))
    const work = sandbox.send(packetBatches())
    // Long before it is interrupted.
    await setTimeout(50)
    process.kill(sandbox.process.pid as number, 'SIGKILL')
    await Promise.all(work)
    await sandbox.end()
    assert.deepEqual(sandbox.log.stopped, [[0, 'its sandbox died (SIGKILL)']])
    assert.deepEqual(sandbox.texts(1), ['5000'])
  })

  test('says why a process does not start', async (t) => {
    const sandbox = sandboxFor(t, { query: { filter: '((' } })
    await assert.rejects(sandbox.start(), { name: 'Mistake', code: 'E_SANDBOX', message: /unexpected end/ })
    assert.deepEqual(sandbox.log.restarted, [], 'and does not try again')
  })

  test('gives up when processes die one after another and nobody is to blame', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start()
    const killer = setInterval(() => {
      try {
        process.kill(sandbox.process.pid as number, 'SIGKILL')
      } catch {
        // Between two.
      }
    }, 20)
    t.after(() => clearInterval(killer))
    await assert.rejects(sandbox.process.failed, { name: 'Mistake', code: 'E_SANDBOX' })
  })
})

/** A sandbox as the program runs it, and all that it tells. */
function sandboxFor(t: TestContext, config: Partial<HostConfig> = {}) {
  const log = {
    lines: [] as Line[],
    acks: [] as AckMessage[],
    stopped: [] as (readonly [number, string])[],
    restarted: [] as string[],
  }
  const sandbox = new SandboxProcess(
    {
      level: bestLevel().level,
      jail: prepareJail(),
      config: Promise.resolve({ ...CONFIG, ...config }),
      limits: { heapMb: 512, callMb: 128, hookMs: 150, jobMs: 30_000 },
    },
    {
      lines: (lines) => log.lines.push(...lines),
      call: () => Promise.resolve(),
      ack: (message) => log.acks.push(message),
      stopped: (slot, reason) => log.stopped.push([slot, reason]),
      restarted: (reason) => log.restarted.push(reason),
    },
  )
  t.after(() => sandbox.close())
  return {
    process: sandbox,
    log,
    start: () => sandbox.start(),
    load: async (load: LoadAgent) => assert.equal((await sandbox.load(load)).error, undefined),
    /** Promises of their acknowledgements. */
    send: (frames: readonly Uint8Array[]) =>
      frames.map((frame) => new Promise<void>((resolve) => sandbox.batch(frame, resolve))),
    end: () => sandbox.end(true, null),
    texts: (of?: number) =>
      log.lines.filter(({ slot, level }) => level === 'log' && slot === (of ?? slot)).map(({ text }) => text),
  }
}

function agent(slot: number, source: string): LoadAgent {
  return {
    slot,
    index: slot,
    title: `agent ${slot}`,
    file: `${slot}.js`,
    component: 'worker',
    source,
    insertions: [],
    sharesThis: false,
    wantedItem: [],
    wantedPacket: ['length'],
    bodies: 'text',
  }
}

function packetBatches(): Uint8Array[] {
  const frames: Uint8Array[] = []
  const origin = { worker: 'w', node: { ip: '', name: 'n' }, backend: 'pcap', nameOf: () => '' }
  const batcher = new Batcher([], origin, (frame) => frames.push(frame))
  batcher.setDemand({ version: 0, items: new Set(), packets: new Set(['length']) })
  const packet = new Packet()
  for (let at = 0; at < BATCHES * PACKETS; at++) {
    packet.seconds = at
    packet.length = 60
    batcher.packet(packet)
    if ((at + 1) % PACKETS === 0) batcher.flush()
  }
  return frames
}

const CONFIG: HostConfig = {
  nodeName: 'n',
  virtualTime: true,
  startMs: 0,
  env: {},
  language: 'es5',
  stubs: stubTable(namespaces),
  hooks: HOOKS,
  budgets: { memoryMb: 64, allMb: 320, linesPerCall: 1000, bytesPerCall: 1 << 20, failures: 100 },
  macros: {},
  query: null,
}
