import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { Entry } from '../../src/entry/entry.ts'
import { kafkaBrokers, kcat as runKcat } from '../../src/testing/kafka-broker.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

/** The broker is the one that librdkafka tests itself with, inside a kcat; it tells of each request that it gets. */
describe('clients of Kafka and the broker in librdkafka', () => {
  test('kcat: every codec, keys and headers, groups, no acknowledgements, long values', async (t) => {
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    const line = (codec: string, n: number) => `{"n":${n},"z":"${codec}"}`
    const long = 'x'.repeat(150_000)
    let consumed = ''
    const entries = await compare(t, async (port) => {
      const kcat = (client: string, args: readonly string[], input = '') =>
        runKcat(['-b', `127.0.0.1:${port}`, '-X', `client.id=${client}`, ...args], input)
      for (const codec of codecs) {
        const lines = Array.from({ length: 30 }, (_, n) => `k${n}:${line(codec, n)}\n`).join('')
        await kcat(
          `p-${codec}`,
          ['-P', '-t', 'orders', '-K:', '-z', codec, '-X', 'linger.ms=300', '-H', `trace=${codec}`],
          lines,
        )
      }
      await kcat('p-unheard', ['-P', '-t', 'orders', '-X', 'acks=0'], 'unheard\n')
      await kcat('p-once', ['-P', '-t', 'orders', '-X', 'enable.idempotence=true'], 'once\n')
      await kcat('p-long', ['-P', '-t', 'long'], long)
      consumed = await kcat('c-orders', ['-C', '-t', 'orders', '-e', '-q', '-o', 'beginning'])
      await kcat('c-long', ['-C', '-t', 'long', '-e', '-q', '-o', 'beginning'])
      const group = ['-G', 'group', '-X', 'auto.offset.reset=earliest', '-c', '20', 'orders']
      await kcat('c-group', group)
      await kcat('lists', ['-L'])
      await kcat('asks', ['-Q', '-t', 'orders:0:-1'])
    })
    if (entries === undefined) return

    for (const codec of codecs) {
      const batches = batchesOf(entries, `p-${codec}`)
      const sent = batches.flatMap(({ record }) => record)
      assert.deepEqual(new Set(batches.map(({ compression }) => compression)), new Set([codec]))
      assert.deepEqual(
        sent.map(({ key, value }) => `${key}:${value}`).sort(),
        Array.from({ length: 30 }, (_, n) => `k${n}:${line(codec, n)}`).sort(),
      )
      assert.deepEqual(sent[0]?.headers, [{ headerKey: 'trace', value: codec, encoding: '' }])
    }
    const fetched = batchesOf(entries, 'c-orders').flatMap(({ record }) => record.map(({ value }) => value))
    assert.deepEqual(fetched.sort(), consumed.trim().split('\n').sort())
    assert.equal(batchesOf(entries, 'c-long')[0]?.record[0]?.value, long)
    const unheard = entries.find(
      (entry) => clientOf(entry) === 'p-unheard' && entry.base.method === 'Produce',
    )
    assert.deepEqual([unheard?.response, unheard?.error], [null, null])
    const [joined] = entries.filter(({ base }) => base.method === 'JoinGroup').map(({ request }) => request)
    assert.partialDeepStrictEqual((joined as Request).payload, {
      groupId: 'group',
      protocols: [{ name: 'range', metadata: { topics: ['orders'] } }, {}],
    })
  })

  test('kafkajs: a producer, and a consumer in a group', async (t) => {
    const messages = ['a', 'b', 'c'].map((value) => ({ key: `k-${value}`, value, headers: { h: value } }))
    const entries = await compare(t, async (port) => {
      const kafka = new Kafka({ clientId: 'js', brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING })
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic: 'shop', messages, compression: 1 })
      await producer.disconnect()
      const consumer = kafka.consumer({ groupId: 'js-group' })
      await consumer.connect()
      await consumer.subscribe({ topic: 'shop', fromBeginning: true })
      const values: string[] = []
      await new Promise<void>((resolve, reject) => {
        const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
          if (values.push(String(message.value)) === messages.length) resolve()
        }
        consumer.run({ eachMessage }).catch(reject)
      })
      await consumer.disconnect()
      assert.deepEqual(values.sort(), ['a', 'b', 'c'])
    })
    if (entries === undefined) return
    const produced = entries.filter(({ base }) => base.method === 'Produce')
    const sent = produced.flatMap(({ request }) => batchesIn(request).flatMap(({ record }) => record))
    assert.deepEqual(
      sent.map(({ key, value }) => [key, value]).sort(),
      messages.map(({ key, value }) => [key, value]),
    )
    const subjects = new Set(entries.map(({ base }) => `${base.method} ${base.summary}`))
    for (const each of [
      'Metadata shop',
      'JoinGroup js-group',
      'SyncGroup js-group',
      'OffsetCommit shop',
      'Fetch shop',
    ])
      assert.ok(subjects.has(each), `${each} in ${[...subjects]}`)
  })
})

/** The requests in the entries are those that the broker says it got, and all of them were read. */
async function compare(
  t: TestContext,
  use: (port: number) => Promise<void>,
): Promise<readonly Entry[] | undefined> {
  if (!hasTools(t, 'tcpdump', 'kcat')) return undefined
  return await withFiles({}, async (folder) => {
    const broker = await kafkaBrokers(t, { args: ['-X', 'debug=mock', '-X', `client.id=${KEEPER}`] })
    const [port = 0] = broker.ports
    const path = await captureLoopback(t, folder, `tcp port ${port}`, () => use(port))
    const { entries, counters } = await readCapture(path as string)
    const ours = entries.filter((entry) => clientOf(entry) !== undefined && clientOf(entry) !== KEEPER)
    const ports = new Set(ours.map(({ src }) => src.port))
    const received = [...broker.log().matchAll(/Received (\w+)Request(V\d+) from [\d.]+:(\d+)/g)]
    assert.deepEqual(
      ours
        .map(({ src, base, request }) => `${src.port} ${base.method}V${(request as Request).apiVersion}`)
        .sort(),
      received
        .filter(([, , , port]) => ports.has(String(port)))
        .map(([, name, version, port]) => `${port} ${name === 'ApiVersion' ? 'ApiVersions' : name}${version}`)
        .sort(),
    )
    assert.ok(ours.length > 15, `${ours.length} requests`)
    assert.deepEqual(counters.dissection.invalid, {})
    // A client that has what it wants does not wait for replies.
    const unanswered = ours.filter(({ response, error }) => response === null && error !== null)
    assert.ok(unanswered.every(({ error }) => error?.type === 'connection'))
    return ours
  })
}

interface Request {
  readonly apiVersion: number
  readonly clientID: string
  readonly payload: unknown
}

interface Batch {
  readonly compression: string
  readonly record: readonly { readonly key: string; readonly value: string; readonly headers: unknown }[]
}

function clientOf({ request }: Entry): string | undefined {
  return (request as Request | null)?.clientID
}

function batchesOf(entries: readonly Entry[], client: string): Batch[] {
  const own = entries.filter((entry) => clientOf(entry) === client)
  return own.flatMap(({ request, response }) => [...batchesIn(request), ...batchesIn(response)])
}

/** All batches of records anywhere in a message. */
function batchesIn(value: unknown): Batch[] {
  if (typeof value !== 'object' || value === null) return []
  if ('record' in value) return [value as Batch]
  const payload = 'payload' in value ? { payload: value.payload } : value
  return Object.values(payload).flatMap(batchesIn)
}

const KEEPER = 'keeper'
