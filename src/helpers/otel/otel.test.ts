import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Mistake } from '../../mistake/mistake.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { otlpReceiver } from '../../testing/otlp-receiver.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { PartlyFailed } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { HelperHost } from '../helper.ts'
import { otel } from './index.ts'

const AT = 1_767_225_600_123
const NANOS = BigInt(AT) * 1_000_000n

async function hostFor(t: TestContext, overrides: Partial<HelperHost> = {}) {
  const egress = openEgress({ timeoutMs: 2000 })
  t.after(() => egress.close())
  return fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), {
    request: (options) => egress.request(options),
    connect: (options) => egress.connect(options),
    ...overrides,
  })
}

function call(path: string, host: HelperHost, ...args: unknown[]): Promise<unknown> {
  return dispatch([otel], path, args, host)
}

const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'] as const

describe('otel', () => {
  for (const protocol of PROTOCOLS) {
    test(`spans arrive over ${protocol} as OTLP has them`, async (t) => {
      const receiver = await otlpReceiver(t)
      const host = await hostFor(t)
      const options = { protocol, endpoint: protocol === 'grpc' ? receiver.grpc : receiver.http }
      await call('otel.span', host, 'checkout', {
        ...options,
        kind: 'server',
        start: '2026-01-01T00:00:00.123456789Z',
        duration: 1.5,
        status: 'error',
        message: 'out of stock',
        attributes: {
          shop: 'eu',
          items: 3,
          rate: 0.5,
          first: true,
          tags: ['a', 2],
          deep: { a: null, big: -7 },
        },
        events: [{ name: 'retry', time: AT, attributes: { nth: 1 } }],
        links: [{ traceparent: '00-11111111111111111111111111111111-2222222222222222-00' }],
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'vendor=1',
        headers: { 'X-Team': 'shop' },
        service: 'cart',
        resource: { 'deployment.environment.name': 'test' },
      })
      assert.deepEqual(receiver.complaints, [])
      const [request] = receiver.requests
      assert.deepEqual([request?.how, request?.headers['x-team']], [protocol, 'shop'])
      // Servers of gRPC undo it before anybody sees it.
      assert.equal(request?.isGzip, protocol !== 'grpc')
      assert.equal(request?.headers['x-kubeshark-capture'], 'ignore')
      const [got] = receiver.items('traces')
      const { spanId, attributes, events, links, ...rest } = got?.item ?? {}
      assert.match(String(spanId), /^[0-9a-f]{16}$/)
      assert.deepEqual(rest, {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        parentSpanId: 'b7ad6b7169203331',
        traceState: 'vendor=1',
        flags: 0x301,
        name: 'checkout',
        kind: 2,
        startTimeUnixNano: 1767225600123456789n,
        endTimeUnixNano: 1767225600124956789n,
        status: { code: 2, message: 'out of stock' },
      })
      assert.equal((attributes as unknown[]).length, 6)
      assert.deepEqual(got?.attributes, {
        ...{ shop: 'eu', items: 3n, rate: 0.5, first: true },
        ...{ tags: ['a', 2n], deep: { a: null, big: -7n } },
      })
      assert.deepEqual((events as { name: string; timeUnixNano: bigint }[])[0]?.timeUnixNano, NANOS)
      assert.equal((links as { flags: number }[])[0]?.flags, 0x300)
      assert.deepEqual(got?.resource, {
        'host.name': 'node-a',
        'k8s.node.name': 'node-a',
        'service.name': 'cart',
        'service.instance.id': 'node-a-run1',
        'remora.agent': 'test agent',
        'deployment.environment.name': 'test',
      })
    })

    test(`metrics and logs arrive over ${protocol}`, async (t) => {
      const receiver = await otlpReceiver(t)
      const host = await hostFor(t)
      const options = { protocol, endpoint: protocol === 'grpc' ? receiver.grpc : receiver.http }
      await call('otel.metric', host, 'orders', 2, { ...options, type: 'counter', unit: '{order}' })
      await call('otel.metric', host, 'load', 0.25, { ...options, description: 'of the shop' })
      await call('otel.metric', host, 'latency', 60, { ...options, type: 'histogram', bounds: [50, 100] })
      await call('otel.log', host, 'failing', {
        ...options,
        severity: 'error',
        event: 'shop.down',
        traceId: 'A'.repeat(32),
      })
      await call('otel.log', host, { text: 'x', list: [1] }, options)
      assert.deepEqual(receiver.complaints, [])
      assert.deepEqual(
        receiver.items('metrics').map(({ item }) => item),
        [
          {
            name: 'orders',
            unit: '{order}',
            sum: {
              aggregationTemporality: 2,
              isMonotonic: true,
              dataPoints: [
                { startTimeUnixNano: NANOS - 1n, timeUnixNano: NANOS, asDouble: 2, ...NONE(protocol) },
              ],
            },
          },
          {
            name: 'load',
            description: 'of the shop',
            gauge: { dataPoints: [{ timeUnixNano: NANOS, asDouble: 0.25, ...NONE(protocol) }] },
          },
          {
            name: 'latency',
            histogram: {
              aggregationTemporality: 2,
              dataPoints: [
                {
                  ...{
                    startTimeUnixNano: NANOS - 1n,
                    timeUnixNano: NANOS,
                    count: 1n,
                    sum: 60,
                    min: 60,
                    max: 60,
                  },
                  ...{ bucketCounts: [0n, 1n, 0n], explicitBounds: [50, 100], ...NONE(protocol) },
                },
              ],
            },
          },
        ],
      )
      assert.deepEqual(
        receiver.items('logs').map(({ item }) => item),
        [
          {
            ...{
              timeUnixNano: NANOS,
              observedTimeUnixNano: NANOS,
              severityNumber: 17,
              severityText: 'ERROR',
            },
            ...{
              body: { stringValue: 'failing' },
              eventName: 'shop.down',
              traceId: 'a'.repeat(32),
              flags: 1,
            },
            ...NONE(protocol),
          },
          {
            ...{ timeUnixNano: NANOS, observedTimeUnixNano: NANOS, severityNumber: 9, severityText: 'INFO' },
            body: {
              kvlistValue: {
                values: [
                  { key: 'text', value: { stringValue: 'x' } },
                  { key: 'list', value: { arrayValue: { values: [{ intValue: 1n }] } } },
                ],
              },
            },
            ...NONE(protocol),
          },
        ],
      )
    })

    test(`what a receiver does not take fails for good, over ${protocol}`, async (t) => {
      const receiver = await otlpReceiver(t, { partial: { rejected: 300, message: 'too old' } })
      const endpoint = protocol === 'grpc' ? receiver.grpc : receiver.http
      await assert.rejects(call('otel.log', await hostFor(t), 'x', { protocol, endpoint }), {
        message: new RegExp(
          `otel.log: ${new URL(endpoint).host} took the request, and nothing that was in it: too old`,
        ),
        retry: { when: 'never' },
      })
    })
  }

  test('a receiver that has something to say of what it took is a warning', async (t) => {
    const receiver = await otlpReceiver(t, { partial: { rejected: 0, message: 'use v2' } })
    const host = await hostFor(t)
    await call('otel.span', host, 'x', { endpoint: receiver.http })
    assert.deepEqual(host.warnings, [`otel.span: ${new URL(receiver.http).host} says: use v2`])
  })

  test('only errors have a message, and a message alone is an error', async (t) => {
    const receiver = await otlpReceiver(t)
    const host = await hostFor(t)
    for (const status of [undefined, 'error', 'ok', 'unset'])
      await call('otel.span', host, 'x', { endpoint: receiver.http, status, message: 'slow' })
    assert.deepEqual(
      receiver.items('traces').map(({ item }) => item.status),
      [{ code: 2, message: 'slow' }, { code: 2, message: 'slow' }, { code: 1 }, { code: 0 }],
    )
  })

  test('headers end no line, and what is not valid is not tried again', async (t) => {
    const receiver = await otlpReceiver(t)
    const host = await hostFor(t)
    const options = { endpoint: receiver.grpc, protocol: 'grpc' }
    await call('otel.log', host, 'x', { ...options, headers: { 'Api-Key': 'b0a7\n' } })
    assert.equal(receiver.requests[0]?.headers['api-key'], 'b0a7')
    for (const headers of [{ 'X-A': 'a\r\nb: c' }, { 'X A': 'a' }])
      for (const each of [options, { endpoint: receiver.http }])
        await assert.rejects(call('otel.log', host, 'x', { ...each, headers }), {
          code: 'E_HELPER_ARGUMENT',
          message: /not valid HTTP$/,
        })
  })

  test('arguments that make no sense are named', async (t) => {
    const host = await hostFor(t)
    const endpoint = 'http://127.0.0.1:9'
    const cases: [string, unknown[], RegExp][] = [
      ['otel.span', ['x', {}], /nobody says where to send to/],
      ['otel.span', ['x', { endpoint, start: AT, end: AT - 1 }], /ends before it starts/],
      ['otel.span', ['x', { endpoint, duration: 1e300 }], /options.duration: expected ms, found 1e\+300/],
      ['otel.span', ['x', { endpoint, duration: 1e300, start: 0 }], /options.duration: expected ms/],
      ['otel.span', ['x', { endpoint, traceId: 'abc' }], /options.traceId: expected 32 hexadecimal digits/],
      ['otel.span', ['x', { endpoint, start: 'yesterday' }], /options.start: expected ms since 1970/],
      ['otel.span', ['x', { endpoint, kind: 'clint' }], /\["kind"\]: expected "internal", "server"/],
      ['otel.span', ['x', { endpoint, nmae: 'clint' }], /expected no field called nmae/],
      ['otel.metric', ['x', -1, { endpoint, type: 'counter' }], /a counter only rises, found -1/],
      ['otel.metric', ['x', 1, { endpoint, type: 'histogram', bounds: [2, 1] }], /expected rising numbers/],
      ['otel.log', ['x', { endpoint: 'ftp://x' }], /expected a URL/],
    ]
    for (const [path, args, message] of cases)
      await assert.rejects(call(path, host, ...args), (error) => {
        assert.ok(error instanceof Mistake && error.code === 'E_HELPER_ARGUMENT', String(error))
        assert.match(error.message, message)
        return true
      })
  })

  test('requests over gRPC may be large, and say the host that was checked', async (t) => {
    const receiver = await otlpReceiver(t)
    const host = await hostFor(t)
    const { batch } = otel.helpers.log?.where === 'broker' ? (otel.helpers.log.queued ?? {}) : {}
    const calls = Array.from({ length: 512 }, (_, at) => ({
      ...{ id: String(at), at: AT },
      args: {
        body: `${at} ${'x'.repeat(5000)}`,
        options: {
          ...{ protocol: 'grpc', compression: 'none', endpoint: receiver.grpc },
          headers: { ':authority': 'elsewhere', Host: 'elsewhere', Connection: 'close', 'X-Team': 'shop' },
        },
      },
    }))
    await batch?.send(calls, host)
    assert.deepEqual([receiver.complaints, receiver.items('logs').length], [[], 512])
    const { headers } = receiver.requests[0] ?? {}
    assert.ok(!JSON.stringify(headers).includes('elsewhere'))
    assert.equal(headers?.['x-team'], 'shop')
  })

  test('what a script got wrong in one of many calls fails that one alone', async (t) => {
    const receiver = await otlpReceiver(t)
    const host = await hostFor(t)
    const { batch } = otel.helpers.metric?.where === 'broker' ? (otel.helpers.metric.queued ?? {}) : {}
    const calls = [1, -1, 2].map((value) => ({
      ...{ id: String(value), at: AT },
      args: { name: 'orders', value, options: { type: 'counter', endpoint: receiver.http } },
    }))
    await assert.rejects(
      async () => await batch?.send(calls, host),
      (error) => {
        assert.ok(error instanceof PartlyFailed)
        assert.deepEqual([...error.failures.keys()], [1])
        assert.match(String(error.failures.get(1)), /a counter only rises/)
        return true
      },
    )
    const [sum] = receiver.items('metrics')
    assert.match(
      JSON.stringify(sum?.item, (_, each) => (typeof each === 'bigint' ? 0 : each)),
      /"asDouble":3/,
    )
  })

  test('many calls go in one request for each destination, and what is tried again is the same span', async (t) => {
    const [receiver, other] = [await otlpReceiver(t), await otlpReceiver(t)]
    const host = await hostFor(t)
    const { batch } = otel.helpers.span?.where === 'broker' ? (otel.helpers.span.queued ?? {}) : {}
    assert.ok(batch !== undefined)
    const calls = [1, 2, 3].map((nth) => ({
      id: `call-${nth}`,
      at: AT + nth,
      args: { name: `s${nth}`, options: { endpoint: nth === 3 ? other.http : receiver.http } },
    }))
    await batch.send(calls, host)
    await batch.send(calls, host)
    assert.deepEqual([receiver.requests.length, other.requests.length], [2, 2])
    const ids = receiver.items('traces').map(({ item }) => `${item.traceId} ${item.spanId}`)
    assert.deepEqual(ids.slice(0, 2), ids.slice(2))
    assert.equal(new Set(ids).size, 2)
  })
})

/** Empty lists are written in JSON, and not in protobuf. */
function NONE(protocol: string) {
  return protocol === 'http/json' ? { attributes: [] } : {}
}
