import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import { ask, startTestApi } from '../../testing/api.ts'
import { apiDescription, type Method } from '../../testing/described-answers.ts'
import { Inbox, untilOpen } from '../../testing/sockets.ts'
import { until } from '../../testing/until.ts'

const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** JSON that looks like what is expected, and like nothing. */
const anything = fc.oneof(
  fc.json().map((text): unknown => JSON.parse(text)),
  fc.record(
    {
      title: fc.oneof(fc.string(), fc.anything().map(plain)),
      code: fc.oneof(fc.string(), fc.constantFrom('// A', 'var a')),
      active: fc.oneof(fc.boolean(), fc.integer()),
      ifVersion: fc.oneof(fc.integer(), fc.string()),
      version: fc.oneof(fc.integer(), fc.double()),
      source: fc.oneof(fc.constant(null), fc.record({ path: fc.string() })),
      order: fc.constantFrom('list', 'run', 'x'),
      selector: fc.oneof(fc.record({ tag: fc.string() }), fc.constant(7)),
      enabled: fc.boolean(),
      id: fc.string(),
    },
    { requiredKeys: [] },
  ),
)

describe('whatever comes', () => {
  test('every route answers in its words, and the hub never fails', async (t) => {
    const { url, log } = await startTestApi(t)
    const { paths } = await apiDescription()
    const path = fc.constantFrom(...Object.keys(paths)).chain((template) =>
      fc
        .array(
          fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom('0', '1', '-1', '..', 'A')),
          {
            minLength: 3,
            maxLength: 3,
          },
        )
        .map((values) => {
          const left = [...values]
          return template.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent(left.pop() ?? 'x'))
        }),
    )
    const query = fc.oneof(
      fc.constant(''),
      fc
        .dictionary(
          fc.constantFrom(
            'limit',
            'last',
            'since',
            'filter',
            'q',
            'kfl',
            'cursor',
            'agent',
            'from',
            'ifVersion',
            'x',
          ),
          fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom('http', 'a ==', '__proto__')),
        )
        .map((fields) => `?${new URLSearchParams(fields)}`),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...METHODS),
        path,
        query,
        fc.option(anything),
        async (method, path, query, body) => {
          const sent = method === 'GET' || body === null ? undefined : body
          const { status } = await ask(url, method, `${path}${query}`, { body: sent })
          assert.ok(
            status < 500 || status === 501,
            `${method} ${path}${query}: ${status} ${JSON.stringify(log.at(-1))}`,
          )
        },
      ),
      { numRuns: 200 },
    )
    assert.deepEqual(log, [])
  })

  test('a WebSocket answers each message, and goes on', async (t) => {
    const { url, log } = await startTestApi(t)
    const message = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record(
          {
            subscribe: fc.constantFrom('entries', 'console', 'agents', 'nodes', 'x', '__proto__'),
            id: fc.oneof(fc.string(), fc.integer()),
            unsubscribe: fc.string(),
            filter: fc.oneof(fc.string(), fc.constantFrom('http', 'a ==')),
            last: fc.oneof(fc.integer(), fc.string()),
            since: fc.oneof(fc.double(), fc.string()),
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 50 }), async (messages) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/stream`)
        const inbox = new Inbox(socket)
        await untilOpen(socket)
        for (const each of messages) socket.send(each)
        for (const id of messages.keys()) socket.send(JSON.stringify({ unsubscribe: String(id) }))
        socket.send('{"subscribe":"nodes","id":"the last"}')
        await until(() => inbox.messages.some((text) => text.includes('the last')), 'the last answer')
        for (const text of inbox.messages) JSON.parse(text)
        socket.terminate()
      }),
      { numRuns: 40 },
    )
    assert.deepEqual(log, [])
  })

  test('bytes that are no HTTP are refused, and the next request is answered', async (t) => {
    const { url } = await startTestApi(t)
    const port = Number(new URL(url).port)
    const start = fc.constantFrom(
      '',
      'GET / HTTP/1.1\r\n',
      'POST /api/v1/agents HTTP/1.1\r\nHost: localhost\r\n',
    )
    const upgrade =
      'GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
    const head = fc.oneof(start, fc.constant(upgrade), fc.constant(`${upgrade}${key}`))
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 300 }), async (head, bytes) => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        socket.write(head)
        socket.end(bytes)
        socket.resume()
        await once(socket, 'close')
      }),
      { numRuns: 60 },
    )
    assert.equal((await ask(url, 'GET', '/healthz')).status, 200)
  })
})

function plain(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null')
  } catch {
    return null
  }
}

test('an address that is none is refused as all else is, and not repeated', async (t) => {
  const { url } = await startTestApi(t)
  for (const path of ['%ff%zz', 'a'.repeat(12_000)]) {
    const response = await fetch(`${url}/api/v1/agents/${path}`)
    const answer = { status: response.status, body: await response.json() }
    assert.deepEqual(answer, { status: 400, body: { code: 'E_REQUEST', message: 'this is no address' } })
  }
})
