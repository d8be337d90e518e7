import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import * as platformatic from '@platformatic/kafka'
import { feed } from '../../testing/feed.ts'
import { apiOf } from './apis.ts'
import { kafka } from './dissector.ts'
import { type Fields, randomFrom, requestFrame, responseFrame, someFields, Writer } from './test-messages.ts'

/**
 * Messages of clients that others have written, in every version that they know: what they write is read here, and what
 * is written from the tables here is read by them.
 */
const apis = Object.entries(platformatic as Record<string, unknown>).flatMap(([name, module]) =>
  /V\d+$/.test(name) ? [{ name, ...(module as Platformatic) }] : [],
)

interface Platformatic {
  readonly api: { readonly key: number; readonly version: number }
  createRequest(...args: unknown[]): { readonly buffer: Uint8Array }
  parseResponse?(correlationId: number, key: number, version: number, reader: unknown): unknown
}

describe('requests that @platformatic/kafka writes', () => {
  const topics = ['orders', 'größe']
  const uuid = '3f277d11-65c4-4930-8a6d-97cc4b34a88b'
  const base64 = 'Pyd9EWXESTCKbZfMSzSoiw'
  const offsets = topics.map((name, index) => ({
    name,
    partitions: [
      { partitionIndex: index, committedOffset: 7n, committedLeaderEpoch: 3, committedMetadata: 'm' },
    ],
  }))
  const listed = [
    {
      name: 'orders',
      partitions: [{ partitionIndex: 4, currentLeaderEpoch: 2, timestamp: -2n, maxNumOffsets: 1 }],
    },
  ]
  const created = [
    {
      name: 'orders',
      numPartitions: 3,
      replicationFactor: 2,
      assignments: [{ partitionIndex: 1, brokerIds: [5, 6] }],
      configs: [{ name: 'cleanup.policy', value: 'compact' }],
    },
  ]
  const fetched = (version: number) => [
    {
      topicId: version < 13 ? 'orders' : uuid,
      partitions: [
        {
          partition: 4,
          currentLeaderEpoch: 2,
          fetchOffset: 99n,
          lastFetchedEpoch: 1,
          partitionMaxBytes: 1000,
          ...(version >= 17 ? { replicaDirectoryId: uuid } : {}),
        },
      ],
    },
  ]
  const subscription = Buffer.from('000100000001000661706c6973740000000000000000', 'hex')
  const cases: readonly (readonly [
    name: string,
    versions: readonly [number, number],
    args: (version: number) => unknown[],
    expected: (version: number) => object,
  ])[] = [
    ['metadata', [0, 12], () => [topics, true, false], () => ({ topics: topics.map((name) => ({ name })) })],
    [
      'fetch',
      [4, 17],
      (version) => [
        500,
        1,
        2000,
        1,
        6,
        5,
        fetched(version),
        [{ topic: version < 13 ? 'x' : uuid, partitions: [8] }],
        'rack',
      ],
      (version) => ({
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 2000,
        isolationLevel: 1,
        topics: [
          {
            ...(version < 13 ? { topic: 'orders' } : { topicID: base64 }),
            partitions: [{ partition: 4, fetchOffset: 99, partitionMaxBytes: 1000 }],
          },
        ],
        ...(version >= 7
          ? { sessionId: 6, sessionEpoch: 5, forgottenTopicsData: [{ partitions: [8] }] }
          : {}),
        ...(version >= 11 ? { rackId: 'rack' } : {}),
      }),
    ],
    [
      'listOffsets',
      [0, 9],
      () => [-1, 1, listed],
      () => ({
        replicaId: -1,
        topics: [{ name: 'orders', partitions: [{ partitionIndex: 4, timestamp: -2 }] }],
      }),
    ],
    [
      'findCoordinator',
      [0, 6],
      () => [0, ['group']],
      (version) => (version < 4 ? { key: 'group' } : { keyType: 0, coordinatorKeys: ['group'] }),
    ],
    [
      'joinGroup',
      [0, 9],
      () => ['group', 10, 20, 'me', 'static', 'consumer', [{ name: 'range', metadata: subscription }], 'why'],
      (version) => ({
        groupId: 'group',
        sessionTimeoutMs: 10,
        memberId: 'me',
        protocols: [{ name: 'range', metadata: { version: 1, topics: ['aplist'], ownedPartitions: [] } }],
        ...(version >= 5 ? { groupInstanceId: 'static' } : {}),
        ...(version >= 8 ? { reason: 'why' } : {}),
      }),
    ],
    [
      'syncGroup',
      [0, 5],
      () => [
        'group',
        3,
        'me',
        'static',
        'consumer',
        'range',
        [{ memberId: 'me', assignment: Buffer.from('??') }],
      ],
      () => ({ groupId: 'group', generationId: 3, assignments: [{ memberId: 'me', assignment: 'Pz8=' }] }),
    ],
    ['heartbeat', [0, 4], () => ['group', 3, 'me', 'static'], () => ({ groupId: 'group', memberId: 'me' })],
    [
      'leaveGroup',
      [0, 5],
      () => ['group', [{ memberId: 'me', groupInstanceId: 'static', reason: 'why' }]],
      (version) => ({
        groupId: 'group',
        ...(version < 3 ? { memberId: 'me' } : { members: [{ memberId: 'me' }] }),
      }),
    ],
    [
      'offsetCommit',
      [2, 9],
      () => ['group', 3, 'me', 'static', offsets],
      () => ({
        groupId: 'group',
        topics: [{ name: 'orders', partitions: [{ committedOffset: 7, committedMetadata: 'm' }] }, {}],
      }),
    ],
    [
      'offsetFetch',
      [0, 9],
      () => [
        [
          {
            groupId: 'group',
            memberId: 'me',
            memberEpoch: 1,
            topics: [{ name: 'orders', partitionIndexes: [1, 2] }],
          },
        ],
        true,
      ],
      (version) => {
        const group = { groupId: 'group', topics: [{ name: 'orders', partitionIndexes: [1, 2] }] }
        return version < 8 ? group : { groups: [group], requireStable: true }
      },
    ],
    [
      'apiVersions',
      [0, 4],
      () => ['me', '1.2'],
      (version) => (version < 3 ? {} : { clientSoftwareName: 'me', clientSoftwareVersion: '1.2' }),
    ],
    ['createTopics', [0, 7], () => [created, 1000, true], () => ({ topics: created, timeoutMs: 1000 })],
    [
      'deleteTopics',
      [0, 6],
      () => [[{ name: 'orders' }], 1000],
      (version) => ({
        ...(version < 6 ? { topicNames: ['orders'] } : { topics: [{ name: 'orders' }] }),
        timeoutMs: 1000,
      }),
    ],
    [
      'initProducerId',
      [0, 5],
      () => ['tx', 1000, 12n, 4],
      (version) => ({ transactionalID: 'tx', ...(version < 3 ? {} : { producerId: 12, producerEpoch: 4 }) }),
    ],
    ['saslHandshake', [0, 1], () => ['PLAIN'], () => ({ mechanism: 'PLAIN' })],
    ['saslAuthenticate', [0, 2], () => [Buffer.from('\0user\0secret')], () => ({ authBytes: '[REDACTED]' })],
  ]

  for (const [name, [first, last], args, expected] of cases)
    for (let version = first; version <= last; version++)
      test(`${name} v${version}`, () => {
        const { api, createRequest } = named(`${name}V${version}`)
        const content = createRequest(...args(version)).buffer
        const message = read(api.key, version, content)
        assert.partialDeepStrictEqual(message.payload, expected(version))
        assert.deepEqual([message.truncated, message.apiVersion], [false, version])
      })

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    for (let version = 3; version <= 11; version++)
      test(`produce v${version}, ${compression}`, () => {
        const { api, createRequest } = named(`produceV${version}`)
        const messages = [
          {
            topic: 'orders',
            partition: 1,
            key: 'k',
            value: 'grün',
            headers: { trace: 'x' },
            timestamp: 5000n,
          },
          { topic: 'orders', partition: 1, value: Buffer.from([0xff, 0]), timestamp: 5007n },
          { topic: 'orders', partition: 2, key: 'k', value: 'v'.repeat(5000), timestamp: 5000n },
          { topic: 'payments', partition: 0, value: '', timestamp: 5000n },
        ].map((message) => ({ headers: {}, ...message }))
        const buffers = messages.map(({ key, value, headers, ...rest }) => ({
          ...rest,
          key: key === undefined ? undefined : Buffer.from(key),
          value: Buffer.from(value),
          headers: new Map(
            Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)]),
          ),
        }))
        const content = createRequest(1, 1000, buffers, { compression, transactionalId: 'tx' }).buffer
        const { payload, truncated, topics } = read(api.key, version, content)
        const [orders, payments] = (payload as { topicData: Produced[] }).topicData
        assert.deepEqual([truncated, topics], [false, ['orders', 'payments']])
        assert.deepEqual(
          [orders?.topic, orders?.partitions.length, orders?.partitions.more.length],
          ['orders', 2, 1],
        )
        const partition = orders?.partitions.partitionData
        assert.ok(partition)
        const { unknown, records } = partition
        const batch = records.recordBatch
        assert.equal(unknown, batch.batchLength + 12)
        assert.partialDeepStrictEqual(batch, {
          magic: 2,
          compression,
          firstTimestamp: 5000,
          truncated: false,
        })
        assert.deepEqual(
          batch.record.map(({ key, value, valueEncoding, timestamp }) => [
            key,
            value,
            valueEncoding,
            timestamp,
          ]),
          [
            ['k', 'grün', '', 5000],
            [null, '/wA=', 'base64', 5007],
          ],
        )
        assert.deepEqual(batch.record[0]?.headers, [{ headerKey: 'trace', value: 'x', encoding: '' }])
        assert.equal(orders?.partitions.more[0]?.records.recordBatch.record[0]?.value, 'v'.repeat(5000))
        assert.equal(payments?.partitions.partitionData.records.recordBatch.record[0]?.value, '')
      })
})

interface Produced {
  readonly topic: string
  readonly partitions: {
    readonly length: number
    readonly partitionData: Partition
    readonly more: readonly Partition[]
  }
}

interface Partition {
  readonly unknown: number
  readonly records: {
    readonly recordBatch: { readonly batchLength: number; readonly record: readonly Fields[] }
  }
}

describe('replies that @platformatic/kafka reads', () => {
  /** What it passes over: fields that it does not keep, and a reply that it takes for a refusal. */
  const kept: Readonly<Record<string, (value: Fields) => Fields>> = {
    apiVersionsV3: (value) => ({ ...value, errorCode: 0 }),
    createTopicsV5: withoutConfigErrors,
    createTopicsV6: withoutConfigErrors,
    describeConfigsV0: (value) => ({ ...value, results: [] }),
    listOffsetsV0: (value) => ({ ...value, topics: [] }),
  }

  for (const { name, api, parseResponse } of apis) {
    const layout = apiOf(api.key)?.response(api.version)
    if (layout === undefined || parseResponse === undefined) continue
    test(`${name} are written as the table says`, () => {
      for (let seed = 1; seed <= 30; seed++) {
        const fields: Fields = someFields(layout, randomFrom(seed))
        const value = kept[name]?.(fields) ?? fields
        const bytes = new Writer(layout.tagged !== undefined).struct(layout, value).bytes
        const reader = platformatic.Reader.from(bytes)
        const theirs = leaves(answer(() => parseResponse(1, api.key, api.version, reader)))
        for (const leaf of leaves(value)) {
          const at = theirs.indexOf(leaf)
          assert.ok(at >= 0, `${leaf} is not among ${theirs}`)
          theirs.splice(at, 1)
        }
        assert.equal(reader.remaining, 0)

        const isFlexible = apiOf(api.key)?.isFlexible(api.version) === true
        const header = isFlexible && api.key !== 18
        const { messages } = feed(kafka, [
          ['client', requestFrame(api.key, api.version, seed, Buffer.alloc(0), { isFlexible })],
          ['server', responseFrame(seed, bytes, header)],
        ])
        const { payload, truncated } = (messages[1] ?? { message: {} }).message as Fields
        assert.deepEqual(leaves(payload).sort(), leaves(value).sort())
        assert.equal(truncated, false)
      }
    })
  }

  function withoutConfigErrors(value: Fields): Fields {
    return { ...value, topics: (value.topics as Fields[]).map(({ topicConfigErrorCode, ...rest }) => rest) }
  }

  /** A reply with an error in it comes as an exception. */
  function answer(parse: () => unknown): unknown {
    try {
      return parse()
    } catch (error) {
      return (error as { response?: unknown }).response
    }
  }
})

describe('requests that kafkajs writes', () => {
  const protocols = createRequire(import.meta.url)('kafkajs/src/protocol/requests').requests as Kafkajs
  const topics = [
    { topic: 'orders', partitions: [{ partition: 4, fetchOffset: '99', offset: '99', maxBytes: 1000 }] },
  ]
  const messages = ['a', 'b', 'c'].map((value, index) => ({
    key: `k${index}`,
    value,
    timestamp: 5000 + index,
    headers: {},
  }))

  for (const compression of [0, 1])
    for (let version = 0; version <= 7; version++)
      test(`Produce v${version}, ${compression === 0 ? 'plain' : 'gzip'}`, async () => {
        const topicData = [{ topic: 'orders', partitions: [{ partition: 1, messages }] }]
        const { payload } = await written('Produce', version, { acks: 1, timeout: 9, compression, topicData })
        const [topic] = (payload as { topicData: Produced[] }).topicData
        const set = topic?.partitions.partitionData.records as unknown as {
          recordBatch: Fields
          more: unknown[]
        }
        const isCompressed = compression === 1 && version >= 2
        assert.equal(set.recordBatch.magic, version < 2 ? 0 : version === 2 ? 1 : 2)
        assert.equal(set.recordBatch.compression, isCompressed ? 'gzip' : 'none')
        assert.deepEqual(set.more, [])
        assert.deepEqual(
          (set.recordBatch.record as Fields[]).map(({ key, value, timestamp }) => [key, value, timestamp]),
          messages.map(({ key, value, timestamp }) => [key, value, version < 2 ? -1 : timestamp]),
        )
      })

  for (let version = 0; version <= 11; version++)
    test(`Fetch v${version}`, async () => {
      const args = { replicaId: -1, maxWaitTime: 500, minBytes: 1, maxBytes: 2000, topics, rackId: 'r' }
      const { payload } = await written('Fetch', version, args)
      assert.partialDeepStrictEqual(payload, {
        replicaId: -1,
        maxWaitMs: 500,
        topics: [
          { topic: 'orders', partitions: [{ partition: 4, fetchOffset: 99, partitionMaxBytes: 1000 }] },
        ],
      })
    })

  for (let version = 0; version <= 5; version++)
    test(`OffsetCommit v${version}`, async () => {
      const { payload } = await written('OffsetCommit', version, {
        groupId: 'group',
        groupGenerationId: 3,
        memberId: 'me',
        retentionTime: 77,
        topics: [
          { topic: 'orders', partitions: [{ partition: 4, offset: '99', timestamp: 1, metadata: 'm' }] },
        ],
      })
      assert.partialDeepStrictEqual(payload, {
        groupId: 'group',
        topics: [
          {
            name: 'orders',
            partitions: [{ partitionIndex: 4, committedOffset: 99, committedMetadata: 'm' }],
          },
        ],
      })
    })

  async function written(name: string, version: number, args: object): Promise<Fields> {
    const { request } = (protocols[name] as Kafkajs[string]).protocol({ version })(args)
    const { buffer } = await request.encode()
    const message = read(request.apiKey, request.apiVersion, buffer)
    assert.deepEqual([request.apiVersion, message.truncated], [version, false])
    return message
  }
})

interface Kafkajs {
  readonly [name: string]: {
    protocol(options: { version: number }): (args: object) => {
      readonly request: {
        readonly apiKey: number
        readonly apiVersion: number
        encode(): Promise<{ readonly buffer: Uint8Array }>
      }
    }
  }
}

function named(name: string): Platformatic {
  const found = apis.find((api) => api.name.toLowerCase() === name.toLowerCase())
  assert.ok(found, name)
  return found
}

function read(key: number, version: number, content: Uint8Array): Fields {
  const isFlexible = apiOf(key)?.isFlexible(version) === true
  const frame = requestFrame(key, version, 1, content, { isFlexible })
  const { messages, invalid } = feed(kafka, [['client', frame]])
  assert.deepEqual([messages.length, invalid], [1, undefined])
  assert.equal(kafka.probe(frame, 0, frame.length, 'client'), 'match')
  return messages[0]?.message as Fields
}

/** Texts and numbers of a message in any order, as the two sides name and order fields differently. */
function leaves(value: unknown, name = ''): string[] {
  if (value === null || value === undefined || value === NO_UUID || /Err?or.*Name$|errorName/.test(name))
    return []
  if (value instanceof Uint8Array)
    return [`${MASKED.has(name) ? '[REDACTED]' : Buffer.from(value).toString('base64')}`]
  if (typeof value === 'object') return Object.entries(value).flatMap(([key, each]) => leaves(each, key))
  if (typeof value !== 'string') return [String(Number(value))]
  return [UUID.test(value) ? Buffer.from(value.replaceAll('-', ''), 'hex').toString('base64url') : value]
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NO_UUID = '00000000-0000-0000-0000-000000000000'
const MASKED = new Set(['authBytes', 'hmac'])
