import assert from 'node:assert/strict'
import { connect, createServer, type Server } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { Mistake } from '../../mistake/mistake.ts'
import { certificate } from '../../testing/certificate.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { kafkaBrokers, kcat, scriptedKafka } from '../../testing/kafka-broker.ts'
import { hasTools } from '../../testing/loopback.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { Refusal, retryOf } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { HelperHost, QueuedCall } from '../helper.ts'
import { kafka } from './kafka.ts'

async function open(t: TestContext, overrides: Partial<HelperHost> & { readonly deny?: string[] } = {}) {
  const { deny = [], ...others } = overrides
  const egress = openEgress({ timeoutMs: 1000, deny })
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
  const put = (...args: readonly unknown[]) => dispatch([kafka], 'vendor.kafka.put', args, host)
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
const SASL = { mechanism: 'plain', username: 'ann', password: SECRET }

/** As the outbox sends them. */
async function sendAll(host: HelperHost, calls: readonly (readonly unknown[])[]): Promise<void> {
  const { put } = kafka.helpers
  assert.ok(put?.where === 'broker')
  const [brokers, topic] = calls[0] as [string, string]
  const queued = calls.map(([, , payload, options = {}], at) => ({
    id: `q${at}`,
    at: 0,
    args: { brokers: brokers.split(','), topic, payload, options },
  }))
  await put.queued?.batch?.send(queued as unknown as QueuedCall[], host)
}

describe('vendor.kafka.put', () => {
  test('puts messages where kcat finds them, byte by byte and in order', async (t) => {
    if (!hasTools(t, 'kcat')) return
    const { ports } = await kafkaBrokers(t, { brokers: 3 })
    const brokers = ports.map((port) => `127.0.0.1:${port}`).join()
    const { put, host } = await open(t)
    const first = await put(
      brokers,
      'T',
      { path: '/ü', n: 1 },
      { key: 'cart', headers: { team: 'shop ✓', b: '' } },
    )
    assert.deepEqual(first, { topic: 'T', partition: (first as { partition: number }).partition, offset: 0 })
    const second = await put(brokers.split(','), 'T', 'plain', { key: 'cart' })
    assert.deepEqual(second, { ...(first as object), offset: 1 })
    assert.deepEqual(await put(brokers, 'P', 'third', { partition: 2 }), {
      topic: 'P',
      partition: 2,
      offset: 0,
    })
    assert.deepEqual(await put(brokers, 'P', 'AP/+', { partition: 2, base64: true, acks: 'leader' }), {
      topic: 'P',
      partition: 2,
      offset: 1,
    })
    assert.deepEqual(await put(brokers, 'P', 'quick', { partition: 1, acks: 'none' }), {
      topic: 'P',
      partition: 1,
      offset: -1,
    })
    await sendAll(
      host,
      Array.from({ length: 500 }, (_, at) => [brokers, 'Q', `message ${at}`, { key: 'k' }]),
    )
    const read = (topic: string, format: string) =>
      kcat(['-b', brokers, '-C', '-q', '-e', '-o', 'beginning', '-t', topic, '-f', format])
    assert.equal(await read('T', '%k|%h|%s\n'), 'cart|team=shop ✓,b=|{"path":"/ü","n":1}\ncart||plain\n')
    const inP = (await read('P', '%p %S %s;')).split(';').sort()
    assert.deepEqual(inP, ['', '1 5 quick', '2 3 \0\ufffd\ufffd', '2 5 third'])
    const inQ = (await read('Q', '%s\n')).trimEnd().split('\n')
    assert.deepEqual(
      inQ,
      Array.from({ length: 500 }, (_, at) => `message ${at}`),
    )
  })

  test('keeps connections for the next call, and opens new ones after a failure', async (t) => {
    const broker = await scriptedKafka(t)
    const { put, failure, connected } = await open(t)
    const to = `127.0.0.1:${broker.port}`
    assert.deepEqual(await put(to, 'a', '1'), { topic: 'a', partition: 0, offset: 41 })
    const before = connected.length
    await put(to, 'b', '2')
    await put(to, 'a', '3', { headers: { x: 'y' } })
    assert.equal(connected.length, before)
    assert.match(
      (await failure(to, 'a', '4', { partition: 7 })).message,
      /^vendor\.kafka\.put: a has no partition 7$/,
    )
    await put(to, 'a', '5')
    assert.ok(connected.length > before)
  })

  test('is an idempotent producer where the cluster has them: a batch that is sent again is known', async (t) => {
    const broker = await scriptedKafka(t, { initProducerId: 0, dropped: 1 })
    const { put } = await open(t)
    const to = `127.0.0.1:${broker.port}`
    assert.deepEqual(await put(to, 'a', '1'), { topic: 'a', partition: 0, offset: 41 })
    await put(to, 'a', '2')
    const numbers = broker.batches.map((batch) => [batch.readBigInt64BE(43), batch.readInt32BE(53)])
    assert.deepEqual(numbers, [
      [77n, 0],
      [77n, 0],
      [77n, 1],
    ])
  })

  test('logs in', async (t) => {
    const broker = await scriptedKafka(t)
    const { put } = await open(t)
    await put(`127.0.0.1:${broker.port}`, 'a', '1', { sasl: SASL })
    assert.ok(broker.logins[0]?.endsWith(`\0ann\0${SECRET}`))
    const scram = await scriptedKafka(t, { scram: { password: SECRET } })
    const proven = { ...SASL, mechanism: 'scram-sha-256' }
    await put(`127.0.0.1:${scram.port}`, 'a', '1', { sasl: proven })
    assert.ok(scram.logins.length > 0 && scram.logins.every((said) => !said.includes(SECRET)))
    const guessed = await open(t)
    const refused = await guessed.failure(`127.0.0.1:${scram.port}`, 'a', '1', {
      sasl: { ...proven, password: 'guessed' },
    })
    assert.match(refused.message, /wrong credentials/)
    const wrong = await scriptedKafka(t, { login: 58 })
    const { failure } = await open(t)
    const error = await failure(`127.0.0.1:${wrong.port}`, 'a', '1', { sasl: SASL })
    assert.match(error.message, /wrong credentials/)
    assert.deepEqual(retryOf(error), { when: 'never' })
    const unknown = await failure(`127.0.0.1:${wrong.port}`, 'a', '1', {
      sasl: { ...SASL, mechanism: 'scram-sha-512' },
    })
    assert.deepEqual(retryOf(unknown), { when: 'never' }, unknown.message)
  })

  test('says what the cluster refuses, and whether it is worth another attempt', async (t) => {
    for (const [script, words, status, when] of [
      [{ metadata: 3 }, /there is no such topic/, 404, 'later'],
      [{ metadata: 29 }, /not permitted for this topic/, 403, 'never'],
      [{ metadata: 17 }, /no name for a topic/, 400, 'never'],
      [{ produce: 10 }, /the message is larger/, 413, 'never'],
      [{ produce: 19 }, /NOT_ENOUGH_REPLICAS/, 503, 'later'],
      [{ produce: 29 }, /not permitted/, 403, 'never'],
    ] as const) {
      const broker = await scriptedKafka(t, script)
      const { failure } = await open(t)
      const error = await failure(`127.0.0.1:${broker.port}`, 'a', '1')
      assert.match(error.message, words)
      assert.ok(error instanceof Refusal)
      assert.equal(error.status, status)
      assert.equal(retryOf(error).when, when, error.message)
    }
  })

  test('goes nowhere that the rules forbid, whatever the cluster says', async (t) => {
    const broker = await scriptedKafka(t, { leader: { host: '169.254.169.254', port: 80 } })
    const { failure, connected } = await open(t)
    const error = await failure(`127.0.0.1:${broker.port}`, 'a', '1')
    assert.equal(error.code, 'E_HELPER_REFUSED')
    assert.match(error.message, /169\.254\.169\.254/)
    assert.deepEqual(retryOf(error), { when: 'never' })
    assert.ok(connected.includes(80))
    const denied = await open(t, { deny: ['127.0.0.1'] })
    assert.equal((await denied.failure(`127.0.0.1:${broker.port}`, 'a', '1')).code, 'E_HELPER_REFUSED')
  })

  test('fails when nobody listens, nobody answers in time, and for what is no Kafka', async (t) => {
    const listening = async (server: Server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as { port: number }
      return `127.0.0.1:${port}`
    }
    const gone = createServer()
    const nowhere = await listening(gone)
    gone.close()
    const { failure } = await open(t)
    const refused = await failure(nowhere, 'a', '1')
    assert.match(refused.message, /connection refused/)
    assert.equal(retryOf(refused).when, 'later')

    const smtp = createServer((socket) => socket.on('error', () => {}).end('220 mail.example ESMTP\r\n'))
    t.after(() => smtp.close())
    const other = await failure(await listening(smtp), 'a', '1')
    assert.match(other.message, /is not Kafka/)

    const silent = await scriptedKafka(t, { isSilent: true })
    const late = await open(t, { signal: AbortSignal.timeout(700) })
    const error = await late.failure(`127.0.0.1:${silent.port}`, 'a', '1')
    assert.match(error.message, /the time for this call is up/)
    assert.equal(retryOf(error).when, 'later')
  })

  test('trusts the certificate that it is given, and no other', async (t) => {
    const { cert, key } = await certificate(t)
    let inside = 0
    const server = createTlsServer({ cert, key }, (socket) => {
      const inner = connect(inside, '127.0.0.1')
      socket.on('error', () => inner.destroy()).pipe(inner)
      inner.on('error', () => socket.destroy()).pipe(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as { port: number }
    const broker = await scriptedKafka(t, { leader: { host: 'localhost', port } })
    inside = broker.port
    const { put, failure } = await open(t)
    assert.match(
      (await failure(`localhost:${port}`, 'a', '1', { tls: true })).message,
      /certificate is self-signed/,
    )
    const other = await failure(`localhost:${port}`, 'a', '1', {
      tls: { ca: cert, servername: 'elsewhere.example' },
    })
    assert.match(other.message, /certificate is for another name/)
    const sent = await put(`localhost:${port}`, 'a', '1', { tls: { ca: cert }, sasl: SASL })
    assert.deepEqual(sent, { topic: 'a', partition: 0, offset: 41 })
    // Of TLS it says nothing that Kafka would.
    const plain = await failure(`localhost:${port}`, 'a', '1')
    assert.equal(plain.code, 'E_HELPER_FAILED', plain.message)
  })

  test('takes brokers as text and as a list, and nothing else', async (t) => {
    const { failure } = await open(t)
    for (const brokers of ['', 'http://kafka:9092', 'a:b', [], 'a b', `ann:${SECRET}@kafka:9092`]) {
      const error = await failure(brokers, 'a', '1')
      assert.equal(error.code, 'E_HELPER_ARGUMENT', String(brokers))
    }
    assert.equal((await failure('kafka', 'two words', '1')).code, 'E_HELPER_ARGUMENT')
    assert.equal((await failure('kafka', 'a', '1', { acks: 'some' })).code, 'E_HELPER_ARGUMENT')
  })

  test('is rehearsed without a cluster', async (t) => {
    const { host } = await open(t)
    const args = ['[::1]:1,kafka', 'a', '1', { partition: 3 }]
    assert.deepEqual(await dispatch([kafka], 'vendor.kafka.put', args, host, { how: 'rehearsed' }), {
      topic: 'a',
      partition: 3,
      offset: 0,
    })
  })
})
