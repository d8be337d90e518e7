import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { Mistake } from '../../mistake/mistake.ts'
import { S3RVER, s3Server } from '../../testing/aws-servers.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { withoutEmulator } from '../../testing/emulator.ts'
import { FakePackets, fakeHost } from '../../testing/helper-host.ts'
import { httpServer } from '../../testing/http-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { openDataFolder, weigh } from '../data-folder.ts'
import { dispatch, helperAt } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { BrokerHelper, HelperHost, HttpRequest } from '../helper.ts'
import { namespaces } from '../index.ts'
import { Rehearsal } from '../rehearsal.ts'

const skip = withoutEmulator('s3rver')
const [ONE, TWO, GONE] = ['000000000001.pcap', '000000000002.pcap', '000000000009.pcap']
const STREAMS = { [ONE]: 'first', [TWO]: 'second' }
const NODE = 'node-a_10.0.0.7'
const TIME = 'Thu, 01 Jan 2026 00:00:00 GMT'
const LOGIN = { awsRegion: 'eu-west-1', awsAccessKeyId: S3RVER, awsSecretAccessKey: S3RVER }
const OPTIONS = { ...LOGIN, s3Bucket: 'traffic', kflArr: ['http', 'dns'] }

describe('wrapper.pcapSnapshot', { skip }, () => {
  test('uploads all packets and names in one archive, and leaves nothing', async (t) => {
    const { call, unpack, files, endpoint } = await open(t)
    const before = await weigh(files.root)
    const url = await call('pcapSnapshot', 'eu-west-1', S3RVER, S3RVER, 'traffic')
    assert.equal(url, `${endpoint}/traffic/${NODE}_run1/kubeshark_1767225600.tar.gz`)
    assert.deepEqual(await unpack(url), {
      '1767225600.pcap': 'first+second',
      'name_resolution_history.json':
        '{"1767225600":{"10.0.0.1":{"FullAddress":"cart.shop","Namespace":"shop"}}}',
    })
    assert.deepEqual(await readdir(files.root), [])
    assert.equal(await weigh(files.root), before)
  })

  test('leaves nothing where the upload fails, and is refused on the hub', async (t) => {
    const { call, files, host } = await open(t)
    await assert.rejects(call('pcapSnapshot', 'eu-west-1', S3RVER, S3RVER, 'missing'), /NoSuchBucket/)
    await assert.rejects(call('pcapSnapshot', 'eu-west-1'), /the bucket is missing/)
    assert.deepEqual(await readdir(files.root), [])
    const onHub: HelperHost = { ...host, component: 'hub' }
    await assert.rejects(
      dispatch(namespaces, 'wrapper.pcapSnapshot', ['eu-west-1', '', '', 'traffic'], onHub),
      {
        code: 'E_HELPER_REFUSED',
      },
    )
  })
})

describe('wrapper.kflPcapS3, outside the sandbox', { skip }, () => {
  test('uploads what was put aside for a filter, and keeps a log', async (t) => {
    const { call, unpack, files, endpoint, list, read } = await open(t)
    assert.equal(await call('kflPcapS3', { hold: ONE, kfls: [0, 1] }, OPTIONS), undefined)
    await call('kflPcapS3', { hold: TWO, kfls: [0] }, OPTIONS)
    const url = await call('kflPcapS3', { ship: 0 }, OPTIONS)
    assert.equal(url, `${endpoint}/traffic/${NODE}_run1/kfl_0_kubeshark_1767225600.tar.gz`)
    const { 'content.json': content, '1767225600.pcap': capture, ...names } = await unpack(url)
    assert.match(String(capture), /000000000001\.pcap\+.*000000000002\.pcap$/)
    assert.deepEqual(Object.keys(names), ['name_resolution_history.json'])
    assert.deepEqual(JSON.parse(String(content)), {
      kfl_index: 0,
      kfl_query: 'http',
      l4_streams: [ONE, TWO],
      pcap_file_name: '1767225600.pcap',
      time: TIME,
    })
    const second = await call('kflPcapS3', { ship: 1 }, OPTIONS)
    const [log] = (await list()).filter((key) => key?.includes('log'))
    assert.match(String(log), /^node-a_10\.0\.0\.7\/kflPcapS3_log_[0-9a-f]{16}\.json$/)
    assert.deepEqual(JSON.parse(String(await read(String(log)))), [
      { file: 'kfl_0_kubeshark_1767225600.tar.gz', kfl_index: 0, kfl_query: 'http', s3_url: url, time: TIME },
      {
        file: 'kfl_1_kubeshark_1767225600.tar.gz',
        kfl_index: 1,
        kfl_query: 'dns',
        s3_url: second,
        time: TIME,
      },
    ])
    assert.deepEqual(await readdir(files.root), ['kflPcapS3'])
  })

  test('adds to the log of an earlier run, also where the data folder is a new one', async (t) => {
    const first = await open(t)
    const lines = async () => {
      const [log] = (await first.list()).filter((key) => key?.includes('log'))
      return (JSON.parse(String(await first.read(String(log)))) as { s3_url: string }[]).map(
        ({ s3_url }) => s3_url,
      )
    }
    await first.call('kflPcapS3', { hold: ONE, kfls: [0] }, OPTIONS)
    const before = await first.call('kflPcapS3', { ship: 0 }, OPTIONS)
    const second = await open(t, { runId: 'run2', env: { AWS_ENDPOINT_URL_S3: first.endpoint } })
    await second.call('kflPcapS3', { hold: ONE, kfls: [0] }, OPTIONS)
    const after = await second.call('kflPcapS3', { ship: 0 }, OPTIONS)
    assert.notEqual(before, after)
    assert.deepEqual(await lines(), [before, after])
  })

  test('has another name for each set, also of one second', async (t) => {
    const { call, list } = await open(t)
    for (const stream of [ONE, TWO]) {
      await call('kflPcapS3', { hold: stream, kfls: [0] }, OPTIONS)
      await call('kflPcapS3', { ship: 0 }, OPTIONS)
    }
    assert.deepEqual((await list()).flatMap((key) => /kfl_.*gz$/.exec(String(key)) ?? []).sort(), [
      'kfl_0_kubeshark_1767225600-1.tar.gz',
      'kfl_0_kubeshark_1767225600.tar.gz',
    ])
  })

  test('keeps a line of the log that could not be uploaded for the next time', async (t) => {
    const { call, host, list, read } = await open(t)
    const { request } = host
    const failing = (options: HttpRequest) =>
      options.url.includes('_log_')
        ? Promise.reject(new Mistake('E_HELPER_FAILED', 'gone'))
        : request(options)
    await call('kflPcapS3', { hold: ONE, kfls: [0] }, OPTIONS)
    const args = [{ ship: 0 }, OPTIONS]
    const first = await dispatch(namespaces, 'wrapper.kflPcapS3', args, { ...host, request: failing })
    assert.deepEqual(host.warnings, ['wrapper.kflPcapS3: the packets are uploaded, but the log is not: gone'])
    await call('kflPcapS3', { hold: TWO, kfls: [1] }, OPTIONS)
    const second = await call('kflPcapS3', { ship: 1 }, OPTIONS)
    const [log] = (await list()).filter((key) => key?.includes('_log_'))
    const lines = JSON.parse(await read(String(log))) as { s3_url: string }[]
    assert.deepEqual(
      lines.map(({ s3_url }) => s3_url),
      [first, second],
    )
  })

  test('survives packets that are gone, and has nothing to send then', async (t) => {
    const { call, list } = await open(t)
    await call('kflPcapS3', { hold: GONE, kfls: [0] }, OPTIONS)
    await call('kflPcapS3', { hold: '../../etc/passwd', kfls: [0] }, OPTIONS)
    assert.equal(await call('kflPcapS3', { ship: 0 }, OPTIONS), undefined)
    assert.deepEqual(await list(), [])
  })

  test('sends all packets that a stream has had since, and what it had before they were gone', async (t) => {
    const streams: Record<string, string> = { [ONE]: 'short', [TWO]: 'second' }
    const merged: string[] = []
    const packets = new FakePackets(streams)
    packets.writeMergedFiles = async (paths, target) => {
      merged.push(...(await Promise.all(paths.map((path) => readFile(path, 'utf8')))))
      await writeFile(target, '')
    }
    const { call } = await open(t, { packets })
    await call('kflPcapS3', { hold: ONE, kfls: [0] }, OPTIONS)
    await call('kflPcapS3', { hold: TWO, kfls: [0] }, OPTIONS)
    streams[ONE] = 'short and long'
    delete streams[TWO]
    await call('kflPcapS3', { ship: 0 }, OPTIONS)
    assert.deepEqual(merged, ['short and long', 'second'])
  })

  test('keeps what could not be uploaded, and sends it with the next', async (t) => {
    const { call, unpack, files } = await open(t)
    await call('kflPcapS3', { hold: ONE, kfls: [0] }, OPTIONS)
    const elsewhere = { ...OPTIONS, s3Bucket: 'missing' }
    await assert.rejects(call('kflPcapS3', { ship: 0 }, elsewhere), /answered 404: NoSuchBucket/)
    assert.deepEqual(await readdir(files.root), ['kflPcapS3'])
    await call('kflPcapS3', { hold: TWO, kfls: [0] }, OPTIONS)
    const { 'content.json': content } = await unpack(await call('kflPcapS3', { ship: 0 }, OPTIONS))
    assert.deepEqual(JSON.parse(String(content)).l4_streams, [ONE, TWO])
  })

  test('takes from env what the options leave out, and tells Slack', async (t) => {
    const slack = await httpServer(t, (_, response) => response.end('ok'))
    const { call, host, endpoint } = await open(t, {
      env: {
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: S3RVER,
        AWS_SECRET_ACCESS_KEY: S3RVER,
        S3_BUCKET: 'traffic',
      },
    })
    const options = { kflArr: ['http'], slackWebhook: `${slack.url}/services/x`, awsRegion: null }
    await call('kflPcapS3', { hold: ONE, kfls: [0] }, options)
    const url = await call('kflPcapS3', { ship: 0 }, options)
    const { attachments } = JSON.parse(String(slack.seen[0]?.body)) as { attachments: { text: string }[] }
    assert.match(
      String(attachments[0]?.text),
      /^URL: \S+\nStreams: 1\nKFL: http\nSnapshot: \d+ ms\nUpload: \d+ ms$/,
    )
    assert.ok(attachments[0]?.text.includes(String(url)))
    assert.ok(String(url).startsWith(endpoint))
    assert.deepEqual(host.warnings, [])
  })

  test('does not send packets again because Slack, or the log, has failed', async (t) => {
    const slack = await httpServer(t, (_, response) => response.writeHead(404).end('no_team'))
    const { call, host, list } = await open(t)
    const options = { ...OPTIONS, slackWebhook: `${slack.url}/services/x` }
    await call('kflPcapS3', { hold: ONE, kfls: [0] }, options)
    assert.match(String(await call('kflPcapS3', { ship: 0 }, options)), /^http/)
    assert.deepEqual(host.warnings, [
      `wrapper.kflPcapS3: the packets are uploaded, but the message to Slack is not: vendor.slack: ${slack.url.slice(7)} answered 404: no_team`,
    ])
    assert.equal(await call('kflPcapS3', { ship: 0 }, options), undefined)
    assert.equal((await list()).length, 2)
  })

  test('says what is wrong with its options', async (t) => {
    const { call } = await open(t)
    const hold = { hold: ONE, kfls: [0] }
    for (const [options, message] of [
      [{ ...OPTIONS, s3Bucket: '' }, /the bucket is missing/],
      [{ ...OPTIONS, awsRegion: undefined }, /the region is missing/],
      [{ ...OPTIONS, kflArr: 'http' }, /options\.kflArr: /],
      [{ ...OPTIONS, slackChannelId: 5 }, /options\.slackChannelId: /],
      [{ ...OPTIONS, slackWebhook: 'no address' }, /options\.slackWebhook: expected a URL/],
    ] as const)
      await assert.rejects(call('kflPcapS3', hold, options), { code: 'E_HELPER_ARGUMENT', message })
  })

  test('goes to the bucket, and to Slack where it is told', async (t) => {
    const { host } = await open(t)
    const { target } = helperAt(namespaces, 'wrapper.kflPcapS3') as BrokerHelper
    const options = {
      ...OPTIONS,
      slackWebhook: 'https://hooks.slack.com/services/x',
      slackAuthToken: 'xoxb',
      slackChannelId: 'C1',
    }
    assert.deepEqual(target?.({ data: {}, options }, { ...host, env: {} }), {
      text: 's3://traffic',
      hosts: ['traffic.s3.eu-west-1.amazonaws.com', 'hooks.slack.com', 'slack.com'],
      bucket: 'traffic',
    })
  })

  test('answers as in earnest where nothing is sent', async (t) => {
    const { host, list } = await open(t)
    const effects: string[] = []
    const rehearsal = new Rehearsal({
      namespaces,
      env: {},
      tell: ({ target }) => effects.push(target),
      check: () => undefined,
    })
    const path = 'wrapper.kflPcapS3'
    const options = { ...OPTIONS, slackAuthToken: 'xoxb', slackChannelId: 'C1' }
    await rehearsal.dispatch({ path, args: [{ hold: ONE, kfls: [0] }, options] }, host)
    const url = await rehearsal.dispatch({ path, args: [{ ship: 0 }, options] }, host)
    assert.match(String(url), /\/kfl_0_kubeshark_1767225600\.tar\.gz$/)
    assert.equal(effects.at(-1), `PUT ${url}`)
    assert.deepEqual(host.warnings, [])
    const args = ['eu-west-1', '', '', 'traffic']
    assert.match(
      String(await rehearsal.dispatch({ path: 'wrapper.pcapSnapshot', args }, host)),
      /\/kubeshark_1767225600\.tar\.gz$/,
    )
    assert.deepEqual(await list(), [])
  })
})

describeFailures({
  name: 'wrapper.pcapSnapshot',
  unauthorized: {
    status: 403,
    body: '<Error><Code>AccessDenied</Code><Message>planted-5e2c9a</Message></Error>',
  },
  malformed: '{}',
  async call(t, { url, secret, network }) {
    const files = await openDataFolder(await tempFolder(t), 1 << 20)
    const env = { AWS_ENDPOINT_URL_S3: url }
    const host = fakeHost(files, { ...network, env, packets: new FakePackets(STREAMS) })
    const args = ['eu-west-1', `id-${secret}`, secret, 'traffic']
    return await dispatch(namespaces, 'wrapper.pcapSnapshot', args, host)
  },
})

/** A host with two streams and a bucket of its own. */
async function open(t: TestContext, { env = {}, ...more }: Partial<HelperHost> = {}) {
  const endpoint = String(env.AWS_ENDPOINT_URL_S3 ?? (await s3Server(t, 'traffic')))
  const folder = await tempFolder(t)
  const files = await openDataFolder(folder, 1 << 20)
  const egress = openEgress()
  t.after(() => egress.close())
  const host = fakeHost(files, {
    packets: new FakePackets(STREAMS),
    request: (options) => egress.request(options),
    ...more,
    env: { ...env, AWS_ENDPOINT_URL_S3: endpoint },
  })
  const client = new S3Client({
    endpoint,
    region: 'eu-west-1',
    forcePathStyle: true,
    credentials: { accessKeyId: S3RVER, secretAccessKey: S3RVER },
  })
  t.after(() => client.destroy())
  const bytes = async (Key: string) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'traffic', Key }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  }
  return {
    host,
    files,
    endpoint,
    call: (name: string, ...args: readonly unknown[]) => dispatch(namespaces, `wrapper.${name}`, args, host),
    async list() {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'traffic' }))
      return Contents.map(({ Key }) => Key)
    },
    read: async (key: string) => (await bytes(key)).toString(),
    /** Texts of the files in an archive. */
    async unpack(url: unknown): Promise<Record<string, string>> {
      const into = join(await tempFolder(t), 'archive')
      await mkdir(into)
      execFileSync('tar', ['-xz', '-C', into], {
        input: await bytes(String(url).replace(`${endpoint}/traffic/`, '')),
      })
      const names = (await readdir(into)).sort()
      const texts = await Promise.all(names.map((name) => readFile(join(into, name), 'utf8')))
      return Object.fromEntries(names.map((name, at) => [name, texts[at] ?? '']))
    },
  }
}
