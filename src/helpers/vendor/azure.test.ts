import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { AZURITE_ACCOUNT, AZURITE_KEY, azurite } from '../../testing/azurite.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { withoutEmulator } from '../../testing/emulator.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { Refusal } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { HelperHost } from '../helper.ts'
import { namespaces } from '../index.ts'

const skip = withoutEmulator('azurite')

describe('vendor.azure.put', { skip }, () => {
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

async function open(t: TestContext) {
  const endpoint = await azurite(t)
  const egress = openEgress()
  t.after(() => egress.close())
  const service = new BlobServiceClient(
    endpoint,
    new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY),
  )
  const container = service.getContainerClient('traffic')
  await container.create()
  const { put, host } = await offline(t, { request: (options) => egress.request(options) })
  const connection = `BlobEndpoint=${endpoint};AccountName=${AZURITE_ACCOUNT};AccountKey=${AZURITE_KEY}`
  const download = async (url: unknown) => {
    const name = decodeURIComponent(String(url).slice(`${endpoint}/traffic/`.length))
    return (await container.getBlobClient(name).downloadToBuffer()).toString()
  }
  return { put, host, endpoint, service, connection, download }
}
