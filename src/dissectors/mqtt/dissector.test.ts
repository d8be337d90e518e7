import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { Entry, type EntryOrigin, type Exchange } from '../../entry/entry.ts'
import { compileFilter } from '../../filter/index.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { type Chunk, follow } from '../../testing/follow.ts'
import { mixtures } from '../../testing/pieces.ts'
import { mqtt } from './dissector.ts'
import { type Message, requestShape, responseShape } from './messages.ts'
import { probe } from './probe.ts'
import {
  bytesOf,
  c,
  connack,
  connack5,
  connect,
  disconnect,
  long,
  NO_PROPERTIES,
  packet,
  pingreq,
  pingresp,
  properties,
  puback,
  pubcomp,
  publish,
  publish5,
  pubrec,
  pubrel,
  s,
  short,
  suback,
  subscribe,
  text,
  unsuback,
  unsubscribe,
} from './test-packets.ts'

const LOGIN: readonly Chunk[] = [c(connect()), s(connack())]
const LOGIN5: readonly Chunk[] = [c(connect(5)), s(connack5())]

describe('packets', () => {
  test('are paired with those that answer them, whoever asks', () => {
    assert.deepEqual(
      told([
        ...LOGIN,
        c(subscribe('a/#', 1), publish('a/b', 'x', 1, 2), publish('a/c', 'x', 2, 3)),
        s(suback(1, 1), pubrec(3), puback(2), publish('a/b', 'x', 1, 1), publish('a/c', 'x', 2, 2)),
        c(pubrel(3), pubrec(2), puback(1)),
        s(pubcomp(3), pubrel(2)),
        c(pubcomp(2), unsubscribe('a/#', 4), pingreq, pingreq, publish('a/b', 'y')),
        s(unsuback(4), pingresp, pingresp, publish('a/b', 'y')),
        c(disconnect),
      ]),
      [
        'CONNECT → CONNACK',
        'SUBSCRIBE a/# → SUBACK',
        'PUBLISH a/c → PUBREC',
        'PUBLISH a/b → PUBACK',
        'PUBLISH a/c → PUBREC',
        'PUBLISH a/b → PUBACK',
        'PUBREL → PUBCOMP',
        'PUBREL → PUBCOMP',
        'PUBLISH a/b',
        'UNSUBSCRIBE a/# → UNSUBACK',
        'PINGREQ → PINGRESP',
        'PINGREQ → PINGRESP',
        'PUBLISH a/b',
        'DISCONNECT',
      ],
    )
  })

  test('without an answer, and answers without a question, say so', () => {
    assert.deepEqual(
      follow([mqtt], [...LOGIN, c(publish('a', 'x', 1, 7)), s(puback(8), pingresp)]).exchanges.map(
        ({ error }) => error?.msg,
      ),
      [undefined, 'reply without a request', 'reply without a request', 'closed without a reply'],
    )
  })

  test('CONNECT says who it is, and keeps the password to itself', () => {
    for (const version of [3, 4, 5]) {
      const sent = packet(
        1,
        0,
        text(version === 3 ? 'MQIsdp' : 'MQTT'),
        version,
        0b1110_1110,
        short(30),
        version === 5
          ? properties(
              0x11,
              long(120),
              0x21,
              short(20),
              0x26,
              text('k'),
              text('v'),
              0x26,
              text('k'),
              text('w'),
            )
          : '',
        text('dev-1'),
        version === 5 ? properties(0x18, long(5), 0x03, text('text/plain')) : '',
        text('gone'),
        text('bye'),
        text('ann'),
        text('secret'),
      )
      const exchange = last([c(sent)])
      const { protocolName, protocolVersion, keepAlive, cleanStart, clientId, username, password, will } =
        requestOf(exchange)
      assert.deepEqual(
        { protocolName, protocolVersion, keepAlive, cleanStart, clientId, username, password },
        {
          protocolName: version === 3 ? 'MQIsdp' : 'MQTT',
          protocolVersion: version,
          keepAlive: 30,
          cleanStart: true,
          clientId: 'dev-1',
          username: 'ann',
          password: '[REDACTED]',
        },
      )
      assert.equal(
        JSON.stringify(will),
        `{"topic":"gone","payload":"bye","payloadEncoding":"","payloadLength":3,"qos":1,"retain":true,"properties":${
          version === 5 ? '{"willDelayInterval":5,"contentType":"text/plain"}' : '{}'
        }}`,
      )
      assert.equal(
        JSON.stringify(requestOf(exchange).properties),
        version === 5
          ? '{"sessionExpiryInterval":120,"receiveMaximum":20,"userProperties":{"k":["v","w"]}}'
          : '{}',
      )
      assert.equal(new Entry(exchange, ORIGIN).protocol.version, { 3: '3.1', 4: '3.1.1', 5: '5' }[version])
      assert.doesNotMatch(JSON.stringify(fieldsOf(requestShape, exchange.request)), /secret/)
    }
    const plain = requestOf(last([c(connect(4, ''))]))
    assert.deepEqual([plain.clientId, plain.username, plain.password, plain.will], ['', '', '', null])
  })

  test('PUBLISH has its payload as text, or base64 where it is none', () => {
    const said = (payload: string | Uint8Array) => {
      const {
        payload: kept,
        payloadEncoding,
        payloadLength,
      } = requestOf(last([...LOGIN, c(publish('a', payload))]))
      return [kept, payloadEncoding, payloadLength]
    }
    assert.deepEqual(said('{"a":1}'), ['{"a":1}', '', 7])
    assert.deepEqual(said(Buffer.from('grün')), ['grün', '', 5])
    assert.deepEqual(said(Buffer.of(0xff, 0)), ['/wA=', 'base64', 2])
    assert.deepEqual(said(''), ['', '', 0])
    const flagged = requestOf(last([...LOGIN, c(packet(3, 0b1011, text('a'), short(9), 'x'))]))
    assert.deepEqual([flagged.qos, flagged.retain, flagged.dup, flagged.packetId], [1, true, true, 9])
  })

  test('of version 5 have properties', () => {
    const all = properties(
      bytesOf(1, 1, 2, long(60), 3, text('text/plain'), 8, text('re/ply'), 9, short(2), Buffer.of(0, 0xff)),
      bytesOf(11, 5, 11, Buffer.of(0x80, 0x01), 0x26, text('__proto__'), text('x')),
    )
    const sent = requestOf(last([...LOGIN5, c(publish5('a', 'hello', all, 1, 2))]))
    assert.deepEqual([sent.topic, sent.packetId, sent.payload, sent.payloadLength], ['a', 2, 'hello', 5])
    assert.equal(
      JSON.stringify(sent.properties),
      '{"payloadFormatIndicator":1,"messageExpiryInterval":60,"contentType":"text/plain","responseTopic":"re/ply",' +
        '"correlationData":"AP8=","subscriptionIdentifier":[5,128],"userProperties":{"__proto__":"x"}}',
    )
    const subscribed = requestOf(
      last([...LOGIN5, c(packet(8, 2, short(3), properties(11, 7), text('a/+'), 0b0010_1110, text('b'), 0))]),
    )
    assert.deepEqual(subscribed.topics, [
      { filter: 'a/+', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      { filter: 'b', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ])
    assert.equal(JSON.stringify(subscribed.properties), '{"subscriptionIdentifier":7}')
    const challenge = requestOf(
      last([...LOGIN5, s(packet(15, 0, 24, properties(21, text('SCRAM'), 22, text('secret'))))]),
    )
    assert.deepEqual(
      [challenge.type, challenge.from, challenge.reasonCode, challenge.reason],
      ['AUTH', 'server', 24, 'Continue authentication'],
    )
    assert.equal(
      JSON.stringify(challenge.properties),
      '{"authenticationMethod":"SCRAM","authenticationData":"[REDACTED]"}',
    )
  })

  test('of version 5 may have aliases for topics, each side its own', () => {
    const aliased = (topic: string, alias: number) => publish5(topic, 'x', properties(0x23, short(alias)))
    const topics = (...script: readonly Chunk[]) =>
      follow([mqtt], [...LOGIN5, ...script])
        .exchanges.slice(1)
        .map((each) => requestOf(each).topic)
    assert.deepEqual(
      topics(
        c(aliased('from/client', 1), aliased('', 1), aliased('other', 1), aliased('', 1), aliased('', 2)),
        s(aliased('', 1), aliased('from/server', 1), aliased('', 1)),
      ),
      ['from/client', 'from/client', 'other', 'other', '', '', 'from/server', 'from/server'],
    )
    assert.deepEqual(topics(c(aliased('a', 1)), ['client', 10], c(aliased('', 1), publish5('b', 'x'))), [
      'a',
      '',
      'b',
    ])
  })

  test('say in words what a code means', () => {
    const reasonOf = (answer: Uint8Array, question: Uint8Array, login = LOGIN5) => {
      const { reasonCode, returnCode, reason } = responseOf(last([...login, c(question), s(answer)]))
      assert.equal(returnCode, reasonCode)
      return [reasonCode, reason]
    }
    assert.deepEqual(reasonOf(connack(5), connect(), []), [5, 'Not authorized'])
    assert.deepEqual(reasonOf(connack(0), connect(), []), [0, 'Connection accepted'])
    assert.deepEqual(reasonOf(connack(1), connect(5), []), [1, 'Unacceptable protocol version'])
    assert.deepEqual(reasonOf(connack5(0x87), connect(5), []), [135, 'Not authorized'])
    const published = publish5('a', 'x', NO_PROPERTIES, 1, 1)
    assert.deepEqual(reasonOf(puback(), published), [0, 'Success'])
    assert.deepEqual(reasonOf(packet(4, 0, short(1), 16), published), [16, 'No matching subscribers'])
    assert.deepEqual(reasonOf(packet(4, 0, short(1), 0x97, properties(31, text('full'))), published), [
      151,
      'Quota exceeded',
    ])
    assert.deepEqual(reasonOf(puback(), publish('a', 'x', 1), LOGIN), [0, ''])
    assert.deepEqual(reasonOf(suback(1, 2), subscribe('a'), LOGIN), [2, 'Granted QoS 2'])
    assert.deepEqual(reasonOf(suback(1, 2, 128, 1), subscribe('a'), LOGIN), [128, 'Failure'])
    assert.deepEqual(reasonOf(suback(1, 0, 135), packet(8, 2, short(1), 0, text('a'), 0)), [
      135,
      'Not authorized',
    ])
    const ended = requestOf(last([...LOGIN5, s(packet(14, 0, 0x8e, NO_PROPERTIES))]))
    assert.deepEqual([ended.type, ended.from, ended.reason], ['DISCONNECT', 'server', 'Session taken over'])
  })
})

describe('a large payload', () => {
  test('is kept as far as it is wanted; its size stays true', () => {
    for (const [context, kept] of [
      [{ wantsBodies: true, maxBody: 5000 }, 5000],
      [{ wantsBodies: false, maxBody: 5000 }, 0],
    ] as const)
      for (const step of [1 << 20, 1000, 7]) {
        const sent = bytesOf(publish('topic', 'ü'.repeat(2500).concat('x'.repeat(15_000)), 1, 2), pingreq)
        const { exchanges } = follow(
          [mqtt],
          [...LOGIN, ...cut('client', sent, step), s(puback(2), pingresp)],
          { context },
        )
        const [published, pinged] = exchanges.slice(1)
        assert.deepEqual([requestOf(published).topic, requestOf(published).packetId], ['topic', 2])
        assert.equal(Buffer.byteLength(requestOf(published).payload, 'latin1') >= kept / 2, true)
        assert.equal(requestOf(published).payloadLength, sent.length - 2 - 4 - 7 - 2)
        assert.equal(published?.requestSize, sent.length - 2)
        assert.equal(responseOf(pinged).type, 'PINGRESP')
      }
  })

  test('that nobody acknowledges is kept as long as there are not too many', () => {
    const sent = (ids: readonly number[]) => ids.map((id) => c(publish('a', 'x'.repeat(1 << 20), 1, id)))
    const kept = (...script: readonly Chunk[]) =>
      follow([mqtt], [...LOGIN, ...script], { context: { wantsBodies: true, maxBody: 4 << 20 } })
        .exchanges.slice(1)
        .map(({ request }) => (request as Message).payload.length)
    const unanswered = kept(...sent(Array.from({ length: 20 }, (_, at) => at + 1)))
    assert.equal(unanswered.length, 20)
    assert.ok(unanswered.reduce((total, each) => total + each, 0) < 17 << 20)
    const answered = kept(...sent([1, 2, 3]).flatMap((each, at) => [each, s(puback(at + 1))]))
    assert.deepEqual(answered, [1 << 20, 1 << 20, 1 << 20])
  })

  test('and long lists of topics are cut when too much waits for answers', () => {
    const filters = Buffer.alloc(1 << 20, bytesOf(text('a/b'), 0))
    const sent = Array.from({ length: 40 }, (_, at) => c(packet(8, 2, short(at + 1), filters)))
    const counts = follow([mqtt], [...LOGIN, ...sent])
      .exchanges.slice(1)
      .map(({ request }) => (request as Message).topics.length)
    const each = Math.floor(((1 << 20) - 2) / 6)
    assert.deepEqual([counts.length, counts[0], counts[14], counts.at(-1)], [40, each, each, 170])
    assert.ok(counts.reduce((total, count) => total + count, 0) < 17 * each)
  })

  test('that is cut within a character is text all the same', () => {
    const { payload, payloadEncoding } = requestOf(
      follow([mqtt], [...LOGIN, c(publish('a', Buffer.from('aüüü')))], {
        context: { wantsBodies: true, maxBody: 4 },
      }).exchanges[1],
    )
    assert.deepEqual([payload, payloadEncoding], ['aü', ''])
  })

  test('with a hole, or without its end, is incomplete', () => {
    for (const wantsBodies of [true, false]) {
      const sent = publish('a', 'x'.repeat(200))
      const { exchanges } = follow(
        [mqtt],
        [...LOGIN, c(sent.subarray(0, 50)), ['client', 20], c(bytesOf(sent.subarray(70), publish('b', 'y')))],
        { context: { wantsBodies, maxBody: 1000 } },
      )
      assert.deepEqual(
        exchanges
          .slice(1)
          .map((each) => [
            requestOf(each).topic,
            requestOf(each).incomplete,
            requestOf(each).payloadLength,
            each.requestSize,
          ]),
        [
          ['a', true, 200, sent.length],
          ['b', false, 1, 6],
        ],
      )
    }
    const cutOff = requestOf(last([...LOGIN, c(publish('a', 'x'.repeat(100)).subarray(0, 50))]))
    assert.deepEqual([cutOff.topic, cutOff.incomplete, cutOff.payloadLength], ['a', true, 100])
  })
})

describe('a connection', () => {
  test('is recognised by its first packet', () => {
    for (const version of [3, 4, 5]) assert.equal(verdict(connect(version)), 'match')
    assert.equal(verdict(packet(1, 0, text('MQTT'), 0x84, 2, short(60), text('bridge'))), 'match')
    for (let length = 1; length < 9; length++) assert.equal(verdict(connect().subarray(0, length)), 'unsure')
    assert.equal(verdict(packet(1, 0, text('MQTX'), 4, 2, short(60), text('a'))), 'reject')
    assert.equal(verdict(packet(1, 0, text('MQTT'), 6, 2, short(60), text('a'))), 'reject')
    assert.equal(verdict(connect(), 'server'), 'reject')
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      'POST / HTTP/1.1\r\n\r\n'.repeat(10),
      'SSH-2.0-x\r\n',
      '\x16\x03\x01\x00\x05',
      '\x03\0\0\x13\x0e\xe0',
      '0\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0',
      '\x30\x84\0\0\0\x10\x02\x01\x02',
      '\0\0\0\x08\x04\xd2\x16\x2f',
      '1\0\0\0\x04',
      '20 OK\r\n',
    ])
      assert.notEqual(verdict(Buffer.from(bytes, 'latin1')), 'match', JSON.stringify(bytes))
  })

  test('is read from the middle on, on any port', () => {
    for (const [script, expected] of [
      [[c(publish('a/b', 'x')), s(pingresp)], 2],
      [[s(publish('a/b', 'x')), c(pingreq), s(pingresp)], 2],
      [[s(puback(1), puback(2)), c(pingreq), c(subscribe('x'))], 4],
      [[s(suback(2, 1), publish('a', 'b'))], 2],
      [[c(subscribe('x'))], 1],
      [[c(pingreq), s(pingresp), c(pingreq), s(pingresp), c(pingreq), s(pingresp)], 3],
    ] as const) {
      const { exchanges, isRightWayRound } = follow([mqtt], script, { isMidway: true })
      assert.equal(isRightWayRound, true)
      assert.equal(exchanges.length, expected)
    }
  })

  test('whose version nobody has seen shows what all versions say', () => {
    const midway = (...packets: readonly Uint8Array[]) =>
      follow([mqtt], [c(...packets)], { isMidway: true }).exchanges
    const payloadOf = (...packets: readonly Uint8Array[]) => {
      const publications = midway(...packets).filter(({ request }) => (request as Message).type === 'PUBLISH')
      const message = requestOf(publications[0])
      return [message.topic, message.payload, message.payloadLength, message.protocolVersion]
    }
    // Text is no length of properties; nothing, or a zero, may be one.
    assert.deepEqual(payloadOf(publish('a/b', '{"a":1}')), ['a/b', '{"a":1}', 7, 0])
    assert.deepEqual(payloadOf(publish('a/b', 'long '.repeat(60))), ['a/b', 'long '.repeat(60), 300, 0])
    assert.deepEqual(payloadOf(publish5('a/b', 'hello')), ['a/b', '', -1, 0])
    assert.deepEqual(payloadOf(publish('a/b', Buffer.of(0, 0, 1))), ['a/b', '', -1, 0])
    assert.deepEqual(payloadOf(publish5('a/b', 'hello', properties(0x23, short(1)))), ['a/b', '', -1, 0])
    // Properties tell, and whoever subscribes.
    assert.deepEqual(payloadOf(publish5('a/b', 'hello', properties(2, long(60)))), ['a/b', 'hello', 5, 5])
    assert.deepEqual(payloadOf(subscribe('x'), publish('a/b', Buffer.of(0, 65))), ['a/b', '\0A', 2, 0])
    assert.deepEqual(payloadOf(packet(8, 2, short(1), 0, text('x'), 1), publish5('a/b', 'A')), [
      'a/b',
      'A',
      1,
      5,
    ])
    const protocolOf = (...packets: readonly Uint8Array[]) =>
      new Entry(midway(...packets).at(-1) as Exchange, ORIGIN).protocol
    assert.equal(protocolOf(publish('a/b', 'x')).version, '')
    assert.equal(protocolOf(packet(8, 2, short(1), 0, text('x'), 1)).version, '5')
    const ambiguous = follow([mqtt], [s(publish('a/b', Buffer.of(0)), packet(9, 0, short(1), 0, 1))], {
      isMidway: true,
    })
    assert.deepEqual(responseOf(ambiguous.exchanges.at(-1)).reasonCodes, [])
  })

  test('goes on after what was lost', () => {
    const { exchanges } = follow(
      [mqtt],
      [
        ...LOGIN5,
        c(publish5('a', 'x'.repeat(100)).subarray(0, 40)),
        ['client', 1000],
        c(Buffer.from('the end of something')),
        c(pingreq),
        c(publish5('b', 'y')),
        s(pingresp),
      ],
    )
    assert.deepEqual(
      exchanges
        .slice(1)
        .map(({ request, response }) => [
          (request as Message).type,
          (request as Message).incomplete,
          (request as Message).payload.slice(0, 1),
          (response as Message | null)?.type,
        ]),
      [
        ['PUBLISH', true, 'x', undefined],
        ['PUBLISH', false, 'y', undefined],
        ['PINGREQ', false, '', 'PINGRESP'],
      ],
    )
  })
})

describe('rows and filters', () => {
  const rows: readonly (readonly [readonly Chunk[], string, string, number])[] = [
    [[c(connect(4, 'dev'))], 'CONNECT', 'dev', 0],
    [[c(connect(4, 'dev')), s(connack(5))], 'CONNECT', 'dev', 5],
    [[...LOGIN, c(publish('a/b', 'x'))], 'PUBLISH', 'a/b', 0],
    [[...LOGIN, c(publish('long'.repeat(100), 'x'))], 'PUBLISH', 'long'.repeat(64), 0],
    [[...LOGIN, c(subscribe('a/b')), s(suback(1, 2))], 'SUBSCRIBE', 'a/b', 0],
    [[...LOGIN, c(subscribe('a/b')), s(suback(1, 128))], 'SUBSCRIBE', 'a/b', 128],
    [[...LOGIN, s(suback(1, 128))], 'SUBACK', 'Failure', 128],
    [[...LOGIN5, s(packet(14, 0, 0x8e))], 'DISCONNECT', 'Session taken over', 142],
    [[...LOGIN, c(pingreq), s(pingresp)], 'PINGREQ', '', 0],
  ]
  for (const [script, name, summary, status] of rows)
    test(`${name} ${summary.slice(0, 20)} ${status}`, () => {
      const exchange = last(script)
      const row = summaryOf(exchange)
      assert.deepEqual([row.method, row.summary, row.status], [name, summary, status])
      for (const query of [row.methodQuery, row.summaryQuery, row.statusQuery])
        if (query !== '') assert.ok(matches(query, exchange), query)
    })

  test('know the variables of MQTT', () => {
    const exchange = last([...LOGIN, c(publish('a/b', '{"t":21}', 1)), s(puback())])
    for (const query of [
      'mqtt',
      'mqtt and request.topic == "a/b" and request.payload.json().t == 21',
      'mqtt && mqtt_type == "PUBLISH" && mqtt_topic.startsWith("a/") && mqtt_qos == 1 && mqtt_client_id == ""',
      'mqtt_summary == "a/b" && mqtt_request_size > 10 && mqtt_response_size == 4 && mqtt_reason_code == 0',
    ])
      assert.ok(matches(query, exchange), query)
    assert.ok(!matches('amqp || mqtt_type == "SUBSCRIBE"', exchange))
  })
})

describe('whatever the bytes', () => {
  const client = bytesOf(
    connect(5, 'me', properties(0x11, long(1))),
    packet(8, 2, short(1), NO_PROPERTIES, text('a/#'), 1),
    publish5('a/b', 'x'.repeat(300), properties(0x23, short(1)), 1, 2),
    publish5('', 'y', properties(0x23, short(1))),
    pingreq,
    packet(4, 0, short(3), 16),
    packet(14, 0, 4),
  )
  const server = bytesOf(
    connack5(),
    packet(9, 0, short(1), 0, 1),
    puback(2),
    publish5('c', 'z'.repeat(200), NO_PROPERTIES, 1, 3),
    pingresp,
  )
  const contexts = [
    { wantsBodies: true, maxBody: 1 << 20 },
    { wantsBodies: true, maxBody: 90 },
    { wantsBodies: false, maxBody: 1 << 20 },
  ]

  test('messages are the same however they are cut', () => {
    for (const context of contexts)
      for (const [wire, side, isMidway] of [
        [client, 'client', false],
        [server, 'server', false],
        [client.subarray(connect(5, 'me', properties(0x11, long(1))).length), 'client', true],
        [publish('a/b', 'x'.repeat(300)), 'client', true],
        [publish5('a/b', 'x'.repeat(300)), 'client', true],
      ] as const) {
        const whole = everything([[side, wire]], context, isMidway)
        const cuts = isMidway ? [150, 200] : Array.from({ length: wire.length - 1 }, (_, at) => at + 1)
        for (const at of cuts)
          assert.deepEqual(
            everything(
              [
                [side, wire.subarray(0, at)],
                [side, wire.subarray(at)],
              ],
              context,
              isMidway,
            ),
            whole,
            `${at}`,
          )
        for (const step of isMidway ? [120] : [1, 3, 8])
          assert.deepEqual(everything(cut(side, wire, step), context, isMidway), whole, `${step} bytes each`)
      }
  })

  test('mixtures of cuts, damage and holes are read without an exception', () => {
    fc.assert(
      fc.property(
        mixtures(client, server),
        fc.boolean(),
        fc.constantFrom(...contexts),
        (chunks, isMidway, context) => {
          everything(chunks, context, isMidway)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('noise and text are not taken for it', () => {
    const noise = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.string({ minLength: 1, maxLength: 300 }).map((each) => Buffer.from(each)),
    )
    fc.assert(
      fc.property(noise, fc.constantFrom<Side[]>('client', 'server'), (bytes, side) => {
        assert.notEqual(verdict(bytes, side), 'match')
      }),
      { numRuns: 5000, seed: 7 },
    )
  })

  test('long lengths cost nothing, many topics little', () => {
    const started = process.cpuUsage()
    const endless = bytesOf(0x30, Buffer.of(0xff, 0xff, 0xff, 0x7f), text('a'), Buffer.alloc(1000))
    const published = requestOf(last([...LOGIN, c(endless)]))
    assert.deepEqual([published.payloadLength, published.incomplete], [0x0fff_ffff - 3, true])
    const many = packet(8, 2, short(1), Buffer.alloc(800_000, bytesOf(text('a'), 0)))
    assert.equal(requestOf(last([...LOGIN, c(many)])).topics.length, 200_000)
    const codes = packet(9, 0, short(1), Buffer.alloc(500_000))
    assert.equal(responseOf(last([...LOGIN, s(codes)])).reasonCode, 0)
    const users = properties(
      Buffer.concat(Array.from({ length: 50_000 }, () => bytesOf(0x26, text('k'), text('v')))),
    )
    const { userProperties } = requestOf(last([...LOGIN5, c(publish5('a', 'x', users))])).properties as {
      userProperties: { k: unknown[] }
    }
    assert.equal(userProperties.k.length, 50_000)
    const aliases = Array.from({ length: 60_000 }, (_, alias) =>
      publish5('t'.repeat(100), '', properties(0x23, short(alias + 1))),
    )
    assert.equal(follow([mqtt], [...LOGIN5, c(...aliases)]).exchanges.length, 60_001)
    assert.ok(cpuMsSince(started) < 5000)
  })
})

/** Exchanges as `SUBSCRIBE a/# → SUBACK`. */
function told(script: readonly Chunk[]): string[] {
  return follow([mqtt], script).exchanges.map(({ request, response }) => {
    const [asked, answered] = [request as Message | null, response as Message | null]
    const about = [asked?.topic, asked?.topics[0]?.filter].filter(Boolean).map((each) => ` ${each}`)
    return `${asked?.type ?? ''}${about.join('')}${answered === null ? '' : ` → ${answered.type}`}`
  })
}

function last(script: readonly Chunk[]): Exchange {
  const exchange = follow([mqtt], script).exchanges.at(-1)
  assert.ok(exchange !== undefined)
  return exchange
}

function requestOf(exchange: Exchange | undefined): Message {
  assert.ok(exchange?.request)
  return exchange.request as Message
}

function responseOf(exchange: Exchange | undefined): Message {
  assert.ok(exchange?.response)
  return exchange.response as Message
}

function summaryOf({ dissector, request, response }: Exchange) {
  return dissector.summarize(request as never, response as never, null as never)
}

function matches(query: string, exchange: Exchange): boolean {
  return compileFilter(query, { prefer: 'kfl1' }).matches(new Entry(exchange, ORIGIN))
}

function verdict(bytes: Uint8Array, from: Side = 'client') {
  return probe(bytes, 0, bytes.length, from)
}

function cut(side: Side, bytes: Uint8Array, step: number): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = 0; at < bytes.length; at += step) chunks.push([side, bytes.subarray(at, at + step)])
  return chunks
}

/** All that agents can see of a connection, but for times. */
function everything(
  script: readonly Chunk[],
  context: { wantsBodies: boolean; maxBody: number },
  isMidway: boolean,
): unknown {
  return follow([mqtt], script, { context, isMidway, port: 1883 }).exchanges.map((exchange) => [
    exchange.requestSize,
    exchange.responseSize,
    exchange.error,
    exchange.variant,
    summaryOf(exchange),
    exchange.request && fieldsOf(requestShape, exchange.request),
    exchange.response && fieldsOf(responseShape, exchange.response),
  ])
}

function fieldsOf({ fields }: { readonly fields: object }, value: object | null): unknown {
  return Object.fromEntries(
    Object.keys(fields).map((name) => [name, (value as Record<string, unknown> | null)?.[name]]),
  )
}

const ORIGIN: EntryOrigin = {
  worker: '127.0.0.1:1',
  node: { ip: '127.0.0.1', name: 'n' },
  backend: 'pcap',
  nameOf: () => undefined,
}
