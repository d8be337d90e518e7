import assert from 'node:assert/strict'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { status as STATUS } from '@grpc/grpc-js'
import { Mistake } from '../../mistake/mistake.ts'
import { certificate } from '../../testing/certificate.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { httpServer } from '../../testing/http-server.ts'
import { otlpReceiver } from '../../testing/otlp-receiver.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { Refusal, retryOf } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import { otel } from './index.ts'

/** OTLP names four statuses of HTTP that pass: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes */
const PASSING = [502, 503]

for (const [helper, ...args] of [
  ['otel.metric', 'orders', 1],
  ['otel.span', 'checkout'],
  ['otel.log', 'failing'],
  ['otel.spanFromEntry', { id: 'a', protocol: { name: 'dns' }, timestamp: 1 }],
] as const)
  describeFailures({
    name: helper,
    passing: PASSING,
    async call(t, { url, secret, network }) {
      const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), network)
      const options = { endpoint: `${url}/${secret}?key=${secret}`, headers: { 'api-key': secret } }
      await dispatch([otel], helper, [...args, options], host)
    },
  })

describe('OTLP over HTTP', () => {
  test('500 does not pass', async (t) => {
    const server = await httpServer(t, (_, response) => response.writeHead(500).end())
    await assert.rejects(logTo(t, server.url, { protocol: 'http/json' }), {
      status: 500,
      retry: { when: 'never' },
    })
  })

  test('a web page is no receiver', async (t) => {
    const server = await httpServer(t, (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
    )
    await assert.rejects(
      logTo(t, server.url, { protocol: 'http/protobuf' }),
      /a web page, so it is no OTLP endpoint/,
    )
  })

  test('the reason is what the receiver says, without keys that it quotes', async (t) => {
    const server = await httpServer(t, (_, response) =>
      response
        .writeHead(403, { 'content-type': 'application/json' })
        .end('{"code":7,"message":"bad key planted-77"}'),
    )
    const headers = { 'x-honeycomb-team': 'planted-77' }
    await assert.rejects(logTo(t, server.url, { protocol: 'http/json', headers }), (error: Mistake) => {
      assert.match(error.message, /^otel.log: 127.0.0.1:\d+ answered 403: bad key \[x-honeycomb-team\]$/)
      return true
    })
  })
})

describe('OTLP over gRPC, when the other side fails', () => {
  const statuses = [
    ['UNAUTHENTICATED', undefined, { when: 'never' }],
    ['PERMISSION_DENIED', undefined, { when: 'never' }],
    ['INVALID_ARGUMENT', undefined, { when: 'never' }],
    ['UNIMPLEMENTED', undefined, { when: 'never' }],
    ['INTERNAL', undefined, { when: 'never' }],
    ['UNAVAILABLE', undefined, { when: 'later' }],
    ['UNAVAILABLE', 2500, { when: 'later', afterMs: 2500 }],
    ['RESOURCE_EXHAUSTED', undefined, { when: 'never' }],
    ['RESOURCE_EXHAUSTED', 7000, { when: 'later', afterMs: 7000 }],
    ['ABORTED', undefined, { when: 'later' }],
    ['CANCELLED', undefined, { when: 'later' }],
    ['DEADLINE_EXCEEDED', undefined, { when: 'later' }],
    ['OUT_OF_RANGE', undefined, { when: 'later' }],
    ['DATA_LOSS', undefined, { when: 'later' }],
  ] as const
  for (const [name, retryMs, retry] of statuses)
    test(`${name}${retryMs === undefined ? '' : ' that says when'}: ${retry.when}`, async (t) => {
      const answer = { code: STATUS[name], message: 'it is planted-5e2c9a' }
      const receiver = await otlpReceiver(t, {
        grpc: retryMs === undefined ? answer : { ...answer, retryMs },
      })
      await assert.rejects(logTo(t, receiver.grpc, { headers: { 'api-key': 'planted-5e2c9a' } }), (error) => {
        assert.ok(error instanceof Refusal)
        assert.match(
          error.message,
          new RegExp(`^otel.log: 127.0.0.1:\\d+ answered ${name}: it is \\[api-key\\]$`),
        )
        assert.deepEqual([error.status, error.retry], [STATUS[name], retry])
        return true
      })
    })

  test('proxies that answer by HTTP alone', async (t) => {
    for (const [status, name, when] of [
      [503, 'UNAVAILABLE', 'later'],
      [404, 'UNIMPLEMENTED', 'never'],
      [401, 'UNAUTHENTICATED', 'never'],
    ] as const) {
      const url = await http2Server(t, (stream) => {
        stream.respond({ ':status': status })
        stream.end('<html>')
      })
      const error = await failure(t, url)
      assert.match(error.message, new RegExp(`answered ${name}: HTTP ${status}`))
      assert.equal(retryOf(error).when, when)
    }
  })

  test('no answer in time, and an answer that stops', async (t) => {
    for (const act of [
      () => undefined,
      (stream: ServerHttp2Stream) => stream.respond({ ':status': 200, 'content-type': 'application/grpc' }),
    ]) {
      const error = await failure(t, await http2Server(t, act))
      assert.match(error.message, /did not answer in time/)
      assert.equal(retryOf(error).when, 'later')
    }
  })

  test('a connection that is closed, and one where nobody listens', async (t) => {
    const closing = await failure(t, await http2Server(t, (stream) => stream.session?.destroy()))
    assert.match(closing.message, /closed the connection|HTTP\/2/)
    const resetting = await failure(t, await http2Server(t, (stream) => stream.close(2)))
    assert.match(resetting.message, /HTTP\/2/)
    const server = createServer()
    const port = await listen(t, server)
    await new Promise((resolve) => server.close(resolve))
    const nobody = await failure(t, `http://127.0.0.1:${port}`)
    assert.match(nobody.message, /connection refused/)
    for (const error of [closing, resetting, nobody]) assert.equal(retryOf(error).when, 'later')
  })

  test('what speaks no HTTP/2, with TLS and without', async (t) => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    })
    assert.match((await failure(t, `http://127.0.0.1:${await listen(t, server)}`)).message, /HTTP\/2/)
    const { cert, key } = await certificate(t)
    const https = createHttpsServer({ cert, key, ALPNProtocols: ['http/1.1'] })
    const url = `https://localhost:${await listen(t, https)}`
    const error = await failure(t, url, cert)
    assert.equal(error.code, 'E_HELPER_FAILED')
  })

  test('a certificate that nobody trusts, and one of another name; the right one is taken', async (t) => {
    const right = await certificate(t)
    const receiver = await otlpReceiver(t, {}, right)
    assert.match((await failure(t, receiver.grpc)).message, /certificate is self-signed/)
    await logTo(t, receiver.grpc, {}, right.cert)
    assert.equal(receiver.items('logs').length, 1)
    const wrong = await certificate(t, 'elsewhere.example')
    const other = await otlpReceiver(t, {}, wrong)
    assert.match((await failure(t, other.grpc, wrong.cert)).message, /certificate is for another name/)
  })

  test('where the egress rules forbid it', async (t) => {
    const error = await failure(t, 'http://169.254.169.254:4317')
    assert.equal(error.code, 'E_HELPER_REFUSED')
  })
})

async function logTo(t: TestContext, endpoint: string, options: object = {}, ca?: string): Promise<void> {
  const egress = openEgress({ timeoutMs: 2000, ...(ca === undefined ? {} : { ca }) })
  t.after(() => egress.close())
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), {
    request: (request) => egress.request(request),
    connect: (request) => egress.connect(request),
    env: { OTEL_EXPORTER_OTLP_TIMEOUT: 500 },
  })
  await dispatch([otel], 'otel.log', ['x', { protocol: 'grpc', endpoint, ...options }], host)
}

async function failure(t: TestContext, endpoint: string, ca?: string): Promise<Mistake> {
  try {
    await logTo(t, endpoint, {}, ca)
  } catch (error) {
    assert.ok(error instanceof Mistake, String(error))
    return error
  }
  throw new Error('it did not fail')
}

async function http2Server(t: TestContext, act: (stream: ServerHttp2Stream) => unknown): Promise<string> {
  const server = createHttp2Server()
  server.on('session', (session) => {
    session.on('error', () => {})
    t.after(() => session.destroy())
  })
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    act(stream)
  })
  return `http://127.0.0.1:${await listen(t, server)}`
}

async function listen(t: TestContext, server: Pick<Server, 'listen' | 'address' | 'close'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close())
  return (server.address() as AddressInfo).port
}
