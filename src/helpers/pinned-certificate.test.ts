import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { authority, fingerprintOf } from '../testing/authority.ts'
import { certificate } from '../testing/certificate.ts'
import { httpServer } from '../testing/http-server.ts'
import { openEgress } from './egress.ts'

describe('a certificate that is known by its fingerprint', () => {
  test('is trusted for whatever name, when it is that of the server', async (t) => {
    const { cert, key } = await certificate(t, 'elsewhere.example')
    const { get, seen } = await serve(t, cert, key)
    assert.equal((await get(fingerprintOf(cert))).body, 'fine')
    await assert.rejects(get(undefined), /certificate is self-signed/)
    assert.equal(seen(), 1)
  })

  test('is trusted for what it has signed, when that is for the host', async (t) => {
    const ca = await authority(t)
    const here = await ca.sign('localhost')
    const there = await ca.sign('elsewhere.example')
    const good = await serve(t, here.cert + ca.cert, here.key)
    assert.equal((await good.get(ca.fingerprint)).body, 'fine')
    assert.equal((await good.get(here.fingerprint)).body, 'fine')
    const other = await serve(t, there.cert + ca.cert, there.key)
    await assert.rejects(other.get(ca.fingerprint), /certificate is for another name/)
    assert.equal((await other.get(there.fingerprint)).body, 'fine')
    assert.deepEqual([good.seen(), other.seen()], [2, 1])
  })

  test('is not trusted when it is shown by somebody whom it has not signed', async (t) => {
    const [ca, impostor] = [await authority(t), await authority(t)]
    const { cert, key } = await impostor.sign('localhost')
    const { get, seen } = await serve(t, cert + ca.cert, key)
    await assert.rejects(get(ca.fingerprint), { code: 'E_HELPER_FAILED' })
    assert.equal(seen(), 0)
  })

  test('is the only one that will do, even where another is trusted', async (t) => {
    const ca = await authority(t)
    const { cert, key } = await ca.sign('localhost')
    const { get, seen } = await serve(t, cert, key, ca.cert)
    assert.equal((await get(undefined)).body, 'fine')
    const none = /none of its certificates has the fingerprint/
    await assert.rejects(get((await authority(t)).fingerprint), none)
    await assert.rejects(get('00'.repeat(32)), none)
    assert.equal(seen(), 1)
  })

  test('is not asked of a server without TLS, and opens no forbidden address', async (t) => {
    const { url } = await httpServer(t, (_, response) => response.end())
    const egress = openEgress()
    t.after(() => egress.close())
    const get = (to: string) =>
      egress.request({
        method: 'GET',
        url: to,
        headers: {},
        body: undefined,
        certificateSha256: '00'.repeat(32),
      })
    await assert.rejects(get(url), { code: 'E_HELPER_REFUSED', message: /without https/ })
    await assert.rejects(get('https://169.254.169.254/'), { code: 'E_HELPER_REFUSED', message: /forbidden/ })
  })
})

async function serve(t: TestContext, cert: string, key: string, trusted?: string) {
  let seen = 0
  const server = createServer({ cert, key }, (_, response) => {
    seen++
    response.end('fine')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const egress = openEgress({ timeoutMs: 2000, ...(trusted === undefined ? {} : { ca: trusted }) })
  t.after(async () => {
    await egress.close()
    server.close()
    server.closeAllConnections()
  })
  const get = (fingerprint: string | undefined) =>
    egress.request({
      method: 'GET',
      url: `https://localhost:${port}/`,
      headers: {},
      body: undefined,
      ...(fingerprint === undefined
        ? {}
        : { certificateSha256: fingerprint.replaceAll(':', '').toLowerCase() }),
    })
  return { get, seen: () => seen }
}
