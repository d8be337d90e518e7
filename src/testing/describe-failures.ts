import assert from 'node:assert/strict'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { Refusal, retryOf } from '../helpers/answer.ts'
import { type Egress, openEgress } from '../helpers/egress.ts'
import type { HelperHost } from '../helpers/helper.ts'
import { Mistake } from '../mistake/mistake.ts'
import { certificate } from './certificate.ts'
import { httpServer } from './http-server.ts'

/** What each helper that talks HTTP to a service does when that fails. */
export interface FailingHelper {
  /** In titles of tests. */
  readonly name: string
  /**
   * Makes one call whose requests go to `url` (`http://127.0.0.1:1234`, or https and localhost), by `request`. Uses
   * `secret` for its credentials: it must not be in any error.
   */
  call(
    t: TestContext,
    sink: { readonly url: string; readonly secret: string; readonly network: SinkNetwork },
  ): Promise<unknown>
  /** Status and body with which the service refuses credentials. 401 and nothing by default. */
  readonly unauthorized?: { readonly status: number; readonly body: string }
  /** A reply of 200 that is not what the service says; undefined: any reply will do. */
  readonly malformed?: string
  /** Statuses of a server that is out of order which may pass. 500 and 503 by default. */
  readonly passing?: readonly number[]
}

/** To be mixed into the host of the helper. */
export type SinkNetwork = Pick<HelperHost, 'request' | 'connect' | 'addressOf'>

export function describeFailures({
  name,
  call,
  unauthorized,
  malformed,
  passing = [500, 503],
}: FailingHelper): void {
  describe(`${name}, when the other side fails`, () => {
    const to = async (t: TestContext, url: string, egress = shortEgress(t)) => {
      try {
        const network: SinkNetwork = {
          request: (options) => egress.request(options),
          connect: (options) => egress.connect(options),
          addressOf: (host, port) => egress.addressOf(host, port),
        }
        await call(t, { url, secret: SECRET, network })
      } catch (error) {
        assert.ok(error instanceof Mistake, String(error))
        assert.equal(error.code, 'E_HELPER_FAILED', error.message)
        assert.ok(!error.message.includes(SECRET), error.message)
        return error
      }
      throw new Error('it did not fail')
    }
    const answering = async (
      t: TestContext,
      status: number,
      body = '',
      headers: Readonly<Record<string, string>> = {},
    ) => {
      const server = await httpServer(t, (_, response) => response.writeHead(status, headers).end(body))
      return await to(t, server.url)
    }

    test('credentials that are refused are refused for good', async (t) => {
      const { status, body } = unauthorized ?? { status: 401, body: '' }
      const error = await answering(t, status, body)
      assert.ok(error instanceof Refusal, error.message)
      assert.equal(error.status, status)
      assert.deepEqual(error.retry, { when: 'never' })
    })

    test('429 with Retry-After says when it may go on', async (t) => {
      const error = await answering(t, 429, '', { 'retry-after': '7' })
      assert.deepEqual(retryOf(error), { when: 'later', afterMs: 7000 })
    })

    test('5xx may pass', async (t) => {
      for (const status of passing) {
        const error = await answering(t, status, 'out of order')
        assert.equal(retryOf(error).when, 'later', error.message)
      }
    })

    test('no answer in time, and a body that stops coming', async (t) => {
      const silent = await httpServer(t, () => undefined)
      const halfway = await httpServer(t, (_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{')
      })
      for (const { url } of [silent, halfway]) {
        const error = await to(t, url)
        assert.equal(retryOf(error).when, 'later', error.message)
      }
    })

    test('nobody listens', async (t) => {
      const server = createServer()
      const port = await listen(server)
      await new Promise((resolve) => server.close(resolve))
      const error = await to(t, `http://127.0.0.1:${port}`)
      assert.match(error.message, /connection refused/)
      assert.equal(retryOf(error).when, 'later')
    })

    test('a certificate of another name, and one that nobody trusts', async (t) => {
      const { cert, key } = await certificate(t, 'elsewhere.example')
      const server = createHttpsServer({ cert, key }, (_, response) => response.end('{}'))
      const url = `https://localhost:${await listen(server)}`
      t.after(() => server.close())
      const trusting = shortEgress(t, cert)
      assert.match((await to(t, url, trusting)).message, /certificate is for another name/)
      assert.match((await to(t, url)).message, /certificate is self-signed/)
    })

    test('what is no HTTP', async (t) => {
      const server = createServer((socket: Socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.end('220 mail.example ESMTP\r\n'))
      })
      t.after(() => server.close())
      await to(t, `http://127.0.0.1:${await listen(server)}`)
    })

    if (malformed !== undefined)
      test('a reply that makes no sense', async (t) => {
        await answering(t, 200, malformed, { 'content-type': 'application/json' })
      })
  })
}

function shortEgress(t: TestContext, ca?: string): Egress {
  const egress = openEgress({ timeoutMs: 300, totalMs: 3000, ...(ca === undefined ? {} : { ca }) })
  t.after(() => egress.close())
  return egress
}

async function listen(server: {
  listen(port: number, host: string, done: () => void): unknown
  address(): unknown
}): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** What no error may show. */
const SECRET = 'planted-5e2c9a'
