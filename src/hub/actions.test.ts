import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { openLocalBus } from '../bus/local.ts'
import { openShared, type Shared } from '../node/streams.ts'
import { until } from '../testing/until.ts'
import type { HubAction } from '../wire/actions.ts'
import { encode } from '../wire/codec.ts'
import { STREAMS } from '../wire/subjects.ts'
import { ActionConsumer } from './actions.ts'

describe('actions on their way to the agents of a hub', () => {
  test('wait until these are there', async (t) => {
    const shared = await opened(t)
    await send(shared, 1)
    const ready = Promise.withResolvers<void>()
    const told: string[] = []
    const consumer = consumerOf(shared, ready.promise, told)
    t.after(() => consumer.close())
    await send(shared, 2)
    await othersHave(t, shared, 2)
    told.push('ready')
    ready.resolve()
    await until(() => told.length === 3)
    assert.deepEqual(told, ['ready', 'n1/b1/1', 'n1/b1/2'])
  })

  test('are left to the next hub when this one ends before', async (t) => {
    const shared = await opened(t)
    await send(shared, 1)
    const told: string[] = []
    const first = consumerOf(shared, new Promise(() => {}), told)
    await first.close()
    assert.deepEqual(told, [])
    const second = consumerOf(shared, Promise.resolve(), told)
    t.after(() => second.close())
    await until(() => told.length === 1)
  })

  test('are delivered once, however often they were sent', async (t) => {
    const shared = await opened(t)
    const told: string[] = []
    const consumer = consumerOf(shared, Promise.resolve(), told)
    t.after(() => consumer.close())
    for (const number of [1, 2, 1, 2, 3]) await send(shared, number, `${Math.random()}`)
    await until(() => told.includes('n1/b1/3'))
    assert.deepEqual(told, ['n1/b1/1', 'n1/b1/2', 'n1/b1/3'])
    assert.equal(consumer.counters.duplicates, 2)
  })
})

async function opened(t: TestContext): Promise<Shared> {
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  return openShared(bus)
}

function consumerOf({ actions, state }: Shared, ready: Promise<void>, told: string[]): ActionConsumer {
  return new ActionConsumer({
    stream: actions,
    state,
    ready,
    deliver: async ({ id }) => {
      told.push(id)
    },
  })
}

/** Resolves when somebody else has taken so many: who took none by then does not want them. */
async function othersHave(t: TestContext, { actions }: Shared, count: number): Promise<void> {
  const ending = new AbortController()
  let taken = 0
  const consuming = actions.consume('other', async () => void taken++, ending.signal)
  t.after(() => ending.abort())
  await until(() => taken === count)
  ending.abort()
  await consuming
}

/** `streamId`: under which the stream knows it, when not by its own. */
async function send({ actions }: Shared, number: number, streamId?: string): Promise<void> {
  const id = `n1/b1/${number}`
  const action: HubAction = { id, node: 'n1', agent: 'a', index: 0, title: 'A', at: 0, action: 'x' }
  await actions.append(`${STREAMS.actions}.n1`, encode(action), { id: streamId ?? id })
}
