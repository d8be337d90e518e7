import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Mistake } from '../../mistake/mistake.ts'
import { certificate } from '../../testing/certificate.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { natsCluster, natsServer } from '../../testing/nats-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { until } from '../../testing/until.ts'
import { PartlyFailed, Refusal, retryOf } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { type EgressOptions, openEgress } from '../egress.ts'
import type { HelperHost, QueuedCall } from '../helper.ts'
import { nats } from './nats.ts'

async function open(
  t: TestContext,
  overrides: Partial<HelperHost> & { readonly egress?: EgressOptions } = {},
) {
  const { egress: rules, ...others } = overrides
  const egress = openEgress({ timeoutMs: 1000, ...rules })
  const connected: number[] = []
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1000), {
    connect: (options) => {
      connected.push(options.port)
      return egress.connect(options)
    },
    ...others,
  })
  t.after(async () => {
    await host.clients.close()
    await egress.close()
  })
  const put = (...args: readonly unknown[]) => dispatch([nats], 'vendor.nats.put', args, host)
  /** What it throws, which has nothing secret. */
  const failure = async (...args: readonly unknown[]): Promise<Mistake> => {
    try {
      await put(...args)
    } catch (error) {
      assert.ok(error instanceof Mistake, String(error))
      assert.ok(!error.message.includes(SECRET), error.message)
      return error
    }
    throw new Error('it did not fail')
  }
  return { host, put, failure, connected }
}

const SECRET = 'planted-5e2c9a'

/** A reader of everything that comes on a subject. */
async function subscribed(t: TestContext, url: string, subject: string) {
  const connection = await connect({ servers: url })
  t.after(() => connection.close())
  const messages = connection.subscribe(subject)
  await connection.flush()
  const read: { text: string; headers: Record<string, string[]> }[] = []
  void (async () => {
    for await (const { headers, data } of messages)
      read.push({
        text: Buffer.from(data).toString(),
        headers: Object.fromEntries(
          (headers?.keys() ?? []).map((name) => [name, headers?.values(name) ?? []]),
        ),
      })
  })()
  return { connection, read }
}

/** A stream `S` of `s.>`, and what is in it. */
async function stream(t: TestContext, url: string, maxMsgSize = -1) {
  const connection = await connect({ servers: url })
  t.after(() => connection.close())
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'S', subjects: ['s.>'], max_msg_size: maxMsgSize })
  return async () => {
    const { state } = await manager.streams.info('S')
    const kept: string[] = []
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await manager.streams.getMessage('S', { seq })
      kept.push(Buffer.from(message?.data ?? []).toString())
    }
    return kept
  }
}

/** As the outbox sends them. */
async function sendAll(host: HelperHost, calls: readonly (readonly unknown[])[]): Promise<void> {
  const { put } = nats.helpers
  assert.ok(put?.where === 'broker')
  const queued = calls.map(([servers, subject, payload, options = {}], at) => ({
    id: `q${at}`,
    at: 0,
    args: { servers: [servers], subject, payload, options },
  }))
  await put.queued?.batch?.send(queued as unknown as QueuedCall[], host)
}

describe('vendor.nats.put', () => {
  test('publishes to who listens, without JetStream', async (t) => {
    const server = await natsServer(t, { jetStream: false })
    if (server === undefined) return
    const { put, host, connected, failure } = await open(t)
    const { connection, read } = await subscribed(t, server.url, 'alerts.>')
    const nothing = { stream: null, seq: null, duplicate: false }
    assert.deepEqual(
      await put(server.url, 'alerts.a', { n: 1, t: 'ü' }, { headers: { Team: 'shop' } }),
      nothing,
    )
    assert.deepEqual(await put([`127.0.0.1:${server.port}`], 'alerts.b', '/wA=', { base64: true }), nothing)
    await sendAll(
      host,
      Array.from({ length: 20 }, (_, at) => [server.url, 'alerts.c', `${at}`]),
    )
    await connection.flush()
    // They are handed on one after another.
    await until(() => read.length >= 22)
    assert.deepEqual(read[0], { text: '{"n":1,"t":"ü"}', headers: { Team: ['shop'] } })
    assert.equal(read[1]?.text, '\ufffd\0')
    assert.deepEqual(
      read.slice(2).map(({ text }) => text),
      Array.from({ length: 20 }, (_, at) => `${at}`),
    )
    // The same server, written in two ways.
    assert.equal(connected.length, 1)
    const error = await failure(server.url, 'nobody', 'x', { jetStream: true })
    assert.match(error.message, /no stream takes this subject/)
    assert.equal(retryOf(error).when, 'later')
  })

  test('waits until a stream has it, once for each id', async (t) => {
    const server = await natsServer(t)
    if (server === undefined) return
    const kept = await stream(t, server.url)
    const { put, host } = await open(t)
    const js = { jetStream: true }
    assert.deepEqual(await put(server.url, 's.a', 'one', js), { stream: 'S', seq: 1, duplicate: false })
    assert.deepEqual(await put(server.url, 's.a', 'two', { ...js, id: 'x' }), {
      stream: 'S',
      seq: 2,
      duplicate: false,
    })
    assert.deepEqual(await put(server.url, 's.a', 'two', { ...js, id: 'x' }), {
      stream: 'S',
      seq: 2,
      duplicate: true,
    })
    const calls = ['three', 'four', 'five'].map((text) => [server.url, 's.b', text, js])
    await sendAll(host, calls)
    // The outbox does not know whether it has arrived.
    await sendAll(host, [...calls, [server.url, 's.b', 'six', js]])
    assert.deepEqual(await kept(), ['one', 'two', 'three', 'four', 'five', 'six'])
  })

  test('survives a server that is killed in the middle', async (t) => {
    const server = await natsServer(t)
    if (server === undefined) return
    await stream(t, server.url)
    const { put, failure, host } = await open(t)
    await put(server.url, 's.a', 'before', { jetStream: true })
    await server.kill()
    const error = await failure(server.url, 's.a', 'lost', { jetStream: true })
    assert.equal(retryOf(error).when, 'later', error.message)
    const refused = await failure(server.url, 's.a', 'lost')
    assert.match(refused.message, /connection refused/)
    await assert.rejects(sendAll(host, [[server.url, 's.a', 'again', { jetStream: true }]]), (thrown) => {
      assert.equal(retryOf(thrown).when, 'later')
      return true
    })
    await server.start()
    await sendAll(host, [[server.url, 's.a', 'again', { jetStream: true }]])
    assert.deepEqual(await put(server.url, 's.a', 'after'), { stream: null, seq: null, duplicate: false })
    const reader = await connect({ servers: server.url })
    t.after(() => reader.close())
    const { state } = await (await jetstreamManager(reader)).streams.info('S')
    assert.equal(state.messages, 3)
  })

  test('says what is refused, and goes on with what is not', async (t) => {
    const server = await natsServer(t)
    if (server === undefined) return
    const kept = await stream(t, server.url, 100)
    const { failure, host, put } = await open(t)
    const js = { jetStream: true }
    const large = await failure(server.url, 's.a', 'x'.repeat(101), js)
    assert.ok(large instanceof Refusal, large.message)
    assert.deepEqual(large.retry, { when: 'never' }, large.message)
    const larger = await failure(server.url, 's.a', 'x'.repeat((1 << 20) + 1))
    assert.match(larger.message, /1048577 bytes are more than the 1048576/)
    assert.deepEqual(retryOf(larger), { when: 'never' })
    const calls = ['one', 'x'.repeat(101), 'two'].map((text) => [server.url, 's.b', text, js])
    await assert.rejects(sendAll(host, calls), (error) => {
      assert.ok(error instanceof PartlyFailed)
      assert.deepEqual([...error.failures.keys()], [1])
      return true
    })
    assert.deepEqual(await kept(), ['one', 'two'])
    const { connection } = await subscribed(t, server.url, 'echo')
    connection.subscribe('answers', { callback: (_, message) => void message.respond('nonsense') })
    await connection.flush()
    assert.match((await failure(server.url, 'answers', 'x', js)).message, /what answers there is no stream/)
    for (const subject of ['', 'a b', 'a.*', '>', '.a', 'a..b'])
      assert.equal((await failure(server.url, subject, 'x')).code, 'E_HELPER_ARGUMENT', subject)
    for (const servers of ['', 'http://a', 'a:b', [], `nats://ann:${SECRET}@a`])
      assert.equal((await failure(servers, 'a', 'x')).code, 'E_HELPER_ARGUMENT', String(servers))
    assert.equal((await failure(server.url, 'a', 'x', { headers: { 'a b': 'c' } })).code, 'E_HELPER_ARGUMENT')
    assert.equal(
      (await failure(server.url, 'a', 'x', { headers: { a: 'c\r\nd: e' } })).code,
      'E_HELPER_ARGUMENT',
    )
    await put(server.url, 'a', 'x')
  })

  test('logs in, and tells what it may not do', async (t) => {
    const folder = await tempFolder(t)
    const config = join(folder, 'nats.conf')
    writeFileSync(
      config,
      `authorization { users: [ { user: ann, password: "${SECRET}", permissions: { publish: ["open.>"], subscribe: ["_INBOX.>"] } } ] }`,
    )
    const server = await natsServer(t, { args: ['-c', config] })
    if (server === undefined) return
    const { put, failure } = await open(t)
    const login = { user: 'ann', password: SECRET }
    await put(server.url, 'open.a', 'x', login)
    for (const jetStream of [false, true]) {
      const error = await failure(server.url, 'closed.a', 'x', { ...login, jetStream })
      assert.match(error.message, /not permitted/)
      assert.deepEqual(retryOf(error), { when: 'never' })
    }
    for (const wrong of [{}, { ...login, user: 'bob' }, { token: SECRET }]) {
      const error = await failure(server.url, 'open.a', 'x', wrong)
      assert.match(error.message, /wrong credentials/)
      assert.deepEqual(retryOf(error), { when: 'never' })
    }
    const creds = await failure(server.url, 'open.a', 'x', { creds: SECRET })
    assert.match(creds.message, /creds/)
    assert.deepEqual(retryOf(creds), { when: 'never' })
    const withToken = await natsServer(t, { args: ['-auth', SECRET] })
    if (withToken !== undefined) await put(withToken.url, 'a', 'x', { token: SECRET })
  })

  test('trusts the certificate that it is given, and no other', async (t) => {
    const { cert, certFile, keyFile } = await certificate(t)
    const server = await natsServer(t, { args: ['--tls', '--tlscert', certFile, '--tlskey', keyFile] })
    const plain = await natsServer(t)
    if (server === undefined || plain === undefined) return
    const { put, failure } = await open(t)
    const to = `localhost:${server.port}`
    await put(to, 'a', 'x', { tls: { ca: cert } })
    await put(`tls://${to}`, 'a', 'x', { tls: { ca: cert } })
    assert.match((await failure(to, 'a', 'x')).message, /certificate is self-signed/)
    const trusting = await open(t, { egress: { ca: cert } })
    await trusting.put(to, 'a', 'x')
    const other = await failure(`127.0.0.1:${server.port}`, 'a', 'x', {
      tls: { ca: cert, servername: 'elsewhere.example' },
    })
    assert.match(other.message, /certificate is for another name/)
    assert.match((await failure(plain.url, 'a', 'x', { tls: true })).message, /has no TLS/)
    assert.match((await failure(`tls://localhost:${plain.port}`, 'a', 'x')).message, /has no TLS/)
  })

  test('goes nowhere else than to the servers that it is given, by the rules', async (t) => {
    const servers = await natsCluster(t)
    if (servers === undefined) return
    const [first, second] = servers
    const { put, failure, connected } = await open(t)
    await put(first?.url, 'a', 'x')
    await first?.kill()
    assert.match((await failure(first?.url, 'a', 'x')).message, /connection/)
    assert.deepEqual([...new Set(connected)], [first?.port])
    await put(`${first?.url},${second?.url}`, 'a', 'x')
    assert.equal(connected.at(-1), second?.port)
    const denied = await open(t, { egress: { deny: ['127.0.0.0/8'] } })
    const error = await denied.failure(second?.url, 'a', 'x')
    assert.equal(error.code, 'E_HELPER_REFUSED')
    assert.equal((await denied.failure('169.254.169.254', 'a', 'x')).code, 'E_HELPER_REFUSED')
  })

  test('fails for what is no NATS, and when nobody answers in time', async (t) => {
    const listening = async (server: Server) => {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => server.close())
      return `127.0.0.1:${(server.address() as { port: number }).port}`
    }
    const { failure } = await open(t)
    for (const text of ['220 mail.example ESMTP\r\n', 'INFO {"a":1}\r\n', 'INFO nothing\r\n', '']) {
      const server = createServer((socket) => socket.on('error', () => {}).end(text))
      const error = await failure(await listening(server), 'a', 'x')
      assert.match(error.message, /is not NATS/, text)
      assert.equal(retryOf(error).when, 'later')
    }
    const silent = createServer((socket) => socket.on('error', () => {}))
    const late = await open(t, { signal: AbortSignal.timeout(200) })
    const error = await late.failure(await listening(silent), 'a', 'x')
    assert.match(error.message, /the time for this call is up|no answer/)
    assert.equal(retryOf(error).when, 'later')
  })

  test('is rehearsed without a server', async (t) => {
    const { host } = await open(t)
    const rehearsed = (options: object) =>
      dispatch([nats], 'vendor.nats.put', ['[::1]:1', 'a', '1', options], host, { how: 'rehearsed' })
    assert.deepEqual(await rehearsed({}), { stream: null, seq: null, duplicate: false })
    assert.deepEqual(await rehearsed({ jetStream: true }), { stream: 'rehearsed', seq: 1, duplicate: false })
  })
})
