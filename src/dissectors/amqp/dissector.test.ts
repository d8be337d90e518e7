import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { JOINED, type Side } from '../../dissect/dissector.ts'
import { Entry, type EntryOrigin, type Exchange } from '../../entry/entry.ts'
import type { ObjectShape } from '../../entry/shape.ts'
import { compileFilter } from '../../filter/index.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { type Chunk, follow } from '../../testing/follow.ts'
import { mixtures } from '../../testing/pieces.ts'
import { amqp } from './dissector.ts'
import { type Message, requestShape, responseShape } from './messages.ts'
import { probe } from './probe.ts'
import {
  ack,
  c,
  channelOpen,
  channelOpenOk,
  close,
  closeOk,
  content,
  declare,
  declareOk,
  deliver,
  frame,
  HEARTBEAT,
  long,
  longlong,
  longstr,
  method,
  octet,
  open,
  openOk,
  PROTOCOL_HEADER,
  publish,
  s,
  short,
  shortstr,
  start,
  startOk,
  table,
  tune,
  tuneOk,
} from './test-frames.ts'

const LOGIN: readonly Chunk[] = [
  c(PROTOCOL_HEADER),
  s(start),
  c(startOk),
  s(tune),
  c(tuneOk, open),
  s(openOk),
]

describe('methods', () => {
  test('are paired with their replies, whoever asks', () => {
    assert.deepEqual(
      told([...LOGIN, c(channelOpen()), s(channelOpenOk()), c(close(200, 'bye', 0, 0, 0)), s(closeOk(0))]),
      [
        'connection start → connection start-ok',
        'connection tune → connection tune-ok',
        'connection open → connection open-ok',
        'channel open → channel open-ok',
        'connection close → connection close-ok',
      ],
    )
  })

  test('are paired on their channel, also when they are pipelined', () => {
    const { exchanges } = follow(
      [amqp],
      [
        ...LOGIN,
        c(declare('a', 1), declare('b', 2), declare('c', 1)),
        s(declareOk('b', 2), declareOk('a', 1), declareOk('c', 1)),
      ],
    )
    assert.deepEqual(
      exchanges
        .slice(3)
        .map((each) => [requestOf(each).queue, responseOf(each).queue, responseOf(each).messageCount]),
      [
        ['b', 'b', 3],
        ['a', 'a', 3],
        ['c', 'c', 3],
      ],
    )
  })

  test('that want no reply get none', () => {
    const noWait = 0x10
    assert.deepEqual(told([...LOGIN, c(declare('a', 1, noWait), ack()), s(ack(), HEARTBEAT)]).slice(3), [
      'queue declare',
      'basic ack',
      'basic ack',
    ])
  })

  test('of every kind show what they say', () => {
    const request = (bytes: Uint8Array, side: 'client' | 'server' = 'client') =>
      requestOf(last([...LOGIN, side === 'client' ? c(bytes) : s(bytes)]))
    const all = request(
      method(
        1,
        40,
        10,
        short(0),
        shortstr('logs'),
        shortstr('topic'),
        octet(0b00101),
        table(['x-a', 't\x01']),
      ),
    )
    assert.deepEqual(
      [
        all.method,
        all.channel,
        all.from,
        all.exchange,
        all.type,
        all.passive,
        all.durable,
        all.autoDelete,
        all.arguments,
      ],
      ['exchange declare', 1, 'client', 'logs', 'topic', true, false, true, plain({ 'x-a': true })],
    )
    assert.deepEqual([all.queue, all.deliveryTag, all.global, all.mandatory], ['', 0, false, false])
    const nack = request(method(3, 60, 120, longlong(2 ** 40 + 5), octet(0b10)), 'server')
    assert.deepEqual(
      [nack.method, nack.from, nack.channel, nack.deliveryTag, nack.multiple, nack.requeue],
      ['basic nack', 'server', 3, 2 ** 40 + 5, false, true],
    )
    const blocked = request(method(0, 10, 60, shortstr('low on memory')), 'server')
    assert.deepEqual([blocked.method, blocked.reason], ['connection blocked', 'low on memory'])
    const bind = request(
      method(1, 40, 30, short(0), shortstr('to'), shortstr('from'), shortstr('#'), octet(1), table()),
    )
    assert.deepEqual([bind.destination, bind.source, bind.routingKey, bind.noWait], ['to', 'from', '#', true])
    const closing = request(close(404, 'NOT_FOUND', 50, 10), 'server')
    assert.deepEqual(
      [closing.replyCode, closing.relyCode, closing.replyText, closing.classId, closing.methodId],
      [404, 404, 'NOT_FOUND', 50, 10],
    )
  })

  test('that nobody knows are shown by their numbers', () => {
    assert.deepEqual(
      told([
        ...LOGIN,
        c(method(1, 60, 102, octet(1)), method(1, 70, 10)),
        c(declare('a')),
        s(declareOk('a')),
      ]).slice(3),
      ['basic 102', '70 10', 'queue declare → queue declare-ok'],
    )
  })

  test('keep credentials to themselves', () => {
    const loginWith = (mechanism: string, response: Uint8Array) =>
      responseOf(
        last([
          c(PROTOCOL_HEADER),
          s(start),
          c(method(0, 10, 11, table(), shortstr(mechanism), longstr(response), shortstr('en_US'))),
        ]),
      )
    const plainLogin = loginWith('PLAIN', Buffer.from('\0guest\0secret'))
    assert.deepEqual(
      [plainLogin.mechanism, plainLogin.user, plainLogin.response],
      ['PLAIN', 'guest', '[REDACTED]'],
    )
    const fields = table(
      ['LOGIN', Buffer.concat([Buffer.from('S'), longstr('ann')])],
      ['PASSWORD', Buffer.concat([Buffer.from('S'), longstr('secret')])],
    )
    const rabbitLogin = loginWith('AMQPLAIN', fields.subarray(4))
    assert.deepEqual([rabbitLogin.user, rabbitLogin.response], ['ann', '[REDACTED]'])
    assert.deepEqual(
      [loginWith('EXTERNAL', Buffer.alloc(0)).user, loginWith('EXTERNAL', Buffer.alloc(0)).response],
      ['', ''],
    )
    const [, , , secure] = follow(
      [amqp],
      [...LOGIN, s(method(0, 10, 20, longstr('who?'))), c(method(0, 10, 21, longstr('secret')))],
    ).exchanges
    assert.deepEqual([requestOf(secure).challenge, responseOf(secure).response], ['who?', '[REDACTED]'])
    const renewed = requestOf(last([...LOGIN, c(method(0, 10, 70, longstr('secret'), shortstr('token')))]))
    assert.deepEqual([renewed.newSecret, renewed.reason], ['[REDACTED]', 'token'])
    for (const { request, response } of follow([amqp], LOGIN).exchanges)
      for (const message of [request, response])
        assert.doesNotMatch(
          JSON.stringify([fieldsOf(requestShape, message), fieldsOf(responseShape, message)]),
          /secret/,
        )
  })

  test('show field tables as RabbitMQ writes them', () => {
    const fields = table(
      ['t', 't\x01'],
      ['b', 'b\xff'],
      ['B', 'B\xff'],
      ['s', 's\xff\xfe'],
      ['u', 'u\xff\xfe'],
      ['I', 'I\xff\xff\xff\xff'],
      ['i', 'i\xff\xff\xff\xff'],
      ['l', 'l\xff\xff\xff\xff\xff\xff\xff\xfe'],
      ['big', 'l\x7f\xff\xff\xff\xff\xff\xff\xff'],
      ['f', 'f\x3f\xc0\0\0'],
      ['d', 'd\x3f\xf8\0\0\0\0\0\0'],
      ['D', 'D\x02\0\0\x30\x39'],
      ['S', Buffer.concat([Buffer.from('S'), longstr('héllo')])],
      ['T', 'T\0\0\0\0\x65\x53\xf1\x00'],
      ['V', 'V'],
      ['x', 'x\0\0\0\x02\0\xff'],
      ['A', Buffer.concat([Buffer.from('A'), longstr(Buffer.from('t\0b\x05'))])],
      ['F', Buffer.concat([Buffer.from('F'), table(['__proto__', 'b\x01'])])],
    )
    const { arguments: read } = requestOf(
      last([...LOGIN, c(method(1, 50, 10, short(0), shortstr('q'), octet(0), fields))]),
    )
    assert.equal(
      JSON.stringify(read),
      '{"t":true,"b":-1,"B":255,"s":-2,"u":65534,"I":-1,"i":4294967295,"l":-2,"big":"9223372036854775807","f":1.5,"d":1.5,' +
        '"D":123.45,"S":"héllo","T":1700000000,"V":null,"x":"AP8=","A":[false,5],"F":{"__proto__":1}}',
    )
  })
})

describe('content', () => {
  test('is put together by channel, though channels take turns', () => {
    const [a, b] = [content(1, 'aaaa', undefined, 2), content(2, 'bbbb', undefined, 2)]
    const halves = (bytes: Buffer) => [bytes.subarray(0, 32), bytes.subarray(32)] as const
    const [[a1, a2], [b1, b2]] = [halves(a), halves(b)]
    const { exchanges } = follow(
      [amqp],
      [...LOGIN, c(publish('a', 1), a1, publish('b', 2)), c(b1, a2), c(b2)],
    )
    assert.deepEqual(
      exchanges
        .slice(3)
        .map((each) => [requestOf(each).routingKey, bodyOf(each), each.requestSize, each.seconds]),
      [
        ['a', 'aaaa', publish('a').length + a.length, 7],
        ['b', 'bbbb', publish('b').length + b.length, 7],
      ],
    )
  })

  test('has properties', () => {
    const properties = Buffer.concat([
      short(0xfff8),
      shortstr('text/plain'),
      shortstr('gzip'),
      table(['X-Id', 'B\x07']),
      octet(2),
      octet(9),
      shortstr('c'),
      shortstr('r'),
      shortstr('60000'),
      shortstr('m'),
      longlong(1_700_000_000),
      shortstr('t'),
      shortstr('u'),
      shortstr('a'),
    ])
    const sent = requestOf(last([...LOGIN, c(publish('k'), content(1, '', properties))]))
    assert.deepEqual(
      { ...sent.properties, headers: { ...(sent.properties.headers as object) } },
      {
        contentType: 'text/plain',
        contentEncoding: 'gzip',
        headers: { 'X-Id': 7 },
        deliveryMode: 2,
        priority: 9,
        correlationId: 'c',
        replyTo: 'r',
        expiration: '60000',
        messageId: 'm',
        timestamp: 1_700_000_000,
        type: 't',
        userId: 'u',
        appId: 'a',
        clusterId: '',
      },
    )
    assert.deepEqual([sent.body, sent.bodySize, sent.incomplete], ['', 0, false])
    assert.equal(requestOf(last([...LOGIN, c(ack())])).properties.contentType, '')
  })

  test('comes with what the server delivers, returns and is asked to give', () => {
    const getOk = method(1, 60, 71, longlong(9), octet(0), shortstr('x'), shortstr('k'), long(4))
    const { exchanges } = follow(
      [amqp],
      [
        ...LOGIN,
        c(method(1, 60, 70, short(0), shortstr('q'), octet(0))),
        s(getOk),
        s(content(1, 'got')),
        c(method(1, 60, 70, short(0), shortstr('q'), octet(0))),
        s(method(1, 60, 72, shortstr(''))),
        s(deliver('k'), content(1, 'there')),
        s(
          method(1, 60, 50, short(312), shortstr('NO_ROUTE'), shortstr(''), shortstr('k')),
          content(1, 'back'),
        ),
      ],
    )
    const [get, empty, delivered, returned] = exchanges.slice(3)
    assert.deepEqual(
      [
        responseOf(get).deliveryTag,
        responseOf(get).messageCount,
        textIn(responseOf(get).body),
        get?.elapsedTime,
      ],
      [9, 4, 'got', 2e6],
    )
    assert.deepEqual([responseOf(empty).method, responseOf(empty).body], ['basic get-empty', ''])
    assert.deepEqual(
      [requestOf(delivered).method, requestOf(delivered).redelivered, bodyOf(delivered)],
      ['basic deliver', true, 'there'],
    )
    assert.deepEqual(
      [requestOf(returned).method, statusOf(returned), bodyOf(returned)],
      ['basic return', 312, 'back'],
    )
  })

  test('is kept as far as it is wanted; its size stays true', () => {
    for (const [context, kept] of [
      [{ wantsBodies: true, maxBody: 5000 }, 5000],
      [{ wantsBodies: false, maxBody: 5000 }, 0],
    ] as const)
      for (const step of [1 << 20, 1000, 7]) {
        const sent = Buffer.concat([publish('k'), content(1, 'x'.repeat(20_000)), ack()])
        const { exchanges } = follow([amqp], [...LOGIN, ...cut('client', sent, step)], { context })
        const [published, acked] = exchanges.slice(3)
        assert.equal(Buffer.from(requestOf(published).body, 'base64').length, kept)
        assert.equal(requestOf(published).bodySize, 20_000)
        assert.equal(published?.requestSize, sent.length - ack().length)
        assert.equal(requestOf(acked).method, 'basic ack')
      }
  })

  test('with a hole, or without its end, is incomplete', () => {
    const body = content(1, 'x'.repeat(100), undefined, 100)
    const at = body.length - 50
    for (const wantsBodies of [true, false]) {
      const { exchanges } = follow(
        [amqp],
        [...LOGIN, c(publish('k'), body.subarray(0, at)), ['client', 20], c(body.subarray(at + 20), ack())],
        { context: { wantsBodies, maxBody: 1000 } },
      )
      assert.deepEqual(
        exchanges
          .slice(3)
          .map((each) => [requestOf(each).method, requestOf(each).incomplete, each.requestSize]),
        [
          ['basic publish', true, publish('k').length + body.length],
          ['basic ack', false, ack().length],
        ],
      )
    }
    const cutOff = last([...LOGIN, c(publish('k'), body.subarray(0, 40))])
    assert.deepEqual([requestOf(cutOff).incomplete, requestOf(cutOff).bodySize], [true, 100])
    const aborted = follow([amqp], [...LOGIN, c(publish('k'), body.subarray(0, 22), ack())]).exchanges
    assert.deepEqual(
      aborted.slice(3).map((each) => [requestOf(each).method, requestOf(each).incomplete]),
      [
        ['basic publish', true],
        ['basic ack', false],
      ],
    )
  })
})

describe('an exchange that fails', () => {
  test('says why the channel was closed', () => {
    const { exchanges } = follow(
      [amqp],
      [
        ...LOGIN,
        c(declare('q', 2)),
        s(close(404, "NOT_FOUND - no queue 'q'", 50, 10, 2)),
        c(closeOk(2)),
        c(declare('r', 3)),
      ],
    )
    assert.deepEqual(
      exchanges.slice(3).map((each) => [requestOf(each).method, each.error?.msg, statusOf(each)]),
      [
        ['queue declare', "the channel was closed: 404 NOT_FOUND - no queue 'q'", 0],
        ['channel close', undefined, 404],
        ['queue declare', 'closed without a reply', 0],
      ],
    )
  })

  test('says why the connection was closed', () => {
    const { exchanges } = follow(
      [amqp],
      [...LOGIN, c(declare('q', 2)), s(close(320, 'CONNECTION_FORCED', 0, 0, 0)), c(closeOk(0))],
    )
    assert.deepEqual(
      exchanges.slice(3).map((each) => [requestOf(each).method, each.error?.msg, statusOf(each)]),
      [
        ['queue declare', 'the connection was closed: 320 CONNECTION_FORCED', 0],
        ['connection close', undefined, 320],
      ],
    )
  })

  test('both sides may close a channel at once', () => {
    assert.deepEqual(
      told([...LOGIN, c(close(200, '', 0, 0)), s(close(404, '', 0, 0)), c(closeOk()), s(closeOk())]).slice(3),
      ['channel close → channel close-ok', 'channel close → channel close-ok'],
    )
  })

  test('is not paired with the reply to another one when replies are lost', () => {
    const { exchanges } = follow(
      [amqp],
      [
        ...LOGIN,
        c(declare('a')),
        ['server', 40],
        c(declare('b')),
        s(declareOk('b')),
        c(declare('c')),
        s(declareOk('c')),
      ],
    )
    assert.deepEqual(
      exchanges
        .slice(3)
        .map((each) => [requestOf(each).queue, each.response && responseOf(each).queue, each.error?.msg]),
      [
        ['a', null, 'the reply was not captured'],
        ['b', 'b', undefined],
        ['c', 'c', undefined],
      ],
    )
  })
})

describe('a connection', () => {
  test('is read from the middle on, on any port, once it shows who is the client', () => {
    for (const script of [
      [c(ack()), s(deliver('k'), content(1, 'a')), c(ack())],
      [s(ack()), s(ack()), c(publish('k'), content(1, 'a')), s(ack())],
    ]) {
      const { exchanges, isRightWayRound } = follow([amqp], script, { isMidway: true })
      assert.equal(isRightWayRound, true)
      assert.equal(exchanges.length, script.length)
    }
  })

  test('goes on after what was lost', () => {
    const { exchanges } = follow(
      [amqp],
      [
        ...LOGIN,
        c(publish('lost'), content(1, 'abc').subarray(0, 20)),
        ['client', 1000],
        c(Buffer.from('the end of something\xce', 'latin1')),
        c(publish('k'), content(1, 'abc')),
      ],
    )
    assert.deepEqual(
      exchanges.slice(3).map((each) => [requestOf(each).routingKey, requestOf(each).incomplete]),
      [
        ['lost', true],
        ['k', false],
      ],
    )
  })

  test('is of another version or protocol', () => {
    for (const header of [
      'AMQP\0\x01\0\0',
      'AMQP\x03\x01\0\0',
      'AMQP\x01\x01\0\x0a',
      'AMQP\x01\x01\x08\0',
      'AMQX',
    ])
      assert.equal(verdict(header), 'reject')
    for (const header of ['A', 'AMQP', 'AMQP\0\0\x09']) assert.equal(verdict(header), 'unsure')
    assert.equal(verdict('AMQP\x01\x01\0\x09'), 'match')
    // RDP, LDAP, TLS, SMB, MySQL, zeros
    for (const bytes of [
      '\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0',
      '0\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0',
      '\x16\x03\x01\0\x05\x01\0\0\x01\0',
      '\0\0\0\x45\xffSMB',
      '\x01\0\0\x01\x02\x03def',
      '\x01\0\0\0\0\0\0\0\0\0\0\0',
      '\x02\0\0\0\0\0\0\0\0\0\0\0',
      '\x08\0\0\0\0\0\0\0\0',
    ])
      assert.equal(verdict(bytes), 'reject', JSON.stringify(bytes))
  })

  test('that the server refuses with its own version', () => {
    assert.deepEqual(told([c(PROTOCOL_HEADER), s(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))]), [])
  })
})

describe('rows and filters', () => {
  const rows: readonly (readonly [readonly Chunk[], string, string, number])[] = [
    [[s(start)], 'connection start', '0.9', 0],
    [[c(publish('k'), content(1, ''))], 'basic publish', 'k', 0],
    [[s(deliver('k'), content(1, ''))], 'basic deliver', 'logs', 0],
    [[c(ack())], 'basic ack', '7', 0],
    [[c(declare('')), s(declareOk('amq.gen-1'))], 'queue declare', 'amq.gen-1', 0],
    [[s(close(404, 'NOT_FOUND', 50, 10))], 'channel close', 'NOT_FOUND', 404],
    [[s(declareOk('q'))], 'queue declare-ok', 'q', 0],
    [[c(declare('long'.repeat(63)))], 'queue declare', 'long'.repeat(63), 0],
    [[c(tuneOk)], 'connection tune-ok', '', 0],
  ]
  for (const [script, name, summary, status] of rows)
    test(name, () => {
      const exchange = last([c(PROTOCOL_HEADER), ...script])
      const row = summaryOf(exchange)
      assert.deepEqual([row.method, row.summary, row.status], [name, summary, status])
      for (const query of [row.methodQuery, row.summaryQuery, row.statusQuery])
        if (query !== '') assert.ok(matches(query, exchange), query)
    })

  test('know methods with a space and with a dot', () => {
    const published = last([...LOGIN, c(publish('k'), content(1, 'abc'))])
    for (const query of [
      'amqp',
      'request.method == "basic publish"',
      'request.method == "basic.publish" and amqp',
      'request.method != "basic.deliver" and amqp',
      'amqp && amqp_method == "basic.publish"',
      'amqp && amqp_method == "basic publish"',
      'amqp_method in ["basic.deliver", "basic publish"] && amqp_method.startsWith("basic.")',
      'amqp_request.method == "basic.publish" && amqp_request_size > 10 && amqp_total_size == amqp_request_length',
      'amqp_summary == "k" && amqp_response_length == 0 && !amqp_response && amqp_request.routingKey == "k"',
    ])
      assert.ok(matches(query, published), query)
    for (const query of [
      'request.method == "basic.deliver"',
      'request.method != "basic.publish"',
      'amqp_method == "basic.ack" || kafka',
    ])
      assert.ok(!matches(query, published), query)
    assert.ok(matches('amqp_method == "queue.declare-ok"', last([c(PROTOCOL_HEADER), s(declareOk('q'))])))
  })
})

describe('whatever the bytes', () => {
  const client = Buffer.concat([
    PROTOCOL_HEADER,
    startOk,
    tuneOk,
    open,
    channelOpen(),
    declare('q'),
    publish('k'),
    content(1, 'x'.repeat(300), undefined, 100),
    HEARTBEAT,
    publish('l', 2),
    content(2, ''),
    ack(),
    close(200, 'bye', 0, 0),
  ])
  const server = Buffer.concat([
    start,
    tune,
    openOk,
    channelOpenOk(),
    declareOk('q'),
    deliver('k'),
    content(1, 'y'.repeat(200)),
    closeOk(),
  ])
  const contexts = [
    { wantsBodies: true, maxBody: 1 << 20 },
    { wantsBodies: true, maxBody: 90 },
    { wantsBodies: false, maxBody: 1 << 20 },
  ]

  test('messages are the same however they are cut', () => {
    for (const context of contexts) {
      const whole = everything([['client', client]], context)
      const answers = everything([['server', server]], context)
      for (let at = 1; at < client.length; at++)
        assert.deepEqual(
          everything(
            [
              ['client', client.subarray(0, at)],
              ['client', client.subarray(at)],
            ],
            context,
          ),
          whole,
        )
      for (let at = 1; at < server.length; at++)
        assert.deepEqual(
          everything(
            [
              ['server', server.subarray(0, at)],
              ['server', server.subarray(at)],
            ],
            context,
          ),
          answers,
        )
      for (const step of [1, 3, 8])
        assert.deepEqual(everything(cut('client', client, step), context), whole, `${step} bytes each`)
    }
  })

  test('joined anywhere, or after a hole, nothing is read that was not sent', () => {
    const busy = Buffer.concat(
      Array.from({ length: 6 }, (_, key) => Buffer.concat([deliver(`k${key}`), content(1, 'z'.repeat(500))])),
    )
    const sent = new Set(keysOf([...LOGIN, s(busy)]))
    for (let at = 0; at < 600; at += 3) {
      const joined = keysOf(cut('server', busy.subarray(at), 700), true)
      assert.ok(
        joined.every((each) => sent.has(each)),
        `from ${at}`,
      )
      assert.ok(joined.length >= 4, `from ${at}`)
      const holed = keysOf([...LOGIN, s(busy.subarray(0, at)), ['server', 650], s(busy.subarray(at + 650))])
      assert.ok(
        holed.every((each) => sent.has(each)),
        `hole at ${at}`,
      )
      assert.ok(holed.length >= 3 + 4, `hole at ${at}`)
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

  test('noise is not taken for it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.constantFrom<Side[]>('client', 'server'),
        (bytes, side) => {
          assert.notEqual(probe(bytes, 0, bytes.length, side), 'match')
        },
      ),
      { numRuns: 5000, seed: 7 },
    )
  })

  test('long lengths and deep tables cost nothing', () => {
    const started = process.cpuUsage()
    let nested: Buffer = table()
    for (let depth = 0; depth < 2000; depth++)
      nested = table(['a', Buffer.concat([Buffer.from('F'), nested])])
    const deep = requestOf(last([...LOGIN, c(method(1, 50, 10, short(0), shortstr('q'), octet(0), nested))]))
    assert.ok(JSON.stringify(deep.arguments).length < 1000)
    const huge = Buffer.concat([
      publish('k'),
      frame(2, 1, Buffer.concat([short(60), short(0), longlong(2 ** 50), short(0)])),
    ])
    const endless = Buffer.concat([octet(3), short(1), long(0x1fff_ffff), Buffer.alloc(1000)])
    const published = last([...LOGIN, c(huge, endless)])
    assert.deepEqual([requestOf(published).bodySize, requestOf(published).incomplete], [2 ** 50, true])
    assert.equal(last([...LOGIN, c(octet(1), short(1), long(0x7fff_ffff))])?.request !== null, true)
    const many = Array.from({ length: 20_000 }, (_, channel) => publish('k', (channel % 60_000) + 1))
    assert.equal(follow([amqp], [...LOGIN, c(...many)]).exchanges.length, 3 + many.length)
    const asked = Array.from({ length: 20_000 }, (_, channel) => channelOpen((channel % 60_000) + 1))
    assert.equal(follow([amqp], [...LOGIN, c(...asked)]).exchanges.length, 3 + asked.length)
    assert.ok(cpuMsSince(started) < 5000)
  })

  test('memory for unfinished contents is bounded', () => {
    const parsers = amqp.open({ wantsBodies: true, maxBody: 1 << 20 }, { ...JOINED, isWhole: true })
    for (let channel = 1; channel <= 200; channel++) {
      const header = frame(2, channel, Buffer.concat([short(60), short(0), longlong(1 << 24), short(0)]))
      const wire = Buffer.concat([publish('k', channel), header, frame(3, channel, Buffer.alloc(900_000))])
      for (let at = 0; at < wire.length; ) {
        const step = parsers.client.next(wire, at, wire.length)
        assert.ok('length' in step)
        at += step.length
      }
    }
    assert.ok((parsers.client.held ?? 0) <= 8 << 20)
    assert.ok((parsers.client.held ?? 0) > 4 << 20)
  })
})

/** Exchanges as `method → method of the reply`. */
function told(script: readonly Chunk[]): string[] {
  return follow([amqp], script).exchanges.map(({ request, response }) =>
    [request, response]
      .flatMap((message) => (message === null ? [] : [(message as Message).method]))
      .join(' → '),
  )
}

function last(script: readonly Chunk[]): Exchange {
  const exchange = follow([amqp], script).exchanges.at(-1)
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

function bodyOf(exchange: Exchange | undefined): string {
  return textIn(requestOf(exchange).body)
}

function textIn(body: string): string {
  return Buffer.from(body, 'base64').toString()
}

function summaryOf({ dissector, request, response }: Exchange) {
  return dissector.summarize(request as never, response as never, null as never)
}

function statusOf(exchange: Exchange | undefined): number {
  assert.ok(exchange)
  return summaryOf(exchange).status
}

function matches(query: string, exchange: Exchange): boolean {
  return compileFilter(query, { prefer: 'kfl1' }).matches(new Entry(exchange, ORIGIN))
}

function verdict(text: string) {
  const bytes = Buffer.from(text, 'latin1')
  return probe(bytes, 0, bytes.length, 'client')
}

function plain(value: object): object {
  return Object.assign(Object.create(null), value)
}

function cut(side: Side, bytes: Uint8Array, step: number): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = 0; at < bytes.length; at += step) chunks.push([side, bytes.subarray(at, at + step)])
  return chunks
}

/** The whole messages of a connection, by what they are. */
function keysOf(script: readonly Chunk[], isMidway = false): string[] {
  return follow([amqp], script, { isMidway }).exchanges.flatMap(({ request, response }) =>
    [request as Message | null, response as Message | null].flatMap((message) =>
      message === null || message.incomplete
        ? []
        : [`${message.method} ${message.routingKey} ${message.body}`],
    ),
  )
}

/** All that agents can see of a connection, but for times. */
function everything(
  script: readonly Chunk[],
  context: { wantsBodies: boolean; maxBody: number },
  isMidway = false,
): unknown {
  return follow([amqp], script, { context, isMidway, port: 5672 }).exchanges.map((exchange) => [
    exchange.requestSize,
    exchange.responseSize,
    exchange.error,
    summaryOf(exchange),
    exchange.request && fieldsOf(requestShape, exchange.request),
    exchange.response && fieldsOf(responseShape, exchange.response),
  ])
}

function fieldsOf(shape: ObjectShape, value: unknown): unknown {
  return Object.fromEntries(
    Object.entries(shape.fields).map(([name, field]) => {
      const inner = (value as Record<string, unknown> | null)?.[name]
      return [name, field.kind === 'object' ? fieldsOf(field, inner) : inner]
    }),
  )
}

const ORIGIN: EntryOrigin = {
  worker: '127.0.0.1:1',
  node: { ip: '127.0.0.1', name: 'n' },
  backend: 'pcap',
  nameOf: () => undefined,
}
