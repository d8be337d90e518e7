import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { fakeHost } from '../../testing/helper-host.ts'
import { TestSandbox } from '../../testing/sandbox.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { namespaces } from '../index.ts'
import { version } from '../version.ts'

describe('wrapper.joinMaps', () => {
  test('adds numbers, joins objects, and takes all else from the second', async (t) => {
    assert.deepEqual(
      await joined(
        t,
        '{ a: 1, b: { c: 2, d: "x" }, e: [1], f: 5 }',
        '{ a: 2, b: { c: 3, g: 1 }, e: [2], f: "y" }',
      ),
      { a: 3, b: { c: 5, d: 'x', g: 1 }, e: [2], f: 'y' },
    )
  })

  test('takes null and undefined for empty, and leaves both as they were', async (t) => {
    assert.deepEqual(await joined(t, 'null', '{ a: 1 }'), { a: 1 })
    assert.deepEqual(await joined(t, '{ a: 1 }', 'undefined'), { a: 1 })
    assert.deepEqual(await joined(t, 'null', 'null'), {})
    assert.deepEqual(
      await logged(
        t,
        'var a = { n: { m: 1 } }, b = { o: { p: 1 } }; var c = wrapper.joinMaps(a, b); c.n.m = 9; c.o.p = 9; console.log(a, b)',
      ),
      ['{"n":{"m":1}} {"o":{"p":1}}'],
    )
  })

  test('counts names that objects have anyway as any other, and leaves prototypes alone', async (t) => {
    assert.deepEqual(await joined(t, '{ constructor: 1 }', '{ constructor: 2, toString: 3 }'), {
      constructor: 3,
      toString: 3,
    })
    const polluting = `'{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'`
    assert.deepEqual(
      await logged(
        t,
        `var c = wrapper.joinMaps({}, JSON.parse(${polluting})); c = wrapper.joinMaps(c, JSON.parse(${polluting}));
         console.log(({}).polluted, c.polluted, JSON.stringify(c))`,
      ),
      ['undefined undefined {"__proto__":{"polluted":2},"constructor":{"prototype":{"polluted":2}}}'],
    )
  })
})

describe('wrapper.buildHAR', () => {
  test('makes an archive that follows the specification', async (t) => {
    const { har, warnings } = await built(t, [ENTRY, { ...ENTRY, tls: true }])
    assert.deepEqual(warnings, [])
    checkHar(har)
    assert.deepEqual(har.log.creator, { name: 'Remora', version: version() })
    const [first, second] = har.log.entries
    assert.partialDeepStrictEqual(first, {
      startedDateTime: '2026-01-01T00:00:00.123456789Z',
      time: 6.769,
      request: {
        method: 'GET',
        url: 'http://price/v1/price?id=7',
        headers: [{ name: 'Host', value: 'price' }],
        queryString: [{ name: 'id', value: '7' }],
        headersSize: -1,
        bodySize: 0,
      },
      response: {
        status: 200,
        content: { size: 14, mimeType: 'application/json', text: '{"price":12}\r\n' },
      },
      cache: {},
      timings: { send: 0, wait: 6.769, receive: 0 },
    })
    assert.equal(second?.request.url, 'http://price/v1/price?id=7')
  })

  test('takes bodies as lists of bytes, too', async (t) => {
    const withBody = (text: unknown) => ({
      ...ENTRY,
      request: { ...ENTRY.request, postData: { mimeType: 'text/plain', params: [], text } },
      response: { ...ENTRY.response, content: { size: 2, mimeType: 'text/plain', text } },
    })
    const { har } = await built(t, [withBody([0xc3, 0xa4]), withBody([0xff, 0])])
    checkHar(har)
    assert.equal(har.log.entries[0]?.response.content.text, 'ä')
    assert.equal(har.log.entries[0]?.request.postData?.text, 'ä')
    assert.partialDeepStrictEqual(har.log.entries[1]?.response.content, { text: '/wA=', encoding: 'base64' })
  })

  test('leaves out what lacks something, and says how much', async (t) => {
    const { har, warnings } = await built(t, [
      ENTRY,
      { ...ENTRY, response: null },
      { ...ENTRY, response: null },
      { ...ENTRY, dst: { ...ENTRY.dst, name: '' } },
      { ...ENTRY, request: null },
      { ...ENTRY, protocol: { name: 'dns' } },
      null,
    ])
    assert.equal(har.log.entries.length, 1)
    assert.deepEqual(warnings, [
      'wrapper.buildHAR: 6 of 7 entries are left out: 2 × no response.status, 1 × no dst.name, 1 × no request.method, 1 × not HTTP, 1 × no entry',
    ])
    assert.deepEqual((await built(t, [])).har.log.entries, [])
  })

  test('is there with all of it for entries whose fields are gone or not what they should be', async (t) => {
    const { har } = await built(t, [
      {
        protocol: { name: 'http' },
        timestamp: 1_767_225_600_123,
        dst: { name: 'a' },
        request: { method: 'GET', headers: { 'x-many': ['1', 2] } },
        response: { status: 204, headers: null, content: null },
      },
    ])
    checkHar(har)
    assert.equal(har.log.entries[0]?.startedDateTime, '2026-01-01T00:00:00.123Z')
    await assert.rejects(built(t, 'text'), {
      code: 'E_HELPER_ARGUMENT',
      message: /entries: expected an? array|expected a list/,
    })
  })
})

interface Fields {
  readonly [field: string]: unknown
}
interface ReadHar {
  readonly log: {
    readonly version: unknown
    readonly creator: Fields
    readonly entries: readonly (Fields & {
      readonly request: Fields & { readonly postData?: Fields }
      readonly response: Fields & { readonly content: Fields }
      readonly timings: Fields
    })[]
  }
}

/** HAR 1.2, field by field: those that it demands, with their types. http://www.softwareishard.com/blog/har-12-spec/ */
function checkHar({ log }: ReadHar): void {
  assert.equal(log.version, '1.2')
  have(log.creator, { name: 'string', version: 'string' })
  const starts = log.entries.map(({ startedDateTime }) => Date.parse(String(startedDateTime)))
  assert.deepEqual(starts, starts.toSorted())
  for (const entry of log.entries) {
    have(entry, { startedDateTime: 'string', time: 'number', cache: 'object' })
    assert.match(String(entry.startedDateTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)
    const { request, response, timings } = entry
    have(request, {
      method: 'string',
      url: 'string',
      httpVersion: 'string',
      headersSize: 'number',
      bodySize: 'number',
    })
    assert.ok(URL.canParse(String(request.url)), 'addresses are absolute')
    assert.doesNotMatch(String(request.url), /#/, 'without fragments')
    if (request.postData !== undefined) have(request.postData, { mimeType: 'string', text: 'string' })
    have(response, {
      ...{ status: 'number', statusText: 'string', httpVersion: 'string', redirectURL: 'string' },
      ...{ headersSize: 'number', bodySize: 'number', content: 'object' },
    })
    have(response.content, { size: 'number', mimeType: 'string' })
    for (const list of [
      request.cookies,
      request.headers,
      request.queryString,
      response.cookies,
      response.headers,
    ]) {
      assert.ok(Array.isArray(list))
      for (const pair of list as Fields[]) have(pair, { name: 'string', value: 'string' })
    }
    for (const part of ['send', 'wait', 'receive'])
      assert.ok(Number(timings[part]) >= 0, `${part} is demanded, and never -1`)
    const parts = ['blocked', 'dns', 'connect', 'send', 'wait', 'receive'].map((part) =>
      Number(timings[part] ?? -1),
    )
    assert.equal(
      entry.time,
      parts.filter((ms) => ms >= 0).reduce((sum, ms) => sum + ms, 0),
      'time is their sum',
    )
  }
}

function have(value: Fields, types: Readonly<Record<string, string>>): void {
  for (const [field, type] of Object.entries(types)) assert.equal(typeof value[field], type, field)
}

async function built(t: TestContext, entries: unknown): Promise<{ har: ReadHar; warnings: string[] }> {
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20))
  const text = await dispatch(namespaces, 'wrapper.buildHAR', [entries], host)
  return { har: JSON.parse(String(text)) as ReadHar, warnings: host.warnings }
}

async function logged(t: TestContext, source: string): Promise<string[]> {
  const sandbox = new TestSandbox()
  t.after(() => sandbox.process.close())
  await sandbox.start(source)
  return sandbox.texts()
}

async function joined(t: TestContext, a: string, b: string): Promise<unknown> {
  const [text = ''] = await logged(t, `console.log(JSON.stringify(wrapper.joinMaps(${a}, ${b})))`)
  return JSON.parse(text)
}

const ENTRY = {
  id: '10.0.3.7:48999/000000000042.pcap-1',
  stream: '000000000042.pcap',
  protocol: { name: 'http' },
  tls: false,
  src: { ip: '10.1.2.3', port: '51544', name: 'cart' },
  dst: { ip: '10.9.0.14', port: '80', name: 'price' },
  timestamp: 1_767_225_600_123,
  startTime: '2026-01-01T00:00:00.123456789Z',
  request: {
    method: 'GET',
    url: '/v1/price?id=7',
    httpVersion: 'HTTP/1.1',
    headers: { Host: 'price' },
    cookies: {},
    queryString: { id: '7' },
    headersSize: -1,
    bodySize: 0,
    postData: { mimeType: '', params: [], text: '' },
  },
  response: {
    status: 200,
    statusText: 'OK',
    httpVersion: 'HTTP/1.1',
    headers: { 'Content-Type': 'application/json' },
    cookies: {},
    redirectURL: '',
    headersSize: -1,
    bodySize: 14,
    content: { size: 14, mimeType: 'application/json', text: '{"price":12}\r\n', encoding: '' },
  },
  elapsedTime: 6769,
}
