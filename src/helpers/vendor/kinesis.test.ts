import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { kinesisServer, signatureFault } from '../../testing/aws-servers.ts'
import { describeFailures } from '../../testing/describe-failures.ts'
import { withoutEmulator } from '../../testing/emulator.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { httpServer } from '../../testing/http-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { PartlyFailed, Refusal, retryOf } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch, helperAt } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { BrokerHelper, HelperHost } from '../helper.ts'
import { namespaces } from '../index.ts'
import { Rehearsal } from '../rehearsal.ts'

const skip = withoutEmulator('kinesalite')
const REGION = 'eu-west-1'
const KEYS = ['id', 'secret'] as const

describe('vendor.kinesis.put', { skip }, () => {
  test('puts texts and objects, which can be read back, and says where', async (t) => {
    const { put, records } = await open(t)
    const answer = (await put('traffic', 'text é', REGION, ...KEYS)) as Record<string, unknown>
    await put('traffic', { path: '/cart', status: 500 }, REGION, ...KEYS)
    await put('traffic', [1], REGION, ...KEYS)
    await put('traffic', 5, REGION, ...KEYS)
    const all = await records()
    assert.deepEqual(all.map(({ data }) => data).sort(), [
      '5',
      '[1]',
      'text é',
      '{"path":"/cart","status":500}',
    ])
    const first = all.find(({ data }) => data === 'text é')
    assert.deepEqual(answer, {
      success: true,
      sequenceNumber: first?.sequenceNumber,
      shardId: 'shardId-000000000000',
    })
  })

  test('says that there is no such stream', async (t) => {
    const { put } = await open(t)
    await assert.rejects(put('nothing', 'text', REGION, ...KEYS), (error) => {
      assert.ok(error instanceof Refusal, String(error))
      assert.match(
        error.message,
        /^vendor\.kinesis\.put: 127\.0\.0\.1:\d+ answered 400: ResourceNotFoundException: /,
      )
      assert.deepEqual(error.retry, { when: 'never' })
      return true
    })
  })

  test('sends what was queued 500 at once, in the order of the calls', async (t) => {
    const { host, records, sent } = await open(t)
    const calls = Array.from({ length: 500 }, (_, at) => queued(`r${at}`, `payload ${at}`))
    await batch.send(calls, host)
    assert.equal(sent.length, 1)
    const all = await records()
    assert.equal(all.length, 500)
    assert.deepEqual(
      all.map(({ data }) => data),
      calls.map(({ args }) => args.payload),
    )
    assert.deepEqual(
      all.map(({ key }) => key),
      calls.map(({ id }) => id),
    )
  })
})

describe('vendor.kinesis.put, of several records', () => {
  test('says which were not taken, and whether they may be later', async (t) => {
    const answer = {
      FailedRecordCount: 2,
      Records: [
        { SequenceNumber: '1', ShardId: 's' },
        { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded for shard s' },
        { ErrorCode: 'AccessDeniedException', ErrorMessage: 'No right of id' },
      ],
    }
    const { host } = await answering(t, 200, JSON.stringify(answer))
    const calls = [queued('a', '1'), queued('b', '2'), queued('c', '3')]
    await assert.rejects(batch.send(calls, host), (error) => {
      assert.ok(error instanceof PartlyFailed, String(error))
      assert.equal(error.message, 'vendor.kinesis.put: 2 of 3 records were not taken')
      assert.deepEqual([...error.failures.keys()], [1, 2])
      const [throttled, denied] = [...error.failures.values()]
      assert.equal(
        String(throttled),
        'Mistake: vendor.kinesis.put: ProvisionedThroughputExceededException: Rate exceeded for shard s',
      )
      assert.deepEqual([retryOf(throttled).when, retryOf(denied).when], ['later', 'never'])
      return true
    })
  })

  test('sends those of each account by themselves', async (t) => {
    const { host, seen } = await answering(t, 200, (body) => {
      const { Records } = JSON.parse(body) as { Records: readonly { Data: string }[] }
      return JSON.stringify({
        FailedRecordCount: 0,
        Records: Records.map(({ Data }) =>
          Data === 'Yg==' ? { ErrorCode: 'InternalFailure' } : { SequenceNumber: '1', ShardId: 's' },
        ),
      })
    })
    const other = { accessKeyId: 'other', secretAccessKey: 'also' }
    const calls = [queued('1', 'a'), queued('2', 'b', other), queued('3', 'c')]
    await assert.rejects(batch.send(calls, host), (error) => {
      assert.ok(error instanceof PartlyFailed, String(error))
      assert.deepEqual([...error.failures.keys()], [1])
      return true
    })
    assert.deepEqual(
      seen.map(({ headers }) => /Credential=(\w+)/.exec(String(headers.authorization))?.[1]),
      ['id', 'other'],
    )
  })

  test('fails as a whole when all were refused together, or the reply is of other records', async (t) => {
    const { host } = await answering(t, 400, '{"__type":"LimitExceededException","message":"slow down"}')
    await assert.rejects(batch.send([queued('a', '1')], host), { retry: { when: 'later' } })
    const other = await answering(t, 200, '{"FailedRecordCount":0,"Records":[]}')
    await assert.rejects(batch.send([queued('a', '1')], other.host), { code: 'E_HELPER_FAILED' })
  })
})

describe('vendor.kinesis.put, refused', () => {
  test('says why in the words of Kinesis, and whether that may pass', async (t) => {
    for (const [status, type, code, when] of [
      [
        400,
        'com.amazonaws.kinesis.v20131202#ProvisionedThroughputExceededException',
        'ProvisionedThroughputExceededException',
        'later',
      ],
      [400, 'ThrottlingException', 'ThrottlingException', 'later'],
      [400, 'KMSThrottlingException', 'KMSThrottlingException', 'later'],
      [400, 'UnrecognizedClientException', 'UnrecognizedClientException', 'never'],
      [400, 'AccessDeniedException:http://internal.amazon.com/', 'AccessDeniedException', 'never'],
      [500, 'InternalFailure', 'InternalFailure', 'later'],
      [503, 'ServiceUnavailable', 'ServiceUnavailable', 'later'],
    ] as const) {
      const { host } = await answering(t, status, JSON.stringify({ __type: type, message: 'no: id, secret' }))
      await assert.rejects(put(host, 'traffic', 'text', REGION, ...KEYS), (error) => {
        assert.ok(error instanceof Refusal, String(error))
        assert.match(error.message, new RegExp(`answered ${status}: ${code}: no: \\[key\\], \\[key\\]$`))
        assert.equal(error.retry.when, when, code)
        return true
      })
    }
  })

  test('for arguments that cannot be', async (t) => {
    const { host } = await answering(t, 200, '{}')
    for (const [args, message] of [
      [['a stream', 'x', REGION], /streamName: expected the name of a stream/],
      [['traffic', 'x', ''], /the region is missing/],
      [['traffic', 'x', REGION, 'id'], /the secret key .* is missing/],
      [['traffic', 'x'], /awsRegion: is missing/],
    ] as const)
      await assert.rejects(put(host, ...args), { code: 'E_HELPER_ARGUMENT', message })
  })
})

test('vendor.kinesis.put signs with signatures that hold, and goes to the region', async (t) => {
  const signer = { service: 'kinesis', region: REGION, id: 'id', secret: 'secret' }
  const faults: unknown[] = []
  const server = await httpServer(t, (seen, response) => {
    faults.push(signatureFault(seen, signer), signatureFault(seen, { ...signer, secret: 'x' }))
    response.end('{"SequenceNumber":"1","ShardId":"s"}')
  })
  const host = await hostTo(t, server.url)
  await put(host, 'traffic', { a: 'é' }, REGION, ...KEYS)
  assert.deepEqual(faults, [undefined, 'the signature is another one'])
  const target = helper.target?.(
    { streamName: 'traffic', payload: '', awsRegion: REGION },
    { ...host, env: {} },
  )
  assert.deepEqual(target, {
    text: 'kinesis://traffic',
    hosts: ['kinesis.eu-west-1.amazonaws.com'],
    bucket: 'traffic',
  })
})

test('vendor.kinesis.put, rehearsed, answers as in earnest', async (t) => {
  const rehearsal = new Rehearsal({ namespaces, env: {}, tell: () => undefined, check: () => undefined })
  const call = { path: 'vendor.kinesis.put', args: ['traffic', { a: 1 }, REGION] }
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20))
  assert.deepEqual(await rehearsal.dispatch(call, host), {
    success: true,
    sequenceNumber: '0',
    shardId: 'shardId-000000000000',
  })
})

describeFailures({
  name: 'vendor.kinesis.put',
  unauthorized: { status: 400, body: '{"__type":"UnrecognizedClientException","message":"planted-5e2c9a"}' },
  malformed: '{}',
  async call(t, { url, secret, network }) {
    const files = await openDataFolder(await tempFolder(t), 1 << 20)
    const host = fakeHost(files, { ...network, env: { AWS_ENDPOINT_URL_KINESIS: url } })
    return await put(host, 'traffic', 'text', REGION, `id-${secret}`, secret)
  },
})

const helper = helperAt(namespaces, 'vendor.kinesis.put') as BrokerHelper
const batch = helper.queued?.batch as NonNullable<NonNullable<BrokerHelper['queued']>['batch']>

function put(host: HelperHost, ...args: readonly unknown[]): Promise<unknown> {
  return dispatch(namespaces, 'vendor.kinesis.put', args, host)
}

function queued(id: string, payload: string, keys = { accessKeyId: 'id', secretAccessKey: 'secret' }) {
  return { id, at: 0, args: { streamName: 'traffic', payload, awsRegion: REGION, ...keys } }
}

async function answering(t: TestContext, status: number, answer: string | ((body: string) => string)) {
  const server = await httpServer(t, ({ body }, response) =>
    response.writeHead(status).end(typeof answer === 'string' ? answer : answer(body)),
  )
  return { host: await hostTo(t, server.url), seen: server.seen }
}

async function hostTo(t: TestContext, url: string) {
  const egress = openEgress({ timeoutMs: 2000 })
  t.after(() => egress.close())
  const env = { AWS_ENDPOINT_URL_KINESIS: url }
  return fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), {
    env,
    request: (options) => egress.request(options),
  })
}

/** Kinesis in memory with the stream `traffic` of one shard. */
async function open(t: TestContext) {
  const { url, records } = await kinesisServer(t, 'traffic')
  const host = await hostTo(t, url)
  const sent: string[] = []
  const counted: HelperHost = {
    ...host,
    request(options) {
      sent.push(options.url)
      return host.request(options)
    },
  }
  return {
    host: counted,
    sent,
    put: (...args: readonly unknown[]) => put(counted, ...args),
    records: () => records('traffic'),
  }
}
