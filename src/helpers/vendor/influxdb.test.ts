import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Point } from '@influxdata/influxdb-client'
import fc from 'fast-check'
import { callHelpers } from '../../testing/call-helpers.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { httpServer } from '../../testing/http-server.ts'
import { influxDb } from '../../testing/influxdb-server.ts'
import { hasTools } from '../../testing/loopback.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { PartlyFailed, Refusal, retryOf } from '../answer.ts'

async function open(t: TestContext, overrides: Parameters<typeof callHelpers>[1] = {}) {
  const { call, sendBatch, warnings } = await callHelpers(t, overrides)
  return { call: (...args: unknown[]) => call('vendor.influxdb', ...args), sendBatch, warnings }
}

/** What version 2 answers who has the token and an organization and a bucket that are there. */
async function version2(t: TestContext) {
  return await httpServer(t, ({ method, path, headers }, response) => {
    const url = new URL(path, 'http://influxdb')
    const refuse = (status: number, code: string, message: string) =>
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ code, message }))
    if (method !== 'POST' || url.pathname !== '/api/v2/write')
      return refuse(404, 'not found', 'path not found')
    if (headers.authorization !== 'Token good') return refuse(401, 'unauthorized', 'unauthorized access')
    if (url.searchParams.get('bucket') !== 'traffic & more')
      return refuse(404, 'not found', `bucket "${url.searchParams.get('bucket')}" not found`)
    assert.deepEqual([...url.searchParams.keys()].sort(), ['bucket', 'org', 'precision'])
    assert.match(String(headers['content-type']), /^text\/plain/)
    response.writeHead(204).end()
  })
}

describe('vendor.influxdb', () => {
  test('writes a point to version 2, with six arguments and with seven', async (t) => {
    const server = await version2(t)
    const { call, warnings } = await open(t)
    const to = ['good', 'shop', 'traffic & more'] as const
    const data = { ok: 3, failed: undefined, ms: 12.5, host: 'a "b" \\', up: true, none: null }
    assert.equal(await call(server.url, ...to, 'http', data), undefined)
    await call(`${server.url}/`, ...to, 'http status', data, {
      pod: 'cart, 1',
      zone: '',
      none: undefined,
      n: 5,
    })
    const fields = String.raw`ok=3,ms=12.5,host="a \"b\" \\",up=true`
    const [first = '', second = ''] = server.seen.map(({ body }) => body)
    assert.ok(first.startsWith(`http ${fields} `), first)
    assert.match(first, / 1767225600123\d{6}$/)
    const start = `http\\ status,pod=cart\\,\\ 1,n=5 ${fields} `
    assert.ok(second.startsWith(start), second)
    assert.equal(server.seen[0]?.path, '/api/v2/write?org=shop&bucket=traffic+%26+more&precision=ns')
    assert.deepEqual(warnings, [])
  })

  test('writes below the path of a proxy', async (t) => {
    const server = await httpServer(t, (_, response) => response.writeHead(204).end())
    const { call } = await open(t)
    await call(`${server.url}/influx/?a=b`, '', '', 'b', 'm', { a: 1 })
    assert.equal(server.seen[0]?.path, '/influx/api/v2/write?org=&bucket=b&precision=ns')
    assert.equal(server.seen[0]?.headers.authorization, undefined)
  })

  test('flattens objects, keeps lists as JSON, and leaves out what is no number', async (t) => {
    const server = await httpServer(t, (_, response) => response.writeHead(204).end())
    const { call, warnings } = await open(t)
    const data = { a: { b: { c: 1, none: null }, empty: {} }, list: [1, 'x'], odd: Number.NaN, inf: -1 / 0 }
    await call(server.url, '', '', 'b', 'm', data)
    assert.match(String(server.seen[0]?.body), /^m a\.b\.c=1,list="\[1,\\"x\\"\]" \d+$/)
    assert.deepEqual(warnings, ['vendor.influxdb: odd, inf: no finite number, left out'])
  })

  test('writes nothing where no field has a value, and says so once', async (t) => {
    const { call, warnings } = await open(t)
    await call('http://127.0.0.1:9', '', '', 'b', 'http', {})
    await call('http://127.0.0.1:9', '', '', 'b', 'http', { a: null, b: {} })
    assert.deepEqual(warnings, ['vendor.influxdb: http: no field has a value, nothing is written'])
  })

  test('gives two points of one moment different times, and one that is sent again the same', async (t) => {
    const server = await httpServer(t, (_, response) => response.writeHead(204).end())
    const { call } = await open(t)
    const again = await open(t, { queuedId: 'id-1' })
    const args = [server.url, '', '', 'b', 'm', { a: 1 }] as const
    for (const each of [call, call, again.call, again.call]) await each(...args)
    const [a, b, c, d] = server.seen.map(({ body }) => body)
    assert.notEqual(a, b)
    assert.equal(c, d)
  })

  test('tells why it was refused', async (t) => {
    const server = await version2(t)
    const { call } = await open(t)
    const host = `127.0.0.1:${server.port}`
    await assert.rejects(call(server.url, 'bad', 'shop', 'traffic & more', 'm', { a: 1 }), {
      message: `vendor.influxdb: ${host} answered 401: unauthorized access`,
    })
    await assert.rejects(call(server.url, 'good', 'shop', 'gone', 'm', { a: 1 }), {
      message: `vendor.influxdb: ${host} answered 404: bucket "gone" not found`,
    })
    await assert.rejects(call(server.url, 'good', 'shop', 'b', '# m', { a: 1 }), {
      code: 'E_HELPER_ARGUMENT',
      message: /measurement: expected a name that does not begin with #, found "# m"$/,
    })
  })

  test('escapes as the client of InfluxDB does', async (t) => {
    const { lines, write } = await written(t)
    // A backslash before what is escaped, or at the end, has no form in the line protocol; what the client writes is read otherwise.
    // Numbers as names would come first, whatever the order in which they were given.
    const name = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !/\\([,= ]|$)|^#|^\d/.test(text))
    const value = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    )
    const fields = fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true })
    const tags = fc.dictionary(name, name, { noNullPrototype: true })
    await fc.assert(
      fc.asyncProperty(name, fields, tags, async (measurement, data, given) => {
        await write('http://127.0.0.1:9', '', '', 'b', measurement, sorted(data), sorted(given))
        const point = new Point(measurement)
        for (const [key, each] of Object.entries(data))
          if (typeof each === 'string') point.stringField(key, each)
          else point.floatField(key, each)
        for (const [key, each] of Object.entries(given)) point.tag(key, each)
        const time = lines.at(-1)?.match(/\d+$/)?.[0]
        assert.equal(lines.at(-1), point.timestamp(time).toLineProtocol())
      }),
    )
  })
})

/** The client sorts fields and tags. */
function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What would be sent, without sending it. */
async function written(t: TestContext) {
  const lines: string[] = []
  const { call } = await open(t, {
    request: async ({ body }) => {
      lines.push(String(body))
      return { status: 204, headers: {}, body: '' }
    },
  })
  return { lines, write: call }
}

describe('vendor.influxdb with a real InfluxDB 1', () => {
  test('writes what comes back by a query', async (t) => {
    if (!hasTools(t, 'influxd')) return
    const influx = await influxDb(t, await tempFolder(t))
    const { call } = await open(t)
    const to = ['remora:fish', '', 'traffic'] as const
    const data = {
      'a b,c=d': 'quoted "text"\\ with\na line, and = ümläut',
      big: 1e21,
      small: -2.5e-9,
      whole: 3,
      yes: true,
      'ends with \\': 'x\\',
    }
    const tags = { 'p o,d=': 'cart =1,2', zone: 'line\nbreak', ending: 'back\\' }
    await call(influx.url, ...to, 'http, status=x', data, tags)
    const [series] = await influx.query('SELECT * FROM "http, status=x" GROUP BY *')
    assert.deepEqual(series?.tags, { 'p o,d=': 'cart =1,2', zone: 'line\\nbreak', ending: 'back' })
    const row = Object.fromEntries(series?.columns.map((name, at) => [name, series.values[0]?.[at]]) ?? [])
    const { time, ...found } = row
    const { 'ends with \\': last, ...rest } = data
    assert.deepEqual(found, { ...rest, 'ends with ': last })
    assert.equal(Math.trunc(Number(time) / 1e6), 1_767_225_600_123)
  })

  test('lets no name with backslashes become something else', async (t) => {
    if (!hasTools(t, 'influxd')) return
    const influx = await influxDb(t, await tempFolder(t))
    const { call } = await open(t)
    const names = ['a\\=b', 'a\\\\ b=1', 'a\\,b=2', '\\', 'a\\b', 'a\\\nb', 'x'.padEnd(60_000, '\\')]
    const plain = ['a=b', 'a b=1', 'a,b=2', 'a\\b', 'a\\nb', 'x']
    for (const [at, name] of names.entries()) {
      const data = { [name]: at, whole: 1 }
      await call(influx.url, 'remora:fish', '', 'traffic', `m${at}`, data, { [name]: 'v', of: name })
      const [series] = await influx.query(`SELECT * FROM m${at} GROUP BY *`)
      const expected = plain[at < 3 ? at : at - 1]
      const isNothing = name === '\\'
      assert.deepEqual(
        series?.columns.filter((each) => each !== 'time' && each !== 'whole'),
        isNothing ? [] : [expected],
      )
      assert.deepEqual(series?.tags ?? {}, isNothing ? {} : { [String(expected)]: 'v', of: expected })
    }
  })

  test('tells what a write is refused for', async (t) => {
    if (!hasTools(t, 'influxd')) return
    const influx = await influxDb(t, await tempFolder(t))
    const { call } = await open(t)
    const told = async (...args: unknown[]) => {
      const error = await call(influx.url, ...args).catch((error: unknown) => error)
      assert.ok(error instanceof Refusal)
      assert.deepEqual(error.retry, { when: 'never' })
      return error.message.replace(/^.* answered /, '')
    }
    assert.equal(await told('remora:bird', '', 'traffic', 'm', { a: 1 }), '401: authorization failed')
    assert.equal(await told('remora:fish', '', 'gone', 'm', { a: 1 }), '404: database not found: "gone"')
    await call(influx.url, 'remora:fish', '', 'traffic/autogen', 'm', { a: 1 })
    assert.match(
      await told('remora:fish', '', 'traffic', 'm', { a: 'text' }),
      /^400: partial write: field type conflict: input field "a" on measurement "m" is type string, already exists as type float dropped=1$/,
    )
  })

  test('takes many points at once, and names the ones that it does not take', async (t) => {
    if (!hasTools(t, 'influxd')) return
    const influx = await influxDb(t, await tempFolder(t))
    const { sendBatch } = await open(t)
    const argsOf = (a: unknown) => [influx.url, 'remora:fish', '', 'traffic', 'm', { a }, { pod: 'cart' }]
    const calls = Array.from({ length: 300 }, (_, at) => {
      return {
        id: `id-${at}`,
        at: 1_767_225_600_000 + (at % 3),
        args: argsOf(at === 7 || at === 200 ? 'text' : at),
      }
    })
    // Twice: what is sent again is no second point.
    for (const _ of [1, 2]) {
      const error = await sendBatch('vendor.influxdb', calls).catch((error: unknown) => error)
      assert.ok(error instanceof PartlyFailed)
      assert.deepEqual([...error.failures.keys()], [7, 200])
      for (const each of error.failures.values()) assert.deepEqual(retryOf(each), { when: 'never' })
    }
    const [series] = await influx.query('SELECT count(a), sum(a) FROM m')
    const sum = (299 * 300) / 2 - 7 - 200
    assert.deepEqual(series?.values[0]?.slice(1), [298, sum])
  })
})

describeFailures({
  name: 'vendor.influxdb',
  async call(t, { url, secret, network }) {
    const { call } = await open(t, network)
    await call(url, secret, 'shop', 'traffic', 'm', { a: 1 })
  },
  unauthorized: { status: 401, body: '{"code":"unauthorized","message":"unauthorized access"}' },
})
