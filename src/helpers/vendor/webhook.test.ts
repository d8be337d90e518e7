import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { callHelpers } from '../../testing/call-helpers.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { httpServer } from '../../testing/http-server.ts'
import { hasTools } from '../../testing/loopback.ts'
import { nginx } from '../../testing/nginx-server.ts'
import { Refusal, retryOf } from '../answer.ts'

async function open(t: TestContext, ...how: OpenOptions) {
  const opened = await callHelpers(t, ...how)
  return { ...opened, call: (name: string, ...args: unknown[]) => opened.call(`vendor.${name}`, ...args) }
}

type OpenOptions = Parameters<typeof callHelpers> extends [TestContext, ...infer Options] ? Options : never

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

describe('a queued webhook', () => {
  test('has a key that is the same for each attempt, unless the script gives one', async (t) => {
    const server = await httpServer(t, (_, response) => response.end())
    const { call } = await open(t, { queuedId: 'boot-7' })
    await call('webhook', 'POST', server.url, { a: 1 })
    await call('webhook', 'POST', server.url, { a: 1 }, { 'Idempotency-KEY': 'mine' })
    await call('webhookForm', 'POST', server.url, { a: 1 })
    assert.deepEqual(
      server.seen.map(({ headers }) => headers['idempotency-key']),
      ['"boot-7"', 'mine', '"boot-7"'],
    )
    assert.equal(server.seen[0]?.headers['content-type'], 'application/json')
  })
})

for (const name of ['webhook', 'webhookForm'])
  describeFailures({
    name: `vendor.${name}, queued`,
    async call(t, { url, secret, network }) {
      const { call } = await open(t, { ...network, queuedId: 'boot-7' })
      await call(name, 'POST', `${url}/hooks/${secret}?token=${secret}`, { a: 1 })
    },
  })

describe('vendor.webhook and a real nginx with TLS', () => {
  const LOCATIONS = `
    location /small { client_max_body_size 1k; proxy_pass http://127.0.0.1:9; }
    location /moved { return 308 /here; }
    location /elsewhere { return 302 http://169.254.169.254/latest/meta-data; }
    location /here { return 200 'here by $request_method'; }
    location /down { proxy_pass http://127.0.0.1:9; }`

  test('gives bodies to the script, and failures to the outbox', async (t) => {
    if (!hasTools(t, 'nginx', 'openssl')) return
    const { url, ca } = await nginx(t, LOCATIONS)
    const direct = await open(t, {}, { ca })
    const queued = await open(t, { queuedId: 'boot-7' }, { ca })
    const refusal = async (path: string, body?: unknown) => {
      const error = await queued.call('webhook', 'POST', `${url}${path}`, body).catch((each: unknown) => each)
      assert.ok(error instanceof Refusal, String(error))
      return [error.status, retryOf(error)]
    }
    assert.equal(await direct.call('webhook', 'POST', `${url}/moved`, { a: 1 }), 'here by POST')
    assert.match(String(await direct.call('webhook', 'POST', `${url}/small`, 'x'.repeat(2000))), /413 /)
    assert.deepEqual(direct.warnings, [`vendor.webhook: POST ${new URL(url).host} answered 413`])
    await assert.rejects(direct.call('webhook', 'POST', `${url}/elsewhere`), { code: 'E_HELPER_REFUSED' })

    assert.deepEqual(await refusal('/small', 'x'.repeat(2000)), [413, { when: 'never' }])
    assert.deepEqual(await refusal('/nowhere'), [404, { when: 'never' }])
    assert.deepEqual(await refusal('/down'), [502, { when: 'later' }])
  })

  test('waits as long as it says when there were too many', async (t) => {
    if (!hasTools(t, 'nginx', 'openssl')) return
    // `return` comes before limits: what is limited is a file, or what is behind.
    const behind = await httpServer(t, (_, response) => response.end('once'))
    const limited = `location / { limit_req zone=rare; limit_req_status 429; add_header Retry-After 30 always; proxy_pass ${behind.url}; }`
    const { url, ca } = await nginx(t, limited)
    const { call } = await open(t, { queuedId: 'boot-7' }, { ca })
    assert.equal(await call('webhook', 'GET', url), 'once')
    const error = await call('webhook', 'GET', url).catch((each: unknown) => each)
    assert.ok(error instanceof Refusal, String(error))
    assert.equal(error.status, 429)
    assert.deepEqual(retryOf(error), { when: 'later', afterMs: 30_000 })
  })

  test('gives up on what is slow behind it', async (t) => {
    if (!hasTools(t, 'nginx', 'openssl')) return
    const behind = await httpServer(t, () => {})
    const { url, ca } = await nginx(t, `location / { proxy_pass ${behind.url}; }`)
    const { call } = await open(t, {}, { ca, timeoutMs: 300 })
    await assert.rejects(call('webhook', 'GET', url), {
      message: `GET ${new URL(url).host}: no reply in time`,
    })
  })

  test('trusts no certificate that it does not know', async (t) => {
    if (!hasTools(t, 'nginx', 'openssl')) return
    const { url } = await nginx(t, LOCATIONS)
    const { call } = await open(t)
    await assert.rejects(call('webhook', 'GET', `${url}/here`), {
      message: `GET ${new URL(url).host}: its certificate is self-signed`,
    })
  })
})

describe('the hub under the name that agents for Kubeshark use', () => {
  const pods = { targets: [{ metadata: { name: 'cart' } }], excluded: [] }

  test('tells which pods are captured, without a request', async (t) => {
    const { call } = await open(t, { targeted: async () => pods, request: () => assert.fail() })
    for (const path of ['/pods/targeted', '/api/pods/targetted', '/pods/targeted?x=1']) {
      const answer = await call('webhook', 'GET', `http://kubeshark-hub${path}`, '')
      assert.deepEqual(JSON.parse(String(answer)), pods)
    }
  })

  test('tells nothing else', async (t) => {
    const { call } = await open(t, { request: () => assert.fail() })
    await assert.rejects(call('webhook', 'POST', 'http://kubeshark-hub:80/scripts', {}), {
      code: 'E_HELPER_REFUSED',
      message: 'vendor.webhook: kubeshark-hub answers agents nothing but /pods/targeted',
    })
  })
})
