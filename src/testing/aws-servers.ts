import { createHash, createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { emulatorFile } from './emulator.ts'
import type { Seen } from './http-server.ts'
import { tempFolder } from './temp-folder.ts'

const require = createRequire(import.meta.url)

/** An S3 store with these buckets for one test. It takes the key and the secret `S3RVER`. Answers its address. */
export async function s3Server(
  t: Pick<TestContext, 'after'>,
  ...buckets: readonly string[]
): Promise<string> {
  const S3rver = require(emulatorFile('s3rver')) as new (
    options: object,
  ) => { configureBuckets(): Promise<unknown>; callback(): Parameters<typeof createServer>[1] }
  const store = new S3rver({
    directory: await tempFolder(t),
    silent: true,
    vhostBuckets: false,
    configureBuckets: buckets.map((name) => ({ name })),
  })
  await store.configureBuckets()
  return await serve(t, createServer(store.callback()))
}

export const S3RVER = 'S3RVER'

/** A Kinesis in memory for one test, with streams of one shard of these names. */
export async function kinesisServer(t: Pick<TestContext, 'after'>, ...streams: readonly string[]) {
  const kinesalite = require(emulatorFile('kinesalite')) as (options: object) => Server
  const url = await serve(t, kinesalite({ createStreamMs: 0 }))
  for (const StreamName of streams) {
    await kinesis(url, 'CreateStream', { StreamName, ShardCount: 1 })
    const isActive = async () => {
      const { StreamDescription } = await kinesis(url, 'DescribeStream', { StreamName })
      return (StreamDescription as { StreamStatus: string }).StreamStatus === 'ACTIVE'
    }
    while (!(await isActive())) await setTimeout(5)
  }
  return {
    url,
    /** All records of a stream, oldest first. */
    async records(StreamName: string): Promise<readonly StreamRecord[]> {
      const from = { StreamName, ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' }
      const { ShardIterator } = await kinesis(url, 'GetShardIterator', from)
      const { Records } = await kinesis(url, 'GetRecords', { ShardIterator })
      return (Records as { Data: string; PartitionKey: string; SequenceNumber: string }[]).map(
        ({ Data, PartitionKey: key, SequenceNumber: sequenceNumber }) => ({
          data: Buffer.from(Data, 'base64').toString(),
          key,
          sequenceNumber,
        }),
      )
    },
  }
}

interface StreamRecord {
  readonly data: string
  readonly key: string
  readonly sequenceNumber: string
}

/** By hand, as the SDK speaks HTTP/2. It looks whether there is a signature, not whether it holds. */
async function kinesis(url: string, action: string, body: object): Promise<Record<string, unknown>> {
  const scope = '20260101/eu-west-1/kinesis/aws4_request'
  const reply = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `Kinesis_20131202.${action}`,
      'x-amz-date': '20260101T000000Z',
      authorization: `AWS4-HMAC-SHA256 Credential=id/${scope}, SignedHeaders=host, Signature=${'0'.repeat(64)}`,
    },
    body: JSON.stringify(body),
  })
  const text = await reply.text()
  if (!reply.ok) throw new Error(`${action}: ${reply.status} ${text}`)
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

async function serve(t: Pick<TestContext, 'after'>, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/**
 * What is wrong with the signature of a request; undefined: nothing. Worked out anew, as in
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureFault(
  { method, path, headers, body }: Seen,
  { service, region, id, secret }: Signer,
): string | undefined {
  const said = /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
    headers.authorization ?? '',
  )
  if (said === null) return 'it is not signed'
  const [, credential, signed = '', signature] = said
  const at = String(headers['x-amz-date'])
  const scope = `${at.slice(0, 8)}/${region}/${service}/aws4_request`
  if (credential !== `${id}/${scope}`) return `it is signed as ${credential}`
  const names = signed.split(';')
  const unsigned = Object.keys(headers).filter(
    (name) => /^(host|x-amz-.*)$/.test(name) && !names.includes(name),
  )
  if (unsigned.length > 0) return `${unsigned.join(', ')} are not signed`
  const hash = String(headers['x-amz-content-sha256'])
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) return 'it is signed for another body'

  const { pathname, searchParams } = new URL(path, 'http://a')
  const query = [...searchParams].map(([name, value]) => `${rfc3986(name)}=${rfc3986(value)}`).sort()
  const lines = names.map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}\n`)
  const canonical = [method, pathname, query.join('&'), lines.join(''), signed, hash].join('\n')
  const text = ['AWS4-HMAC-SHA256', at, scope, sha256(canonical)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${secret}`)
  return hmac(key, text).toString('hex') === signature ? undefined : 'the signature is another one'
}

export interface Signer {
  readonly service: string
  readonly region: string
  readonly id: string
  readonly secret: string
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function rfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
