import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { agentTitle } from '../agent/source/title.ts'
import { openLocalBus } from '../bus/local.ts'
import { knownProtocols } from '../dissectors/known.ts'
import { ClusterFollower } from '../node/cluster-follower.ts'
import { openShared } from '../node/streams.ts'
import { openBucketStore } from '../store/bucket-shelf.ts'
import { eventually } from '../testing/eventually.ts'
import { FakeHub } from '../testing/fake-hub.ts'
import { nodeStatusOf } from '../testing/node-status.ts'
import { encode } from '../wire/codec.ts'
import { type EffectRecord, effectsQuery } from '../wire/effects.ts'
import { entriesQuery } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { targetingRules } from '../wire/targeting.ts'
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

  test('tells hubs apart where there are several, in effects and outboxes, too', async (t) => {
    const { hub, bus } = await setUp(t)
    const say = (boot: string, address: string) => {
      const status = nodeStatusOf({ node: 'hub', component: 'hub', boot, address, now: Date.now() })
      bus.publish(SUBJECTS.status('hub'), encode(status))
      bus.respond(SUBJECTS.effects(boot), async () => encode([effectOf(boot)]))
      const answer = { node: 'hub', component: 'hub', lanes: [], dead: [], count: 1 }
      bus.respond(SUBJECTS.outbox(boot), async () => encode(answer))
    }
    const names = () => hub.nodes().map(({ node }) => node)
    say('b1', '10.0.0.1:9100')
    await eventually('one', () => names().join() === 'hub')
    const query = effectsQuery.parse({})
    assert.deepEqual(
      (await hub.effects(query)).effects.map(({ node }) => node),
      ['hub'],
    )
    say('b2', '10.0.0.2:9100')
    await eventually('two', () => names().length === 2)
    assert.deepEqual(names(), ['hub@10.0.0.1:9100', 'hub@10.0.0.2:9100'])
    const { effects, missing } = await hub.effects(query)
    assert.deepEqual(effects.map(({ node, title }) => `${title} ${node}`).sort(), [
      'b1 hub@10.0.0.1:9100',
      'b2 hub@10.0.0.2:9100',
    ])
    assert.deepEqual(missing, [])
    const asked = async (node?: string) =>
      (await hub.outboxes.order({ order: 'retry', selector: {} }, node)).map((answer) => answer.node)
    assert.deepEqual(await asked(), names())
    assert.deepEqual(await asked('hub'), names())
    assert.deepEqual(await asked('hub@10.0.0.2:9100'), ['hub@10.0.0.2:9100'])
    await assert.rejects(asked('hub@10.0.0.3:9100'), /there is no node/)
    say('b3', '10.0.0.2:9100')
    await eventually('three', () => names().length === 3)
    assert.deepEqual(names().sort(), ['hub@10.0.0.1:9100', 'hub@b2', 'hub@b3'])
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
  const cluster = new ClusterFollower({ bus, isOn: false, note() {} })
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
    cluster,
    targeting: { configured: targetingRules.parse({}), hasCluster: false },
    health: () => ({}),
  })
  t.after(async () => {
    await hub.close()
    await store.close()
    await bus.close()
  })
  return { bus, shared, hub }
}

function effectOf(title: string): EffectRecord {
  return {
    ...{ at: 1, agent: 'a', title, node: 'hub', component: 'hub', helper: 'file.write', kind: 'file' },
    ...{ target: 'x', outcome: 'ok', ms: 1, bytes: 0 },
  }
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
