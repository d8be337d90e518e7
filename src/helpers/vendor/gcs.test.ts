import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { HelperBroker } from '../../agent/broker.ts'
import { configOf } from '../../cli/options.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { withEnvironment } from '../../testing/environment.ts'
import { type GcsOptions, gcsServer } from '../../testing/gcs-server.ts'
import { testAgent } from '../../testing/group.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { Refusal, retryOf } from '../answer.ts'
import { readArguments } from '../arguments.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch, helperAt } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { HelperHost } from '../helper.ts'
import { namespaces } from '../index.ts'
import { withoutSecrets } from '../secrets.ts'

const PREFIX = 'node-a_10.0.0.7'

describe('vendor.gcs.put', () => {
  test('uploads a file as the key of a service account, given as object or as JSON', async (t) => {
    const { server, put, write } = await open(t)
    await write('dfir/calls é+#?.json', '[1]')
    const url = await put('traffic', 'dfir/calls é+#?.json', server.key)
    assert.equal(url, `${server.url}/traffic/${PREFIX}_run1/calls%20%C3%A9%2B%23%3F.json`)
    assert.deepEqual(server.objects.get(`${PREFIX}_run1/calls é+#?.json`), {
      bytes: 3,
      sha256: sha256('[1]'),
      contentType: 'application/octet-stream',
    })
    await write('empty', '')
    await put('traffic', 'empty', JSON.stringify(server.key))
    assert.equal(server.objects.get(`${PREFIX}_run1/empty`)?.bytes, 0)
  })

  test('takes a key whose line ends were written as \\n', async (t) => {
    const { server, put, write } = await open(t)
    await write('a', 'x')
    await put('traffic', 'a', { ...server.key, private_key: server.key.private_key.replaceAll('\n', '\\n') })
    assert.equal(server.objects.size, 1)
  })

  test('asks for a token once, and once more when it is no longer good', async (t) => {
    const { server, put, write } = await open(t)
    await write('a', 'x')
    await put('traffic', 'a', server.key)
    await put('traffic', 'a', server.key)
    assert.equal(server.counts.token, 1)
    server.revoke()
    await put('traffic', 'a', server.key)
    assert.deepEqual([server.counts.token, server.counts.unauthorized], [2, 1])
  })

  test('gives no token of one key to whoever knows the name of the account', async (t) => {
    const { server, put, write } = await open(t)
    await write('a', 'x')
    await put('traffic', 'a', server.key)
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    await assert.rejects(put('traffic', 'a', { ...server.key, private_key: privateKey }), (error) => {
      assert.ok(error instanceof Refusal)
      assert.match(error.message, /answered 400: invalid_grant: Invalid JWT Signature\.$/)
      assert.deepEqual(error.retry, { when: 'never' })
      return true
    })
  })

  test('goes by the clock of Google where its own is wrong', async (t) => {
    for (const aheadMs of [7_200_000, -7_200_000]) {
      const { server, put, write } = await open(t, { aheadMs })
      await write('a', 'x')
      await put('traffic', 'a', server.key)
      assert.deepEqual([server.counts.token, server.counts.refusedToken], [2, 1])
      assert.equal(server.objects.size, 1)
    }
  })

  test('uploads what is large in pieces, and goes on from what has been kept', async (t) => {
    const { server, put, write } = await open(t, { keepBytes: 3 * 2 ** 20 })
    const content = randomBytes(20 * 2 ** 20 + 12_345)
    await write('big', content)
    await put('traffic', 'big', server.key)
    assert.deepEqual(server.objects.get(`${PREFIX}_run1/big`), {
      bytes: content.length,
      sha256: sha256(content),
      contentType: 'application/octet-stream',
    })
    assert.equal(server.counts.piece, 7)
  })

  test('holds one piece of what is large, and keeps names as they are', async (t) => {
    const { server, host, write } = await open(t)
    let [now, most] = [0, 0]
    const watched: HelperHost = {
      ...host,
      request: async (options) => {
        most = Math.max(most, ++now)
        return await host.request(options).finally(() => now--)
      },
    }
    const put = (path: string) =>
      dispatch(namespaces, 'vendor.gcs.put', ['traffic', path, server.key], watched)
    const content = Buffer.alloc(64 * 2 ** 20)
    for (let at = 0; at < content.length; at += 4096) content.writeUInt32LE(at, at)
    await write('big', content)
    await put('big')
    assert.deepEqual([server.objects.get(`${PREFIX}_run1/big`)?.sha256, most], [sha256(content), 1])
    const names = ['日本 🦈.txt', '%41', 'a?b#c&d=e+f', "it's [1] {2}", 'a\\b', '-', '..a', 'x'.repeat(200)]
    for (const name of names) {
      await write(name, name)
      await put(name)
      assert.equal(server.objects.get(`${PREFIX}_run1/${name}`)?.sha256, sha256(name))
    }
  })

  test('says why Google refuses', async (t) => {
    const { server, put, write } = await open(t)
    await write('a', 'x')
    await assert.rejects(put('missing', 'a', server.key), (error) => {
      assert.ok(error instanceof Refusal)
      assert.match(error.message, /answered 404: notFound: The specified bucket does not exist\.$/)
      assert.deepEqual(error.retry, { when: 'never' })
      return true
    })
  })

  test('begins an upload anew that Google has forgotten, and shows no address of one', async (t) => {
    const { server, host, write } = await open(t)
    await write('big', Buffer.alloc(9 * 2 ** 20))
    const forgetting = {
      ...host,
      request: async (options: Parameters<HelperHost['request']>[0]) =>
        options.method === 'PUT' ? { status: 410, headers: {}, body: '' } : await host.request(options),
    }
    await assert.rejects(
      dispatch(namespaces, 'vendor.gcs.put', ['traffic', 'big', server.key], forgetting),
      (error) => {
        assert.equal(retryOf(error).when, 'later')
        assert.doesNotMatch(String(error), /secret-session/)
        return true
      },
    )
  })

  test('says what is wrong before anything is sent', async (t) => {
    const { put, write, server } = await open(t)
    await write('folder/a', 'x')
    const told = (message: RegExp) => ({ code: 'E_HELPER_ARGUMENT', message })
    await assert.rejects(
      put('traffic', 'nothing', server.key),
      /vendor\.gcs\.put: nothing: no such file or folder/,
    )
    await assert.rejects(put('traffic', 'folder', server.key), /folder is no file/)
    await assert.rejects(put('traffic', '../a', server.key), { code: 'E_HELPER_REFUSED' })
    for (const name of ['A', 'a/../b', '', 'a?b'])
      await assert.rejects(put(name, 'folder/a', server.key), told(/bucket: expected the name of a bucket/))
    for (const [key, reason] of [
      ['no JSON', /the JSON does not do/],
      [{ ...server.key, type: 'external_account' }, /type does not do/],
      [{ ...server.key, client_email: undefined }, /client_email does not do/],
      [{ ...server.key, token_uri: 'file:///etc/passwd' }, /token_uri does not do/],
      [{ ...server.key, private_key: 'planted-secret' }, /private_key is no PEM/],
    ] as const)
      await assert.rejects(put('traffic', 'folder/a', key), (error) => {
        assert.doesNotMatch(String(error), /planted-secret|BEGIN/)
        return (
          told(reason).message.test(String(error)) && (error as { code: string }).code === 'E_HELPER_ARGUMENT'
        )
      })
    assert.equal(server.counts.token, 0)
  })

  test('in a dry run asks for nothing but the upload, without a token', async (t) => {
    const { host, write, server } = await open(t)
    await write('big', Buffer.alloc(9 * 2 ** 20))
    const sent: string[] = []
    const rehearsed: HelperHost = {
      ...host,
      request: async ({ method, url, headers }) => {
        sent.push(`${method} ${new URL(url).pathname}`)
        assert.equal(headers.authorization, undefined)
        return { status: 200, headers: {}, body: '{}' }
      },
    }
    const how = { how: 'rehearsed' } as const
    const args = ['traffic', 'big', server.key]
    const url = await dispatch(namespaces, 'vendor.gcs.put', args, rehearsed, how)
    assert.equal(url, `${server.url}/traffic/${PREFIX}_run1/big`)
    await dispatch(namespaces, 'vendor.gcs.clear', ['traffic', server.key], rehearsed, how)
    assert.deepEqual(sent, ['POST /upload/storage/v1/b/traffic/o', 'GET /storage/v1/b/traffic/o'])
  })
})

describe('vendor.gcs without a key', () => {
  /** Google, whose names lead to the server of the test. */
  async function google(t: TestContext) {
    const { server, host, write } = await open(t)
    const asked: string[] = []
    const there: HelperHost = {
      ...host,
      env: {},
      request: (options) => {
        const { origin, pathname, search } = new URL(options.url)
        asked.push(origin)
        return host.request({ ...options, url: server.url + pathname + search })
      },
    }
    return { server, host: there, write, asked }
  }
  const none = {
    GOOGLE_APPLICATION_CREDENTIALS: undefined,
    CLOUDSDK_CONFIG: '/nowhere',
    METADATA_SERVER_DETECTION: 'none',
  }

  test('is who the machine is, which the metadata service knows', async (t) => {
    const { server, host, write, asked } = await google(t)
    const at = new URL(server.url).host
    withEnvironment(t, { ...none, METADATA_SERVER_DETECTION: 'assume-present', GCE_METADATA_HOST: at })
    await write('a', 'x')
    const url = await dispatch(namespaces, 'vendor.gcs.put', ['traffic', 'a', ''], host)
    assert.equal(url, `https://storage.googleapis.com/traffic/${PREFIX}_run1/a`)
    assert.equal(server.objects.size, 1)
    assert.deepEqual([server.counts.metadata, server.counts.token], [1, 0])
    assert.deepEqual(asked, ['https://storage.googleapis.com'])
  })

  test('is whom the file says that the environment names, by our own way out', async (t) => {
    const { server, host, write, asked } = await google(t)
    await write(
      'key.json',
      JSON.stringify({ ...server.key, token_uri: 'https://oauth2.googleapis.com/token' }),
    )
    withEnvironment(t, { ...none, GOOGLE_APPLICATION_CREDENTIALS: host.files.resolve('key.json') })
    await write('a', 'x')
    await dispatch(namespaces, 'vendor.gcs.put', ['traffic', 'a'], host)
    assert.deepEqual(asked, ['https://oauth2.googleapis.com', 'https://storage.googleapis.com'])
    const refusing: HelperHost = {
      ...host,
      request: () => Promise.reject(new Mistake('E_HELPER_REFUSED', 'the host is not on the allow list')),
    }
    await assert.rejects(dispatch(namespaces, 'vendor.gcs.put', ['traffic', 'a'], refusing), {
      code: 'E_HELPER_REFUSED',
    })
  })

  test('says so when the machine is nobody', async (t) => {
    withEnvironment(t, none)
    const { host, write } = await google(t)
    await write('a', 'x')
    await assert.rejects(dispatch(namespaces, 'vendor.gcs.put', ['traffic', 'a'], host), {
      code: 'E_HELPER_FAILED',
      message: /vendor\.gcs\.put: this machine has no identity that Google knows: Could not load the default/,
    })
  })

  test('shows no identity to another store', async (t) => {
    const { server, put, write } = await open(t)
    withEnvironment(t, {
      ...none,
      METADATA_SERVER_DETECTION: 'assume-present',
      GCE_METADATA_HOST: new URL(server.url).host,
    })
    await write('a', 'x')
    await assert.rejects(put('traffic', 'a'), /answered 401: authError/)
    assert.equal(server.counts.metadata, 0)
  })
})

describe('helpers of clouds, where stand-ins are in place of what is secret', () => {
  test('answer as they would, and ask nobody who is there', async (t) => {
    const { host, write } = await offline(t, {
      request: async () => ({ status: 200, headers: {}, body: '{}' }),
    })
    await write('a', 'x')
    const key = { type: 'service_account', client_email: 'a@b.example', private_key: 'planted-secret' }
    const env = withoutSecrets({
      KEY: JSON.stringify(key),
      ACCOUNT: 'planted',
      AZURE: 'AccountName=shop;AccountKey=c2VjcmV0',
      CLOUD: 'shop:cGxhbnRlZA==',
    })
    const call = async (path: string, ...args: unknown[]) => {
      const helper = helperAt(namespaces, path)
      assert.ok(helper?.where === 'broker')
      const hosts = helper.target?.(readArguments(path, helper.params, args), host).hosts
      return [await dispatch(namespaces, path, args, host, { how: 'rehearsed' }), ...(hosts ?? [])]
    }
    const none = 'stand-in.invalid'
    const google = [`https://storage.googleapis.com/traffic/${PREFIX}_run1/a`, 'storage.googleapis.com', none]
    assert.deepEqual(await call('vendor.gcs.put', 'traffic', 'a', env.KEY), google)
    assert.deepEqual(await call('vendor.gcs.put', 'traffic', 'a', JSON.parse(String(env.KEY))), google)
    const azure = [`https://${none}/traffic/${PREFIX}/a`, none]
    assert.deepEqual(await call('vendor.azure.put', 'traffic', 'a', '', '', env.AZURE), azure)
    assert.deepEqual(await call('vendor.azure.put', 'traffic', 'a', env.ACCOUNT), azure)
    assert.deepEqual(await call('vendor.elastic', '', 'i', {}, '', '', env.CLOUD, 'x'), [undefined, none])
  })
})

describe('vendor.gcs by way of the outbox', () => {
  test('keeps no key on the disk that is in env, whether the script has parsed it or not', async (t) => {
    const server = await gcsServer(t)
    const folder = await tempFolder(t)
    const key = JSON.stringify(server.key)
    const { config } = configOf({ set: [`scripting.data=${join(folder, 'data')}`] })
    const env = { GCS_KEY: key, STORAGE_EMULATOR_HOST: server.url }
    const broker = new HelperBroker({
      config: { ...config, scripting: { ...config.scripting, env } },
      nodeName: 'n',
      link: { action() {}, alert() {}, targeted: () => ({ targets: [], excluded: [] }), health: () => ({}) },
      outbox: { folder: join(folder, 'outbox'), report() {} },
    })
    t.after(() => broker.close())
    await writeFile(join(folder, 'data/a'), 'x')
    const kept = () =>
      readdirSync(join(folder, 'outbox')).map((name) => readFileSync(join(folder, 'outbox', name), 'latin1'))
    const found: string[] = []
    const agent = testAgent(0, '')
    const queue = async (path: string, ...args: unknown[]) => {
      await broker.call({ agent, component: 'worker', path: `${path}.queue`, args, nowMs: 0, warn() {} })
      found.push(...kept())
    }
    await queue('vendor.gcs.clear', 'traffic', server.key)
    await queue('vendor.gcs.clear', 'traffic', '', server.key)
    await queue('vendor.gcs.put', 'traffic', 'a', key)
    await queue('vendor.gcs.put', 'traffic', 'a', server.key)
    const middle = server.key.private_key.split('\n')[5] ?? ''
    assert.ok(middle.length === 64 && found.some((text) => text.includes('traffic')))
    for (const text of found) assert.ok(!text.includes(middle), 'a private key is on the disk')
    assert.equal(await broker.queued?.outbox?.drained(20_000), 0)
    assert.deepEqual([server.objects.size, server.counts.list, server.counts.unauthorized], [1, 2, 0])
  })
})

describe('vendor.gcs.clear', () => {
  test('deletes what this node has put in all its runs, page by page, and nothing else', async (t) => {
    const { server, clear } = await open(t, { pageSize: 100 })
    const others = ['node-a_10.0.0.70_run1/x', 'node-b_10.0.0.7/x', 'report.txt', 'node-a_10.0.0.77/x']
    for (const name of others) server.put(name)
    for (let n = 0; n < 1000; n++) server.put(`${PREFIX}_run${n % 3}/ä #${n}/?.pcap`)
    server.put(`${PREFIX}/older.tar.gz`)
    assert.equal(await clear('traffic', server.key), undefined)
    assert.deepEqual([...server.objects.keys()], others)
    assert.deepEqual([server.counts.token, server.counts.list, server.counts.delete], [1, 11, 1001])
  })

  test('stops at the first refusal, and asks for nothing afterwards', async (t) => {
    const { server, host } = await open(t)
    for (let n = 0; n < 200; n++) server.put(`${PREFIX}/${n}`)
    let asked = 0
    const body = '{"error":{"code":403,"message":"no permission","errors":[{"reason":"forbidden"}]}}'
    const refusing: HelperHost = {
      ...host,
      request: async (options) => {
        if (options.method !== 'DELETE') return await host.request(options)
        return { status: ++asked > 20 ? 403 : 204, headers: {}, body: asked > 20 ? body : '' }
      },
    }
    const cleared = dispatch(namespaces, 'vendor.gcs.clear', ['traffic', server.key], refusing)
    await assert.rejects(cleared, /answered 403: forbidden: no permission/)
    const then = asked
    await setImmediate()
    assert.equal(asked, then)
    assert.ok(asked < 60, String(asked))
  })

  test('ends with its time where there is always another page', async (t) => {
    const { server, host } = await open(t)
    const time = new AbortController()
    let asked = 0
    const endless: HelperHost = {
      ...host,
      signal: time.signal,
      request: async (options) => {
        if (options.method !== 'GET') return await host.request(options)
        if (++asked === 5) time.abort()
        return { status: 200, headers: {}, body: '{"nextPageToken":"again"}' }
      },
    }
    await assert.rejects(dispatch(namespaces, 'vendor.gcs.clear', ['traffic', server.key], endless), {
      message: 'vendor.gcs.clear: the time for this call is up',
    })
    assert.equal(asked, 5)
  })

  test('minds neither an empty bucket, nor what somebody else deletes meanwhile', async (t) => {
    const { server, host, clear } = await open(t)
    await clear('traffic', server.key)
    await clear('traffic', '', server.key)
    server.put(`${PREFIX}/a`)
    const racing: HelperHost = {
      ...host,
      request: (options) => {
        if (options.method === 'DELETE') server.objects.clear()
        return host.request(options)
      },
    }
    await dispatch(namespaces, 'vendor.gcs.clear', ['traffic', server.key], racing)
    assert.equal(server.counts.delete, 1)
  })
})

describeFailures({
  name: 'vendor.gcs.put, asking for a token',
  unauthorized: {
    status: 400,
    body: '{"error":"invalid_grant","error_description":"Invalid JWT Signature."}',
  },
  malformed: '{"id_token":"x"}',
  async call(t, { url, secret, network }) {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const key = {
      client_email: 'a@b',
      private_key: privateKey,
      private_key_id: secret,
      token_uri: `${url}/token`,
    }
    const { host, write } = await offline(t, network)
    await write('a', 'x')
    await dispatch(namespaces, 'vendor.gcs.put', ['traffic', 'a', key], host)
  },
})

for (const name of ['vendor.gcs.put', 'vendor.gcs.clear'])
  describeFailures({
    name,
    malformed: '{"items":5,"size":"many"}',
    async call(t, { url, network }) {
      const { host, write } = await offline(t, { ...network, env: { STORAGE_EMULATOR_HOST: url } })
      await write('a', 'x')
      await dispatch(namespaces, name, name.endsWith('put') ? ['traffic', 'a'] : ['traffic'], host)
    },
  })

async function offline(t: TestContext, more: Partial<HelperHost> = {}) {
  const files = await openDataFolder(await tempFolder(t), 128 * 2 ** 20)
  const write = async (path: string, content: string | Uint8Array) => {
    await mkdir(join(files.root, path, '..'), { recursive: true })
    await writeFile(join(files.root, path), content)
  }
  return { host: fakeHost(files, more), write }
}

async function open(t: TestContext, options: GcsOptions = {}) {
  const server = await gcsServer(t, options)
  const egress = openEgress()
  t.after(() => egress.close())
  const { host, write } = await offline(t, {
    env: { STORAGE_EMULATOR_HOST: server.url },
    request: (request) => egress.request(request),
  })
  const put = (...args: unknown[]) => dispatch(namespaces, 'vendor.gcs.put', args, host)
  const clear = (...args: unknown[]) => dispatch(namespaces, 'vendor.gcs.clear', args, host)
  return { server, host, write, put, clear }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
