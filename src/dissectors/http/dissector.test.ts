import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { feed } from '../../testing/feed.ts'
import { http } from './dissector.ts'
import type { HttpRequest, HttpResponse } from './messages.ts'

const GET = 'GET /a?x=1&y=%20z HTTP/1.1\r\nHost: shop.test:8080\r\nCookie: a=1; b=2\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello'

function request(text: string): HttpRequest {
  return feed(http, [['client', text]]).messages[0]?.message as HttpRequest
}

function response(...chunks: (string | Uint8Array | number | null)[]): HttpResponse {
  return feed(
    http,
    chunks.map((chunk) => ['server', chunk] as const),
  ).messages[0]?.message as HttpResponse
}

describe('HTTP/1', () => {
  test('reads a request', () => {
    const { method, url, path, pathSegments, queryString, cookies, headers, httpVersion, authority } =
      request(GET)
    assert.deepEqual(
      { method, url, path, pathSegments, queryString, cookies, headers, httpVersion, authority },
      {
        method: 'GET',
        url: '/a?x=1&y=%20z',
        path: '/a',
        pathSegments: ['a'],
        queryString: { x: '1', y: ' z' },
        cookies: { a: '1', b: '2' },
        headers: { Host: 'shop.test:8080', Cookie: 'a=1; b=2' },
        httpVersion: 'HTTP/1.1',
        authority: 'shop.test',
      },
    )
  })

  test('reads a response', () => {
    const { status, statusText, bodySize, content } = response(OK)
    assert.deepEqual(
      [status, statusText, bodySize, content.text, content.mimeType, content.encoding, content.truncated],
      [200, 'OK', 5, 'hello', 'text/plain', '', false],
    )
  })

  test('undoes chunks, with extensions and trailers', () => {
    const { content, headers, incomplete } = response(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwiki\r\n5\r\npedia\r\n0\r\nX-Sum: 9\r\n\r\n',
    )
    assert.deepEqual([content.text, content.size, headers['X-Sum'], incomplete], ['wikipedia', 9, '9', false])
  })

  test('undoes compression, and shows what it cannot undo', () => {
    const body = 'some text that compresses, '.repeat(20)
    const encoded = {
      gzip: gzipSync(body),
      deflate: deflateSync(body),
      br: brotliCompressSync(body),
      zstd: zstdCompressSync(body),
    }
    for (const [encoding, bytes] of [
      ...Object.entries(encoded),
      ['deflate', deflateRawSync(body)] as const,
    ]) {
      const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${bytes.length}\r\n\r\n`
      const { content, bodySize } = response(Buffer.concat([Buffer.from(head), bytes]))
      assert.deepEqual([content.text, content.size, bodySize], [body, body.length, bytes.length], encoding)
    }
    const broken = response('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd')
    assert.equal(broken.content.text, 'abcd')
  })

  test('shows bytes that are no text as base64', () => {
    const { content } = response(
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\x00', 'latin1'),
    )
    assert.deepEqual([content.text, content.encoding], ['//4A', 'base64'])
  })

  test('knows replies without a body, and replies that end with the connection', () => {
    const fed = feed(http, [
      ['client', 'HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n'],
      [
        'server',
        'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
      ],
      ['server', 'HTTP/1.0 200 OK\r\n\r\nto the end'],
      ['server', null],
    ])
    const replies = fed.messages
      .filter(({ side }) => side === 'server')
      .map(({ message }) => message as HttpResponse)
    assert.deepEqual(
      replies.map(({ status, bodySize, incomplete }) => [status, bodySize, incomplete]),
      [
        [200, 0, false],
        [304, 0, false],
        [200, 10, false],
      ],
    )
  })

  test('passes over interim replies, and hands on upgrades and tunnels', () => {
    const interim = feed(http, [
      ['client', 'POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'],
      ['server', `HTTP/1.1 100 Continue\r\n\r\n${OK}`],
      ['client', 'hi'],
    ])
    assert.deepEqual(
      interim.messages.map(({ side }) => side),
      ['server', 'client'],
    )
    const upgrade = feed(http, [
      ['client', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'],
      ['server', 'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x00'],
    ])
    assert.equal(upgrade.switched, 'ws')
    const tunnel = feed(http, [
      ['client', 'CONNECT a:1 HTTP/1.1\r\n\r\n'],
      ['server', 'HTTP/1.1 200 OK\r\n\r\n'],
    ])
    assert.equal(tunnel.switched, '')
  })

  test('joins repeated headers, unfolds folded ones and keeps a header named __proto__', () => {
    const { headers } = request('GET / HTTP/1.1\r\nA: 1\r\na: 2\r\nB: x\r\n  y\r\n__proto__: z\r\n\r\n')
    assert.deepEqual(Object.entries(headers), [
      ['A', '1,2'],
      ['B', 'x y'],
      ['__proto__', 'z'],
    ])
  })

  test('marks bodies that are cut off, have holes, or are longer than what is kept', () => {
    const cut = response('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', null)
    assert.deepEqual([cut.bodySize, cut.incomplete], [3, true])
    const hole = response('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 4, 'xyz')
    assert.deepEqual([hole.bodySize, hole.incomplete], [10, true])
    const fed = feed(http, [['server', OK]], { wantsBodies: true, maxBody: 2 })
    const { content } = (fed.messages[0] as { message: unknown }).message as HttpResponse
    assert.deepEqual([content.text, content.size, content.truncated], ['he', 5, true])
  })

  test('refuses lengths that are none, and heads without end', () => {
    for (const length of ['-1', '99999999999999999999', '5, 6', 'x'])
      assert.match(
        feed(http, [['server', `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`]]).invalid ?? '',
        /Content-Length/,
      )
    assert.match(
      feed(http, [['client', `GET / HTTP/1.1\r\nX: ${'x'.repeat(300_000)}`]]).invalid ?? '',
      /longer/,
    )
  })

  const conversation: [Side, string][] = [
    ['client', `${GET}POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\n\r\n`],
    ['server', `${OK}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${OK}`],
  ]

  test('reads the same however it is cut, with and without bodies', () => {
    const whole = shown(conversation, true)
    assert.equal(whole.length, 6)
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        fc.boolean(),
        (sizes, wantsBodies) => {
          const cut = conversation.flatMap(([side, text]) =>
            pieces(text, sizes).map((piece): [Side, string] => [side, piece]),
          )
          assert.deepEqual(
            shown(cut, wantsBodies),
            wantsBodies ? whole : whole.map((each) => ({ ...each, text: '' })),
          )
        },
      ),
    )
  })

  test('answers any bytes and any gaps without throwing', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(1000),
      fc.constantFrom(GET, OK, 'HTTP/1.1 200 OK\r\n', '0\r\n\r\n'),
      fc.constant(null),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('client' as const, 'server' as const), chunk)),
        (chunks) => void feed(http, chunks),
      ),
    )
  })

  test('probes for HTTP/1 and nothing else', () => {
    const probe = (text: string, side: Side) => http.probe(Buffer.from(text, 'latin1'), 0, text.length, side)
    assert.equal(probe(GET, 'client'), 'match')
    assert.equal(probe(OK, 'server'), 'match')
    assert.equal(probe('GET /a', 'client'), 'unsure')
    assert.equal(probe(OK, 'client'), 'reject')
    assert.equal(probe(GET, 'server'), 'reject')
    const others = [
      'PRI * HTTP/2.0\r\n\r\n',
      'OPTIONS rtsp://a RTSP/1.0\r\n',
      'INVITE sip:a SIP/2.0\r\n',
      '*1\r\n$4\r\nPING\r\n',
      'EHLO mail\r\n',
      'SSH-2.0-x\r\n',
      '\x16\x03\x01',
    ]
    for (const text of others) assert.equal(probe(text, 'client'), 'reject', text)
  })
})

function shown(chunks: readonly (readonly [Side, string])[], wantsBodies: boolean) {
  return feed(http, chunks, { wantsBodies, maxBody: 1000 })
    .messages.sort((a, b) => a.side.localeCompare(b.side))
    .map(({ side, message }) => {
      const { head, bodySize } = message as HttpRequest
      const text =
        side === 'client' ? (message as HttpRequest).postData.text : (message as HttpResponse).content.text
      return { side, head, bodySize, text }
    })
}

function pieces(text: string, sizes: readonly number[]): string[] {
  const cut: string[] = []
  for (let at = 0, index = 0; at < text.length; index++) {
    const size = sizes[index % sizes.length] as number
    cut.push(text.slice(at, at + size))
    at += size
  }
  return cut
}
