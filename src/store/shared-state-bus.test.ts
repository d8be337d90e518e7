import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Bus } from '../bus/bus.ts'
import { openBus } from '../bus/index.ts'
import { eventually } from '../testing/eventually.ts'
import { natsServer } from '../testing/nats-server.ts'
import { NATS_SETTINGS } from '../testing/nats-settings.ts'
import { SHARED_BUCKET, SharedState } from './shared-state.ts'

const AGENT = { id: '6e1c0c2a-5a1d-4e39-9a7c-1f1d4e2b7a10', title: 'Größe & Co.' }
const count = (value: number) => ({ kind: 'counter', name: 'calls/s', value })
const key = (name: string) => ({ kind: 'topk', name: 'who?', value: { missed: 0, keys: [name, 1] } })

async function busFor(t: TestContext, url: string): Promise<Bus> {
  const bus = await openBus({ nats: { ...NATS_SETTINGS, url }, folder: null, mayWait: false })
  t.after(() => bus.close())
  return bus
}

async function stateOn(t: TestContext, bus: Bus, node: string, boot = 'b1'): Promise<SharedState> {
  const state = new SharedState({ node, boot, bucket: await bus.bucket(SHARED_BUCKET), flushMs: 20 })
  t.after(() => state.close())
  await state.start()
  return state
}

const read = (state: SharedState) => [
  state.of(AGENT).counter('calls/s'),
  state.of(AGENT).top('who?', 5).length,
]

async function sameOnAll(states: readonly SharedState[], expected: string): Promise<void> {
  for (const state of states)
    await eventually(`${expected} on every node`, () => read(state).join() === expected, PATIENCE_MS)
}

const PATIENCE_MS = 30_000

describe('shared state on a bus', () => {
  test('in one process is the same for worker and hub, and removed with its agent', async (t) => {
    const bus = await busFor(t, '')
    const [worker, hub] = [await stateOn(t, bus, 'node/1'), await stateOn(t, bus, 'hub')]
    worker.apply(AGENT, [count(2), key('a')])
    hub.apply(AGENT, [count(3), key('b')])
    for (const state of [worker, hub])
      await eventually('what both have added', () => read(state).join() === '5,2')
    await worker.flush()
    await hub.prune(() => false)
    await eventually('nothing', () => read(worker).join() === '0,0' && worker.values().length === 0)
  })

  test('over NATS is exact on five nodes, though the server is killed and nodes start again', async (t) => {
    const server = await natsServer(t)
    if (server === undefined) return
    const nodes = ['n1', 'n2', 'n3', 'n4', 'hub']
    const buses = await Promise.all(nodes.map(() => busFor(t, server.url)))
    const states = await Promise.all(nodes.map((node, at) => stateOn(t, buses[at] as Bus, node)))
    const addAll = (times: number) => {
      for (let n = 0; n < times; n++)
        for (const [at, state] of states.entries()) state.apply(AGENT, [count(1), key(nodes[at] as string)])
    }
    addAll(100)
    await Promise.all(states.map((state) => state.flush()))
    await server.kill()
    addAll(100)
    await server.start()
    addAll(100)
    await sameOnAll(states, '1500,5')
    // One is replaced by another run of its node, which knows at once what it had.
    await states[0]?.close()
    states[0] = await stateOn(t, buses[0] as Bus, 'n1', 'b2')
    addAll(10)
    await sameOnAll(states, '1550,5')
    const values = () => states.map((state) => JSON.stringify(state.values()))
    await eventually('the same values everywhere', () => new Set(values()).size === 1, PATIENCE_MS)
    const top = (states[0] as SharedState).of(AGENT).top('who?', 5)
    assert.deepEqual(
      top.map((each) => each.count),
      nodes.map(() => 310),
    )
    assert.deepEqual(
      states.map((state) => state.dropped),
      states.map(() => ({})),
    )
  })
})
