import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, describe, type TestContext, test } from 'node:test'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { AZURITE_ACCOUNT, AZURITE_KEY, azurite } from '../../testing/azurite.ts'
import { certificate } from '../../testing/certificate.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { withoutEmulator } from '../../testing/emulator.ts'
import { withEnvironment } from '../../testing/environment.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { httpServer } from '../../testing/http-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { Refusal } from '../answer.ts'
import { readArguments } from '../arguments.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch, helperAt } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { HelperHost } from '../helper.ts'
import { namespaces } from '../index.ts'

const skip = withoutEmulator('azurite')

describe('vendor.azure.put', { skip }, () => {
  const open = opened()

  test('uploads a file, which can be read back from the address that it answers', async (t) => {
    const { put, connection, download } = await open(t)
    await put.write('dfir/calls é.json', '[1]')
    const url = await put('traffic', 'dfir/calls é.json', '', '', connection)
    assert.match(String(url), /\/devstoreaccount1\/traffic\/node-a_10\.0\.0\.7\/calls%20%C3%A9\.json$/)
    assert.equal(await download(url), '[1]')
  })

  test('replaces a blob of the same name, and uploads a file with nothing in it', async (t) => {
    const { put, connection, download } = await open(t)
    await put.write('a.txt', 'first')
    const url = await put('traffic', 'a.txt', null, undefined, connection)
    await put.write('a.txt', '')
    assert.equal(await put('traffic', 'a.txt', null, undefined, connection), url)
    assert.equal(await download(url), '')
  })

  test('keeps names as they are, whatever is in them', async (t) => {
    const { put, connection, download } = await open(t)
    const names = [
      'ä ö 日本 🦈.txt',
      '%41.txt',
      'a?b#c&d=e+f.txt',
      "it's [1] {2}.txt",
      'a\\b',
      '-',
      '..a',
      'x'.repeat(200),
    ]
    for (const name of names) {
      await put.write(name, name)
      assert.equal(await download(await put('traffic', name, '', '', connection)), name)
    }
  })

  test('uploads what is large in blocks, and holds little of it', async (t) => {
    const { put, host, connection, blob } = await open(t)
    const content = Buffer.alloc(64 * 2 ** 20)
    for (let at = 0; at < content.length; at += 4096) content.writeUInt32LE(at, at)
    await put.write('big.pcap', content)
    const waiting = new Set<Readable>()
    let most = 0
    const watched: HelperHost = {
      ...host,
      request: async (options) => {
        const body = options.body
        if (body instanceof Readable) waiting.add(body)
        most = Math.max(most, waiting.size)
        return await host.request(options).finally(() => waiting.delete(body as Readable))
      },
    }
    const url = await dispatch(
      namespaces,
      'vendor.azure.put',
      ['traffic', 'big.pcap', '', '', connection],
      watched,
    )
    assert.equal(most, 2)
    const hash = createHash('sha256')
    for await (const chunk of (await blob(url).download()).readableStreamBody ?? []) hash.update(chunk)
    assert.equal(hash.digest('hex'), createHash('sha256').update(content).digest('hex'))
  })

  test('says why Azure refuses: a wrong key, no such container', async (t) => {
    const { put, connection } = await open(t)
    await put.write('a.txt', 'text')
    const wrong = connection.replace(AZURITE_KEY, Buffer.from('wrong').toString('base64'))
    for (const [container, given, status, reason] of [
      ['traffic', wrong, 403, /answered 403: AuthorizationFailure/],
      ['missing', connection, 404, /answered 404: ContainerNotFound: The specified container does not exist/],
    ] as const) {
      await assert.rejects(put(container, 'a.txt', '', '', given), (error) => {
        assert.ok(error instanceof Refusal, String(error))
        assert.equal(error.status, status)
        assert.match(error.message, reason)
        assert.deepEqual(error.retry, { when: 'never' })
        assert.doesNotMatch(error.message, /d3Jvbmc|Signature|Eby8/)
        return true
      })
    }
  })

  test('takes a shared access signature, which is not in the address', async (t) => {
    const { put, endpoint, service, download } = await open(t)
    await put.write('a.txt', 'text')
    const { generateAccountSASQueryParameters, AccountSASPermissions } = await import('@azure/storage-blob')
    const sas = generateAccountSASQueryParameters(
      {
        expiresOn: new Date(Date.now() + 3_600_000),
        permissions: AccountSASPermissions.parse('rwc'),
        resourceTypes: 'o',
        services: 'b',
      },
      service.credential as StorageSharedKeyCredential,
    )
    const connection = `BlobEndpoint=${endpoint};SharedAccessSignature=${sas}`
    const url = await put('traffic', 'a.txt', '', '', connection)
    assert.doesNotMatch(String(url), /\?/)
    assert.equal(await download(url), 'text')
  })
})

describe('vendor.azure.put with the name of an account alone', { skip }, () => {
  const nobody = {
    IDENTITY_ENDPOINT: undefined,
    IDENTITY_HEADER: undefined,
    AZURE_FEDERATED_TOKEN_FILE: undefined,
    AZURE_CLIENT_ID: undefined,
    AZURE_TENANT_ID: undefined,
  }
  /** As Azure signs them; the emulator does not look at the signature. */
  const token = (more: object = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = {
      aud: 'https://storage.azure.com',
      iss: 'https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/',
      nbf: now - 60,
      iat: now - 60,
      exp: now + 3600,
    }
    return `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ ...claims, ...more })}.c2lnbmVk`
  }
  /** An account of the public cloud, whose name leads to the emulator. */
  async function cloud(t: TestContext) {
    const { cert, certFile, keyFile } = await certificate(t)
    const at = await azurite(t, ['--oauth', 'basic', '--cert', certFile, '--key', keyFile])
    const emulator = new URL(at.replace('127.0.0.1', 'localhost'))
    const egress = openEgress({ ca: cert })
    t.after(() => egress.close())
    const asked: string[] = []
    const { put, host } = await offline(t, {
      request: (options) => {
        const { origin, pathname, search } = new URL(options.url)
        asked.push(origin)
        return egress.request({ ...options, url: emulator.href + pathname + search })
      },
    })
    const ask = (method: string, path: string) =>
      egress.request({
        method,
        url: `${emulator.href}/${path}`,
        headers: { authorization: `Bearer ${token()}`, 'x-ms-version': '2023-11-03', 'content-length': '0' },
        body: undefined,
      })
    assert.equal((await ask('PUT', 'traffic?restype=container')).status, 201)
    await put.write('a.txt', 'text')
    return { put, host, asked, ask }
  }

  /** The SDK asks the same one for as long as it lives, and keeps a token for as long as it is good: one test for all. */
  test('signs in as the managed identity of the machine, and says what is wrong with it', async (t) => {
    const { put, asked, ask } = await cloud(t)
    const answers = [
      { status: 400, body: { error: 'invalid_request' } },
      {
        status: 200,
        body: { access_token: token({ aud: 'https://vault.azure.net' }), expires_on: secondsFromNow(10) },
      },
      { status: 200, body: { access_token: token(), expires_on: secondsFromNow(3600) } },
    ]
    const metadata = await httpServer(t, (_, response) => {
      const { status = 500, body = {} } = answers.shift() ?? {}
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ token_type: 'Bearer', ...body }))
    })
    withEnvironment(t, { ...nobody, IDENTITY_ENDPOINT: `${metadata.url}/token`, IDENTITY_HEADER: 'h' })
    await assert.rejects(put('traffic', 'a.txt', AZURITE_ACCOUNT), {
      code: 'E_HELPER_FAILED',
      message: /this machine has no identity that Azure knows, and there is no key/,
    })
    await assert.rejects(put('traffic', 'a.txt', AZURITE_ACCOUNT), (error) => {
      assert.ok(error instanceof Refusal, String(error))
      assert.equal(error.status, 403)
      assert.match(error.message, /answered 403: AuthenticationFailed/)
      return true
    })
    const url = await put('traffic', 'a.txt', AZURITE_ACCOUNT)
    assert.equal(url, `https://${AZURITE_ACCOUNT}.blob.core.windows.net/traffic/node-a_10.0.0.7/a.txt`)
    assert.deepEqual([...new Set(asked)], [`https://${AZURITE_ACCOUNT}.blob.core.windows.net`])
    assert.equal((await ask('GET', 'traffic/node-a_10.0.0.7/a.txt')).body, 'text')
    const [asking] = metadata.seen
    assert.match(asking?.path ?? '', /resource=https(:|%3A)(\/|%2F){2}storage\.azure\.com/)
    assert.equal(asking?.headers['x-identity-header'], 'h')
  })
})

function secondsFromNow(seconds: number): string {
  return String(Math.floor(Date.now() / 1000) + seconds)
}

describe('vendor.azure.put, before anything is sent', () => {
  test('a file that is not there, a folder, a path that leads out', async (t) => {
    const { put } = await offline(t)
    await put.write('folder/a.txt', '')
    const connection = 'AccountName=shop;AccountKey=c2VjcmV0'
    await assert.rejects(put('traffic', 'nothing.txt', '', '', connection), {
      code: 'E_HELPER_FAILED',
      message: 'vendor.azure.put: nothing.txt: no such file or folder',
    })
    await assert.rejects(put('traffic', 'folder', '', '', connection), /folder is no file/)
    await assert.rejects(put('traffic', '../../etc/passwd', '', '', connection), { code: 'E_HELPER_REFUSED' })
  })

  test('containers, accounts and connection strings that are none', async (t) => {
    const { put } = await offline(t)
    await put.write('a.txt', '')
    const told = (pattern: RegExp) => ({ code: 'E_HELPER_ARGUMENT', message: pattern })
    await assert.rejects(
      put('A/../b', 'a.txt', 'shop'),
      told(/containerName: expected the name of a container/),
    )
    await assert.rejects(
      put('traffic', 'a.txt'),
      told(/give the name of a storage account, or a connection string/),
    )
    await assert.rejects(put('traffic', 'a.txt', 'evil.example/#'), told(/the name of an account is 3 to 24/))
    for (const [connection, reason] of [
      ['nonsense', /account is 3 to 24/],
      ['AccountName=shop', /neither AccountKey nor SharedAccessSignature/],
      ['BlobEndpoint=http://127.0.0.1:1;AccountKey=c2VjcmV0', /AccountName is missing/],
      ['BlobEndpoint=file:///etc;AccountName=shop;AccountKey=c2VjcmV0', /no http or https address/],
      ['EndpointSuffix=a/b#;AccountName=shop;AccountKey=c2VjcmV0', /EndpointSuffix/],
    ] as const)
      await assert.rejects(put('traffic', 'a.txt', '', '', connection), told(reason))
  })

  test('a clock that is wrong is told along with the refusal', async (t) => {
    const { put } = await offline(t, {
      request: async () => ({
        status: 403,
        headers: {
          date: new Date(Date.now() + 3_600_000).toUTCString(),
          'x-ms-error-code': 'AuthenticationFailed',
        },
        body: '<Error><Message>Server failed to authenticate the request.\nRequestId:1</Message><AuthenticationErrorDetail>string to sign</AuthenticationErrorDetail></Error>',
      }),
    })
    await put.write('a.txt', 'x')
    await assert.rejects(put('traffic', 'a.txt', 'shop', 'c2VjcmV0'), {
      message:
        'vendor.azure.put: shop.blob.core.windows.net answered 403: AuthenticationFailed: Server failed to authenticate the request.: the clock of this machine is 60 minutes behind',
    })
  })

  test('accounts of the public cloud and of others have the address that Microsoft gives them', async (t) => {
    const asked: string[] = []
    const { put } = await offline(t, {
      request: async ({ url, headers }) => {
        asked.push(url)
        assert.match(new Headers(headers).get('authorization') ?? '', /^SharedKey shop:/)
        return { status: 201, headers: {}, body: '' }
      },
    })
    await put.write('a.txt', 'x')
    const url = await put('traffic', 'a.txt', 'shop', 'c2VjcmV0')
    assert.equal(url, 'https://shop.blob.core.windows.net/traffic/node-a_10.0.0.7/a.txt')
    const china = 'AccountName=shop;AccountKey=c2VjcmV0;EndpointSuffix=core.chinacloudapi.cn'
    assert.match(
      String(await put('traffic', 'a.txt', '', '', china)),
      /^https:\/\/shop\.blob\.core\.chinacloudapi\.cn\//,
    )
    assert.equal(asked[0], url)
  })
})

describe('vendor.azure.put by way of the outbox', () => {
  test('keeps a file as it was, under its name, until it has left', async (t) => {
    const asked: string[] = []
    const { put, host } = await offline(t, {
      request: async ({ url, body }) => {
        asked.push(`${url} ${body instanceof Readable ? await text(body) : ''}`)
        return { status: 201, headers: {}, body: '' }
      },
    })
    await put.write('dfir/a.txt', 'then')
    const helper = helperAt(namespaces, 'vendor.azure.put')
    assert.ok(helper?.where === 'broker')
    const args = readArguments('vendor.azure.put', helper.params, [
      'traffic',
      'dfir/a.txt',
      'shop',
      'c2VjcmV0',
    ])
    assert.equal(helper.queued?.key(args), 'shop.blob.core.windows.net/traffic')
    const kept = (await helper.queued?.prepare?.(args, host)) ?? {}
    await put.write('dfir/a.txt', 'now')
    await helper.run(kept, host)
    const url = 'https://shop.blob.core.windows.net/traffic/node-a_10.0.0.7/a.txt'
    assert.deepEqual(asked, [`${url} then`])
    await helper.queued?.settled?.(kept, host)
    await assert.rejects(async () => await helper.run(kept, host), { code: 'ENOENT' })
    await put('traffic', 'dfir/a.txt', 'shop', 'c2VjcmV0')
    assert.equal(asked[1], `${url} now`)
  })

  test('refuses what is not there when it is queued', async (t) => {
    const { put, host } = await offline(t)
    await put.write('folder/a.txt', '')
    const helper = helperAt(namespaces, 'vendor.azure.put')
    assert.ok(helper?.where === 'broker')
    for (const path of ['nothing.txt', 'folder', '../a.txt']) {
      const args = readArguments('vendor.azure.put', helper.params, ['traffic', path, 'shop', 'c2VjcmV0'])
      await assert.rejects(async () => await helper.queued?.prepare?.(args, host))
    }
  })
})

describeFailures({
  name: 'vendor.azure.put',
  unauthorized: {
    status: 403,
    body: '<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate.</Message></Error>',
  },
  malformed: '{"not": "what Azure says"}',
  async call(t, { url, secret, network }) {
    const { put } = await offline(t, network)
    await put.write('a.txt', 'text')
    const key = Buffer.from(secret).toString('base64')
    await put('traffic', 'a.txt', '', '', `BlobEndpoint=${url}/shop;AccountName=shop;AccountKey=${key}`)
  },
})

async function offline(t: TestContext, network: Partial<HelperHost> = {}) {
  const files = await openDataFolder(await tempFolder(t), 128 * 2 ** 20)
  const host = fakeHost(files, network)
  const put = (...args: unknown[]) => dispatch(namespaces, 'vendor.azure.put', args, host)
  const write = async (path: string, content: string | Uint8Array) => {
    await mkdir(join(files.root, path, '..'), { recursive: true })
    await writeFile(join(files.root, path), content)
  }
  return { put: Object.assign(put, { write }), host }
}

/** One emulator for all tests of a suite. */
function opened() {
  let endpoint = ''
  const ends: (() => unknown)[] = []
  before(async () => {
    endpoint = await azurite({ after: (end: () => unknown) => ends.push(end) })
  })
  after(async () => {
    for (const end of ends) await end()
  })
  return (t: TestContext) => openAt(t, endpoint)
}

async function openAt(t: TestContext, endpoint: string) {
  const egress = openEgress()
  t.after(() => egress.close())
  const service = new BlobServiceClient(
    endpoint,
    new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY),
  )
  const container = service.getContainerClient('traffic')
  await container.createIfNotExists()
  const { put, host } = await offline(t, { request: (options) => egress.request(options) })
  const connection = `BlobEndpoint=${endpoint};AccountName=${AZURITE_ACCOUNT};AccountKey=${AZURITE_KEY}`
  const blob = (url: unknown) =>
    container.getBlobClient(decodeURIComponent(String(url).slice(`${endpoint}/traffic/`.length)))
  const download = async (url: unknown) => (await blob(url).downloadToBuffer()).toString()
  return { put, host, endpoint, service, connection, blob, download }
}
