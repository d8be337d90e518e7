import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { agentTitle } from '../agent/source/title.ts'
import { openLocalBus } from '../bus/local.ts'
import { knownProtocols } from '../dissectors/known.ts'
import { openShared } from '../node/streams.ts'
import { openBucketStore } from '../store/bucket-shelf.ts'
import { eventually } from '../testing/eventually.ts'
import { FakeHub } from '../testing/fake-hub.ts'
import { nodeStatusOf } from '../testing/node-status.ts'
import { encode } from '../wire/codec.ts'
import { entriesQuery } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { Hub } from './hub.ts'

describe('a hub', () => {
  test('shows a node whose clock is off by an hour as alive, and tells how far it is off', async (t) => {
    const { hub, bus } = await setUp(t)
    const say = (node: string, offMs: number) => {
      const status = nodeStatusOf({ node, boot: node, now: Date.now() + offMs })
      bus.publish(SUBJECTS.status(node), encode(status))
    }
    say('ahead', 3_600_000)
    say('behind', -3_600_000)
    say('right', 0)
    await eventually('all', () => hub.nodes().length === 3)
    const skews = hub.nodes().map(({ skewMs }) => Math.round(skewMs / 60_000) + 0)
    assert.deepEqual(skews, [60, -60, 0])
    const clocks = hub.health().clocks as readonly { readonly node: string }[]
    assert.deepEqual(
      clocks.map(({ node }) => node),
      ['ahead', 'behind'],
    )
    assert.ok(hub.nodes().every(({ silentMs }) => silentMs >= 0 && silentMs < 5000))
  })

  test('falls over no bytes on any subject, stream or bucket', async (t) => {
    const { hub, bus, shared } = await setUp(t)
    const random = numbers(11)
    const valid = encode(nodeStatusOf({ node: 'n1', boot: 'b' }))
    const subjects = [
      SUBJECTS.status('x'),
      SUBJECTS.deployed,
      SUBJECTS.ordered,
      SUBJECTS.wanted,
      SUBJECTS.live('x'),
    ]
    for (let n = 0; n < 1000; n++) {
      const bytes = n % 2 === 0 ? noise(random) : mutated(valid, random)
      bus.publish(subjects[n % subjects.length] ?? '', bytes)
      if (n % 10 === 0) await shared.console.append('console.x', bytes, { id: `console ${n}` })
      if (n % 10 === 1) await shared.audit.append('audit', bytes, { id: `audit ${n}` })
    }
    bus.publish(SUBJECTS.status('good'), encode(nodeStatusOf({ node: 'good', boot: 'good' })))
    await eventually('the good one', () => hub.nodes().some(({ node }) => node === 'good'))
    assert.ok(hub.fleet.malformed > 50)
    await eventually('lines are counted', () => hub.lines.malformed === 100)
    assert.deepEqual(await hub.audits(1000), [])
    assert.deepEqual(bus.dropped, {})
    const { signal } = new AbortController()
    await assert.rejects(hub.entries(entriesQuery.parse({ filter: 'a ==' }), signal), { name: 'Mistake' })
  })

  test('ends what shows changes when nobody listens any more', async (t) => {
    const { hub } = await setUp(t)
    const events = hub.events(new AbortController().signal)[Symbol.asyncIterator]()
    assert.equal((await events.next()).value.kind, 'agents')
    await events.return?.()
  })
})

async function setUp(t: TestContext) {
  const bus = openLocalBus({ folder: null })
  const shared = await openShared(bus)
  const store = openBucketStore(await bus.bucket({ name: 'agents' }), {
    description: 'test',
    titleOf: agentTitle,
    keep: 5,
    now: () => new Date(),
    warn: () => {},
  })
  const hub = new Hub({
    alerting: {
      rules: { suppressMs: 1000, closeAfterMs: 1000 },
      keep: 10,
      concerns: () => false,
      notify() {},
      report() {},
    },
    bus,
    store,
    ...shared,
    reports: new FakeHub().ownReports,
    agents: { language: 'es5', protocols: knownProtocols },
    boot: 'hub',
    macros: {},
    shared: () => [],
    health: () => ({}),
  })
  t.after(async () => {
    await hub.close()
    await store.close()
    await bus.close()
  })
  return { bus, shared, hub }
}

function noise(random: () => number): Uint8Array {
  return Uint8Array.from({ length: random() % 200 }, random)
}

function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (let n = 0; n < 3; n++) copy[random() % copy.length] = random()
  return copy
}

function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 8
  }
}
