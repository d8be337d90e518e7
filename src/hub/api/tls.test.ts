import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { openHubClient } from '../../client/open-hub-client.ts'
import { ask, startTestApi, TOKENS, WITH_TOKENS } from '../../testing/api.ts'
import { freePort } from '../../testing/ports.ts'
import { run } from '../../testing/programs.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { until } from '../../testing/until.ts'

/** A certificate for 127.0.0.1 that is its own authority. */
async function certificate(folder: string, name: string): Promise<{ cert: string; key: string }> {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`) }
  const { code, stderr } = await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=remora', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', files.key, '-out', files.cert],
  ])
  assert.equal(code, 0, stderr)
  return files
}

/** What `curl` writes, and the status that it got. */
async function curl(...args: string[]): Promise<{ status: number; text: string }> {
  const { code, stdout, stderr } = await run('curl', ['-sS', '-w', '\n%{http_code}', ...args])
  assert.equal(code, 0, stderr)
  const [, text = '', status] = /^([\s\S]*)\n(\d+)$/.exec(stdout) ?? []
  return { status: Number(status), text }
}

async function startTls(t: TestContext) {
  const tls = await certificate(await tempFolder(t), 'hub')
  return { tls, ...(await startTestApi(t, { hub: { ...WITH_TOKENS.hub, tls } })) }
}

describe('TLS', () => {
  test('serves our client and its streams, and curl', async (t) => {
    const { url, tls, hub } = await startTls(t)
    assert.match(url, /^https:/)
    const client = openHubClient({ url, token: TOKENS.author, tls: { ca: tls.cert } })
    t.after(() => client.close())
    await client.createAgent({ code: '// A' })
    const end = new AbortController()
    const parts = client.live('', { lost: () => {}, restored: () => {} }, end.signal)[Symbol.asyncIterator]()
    const first = parts.next()
    await until(() => hub.watchers === 1, 'who watches')
    hub.see('{"id":"x"}')
    assert.deepEqual((await first).value?.entries, ['{"id":"x"}'])
    end.abort()
    const { status, text } = await curl(
      ...['--cacert', tls.cert, '-H', `Authorization: Bearer ${TOKENS.viewer}`, `${url}/api/v1/agents`],
    )
    assert.equal(status, 200)
    assert.equal(JSON.parse(text)[0].title, 'A')
  })

  test('is not passed over by a client that does not know the authority', async (t) => {
    const { url } = await startTls(t)
    const client = openHubClient({ url, token: TOKENS.author })
    t.after(() => client.close())
    await assert.rejects(client.agents(), { code: 'E_HUB_UNREACHABLE', message: /self-signed/ })
  })

  test('with bad files is a mistake that names the file', async (t) => {
    const folder = await tempFolder(t)
    const { cert, key } = await certificate(folder, 'one')
    const other = await certificate(folder, 'two')
    const junk = join(folder, 'junk.pem')
    await writeFile(junk, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    const missing = join(folder, 'missing.pem')
    for (const [tls, message] of [
      [{ cert, key: '' }, /hub\.tls\.cert is set, and hub\.tls\.key is not/],
      [{ cert: missing, key }, /hub\.tls\.cert: .*missing\.pem cannot be used: ENOENT/],
      [{ cert: junk, key }, /hub\.tls\.cert: .*junk\.pem cannot be used/],
      [{ cert, key: junk }, /hub\.tls\.key: .*junk\.pem cannot be used/],
      [{ cert, key: cert }, /hub\.tls\.key: .*one\.pem cannot be used/],
      [
        { cert, key: other.key },
        /hub\.tls\.key: .*two-key\.pem is not the key of the certificate .*one\.pem/,
      ],
    ] as const)
      await assert.rejects(startTestApi(t, { hub: { tls } }), { code: 'E_CONFIG_VALUE', message })
  })
})

describe('curl', () => {
  test('makes an agent, sees its refusals, and deletes it', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    const agents = `${url}/api/v1/agents`
    const author = ['-H', `Authorization: Bearer ${TOKENS.author}`]
    const json = ['-H', 'Content-Type: application/json']
    assert.equal((await curl(agents)).status, 401)
    const made = await curl(...author, ...json, '-d', '{"code":"// From curl"}', agents)
    assert.equal(made.status, 201)
    const found = await curl(...author, `${agents}/From%20curl`)
    assert.deepEqual(JSON.parse(found.text), JSON.parse(made.text))
    assert.equal((await curl(...author, '-d', 'code=x', agents)).status, 415)
    assert.equal((await curl(...author, '-X', 'DELETE', `${agents}/From%20curl`)).status, 204)
    assert.equal((await curl('-H', `License-Key: ${TOKENS.viewer}`, `${url}/scripts`)).text, '[]')
    assert.equal((await curl('-I', ...author, agents)).status, 200)
    assert.equal((await curl('-X', 'OPTIONS', ...author, agents)).status, 404)
  })

  test('is told when it sends too much, before it has sent it all', async (t) => {
    const { url } = await startTestApi(t)
    const file = join(await tempFolder(t), 'large')
    await writeFile(file, 'x'.repeat(5 << 20))
    const args = ['-H', 'Content-Type: application/json', '-H', 'Expect:', '--data-binary', `@${file}`]
    const { status, text } = await curl(...args, `${url}/api/v1/agents`)
    assert.equal(status, 413)
    assert.match(text, /E_TOO_LARGE.*has 5242880 bytes, and 1048576 are taken/)
  })

  test('is told when its headers are too long', async (t) => {
    const { url } = await startTestApi(t)
    const { status, text } = await curl('-H', `X-Long: ${'x'.repeat(110_000)}`, `${url}/healthz`)
    assert.equal(status, 431)
    assert.match(text, /headers are too long/)
  })
})

describe('the address', () => {
  test('that is taken, or is none of this machine, is a mistake that names it', async (t) => {
    const { url } = await startTestApi(t)
    const port = Number(new URL(url).port)
    await assert.rejects(startTestApi(t, { port }), {
      code: 'E_CONFIG_VALUE',
      message: new RegExp(`port ${port}: .*listens there already`),
      hint: /tap\.proxy/,
    })
    await assert.rejects(startTestApi(t, { ...WITH_TOKENS, host: '192.0.2.1', port: await freePort() }), {
      code: 'E_CONFIG_VALUE',
      message: /none of this machine/,
    })
  })

  test('may be one of IPv6', async (t) => {
    const { url } = await startTestApi(t, { host: '::1' })
    assert.match(url, /^http:\/\/\[::1\]:\d+$/)
    assert.equal((await ask(url, 'GET', '/api/v1/agents')).status, 200)
  })
})
