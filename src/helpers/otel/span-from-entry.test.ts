import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type CorpusCapture, corpusOrSkip } from '../../testing/corpus.ts'
import { entriesOf, goldenEntries } from '../../testing/entry-json.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { otlpReceiver, type ReceivedItem } from '../../testing/otlp-receiver.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import { ENTRY_FIELDS } from './entry-fields.ts'
import { otel } from './index.ts'
import { spanFromEntry } from './span-from-entry.ts'

/** One capture of the corpus for each protocol; `node --test --test-update-snapshots` writes their spans again. */
const CAPTURES = [
  ...[
    'own-h1-basics',
    'own-h2-basics',
    'own-grpc',
    'own-graphql',
    'own-ws-plain',
    'own-tls',
    'own-kafka',
    'own-amqp',
  ],
  ...[
    'own-mqtt',
    'own-redis',
    'own-mongo',
    'own-mysql',
    'own-pg',
    'own-dns',
    'own-ldap',
    'own-radius',
    'own-diameter',
  ],
]

async function hostFor(t: TestContext) {
  const egress = openEgress({ timeoutMs: 5000 })
  t.after(() => egress.close())
  return fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), {
    request: (options) => egress.request(options),
  })
}

/** What a receiver has of the spans of these entries. */
async function spansOf(
  t: TestContext,
  entries: readonly string[],
  options: Record<string, unknown> = {},
): Promise<readonly ReceivedItem[]> {
  const receiver = await otlpReceiver(t)
  const host = await hostFor(t)
  const calls = entries.map((entry, at) => ({
    id: String(at),
    at: 0,
    args: { data: JSON.parse(entry), options: { endpoint: receiver.http, ...options } },
  }))
  for (let at = 0; at < calls.length; at += 512)
    await spanFromEntry.queued?.batch?.send(calls.slice(at, at + 512), host)
  assert.deepEqual(receiver.complaints, [])
  return receiver.items('traces')
}

async function oneSpan(
  t: TestContext,
  entry: object,
  options: Record<string, unknown> = {},
): Promise<ReceivedItem> {
  const [span] = await spansOf(t, [JSON.stringify({ ...ENTRY, ...entry })], options)
  assert.ok(span !== undefined)
  return span
}

const ENTRY = {
  id: 'w/s.pcap-0',
  protocol: { name: 'http', abbr: 'HTTP', layer4: 'tcp' },
  startTime: '2026-01-01T00:00:00.000000123Z',
  elapsedTime: 1500,
  src: { ip: '10.0.0.1', port: '5000', name: 'cart', namespace: 'shop' },
  dst: { ip: '10.0.0.2', port: '80', name: 'price', namespace: 'shop' },
  request: { method: 'GET', url: '/items?token=1&a=2', path: '/items', headers: {} },
  response: { status: 200 },
  error: null,
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

describe('otel.spanFromEntry', () => {
  test('describes each protocol as the conventions have it', async (t) => {
    for (const capture of chosen(t)) {
      const spans = await spansOf(t, await entriesOf(capture.path))
      t.assert.fileSnapshot(distinct(spans), goldenOf(capture.name), { serializers: [pretty] })
    }
  })

  test('gives attributes no names that the conventions do not have, for any entry that there is', async (t) => {
    const known = conventionalNames()
    const all = [...(await goldenEntries())]
    for (const capture of chosen(t)) all.push(...(await entriesOf(capture.path)))
    for (const side of ['client', 'server'])
      for (const { item, attributes, resource } of await spansOf(t, all, { side, query: 'raw' }))
        for (const name of [...Object.keys(attributes), ...Object.keys(resource)])
          assert.ok(name.startsWith('remora.') || known.has(name), `${item.name}: ${name}`)
  })

  test('makes the same of entries of which only what it reads has crossed', async (t) => {
    for (const capture of chosen(t)) {
      const whole = await spansOf(t, await entriesOf(capture.path))
      assert.deepEqual(await spansOf(t, await entriesOf(capture.path, ENTRY_FIELDS)), whole, capture.name)
    }
  })

  test('continues a trace, as a child of the span whose id was seen', async (t) => {
    const headers = { Traceparent: `00-${TRACE}-${SPAN}-00`, TraceState: 'a=1' }
    const { item } = await oneSpan(t, { request: { ...ENTRY.request, headers } })
    assert.deepEqual(
      [item.traceId, item.parentSpanId, item.traceState, item.flags],
      [TRACE, SPAN, 'a=1', 0x300],
    )
    assert.deepEqual(
      [item.startTimeUnixNano, item.endTimeUnixNano],
      [1767225600000000123n, 1767225600001500123n],
    )
  })

  test('knows traces in B3, in messages and in comments of SQL', async (t) => {
    const traceparent = `00-${TRACE}-${SPAN}-01`
    const kafka = (...records: object[]) => ({
      protocol: { name: 'kafka' },
      request: { apiKeyName: 'Produce', topics: ['orders'], payload: { x: { record: records } } },
    })
    const record = { headers: [{ headerKey: 'traceparent', value: traceparent }] }
    const cases = {
      'b3 in one': { request: { ...ENTRY.request, headers: { b3: `${TRACE}-${SPAN}-1` } } },
      'b3 in several': {
        request: {
          ...ENTRY.request,
          headers: { 'X-B3-TraceId': TRACE, 'X-B3-SpanId': SPAN, 'X-B3-Sampled': '1' },
        },
      },
      Kafka: kafka(record, record, { headers: [] }),
      AMQP: {
        protocol: { name: 'amqp' },
        request: { method: 'basic publish', properties: { headers: { traceparent } } },
      },
      'AMQP, fetched': {
        protocol: { name: 'amqp' },
        request: { method: 'basic get' },
        response: { properties: { headers: { traceparent } } },
      },
      MQTT: {
        protocol: { name: 'mqtt' },
        request: { type: 'PUBLISH', properties: { userProperties: { traceparent } } },
      },
      SQL: {
        protocol: { name: 'mysql' },
        request: { command: 'COM_QUERY', query: `select 1 /*traceparent='${traceparent}'*/` },
      },
      MongoDB: {
        protocol: { name: 'mongodb' },
        request: { command: 'find', body: { find: 'x', comment: { traceparent } } },
      },
    }
    for (const [name, entry] of Object.entries(cases)) {
      const { item } = await oneSpan(t, entry)
      assert.deepEqual(
        [item.traceId, item.parentSpanId, item.flags, item.links],
        [TRACE, SPAN, 0x301, undefined],
        name,
      )
    }
    const other = { headers: [{ headerKey: 'traceparent', value: `00-${TRACE}-00000000000000ff-00` }] }
    const { item } = await oneSpan(t, kafka(record, other))
    assert.equal(item.parentSpanId, undefined)
    assert.deepEqual(
      (item.links as { spanId: string; flags: number }[]).map(({ spanId, flags }) => [spanId, flags]),
      [
        [SPAN, 0x301],
        ['00000000000000ff', 0x300],
      ],
    )
  })

  test('says of the node of a pod that it is that one, and nothing of an address that is not known', async (t) => {
    const pod = { metadata: { name: 'cart-1' }, spec: { nodeName: 'far' } }
    const there = await oneSpan(t, { node: { name: 'here' }, dst: { ip: '10.0.0.2', port: '80', pod } })
    assert.deepEqual([there.resource['host.name'], there.resource['k8s.node.name']], ['far', 'far'])
    const here = await oneSpan(t, { node: { name: 'here' }, src: {}, dst: { ip: '10.0.0.2' } })
    assert.deepEqual([here.resource['host.name'], here.resource['k8s.node.name']], ['here', 'here'])
    assert.equal(here.attributes['network.type'], undefined)
    const six = await oneSpan(t, { src: { ip: 'fd00::1', port: '5' } })
    assert.equal(six.attributes['network.type'], 'ipv6')
  })

  test('what is no trace context begins a trace, the same one each time', async (t) => {
    const values = [
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${'0'.repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      'nonsense',
    ]
    const ids = new Set<unknown>()
    for (const traceparent of values) {
      const { item } = await oneSpan(t, { request: { ...ENTRY.request, headers: { traceparent } } })
      assert.equal(item.parentSpanId, undefined, traceparent)
      ids.add(`${item.traceId} ${item.spanId}`)
    }
    assert.equal(ids.size, 1)
    const asClient = await oneSpan(t, {}, { side: 'client' })
    assert.ok(!ids.has(`${asClient.item.traceId} ${asClient.item.spanId}`))
    // A later version of the header may have more to it.
    const headers = { traceparent: `01-${TRACE}-${SPAN}-01-more` }
    assert.equal((await oneSpan(t, { request: { ...ENTRY.request, headers } })).item.traceId, TRACE)
  })

  test('belongs to the service that was called, or to the one that called', async (t) => {
    const server = await oneSpan(t, {})
    assert.deepEqual([server.item.kind, server.resource['service.name']], [2, 'price'])
    assert.equal(server.attributes['client.service.name'], 'cart')
    assert.deepEqual(
      [server.attributes['url.path'], server.attributes['url.query']],
      ['/items', 'token=REDACTED&a=2'],
    )
    const client = await oneSpan(t, {}, { side: 'client' })
    assert.deepEqual([client.item.kind, client.resource['service.name']], [3, 'cart'])
    assert.equal(client.attributes['url.full'], 'http://price/items?token=REDACTED&a=2')
    assert.equal((await oneSpan(t, {}, { service: 'mine' })).resource['service.name'], 'mine')
  })

  test('is named after the route, where the script knows it, or as the script says', async (t) => {
    const attributes = { 'http.route': '/items/{id}' }
    assert.equal((await oneSpan(t, {}, { attributes })).item.name, 'GET /items/{id}')
    assert.equal((await oneSpan(t, {}, { attributes, name: 'items' })).item.name, 'items')
    const dns = { protocol: { name: 'dns' }, request: { questions: [{ name: 'a', type: 'A' }] } }
    assert.equal((await oneSpan(t, dns, { attributes })).item.name, 'DNS A')
  })

  test('4xx is an error of the client alone, 5xx of both, and what was never answered of both', async (t) => {
    const outcome = async (entry: object, side: string) => {
      const { item, attributes } = await oneSpan(t, entry, { side })
      return [(item.status as { code?: number } | undefined)?.code, attributes['error.type']]
    }
    assert.deepEqual(await outcome({ response: { status: 404 } }, 'server'), [undefined, undefined])
    assert.deepEqual(await outcome({ response: { status: 404 } }, 'client'), [2, '404'])
    assert.deepEqual(await outcome({ response: { status: 503 } }, 'server'), [2, '503'])
    const silent = { response: null, error: { type: 'timeout', msg: 'no reply' } }
    assert.deepEqual(await outcome(silent, 'server'), [2, 'timeout'])
    const grpc = (grpcStatus: number) => ({
      protocol: { name: 'http', abbr: 'gRPC' },
      request: { grpcService: 'a.B', grpcMethod: 'C', headers: {} },
      response: { grpcStatus },
    })
    assert.deepEqual(await outcome(grpc(5), 'server'), [undefined, undefined])
    assert.deepEqual(await outcome(grpc(5), 'client'), [2, 'NOT_FOUND'])
    assert.deepEqual(await outcome(grpc(14), 'server'), [2, 'UNAVAILABLE'])
  })

  test('leaves out what is not sampled, when it is asked to', async (t) => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00` }
    const entry = JSON.stringify({ ...ENTRY, request: { ...ENTRY.request, headers } })
    assert.deepEqual(await spansOf(t, [entry], { onlySampled: true }), [])
    assert.equal((await spansOf(t, [entry, JSON.stringify(ENTRY)], { onlySampled: true })).length, 1)
  })

  test('shows no values of a query, unless it is asked to', async (t) => {
    const entry = {
      protocol: { name: 'postgresql' },
      request: { command: 'Query', query: "select * from users where token = 'planted'", database: 'shop' },
    }
    const text = async (query?: string) =>
      (await oneSpan(t, entry, query === undefined ? {} : { query })).attributes['db.query.text']
    assert.equal(await text(), 'select * from users where token = ?')
    assert.match(String(await text('raw')), /planted/)
    assert.equal(await text('none'), undefined)
  })

  test('names what is no entry', async (t) => {
    const host = await hostFor(t)
    for (const data of [undefined, null, 7, {}, { id: 'x' }, { id: 'x', protocol: { name: 'http' } }])
      await assert.rejects(
        dispatch([otel], 'otel.spanFromEntry', [data, { endpoint: 'http://127.0.0.1:9' }], host),
        {
          code: 'E_HELPER_ARGUMENT',
        },
      )
  })
})

function chosen(t: TestContext): CorpusCapture[] {
  return corpusOrSkip(t).filter(({ name }) => CAPTURES.includes(name.replace(/\.pcap$/, '')))
}

/** The first span of each name and outcome, as people can read it. */
function distinct(spans: readonly ReceivedItem[]): unknown[] {
  const seen = new Map<string, unknown>()
  for (const { item, attributes, resource } of spans) {
    const { name, kind, status, parentSpanId, links } = item
    const key = `${name} ${attributes['error.type']}`
    if (seen.size < MOST_SHOWN && !seen.has(key))
      seen.set(key, { name, kind, status, parentSpanId, links, attributes, resource })
  }
  return [...seen.values()]
}

const MOST_SHOWN = 12

function pretty(value: unknown): string {
  const text = (_: string, each: unknown) => (typeof each === 'bigint' ? Number(each) : each)
  return `${JSON.stringify(value, text, 1)}\n`
}

function goldenOf(capture: string): string {
  return fileURLToPath(new URL(`golden/${capture.replace(/\.pcap$/, '.golden.json')}`, import.meta.url))
}

/** Names of attributes, of all stages, as OpenTelemetry publishes them. */
function conventionalNames(): ReadonlySet<unknown> {
  const transformer = createRequire(import.meta.url).resolve('@opentelemetry/otlp-transformer')
  const names = createRequire(createRequire(transformer).resolve('@opentelemetry/sdk-trace'))(
    '@opentelemetry/semantic-conventions/incubating',
  ) as Readonly<Record<string, unknown>>
  return new Set(Object.entries(names).flatMap(([name, value]) => (name.startsWith('ATTR_') ? value : [])))
}
