import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { KeptClients } from './kept-clients.ts'

/** Clients that are numbers, and those that were closed. */
function counted(options?: ConstructorParameters<typeof KeptClients>[0]) {
  const clients = new KeptClients(options)
  const closed: number[] = []
  let last = 0
  const open = async () => {
    const client = ++last
    return { client, close: async () => void closed.push(client) }
  }
  const use = (key: string, work: (client: number) => Promise<unknown> = async () => {}) =>
    clients.with([key], open, async (client) => {
      await work(client)
      return client
    })
  return { clients, closed, use }
}

describe('clients that are kept', () => {
  test('are used again, by several at once, and closed at the end', async () => {
    const { clients, closed, use } = counted()
    assert.deepEqual(await Promise.all([use('a'), use('a'), use('b')]), [1, 1, 2])
    assert.equal(await use('a'), 1)
    await clients.close()
    assert.deepEqual(closed.sort(), [1, 2])
  })

  test('are closed when a call fails, after others that use them', async () => {
    const { closed, use } = counted()
    const going = Promise.withResolvers<void>()
    const other = use('a', () => going.promise)
    await assert.rejects(
      use('a', () => Promise.reject(new Error('no'))),
      /no/,
    )
    assert.deepEqual(closed, [])
    assert.equal(await use('a'), 2)
    going.resolve()
    assert.equal(await other, 1)
    await setTimeout(0)
    assert.deepEqual(closed, [1])
  })

  test('are opened again when that has failed', async () => {
    const clients = new KeptClients()
    const refuse = () => Promise.reject(new Error('cannot'))
    await assert.rejects(
      clients.with(['a'], refuse, async () => {}),
      /cannot/,
    )
    const open = async () => ({ client: 1, close: async () => {} })
    assert.equal(await clients.with(['a'], open, async (client) => client), 1)
    await clients.close()
  })

  test('make room when they are too many, unless all are in use', async () => {
    const { closed, use, clients } = counted({ most: 2 })
    await use('a')
    await use('b')
    await use('a')
    await use('c')
    assert.deepEqual(closed, [2])
    const going = Promise.withResolvers<void>()
    const busy = [use('a', () => going.promise), use('c', () => going.promise)]
    await assert.rejects(use('d'), { code: 'E_HELPER_REFUSED' })
    going.resolve()
    await Promise.all(busy)
    await clients.close()
  })

  test('are closed when nobody has used them for a while', async () => {
    const { closed, use } = counted({ idleMs: 5 })
    await use('a')
    while (closed.length === 0) await setTimeout(5)
    assert.equal(await use('a'), 2)
  })
})
