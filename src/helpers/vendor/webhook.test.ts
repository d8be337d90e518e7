import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { fakeHost } from '../../testing/helper-host.ts'
import { httpServer } from '../../testing/http-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import { namespaces } from '../index.ts'

async function open(t: TestContext) {
  const egress = openEgress()
  t.after(() => egress.close())
  const files = await openDataFolder(await tempFolder(t), 1 << 20)
  const host = fakeHost(files, { request: (options) => egress.request(options) })
  const call = (name: string, ...args: unknown[]) => dispatch(namespaces, `vendor.${name}`, args, host)
  return { call, warnings: host.warnings }
}

describe('vendor.webhook', () => {
  test('sends text as it is and returns the body of the reply', async (t) => {
    const server = await httpServer(t, (_, response) => response.end('thanks'))
    const { call, warnings } = await open(t)
    assert.equal(await call('webhook', 'post', server.url, '{"a":1}', { 'X-Try': 2 }), 'thanks')
    assert.equal(await call('webhook', 'GET', server.url), 'thanks')
    assert.equal(await call('webhook', 'GET', server.url, ''), 'thanks')
    const [posted, got] = server.seen
    assert.equal(posted?.method, 'POST')
    assert.equal(posted?.body, '{"a":1}')
    assert.equal(posted?.headers['x-try'], '2')
    assert.equal(posted?.headers['content-type'], undefined)
    assert.equal(posted?.headers['x-kubeshark-capture'], 'ignore')
    assert.equal(got?.body, '')
    assert.deepEqual(warnings, [])
  })

  test('sends objects and lists as JSON, and says that they are, unless the caller does', async (t) => {
    const server = await httpServer(t, (_, response) => response.end())
    const { call } = await open(t)
    await call('webhook', 'POST', server.url, { path: '/health' })
    await call('webhook', 'POST', server.url, [1], { 'Content-Type': 'application/x-mine' })
    const [first, second] = server.seen
    assert.deepEqual(
      [first?.body, first?.headers['content-type']],
      ['{"path":"/health"}', 'application/json'],
    )
    assert.deepEqual([second?.body, second?.headers['content-type']], ['[1]', 'application/x-mine'])
  })

  test('returns the body also of a refusal, and warns without telling secrets', async (t) => {
    const server = await httpServer(t, ({ path }, response) => {
      response.writeHead(Number(path.slice(1, 4))).end('no luck')
    })
    const { call, warnings } = await open(t)
    assert.equal(await call('webhook', 'GET', `${server.url}/404?token=secret`), 'no luck')
    assert.equal(await call('webhook', 'GET', `${server.url}/503`), 'no luck')
    const host = `127.0.0.1:${server.port}`
    assert.deepEqual(warnings, [
      `vendor.webhook: GET ${host} answered 404`,
      `vendor.webhook: GET ${host} answered 503`,
    ])
  })

  test('refuses methods and addresses that are none', async (t) => {
    const { call } = await open(t)
    const told = (pattern: RegExp) => ({ code: 'E_HELPER_ARGUMENT', message: pattern })
    await assert.rejects(call('webhook', 'POST', 5), told(/: url: expected a URL, found 5$/))
    await assert.rejects(call('webhook', 'POST', 'file:///etc/passwd'), told(/url: expected a URL/))
    await assert.rejects(call('webhook', 'CONNECT', 'http://a/'), told(/method: expected an HTTP method/))
    await assert.rejects(call('webhook', 'GET /x', 'http://a/'), told(/method: expected an HTTP method/))
    await assert.rejects(call('webhook', 'POST'), told(/url: is missing$/))
  })
})

describe('vendor.webhookForm', () => {
  test('sends fields as a form that others read', async (t) => {
    const server = await httpServer(t, (_, response) => response.end('saved'))
    const { call } = await open(t)
    const fields = { name: 'a "quoted" näme', tries: 2, list: { a: 1 }, none: null, lines: 'x\r\ny' }
    assert.equal(await call('webhookForm', 'POST', server.url, fields), 'saved')
    const seen = server.seen[0]
    const type = String(seen?.headers['content-type'])
    assert.match(type, /^multipart\/form-data; boundary=/)
    const read = await new Response(seen?.body ?? '', { headers: { 'content-type': type } }).formData()
    assert.deepEqual(Object.fromEntries(read), {
      name: 'a "quoted" näme',
      tries: '2',
      list: '{"a":1}',
      lines: 'x\r\ny',
    })
  })
})
