import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type LocalBus, openLocalBus } from '../bus/local.ts'
import { Fleet } from '../node/fleet.ts'
import { STREAM_OPTIONS } from '../node/streams.ts'
import { nodeStatusOf } from '../testing/node-status.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { until } from '../testing/until.ts'
import { encode, encodeLines } from '../wire/codec.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { ActionConsumer } from './actions.ts'
import { queryWorkers } from './entries.ts'

describe('whoever can write to the bus', () => {
  it('cannot make a hub remember nodes, or what they say, without end', async (t) => {
    const bus = await openBus(t)
    const fleet = new Fleet(bus)
    t.after(() => fleet.close())
    for (let n = 0; n < 6000; n++) {
      const status = nodeStatusOf({ node: `n${n}`, boot: `b${n}` })
      bus.publish(SUBJECTS.status(`worker-b${n}`), encode(status))
      if (n % 500 === 0) await until(() => fleet.count + fleet.refused >= n)
    }
    await until(() => fleet.count + fleet.refused === 6000)
    assert.deepEqual([fleet.count, fleet.refused], [5000, 1000])
    bus.publish(SUBJECTS.status('x'), encode(nodeStatusOf({ node: 'n1', version: 'x'.repeat(900_000) })))
    await until(() => fleet.nodes().some(({ version }) => version.length === 900_000))
  })

  it('cannot give a hub what it could not write again', async (t) => {
    const bus = await openBus(t)
    const fleet = new Fleet(bus)
    t.after(() => fleet.close())
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    const text = JSON.stringify(nodeStatusOf()).replace('"health":{}', `"health":${deep}`)
    bus.publish(SUBJECTS.status('x'), new TextEncoder().encode(text))
    await until(() => fleet.malformed === 1)
    assert.equal(fleet.count, 0)
  })

  it('cannot send actions in the name of a node from the subject of another', async (t) => {
    const bus = await openBus(t)
    const stream = await bus.stream(STREAM_OPTIONS.actions)
    const delivered: string[] = []
    const consumer = new ActionConsumer({
      stream,
      state: await bus.bucket({ name: 'state' }),
      ready: Promise.resolve(),
      deliver: async ({ action }) => {
        delivered.push(action)
      },
    })
    t.after(() => consumer.close())
    await stream.append('actions.evil', encode(action('good', 'good/b/999999999999999', 'a')), { id: '1' })
    await stream.append('actions.evil', encode(action('evil', 'good/b/999999999999999', 'b')), { id: '2' })
    await stream.append('actions.evil', encode(action('evil', 'evil/b/9007199254740993', 'c')), { id: '3' })
    await stream.append('actions.good', encode(action('good', 'good/b/1', 'd')), { id: '4' })
    await until(() => delivered.length === 1)
    assert.deepEqual([delivered, consumer.counters.malformed], [['d'], 3])
  })

  it('cannot spoil a page, or keep who asks for it for ever', async (t) => {
    const bus = await openBus(t)
    const honest = { node: 'honest', cursor: null, scanned: 1, dropped: {} }
    bus.respond(SUBJECTS.entries('honest'), async () =>
      encodeLines({ ...honest, times: [1], starts: ['a'] }, ['{"id":"1"}']),
    )
    bus.respond(SUBJECTS.entries('liar'), async () =>
      encodeLines({ ...honest, node: 'liar', times: [2], starts: ['a'] }, ['1], "entries": [']),
    )
    bus.respond(SUBJECTS.entries('endless'), async () =>
      encodeLines({ ...honest, node: 'endless', cursor: 'again', times: [], starts: [] }, []),
    )
    // A name that every object of JavaScript has.
    bus.respond(SUBJECTS.entries('constructor'), async () =>
      encodeLines({ ...honest, times: [], starts: [] }, []),
    )
    const workers = ['honest', 'liar', 'endless', 'constructor']
    const { signal } = new AbortController()
    const page = await queryWorkers(
      bus,
      workers,
      { filter: '', limit: 10 },
      { signal, most: Number.POSITIVE_INFINITY },
    )
    assert.deepEqual(page.entries, ['{"id":"1"}'])
    assert.deepEqual(page.missing.toSorted(), ['endless', 'liar'])
    const forged = Buffer.from('{"honest":["",9007199254740991]}').toString('base64url')
    await assert.rejects(
      queryWorkers(bus, workers, { filter: '', limit: 10, cursor: forged }, { signal, most: 10 }),
      {
        code: 'E_REQUEST',
      },
    )
  })
})

async function openBus(t: TestContext): Promise<LocalBus> {
  const bus = openLocalBus({ folder: await tempFolder(t) })
  t.after(() => bus.close())
  return bus
}

function action(node: string, id: string, name: string) {
  return { id, node, agent: 'a', index: 0, title: 'A', at: 1, action: name }
}
