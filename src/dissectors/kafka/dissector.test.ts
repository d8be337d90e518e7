import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { JOINED, type Side } from '../../dissect/dissector.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { AT_THE_START, type Fed, feed } from '../../testing/feed.ts'
import { apiOf } from './apis.ts'
import { kafka } from './dissector.ts'
import {
  type Fields,
  framed,
  randomFrom,
  requestFrame,
  responseFrame,
  someFields,
  Writer,
} from './test-messages.ts'

type Chunk = readonly [Side, Uint8Array | string | number | null]

/** A request with these fields. */
function request(
  key: number,
  version: number,
  id: number,
  fields: Fields,
  clientId: string | null = 'client',
): Buffer {
  const layout = apiOf(key)?.request(version)
  assert.ok(layout)
  const isFlexible = layout.tagged !== undefined
  const content = new Writer(isFlexible).struct(layout, fields).bytes
  return requestFrame(key, version, id, content, { clientId, isFlexible })
}

function reply(key: number, version: number, id: number, fields: Fields): Buffer {
  const layout = apiOf(key)?.response(version)
  assert.ok(layout)
  const isFlexible = layout.tagged !== undefined
  return responseFrame(id, new Writer(isFlexible).struct(layout, fields).bytes, isFlexible && key !== 18)
}

const metadata = (id: number, ...names: string[]) =>
  request(3, 1, id, { topics: names.map((name) => ({ name })) })
const heartbeat = (id: number) => request(12, 0, id, { groupId: 'g', generationId: 1, memberId: 'm' })
const beat = (id: number, errorCode = 0) => reply(12, 0, id, { errorCode })
const produce = (id: number, requiredAcks: number, records: Uint8Array | null = null, version = 7) =>
  request(0, version, id, {
    transactionalID: null,
    requiredAcks,
    timeout: 1000,
    topicData: [{ topic: 'orders', partitions: [{ index: 0, records }] }],
  })
const fetched = (id: number, records: Uint8Array | null, errorCode = 0) =>
  reply(1, 4, id, {
    throttleTimeMs: 0,
    responses: [
      {
        topic: 'orders',
        partitionResponses: [
          {
            partition: 0,
            errorCode,
            highWatermark: 9,
            lastStableOffset: 9,
            abortedTransactions: null,
            recordSet: records,
          },
        ],
      },
    ],
  })
const fetch = (id: number) =>
  request(1, 4, id, { replicaId: -1, maxWaitMs: 1, minBytes: 1, maxBytes: 1, isolationLevel: 0, topics: [] })

/** `Metadata v1 #7 orders` for requests and `#7 3` for replies, with what is told beside. */
function told({ messages, invalid }: Fed): string[] {
  const rows = messages.map(({ side, message, id }) => {
    const { apiKeyName, apiVersion, correlationID, subject, errorCode, truncated, incomplete } =
      message as Fields
    const how = `${truncated ? ' truncated' : ''}${incomplete ? ' incomplete' : ''}`
    return side === 'client'
      ? `${apiKeyName} v${apiVersion} #${correlationID} ${subject}${id === correlationID ? '' : ` (${id})`}${how}`
      : `#${correlationID} ${errorCode}${id === correlationID ? '' : ` (${id})`}${how}`
  })
  return invalid === undefined ? rows : [...rows, invalid]
}

const read = (chunks: readonly Chunk[], ...rest: [] | [{ wantsBodies: boolean; maxBody: number }]) =>
  told(feed(kafka, chunks, ...rest))

const message = (chunks: readonly Chunk[], at: number) => feed(kafka, chunks).messages[at]?.message as Fields

describe('a request of Kafka', () => {
  test('says what it is, in which version, and from whom', () => {
    const bytes = request(3, 1, 7, { topics: [{ name: 'orders' }, { name: 'größe' }] }, 'shop')
    const { messages } = feed(kafka, [['client', bytes]], undefined, { clock: { seconds: 1, nanos: 5 } })
    const shown = messages[0]?.message as Fields
    const fields = Object.keys(kafka.request.fields).map((name) => [name, shown[name]])
    assert.deepEqual(Object.fromEntries(fields), {
      size: bytes.length - 4,
      apiKeyName: 'Metadata',
      apiKey: 3,
      apiVersion: 1,
      correlationID: 7,
      clientID: 'shop',
      payload: { topics: [{ name: 'orders' }, { name: 'größe' }] },
      captureTime: '1970-01-01T00:00:01.000000005Z',
      topics: ['orders', 'größe'],
      subject: 'orders, größe',
      truncated: false,
      incomplete: false,
    })
  })

  test('of a kind or a version that is not known has no payload', () => {
    const unknown = requestFrame(10_001, 0, 1, Buffer.from('??'))
    const newer = requestFrame(3, 99, 2, Buffer.from('??'))
    const named = requestFrame(52, 0, 3, Buffer.from('??'))
    const chunks: Chunk[] = [['client', Buffer.concat([unknown, newer, named])]]
    assert.deepEqual(read(chunks), ['Unknown(10001) v0 #1 ', 'Metadata v99 #2 ', 'Vote v0 #3 '])
    assert.deepEqual(
      [0, 1, 2].map((at) => message(chunks, at).payload),
      [null, null, null],
    )
  })

  test('without a name of the client, or without room for one, is read', () => {
    const shutdown = framed(new Writer().int(7, 2).int(0, 2).int(5, 4).int(3, 4).bytes)
    const chunks: Chunk[] = [
      [
        'client',
        Buffer.concat([request(12, 0, 1, { groupId: 'g', generationId: 1, memberId: 'm' }, null), shutdown]),
      ],
    ]
    assert.deepEqual(read(chunks), ['Heartbeat v0 #1 g', 'ControlledShutdown v0 #5 '])
    assert.deepEqual([message(chunks, 0).clientID, message(chunks, 1).payload], ['', { brokerId: 3 }])
  })

  test('from a client with a long name has the beginning of it', () => {
    for (const [name, shown] of [
      ['n'.repeat(512), 'n'.repeat(512)],
      ['n'.repeat(32_767), 'n'.repeat(512)],
      ['ü'.repeat(300), 'ü'.repeat(256)],
      [`x${'ü'.repeat(300)}`, `x${'ü'.repeat(255)}`],
    ] as const) {
      const chunks: Chunk[] = [['client', request(3, 1, 7, { topics: [{ name: 'orders' }] }, name)]]
      assert.equal(message(chunks, 0).clientID, shown)
      assert.equal(message(chunks, 0).subject, 'orders')
    }
  })

  test('that wants no reply has none', () => {
    const all = [0, 3, 7, 9, 12].map((version) => produce(version, 0, null, version))
    assert.deepEqual(read([['client', Buffer.concat([...all, produce(99, 1)])]]), [
      ...[0, 3, 7, 9, 12].map((version) => `Produce v${version} #${version} orders (no-reply)`),
      'Produce v7 #99 orders',
    ])
  })

  test('that wants no reply may get one all the same', () => {
    const chunks: Chunk[] = [
      ['client', Buffer.concat([produce(5, 0), produce(6, 1)])],
      ['server', reply(0, 7, 5, { responses: [], throttleTimeMs: 3 })],
      ['server', reply(0, 7, 6, { responses: [], throttleTimeMs: 0 })],
    ]
    assert.deepEqual(read(chunks).slice(2), ['#5 0 (push)', '#6 0'])
    assert.deepEqual(message(chunks, 2).payload, { responses: [], throttleTimeMs: 3 })
    const { method, methodQuery } = kafka.summarize(null, message(chunks, 2) as never)
    assert.deepEqual([method, methodQuery], ['Produce', 'response.apiKeyName == "Produce"'])
  })

  test('that names topics by their ids shows the names that were told before', () => {
    const [orders, other] = ['Pyd9EWXESTCKbZfMSzSoiw', 'AAAAAAAAAAAAAAAAAAAAAQ']
    const topic = { errorCode: 0, name: 'orders', topicID: orders, isInternal: false, partitions: [] }
    const asked = { replicaId: -1, maxWaitMs: 1, minBytes: 1, maxBytes: 1, isolationLevel: 0, sessionId: 0 }
    const topics = [orders, other].map((topicID) => ({ topicID, partitions: [] }))
    const chunks: Chunk[] = [
      [
        'client',
        request(3, 12, 1, {
          topics: [],
          allowAutoTopicCreation: true,
          includeTopicAuthorizedOperations: false,
        }),
      ],
      [
        'server',
        reply(3, 12, 1, {
          throttleTimeMs: 0,
          brokers: [],
          clusterID: null,
          controllerID: 1,
          // One that is longer than names of topics are is no name of a topic.
          topics: [
            { ...topic, topicAuthorizedOperations: 0 },
            { ...topic, name: 'n'.repeat(250), topicID: other, topicAuthorizedOperations: 0 },
          ],
        }),
      ],
      [
        'client',
        request(1, 13, 2, { ...asked, sessionEpoch: 0, topics, forgottenTopicsData: [], rackId: '' }),
      ],
    ]
    assert.deepEqual(read(chunks)[2], `Fetch v13 #2 orders, ${other}`)
    assert.deepEqual(message(chunks, 2).topics, ['orders', other])
    assert.deepEqual((message(chunks, 2).payload as Fields).topics, [
      { topicID: orders, topicName: 'orders', partitions: [] },
      { topicID: other, partitions: [] },
    ])
  })

  test('keeps secrets to itself', () => {
    const secret = Buffer.from('\0user\0geheim')
    for (let version = 0; version <= 2; version++) {
      const chunks: Chunk[] = [
        ['client', request(36, version, 1, { authBytes: secret })],
        [
          'server',
          reply(36, version, 1, {
            errorCode: 0,
            errorMessage: null,
            authBytes: secret,
            sessionLifetimeMs: 0,
          }),
        ],
      ]
      assert.equal((message(chunks, 0).payload as Fields).authBytes, '[REDACTED]')
      assert.equal((message(chunks, 1).payload as Fields).authBytes, '[REDACTED]')
    }
  })

  test('shows settings, but none that are secrets', () => {
    const configs = [
      { name: 'retention.ms', configOperation: 0, value: '1000' },
      { name: 'listener.name.x.plain.sasl.jaas.config', configOperation: 0, value: 'geheim' },
      { name: 'ssl.key.password', configOperation: 0, value: 'geheim' },
      { name: 'ssl.truststore.password', configOperation: 1, value: null },
    ]
    const resources = [{ resourceType: 4, resourceName: '1', configs }]
    const shown = message([['client', request(44, 1, 1, { resources, validateOnly: false })]], 0)
    assert.partialDeepStrictEqual(shown.payload, {
      resources: [
        { configs: [{ value: '1000' }, { value: '[REDACTED]' }, { value: '[REDACTED]' }, { value: null }] },
      ],
    })
  })
})

describe('a reply of Kafka', () => {
  test('is read by the request that it answers, in any order', () => {
    const chunks: Chunk[] = [
      ['client', Buffer.concat([metadata(1, 'a'), heartbeat(2), fetch(3)])],
      ['server', Buffer.concat([beat(2, 27), fetched(3, null, 1)])],
      ['server', reply(3, 1, 1, { brokers: [], controllerID: 5, topics: [] })],
    ]
    assert.deepEqual(read(chunks).slice(3), ['#2 27', '#3 1', '#1 0'])
    const { messages } = feed(kafka, chunks)
    assert.deepEqual(
      messages
        .slice(3)
        .map(({ message: each }) => [
          (each as Fields).errorName,
          Object.keys((each as { payload: object }).payload),
        ]),
      [
        ['REBALANCE_IN_PROGRESS', ['errorCode', 'errorName']],
        ['OFFSET_OUT_OF_RANGE', ['throttleTimeMs', 'responses']],
        ['NONE', ['brokers', 'controllerID', 'topics']],
      ],
    )
  })

  test('to a request that was not seen has no payload', () => {
    const chunks: Chunk[] = [['server', beat(2, 27)]]
    assert.deepEqual(read(chunks), ['#2 0'])
    assert.equal(message(chunks, 0).payload, null)
  })

  test('that refuses a version of ApiVersions is one of version 0', () => {
    const refusal = new Writer()
      .int(35, 2)
      .array([0], () => {})
      .int(18, 2)
      .int(0, 2)
      .int(2, 2).bytes
    const chunks: Chunk[] = [
      ['client', request(18, 3, 1, { clientSoftwareName: 'c', clientSoftwareVersion: '1' })],
      ['server', responseFrame(1, refusal)],
    ]
    assert.deepEqual(read(chunks)[1], '#1 35')
    assert.deepEqual(message(chunks, 1).payload, {
      errorCode: 35,
      errorName: 'UNSUPPORTED_VERSION',
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }],
    })
  })

  test('may have tagged fields that are not known', () => {
    const tags = [1, 200, 1, 2, 0xaa, 0xbb]
    const chunks: Chunk[] = [
      ['client', request(12, 4, 1, { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null })],
      ['server', responseFrame(1, new Writer().int(0, 4).int(16, 2).raw(tags).bytes, true)],
    ]
    assert.deepEqual(message(chunks, 1).payload, {
      throttleTimeMs: 0,
      errorCode: 16,
      errorName: 'NOT_COORDINATOR',
    })
    assert.equal(message(chunks, 1).truncated, false)
  })
})

describe('logins before SaslAuthenticate', () => {
  const handshake = (version: number) => request(17, version, 1, { mechanism: 'SCRAM-SHA-256' })
  const agreed = reply(17, 0, 1, { errorCode: 0, mechanisms: ['SCRAM-SHA-256'] })

  test('go on with tokens that have no header, which are not shown', () => {
    const chunks: Chunk[] = [
      ['client', handshake(0)],
      ['server', agreed],
      ['client', framed(Buffer.from('n,,n=user,r=abc'))],
      ['server', framed(Buffer.from('r=abcdef,s=xxxx,i=4096'))],
      ['client', framed(Buffer.from('c=biws,r=abcdef,p=geheim'))],
      ['server', framed(Buffer.alloc(0))],
      ['client', metadata(2, 'orders')],
      ['server', reply(3, 1, 2, { brokers: [], controllerID: 5, topics: [] })],
    ]
    assert.deepEqual(read(chunks), [
      'SaslHandshake v0 #1 SCRAM-SHA-256',
      '#1 0',
      'SaslToken v-1 #-1  (token 1)',
      '#-1 0 (token 1)',
      'SaslToken v-1 #-1  (token 2)',
      '#-1 0 (token 2)',
      'Metadata v1 #2 orders',
      '#2 0',
    ])
    assert.doesNotMatch(JSON.stringify(feed(kafka, chunks).messages), /geheim|Z2VoZWlt/)
  })

  test('have none in version 1', () => {
    assert.deepEqual(
      read([
        ['client', handshake(1)],
        ['client', framed(Buffer.from('n,,n=user,r=abc'))],
      ]),
      ['SaslHandshake v1 #1 SCRAM-SHA-256', 'not a request'],
    )
  })
})

describe('long messages of Kafka', () => {
  const records = Buffer.alloc(300_000, 'x')
  const whole = fetched(3, records)
  const pieces = (bytes: Buffer, size: number): Chunk[] =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => [
      'server',
      bytes.subarray(at * size, (at + 1) * size),
    ])

  test('keep their first bytes when nobody wants bodies, and their size', () => {
    for (const size of [1000, 1 << 20])
      for (const [context, how] of [
        [{ wantsBodies: false, maxBody: 1 << 20 }, ' truncated'],
        [{ wantsBodies: true, maxBody: 0 }, ' truncated'],
        [{ wantsBodies: true, maxBody: 1 << 20 }, ''],
      ] as const) {
        const chunks: Chunk[] = [
          ['client', Buffer.concat([fetch(3), heartbeat(4)])],
          ...pieces(Buffer.concat([whole, beat(4)]), size),
        ]
        assert.deepEqual(read(chunks, context).slice(2), [`#3 0${how}`, '#4 0'])
        const reply = feed(kafka, chunks, context).messages[2]?.message as Fields
        assert.equal(reply.size, whole.length - 4)
        assert.partialDeepStrictEqual(reply.payload, {
          responses: [{ topic: 'orders', partitionResponses: [{ highWatermark: 9 }] }],
        })
      }
  })

  test('leave out records, and keep what is said of all partitions', () => {
    for (const version of [4, 12]) {
      const partitions = Array.from({ length: 30 }, (_, partition) => ({
        partition,
        errorCode: partition === 29 ? 6 : 0,
        highWatermark: 100 + partition,
        lastStableOffset: 9,
        logStartOffset: 0,
        abortedTransactions: null,
        preferredReadReplica: -1,
        recordSet: partition % 3 === 0 ? Buffer.alloc(40_000, partition) : null,
      }))
      const responses = [{ topic: 'orders', partitionResponses: partitions }]
      const bytes = reply(1, version, 3, { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses })
      const asked = request(1, version, 3, {
        ...{
          replicaId: -1,
          maxWaitMs: 1,
          minBytes: 1,
          maxBytes: 1,
          isolationLevel: 0,
          sessionId: 0,
          sessionEpoch: 0,
        },
        ...{ topics: [], forgottenTopicsData: [], rackId: '' },
      })
      for (const size of [700, 1448, 1 << 20]) {
        const chunks: Chunk[] = [['client', asked], ...pieces(Buffer.concat([bytes, beat(4)]), size)]
        const fed = feed(kafka, chunks, { wantsBodies: false, maxBody: 0 })
        assert.deepEqual(told(fed).slice(1), ['#3 6 truncated', '#4 0'])
        const shown = fed.messages[1]?.message as unknown as {
          payload: { responses: [Fields] }
          size: number
        }
        assert.equal(shown.size, bytes.length - 4)
        assert.deepEqual(
          (shown.payload.responses[0].partitionResponses as Fields[]).map(
            ({ highWatermark }) => highWatermark,
          ),
          partitions.map(({ highWatermark }) => highWatermark),
        )
      }
    }
  })

  test('with many partitions take time in proportion to their length', () => {
    for (const [count, size] of [
      [260_000, 0],
      [10_000, 300],
    ] as const) {
      const partition = new Writer().int(0, 4).blob(Buffer.alloc(size)).bytes
      const content = new Writer()
        .string(null)
        .int(1, 2)
        .int(1000, 4)
        .int(1, 4)
        .string('orders')
        .int(count, 4)
      const bytes = requestFrame(
        0,
        7,
        1,
        content.raw(Buffer.alloc(count * partition.length, partition)).bytes,
      )
      const { client } = kafka.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
      const started = process.cpuUsage()
      let step = client.next(bytes, 0, bytes.length)
      for (let at = 0; step.kind === 'partial' || step.kind === 'skip'; ) {
        at += step.length
        step = client.next(bytes, at, bytes.length)
      }
      const elapsed = cpuMsSince(started)
      const told = step.kind === 'message' ? (step.message as Fields) : {}
      assert.deepEqual([told.subject, told.size], ['orders', bytes.length - 4])
      // A fraction of a second; what is quadratic takes half a minute.
      assert.ok(elapsed < 10_000, `${elapsed} ms`)
    }
  })

  test('hold no more than they keep', () => {
    const { server } = kafka.open({ wantsBodies: false, maxBody: 1 << 20 }, AT_THE_START)
    const head = new Writer().int(900 << 20, 4).int(1, 4).bytes
    server.next(head, 0, head.length)
    assert.ok((server.held ?? 0) <= head.length)
    const step = server.next(records, 0, records.length)
    assert.deepEqual([step.kind, (server.held ?? 0) <= 64 << 10], ['partial', true])
    assert.deepEqual(server.next(records, 0, records.length), {
      kind: 'skip',
      length: (900 << 20) + 4 - (64 << 10),
    })
  })

  test('wait for replies with their beginning alone when there are many', () => {
    const { client } = kafka.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const bytes = produce(0, 1, Buffer.alloc(500_000, 'x'))
    const kept = Array.from({ length: 40 }, (_, id) => {
      bytes.writeInt32BE(id, 8)
      const step = client.next(bytes, 0, bytes.length)
      return step.kind === 'message' ? (step.message as Fields) : undefined
    })
    const cut = kept.map((each) => each?.truncated)
    assert.deepEqual([cut.indexOf(false), cut.lastIndexOf(true)], [24, 23])
    assert.deepEqual(
      new Set(kept.map((each) => `${each?.subject} ${each?.size}`)),
      new Set(['orders 500048']),
    )
  })

  test('may have holes, after which they go on', () => {
    for (const hole of [1000, 200_000]) {
      const before = whole.subarray(0, 50_000)
      const after = Buffer.concat([whole.subarray(50_000 + hole), beat(4)])
      const chunks: Chunk[] = [
        ['client', Buffer.concat([fetch(3), heartbeat(4)])],
        ['server', before],
        ['server', hole],
        ['server', after],
      ]
      assert.deepEqual(read(chunks).slice(2), ['#3 0 truncated incomplete', '#4 0'])
    }
  })

  test('are shown as far as they go when they are cut off', () => {
    assert.deepEqual(
      read([
        ['client', fetch(3)],
        ['server', whole.subarray(0, 5000)],
        ['server', null],
      ]).slice(1),
      ['#3 0 truncated incomplete'],
    )
  })
})

describe('after bytes were lost', () => {
  test('a reply is one when somebody may have asked for it', () => {
    const { client, server } = kafka.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const asked = heartbeat(100)
    client.next(asked, 0, asked.length)
    const step = (bytes: Uint8Array) => {
      server.rejoin?.()
      return server.next(bytes, 0, bytes.length).kind
    }
    assert.equal(step(beat(100)), 'message')
    assert.equal(step(beat(120)), 'message')
    assert.equal(step(beat(100_000)), 'invalid')
    assert.equal(step(beat(-5)), 'invalid')
  })

  test('what was asked before is known still', () => {
    const { client, server } = kafka.open({ wantsBodies: true, maxBody: 1 << 20 }, JOINED)
    const asked = heartbeat(7)
    client.next(asked, 0, asked.length)
    client.rejoin?.()
    server.rejoin?.()
    const answer = beat(7, 22)
    const step = server.next(answer, 0, answer.length)
    assert.equal(step.kind === 'message' && (step.message as Fields).errorName, 'ILLEGAL_GENERATION')
  })
})

describe('whatever comes', () => {
  const conversation = (): Chunk[] => {
    const random = randomFrom(5)
    const client: Buffer[] = []
    const server: Buffer[] = []
    for (const [key, version] of [
      [18, 3],
      [3, 9],
      [3, 1],
      [0, 7],
      [1, 11],
      [1, 13],
      [11, 6],
      [14, 5],
      [8, 8],
      [9, 8],
      [19, 5],
      [22, 3],
    ] as const) {
      const id = client.length + 1
      client.push(request(key, version, id, someFields(apiOf(key)?.request(version) as never, random)))
      server.push(reply(key, version, id, someFields(apiOf(key)?.response(version) as never, random)))
    }
    return [
      ['client', Buffer.concat(client)],
      ['server', Buffer.concat(server)],
    ]
  }
  const everything = ({ messages }: Fed) =>
    messages.map(({ side, message, id }) => {
      const shape = side === 'client' ? kafka.request : kafka.response
      return [side, id, ...Object.keys(shape.fields).map((name) => JSON.stringify((message as Fields)[name]))]
    })

  test('messages are the same however their bytes are cut', () => {
    const whole = conversation()
    const expected = everything(feed(kafka, whole))
    assert.equal(expected.length, 24)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const chunks = whole.flatMap(([side, bytes]): Chunk[] => {
          const parts: Chunk[] = []
          for (let at = 0, n = 0; at < (bytes as Buffer).length; n++) {
            const end = at + (sizes[n % sizes.length] as number)
            parts.push([side, (bytes as Buffer).subarray(at, end)])
            at = end
          }
          return parts
        })
        assert.deepEqual(everything(feed(kafka, chunks)), expected)
      }),
      { numRuns: 30 },
    )
  })

  test('bytes that were changed throw nothing', () => {
    const [[, client], [, server]] = conversation() as [[Side, Buffer], [Side, Buffer]]
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 12 }),
        fc.boolean(),
        fc.nat(2000),
        (changes, isClient, lost) => {
          const bytes = Buffer.from(isClient ? client : server)
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          const chunks: Chunk[] = isClient
            ? [
                ['client', bytes],
                ['server', server],
              ]
            : [
                ['client', client],
                ['server', bytes.subarray(0, 50)],
                ['server', lost],
                ['server', bytes.subarray(50 + lost)],
                ['server', null],
              ]
          everything(feed(kafka, chunks))
          for (const from of ['client', 'server'] as const) {
            kafka.probe(bytes, 0, bytes.length, from)
            kafka.resumes?.(bytes, 0, bytes.length, from)
          }
        },
      ),
    )
  })

  test('random bytes throw nothing, and are not Kafka', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), (bytes) => {
        assert.notEqual(kafka.probe(bytes, 0, bytes.length, 'client'), 'match')
        assert.notEqual(kafka.probe(bytes, 0, bytes.length, 'server'), 'match')
        everything(
          feed(kafka, [
            ['client', bytes],
            ['server', bytes],
          ]),
        )
      }),
    )
  })

  test('counts that lie take neither time nor memory', () => {
    const many = new Writer().int(0x7fffffff, 4).int(0, 4).bytes
    const chunks: Chunk[] = [
      ['client', requestFrame(3, 1, 1, many)],
      ['client', requestFrame(15, 5, 2, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))],
    ]
    assert.deepEqual(read(chunks), ['Metadata v1 #1  truncated', 'DescribeGroups v5 #2  truncated'])
  })

  test('queries of a row select it', () => {
    const summary = kafka.summarize(message([['client', metadata(1, 'orders')]], 0) as never, null)
    assert.deepEqual(summary, {
      method: 'Metadata',
      methodQuery: 'request.apiKeyName == "Metadata"',
      summary: 'orders',
      summaryQuery: 'request.subject == "orders"',
      status: 0,
      statusQuery: '',
    })
  })
})
