import assert from 'node:assert/strict'
import dns from 'node:dns'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import * as zlib from 'node:zlib'
import { Mistake } from '../mistake/mistake.ts'
import { certificate } from '../testing/certificate.ts'
import { httpServer } from '../testing/http-server.ts'
import { retryOf } from './answer.ts'
import { type EgressOptions, type EgressRules, openEgress } from './egress.ts'
import type { HttpRequest } from './helper.ts'

const SECRET = 'b0a7-very-secret'

function open(t: TestContext, options: EgressOptions = {}) {
  const egress = openEgress(options)
  t.after(() => egress.close())
  return (url: string, more: Partial<HttpRequest> = {}, signal?: AbortSignal) =>
    egress.request({ method: 'GET', url, headers: {}, body: undefined, ...more }, signal)
}

/** A port that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function complaint(call: Promise<unknown>, code: string): Promise<string> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof Mistake, String(error))
    assert.equal(error.code, code)
    assert.ok(!error.message.includes(SECRET), error.message)
    return error.message
  }
  throw new Error('nothing was complained of')
}

describe('egress', () => {
  test('sends what it is given, marked as traffic of our own, and gives back the reply', async (t) => {
    const server = await httpServer(t, (_, response) => {
      response.writeHead(201, { 'X-One': 'a', 'Set-Cookie': ['b=1', 'c=2'] }).end('grüße')
    })
    const request = open(t)
    const reply = await request(`${server.url}/path?q=1`, {
      method: 'PUT',
      headers: { 'X-Team': 'shop', 'X-Kubeshark-Capture': 'please', Host: 'elsewhere.example' },
      body: 'hello',
    })
    assert.equal(reply.status, 201)
    assert.equal(reply.body, 'grüße')
    assert.equal(reply.headers['x-one'], 'a')
    assert.equal(reply.headers['set-cookie'], 'b=1, c=2')
    const [seen] = server.seen
    assert.equal(seen?.method, 'PUT')
    assert.equal(seen?.path, '/path?q=1')
    assert.equal(seen?.body, 'hello')
    assert.equal(seen?.headers['x-team'], 'shop')
    assert.equal(seen?.headers['x-kubeshark-capture'], 'ignore')
    assert.equal(seen?.headers.host, `127.0.0.1:${server.port}`)
  })

  test('keeps connections and uses them again', async (t) => {
    const ports = new Set<number | undefined>()
    const server = await httpServer(t, (_, response) => {
      ports.add(response.socket?.remotePort)
      response.end()
    })
    const request = open(t)
    for (let n = 0; n < 6; n++) await request(server.url)
    assert.ok(ports.size < 6, `${ports.size} connections for 6 requests`)
  })

  test('takes user and password out of the address', async (t) => {
    const server = await httpServer(t, (_, response) => response.end())
    await open(t)(`http://us%65r:p%zz@127.0.0.1:${server.port}/`)
    const expected = `Basic ${Buffer.from('user:p%zz').toString('base64')}`
    assert.equal(server.seen[0]?.headers.authorization, expected)
  })

  test('names host and reason when nobody listens, and no secret', async (t) => {
    const port = await closedPort()
    const call = open(t)(`http://u:${SECRET}@127.0.0.1:${port}/${SECRET}?token=${SECRET}#${SECRET}`, {
      headers: { authorization: SECRET },
    })
    assert.equal(await complaint(call, 'E_HELPER_FAILED'), `GET 127.0.0.1:${port}: connection refused`)
  })

  test('says so when a name does not exist', async (t) => {
    const text = await complaint(open(t)('http://no-such-host.invalid/'), 'E_HELPER_FAILED')
    assert.match(text, /^GET no-such-host\.invalid: (no such host|the name cannot be resolved)$/)
  })

  test('does not quote headers that are not valid', async (t) => {
    const server = await httpServer(t, (_, response) => response.end())
    const call = open(t)(server.url, { headers: { 'x-token': `${SECRET}\r\nx: y` } })
    assert.match(await complaint(call, 'E_HELPER_ARGUMENT'), /a header or the method is not valid HTTP$/)
    assert.equal(server.seen.length, 0)
  })

  test('sends headers in UTF-8, without the line end of a file, and none that are about the connection', async (t) => {
    const server = await httpServer(t, (_, response) => response.end())
    await open(t)(server.url, {
      method: 'POST',
      headers: {
        ...{ 'X-Team': 'Zürich 日本', Authorization: 'Bearer b0a7\n', 'Content-Length': '999' },
        ...{ Connection: 'close', 'Transfer-Encoding': 'chunked', Expect: '100-continue', TE: 'trailers' },
      },
      body: 'größe',
    })
    const headers = server.seen[0]?.headers ?? {}
    assert.equal(Buffer.from(String(headers['x-team']), 'latin1').toString(), 'Zürich 日本')
    assert.equal(headers.authorization, 'Bearer b0a7')
    assert.equal(headers['content-length'], '7')
    for (const name of ['transfer-encoding', 'expect', 'te']) assert.equal(headers[name], undefined, name)
  })

  test('reads compressed replies, within the same limit', async (t) => {
    const encodings = {
      ...{ gzip: zlib.gzipSync, 'X-GZip': zlib.gzipSync, deflate: zlib.deflateSync },
      ...{ br: zlib.brotliCompressSync, zstd: zlib.zstdCompressSync },
    }
    const broken = Object.keys(encodings).map((name) => [name, () => Buffer.from('no such thing')] as const)
    const reply = (encode: (text: string) => Buffer, name: string, text: string) =>
      httpServer(t, (_, response) => response.writeHead(200, { 'Content-Encoding': name }).end(encode(text)))
    for (const [name, encode] of Object.entries(encodings)) {
      const { url } = await reply(encode, name, 'grüße')
      const { headers, body, bytes } = await open(t)(url)
      assert.equal(body, 'grüße', name)
      assert.equal(Buffer.from(bytes ?? []).toString(), 'grüße')
      assert.equal(headers['content-encoding'] ?? headers['content-length'], undefined)
      const large = await reply(encode, name, 'x'.repeat(2000))
      const call = open(t, { largestReplyBytes: 1000 })(large.url)
      assert.match(await complaint(call, 'E_HELPER_FAILED'), /the reply is too large$/)
    }
    for (const [name, encode] of broken) {
      const { url } = await reply(encode, name, '')
      assert.match(
        await complaint(open(t)(url), 'E_HELPER_FAILED'),
        /the reply is not compressed as it says$/,
      )
    }
    const unknown = await reply(Buffer.from, 'rot13', 'uryyb')
    assert.equal((await open(t)(unknown.url)).body, 'uryyb')
    const empty = await httpServer(t, (_, response) =>
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(),
    )
    assert.equal((await open(t)(empty.url, { method: 'HEAD' })).body, '')
  })

  test('gives up on a server that does not answer, and on one that stops halfway', async (t) => {
    const silent = await httpServer(t, () => undefined)
    const halfway = await httpServer(t, (_, response) => {
      response.write('a beginning')
    })
    const request = open(t, { timeoutMs: 100 })
    const [first, second] = await Promise.all([
      complaint(request(silent.url), 'E_HELPER_FAILED'),
      complaint(request(halfway.url), 'E_HELPER_FAILED'),
    ])
    assert.match(first, /: no reply in time$/)
    assert.match(second, /: the reply stopped coming$/)
  })

  test('gives up on a reply that trickles for ever, and when its caller does', async (t) => {
    const server = await httpServer(t, (_, response) => {
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    const request = open(t, { timeoutMs: 5_000, totalMs: 150 })
    assert.match(await complaint(request(server.url), 'E_HELPER_FAILED'), /: the time is up$/)

    const abort = new AbortController()
    const call = open(t)(server.url, {}, abort.signal)
    setTimeout(() => abort.abort(new Error('any reason')), 20)
    assert.match(await complaint(call, 'E_HELPER_FAILED'), /: the time is up$/)
  })

  test('takes no reply that is too large, with or without its length told', async (t) => {
    const server = await httpServer(t, ({ path }, response) => {
      const body = 'x'.repeat(5_000)
      if (path === '/told') response.setHeader('content-length', body.length)
      response.write(body)
      response.end()
    })
    const request = open(t, { largestReplyBytes: 4_999 })
    for (const path of ['/told', '/untold'])
      assert.match(
        await complaint(request(server.url + path), 'E_HELPER_FAILED'),
        /: the reply is too large$/,
      )
    assert.equal((await open(t, { largestReplyBytes: 5_000 })(server.url)).body.length, 5_000)
  })

  test('says so when what answers is not HTTP', async (t) => {
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const text = await complaint(open(t)(`http://127.0.0.1:${port}/`), 'E_HELPER_FAILED')
    assert.equal(text, `GET 127.0.0.1:${port}: the reply is not HTTP`)
  })
})

describe('TLS', () => {
  test('is spoken, with certificates that are trusted and names that fit', async (t) => {
    const { url, ca } = await httpsServer(t)
    assert.equal((await open(t, { ca })(url)).body, 'over TLS')
    assert.match(
      await complaint(open(t)(url), 'E_HELPER_FAILED'),
      /: its certificate is (self-signed|not trusted)$/,
    )
    const byNumber = url.replace('localhost', '127.0.0.1')
    assert.match(
      await complaint(open(t, { ca })(byNumber), 'E_HELPER_FAILED'),
      /: its certificate is for another name$/,
    )
  })
})

/** An HTTPS server on the loopback, known as localhost and nothing else. */
async function httpsServer(t: TestContext): Promise<{ url: string; ca: string }> {
  const { cert, key } = await certificate(t)
  const server = createHttpsServer({ key, cert }, (_, response) => response.end('over TLS'))
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}/`, ca: cert }
}

describe('redirects', () => {
  test('are followed, five at most', async (t) => {
    const server = await httpServer(t, ({ path }, response) => {
      const left = Number(path.slice(1))
      if (left === 0) response.end('arrived')
      else response.writeHead(302, { location: `/${left - 1}` }).end()
    })
    assert.equal((await open(t)(`${server.url}/5`)).body, 'arrived')
    const text = await complaint(open(t)(`${server.url}/6`), 'E_HELPER_FAILED')
    assert.match(text, /: more than 5 redirects$/)
  })

  test('turn a POST into a GET, or send it again, as RFC 9110 says', async (t) => {
    const server = await httpServer(t, ({ path }, response) => {
      if (path === '/end') response.end()
      else response.writeHead(Number(path.slice(1)), { location: '/end' }).end()
    })
    const arrived = async (status: number, method: string) => {
      const headers = { 'Content-Type': 'text/plain' }
      await open(t)(`${server.url}/${status}`, { method, headers, body: 'x' })
      const last = server.seen.at(-1)
      return [last?.method, last?.body, last?.headers['content-type']]
    }
    assert.deepEqual(await arrived(301, 'POST'), ['GET', '', undefined])
    assert.deepEqual(await arrived(302, 'PUT'), ['PUT', 'x', 'text/plain'])
    assert.deepEqual(await arrived(303, 'PUT'), ['GET', '', undefined])
    assert.deepEqual(await arrived(307, 'POST'), ['POST', 'x', 'text/plain'])
    assert.deepEqual(await arrived(308, 'POST'), ['POST', 'x', 'text/plain'])
  })

  test('leave a body behind with all that is said of it, also one that can be read once', async (t) => {
    const server = await httpServer(t, ({ path }, response) => {
      if (path === '/') response.writeHead(303, { location: '/done' }).end()
      else response.end('there')
    })
    const headers = {
      'Content-Length': '4',
      'Content-Encoding': 'gzip',
      'Content-MD5': 'x',
      'X-Team': 'shop',
    }
    const { body } = await open(t)(server.url, {
      method: 'POST',
      headers,
      body: Readable.from([Buffer.from('text')]),
    })
    assert.equal(body, 'there')
    const [, second] = server.seen
    assert.deepEqual([second?.method, second?.headers['x-team']], ['GET', 'shop'])
    assert.deepEqual(
      Object.keys(second?.headers ?? {}).filter((name) => name.startsWith('content-')),
      [],
    )
  })

  test('carry secrets no further than the host they were meant for', async (t) => {
    const other = await httpServer(t, (_, response) => response.end('there'))
    const server = await httpServer(t, ({ path }, response) => {
      response.writeHead(307, { location: path === '/near' ? '/far' : `${other.url}/end` }).end()
    })
    const headers = { Authorization: SECRET, 'X-Api-Key': SECRET, Cookie: SECRET, Accept: 'text/plain' }
    await open(t)(`${server.url}/near`, { headers })
    assert.equal(server.seen[1]?.headers['x-api-key'], SECRET)
    assert.ok(!JSON.stringify(other.seen).includes(SECRET))
    assert.equal(other.seen[0]?.headers.accept, 'text/plain')
    assert.equal(other.seen[0]?.headers['x-kubeshark-capture'], 'ignore')
  })

  test('into forbidden places are refused', async (t) => {
    const places: Readonly<Record<string, string>> = {
      '/metadata': 'http://169.254.169.254/latest/meta-data',
      '/mapped': 'http://[::ffff:169.254.169.254]/',
      '/denied': 'http://denied.example/',
      '/file': 'file:///etc/passwd',
      '/broken': 'http://[',
    }
    const server = await httpServer(t, ({ path }, response) => {
      response.writeHead(302, { location: places[path] }).end()
    })
    const request = open(t, { deny: ['denied.example'] })
    for (const path of Object.keys(places)) await complaint(request(server.url + path), 'E_HELPER_REFUSED')
  })
})

describe('fences', () => {
  test('keep link-local and metadata addresses out, however they are written', async (t) => {
    const request = open(t, { allow: ['169.254.169.254', 'fe80::1'] })
    for (const host of [
      '169.254.169.254',
      '2852039166',
      '0xa9fea9fe',
      '169.254.1',
      '[::ffff:a9fe:a9fe]',
      '[64:ff9b::a9fe:a9fe]',
      '[2002:a9fe:a9fe::1]',
      '[fe80::1]',
      '[fd00:ec2::254]',
      '[fd20:ce::254]',
      '100.100.100.200',
      '168.63.129.16',
    ])
      for (const scheme of ['http', 'https'])
        assert.match(await complaint(request(`${scheme}://${host}/`), 'E_HELPER_REFUSED'), /forbidden/, host)
  })

  test('keep forbidden addresses out also behind names, without and with TLS', async (t) => {
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const request = open(t, { deny: ['127.0.0.0/8', '::1'] })
    for (const scheme of ['http', 'https']) {
      const text = await complaint(request(`${scheme}://localhost:${port}/`), 'E_HELPER_REFUSED')
      assert.match(text, /the address is forbidden/)
    }
    assert.equal(connections, 0)

    await complaint(open(t)(`https://localhost:${port}/`), 'E_HELPER_FAILED')
    assert.ok(connections > 0)
  })

  test('know hosts by name, by what their name ends with, and by network', async (t) => {
    const server = await httpServer(t, (_, response) => response.end('ok'))
    const local = `http://localhost:${server.port}/`
    const literal = server.url

    assert.equal((await open(t, { allow: ['LOCALHOST'] })(local)).body, 'ok')
    assert.equal((await open(t, { allow: ['127.0.0.0/8'] })(literal)).body, 'ok')
    const closed: readonly (readonly [EgressOptions, string])[] = [
      [{ allow: ['example.com'] }, local],
      [{ allow: ['*.localhost'] }, local],
      [{ deny: ['localhost'] }, local],
      [{ deny: ['localhost'] }, 'http://localhost./'],
      [{ deny: ['localhost'], allow: ['localhost'] }, local],
      [{ deny: ['127.0.0.1'] }, literal],
      [{ deny: ['*.example.com'] }, 'http://a.b.example.com/'],
    ]
    for (const [options, url] of closed) await complaint(open(t, options)(url), 'E_HELPER_REFUSED')
  })

  test('keep public addresses out without internetConnectivity, and no others', async (t) => {
    const server = await httpServer(t, (_, response) => response.end('ok'))
    const request = open(t, { internetConnectivity: false })
    assert.equal((await request(server.url)).body, 'ok')
    for (const host of ['1.1.1.1', '8.8.8.8', '172.32.0.1', '[2606:4700::1]', '[::ffff:8.8.8.8]'])
      assert.match(await complaint(request(`http://${host}/`), 'E_HELPER_REFUSED'), /forbidden/)
  })

  test('hold for what a name leads to at the moment of connecting, whatever it led to before', async (t) => {
    const server = await httpServer(t, (_, response) => response.end('ok'))
    const answers = [['127.0.0.1'], ['169.254.169.254'], ['10.0.0.1', '127.0.0.1'], ['::ffff:a9fe:a9fe']]
    t.mock.method(
      dns,
      'lookup',
      (...[, , done]: [string, object, (error: null, found: object[]) => void]) => {
        const found = answers.shift() ?? []
        done(
          null,
          found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        )
      },
    )
    const request = open(t, { deny: ['10.0.0.0/8'] })
    const url = `http://rebound.example:${server.port}/`
    assert.equal((await request(url)).body, 'ok')
    assert.match(await complaint(open(t)(url), 'E_HELPER_REFUSED'), /forbidden/)
    // Of several addresses those are taken that are not forbidden.
    assert.equal((await open(t, { deny: ['10.0.0.0/8'] })(url)).body, 'ok')
    assert.match(await complaint(open(t)(url), 'E_HELPER_REFUSED'), /forbidden/)
    assert.equal(answers.length, 0)
  })

  test('of an agent hold beside those of all, and equal ones share connections', async (t) => {
    const ports = new Set<number | undefined>()
    const server = await httpServer(t, (_, response) => {
      ports.add(response.socket?.remotePort)
      response.end('ok')
    })
    const egress = openEgress({ loopback: false })
    t.after(() => egress.close())
    const get = (rules: EgressRules) =>
      egress.under(rules).request({ method: 'GET', url: server.url, headers: {}, body: undefined })
    const granted = { loopback: true }
    await get({ ...granted, hosts: [{ allow: ['127.0.0.1'], by: 'a' }] })
    await get({ ...granted, hosts: [{ allow: ['127.0.0.0/8'], by: 'b' }] })
    await get({ ...granted, agent: 'c', hosts: [{ allow: ['*'], by: 'c' }] })
    assert.ok(ports.size < 3, `${ports.size} connections for 3 requests`)
    const refusals: [EgressRules, RegExp][] = [
      [{}, /the address is forbidden/],
      [
        {
          ...granted,
          hosts: [
            { allow: ['*'], by: 'x' },
            { allow: [], by: 'its header' },
          ],
        },
        /not granted by its header$/,
      ],
    ]
    for (const [rules, message] of refusals)
      assert.match(await complaint(get(rules), 'E_HELPER_REFUSED'), message)
  })

  test('let so many in at a time, make others wait, and refuse the rest', async (t) => {
    const held: (() => void)[] = []
    const server = await httpServer(t, (_, response) => {
      held.push(() => response.end('ok'))
    })
    const egress = openEgress({ mostPerHost: 2, mostPerAgent: 1, mostWaiting: 1 })
    t.after(() => egress.close())
    const get = (agent: string) =>
      egress.under({ agent }).request({ method: 'GET', url: server.url, headers: {}, body: undefined })
    const calls = [get('a'), get('a'), get('b'), get('c')]
    const [byAgent, byHost] = [get('a'), get('d')]
    assert.match(await complaint(byAgent, 'E_HELPER_REFUSED'), /too many requests of this agent/)
    assert.match(await complaint(byHost, 'E_HELPER_REFUSED'), /too many requests to this host/)
    assert.deepEqual(retryOf(await byHost.catch((error) => error)), { when: 'later', afterMs: 1000 })
    assert.equal(egress.crowded, 2)
    const done = Promise.allSettled(calls)
    let isOver = false
    void done.then(() => {
      isOver = true
    })
    while (!isOver) {
      assert.ok(held.length <= 2)
      held.shift()?.()
      await new Promise(setImmediate)
    }
    const outcomes = (await done).map(({ status }) => status)
    assert.ok(outcomes.filter((status) => status === 'fulfilled').length >= 3, String(outcomes))
  })

  test('that are no networks are told at once', () => {
    assert.throws(() => openEgress({ deny: ['10.0.0.0/99'] }), { code: 'E_CONFIG_VALUE' })
  })
})

describe('connections for what is not HTTP', () => {
  test('carry bytes both ways, and TLS with the name that was asked for', async (t) => {
    const plain = createServer((socket) => socket.end('hello'))
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    t.after(() => plain.close())
    const egress = openEgress()
    t.after(() => egress.close())
    const socket = await egress.connect({ host: '127.0.0.1', port: (plain.address() as AddressInfo).port })
    assert.equal(await text(socket), 'hello')

    const { cert, key } = await certificate(t)
    const server = createTlsServer({ cert, key }, (secure) => secure.end('secret'))
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const trusting = openEgress({ ca: cert })
    t.after(() => trusting.close())
    assert.equal(await text(await trusting.connect({ host: 'localhost', port, tls: {} })), 'secret')
    assert.match(
      await complaint(egress.connect({ host: 'localhost', port, tls: {} }), 'E_HELPER_FAILED'),
      /^connect to localhost:\d+: its certificate is self-signed$/,
    )
  })

  test('go to the host that was checked, however it is written', async (t) => {
    const server = createServer((socket) => socket.end('hello'))
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const egress = openEgress({ allow: ['localhost', 'xn--bcher-kva.example'], deny: ['mail.example.com'] })
    t.after(() => egress.close())
    for (const host of ['LocalHost', 'localhost', 'local%68ost'])
      assert.equal(await text(await egress.connect({ host, port })), 'hello', host)
    egress.checkHosts(['BÜCHER.example', 'xn--bcher-kva.example.'])
    const denying = openEgress({ deny: ['mail.example.com', '*.corp.example'] })
    t.after(() => denying.close())
    for (const host of ['MAIL.example.com', 'mail.EXAMPLE.com.', 'a.CORP.example', 'mail。example。com']) {
      await complaint(denying.connect({ host, port }), 'E_HELPER_REFUSED')
      await complaint(denying.addressOf(host, port), 'E_HELPER_REFUSED')
    }
    for (const host of ['2852039166', '0xa9fea9fe', '[::ffff:a9fe:a9fe]'])
      await complaint(denying.connect({ host, port }), 'E_HELPER_REFUSED')
    for (const host of [
      '',
      'localhost?x.evil.example',
      'localhost#x',
      'localhost/x',
      'u@localhost',
      'a b',
      'localhost:1',
      '\0',
    ])
      await complaint(egress.connect({ host, port }), 'E_HELPER_ARGUMENT')
  })

  test('are refused where requests are', async (t) => {
    const egress = openEgress({ deny: ['127.0.0.1', 'mail.example.com'] })
    t.after(() => egress.close())
    for (const host of ['169.254.169.254', '127.0.0.1', 'localhost', 'mail.example.com']) {
      await complaint(egress.connect({ host, port: 25 }), 'E_HELPER_REFUSED')
      await complaint(egress.addressOf(host, 25), 'E_HELPER_REFUSED')
    }
    assert.equal(await openEgress().addressOf('127.0.0.1', 25), '127.0.0.1')
    assert.match(
      await complaint(
        openEgress().connect({ host: '127.0.0.1', port: await closedPort() }),
        'E_HELPER_FAILED',
      ),
      /^connect to 127\.0\.0\.1:\d+: connection refused$/,
    )
  })
})
