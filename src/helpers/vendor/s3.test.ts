import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { S3RVER, s3Server, signatureFault } from '../../testing/aws-servers.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { withoutEmulator } from '../../testing/emulator.ts'
import { bytesInUse } from '../../testing/heap.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { httpServer, type Seen } from '../../testing/http-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { Refusal, retryOf } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch, helperAt } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { BrokerHelper, HelperHost } from '../helper.ts'
import { namespaces } from '../index.ts'
import { Rehearsal } from '../rehearsal.ts'

const skip = withoutEmulator('s3rver')
const NODE = 'node-a_10.0.0.7'
const REGION = 'eu-west-1'
const PIECE = 8 * 2 ** 20

describe('vendor.s3.put', { skip }, () => {
  test('takes every order of its arguments', async (t) => {
    const { call, read, endpoint } = await open(t, 'traffic', 'us-east-1')
    for (const [args, bucket] of [
      [['traffic', 'calls é.json', REGION, S3RVER, S3RVER], 'traffic'],
      [[REGION, S3RVER, S3RVER, 'traffic', 'calls é.json'], 'traffic'],
      [['us-east-1', 'calls é.json', REGION, S3RVER, S3RVER], 'us-east-1'],
      [['us-east-1', 'calls é.json', 'garage', S3RVER, S3RVER], 'us-east-1'],
      [['us-east-1', S3RVER, S3RVER, 'us-east-1', 'calls é.json'], 'us-east-1'],
      [['garage', S3RVER, S3RVER, 'traffic', 'calls é.json'], 'traffic'],
    ] as const) {
      await call.write('calls é.json', args.join())
      const url = await call('put', ...args)
      assert.equal(url, `${endpoint}/${bucket}/${NODE}_run1/calls%20%C3%A9.json`)
      assert.equal(await read(bucket, `${NODE}_run1/calls é.json`), args.join())
    }
  })

  test('takes the credentials of the environment where none are given', async (t) => {
    const { call, read } = await open(t, 'traffic')
    environment(t, { AWS_ACCESS_KEY_ID: S3RVER, AWS_SECRET_ACCESS_KEY: S3RVER })
    for (const args of [
      ['traffic', 'a.txt', REGION],
      ['traffic', 'a.txt', REGION, undefined, null],
      ['traffic', 'a.txt', REGION, '', ''],
      [REGION, undefined, undefined, 'traffic', 'a.txt'],
    ]) {
      await call.write('a.txt', JSON.stringify(args))
      await call('put', ...args)
      assert.equal(await read('traffic', `${NODE}_run1/a.txt`), JSON.stringify(args))
    }
  })

  test('takes the role of a service account, whose credentials it gets past the rules for scripts', async (t) => {
    const tokens: string[] = []
    const sts = await httpServer(t, ({ body }, response) => {
      tokens.push(String(new URLSearchParams(body).get('WebIdentityToken')))
      response.setHeader('content-type', 'text/xml').end(ASSUMED)
    })
    const { call, host, files } = await open(t)
    await call.write('a.txt', 'text')
    await call.write('token', 'of the pod')
    environment(t, {
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/uploads',
      AWS_WEB_IDENTITY_TOKEN_FILE: join(files.root, 'token'),
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_EC2_METADATA_DISABLED: 'true',
    })
    const sent: string[] = []
    const request: HelperHost['request'] = async ({ url, headers }) => {
      sent.push(`${new URL(url).hostname} ${headers['x-amz-security-token']}`)
      return { status: 200, headers: { etag: '"1"' }, body: '' }
    }
    const fenced = { ...host, env: {}, request }
    for (const _ of [1, 2])
      await dispatch(namespaces, 'vendor.s3.put', ['traffic', 'a.txt', 'eu-west-3'], fenced)
    assert.deepEqual(sent, Array(2).fill('traffic.s3.eu-west-3.amazonaws.com session'))
    assert.deepEqual(tokens, ['of the pod'])
  })

  test('says that the role is not given to it', async (t) => {
    const sts = await httpServer(t, (_, response) =>
      response
        .writeHead(403, { 'content-type': 'text/xml' })
        .end(
          '<ErrorResponse><Error><Code>AccessDenied</Code><Message>planted</Message></Error></ErrorResponse>',
        ),
    )
    const { call, files } = await open(t)
    await call.write('a.txt', 'text')
    environment(t, {
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/uploads',
      AWS_WEB_IDENTITY_TOKEN_FILE: join(files.root, 'a.txt'),
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_EC2_METADATA_DISABLED: 'true',
    })
    await assert.rejects(call('put', 'traffic', 'a.txt', 'eu-west-2'), {
      code: 'E_HELPER_FAILED',
      message: 'vendor.s3.put: AWS gives no credentials for the role of this process: AccessDenied',
    })
  })

  test('says that there are no credentials', async (t) => {
    const { call } = await open(t, 'traffic')
    environment(t, { HOME: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true' })
    await call.write('a.txt', '')
    await assert.rejects(call('put', 'traffic', 'a.txt', 'eu-south-1'), {
      code: 'E_HELPER_FAILED',
      message:
        'vendor.s3.put: no AWS credentials were given, and neither the environment, a role nor the machine has any',
    })
  })

  test('uploads a file with nothing in it', async (t) => {
    const { call, read } = await open(t, 'traffic')
    await call.write('empty', '')
    await call('put', 'traffic', 'empty', REGION, S3RVER, S3RVER)
    assert.equal(await read('traffic', `${NODE}_run1/empty`), '')
  })

  test('uploads 64 MiB without having them in memory', async (t) => {
    const { call, files } = await open(t)
    const sum = createHash('sha256')
    let [most, bytes] = [0, 0]
    const server = createServer(async (request, response) => {
      for await (const chunk of request) {
        sum.update(chunk as Buffer)
        const piece = Math.floor(bytes / PIECE)
        bytes += (chunk as Buffer).length
        if (Math.floor(bytes / PIECE) > piece) most = Math.max(most, bytesInUse())
      }
      response.setHeader('etag', '"1"').end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    await writeFile(join(files.root, 'big.pcap'), '')
    await truncate(join(files.root, 'big.pcap'), 64 * 2 ** 20)
    call.env.AWS_ENDPOINT_URL_S3 = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const before = bytesInUse()
    await call('put', 'traffic', 'big.pcap', REGION, 'id', 'secret')
    assert.equal(
      sum.digest('hex'),
      createHash('sha256')
        .update(new Uint8Array(64 * 2 ** 20))
        .digest('hex'),
    )
    assert.ok(most - before < PIECE, `${(most - before) / 2 ** 20} MiB`)
  })

  test('is not in a hurry while a slow receiver still takes some', async (t) => {
    const { call, files } = await open(t)
    const server = createServer({ highWaterMark: 1024 }, (request, response) => {
      const timer = setInterval(() => request.read(2 * 2 ** 20), 100)
      request.on('end', () => {
        clearInterval(timer)
        response.setHeader('etag', '"1"').end()
      })
      request.on('close', () => clearInterval(timer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    await writeFile(join(files.root, 'big.pcap'), new Uint8Array(16 * 2 ** 20))
    call.env.AWS_ENDPOINT_URL_S3 = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await call('put', 'traffic', 'big.pcap', REGION, 'id', 'secret')
  })
})

describe('vendor.s3.clear', { skip }, () => {
  test('deletes what this node has put in any run, and nothing else, in both orders', async (t) => {
    const { call, put, list } = await open(t, 'traffic')
    const others = ['node-a_10.0.0.77_run1/a', 'node-b_10.0.0.7/a', 'a']
    for (const args of [
      [REGION, S3RVER, S3RVER, 'traffic'],
      ['traffic', REGION, S3RVER, S3RVER],
    ]) {
      for (const key of [`${NODE}/a`, `${NODE}_run0/b`, `${NODE}_run1/c d`, ...others])
        await put('traffic', key)
      assert.equal(await call('clear', ...args), undefined)
      assert.deepEqual(await list('traffic'), [...others].sort())
    }
  })

  test('takes the credentials of the environment', async (t) => {
    const { call, put, list } = await open(t, 'us-east-1')
    environment(t, { AWS_ACCESS_KEY_ID: S3RVER, AWS_SECRET_ACCESS_KEY: S3RVER })
    for (const args of [
      ['us-east-1', REGION],
      ['us-east-1', REGION, undefined, ''],
      [REGION, undefined, undefined, 'us-east-1'],
    ]) {
      await put('us-east-1', `${NODE}/a`)
      await call('clear', ...args)
      assert.deepEqual(await list('us-east-1'), [])
    }
  })

  test('reads on where the list has more pages, and says what could not be deleted', async (t) => {
    const answers = [
      `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken><Contents><Key>${NODE}/a</Key></Contents></ListBucketResult>`,
      '<DeleteResult/>',
      `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>${NODE}/b</Key></Contents></ListBucketResult>`,
      `<DeleteResult><Error><Key>${NODE}/b</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>`,
    ]
    const server = await httpServer(t, (_, response) => response.end(answers.shift()))
    const { call } = await open(t)
    delete call.env.AWS_ENDPOINT_URL_S3
    call.env.AWS_ENDPOINT_URL = server.url
    await assert.rejects(call('clear', REGION, 'id', 'secret', 'traffic'), {
      message: 'vendor.s3.clear: AccessDenied: Access Denied (1 files are still there)',
      retry: { when: 'never' },
    })
    assert.match(String(server.seen[2]?.path), /continuation-token=more/)
  })
})

describe('vendor.s3, signed', () => {
  const signer = {
    service: 's3',
    region: REGION,
    id: 'AKIDEXAMPLE',
    secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  }

  test('with signatures that hold', async (t) => {
    const faults: unknown[] = []
    const server = await httpServer(t, (seen, response) => {
      faults.push(signatureFault(seen, signer), signatureFault(seen, { ...signer, secret: 'x' }))
      response.setHeader('etag', '"1"').end(seen.method === 'PUT' ? '' : listing(seen))
    })
    const { call } = await open(t)
    call.env.AWS_ENDPOINT_URL_S3 = server.url
    await call.write("it's (1) é+*.txt", 'text')
    await call('put', 'traffic', "it's (1) é+*.txt", REGION, signer.id, signer.secret)
    await call('clear', REGION, signer.id, signer.secret, 'traffic')
    const another = 'the signature is another one'
    assert.deepEqual(faults, [undefined, another, undefined, another, undefined, another])
    const [put] = server.seen
    assert.equal(put?.path, `/traffic/${NODE}_run1/it%27s%20%281%29%20%C3%A9%2B%2A.txt?x-id=PutObject`)
    assert.equal(put?.headers['content-length'], '4')
    assert.equal(put?.headers['x-amz-checksum-sha256'], createHash('sha256').update('text').digest('base64'))
    assert.equal(put?.headers['x-kubeshark-capture'], 'ignore')
  })

  test('with the token of keys that are good for a while, for no others', async (t) => {
    const server = await httpServer(t, (_, response) => response.setHeader('etag', '"1"').end())
    const { call } = await open(t)
    Object.assign(call.env, {
      AWS_ENDPOINT_URL_S3: server.url,
      AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
      AWS_SESSION_TOKEN: 'planted-token\n',
    })
    await call.write('a.txt', 'text')
    await call('put', 'traffic', 'a.txt', REGION, 'ASIAEXAMPLE', 'secret')
    await call('put', 'traffic', 'a.txt', REGION, 'AKIDEXAMPLE', 'secret')
    const [first, second] = server.seen
    assert.equal(first?.headers['x-amz-security-token'], 'planted-token')
    assert.match(String(first?.headers.authorization), /SignedHeaders=[^,]*x-amz-security-token/)
    assert.equal(second?.headers['x-amz-security-token'], undefined)
  })

  test('for files whose names are no words', async (t) => {
    const faults: unknown[] = []
    const server = await httpServer(t, (seen, response) => {
      faults.push(signatureFault(seen, signer))
      response.setHeader('etag', '"1"').end()
    })
    const { call } = await open(t)
    call.env.AWS_ENDPOINT_URL_S3 = server.url
    for (const name of [
      'a%2Fb.txt',
      '#?&=.txt',
      '..b',
      '~ "\\|.txt',
      '日本 \u{1f600}.txt',
      'half \ud83d.txt',
    ]) {
      await call.write(name.toWellFormed(), 'text')
      const url = String(await call('put', 'traffic', name, REGION, signer.id, signer.secret))
      assert.equal(decodeURIComponent(new URL(url).pathname), `/traffic/${NODE}_run1/${name.toWellFormed()}`)
    }
    assert.deepEqual([...new Set(faults)], [undefined])
  })

  test('for the host that the fence is asked for, whatever the environment of this process says', async (t) => {
    environment(t, {
      ...{ AWS_USE_FIPS_ENDPOINT: 'true', AWS_USE_DUALSTACK_ENDPOINT: 'true' },
      ...{ AWS_ENDPOINT_URL: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9' },
    })
    const asked: string[] = []
    const { files } = await open(t)
    await writeFile(join(files.root, 'a.txt'), 'text')
    const host = fakeHost(files, {
      async request({ url }) {
        asked.push(new URL(url).host)
        return { status: 200, headers: { etag: '"1"' }, body: '{"SequenceNumber":"1","ShardId":"s"}' }
      },
    })
    const keys = [REGION, 'id', 'secret-of-another']
    await dispatch(namespaces, 'vendor.s3.put', ['traffic', 'a.txt', ...keys], host)
    await dispatch(namespaces, 'vendor.kinesis.put', ['traffic', 'x', ...keys], host)
    assert.deepEqual(asked, ['traffic.s3.eu-west-1.amazonaws.com', 'kinesis.eu-west-1.amazonaws.com'])
  })

  test('for a host of each bucket at AWS, where the fence is asked', async (t) => {
    const { call, files } = await open(t)
    delete call.env.AWS_ENDPOINT_URL_S3
    await call.write('a.txt', 'text')
    const asked: string[] = []
    const request: HelperHost['request'] = async ({ url }) => {
      asked.push(url)
      return { status: 200, headers: { etag: '"1"' }, body: '' }
    }
    const host = fakeHost(files, { request, env: {} })
    for (const [bucket, region, expected] of [
      ['traffic', REGION, 'https://traffic.s3.eu-west-1.amazonaws.com'],
      ['my.traffic', REGION, 'https://s3.eu-west-1.amazonaws.com/my.traffic'],
      ['traffic', 'cn-north-1', 'https://traffic.s3.cn-north-1.amazonaws.com.cn'],
      ['traffic', 'eusc-de-east-1', 'https://traffic.s3.eusc-de-east-1.amazonaws.eu'],
      ['traffic', 'us-isob-east-1', 'https://traffic.s3.us-isob-east-1.sc2s.sgov.gov'],
    ] as const) {
      const args = [bucket, 'a.txt', region, 'id', 'secret']
      const url = await dispatch(namespaces, 'vendor.s3.put', args, host)
      assert.equal(url, `${expected}/${NODE}_run1/a.txt`)
      assert.equal(asked.at(-1), `${url}?x-id=PutObject`)
      const target = put.target?.(named(args), host)
      assert.deepEqual(target, { text: `s3://${bucket}`, hosts: [new URL(expected).hostname], bucket })
    }
  })
})

describe('vendor.s3, before anything is sent', () => {
  test('refuses files that are missing, folders, and paths that lead out', async (t) => {
    const { call } = await open(t)
    await call.write('folder/a.txt', '')
    for (const [path, code, message] of [
      ['missing.pcap', 'E_HELPER_ARGUMENT', /there is no file missing\.pcap in the data folder/],
      ['folder', 'E_HELPER_ARGUMENT', /there is no file/],
      ['../a.txt', 'E_HELPER_REFUSED', /leads out of the data folder/],
      ['/etc/passwd', 'E_HELPER_REFUSED', /leads out of the data folder/],
    ] as const)
      await assert.rejects(call('put', 'traffic', path, REGION, 'id', 'secret'), { code, message })
  })

  test('says what is missing, without keys that stand in another place', async (t) => {
    const { call } = await open(t)
    for (const [name, args, message] of [
      ['put', ['traffic'], /the path is missing/],
      ['put', ['traffic', 'a.txt'], /the region is missing/],
      ['put', ['', 'a.txt', REGION], /the bucket is missing/],
      ['put', ['traffic', 'a.txt', REGION, 'secret-id'], /the secret key .* is missing/],
      ['put', ['a/b', 'a.txt', REGION], /the bucket must be a name/],
      ['put', ['traffic', 'a.txt', 'evil.example/'], /the region must be a name/],
      ['put', ['traffic', 'a.txt', '-1', 'id', 'secret'], /the region must be a name/],
      [
        'put',
        ['garage', 'secret-id', 'secret-key', 'traffic', 'gone.txt'],
        /the region must|there is no file of this name/,
      ],
      ['clear', [REGION], /the bucket is missing/],
      ['clear', ['traffic'], /the region is missing/],
      ['clear', [REGION, 'secret-id', '', 'traffic'], /the secret key .* is missing/],
    ] as const)
      await assert.rejects(call(name, ...args), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'E_HELPER_ARGUMENT', error.message)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /secret-/)
        return true
      })
  })
})

describe('vendor.s3, refused', () => {
  test('says why in the words of S3, and whether that may pass', async (t) => {
    for (const [status, code, when, more] of [
      [403, 'AccessDenied', 'never', ''],
      [403, 'InvalidAccessKeyId', 'never', '<AWSAccessKeyId>secret-id</AWSAccessKeyId>'],
      [403, 'SignatureDoesNotMatch', 'never', '<StringToSign>secret-id</StringToSign>'],
      [404, 'NoSuchBucket', 'never', ''],
      [400, 'ExpiredToken', 'never', ''],
      [400, 'BadDigest', 'never', ''],
      [400, 'RequestTimeout', 'later', ''],
      [403, 'RequestTimeTooSkewed', 'later', ''],
      [409, 'OperationAborted', 'later', ''],
      [503, 'SlowDown', 'later', ''],
      [500, 'InternalError', 'later', ''],
    ] as const) {
      const body = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>For secret-id &amp; others</Message>${more}</Error>`
      const error = await refusal(t, status, body)
      assert.equal(error.status, status)
      assert.match(error.message, new RegExp(`answered ${status}: ${code}: For \\[key\\] & others$`))
      assert.equal(error.retry.when, when, code)
    }
  })

  test('says in which region the bucket is', async (t) => {
    const body = '<Error><Code>PermanentRedirect</Code><Message>Elsewhere</Message></Error>'
    const error = await refusal(t, 301, body, { 'x-amz-bucket-region': 'eu-north-1' })
    assert.match(error.message, /answered 301: PermanentRedirect: Elsewhere: the bucket is in eu-north-1$/)
    assert.deepEqual(error.retry, { when: 'never' })
  })
})

describe('vendor.s3, by way of the outbox', { skip }, () => {
  test('keeps the file that the script deletes, until it is sent', async (t) => {
    const { call, host, files, read } = await open(t, 'traffic')
    for (const args of [
      ['traffic', 'a.pcap', REGION, S3RVER, S3RVER],
      [REGION, S3RVER, S3RVER, 'traffic', 'a.pcap'],
    ]) {
      await call.write('a.pcap', 'packets')
      const kept = (await put.queued?.prepare?.(named(args), host)) as ReturnType<typeof named>
      await rm(join(files.root, 'a.pcap'))
      const stored = JSON.parse(JSON.stringify(Object.values(kept))) as unknown[]
      assert.equal(put.queued?.key(kept), 's3://traffic')
      await dispatch(namespaces, 'vendor.s3.put', stored, host)
      assert.equal(await read('traffic', `${NODE}_run1/a.pcap`), 'packets')
      await put.queued?.settled?.(kept, host)
      await assert.rejects(readFile(String(kept.path)), { code: 'ENOENT' })
    }
  })

  test('refuses at once what could never be sent', async (t) => {
    const { host } = await open(t)
    const prepare = async (...args: unknown[]) => await put.queued?.prepare?.(named(args), host)
    await assert.rejects(prepare('traffic', 'a.pcap', REGION), { code: 'E_HELPER_ARGUMENT' })
    await assert.rejects(prepare('traffic', '../a', REGION), { code: 'E_HELPER_REFUSED' })
    await assert.rejects(prepare('traffic', 'a.pcap'), { code: 'E_HELPER_ARGUMENT' })
  })
})

describe('vendor.s3, rehearsed', () => {
  test('answers as in earnest, and sends nothing', async (t) => {
    const { call, host } = await open(t)
    await call.write('a.txt', 'text')
    delete call.env.AWS_ENDPOINT_URL_S3
    const effects: unknown[] = []
    const rehearsal = new Rehearsal({
      namespaces,
      env: {},
      tell: ({ helper, target, error }) => effects.push([helper, target, error]),
      check: () => undefined,
    })
    const put = { path: 'vendor.s3.put', args: ['traffic', 'a.txt', REGION] }
    const url = `https://traffic.s3.eu-west-1.amazonaws.com/${NODE}_run1/a.txt`
    assert.equal(await rehearsal.dispatch(put, host), url)
    await rehearsal.dispatch({ path: 'vendor.s3.clear', args: ['traffic', REGION] }, host)
    await assert.rejects(rehearsal.dispatch({ ...put, args: ['traffic', 'gone.txt', REGION] }, host))
    assert.deepEqual(effects.slice(0, 2), [
      ['vendor.s3.put', `PUT ${url}`, undefined],
      ['vendor.s3.clear', 'POST https://traffic.s3.eu-west-1.amazonaws.com/?delete', undefined],
    ])
  })
})

describeFailures({
  name: 'vendor.s3.put',
  unauthorized: {
    status: 403,
    body: '<Error><Code>InvalidAccessKeyId</Code><Message>planted-5e2c9a</Message></Error>',
  },
  malformed: '{}',
  async call(t, { url, secret, network }) {
    const files = await openDataFolder(await tempFolder(t), 1 << 20)
    await writeFile(join(files.root, 'a.txt'), 'text')
    const host = fakeHost(files, { ...network, env: { AWS_ENDPOINT_URL_S3: url } })
    return await dispatch(
      namespaces,
      'vendor.s3.put',
      ['traffic', 'a.txt', REGION, `id-${secret}`, secret],
      host,
    )
  },
})

describeFailures({
  name: 'vendor.s3.clear',
  malformed: 'all is well',
  async call(t, { url, secret, network }) {
    const files = await openDataFolder(await tempFolder(t), 1 << 20)
    const host = fakeHost(files, { ...network, env: { AWS_ENDPOINT_URL_S3: url } })
    return await dispatch(namespaces, 'vendor.s3.clear', [REGION, `id-${secret}`, secret, 'traffic'], host)
  },
})

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
const ASSUMED = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

const put = helperAt(namespaces, 'vendor.s3.put') as BrokerHelper

function named(args: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(Object.keys(put.params).map((name, at) => [name, args[at]]))
}

function listing({ path }: Seen): string {
  return path.includes('delete=')
    ? '<DeleteResult/>'
    : `<ListBucketResult><Contents><Key>${NODE}/it's (1) é</Key></Contents></ListBucketResult>`
}

async function refusal(
  t: TestContext,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Refusal> {
  const server = await httpServer(t, (_, response) => response.writeHead(status, headers).end(body))
  const { call } = await open(t)
  call.env.AWS_ENDPOINT_URL_S3 = server.url
  await call.write('a.txt', 'text')
  try {
    await call('put', 'traffic', 'a.txt', REGION, 'secret-id', 'secret-key')
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error))
    assert.doesNotMatch(error.message, /secret-/)
    assert.deepEqual(retryOf(error), error.retry)
    return error
  }
  throw new Error('it did not fail')
}

/** A host whose S3 is an emulator with these buckets; without any there is none. */
async function open(t: TestContext, ...buckets: readonly string[]) {
  const endpoint = buckets.length === 0 ? 'http://127.0.0.1:9' : await s3Server(t, ...buckets)
  const files = await openDataFolder(await tempFolder(t), 2 ** 28)
  const egress = openEgress({ timeoutMs: 500 })
  t.after(() => egress.close())
  const env: Record<string, unknown> = { AWS_ENDPOINT_URL_S3: endpoint }
  const host = fakeHost(files, { env, request: (options) => egress.request(options) })
  const client = new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: S3RVER, secretAccessKey: S3RVER },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  t.after(() => client.destroy())
  const call = Object.assign(
    (name: string, ...args: readonly unknown[]) => dispatch(namespaces, `vendor.s3.${name}`, args, host),
    {
      env,
      async write(path: string, text: string) {
        await mkdir(dirname(join(files.root, path)), { recursive: true })
        await writeFile(join(files.root, path), text)
      },
    },
  )
  return {
    call,
    host,
    files,
    endpoint,
    async read(Bucket: string, Key: string) {
      return await (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()
    },
    put: (Bucket: string, Key: string) => client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })),
    async list(Bucket: string) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }))
      return Contents.map(({ Key }) => Key).sort()
    },
  }
}

/** The environment of this process for one test. */
function environment(t: TestContext, values: Readonly<Record<string, string>>): void {
  const names = new Set([...Object.keys(values), 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
  const before = [...names].map((name) => [name, process.env[name]] as const)
  for (const name of names) delete process.env[name]
  Object.assign(process.env, values)
  t.after(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  })
}
