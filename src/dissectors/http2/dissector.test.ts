import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JOINED } from '../../dissect/dissector.ts'
import { Dissection } from '../../dissect/engine.ts'
import type { Exchange } from '../../entry/entry.ts'
import { Packet } from '../../packet/packet.ts'
import { Connection, type ConnectionHandler, IDLE } from '../../reassembly/connection.ts'
import { dissectors } from '../index.ts'
import { http2 } from './dissector.ts'
import { FLAG, FRAME } from './frames.ts'
import {
  data,
  frame,
  get,
  goaway,
  headers,
  post,
  preface,
  reset,
  settings,
  status,
  TestEncoder,
  u32,
  type Writing,
} from './test-frames.ts'
import { exchangesOf, MIDWAY, told } from './test-session.ts'

const ends = { ends: true }
const NO_BODIES = { wantsBodies: false, maxBody: 1 << 20 }

/** What the first exchange of a connection says. */
function first(chunks: Parameters<typeof told>[0], context = { wantsBodies: true, maxBody: 1 << 20 }) {
  const [exchange] = exchangesOf([['client', preface], ['server', settings()], ...chunks], context)
  const message = (found: Fields | null | undefined) => (found as { message?: Fields } | null)?.message ?? {}
  return {
    ...exchange,
    asked: message(exchange?.request as Fields | null),
    answered: message(exchange?.response as Fields | null),
  }
}
interface Fields {
  readonly [name: string]: unknown
}

describe('a request and its reply', () => {
  test('have the fields that agents know', () => {
    const question = headers(1, [
      ...post('/v1/a?b=c&d=%20'),
      ['content-type', 'application/json'],
      ['cookie', 'x=1'],
      ['accept', '*/*'],
      ['cookie', 'y=2'],
    ])
    const more = [
      ['content-type', 'text/plain'],
      ['set-cookie', 'z=3; Path=/'],
      ['location', '/v1/a/7'],
    ] as const
    const trailers = [
      ['x-trailer', 't'],
      ['location', 'no'],
    ] as const
    const answer = [
      headers(1, status(201, ...more)),
      data(1, 'cre'),
      data(1, 'ated'),
      headers(1, trailers, ends),
    ]
    const { asked, answered, request, response } = first([
      ['client', question],
      ['client', data(1, '{"a":1}', true)],
      ['server', Buffer.concat(answer)],
    ])
    assert.deepEqual(
      { ...(asked.headers as object) },
      {
        ':method': 'POST',
        ':scheme': 'http',
        ':path': '/v1/a?b=c&d=%20',
        ':authority': 'shop.test:8080',
        'content-type': 'application/json',
        cookie: 'x=1; y=2',
        accept: '*/*',
      },
    )
    const { method, url, path, pathSegments, httpVersion, queryString, cookies, bodySize, postData } = asked
    assert.deepEqual([method, url, path, pathSegments], ['POST', '/v1/a?b=c&d=%20', '/v1/a', ['v1', 'a']])
    assert.deepEqual([httpVersion, bodySize, (postData as Fields).text], ['HTTP/2.0', 7, '{"a":1}'])
    assert.deepEqual(
      [{ ...(queryString as object) }, { ...(cookies as object) }],
      [
        { b: 'c', d: ' ' },
        { x: '1', y: '2' },
      ],
    )
    assert.deepEqual([answered.status, answered.statusText, answered.bodySize], [201, '', 7])
    assert.equal((answered.content as Fields).text, 'created')
    assert.deepEqual(
      { ...(answered.headers as object) },
      {
        ':status': '201',
        'content-type': 'text/plain',
        'set-cookie': 'z=3; Path=/',
        location: '/v1/a/7',
        'x-trailer': 't',
      },
    )
    assert.deepEqual([{ ...(answered.cookies as object) }, answered.redirectURL], [{ z: '3' }, '/v1/a/7'])
    assert.deepEqual([asked.incomplete, answered.incomplete, request?.id], [false, false, 1])
    assert.equal(http2.authority?.(asked as never), 'shop.test')
    assert.equal(request?.size, question.length + 9 + 7)
    assert.equal(response?.size, Buffer.concat(answer).length)
    assert.equal(http2.protocols[http2.variant?.(asked as never, answered as never) ?? -1]?.abbr, 'HTTP/2')
    assert.deepEqual(http2.summarize(asked as never, answered as never), {
      method: 'POST',
      methodQuery: 'request.method == "POST"',
      summary: '/v1/a',
      summaryQuery: 'request.path == "/v1/a"',
      status: 201,
      statusQuery: 'response.status == 201',
    })
  })

  test('are sized and timed by their own frames', () => {
    const clock = { seconds: 0, nanos: 0 }
    const parsers = http2.open(NO_BODIES, { ...JOINED, clock, isWhole: true })
    const send = (side: 'client' | 'server', seconds: number, bytes: Uint8Array) => {
      clock.seconds = seconds
      const step = parsers[side].next(bytes, 0, bytes.length)
      return step.kind === 'exchange' ? step : undefined
    }
    const upload = headers(1, post('/up'))
    const part = data(1, 'x'.repeat(100))
    send('client', 1, preface)
    send('client', 2, upload)
    send('client', 3, headers(3, get('/other'), ends))
    send('client', 4, part.subarray(0, 30))
    send('client', 5, part.subarray(30))
    send('client', 6, data(1, '', true))
    send('server', 7, headers(3, status(200)))
    const reply = headers(1, status(200))
    send('server', 8, reply)
    const other = send('server', 9, data(3, 'done', true))
    assert.deepEqual([other?.request?.since, other?.response?.until], [at(3), at(9)])
    const last = send('server', 10, data(1, 'done', true))
    assert.deepEqual([last?.request?.since, last?.request?.until], [at(2), at(6)])
    assert.deepEqual([last?.response?.since, last?.response?.until], [at(8), at(10)])
    assert.equal(last?.request?.size, upload.length + part.length + 9)
    assert.equal(last?.response?.size, reply.length + 9 + 4)
  })

  test('keep as much of a body as was asked for, and its true size', () => {
    const exchange = (context: { wantsBodies: boolean; maxBody: number }) =>
      first(
        [
          ['client', headers(1, get('/big'), ends)],
          ['server', headers(1, status(200, ['content-length', '3']))],
          ['server', data(1, 'a'.repeat(5000))],
          ['server', data(1, 'b'.repeat(5000), true)],
        ],
        context,
      ).answered
    const content = (context: { wantsBodies: boolean; maxBody: number }) =>
      exchange(context).content as Fields
    assert.equal(exchange(NO_BODIES).bodySize, 10_000)
    assert.deepEqual([content(NO_BODIES).text, content(NO_BODIES).truncated], ['', true])
    const cut = content({ wantsBodies: true, maxBody: 5001 })
    assert.deepEqual([cut.text, cut.truncated], [`${'a'.repeat(5000)}b`, true])
  })

  test('of HEAD and 204 has no body, 100 and 103 are no replies', () => {
    assert.deepEqual(
      told([
        [
          'client',
          Buffer.concat([preface, headers(1, [[':method', 'HEAD'], ...get('/head').slice(1)], ends)]),
        ],
        ['server', headers(1, status(200, ['content-length', '100']), ends)],
        ['client', headers(3, get('/early'), ends)],
        ['server', Buffer.concat([headers(3, status(103, ['link', '</a>'])), headers(3, status(204), ends)])],
        ['client', headers(5, post('/expect', ['expect', '100-continue']))],
        ['server', headers(5, status(100))],
        ['client', data(5, 'body', true)],
        ['server', headers(5, status(200), ends)],
      ]),
      ['1 HEAD /head 200', '3 GET /early 204', '5 POST /expect 200'],
    )
  })

  test('come out in the order in which they are complete', () => {
    assert.deepEqual(
      told([
        ['client', Buffer.concat([preface, ...[1, 3, 5, 7].map((id) => headers(id, get(`/${id}`), ends))])],
        ['server', Buffer.concat([5, 1].map((id) => headers(id, status(200), ends)))],
        [
          'server',
          Buffer.concat([headers(7, status(200)), headers(3, status(404), ends), data(7, 'x', true)]),
        ],
      ]),
      ['5 GET /5 200', '1 GET /1 200', '3 GET /3 404', '7 GET /7 200'],
    )
  })

  test('wait for the end of a request that is answered early', () => {
    const early: Parameters<typeof told>[0] = [
      ['client', Buffer.concat([preface, headers(1, post('/up'))])],
      ['server', headers(1, status(413), ends)],
    ]
    assert.deepEqual(told([...early, ['client', data(1, 'x', true)]]), ['1 POST /up 413'])
    const refused = [...early, ['server', reset(1, 0)]] as const
    assert.deepEqual(
      told([...refused, ['client', data(1, 'x', true)]]),
      ['1 POST /up 413'],
      'it was on its way',
    )
    assert.deepEqual(told(refused), ['1 POST /up… 413'])
    const next = ['client', headers(3, get('/next'), ends)] as const
    assert.deepEqual(told([...refused, next]), ['1 POST /up… 413', '3 GET /next ?'])
    assert.deepEqual(told([...early, ['client', reset(1, 8)]]), ['1 POST /up… 413'])
    assert.deepEqual(told(early), ['1 POST /up… 413'])
  })
})

describe('what ends a stream', () => {
  const open: Parameters<typeof told>[0] = [
    ['client', Buffer.concat([preface, headers(1, get('/a'), ends), headers(3, get('/b'), ends)])],
  ]

  test('RST_STREAM', () => {
    assert.deepEqual(told([...open, ['client', reset(1, 8)], ['server', headers(3, status(200), ends)]]), [
      '1 GET /a ? (RST_STREAM: CANCEL)',
      '3 GET /b 200',
    ])
    assert.deepEqual(
      told([...open, ['server', Buffer.concat([headers(1, status(200)), reset(1, 2), reset(3, 99)])]]),
      ['1 GET /a 200… (RST_STREAM: INTERNAL_ERROR)', '3 GET /b ? (RST_STREAM: 0x63)'],
    )
  })

  test('GOAWAY, for those that it leaves out', () => {
    assert.deepEqual(
      told([...open, ['server', Buffer.concat([goaway(1, 0), headers(1, status(200), ends)])]]),
      ['3 GET /b ? (GOAWAY: NO_ERROR)', '1 GET /a 200'],
    )
    assert.deepEqual(told([...open, ['server', goaway(0x7fffffff, 0)]]), ['1 GET /a ?', '3 GET /b ?'])
    const late = Buffer.concat([headers(5, get('/c'), ends), headers(7, post('/d')), data(7, 'more', true)])
    assert.deepEqual(
      told([
        ...open,
        ['server', Buffer.concat([goaway(0x7fffffff, 0), goaway(3, 0)])],
        ['client', late],
        ['server', Buffer.concat([headers(1, status(200), ends), headers(3, status(200), ends)])],
      ]),
      ['5 GET /c ? (GOAWAY: NO_ERROR)', '7 POST /d… ? (GOAWAY: NO_ERROR)', '1 GET /a 200', '3 GET /b 200'],
    )
    assert.deepEqual(told([...open, ['server', goaway(3, 11)]]), [
      '1 GET /a ? (GOAWAY: ENHANCE_YOUR_CALM)',
      '3 GET /b ? (GOAWAY: ENHANCE_YOUR_CALM)',
    ])
  })

  test('the end of the connection', () => {
    const cut = told([
      ...open,
      ['server', Buffer.concat([headers(1, status(200)), data(1, 'x')])],
      ['server', null],
    ])
    assert.deepEqual(cut, ['1 GET /a 200…', '3 GET /b ?'])
  })

  test('once: what comes later is passed over, but for what it does to the table', () => {
    const encoder = new TestEncoder()
    const late = headers(1, status(200, ['x', 'y']), { encoder, writing: 'insert' })
    const next = headers(3, status(404, ['x', 'y']), { encoder, writing: 'index', ends: true })
    const [, second] = exchangesOf([
      ...open,
      ['client', reset(1, 8)],
      ['server', Buffer.concat([late, data(1, 'late', true), next])],
    ])
    assert.equal((second?.response as { message?: Fields } | null)?.message?.status, 404)
    assert.equal((second?.response as { message?: { headers?: Fields } } | null)?.message?.headers?.x, 'y')
  })
})

describe('frames', () => {
  test('that do not matter are passed over', () => {
    const noise = Buffer.concat([
      frame(FRAME.priority, 0, 7, Buffer.alloc(5)),
      frame(FRAME.windowUpdate, 0, 0, u32(1)),
      frame(FRAME.windowUpdate, 0, 1, u32(1)),
      frame(FRAME.ping, 0, 0, '12345678'),
      frame(FRAME.ping, 1, 0, '12345678'),
      frame(0x0a, 0, 0, 'ALTSVC of some length'),
      frame(0x4d, 4, 1, 'METADATA of Envoy'),
      frame(0x0b, 0xff, 9),
    ])
    assert.deepEqual(
      told([
        [
          'client',
          Buffer.concat([
            preface,
            noise,
            headers(1, post('/a')),
            noise,
            data(1, 'x'),
            noise,
            data(1, '', true),
          ]),
        ],
        [
          'server',
          Buffer.concat([
            settings(),
            frame(FRAME.settings, 1, 0),
            noise,
            headers(1, status(200)),
            noise,
            data(1, '', true),
            noise,
          ]),
        ],
      ]),
      ['1 POST /a 200'],
    )
  })

  test('may be padded', () => {
    const block = new TestEncoder().block(get('/padded'), () => 'plain')
    const request = frame(
      FRAME.headers,
      FLAG.endHeaders | FLAG.endStream | FLAG.padded | FLAG.priority,
      1,
      Buffer.concat([Buffer.of(4, 0, 0, 0, 0, 9), block, Buffer.alloc(4)]),
    )
    const padded = (text: string, padding: number, flags = 0) =>
      frame(
        FRAME.data,
        FLAG.padded | flags,
        1,
        Buffer.concat([Buffer.of(padding), Buffer.from(text), Buffer.alloc(padding)]),
      )
    const { asked, answered, response } = first([
      ['client', request],
      ['server', headers(1, status(200))],
      ['server', Buffer.concat([padded('ab', 7), padded('', 0), padded('c', 255, FLAG.endStream)])],
    ])
    assert.deepEqual(
      [asked.path, answered.bodySize, (answered.content as Fields).text],
      ['/padded', 3, 'abc'],
    )
    assert.equal(response?.size, headers(1, status(200)).length + 9 + 10 + 9 + 1 + 9 + 257)
  })

  test('may have padding that is longer than they are, which ends it all', () => {
    for (const wrong of [
      frame(FRAME.data, FLAG.padded, 1, Buffer.of(5, 0, 0)),
      frame(FRAME.data, FLAG.padded, 1),
      frame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1, Buffer.of(5, 0x82)),
    ])
      assert.deepEqual(told([['client', Buffer.concat([preface, headers(1, post('/a')), wrong])]]), [
        '1 POST /a… ?',
      ])
  })

  test('of a header block may be several', () => {
    const block = new TestEncoder().block([...get('/a'), ['x', 'y'.repeat(40_000)]], () => 'plain')
    const parts = [
      frame(FRAME.headers, FLAG.endStream, 1, block.subarray(0, 10)),
      frame(FRAME.continuation, 0, 1, block.subarray(10, 16_000)),
      frame(FRAME.continuation, 0, 1, ''),
      frame(FRAME.continuation, 0, 1, block.subarray(16_000, 32_000)),
      frame(FRAME.continuation, FLAG.endHeaders, 1, block.subarray(32_000)),
    ]
    const { asked, request } = first([
      ['client', Buffer.concat(parts)],
      ['server', headers(1, status(200), ends)],
    ])
    assert.equal((asked.headers as Fields).x, 'y'.repeat(40_000))
    assert.equal(request?.size, Buffer.concat(parts).length)
  })

  test('of a header block stop where it is longer than is read, and where another comes between', () => {
    const encoder = new TestEncoder()
    const block = encoder.block([...get('/a'), ['x', 'y'.repeat(400_000)]], () => 'plain')
    const parts = [frame(FRAME.headers, FLAG.endStream, 1, block.subarray(0, 1000))]
    for (let at = 1000; at < block.length; at += 16_000)
      parts.push(
        frame(
          FRAME.continuation,
          at + 16_000 < block.length ? 0 : FLAG.endHeaders,
          1,
          block.subarray(at, at + 16_000),
        ),
      )
    const rest = headers(3, get('/b'), { ends: true })
    assert.deepEqual(told([['client', Buffer.concat([preface, ...parts, rest])]]), [
      '1 GET /a… ?',
      '3 GET /b ?',
    ])
    const between = [
      parts[0] as Buffer,
      frame(FRAME.ping, 0, 0, '12345678'),
      frame(FRAME.continuation, FLAG.endHeaders, 1, 'xx'),
      rest,
    ]
    assert.deepEqual(told([['client', Buffer.concat([preface, ...between])]]), ['1 GET /a… ?', '3 GET /b ?'])
  })

  test('of a header block that are longer than is read leave nothing of the table that is sure', () => {
    const encoder = new TestEncoder()
    const before = headers(1, get('/a'), { ends: true, encoder, writing: 'insert' })
    const fields = [...get('/b'), ['x', 'y'.repeat(300_000)] as const]
    const block = encoder.block(fields, (at) => (at === 4 ? 'plain' : 'insert'))
    const after = headers(5, get('/b'), { ends: true, encoder, writing: 'index' })
    const last = headers(7, get('/c'), { ends: true, encoder, writing: 'insert' })
    const all = (...frames: readonly Uint8Array[]) =>
      told([
        ['client', preface],
        ['server', settings([5, 1 << 20])],
        ['client', Buffer.concat([before, ...frames, after, last])],
        ['server', Buffer.concat([1, 3, 5, 7].map((id) => headers(id, status(200), ends)))],
      ])
    const { headers: HEADERS, continuation: CONTINUATION } = FRAME
    const rest = ['5 GET … 200', '7 GET /c 200']
    for (const frames of [
      [frame(HEADERS, FLAG.endHeaders | FLAG.endStream, 3, block)],
      [
        frame(HEADERS, FLAG.endStream, 3, block.subarray(0, 280_000)),
        frame(CONTINUATION, FLAG.endHeaders, 3, block.subarray(280_000)),
      ],
    ])
      assert.deepEqual(all(...frames), ['1 GET /a 200', '3  … 200', ...rest])
    // What is in front of it is read, and what is behind it does not join that.
    const path = block.indexOf('x', 0, 'latin1')
    assert.deepEqual(
      all(
        frame(HEADERS, FLAG.endStream, 3, block.subarray(0, path)),
        frame(CONTINUATION, 0, 3, block.subarray(path, 290_000)),
        frame(CONTINUATION, FLAG.endHeaders, 3, block.subarray(290_000)),
      ),
      ['1 GET /a 200', '3 GET /b… 200', ...rest],
    )
    const server = new TestEncoder()
    const reply = (id: number, code: number, writing: Writing) =>
      headers(id, status(code), { ends: true, encoder: server, writing })
    const promise = [...get('/b'), ['x', 'y'], ['z', 'y'.repeat(300_000)]] as const
    const said = [
      reply(1, 298, 'insert'),
      reply(3, 299, 'insert'),
      frame(
        FRAME.pushPromise,
        FLAG.endHeaders,
        5,
        Buffer.concat([u32(2), server.block(promise, (at) => (at === 4 ? 'insert' : 'plain'))]),
      ),
      reply(5, 299, 'index'),
    ]
    assert.deepEqual(
      told([
        ['client', Buffer.concat([preface, settings([5, 1 << 20])])],
        ['client', Buffer.concat([1, 3, 5].map((id) => headers(id, get(`/${id}`), ends)))],
        ['server', Buffer.concat([settings(), ...said])],
      ]),
      ['1 GET /1 298', '3 GET /3 299', '5 GET /5 0…'],
    )
  })

  test('longer than the other side takes are none', () => {
    const long = data(1, 'x'.repeat(20_000), true)
    const request = headers(1, post('/a'))
    assert.deepEqual(told([['client', Buffer.concat([preface, request, long])]]), ['1 POST /a… ?'])
    const agreed = settings([5, 1 << 20])
    assert.deepEqual(
      told([
        ['client', preface],
        ['server', agreed],
        ['client', Buffer.concat([request, long])],
        ['server', headers(1, status(200), ends)],
      ]),
      ['1 POST /a 200'],
    )
  })
})

describe('a push', () => {
  const promise = (id: number, promised: number, path: string) =>
    frame(
      FRAME.pushPromise,
      FLAG.endHeaders,
      id,
      Buffer.concat([u32(promised), new TestEncoder().block(get(path), () => 'plain')]),
    )

  test('is an exchange of the request that the server promised', () => {
    assert.deepEqual(
      told([
        ['client', Buffer.concat([preface, headers(1, get('/'), ends)])],
        ['server', Buffer.concat([promise(1, 2, '/a.css'), headers(1, status(200), ends)])],
        ['server', Buffer.concat([promise(1, 4, '/b.css'), headers(2, status(200)), data(2, 'x', true)])],
        ['client', reset(4, 8)],
        ['server', headers(4, status(200), ends)],
      ]),
      ['1 GET / 200', '2 GET /a.css 200', '4 GET /b.css ? (RST_STREAM: CANCEL)'],
    )
  })
})

describe('CONNECT', () => {
  const connect = [
    [':method', 'CONNECT'],
    [':authority', 'db.test:5432'],
  ] as const

  test('is over when it is accepted: what follows is none of HTTP', () => {
    const { asked, answered } = first([
      ['client', Buffer.concat([headers(1, connect), data(1, 'early')])],
      ['server', Buffer.concat([headers(1, status(200)), data(1, 'tunnel', true)])],
    ])
    assert.deepEqual(
      [asked.url, asked.path, asked.bodySize, asked.incomplete],
      ['db.test:5432', 'db.test:5432', 0, false],
    )
    assert.deepEqual([answered.status, answered.bodySize, answered.incomplete], [200, 0, false])
    assert.equal(http2.authority?.(asked as never), 'db.test')
  })

  test('for WebSocket has a path (RFC 8441), and when it is refused a reply as any', () => {
    const socket = [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get('/chat').slice(1)] as const
    assert.deepEqual(
      told([
        ['client', Buffer.concat([preface, headers(1, socket), headers(3, socket)])],
        ['server', Buffer.concat([headers(1, status(200)), headers(3, status(403)), data(3, 'no', true)])],
        ['client', data(3, '', true)],
      ]),
      ['1 CONNECT /chat 200', '3 CONNECT /chat 403'],
    )
  })
})

describe('joined midway', () => {
  const said = (chunks: Parameters<typeof told>[0]) => told(chunks, undefined, MIDWAY)

  test('paths are told where they are written out, and the rest is not made up', () => {
    const encoder = new TestEncoder()
    encoder.block([...get('/before'), ['x', 'y']])
    const old = headers(7, get('/before'), { ends: true, encoder, writing: 'index' })
    const fresh = headers(9, get('/after'), { ends: true, encoder, writing: 'insert' })
    const again = headers(11, get('/after'), { ends: true, encoder, writing: 'index' })
    assert.deepEqual(said([['client', Buffer.concat([old, fresh, again])]]), [
      '7 GET … ?',
      '9 GET /after ?',
      '11 GET /after ?',
    ])
  })

  test('a reply without its request is told, and one that has begun before with what is known of it', () => {
    assert.deepEqual(
      said([
        ['server', headers(5, status(200), ends)],
        ['server', Buffer.concat([data(7, 'rest of a body'), headers(7, [['grpc-status', '3']], ends)])],
        ['server', data(9, 'rest of another', true)],
        ['client', headers(11, get('/next'), ends)],
        ['server', headers(11, status(200), ends)],
      ]),
      ['5 ? 200 (reply without a request)', '7 ? 0… (reply without a request)', '11 GET /next 200'],
    )
  })

  test('a reply whose status is not known may have been an interim one', () => {
    const encoder = new TestEncoder()
    encoder.block(status(103))
    const interim = headers(1, status(103), { encoder, writing: 'index' })
    assert.deepEqual(
      said([
        ['client', headers(1, get('/'), ends)],
        ['server', Buffer.concat([interim, headers(1, status(200), { encoder, ends: true })])],
      ]),
      ['1 GET / 200'],
    )
  })

  test('the preface shows that all is known all the same', () => {
    const encoder = new TestEncoder()
    const insert = headers(1, status(200, ['x', 'y']), { encoder, writing: 'insert', ends: true })
    assert.deepEqual(
      said([
        ['client', Buffer.concat([preface, headers(1, get('/a'), ends)])],
        ['server', Buffer.concat([settings(), insert])],
        ['client', headers(3, get('/b'), ends)],
        // An index that cannot be, where the table is known from its beginning on.
        ['server', frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.of(0x88, 0xc8))],
      ]),
      ['1 GET /a 200', '3 GET /b 200…'],
    )
  })
})

describe('after a hole', () => {
  const begin: Parameters<typeof told>[0] = [
    ['client', Buffer.concat([preface, headers(1, get('/a'), ends), headers(3, get('/b'), ends)])],
    [
      'server',
      Buffer.concat([settings(), headers(1, status(200)), data(1, 'x'.repeat(100)).subarray(0, 59)]),
    ],
  ]

  test('in a body what follows is read', () => {
    const rest = Buffer.concat([
      Buffer.from('x'.repeat(20)),
      data(1, '', true),
      headers(3, status(404), ends),
    ])
    assert.deepEqual(told([...begin, ['server', 30], ['server', rest]]), ['1 GET /a 200…', '3 GET /b 404'])
    const [exchange] = exchangesOf([...begin, ['server', 30], ['server', rest]])
    assert.equal((exchange?.response as { message?: Fields } | null)?.message?.bodySize, 100)
    assert.equal(exchange?.response?.size, headers(1, status(200)).length + 109 + 9)
  })

  test('that ends with a body the stream ends', () => {
    const last = data(1, 'x'.repeat(100), true)
    assert.deepEqual(
      told([
        begin[0] as (typeof begin)[0],
        ['server', Buffer.concat([headers(1, status(200)), last.subarray(0, 59)])],
        ['server', 50],
        ['server', headers(3, status(404), ends)],
      ]),
      ['1 GET /a 200…', '3 GET /b 404'],
    )
  })
})

/** A connection whose chunks go through the engine. */
class Wire {
  readonly exchanges: Exchange[] = []
  readonly #dissection: Dissection

  constructor(memory = 1 << 20) {
    this.#dissection = new Dissection({
      dissectors,
      ports: new Map(),
      context: { wantsBodies: true, maxBody: 1 << 20 },
      replyTimeout: 10,
      memory,
      exchange: (exchange) => this.exchanges.push(exchange),
      conversation: () => {},
      reportEvery: 60,
    })
  }

  open(
    opener: 0 | -1 = 0,
    port = 4000,
  ): ConnectionHandler & { send(side: 'client' | 'server', bytes: Uint8Array | string): void } {
    const packet = new Packet()
    Object.assign(packet, { protocol: 6, ipVersion: 4, srcPort: 40_000, dstPort: port })
    const connection = new Connection(0, packet, 0, IDLE)
    connection.opener = opener
    const handler = this.#dissection.open(connection)
    return Object.assign(handler, {
      send: (side: 'client' | 'server', text: Uint8Array | string) => {
        const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
        handler.data(side === 'client' ? 0 : 1, bytes, 0, bytes.length)
      },
    })
  }

  get told(): string[] {
    return this.exchanges.map(({ dissector, request, response, error }) => {
      const { path = '?' } = (request ?? {}) as { path?: string }
      const { status: code = '?', incomplete } = (response ?? {}) as { status?: number; incomplete?: boolean }
      return `${dissector.name} ${path} ${code}${incomplete === true ? '…' : ''}${error === null ? '' : ` (${error.msg})`}`
    })
  }
}

describe('in a connection', () => {
  test('that was upgraded the reply to the upgrade is on the first stream', () => {
    const wire = new Wire()
    const connection = wire.open()
    const upgrade =
      'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'
    connection.send('client', upgrade)
    const switched = Buffer.from(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    )
    connection.send(
      'server',
      Buffer.concat([switched, settings(), headers(1, status(200)), data(1, 'x', true)]),
    )
    connection.send('client', Buffer.concat([preface, headers(3, get('/next'), ends)]))
    connection.send('server', headers(3, status(204), ends))
    connection.close('closed')
    assert.deepEqual(wire.told, ['http /up 101', 'http2 /up 200', 'http2 /next 204'])
    assert.equal(wire.exchanges[1]?.requestSize, upgrade.length)
  })

  test('that was upgraded frames may be as long as the upgrade has said', () => {
    for (const [size, told] of [
      ['00005000', 'http2 /up 200'],
      ['00004000', 'http2 /up 200…'],
    ] as const) {
      const wire = new Wire()
      const connection = wire.open()
      const agreed = Buffer.from(`0003000000640005${size}`, 'hex')
      connection.send(
        'client',
        `GET /up HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: ${agreed.toString('base64url')}\r\n\r\n`,
      )
      connection.send(
        'server',
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      )
      const body = data(1, 'x'.repeat(20_000), true)
      connection.send('server', Buffer.concat([settings(), headers(1, status(200)), body]))
      connection.close('closed')
      assert.deepEqual(wire.told, ['http /up 101', told])
    }
  })

  test('that is joined midway who asks is told by what they say, on any port', () => {
    const wire = new Wire()
    const connection = wire.open(-1)
    connection.send('server', data(1, 'rest of a body', true))
    connection.send('client', frame(FRAME.windowUpdate, 0, 0, u32(1000)))
    connection.send('client', headers(3, get('/a'), ends))
    connection.send('server', headers(3, status(200), ends))
    connection.close('closed')
    assert.deepEqual(wire.told, ['http2 /a 200'])
    assert.equal(wire.exchanges[0]?.stream.client.port, '40000')

    const reversed = new Wire()
    const other = reversed.open(-1)
    other.send('client', headers(3, status(200, ['server', 'x']), ends))
    other.send('server', headers(5, get('/a'), ends))
    other.close('idle')
    assert.deepEqual(reversed.told, ['http2 ? 200 (reply without a request)', 'http2 /a ? (no reply)'])
    assert.equal(reversed.exchanges[0]?.stream.client.port, '4000')
  })

  test('that loses bytes the table is not known from there on', () => {
    const wire = new Wire()
    const connection = wire.open()
    const encoder = new TestEncoder()
    connection.send('client', preface)
    connection.send('client', headers(1, get('/a'), { ends: true, encoder, writing: 'insert' }))
    connection.send('server', settings())
    connection.send('server', headers(1, status(200), ends))
    const lost = headers(3, get('/b'), { ends: true, encoder, writing: 'insert' })
    connection.gap(0, lost.length)
    connection.send('client', headers(5, get('/a'), { ends: true, encoder, writing: 'index' }))
    connection.send('client', headers(7, get('/c'), { ends: true, encoder, writing: 'insert' }))
    for (const id of [3, 5, 7]) connection.send('server', headers(id, status(200 + id), ends))
    connection.close('closed')
    assert.deepEqual(wire.told, [
      'http2 /a 200',
      'http2 ? 203 (reply without a request)',
      'http2  205',
      'http2 /c 207',
    ])
  })

  test('bodies are let go of when memory is short, and nothing else', () => {
    const wire = new Wire(30_000)
    const [one, two] = [wire.open(), wire.open()]
    for (const connection of [one, two]) {
      connection.send('client', Buffer.concat([preface, headers(1, get('/a'), ends)]))
      connection.send('server', Buffer.concat([settings(), headers(1, status(200))]))
      connection.send('server', data(1, 'x'.repeat(16_000)))
    }
    for (const connection of [one, two]) {
      connection.send('server', data(1, 'x'.repeat(4000), true))
      connection.close('closed')
    }
    assert.deepEqual(wire.told, ['http2 /a 200', 'http2 /a 200'])
    const bodies = wire.exchanges.map(
      ({ response }) => response as { bodySize: number; content: { text: string; truncated: boolean } },
    )
    assert.deepEqual(
      bodies.map(({ bodySize, content }) => [bodySize, content.text.length, content.truncated]),
      [
        [20_000, 0, true],
        [20_000, 20_000, false],
      ],
    )
  })
})

function at(seconds: number) {
  return { seconds, nanos: 0 }
}
