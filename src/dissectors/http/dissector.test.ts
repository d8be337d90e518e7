import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Parser } from '../../dissect/dissector.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { http } from './dissector.ts'
import {
  firstReply,
  firstRequest,
  plain,
  readReplies,
  readRequests,
  repliesOf,
  requestsOf,
  seen,
} from './test-messages.ts'

const NO_BODIES = { wantsBodies: false, maxBody: 1 << 20 }

describe('a request', () => {
  test('has the fields that agents know', () => {
    const wire =
      'GET /v1/price?id=7&tag=a%20b&tag=c+d&flag HTTP/1.1\r\nHost: price:8080\r\nAccept: text/html\r\naccept: */*\r\nCookie: sid=1; theme="dark"; sid=2\r\n\r\n'
    assert.deepEqual(plain('client', firstRequest(wire)), {
      method: 'GET',
      url: '/v1/price?id=7&tag=a%20b&tag=c+d&flag',
      targetUri: '/v1/price',
      path: '/v1/price',
      pathSegments: ['v1', 'price'],
      httpVersion: 'HTTP/1.1',
      headers: {
        Host: 'price:8080',
        Accept: 'text/html,*/*',
        Cookie: 'sid=1; theme="dark"; sid=2',
      },
      cookies: { sid: '1', theme: '"dark"' },
      queryString: { id: '7', tag: 'a b,c d', flag: '' },
      headersSize: -1,
      bodySize: 0,
      postData: { mimeType: '', params: [], text: '', encoding: '', truncated: false },
      incomplete: false,
      graphql: null,
      grpcService: '',
      grpcMethod: '',
      grpcMessageCount: 0,
      grpcMessages: [],
    })
  })

  test('in absolute form names the server and keeps its path', () => {
    const request = firstRequest('GET http://user@shop.test:81/a/b?x=1 HTTP/1.1\r\nHost: proxy\r\n\r\n')
    assert.equal(request.url, 'http://user@shop.test:81/a/b?x=1')
    assert.equal(request.targetUri, 'http://user@shop.test:81/a/b')
    assert.equal(request.path, '/a/b')
    assert.equal(http.authority?.(request), 'shop.test')
    assert.equal(firstRequest('GET http://shop.test?x=1 HTTP/1.1\r\n\r\n').path, '/')
  })

  test('says whether a helper of scripts sent it', () => {
    const isOurs = (header: string) =>
      http.isOurs?.(firstRequest(`GET / HTTP/1.1\r\nHost: kubeshark-hub\r\n${header}\r\n\r\n`))
    assert.equal(isOurs('X-Kubeshark-Capture: ignore'), true)
    assert.equal(isOurs('x-kubeshark-capture:ignore'), true)
    assert.equal(isOurs('x-kubeshark-capture: keep'), false)
    assert.equal(isOurs('a: 1'), false)
  })

  test('names its server by the Host header without the port', () => {
    const authority = (host: string) =>
      http.authority?.(firstRequest(`GET / HTTP/1.1\r\nX: 1\r\nhOsT: ${host}\r\n\r\n`))
    assert.equal(authority('price.shop:8080'), 'price.shop')
    assert.equal(authority('[::1]:80'), '[::1]')
    assert.equal(authority('x'.repeat(254)), undefined)
    assert.equal(http.authority?.(firstRequest('GET / HTTP/1.0\r\n\r\n')), undefined)
  })

  test('of OPTIONS * and CONNECT has its target as path', () => {
    assert.equal(firstRequest('OPTIONS * HTTP/1.1\r\n\r\n').path, '*')
    const request = firstRequest('CONNECT shop.test:443 HTTP/1.1\r\nHost: other\r\n\r\n')
    assert.equal(request.path, 'shop.test:443')
    assert.deepEqual(request.pathSegments, [])
    assert.equal(http.authority?.(request), 'shop.test')
  })

  test('keeps bytes above ASCII: UTF-8 where they are that, else one character a byte', () => {
    const utf8 = Buffer.from('GET /grüße HTTP/1.1\r\nX-Name: café à\r\nÜ: 1\r\n\r\n')
    assert.equal(firstRequest(utf8).path, '/grüße')
    assert.deepEqual({ ...firstRequest(utf8).headers }, { 'X-Name': 'café à', Ü: '1' })
    assert.equal(firstRequest('GET / HTTP/1.1\r\nX-Name: caf\xe9\r\n\r\n').headers['X-Name'], 'café')
    assert.equal(firstRequest('GET /?a=%ff%zz%c3%bc HTTP/1.1\r\n\r\n').queryString.a, '\xff%zzü')
  })

  test('may have a header called __proto__', () => {
    const { headers } = firstRequest('GET / HTTP/1.1\r\n__proto__: x\r\n\r\n')
    assert.deepEqual(Object.entries(headers), [['__proto__', 'x']])
  })

  test('may have folded headers, bare line feeds, blank lines before it, and white space around values', () => {
    const wire =
      '\r\n\nGET / HTTP/1.1\nA:  1 \t\n\n\r\nPUT /b HTTP/1.1\r\nB: x\r\n \t y\r\n\tz\r\nC : 2\r\n\r\n'
    assert.deepEqual(
      readRequests(wire).map(({ headers }) => ({ ...headers })),
      [{ A: '1' }, { B: 'x y z', C: '2' }],
    )
    assert.deepEqual(
      readRequests('POST /a HTTP/1.1\r\nContent-Length:\r\n 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n').map(
        ({ url }) => url,
      ),
      ['/a', '/'],
    )
  })

  test('without a target or the last digit of its version is read as servers read it', () => {
    assert.equal(firstRequest('OPTIONS HTTP/1.1\r\n\r\n').url, '')
    assert.equal(firstRequest('GET / HTTP/1.\r\nHost: x\r\n\r\n').httpVersion, 'HTTP/1.')
  })

  test('of HTTP/1.0 is of the second variant', () => {
    const variant = (wire: string) => http.variant?.(firstRequest(wire), null)
    assert.equal(variant('GET / HTTP/1.1\r\n\r\n'), 0)
    assert.equal(variant('GET / HTTP/1.0\r\n\r\n'), 1)
    assert.equal(http.variant?.(null, firstReply('HTTP/1.0 200 OK\r\n\r\n')), 1)
    assert.deepEqual(
      http.protocols.slice(0, 2).map(({ version, longName }) => [version, longName]),
      [
        ['1.1', 'Hypertext Transfer Protocol -- HTTP/1.1'],
        ['1.0', 'Hypertext Transfer Protocol -- HTTP/1.0'],
      ],
    )
  })
})

describe('a reply', () => {
  test('has the fields that agents know', () => {
    const wire =
      'HTTP/1.1 302 Moved Temporarily\r\nLocation: /next\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=x,y; Secure\r\nSet-Cookie: a=2\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 14\r\n\r\n{"price":"é"}'
    assert.deepEqual(plain('server', firstReply(Buffer.from(wire))), {
      status: 302,
      statusText: 'Moved Temporarily',
      httpVersion: 'HTTP/1.1',
      headers: {
        Location: '/next',
        'Set-Cookie': 'a=1; Path=/,b=x,y; Secure,a=2',
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': '14',
      },
      cookies: { a: '2', b: 'x,y' },
      redirectURL: '/next',
      headersSize: -1,
      bodySize: 14,
      content: {
        size: 14,
        mimeType: 'application/json; charset=utf-8',
        text: '{"price":"é"}',
        encoding: '',
        truncated: false,
      },
      incomplete: false,
      errors: [],
      grpcStatus: null,
      grpcMessage: '',
      grpcMessageCount: 0,
      grpcMessages: [],
    })
  })

  test('may lack a reason', () => {
    const statuses = readReplies('HTTP/1.1 204\r\n\r\nHTTP/1.1 204 \r\n\r\nHTTP/1.1 500 Oh no\r\n\r\n').map(
      ({ status, statusText }) => [status, statusText],
    )
    assert.deepEqual(statuses, [
      [204, ''],
      [204, ''],
      [500, 'Oh no'],
    ])
  })

  test('that ends with the connection is whole after a FIN and incomplete after a reset', () => {
    const wire = Buffer.from('HTTP/1.0 200 OK\r\n\r\nhello')
    const parser = http.open({ wantsBodies: true, maxBody: 100 }, AT_THE_START).server
    const ends = [true, false].map((clean) => {
      assert.deepEqual(parser.next(wire, 0, wire.length), { kind: 'partial', length: wire.length })
      return lastOf(parser, clean)
    })
    assert.deepEqual(
      ends.map((reply) => [reply?.content.text, reply?.incomplete]),
      [
        ['hello', false],
        ['hello', true],
      ],
    )
  })

  test('to HEAD has no body, as 204 and 304 have none', () => {
    const fed = feed(http, [
      [
        'client',
        'GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\nGET /4 HTTP/1.1\r\n\r\n',
      ],
      [
        'server',
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n',
      ],
      ['server', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\nHTTP/1.1 204 No Content\r\n'],
      ['server', 'Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ])
    assert.deepEqual(
      repliesOf(fed).map(({ status, bodySize }) => [status, bodySize]),
      [
        [200, 1],
        [200, 0],
        [304, 0],
        [204, 0],
        [200, 0],
      ],
    )
  })

  test('without a known request is taken to have a body', () => {
    assert.deepEqual(
      readReplies(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n',
      ).map(({ status }) => status),
      [200, 404],
    )
  })

  test('comes after interim ones, which are none', () => {
    const fed = feed(http, [
      ['client', 'HEAD / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n'],
      ['server', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
      ['server', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
    ])
    assert.deepEqual(
      repliesOf(fed).map(({ status }) => status),
      [200],
    )
  })

  test('in several transfer codings ends with its last chunk, or with the connection', () => {
    const chunked = firstReply(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\ntransfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
    )
    assert.equal(chunked.bodySize, 1)
    assert.equal(chunked.incomplete, false)
    assert.equal(firstReply('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nabc').bodySize, 3)
    assert.equal(
      firstReply('HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nabc').bodySize,
      2,
    )
  })
})

describe('a chunked body', () => {
  const wire =
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nETag: "1"\r\n\r\n' +
    '4;name="v;\'"\r\nWiki\r\n0006  \r\npedia \r\nA\r\nin\r\n\r\nchun\r\n000;last\r\nETag: "2"\r\nDigest: x\r\n\r\nGET /next HTTP/1.1\r\n\r\n'

  test('is joined, its trailers stand with the headers where those are silent', () => {
    const [post, next] = readRequests(wire)
    assert.equal(post?.postData.text, 'Wikipedia in\r\n\r\nchun')
    assert.equal(post?.bodySize, 20)
    assert.deepEqual({ ...post?.headers }, { 'Transfer-Encoding': 'chunked', ETag: '"1"', Digest: 'x' })
    assert.equal(next?.path, '/next')
  })

  test('is measured also when bodies are not kept', () => {
    const [post, next] = readRequests(wire, NO_BODIES)
    assert.equal(post?.bodySize, 20)
    assert.equal(post?.postData.text, '')
    assert.equal(next?.path, '/next')
  })

  for (const [name, size] of [
    ['no number', 'xyz'],
    ['negative', '-1'],
    ['empty', ''],
    ['above 2^53', '20000000000001'],
    ['2^64', '10000000000000000'],
    ['followed by letters', '5 x'],
    ['in C notation', '0x5'],
  ])
    test(`is not read on where a chunk size is ${name}`, () => {
      const fed = feed(http, [
        ['client', `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\nhello\r\n0\r\n\r\n`],
      ])
      assert.equal(fed.invalid, 'a chunk size that is no number')
      assert.deepEqual(fed.messages, [])
    })

  test('is not read on where a chunk is longer than its size, a line too long or trailers too many', () => {
    const invalid = (chunks: string) =>
      feed(http, [['client', `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`]]).invalid
    assert.equal(invalid('2\r\nabc\r\n0\r\n\r\n'), 'a chunk that is longer than it says')
    assert.equal(invalid(`2;${'x'.repeat(5000)}`), 'a line between chunks that is too long')
    assert.equal(invalid(`0\r\n${'a: b\r\n'.repeat(101)}`), 'too many trailers')
  })
})

describe('the length of a body', () => {
  const lengths = (headers: string, from: 'client' | 'server' = 'client') => {
    const first = from === 'client' ? 'POST / HTTP/1.1' : 'HTTP/1.1 200 OK'
    return feed(http, [[from, `${first}\r\n${headers}\r\n\r\n`]]).invalid
  }

  for (const value of ['-1', '+5', '5 5', '5,6', 'five', '', '0x10', '99999999999999999999', '1e3', '5\xa0'])
    test(`is not known from "Content-Length: ${value}"`, () => {
      const wire = Buffer.from(`POST / HTTP/1.1\r\nContent-Length: ${value}\r\n\r\nhello`, 'latin1')
      const parser = http.open({ wantsBodies: true, maxBody: 100 }, AT_THE_START).client
      const head = parser.next(wire, 0, wire.length)
      assert.deepEqual(head, { kind: 'partial', length: wire.length - 5 })
      assert.equal(parser.next(wire, wire.length - 5, wire.length).kind, 'invalid')
      assert.equal(lastOf(parser, false)?.incomplete, true, 'the request itself is told of')
    })

  test('is what several equal Content-Lengths say, and unknown when they differ', () => {
    assert.equal(
      firstRequest('POST / HTTP/1.1\r\nContent-Length: 2, 2\r\ncontent-length: 2\r\n\r\nab').bodySize,
      2,
    )
    assert.equal(
      lengths('Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc'),
      'a message whose length cannot be known',
    )
  })

  test('is that of the chunks where Content-Length says otherwise', () => {
    const wire =
      'POST / HTTP/1.1\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n'
    assert.deepEqual(
      readRequests(wire).map(({ path }) => path),
      ['/', '/smuggled'],
    )
    assert.equal(readRequests(wire.replace('50', '-5')).length, 2)
  })

  test('of a request in a transfer coding that is not chunked cannot be known', () => {
    assert.equal(lengths('Transfer-Encoding: xchunked\r\n\r\nabc'), 'a message whose length cannot be known')
  })

  test('of a header that only begins like one is not taken', () => {
    assert.equal(
      firstRequest('POST / HTTP/1.1\r\nContent-Length-X: 5\r\nContent-Lengt: 5\r\n\r\n').bodySize,
      0,
    )
  })
})

describe('a message that is not whole', () => {
  test('is told of with what came of it, and marked', () => {
    for (const wire of [
      'POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc',
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc',
    ]) {
      const fed = feed(http, [
        ['client', wire],
        ['client', null],
      ])
      const [request] = requestsOf(fed)
      assert.equal(request?.incomplete, true)
      assert.equal(request?.postData.text, 'abc')
      assert.equal(request?.postData.truncated, true)
      assert.equal(request?.bodySize, 10)
    }
  })

  test('is not told of when its head is not whole', () => {
    const fed = feed(http, [
      ['client', 'GET / HTTP/1.1\r\nHost: x\r\n'],
      ['client', null],
    ])
    assert.deepEqual(fed.messages, [])
  })

  test('with a hole in a body of known length is marked, and what follows is read', () => {
    for (const [head, tail] of [
      ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab', 'ij'],
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nab', 'ij\r\n0\r\n\r\n'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nab', ''],
    ] as const) {
      const fed = feed(http, [
        ['server', head],
        ['server', 6],
        ['server', `${tail}HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n`],
      ])
      const [reply, next] = repliesOf(fed)
      assert.equal(reply?.bodySize, 8 + tail.slice(0, 2).length)
      assert.equal(reply?.incomplete, true)
      assert.equal(reply?.content.truncated, true)
      assert.equal(reply?.content.text, `ab${tail.slice(0, 2)}`)
      assert.equal(next?.status, 404)
      assert.equal(next?.incomplete, false)
    }
  })

  test('with a hole in a body that is not kept is marked as well', () => {
    for (const [head, tail] of [
      ['Content-Length: 10\r\n\r\nab', 'ij'],
      ['Transfer-Encoding: chunked\r\n\r\na\r\nab', 'ij\r\n0\r\n\r\n'],
    ]) {
      const next = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
      const fed = feed(
        http,
        [
          ['server', `HTTP/1.1 200 OK\r\n${head}`],
          ['server', 6],
          ['server', `${tail}${next}`],
        ],
        { wantsBodies: false, maxBody: 100 },
      )
      assert.deepEqual(
        repliesOf(fed).map(({ status, bodySize, incomplete }) => [status, bodySize, incomplete]),
        [
          [200, 10, true],
          [404, 0, false],
        ],
      )
    }
  })

  test('with a hole in a body that the end of the connection ends is marked', () => {
    const fed = feed(http, [
      ['server', 'HTTP/1.1 200 OK\r\n\r\nab'],
      ['server', 5],
      ['server', 'cd'],
      ['server', null],
    ])
    assert.deepEqual(
      repliesOf(fed).map(({ bodySize, incomplete }) => [bodySize, incomplete]),
      [[9, true]],
    )
  })

  test('ends what is read when the hole reaches past its body, or lies between the bodies', () => {
    const parser = http.open({ wantsBodies: true, maxBody: 100 }, AT_THE_START).server
    const wire = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab')
    parser.next(wire, 0, wire.length)
    assert.equal(parser.gap?.(9), 8, 'one byte reaches past the body')
    const reply = lastOf(parser, false)
    assert.deepEqual([reply?.bodySize, reply?.incomplete], [10, true])
    assert.equal(parser.gap?.(1), 0)
  })
})

describe('the body that is kept', () => {
  const body = 'x'.repeat(5000)

  test('is cut at the limit while the size stays true, and what follows is read', () => {
    for (const wire of [
      `HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${body}`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n${'x'.repeat(4096)}\r\n388\r\n${'x'.repeat(904)}\r\n0\r\n\r\n`,
    ]) {
      const [reply, next] = readReplies(`${wire}HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n`, {
        wantsBodies: true,
        maxBody: 1000,
      })
      assert.equal(reply?.bodySize, 5000)
      assert.equal(reply?.content.size, 5000)
      assert.equal(reply?.content.text.length, 1000)
      assert.equal(reply?.content.truncated, true)
      assert.equal(reply?.incomplete, false)
      assert.equal(next?.status, 404)
    }
  })

  test('is none when nobody wants bodies: the engine is told to drop it unseen', () => {
    const parser = http.open(NO_BODIES, AT_THE_START).server
    const wire = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nxx')
    assert.deepEqual(parser.next(wire, 0, wire.length), { kind: 'partial', length: wire.length - 2 })
    assert.deepEqual(parser.next(wire, wire.length - 2, wire.length), { kind: 'skip', length: 5000 })
    const step = parser.next(wire, 0, 0)
    assert.equal(step.kind, 'message')
    assert.equal(step.kind === 'message' && step.length, 0)
    assert.deepEqual(step.kind === 'message' && [step.message.bodySize, step.message.content.truncated], [
      5000,
      true,
    ])
  })

  test('may be long: a megabyte in segments is joined in order', () => {
    const bytes = Buffer.alloc(1 << 20)
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32BE(at, at)
    const wire = Buffer.concat([
      Buffer.from(`PUT / HTTP/1.1\r\nContent-Length: ${bytes.length}\r\n\r\n`),
      bytes,
    ])
    const parser = http.open({ wantsBodies: true, maxBody: 2 << 20 }, AT_THE_START).client
    let at = 0
    for (let end = 0; end < wire.length; ) {
      end = Math.min(end + 60_001, wire.length)
      const step = parser.next(wire, at, end)
      at = end
      if (end < wire.length) assert.equal(step.kind, 'partial')
      else
        assert.ok(
          step.kind === 'message' && Buffer.from(step.message.postData.text, 'base64').equals(bytes),
          'the body is as sent',
        )
    }
  })
})

describe('another protocol', () => {
  const upgrade = (token: string) => [
    ['client', `GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: ${token}\r\n\r\n`] as const,
    ['server', `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${token}\r\n\r\n\x81\x01a`] as const,
  ]

  for (const [token, to] of [
    ['websocket', 'ws'],
    ['WebSocket', 'ws'],
    ['h2c', 'http2'],
    ['TLS/1.2, HTTP/1.1', ''],
    ['tcp', ''],
  ] as const)
    test(`begins after the reply that agrees to Upgrade: ${token}`, () => {
      const fed = feed(http, upgrade(token))
      assert.equal(fed.switched, to)
      assert.deepEqual(
        repliesOf(fed).map(({ status }) => status),
        [101],
      )
      assert.equal(requestsOf(fed).length, 1)
    })

  test('begins after a CONNECT that the proxy grants, not after one that it refuses', () => {
    const connect = 'CONNECT shop:443 HTTP/1.1\r\n\r\n'
    const granted = feed(http, [
      ['client', connect],
      ['server', 'HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n\x16\x03'],
    ])
    assert.equal(granted.switched, '')
    assert.equal(repliesOf(granted)[0]?.bodySize, 0)
    const refused = feed(http, [
      ['client', connect],
      ['server', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'],
      ['client', connect],
    ])
    assert.equal(refused.switched, undefined)
    assert.equal(repliesOf(refused)[0]?.bodySize, 2)
    assert.equal(requestsOf(refused).length, 2)
  })

  test('that the client speaks before the reply was captured is held, not taken for HTTP', () => {
    const parsers = http.open({ wantsBodies: true, maxBody: 100 }, AT_THE_START)
    const request = Buffer.from('GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
    assert.equal(parsers.client.next(request, 0, request.length).kind, 'message')
    const frame = Buffer.from([0x81, 0x80, 1, 2, 3, 4])
    assert.deepEqual(parsers.client.next(frame, 0, frame.length), { kind: 'incomplete', need: 7 })
    const pipelined = Buffer.from('GET / HTTP/1.1\r\n\r\n')
    assert.equal(parsers.client.next(pipelined, 0, pipelined.length).kind, 'message')
    const flood = new Uint8Array(70_000)
    assert.equal(parsers.client.next(flood, 0, flood.length).kind, 'invalid')
  })

  test('that was asked for and not granted leaves HTTP as it was', () => {
    const fed = feed(http, [
      ['client', 'GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n'],
      ['server', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['client', 'GET /2 HTTP/1.1\r\n\r\n'],
    ])
    assert.equal(requestsOf(fed).length, 2)
  })
})

describe('what is no HTTP', () => {
  test('is refused at once, before its head could be whole', () => {
    const invalid = (side: 'client' | 'server', text: string) => feed(http, [[side, text]]).invalid
    const reason = 'no HTTP message where one should begin'
    assert.equal(invalid('client', 'GET / HTTP/1.1\r\n\r\n\x00\x01'), reason)
    assert.equal(invalid('client', 'GET /\r\n'), reason)
    assert.equal(invalid('client', 'PRI * HTTP/2.0\r\n'), reason)
    assert.equal(invalid('client', 'OPTIONS rtsp://x RTSP/1.0\r\n'), reason)
    assert.equal(invalid('client', `${'A'.repeat(33)}`), reason)
    assert.equal(invalid('server', 'ICY 200 OK\r\n'), reason)
    assert.equal(invalid('server', 'HTTP/1.1 2000 OK\r\n'), reason)
    assert.equal(invalid('server', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay'), reason)
  })

  test('is a head that does not end', () => {
    const head = `GET / HTTP/1.1\r\n${`X: ${'y'.repeat(1000)}\r\n`.repeat(270)}`
    assert.equal(feed(http, [['client', head]]).invalid, 'a head longer than 256 KiB')
    assert.equal(feed(http, [['client', `${head}\r\n`]]).invalid, 'a head longer than 256 KiB')
    assert.equal(Object.keys(firstRequest(`${head.slice(0, 200_000)}\r\n\r\n`).headers).length, 1)
  })
})

describe('the row of an entry', () => {
  test('has method, path and status with queries that select them', () => {
    const request = firstRequest('GET /a"b\\c?x=1 HTTP/1.1\r\n\r\n')
    const reply = firstReply('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    assert.deepEqual(http.summarize(request, reply), {
      method: 'GET',
      methodQuery: 'request.method == "GET"',
      summary: '/a"b\\c',
      summaryQuery: 'request.path == "/a\\"b\\\\c"',
      status: 404,
      statusQuery: 'response.status == 404',
    })
  })

  test('has nothing to say of what was not captured', () => {
    const reply = firstReply('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    assert.deepEqual(http.summarize(null, reply), {
      method: '',
      methodQuery: '',
      summary: '',
      summaryQuery: '',
      status: 404,
      statusQuery: 'response.status == 404',
    })
    assert.equal(http.summarize(firstRequest('GET / HTTP/1.1\r\n\r\n'), null).statusQuery, '')
  })

  test('shows the beginning of a path that is very long', () => {
    const { summary, summaryQuery } = http.summarize(
      firstRequest(`GET /${'a'.repeat(3000)} HTTP/1.1\r\n\r\n`),
      null,
    )
    assert.equal(summary.length, 1024)
    assert.equal(summaryQuery, `request.path.startsWith("${summary}")`)
  })
})

test('pipelined messages are all read from one segment', () => {
  const count = 2000
  const { messages } = feed(http, [
    ['client', 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(count)],
    ['server', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na'.repeat(count)],
  ])
  assert.equal(messages.length, 2 * count)
})

test('bodies that are wanted and bodies that are not give the same messages but for what the bodies say', () => {
  const wire = [
    [
      'client',
      'POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nPUT /c HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc',
    ],
    ['server', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\nuntil the end'],
    ['client', null],
    ['server', null],
  ] as const
  const withoutBodies = (value: unknown) =>
    JSON.stringify(value, (key, each) => (key === 'postData' || key === 'content' ? undefined : each))
  assert.equal(withoutBodies(seen(wire)), withoutBodies(seen(wire, NO_BODIES)))
})

/** What the end of a side completes or cuts off. */
function lastOf<M>(parser: Parser<M>, clean: boolean): M | undefined {
  const last = parser.end?.(clean)
  return last !== undefined && 'message' in last ? last.message : undefined
}
