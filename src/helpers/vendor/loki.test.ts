import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { callHelpers } from '../../testing/call-helpers.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { httpServer } from '../../testing/http-server.ts'
import { PartlyFailed } from '../answer.ts'

const PUT = 'vendor.loki.put'

/** https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs */
const pushed = z.strictObject({
  streams: z
    .array(
      z.strictObject({
        stream: z
          .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string())
          .refine((labels) => Object.keys(labels).length > 0),
        values: z
          .array(
            z.union([
              z.tuple([z.string().regex(/^\d{19}$/), z.string()]),
              z.tuple([z.string().regex(/^\d{19}$/), z.string(), z.record(z.string(), z.string())]),
            ]),
          )
          .min(1),
      }),
    )
    .min(1),
})

/** Takes what fits its reference, keeps a line once, and refuses some. */
async function lokiServer(t: TestContext, refused: (line: string) => boolean = () => false) {
  const kept = new Map<string, Set<string>>()
  const server = await httpServer(t, ({ method, path, headers, body }, response) => {
    assert.equal(`${method} ${path}`, 'POST /loki/api/v1/push')
    assert.equal(headers['content-type'], 'application/json')
    const { streams } = pushed.parse(JSON.parse(body))
    const bad = streams.flatMap(({ values }) => values).filter(([, line]) => refused(line))
    if (bad.length > 0) return response.writeHead(400).end('entry for stream has timestamp too old')
    for (const { stream, values } of streams) {
      const lines = kept.get(JSON.stringify(stream)) ?? new Set()
      for (const value of values) lines.add(JSON.stringify(value))
      kept.set(JSON.stringify(stream), lines)
    }
    response.writeHead(204).end()
  })
  return { ...server, kept }
}

describe('vendor.loki.put', () => {
  test('sends a line of a stream, at the time of the agent', async (t) => {
    const server = await lokiServer(t)
    const { call } = await callHelpers(t)
    assert.equal(await call(PUT, server.url, { app: 'shop', port: 80 }, 'it "fails"\n'), undefined)
    assert.deepEqual(JSON.parse(server.seen[0]?.body ?? ''), {
      streams: [{ stream: { app: 'shop', port: '80' }, values: [['1767225600123000000', 'it "fails"\n']] }],
    })
    assert.equal(server.seen[0]?.headers.authorization, undefined)
  })

  test('names tenant and user, adds metadata, and takes another time and address', async (t) => {
    const server = await lokiServer(t)
    const { call } = await callHelpers(t)
    const options = {
      tenant: 'shop',
      user: 'u',
      password: 'pä',
      metadata: { trace: 'x' },
      time: 1_767_225_600_000.5,
    }
    await call(PUT, `${server.url}/loki/api/v1/push`, { app: 'shop' }, { a: 1 }, options)
    await call(PUT, `${server.url}/`, { app: 'shop' }, 'x', { token: 'abc', tenant: null })
    const [first, second] = server.seen
    assert.equal(first?.headers['x-scope-orgid'], 'shop')
    assert.equal(first?.headers.authorization, `Basic ${Buffer.from('u:pä').toString('base64')}`)
    assert.deepEqual(JSON.parse(first?.body ?? '').streams[0].values, [
      ['1767225600000000000', '{"a":1}', { trace: 'x' }],
    ])
    assert.equal(second?.headers.authorization, 'Bearer abc')
    assert.equal(second?.headers['x-scope-orgid'], undefined)
  })

  test('wants labels that Loki knows', async (t) => {
    const { call } = await callHelpers(t)
    await assert.rejects(call(PUT, 'http://a', {}, 'x'), {
      message: /labels: expected at least one label, found/,
    })
    await assert.rejects(call(PUT, 'http://a', { 'a-b': 1 }, 'x'), {
      code: 'E_HELPER_ARGUMENT',
      message: /labels: expected labels with names of letters, digits and _, found/,
    })
  })

  test('sends queued lines in one request, each stream in order', async (t) => {
    const server = await lokiServer(t)
    const { sendBatch } = await callHelpers(t)
    const line = (app: string, text: string) => [server.url, { app, zone: 'a' }, text]
    await sendBatch(PUT, [
      { id: '1', at: 1_767_225_600_000, args: line('shop', 'one') },
      { id: '2', at: 1_767_225_600_000, args: line('cart', 'one') },
      { id: '3', at: 1_767_225_600_000, args: [server.url, { zone: 'a', app: 'shop' }, 'two'] },
      { id: '4', at: 1_767_225_600_000, args: line('shop', 'one') },
      { id: '5', at: 1_767_225_600_001, args: line('shop', 'one') },
    ])
    assert.equal(server.seen.length, 1)
    assert.deepEqual(JSON.parse(server.seen[0]?.body ?? '').streams, [
      {
        stream: { app: 'shop', zone: 'a' },
        values: [
          ['1767225600000000000', 'one'],
          ['1767225600000000000', 'two'],
          ['1767225600000000001', 'one'],
          ['1767225600001000000', 'one'],
        ],
      },
      { stream: { app: 'cart', zone: 'a' }, values: [['1767225600000000000', 'one']] },
    ])
  })

  test('names the queued lines that Loki does not take, and sends the others', async (t) => {
    const server = await lokiServer(t, (line) => line === 'bad 5')
    const { sendBatch } = await callHelpers(t)
    const calls = Array.from({ length: 40 }, (_, at) => {
      const line = at === 5 ? 'bad 5' : `line ${at}`
      return { id: String(at), at: 1_767_225_600_000, args: [server.url, { app: 'shop' }, line] }
    })
    const error = await sendBatch(PUT, calls).catch((error: unknown) => error)
    assert.ok(error instanceof PartlyFailed)
    assert.deepEqual([...error.failures.keys()], [5])
    assert.match(String(error.failures.get(5)), /answered 400: entry for stream has timestamp too old/)
    assert.equal(server.kept.get('{"app":"shop"}')?.size, 39)
  })

  test('does not send what one tenant says for another', async (t) => {
    const server = await lokiServer(t)
    const { sendBatch } = await callHelpers(t)
    const line = (tenant: string) => [server.url, { app: 'shop' }, 'x', { tenant }]
    await sendBatch(PUT, [
      { id: '1', at: 1_767_225_600_000, args: line('a') },
      { id: '2', at: 1_767_225_600_000, args: line('b') },
    ])
    assert.deepEqual(
      server.seen.map(({ headers }) => headers['x-scope-orgid']),
      ['a', 'b'],
    )
  })
})

describeFailures({
  name: 'vendor.loki.put',
  async call(t, { url, secret, network }) {
    const { call } = await callHelpers(t, network)
    await call(PUT, url, { app: 'shop' }, 'x', { user: 'shop', password: secret })
  },
})
