import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { ask, startTestApi, TOKENS, WITH_TOKENS } from '../../testing/api.ts'
import { apiDescription, type Method } from '../../testing/described-answers.ts'
import { untilClosed, untilOpen } from '../../testing/sockets.ts'
import { ROLES } from './roles.ts'

type Row = readonly [Method, string, 'anyone' | (typeof ROLES)[number]]

/** Who may use what. Written down here once more, so that nobody gets more by mistake. */
const OURS: readonly Row[] = [
  ['GET', '/healthz', 'anyone'],
  ['GET', '/readyz', 'anyone'],
  ['GET', '/api/v1/agents', 'viewer'],
  ['POST', '/api/v1/agents', 'author'],
  ['GET', '/api/v1/agents/{agent}', 'viewer'],
  ['PATCH', '/api/v1/agents/{agent}', 'author'],
  ['DELETE', '/api/v1/agents/{agent}', 'author'],
  ['GET', '/api/v1/agents/{agent}/history', 'viewer'],
  ['POST', '/api/v1/agents/{agent}/rollback', 'author'],
  ['POST', '/api/v1/agents/{agent}/activate', 'operator'],
  ['POST', '/api/v1/agents/{agent}/deactivate', 'operator'],
  ['POST', '/api/v1/agents/check', 'viewer'],
  ['GET', '/api/v1/scripting', 'viewer'],
  ['GET', '/api/v1/templates', 'viewer'],
  ['GET', '/api/v1/active-titles', 'viewer'],
  ['GET', '/api/v1/shared', 'viewer'],
  ['GET', '/api/v1/console', 'viewer'],
  ['DELETE', '/api/v1/console', 'operator'],
  ['GET', '/api/v1/jobs', 'viewer'],
  ['POST', '/api/v1/jobs/order', 'operator'],
  ['GET', '/api/v1/outbox', 'viewer'],
  ['GET', '/api/v1/outbox/dead', 'viewer'],
  ['POST', '/api/v1/outbox/retry', 'operator'],
  ['POST', '/api/v1/outbox/drop', 'operator'],
  ['GET', '/api/v1/entries', 'viewer'],
  ['GET', '/api/v1/entries/{worker}/{id}', 'viewer'],
  ['GET', '/api/v1/entries/{worker}/{id}/packets', 'operator'],
  ['GET', '/api/v1/entries/{worker}/{id}/pcap', 'operator'],
  ['GET', '/api/v1/entries/{worker}/{id}/har', 'viewer'],
  ['GET', '/api/v1/pcap', 'operator'],
  ['GET', '/api/v1/har', 'viewer'],
  ['GET', '/api/v1/captures', 'viewer'],
  ['POST', '/api/v1/captures', 'operator'],
  ['DELETE', '/api/v1/captures/{id}', 'operator'],
  ['GET', '/api/v1/filter/validate', 'viewer'],
  ['GET', '/api/v1/filter/fields', 'viewer'],
  ['GET', '/api/v1/protocols', 'viewer'],
  ['GET', '/api/v1/nodes', 'viewer'],
  ['GET', '/api/v1/me', 'viewer'],
  ['GET', '/api/v1/settings', 'viewer'],
  ['GET', '/api/v1/pods/targeted', 'viewer'],
  ['GET', '/api/v1/targeting', 'viewer'],
  ['PUT', '/api/v1/targeting', 'operator'],
  ['POST', '/api/v1/targeting/preview', 'viewer'],
  ['GET', '/api/v1/status', 'viewer'],
  ['GET', '/api/v1/recordings', 'viewer'],
  ['POST', '/api/v1/recordings', 'operator'],
  ['GET', '/api/v1/recordings/{name}', 'viewer'],
  ['POST', '/api/v1/recordings/{name}/stop', 'operator'],
  ['DELETE', '/api/v1/recordings/{name}', 'operator'],
  ['GET', '/api/v1/recordings/{name}/pcap', 'operator'],
  ['GET', '/api/v1/recordings/{name}/download', 'operator'],
  ['GET', '/api/v1/alerts', 'viewer'],
  ['GET', '/api/v1/alerts/{id}', 'viewer'],
  ['POST', '/api/v1/alerts/{id}/close', 'operator'],
  ['GET', '/api/v1/alerts/{id}/pcap', 'operator'],
  ['GET', '/api/v1/reports', 'viewer'],
  ['GET', '/api/v1/reports/{node}/{id}', 'viewer'],
  ['DELETE', '/api/v1/reports/{node}/{id}', 'operator'],
  ['GET', '/api/v1/policies', 'viewer'],
  ['DELETE', '/api/v1/policies/{name}', 'operator'],
  ['POST', '/api/v1/policies/preview', 'viewer'],
  ['POST', '/api/v1/policies/suggest', 'viewer'],
  ['POST', '/api/v1/trials', 'author'],
  ['POST', '/api/v1/trials/{id}/fixture', 'author'],
  ['GET', '/api/v1/effects', 'operator'],
  ['GET', '/api/v1/audit', 'admin'],
  ['GET', '/api/v1/stream', 'viewer'],
  ['GET', '/api/v1/openapi.json', 'viewer'],
]
const DOCUMENTED: readonly Row[] = [
  ['GET', '/echo', 'anyone'],
  ['GET', '/metadata/version', 'viewer'],
  ['GET', '/query/validate', 'viewer'],
  ['GET', '/item/{worker}/{id}', 'viewer'],
  ['GET', '/pods/targeted', 'viewer'],
  ['POST', '/pods/targeted', 'viewer'],
  ['GET', '/pods/targetted', 'viewer'],
  ['POST', '/pods/targetted', 'viewer'],
  ['GET', '/pcaps/total-tcp-streams', 'viewer'],
  ['POST', '/settings/dissection', 'admin'],
  ['GET', '/mcp/dissection', 'viewer'],
  ['POST', '/mcp/dissection/enable', 'admin'],
  ['POST', '/mcp/dissection/disable', 'admin'],
  ['GET', '/mcp/calls', 'viewer'],
  ['POST', '/mcp/tools/get_api_call_details', 'viewer'],
  ['GET', '/scripts', 'viewer'],
  ['POST', '/scripts', 'author'],
  ['PUT', '/scripts/{index}', 'author'],
  ['DELETE', '/scripts/{index}', 'author'],
  ['POST', '/scripts/{index}/activate', 'operator'],
  ['POST', '/scripts/{index}/deactivate', 'operator'],
  ['POST', '/scripts/done', 'author'],
  ['POST', '/scripts/env', 'admin'],
  ['GET', '/scripts/logs', 'viewer'],
  ['GET', '/ws', 'viewer'],
  ['GET', '/wsFull', 'viewer'],
  ['GET', '/pcaps/download/{worker}/{id}', 'operator'],
  ['POST', '/pcaps/merge', 'viewer'],
  ['GET', '/pcaps/replay/{worker}/{id}', 'viewer'],
  ['GET', '/pcaps/name-resolution-history', 'viewer'],
  ['POST', '/pcaps/set-storage-limit', 'viewer'],
  ['POST', '/pods/regex', 'operator'],
  ['POST', '/pods/target/{*}', 'viewer'],
  ['POST', '/pods/worker', 'viewer'],
  ['GET', '/license', 'viewer'],
  ['POST', '/license', 'viewer'],
  ['GET', '/mcp', 'viewer'],
  ['POST', '/mcp/tools/call', 'viewer'],
]
const DESCRIBED: readonly Row[] = [
  ...OURS,
  ...DOCUMENTED.map(([method, path, role]) => [method, `/api${path}`, role] as const),
]

describe('roles', () => {
  test('every route that is described is in the table of roles, and every one of the table is described', async () => {
    const { paths } = await apiDescription()
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const listed = DESCRIBED.map(([method, path]) => `${method} ${path}`)
    assert.deepEqual(described.toSorted(), listed.toSorted())
  })

  test('each route lets in those roles that may, and nobody else', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    for (const [method, template, role] of [...DESCRIBED, ...DOCUMENTED]) {
      const path = template.replaceAll(/\{[^}]+\}/g, '7')
      const { status, headers } = await ask(url, method, path)
      assert.equal(status === 401, role !== 'anyone', `${method} ${path} without a token: ${status}`)
      if (status === 401) assert.match(String(headers['www-authenticate']), /^Bearer/)
      for (const own of ROLES) {
        const { status } = await ask(url, method, path, {
          token: TOKENS[own],
          body: method === 'GET' ? undefined : {},
        })
        const may = role === 'anyone' || ROLES.indexOf(own) >= ROLES.indexOf(role)
        assert.notEqual(status, 401, `${method} ${path} as ${own}`)
        assert.equal(status !== 403, may, `${method} ${path} as ${own}: ${status}`)
      }
    }
  })

  test('WebSockets open for nobody without a token', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    for (const path of ['/api/v1/stream', '/ws', '/api/ws', '/wsFull', '/api/wsFull', '/scripts/logs']) {
      await assert.rejects(untilOpen(new WebSocket(`${url.replace('http', 'ws')}${path}`)), /401/)
      const socket = new WebSocket(`${url.replace('http', 'ws')}${path}?token=${TOKENS.viewer}`)
      await untilOpen(socket)
      socket.close()
      await untilClosed(socket)
    }
  })
})

describe('tokens', () => {
  const path = '/api/v1/agents'

  test('are taken from where our client and older ones put them', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    for (const headers of [
      { authorization: `Bearer ${TOKENS.viewer}` },
      { authorization: `bearer ${TOKENS.viewer}` },
      { 'x-kubeshark-authorization': TOKENS.viewer },
      { 'x-kubeshark-authorization': `Bearer ${TOKENS.viewer}` },
      { 'license-key': TOKENS.viewer },
    ])
      assert.equal((await ask(url, 'GET', path, { headers })).status, 200, JSON.stringify(headers))
  })

  test('may be known by their SHA-256 alone', async (t) => {
    const sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
    const { url } = await startTestApi(t, { hub: { tokens: [{ name: 'x', role: 'viewer', sha256 }] } })
    assert.equal((await ask(url, 'GET', path, { token: 'test' })).status, 200)
    assert.equal((await ask(url, 'GET', path, { token: sha256 })).status, 401)
  })

  test('are not taken from an address, but for WebSockets', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    assert.equal((await ask(url, 'GET', `${path}?token=${TOKENS.admin}`)).status, 401)
  })

  test('that are wrong are refused ever more shortly, and the right one still does', async (t) => {
    const { url, hub } = await startTestApi(t, { ...WITH_TOKENS, now: () => 0 })
    const statuses: number[] = []
    for (let attempt = 0; attempt < 30; attempt++)
      statuses.push((await ask(url, 'GET', path, { token: `wrong-secret-${attempt}` })).status)
    assert.deepEqual(statuses.slice(0, 20), Array(20).fill(401))
    assert.deepEqual(statuses.slice(20), Array(10).fill(429))
    assert.equal((await ask(url, 'GET', path, { token: TOKENS.viewer })).status, 200)
    assert.equal(hub.audited.length, 20)
    assert.deepEqual(
      { ...hub.audited[0], at: '' },
      {
        at: '',
        who: '',
        role: '',
        from: '127.0.0.1',
        action: 'GET /api/v1/agents',
        target: '',
        outcome: 'refused',
        detail: 'the token is not known',
      },
    )
  })

  test('never come out again: not in answers, the audit or the log', async (t) => {
    const { url, hub, log } = await startTestApi(t, WITH_TOKENS)
    const wrong = 'wrong-secret-token-123456'
    const texts = [
      (await ask(url, 'GET', path, { token: wrong })).text,
      (await ask(url, 'GET', `/api/v1/audit`, { token: TOKENS.viewer })).text,
      (await ask(url, 'GET', `/nothing?token=${wrong}`, { token: wrong })).text,
      (await ask(url, 'GET', `/api/v1/status`, { token: TOKENS.admin })).text,
    ]
    hub.failure = new Error('broken')
    texts.push((await ask(url, 'GET', path, { token: TOKENS.admin })).text)
    const all = JSON.stringify([
      texts,
      hub.audited,
      log.map(({ fields, message }) => [{ ...fields }, message]),
    ])
    for (const secret of [wrong, ...Object.values(TOKENS)]) assert.ok(!all.includes(secret), secret)
  })

  test('are needed where others can connect, and the mistake says how to make one', async (t) => {
    await assert.rejects(startTestApi(t, { host: '0.0.0.0' }), {
      code: 'E_CONFIG_VALUE',
      message: /open to everybody who reaches 0\.0\.0\.0/,
      hint: /hub\.tokens.*openssl rand/,
    })
    await assert.rejects(startTestApi(t, { auth: { enabled: true } }), { code: 'E_CONFIG_VALUE' })
    await assert.rejects(startTestApi(t, { hub: { tokens: [{ name: 'x', role: 'viewer' }] } }), {
      code: 'E_CONFIG_VALUE',
      message: /hub\.tokens\[0\] \(x\) has neither/,
    })
    await startTestApi(t, { host: '0.0.0.0', ...WITH_TOKENS })
  })

  test('let people in on both kinds of addresses, and the audit has them as they are written', async (t) => {
    const { url, hub } = await startTestApi(t, { host: '::', ...WITH_TOKENS })
    const { port } = new URL(url)
    const addresses = ['127.0.0.1', ...(hasIpv6() ? ['::1'] : [])]
    for (const address of addresses) {
      const host = address.includes(':') ? `[${address}]` : address
      const options = { token: TOKENS.author, body: { code: '// A' } }
      await ask(`http://${host}:${port}`, 'POST', '/api/v1/agents', options)
    }
    assert.deepEqual(
      hub.audited.map(({ from }) => from),
      addresses,
    )
  })
})

describe('without tokens', () => {
  test('everybody on this machine is admin', async (t) => {
    const { url, hub } = await startTestApi(t)
    assert.equal((await ask(url, 'GET', '/api/v1/audit')).status, 200)
    assert.equal((await ask(url, 'POST', '/api/v1/agents', { body: { code: '// A' } })).status, 201)
    assert.equal(hub.audited.at(-1)?.who, 'local')
  })

  const refused: readonly (readonly [string, Record<string, string>])[] = [
    ['another host', { host: 'evil.example' }],
    ['another host with our port', { host: 'evil.example:8899' }],
    ['a host that looks like ours', { host: '127.0.0.1.evil.example' }],
    ['no host', { host: '' }],
    ['a page of elsewhere', { origin: 'https://evil.example' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
    ['a page without origin', { origin: 'null' }],
    ['a picture in a page', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
  ]
  for (const [name, headers] of refused)
    test(`${name} is refused, and told of`, async (t) => {
      const { url, hub, api } = await startTestApi(t)
      const asked = await ask(url, 'POST', '/api/v1/agents', { headers, body: { code: '// A' } })
      assert.equal(asked.status, 403, asked.text)
      assert.deepEqual(await hub.agents(), [])
      assert.equal(hub.audited.at(-1)?.outcome, 'refused')
      assert.equal(api.counters.forbidden, 1)
    })

  test('our own pages, and links to them, are let in', async (t) => {
    const { url } = await startTestApi(t)
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    for (const headers of [{ origin: url }, { 'sec-fetch-site': 'same-origin' }, link])
      assert.equal((await ask(url, 'GET', '/api/v1/agents', { headers })).status, 200)
    const named = { host: new URL(url).host.replace('127.0.0.1', 'localhost') }
    assert.equal((await ask(url, 'GET', '/api/v1/agents', { headers: named })).status, 200)
  })

  test('a WebSocket of a page of elsewhere is refused', async (t) => {
    const { url } = await startTestApi(t)
    const open = (origin: string) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/stream`, { origin })
      t.after(() => socket.terminate())
      return untilOpen(socket)
    }
    await assert.rejects(open('https://evil.example'), /403/)
    await open(url)
  })

  test('answers let no other page read them', async (t) => {
    const { url } = await startTestApi(t)
    const { headers } = await ask(url, 'GET', '/api/v1/agents', { headers: { origin: url } })
    assert.equal(headers['access-control-allow-origin'], undefined)
  })
})

describe('the audit', () => {
  const path = '/api/v1/agents'

  test('has every change, and what was refused of one, with neither code nor secrets', async (t) => {
    const { url, hub } = await startTestApi(t, WITH_TOKENS)
    const secret = 'very-secret-4711'
    const code = `// A\nvar secret = '${secret}'`
    const author = { token: TOKENS.author }
    await ask(url, 'POST', path, { ...author, body: { code } })
    await ask(url, 'PATCH', `${path}/A`, { ...author, body: { code: `${code}\n`, active: true } })
    await ask(url, 'PATCH', `${path}/A`, { ...author, body: { code, ifVersion: 7 } })
    await ask(url, 'POST', path, { ...author, body: { code: `var ${secret}` } })
    await ask(url, 'POST', `${path}/A/rollback`, { ...author, body: { version: 1 } })
    await ask(url, 'POST', `${path}/A/deactivate`, { token: TOKENS.operator })
    await ask(url, 'DELETE', `${path}/A`, { token: TOKENS.viewer })
    await ask(url, 'DELETE', `/api/v1/console?agent=A`, { token: TOKENS.operator })
    const order = { order: 'run', selector: { tag: 'hourly' } }
    await ask(url, 'POST', `/api/v1/jobs/order`, { token: TOKENS.operator, body: order })
    await ask(url, 'POST', '/scripts/env', { token: TOKENS.admin, body: { KEY: secret } })
    await ask(url, 'GET', '/api/v1/audit', { token: TOKENS.operator })
    await ask(url, 'DELETE', `${path}/A`, author)

    const [created] = hub.audited
    assert.match(created?.target ?? '', /^[0-9a-f-]{36}$/)
    assert.deepEqual(
      hub.audited.map(({ who, action, target, outcome, detail }) =>
        [who, action, target === created?.target ? 'its id' : target, outcome, detail].join(' | '),
      ),
      [
        'the author | agent.create | its id | done | "A", index 0',
        'the author | agent.update | A | done | code, active; version 2',
        'the author | agent.update | A | refused | code, ifVersion',
        'the author | agent.create |  | refused | HTTP 400',
        'the author | agent.rollback | A | done | to version 1',
        'the operator | agent.deactivate | A | done | ',
        'the viewer | agent.delete | A | refused | HTTP 403',
        'the operator | console.clear | A | done | ',
        'the operator | job.run | {"tag":"hourly"} | done | ',
        'the admin | env.set |  | done | 1 values',
        'the operator | GET /api/v1/audit |  | refused | HTTP 403',
        'the author | agent.delete | A | done | ',
      ],
    )
    assert.ok(!JSON.stringify(hub.audited).includes(secret))
    assert.deepEqual(hub.env, { KEY: secret })
  })

  test('that cannot be kept is counted, and what was done is answered', async (t) => {
    const { url, hub, api, log } = await startTestApi(t)
    hub.audit = () => Promise.reject(new Error('disk full'))
    assert.equal((await ask(url, 'POST', path, { body: { code: '// A' } })).status, 201)
    assert.equal(api.counters.lostAudits, 1)
    assert.match(log[0]?.message ?? '', /audit/)
  })
})

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'))
}
