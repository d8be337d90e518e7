import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { configSchema } from '../../config/schema.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { type Ask, ask, startTestApi } from '../../testing/api.ts'
import type { Method } from '../../testing/described-answers.ts'
import { FakeHub } from '../../testing/fake-hub.ts'
import { MOST_CODE_BYTES } from '../../wire/agents.ts'
import { buildApp } from './app.ts'
import { newContext } from './context.ts'

const A = '/api/v1'

/** An answer that has to be a success, or of another status. */
async function good(url: string, method: Method, path: string, options: Ask & { status?: number } = {}) {
  const asked = await ask(url, method, path, options)
  assert.equal(asked.status, options.status ?? 200, asked.text)
  return asked.body
}

describe('agents', () => {
  test('are made, changed, rolled back, switched and deleted', async (t) => {
    const { url, hub } = await startTestApi(t)
    const source = { path: 'a.js', hash: 'aa', syncedBy: 'me@here' }
    await good(url, 'POST', `${A}/agents`, { body: { code: '// One', active: true, source }, status: 201 })
    await good(url, 'POST', `${A}/agents`, { body: { code: '// Two', title: 'Zwei' }, status: 201 })
    const [one, two] = await hub.agents()
    assert.deepEqual(await good(url, 'GET', `${A}/agents`), [one, two])
    assert.deepEqual(await good(url, 'GET', `${A}/agents/Zwei`), two)
    assert.deepEqual(await good(url, 'GET', `${A}/agents/1`), two)

    await good(url, 'PATCH', `${A}/agents/0`, { body: { code: '// One!', source: null, ifVersion: 1 } })
    await good(url, 'POST', `${A}/agents/0/deactivate`)
    const changed = await hub.agent('0')
    assert.equal(changed.active, false)
    assert.equal(changed.source, undefined)
    assert.equal(changed.version, 2)
    assert.deepEqual(await good(url, 'GET', `${A}/agents/0/history`), await hub.history('0'))
    await good(url, 'POST', `${A}/agents/0/rollback`, { body: { version: 1 } })
    await good(url, 'POST', `${A}/agents/0/activate`)
    assert.equal((await hub.agent('0')).code, '// One')
    assert.equal((await hub.agent('0')).active, true)

    assert.equal((await ask(url, 'DELETE', `${A}/agents/0?ifVersion=1`)).status, 409)
    await good(url, 'DELETE', `${A}/agents/0?ifVersion=3`, { status: 204 })
    assert.equal((await hub.agents()).length, 1)
  })

  test('have titles of any letters', async (t) => {
    const { url } = await startTestApi(t)
    for (const title of ['a/b', '..', '.', '100 %', 'ä ö', `long ${'x'.repeat(400)}`, '?q=1#2', '{}']) {
      await good(url, 'POST', `${A}/agents`, { body: { code: 'var a', title }, status: 201 })
      // As our client does it: `..` must not become a step upwards, and undici would make it one in an address.
      if (!/^\.+$/.test(title)) await good(url, 'GET', `${A}/agents/${encodeURIComponent(title)}`)
    }
  })

  test('whose code is not in the language, or too long, are refused with the place', async (t) => {
    const { url, hub } = await startTestApi(t)
    const wrong = await ask(url, 'POST', `${A}/agents`, { body: { code: 'var a = 1\nvar = 2' } })
    assert.equal(wrong.status, 400)
    assert.partialDeepStrictEqual(wrong.body, { code: 'E_AGENT_SYNTAX' })
    assert.match(wrong.text, /:2:5:/)
    const long = await ask(url, 'POST', `${A}/agents`, { body: { code: ' '.repeat(MOST_CODE_BYTES + 1) } })
    assert.equal(long.status, 413)
    assert.match(long.text, /has 524289 bytes, and 524288 are taken/)
    assert.deepEqual(await hub.agents(), [])
  })
})

describe('what else there is', () => {
  test('console lines are read, filtered and cleared', async (t) => {
    const { url, hub } = await startTestApi(t)
    const first = hub.print({ text: 'first', node: 'a' })
    const second = hub.print({ text: 'Second', node: 'b', level: 'error' })
    assert.deepEqual(await good(url, 'GET', `${A}/console`), { lines: [first, second] })
    assert.deepEqual(await good(url, 'GET', `${A}/console?last=1`), { lines: [second] })
    assert.deepEqual(await good(url, 'GET', `${A}/console?text=FIRST&node=a&since=0`), { lines: [first] })
    await good(url, 'DELETE', `${A}/console?agent=nobody`, { status: 204 })
    assert.equal(hub.lines.length, 2)
    await good(url, 'DELETE', `${A}/console`, { status: 204 })
    assert.deepEqual(hub.lines, [])
  })

  test('jobs are listed and ordered', async (t) => {
    const { url, hub } = await startTestApi(t)
    hub.jobViews.push(JOB, { ...JOB, node: 'b' })
    const answer = { node: 'b', running: true, jobs: [{ ...JOB, node: 'b' }] }
    const listed = await good(url, 'GET', `${A}/jobs?node=b`)
    assert.deepEqual(listed, [{ node: 'a', running: true, jobs: [] }, answer])
    const order = { order: 'run', selector: { node: 'b', tag: 't' } }
    await good(url, 'POST', `${A}/jobs/order`, { body: order })
    assert.deepEqual(hub.orders.at(-1), order)
  })

  test('entries are passed on letter by letter, with where to go on', async (t) => {
    const { url, hub } = await startTestApi(t)
    const odd = '{"id":"w:1/s-0",   "big":12345678901234567890, "e":1e2}'
    hub.see('{"id":"w:1/s-1"}', odd)
    hub.missing.push('gone')
    const { text, body } = await ask(url, 'GET', `${A}/entries?limit=1`)
    assert.ok(text.includes(`\n${odd}\n`))
    assert.partialDeepStrictEqual(body, { count: 1, cursor: '1', scanned: 2, missing: ['gone'] })
    const { body: rest } = await ask(url, 'GET', `${A}/entries?limit=1&cursor=1`)
    assert.partialDeepStrictEqual(rest, { cursor: null, entries: [{ id: 'w:1/s-1' }] })
    assert.equal((await ask(url, 'GET', `${A}/entries/${encodeURIComponent('w:1')}/s-0`)).text, odd)
    assert.equal((await ask(url, 'GET', `${A}/entries/w:1/s-7`)).status, 404)
    const wrong = await ask(url, 'GET', `${A}/entries?filter=${encodeURIComponent('a ==')}`)
    assert.equal(wrong.status, 400)
    assert.partialDeepStrictEqual(wrong.body, { code: 'E_FILTER_SYNTAX' })
  })

  test('a page without entries is JSON, too', async (t) => {
    const { url } = await startTestApi(t)
    assert.partialDeepStrictEqual(await good(url, 'GET', `${A}/entries`), { count: 0, entries: [] })
  })

  test('filters are checked with the macros of the configuration', async (t) => {
    const { url } = await startTestApi(t)
    const check = (q: string) => good(url, 'GET', `${A}/filter/validate?q=${encodeURIComponent(q)}`)
    for (const filter of ['https', '!https', 'https and response.status == 200'])
      assert.partialDeepStrictEqual(await check(filter), { valid: true, message: '', language: 'kfl1' })
    assert.partialDeepStrictEqual(await check('response.status =='), { valid: false })
  })

  test('the hub says how it and its nodes do', async (t) => {
    const { url, hub } = await startTestApi(t)
    hub.nodeViews.push(NODE)
    hub.sharedValues.push({ agent: 'x', title: 'X', kind: 'topk', name: 'n', value: [['a', 1]] })
    hub.titles.push('A')
    assert.deepEqual(await good(url, 'GET', `${A}/nodes`), [NODE])
    assert.deepEqual(await good(url, 'GET', `${A}/shared`), hub.sharedValues)
    assert.deepEqual(await good(url, 'GET', `${A}/active-titles`), ['A'])
    assert.deepEqual(await good(url, 'GET', `${A}/pods/targeted`), await hub.targeted())
    assert.partialDeepStrictEqual(await good(url, 'GET', `${A}/status`), {
      ready: true,
      agents: 0,
      version: '1.2.3',
      api: { forbidden: 0 },
    })
    assert.deepEqual(await good(url, 'GET', `${A}/audit?last=0`), [])
    hub.reasons.push('no bus')
    assert.deepEqual(await good(url, 'GET', '/healthz'), { alive: true })
    assert.deepEqual(await good(url, 'GET', '/readyz', { status: 503 }), {
      ready: false,
      reasons: ['no bus'],
    })
  })

  test('every route there is, is described, or is one of those again without /api', async () => {
    const log = { error: () => {}, warn: () => {} }
    const options = { control: new FakeHub(), config: configSchema.parse({}), version: '1', log }
    const app = await buildApp(newContext(options), { host: '127.0.0.1', tls: undefined, dashboard: '' })
    await app.ready()
    const routes = routesIn(app.printRoutes({ commonPrefix: false }))
    const { paths } = app.swagger()
    const described = Object.entries(paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    )
    await app.close()
    assert.ok(routes.length > 90, String(routes.length))
    // The tree shows a path that ends with anything without what comes before.
    for (const route of routes.filter((each) => !each.endsWith(' {*}'))) {
      const again = route.replace(' /', ' /api/')
      assert.ok(described.includes(route) || described.includes(again), `${route} is not described`)
    }
  })
})

describe('what cannot be answered', () => {
  const cases: readonly (readonly [string, Method, string, Ask, number, RegExp])[] = [
    [
      'a path that is not there',
      'GET',
      '/api/v1/nothing',
      {},
      404,
      /E_NOT_FOUND.*there is no GET \/api\/v1\/nothing/,
    ],
    ['an agent that is not there', 'GET', '/api/v1/agents/x', {}, 404, /E_NOT_FOUND.*no agent.*hint/],
    [
      'a field of the wrong kind',
      'POST',
      '/api/v1/agents',
      { body: { code: 7 } },
      400,
      /body: code: expected string, received number/,
    ],
    [
      'a field that there is not',
      'POST',
      '/api/v1/agents',
      { body: { code: '', colour: 1 } },
      400,
      /body:.*colour/,
    ],
    ['a field that is missing', 'POST', '/api/v1/agents', { body: {} }, 400, /body: code: expected string/],
    ['no body', 'POST', '/api/v1/agents', {}, 400, /body/],
    ['an empty body', 'POST', '/api/v1/agents', { body: '' }, 400, /body/],
    ['a body that is no JSON', 'POST', '/api/v1/agents', { body: '{"code":' }, 400, /E_REQUEST/],
    ['a prototype', 'POST', '/api/v1/agents', { body: '{"code":"","__proto__":{"x":1}}' }, 400, /E_REQUEST/],
    [
      'XML',
      'POST',
      '/api/v1/agents',
      { body: '<a/>', headers: { 'content-type': 'text/xml' } },
      415,
      /E_REQUEST/,
    ],
    ['a number that is none', 'GET', '/api/v1/entries?limit=many', {}, 400, /query: limit: expected number/],
    ['a number that is too large', 'GET', '/api/v1/entries?limit=10001', {}, 400, /query: limit: .*10000/],
    ['a query that there is not', 'GET', '/api/v1/console?txt=a', {}, 400, /query:.*txt/],
    [
      'an order that there is not',
      'POST',
      '/api/v1/jobs/order',
      { body: { order: 'x', selector: {} } },
      400,
      /body: order: expected one of .*run/,
    ],
    [
      'a body beyond 1 MiB',
      'POST',
      '/api/v1/agents',
      { body: { code: 'x'.repeat(1 << 20) } },
      413,
      /E_TOO_LARGE.*has 1048587 bytes, and 1048576/,
    ],
  ]
  for (const [name, method, path, options, status, message] of cases)
    test(name, async (t) => {
      const { url } = await startTestApi(t)
      const asked = await ask(url, method, path, options)
      assert.equal(asked.status, status, asked.text)
      assert.match(asked.text, message)
    })

  test('more than anybody needs', async (t) => {
    const { url, api } = await startTestApi(t, { mostRequests: 3 })
    for (let request = 0; request < 3; request++) await good(url, 'GET', `${A}/agents`)
    const { status, headers, body } = await ask(url, 'GET', `${A}/agents`)
    assert.equal(status, 429)
    assert.ok(Number(headers['retry-after']) > 0)
    assert.partialDeepStrictEqual(body, { code: 'E_REQUEST', message: 'too many requests' })
    assert.equal(api.counters.limited, 1)
  })

  test('mistakes have their statuses, and what is ours a number without a stack', async (t) => {
    const { url, hub, log } = await startTestApi(t)
    const statusOf = async (failure: Error) => {
      hub.failure = failure
      return ask(url, 'GET', `${A}/agents`)
    }
    assert.equal((await statusOf(new Mistake('E_BUS', 'away'))).status, 503)
    assert.equal((await statusOf(new Mistake('E_BUS_NO_ANSWER', 'away'))).status, 503)
    assert.equal((await statusOf(new Mistake('E_CONFLICT', 'there'))).status, 409)
    assert.equal((await statusOf(new Mistake('E_STORE', 'disk full'))).status, 500)
    const ours = await statusOf(new TypeError('cannot read secret of undefined'))
    assert.equal(ours.status, 500)
    assert.match(ours.text, /"E_INTERNAL","message":"the hub has failed; its log has it as [0-9a-f-]{36}"/)
    assert.ok(!ours.text.includes('secret') && !ours.text.includes('.ts'))
    const noted = JSON.stringify(log.at(-1)?.fields)
    assert.ok(noted.includes(/[0-9a-f-]{36}/.exec(ours.text)?.[0] ?? '?'), noted)
  })

  test('a client that goes away is not looked for entries any longer', async (t) => {
    const { url, hub, log } = await startTestApi(t)
    const gone = Promise.withResolvers<void>()
    hub.entries = (_query, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          gone.resolve()
          reject(signal.reason)
        })
        client.abort()
      })
    const client = new AbortController()
    await assert.rejects(fetch(`${url}${A}/entries`, { signal: client.signal }))
    await gone.promise
    await good(url, 'GET', '/healthz')
    assert.deepEqual(log, [])
  })

  test('an answer of the hub that is not as it should be is ours, too', async (t) => {
    const { url, hub } = await startTestApi(t)
    hub.activeTitles = async () => JSON.parse('[7]')
    assert.equal((await ask(url, 'GET', `${A}/active-titles`)).status, 500)
  })
})

const JOB: FakeHub['jobViews'][number] = {
  ...{ agent: 'x', index: 0, title: 'X', node: 'a', tag: 't', cron: '* * * * *', limit: 0, scope: 'node' },
  ...{ status: 'waiting', runs: 1, failures: 0, lastRun: null, lastDurationMs: null, lastError: null },
  nextRun: 7,
}
const NODE: FakeHub['nodeViews'][number] = {
  ...{
    node: 'a',
    boot: 'b',
    component: 'worker',
    address: '',
    version: '1',
    generation: 1,
    startedAt: 1,
    now: 2,
  },
  ...{ leading: false, agents: [], counters: { liveTcpStreams: 3 }, health: {}, skewMs: 0, silentMs: 0 },
}

/** What the tree of routes has: `GET /a/{b}`. */
function routesIn(tree: string): string[] {
  const above: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', path = '', methods = ''] = /^([│ ]*)[├└]── (.*?)(?: \((.*)\))?$/.exec(line) ?? []
    if (path === '') return []
    const depth = indent.length / 4
    above.splice(depth, above.length, path)
    const whole = above
      .join('')
      .replaceAll(/:(\w+)/g, '{$1}')
      .replace('*', '{*}')
    return methods
      .split(', ')
      .filter((method) => method !== '' && method !== 'HEAD')
      .map((method) => `${method} ${whole}`)
  })
}
