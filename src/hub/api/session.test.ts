import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { configSchema } from '../../config/schema.ts'
import { FakeHub } from '../../testing/fake-hub.ts'
import { untilOpen } from '../../testing/sockets.ts'
import { until } from '../../testing/until.ts'
import { newContext } from './context.ts'
import { Session } from './session.ts'

async function pair(t: TestContext) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = new WebSocket(`ws://127.0.0.1:${port}`)
  t.after(() => client.terminate())
  const connected: Promise<WebSocket[]> = once(server, 'connection')
  const [, [socket]] = await Promise.all([untilOpen(client), connected])
  assert.ok(socket)
  const log = { error: () => {}, warn: () => {} }
  const { counters } = newContext({
    control: new FakeHub(),
    config: configSchema.parse({}),
    version: '',
    log,
  })
  return { session: new Session(socket, counters), client, counters, socket }
}

test('a client that takes nothing is behind, and then given up', async (t) => {
  const { session, client, counters, socket } = await pair(t)
  client.pause()
  const text = 'x'.repeat(1 << 20)
  for (let message = 0; message < 24; message++) session.send(text)
  assert.ok(session.isBehind)
  assert.equal(counters.lostClients, 0)
  const waiting = session.caughtUp()
  for (let message = 0; message < 24; message++) session.send(text)
  assert.ok(socket.bufferedAmount < 40 << 20, String(socket.bufferedAmount))
  await waiting
  await until(() => session.signal.aborted, 'its end')
  assert.equal(counters.lostClients, 1)
})

test('a client that takes what it got has caught up', async (t) => {
  const { session, client } = await pair(t)
  client.pause()
  for (let message = 0; message < 16; message++) session.send('x'.repeat(1 << 20))
  const waiting = session.caughtUp()
  client.resume()
  await waiting
  assert.ok(!session.isBehind && !session.signal.aborted)
})

test('a client that does not answer pings is gone', async (t) => {
  const { session, client, counters, socket } = await pair(t)
  for (let beat = 0; beat < 10; beat++) {
    const answered = once(socket, 'pong')
    session.beat()
    await answered
  }
  assert.equal(counters.lostClients, 0)
  client.pause()
  for (let beat = 0; beat < 5; beat++) session.beat()
  assert.equal(counters.lostClients, 1)
  await until(() => session.signal.aborted, 'its end')
})
