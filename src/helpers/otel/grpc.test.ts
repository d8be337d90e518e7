import assert from 'node:assert/strict'
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { fakeHost } from '../../testing/helper-host.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import { otel } from './index.ts'

/** A receiver that counts connections; `act` answers. */
async function receiver(t: TestContext, act: (stream: ServerHttp2Stream) => void = takeAll) {
  const sessions: ServerHttp2Session[] = []
  const server = createServer()
  server.on('session', (session) => {
    session.on('error', () => {})
    sessions.push(session)
  })
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    stream.resume()
    stream.on('end', () => act(stream))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sessions }
}

function takeAll(stream: ServerHttp2Stream): void {
  answer(stream, 0)
}

function answer(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status) }))
  stream.end(Buffer.alloc(5))
}

async function hostFor(t: TestContext) {
  const egress = openEgress({ timeoutMs: 5000 })
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), {
    connect: (options) => egress.connect(options),
    env: { OTEL_EXPORTER_OTLP_TIMEOUT: 1000.5 },
  })
  t.after(() => host.clients.close())
  t.after(() => egress.close())
  return host
}

function send(host: Awaited<ReturnType<typeof hostFor>>, endpoint: string): Promise<unknown> {
  return dispatch([otel], 'otel.log', ['x', { protocol: 'grpc', endpoint }], host)
}

describe('connections for gRPC', () => {
  test('are kept, also when the receiver refuses, and carry many calls at once', async (t) => {
    let status = 0
    const { endpoint, sessions } = await receiver(t, (stream) => answer(stream, status))
    const host = await hostFor(t)
    await send(host, endpoint)
    await Promise.all(Array.from({ length: 50 }, () => send(host, endpoint)))
    status = 14
    await assert.rejects(send(host, endpoint), /answered UNAVAILABLE/)
    status = 0
    await send(host, endpoint)
    assert.equal(sessions.length, 1)
  })

  test('are those of one agent', async (t) => {
    const { endpoint, sessions } = await receiver(t)
    const host = await hostFor(t)
    await send(host, endpoint)
    await send({ ...host, agent: { title: 'another', index: 1 } }, endpoint)
    assert.equal(sessions.length, 2)
  })

  test('are made anew when the receiver has ended them, broken them or kept silent', async (t) => {
    let act = takeAll
    const { endpoint, sessions } = await receiver(t, (stream) => act(stream))
    const host = await hostFor(t)
    const ends = [
      (session: ServerHttp2Session) => session.close(),
      (session: ServerHttp2Session) => session.destroy(),
    ]
    for (const [at, end] of ends.entries()) {
      await send(host, endpoint)
      end(sessions.at(-1) as ServerHttp2Session)
      // Whoever has not heard of it yet fails once.
      for (; sessions.length < at + 2; ) await send(host, endpoint).catch(() => {})
    }
    assert.equal(sessions.length, 3)
    act = () => {}
    await assert.rejects(send(host, endpoint), /did not answer in time/)
    act = (stream) => stream.session?.destroy()
    await assert.rejects(send(host, endpoint), /closed the connection|HTTP\/2/)
    act = takeAll
    await send(host, endpoint)
    assert.equal(sessions.length, 5)
  })
})
