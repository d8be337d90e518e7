import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { authority } from '../../testing/authority.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { elasticServer } from '../../testing/elastic-server.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { httpServer } from '../../testing/http-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { PartlyFailed, Refusal, retryOf } from '../answer.ts'
import { readArguments } from '../arguments.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { HelperHost, HttpRequest } from '../helper.ts'
import { namespaces } from '../index.ts'
import { elastic } from './elastic.ts'

describe('vendor.elastic', () => {
  test('indexes an object, or text that is one', async (t) => {
    const server = await elasticServer(t)
    const { call } = await open(t)
    assert.equal(await call(server.url, 'status', { '200': 12, name: 'ä "quoted"\n' }), undefined)
    assert.equal(await call(`${server.url}/`, 'status', '{\n "a": 1 }', '', null, undefined), undefined)
    assert.deepEqual(Object.values(server.documents('status')), [
      { '200': 12, name: 'ä "quoted"\n' },
      { a: 1 },
    ])
  })

  test('signs in with the credentials that are not empty', async (t) => {
    const { sent, host } = await recorded(t)
    const asked = async (...credentials: unknown[]) => {
      await dispatch(namespaces, 'vendor.elastic', ['http://es:9200', 'i', {}, ...credentials], host)
      return sent.at(-1)?.headers.authorization
    }
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    assert.equal(await asked(), undefined)
    assert.equal(await asked('', '', '', '', '', ''), undefined)
    assert.equal(await asked('elastic', 'pässword:1'), basic('elastic:pässword:1'))
    assert.equal(await asked('', '', '', 'bXkta2V5'), 'ApiKey bXkta2V5')
    assert.equal(await asked('', '', '', 'id:key'), `ApiKey ${Buffer.from('id:key').toString('base64')}`)
    assert.equal(await asked('', '', '', '', 'AAEAAWVs'), 'Bearer AAEAAWVs')
    assert.equal(await asked('elastic', 'p', '', 'bXkta2V5', 'AAEAAWVs'), 'ApiKey bXkta2V5')
    assert.equal(await asked('elastic', 'p', '', '', 'AAEAAWVs'), 'Bearer AAEAAWVs')
  })

  test('takes user and password out of the address where there are no others', async (t) => {
    const server = await elasticServer(t, {
      authorization: `Basic ${Buffer.from('elastic:p@ss').toString('base64')}`,
    })
    const { call } = await open(t)
    await call(server.url.replace('//', '//elastic:p%40ss@'), 'status', { a: 1 })
    assert.equal(Object.keys(server.documents('status')).length, 1)
  })

  test('finds the host in a cloud id', async (t) => {
    const { sent, host } = await recorded(t)
    const asked = async (name: string, decoded: string) => {
      const id = `${name}:${Buffer.from(decoded).toString('base64')}`
      await dispatch(namespaces, 'vendor.elastic', ['', 'i', {}, '', '', id, 'bXkta2V5'], host)
      return sent.at(-1)?.url
    }
    assert.equal(
      await asked('my deployment', 'us-east-1.aws.found.io$abc123$def456'),
      'https://abc123.us-east-1.aws.found.io/i/_doc',
    )
    assert.equal(await asked('a:b', 'found.io:9243$abc$def'), 'https://abc.found.io:9243/i/_doc')
    assert.equal(await asked('a', 'found.io:9243$abc:9244$'), 'https://abc.found.io:9244/i/_doc')
    for (const hostile of ['', 'found.io', 'evil/x$abc', 'found.io$a/b', '$a', 'found.io:99999$abc'])
      await assert.rejects(asked('a', hostile), {
        code: 'E_HELPER_ARGUMENT',
        message: /that is no cloud id/,
      })
  })

  test('says what is wrong with its arguments', async (t) => {
    const { host } = await recorded(t)
    const call = (...args: unknown[]) => dispatch(namespaces, 'vendor.elastic', args, host)
    const told = (message: RegExp) => ({ code: 'E_HELPER_ARGUMENT', message })
    await assert.rejects(call('', 'i', {}), told(/give url, or cloudID for Elastic Cloud/))
    await assert.rejects(call('http://a', 'i', {}, '', '', 'a:b'), told(/give either url or cloudID/))
    await assert.rejects(call('ftp://a', 'i', {}), told(/url: expected an http or https URL/))
    for (const data of ['text', '[1]', [1], 5, 'null'])
      await assert.rejects(call('http://a', 'i', data), told(/data: expected .*an object/))
    for (const index of ['', '_all', '_bulk', '..', '.', 'a,b', 'logs*', '_security/x'])
      await assert.rejects(call('http://a', index, {}), told(/index: expected the name of one index/))
    await assert.rejects(
      call('http://a', 'i', {}, '', '', '', '', '', 'AB:CD'),
      told(/certificateFingerprint: expected a SHA-256 fingerprint/),
    )
  })

  test('keeps names of indexes in their place in the address', async (t) => {
    const { sent, host } = await recorded(t)
    for (const index of ['a/../_security', 'a/_doc&x', 'a#b', 'лог', '%2e%2e', '<logs-{now/d}>']) {
      await dispatch(namespaces, 'vendor.elastic', ['http://es:9200/base', index, {}], host)
      assert.equal(sent.at(-1)?.url, `http://es:9200/base/${encodeURIComponent(index)}/_doc`)
      const { pathname, search, hash } = new URL(sent.at(-1)?.url ?? '')
      assert.equal(decodeURIComponent(pathname.split('/')[2] ?? ''), index)
      assert.equal(search + hash, '')
    }
  })

  test('says why a document is refused', async (t) => {
    const server = await elasticServer(t, {
      refuse: () => ({
        status: 400,
        type: 'document_parsing_exception',
        reason: 'failed to parse field [a]',
      }),
    })
    const { call } = await open(t)
    await assert.rejects(call(server.url, 'status', { a: 'x' }), (error) => {
      assert.ok(error instanceof Refusal)
      assert.match(error.message, /answered 400: document_parsing_exception: failed to parse field \[a\]$/)
      assert.deepEqual(error.retry, { when: 'never' })
      return true
    })
  })

  test('trusts a server by the fingerprint of its authority, and no other', async (t) => {
    const ca = await authority(t)
    const { cert, key } = await ca.sign('localhost')
    let seen = 0
    const server = createServer({ cert: cert + ca.cert, key }, (_, response) => {
      seen++
      response.writeHead(201).end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { call } = await open(t)
    const url = `https://localhost:${(server.address() as AddressInfo).port}`
    const by = (fingerprint: string) => call(url, 'i', {}, 'elastic', 'p', '', '', '', fingerprint)
    await by(ca.fingerprint)
    await by(ca.fingerprint.replaceAll(':', '').toLowerCase())
    assert.equal(seen, 2)
    await assert.rejects(by('0'.repeat(64)), /none of its certificates has the fingerprint/)
    await assert.rejects(by(''), /certificate/)
    await assert.rejects(call('http://localhost:1', 'i', {}, '', '', '', '', '', ca.fingerprint), {
      code: 'E_HELPER_REFUSED',
      message: /without https/,
    })
    assert.equal(seen, 2)
  })
})

describe('vendor.elastic by way of the outbox', () => {
  test('makes a document once, however often it is sent', async (t) => {
    const server = await elasticServer(t)
    const { host } = await open(t)
    const queued = { ...host, queuedId: 'q/1 ä' }
    for (let again = 0; again < 2; again++)
      assert.equal(
        await dispatch(namespaces, 'vendor.elastic', [server.url, 'status', { n: 1 }], queued),
        undefined,
      )
    assert.deepEqual(server.documents('status'), { 'q/1 ä': { n: 1 } })
  })

  test('sends many at once, and once', async (t) => {
    const server = await elasticServer(t)
    const { sendAll } = await open(t)
    const calls = Array.from({ length: 1000 }, (_, n) => [server.url, 'status', { n, text: '\u2028\n' }])
    await sendAll(calls)
    await sendAll(calls)
    assert.equal(server.seen.length, 2)
    const documents = server.documents('status')
    assert.equal(Object.keys(documents).length, 1000)
    assert.deepEqual(documents.id7, { n: 7, text: '\u2028\n' })
  })

  test('tells which may be sent again and which never will do', async (t) => {
    const server = await elasticServer(t, {
      refuse: ({ n }) =>
        n === 1
          ? { status: 429, type: 'es_rejected_execution_exception', reason: 'queue is full' }
          : n === 2
            ? { status: 400, type: 'document_parsing_exception', reason: 'no date' }
            : n === 3
              ? { status: 503, type: 'unavailable_shards_exception', reason: 'primary shard is not active' }
              : undefined,
    })
    const { sendAll } = await open(t)
    await sendAll([[server.url, 'status', { n: 0 }]])
    await assert.rejects(sendAll([0, 1, 2, 3, 4].map((n) => [server.url, 'status', { n }])), (error) => {
      assert.ok(error instanceof PartlyFailed)
      const found = [...error.failures].map(([at, each]) => [at, retryOf(each).when, (each as Error).message])
      const host = `127.0.0.1:${server.port}`
      assert.deepEqual(found, [
        [1, 'later', `vendor.elastic: ${host} answered 429: es_rejected_execution_exception: queue is full`],
        [2, 'never', `vendor.elastic: ${host} answered 400: document_parsing_exception: no date`],
        [
          3,
          'later',
          `vendor.elastic: ${host} answered 503: unavailable_shards_exception: primary shard is not active`,
        ],
      ])
      return true
    })
    assert.deepEqual(Object.keys(server.documents('status')), ['id0', 'id4'])
  })

  test('keeps those apart that sign in otherwise', async (t) => {
    const server = await elasticServer(t, { authorization: 'ApiKey good' })
    const { sendAll } = await open(t)
    const by = (key: string, n: number) => [server.url, 'status', { n }, '', '', '', key]
    await assert.rejects(sendAll([by('good', 0), by('bad', 1), by('good', 2)]), (error) => {
      assert.ok(error instanceof PartlyFailed)
      assert.deepEqual([...error.failures.keys()], [1])
      assert.ok(error.failures.get(1) instanceof Refusal)
      return true
    })
    assert.deepEqual(Object.keys(server.documents('status')), ['id0', 'id2'])
  })

  test('sends less at once to a proxy that does not take so much', async (t) => {
    const server = await elasticServer(t)
    const egress = openEgress()
    t.after(() => egress.close())
    const sizes: number[] = []
    const { sendAll } = await open(t, {
      request: async (options) => {
        sizes.push(String(options.body).length)
        return (sizes.at(-1) ?? 0) > 2000
          ? { status: 413, headers: {}, body: '<html>' }
          : await egress.request(options)
      },
    })
    const texts = Array.from({ length: 50 }, (_, n) => (n === 17 ? 'x'.repeat(3000) : 'small'))
    const calls = texts.map((text, n) => [server.url, 'status', { n, text }])
    await assert.rejects(sendAll(calls), (error) => {
      assert.ok(error instanceof PartlyFailed)
      assert.deepEqual([...error.failures.keys()], [17])
      assert.deepEqual(retryOf(error.failures.get(17)), { when: 'never' })
      return true
    })
    assert.equal(Object.keys(server.documents('status')).length, 49)
    assert.ok(sizes.length < 20, String(sizes))
  })

  test('does not take for done what a reply does not speak of', async (t) => {
    const { url } = await httpServer(t, (_, response) => response.end('{"errors":false,"items":[]}'))
    const { sendAll } = await open(t)
    await assert.rejects(sendAll([[url, 'status', { n: 0 }]]), /makes no sense/)
  })

  test('has a key and a target without anything secret', () => {
    const args = argumentsOf(['http://elastic:s3cret@es:9200/base', 'status', {}, '', '', '', 's3cret'])
    assert.equal(elastic.queued?.key(args), 'es:9200/status')
    const none = undefined as unknown as HelperHost
    assert.deepEqual(elastic.target?.(args, none), {
      text: 'elastic://es:9200/status',
      hosts: ['es'],
      bucket: 'status',
    })
  })
})

describeFailures({
  name: 'vendor.elastic',
  unauthorized: {
    status: 401,
    body: '{"error":{"type":"security_exception","reason":"unable to authenticate"},"status":401}',
  },
  malformed: '<html>not JSON',
  async call(t, { url, secret, network }) {
    const { host } = await open(t)
    const all = { ...host, ...network }
    await dispatch(namespaces, 'vendor.elastic', [url, 'status', { a: 1 }, 'elastic', secret], all)
  },
})

describeFailures({
  name: 'vendor.elastic, many at once',
  malformed: '{"items":"none"}',
  async call(t, { url, secret, network }) {
    const { sendAll } = await open(t, network)
    await sendAll([[url, 'status', { a: 1 }, '', '', '', secret]])
  },
})

type Args = Parameters<typeof elastic.run>[0]

function argumentsOf(given: readonly unknown[]): Args {
  return readArguments('vendor.elastic', elastic.params, given) as Args
}

async function open(t: TestContext, network?: Partial<HelperHost>) {
  const egress = openEgress()
  t.after(() => egress.close())
  const files = await openDataFolder(await tempFolder(t), 1 << 20)
  const host = fakeHost(files, network ?? { request: (options) => egress.request(options) })
  const call = (...args: unknown[]) => dispatch(namespaces, 'vendor.elastic', args, host)
  const sendAll = async (calls: readonly (readonly unknown[])[]) => {
    const queued = calls.map((args, at) => ({ id: `id${at}`, args: argumentsOf(args), at: 1 }))
    await elastic.queued?.batch?.send(queued, host)
  }
  return { host, call, sendAll }
}

/** A host that takes every request for done. */
async function recorded(t: TestContext) {
  const sent: HttpRequest[] = []
  const request = async (options: HttpRequest) => {
    sent.push(options)
    return { status: 201, headers: {}, body: '{}' }
  }
  return { sent, ...(await open(t, { request })) }
}
