import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { http } from './dissector.ts'
import { innerDns } from './dns.ts'
import { readRequests, seen } from './test-messages.ts'

/** What one side says, with something of every kind in it. */
const speeches: readonly (readonly [Side, string])[] = [
  [
    'client',
    'GET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\nPOST /b?c=d HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello' +
      'POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: 1\r\n\r\n' +
      'get /bare HTTP/1.0\nA: b\n c\n\nHEAD /last HTTP/1.1\r\n\r\n\0garbage',
  ],
  [
    'server',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 304 N\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nHTTP/1.0 404 No\r\n\r\nup to the end',
  ],
  ['server', 'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x01a'],
  ['client', 'POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ['client', `GET /${'long'.repeat(700)} HTTP/1.1\r\nX: ${'y'.repeat(3000)}\r\n\r\nGET /b HTTP/1.1\n\n`],
]
const contexts = [
  { wantsBodies: true, maxBody: 1 << 20 },
  { wantsBodies: true, maxBody: 2 },
  { wantsBodies: false, maxBody: 1 << 20 },
]

describe('messages are the same however they are cut', () => {
  for (const [index, [side, text]] of speeches.entries())
    for (const context of contexts)
      test(`speech ${index} with ${JSON.stringify(context)}`, () => {
        const whole = seen(
          [
            [side, text],
            [side, null],
          ],
          context,
        )
        for (let at = 1; at < Math.min(text.length, 600); at++)
          assert.deepEqual(
            seen(
              [
                [side, text.slice(0, at)],
                [side, text.slice(at)],
                [side, null],
              ],
              context,
            ),
            whole,
            `cut at ${at}`,
          )
        const bytes = Array.from(text, (each) => [side, each] as const)
        if (text.length < 1000)
          assert.deepEqual(seen([...bytes, [side, null]], context), whole, 'byte by byte')
      })
})

test('any mixture of cuts, holes and ends is read without an exception', () => {
  const piece = fc.oneof(
    fc
      .constantFrom(...speeches.map(([, text]) => text))
      .chain((text) =>
        fc
          .tuple(fc.nat(text.length), fc.nat(text.length))
          .map(([a, b]) => text.slice(Math.min(a, b), Math.max(a, b))),
      ),
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(
      'GET / HTTP/1.1\r\n',
      'HTTP/1.1 200 OK\r\n',
      'Content-Length: ',
      'Transfer-Encoding: chunked\r\n',
      '\r\n',
      '\r\n\r\n',
      '5',
      ':',
    ),
    fc.integer({ min: 1, max: 300 }),
  )
  const chunk = fc.tuple(fc.constantFrom<Side[]>('client', 'server'), piece)
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 20 }), fc.constantFrom(...contexts), (chunks, context) => {
      seen([...chunks, ['client', null], ['server', null]], context)
    }),
    { numRuns: 500 },
  )
})

test('after a hole in a body everything that follows is read', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.nat(50), fc.constantFrom(...contexts.slice(0, 2)), (a, b, context) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      const body = 'x'.repeat(50)
      const fed = feed(
        http,
        [
          ['client', `PUT /1 HTTP/1.1\r\nContent-Length: 50\r\n\r\n${body.slice(0, from)}`],
          ['client', to - from],
          ['client', `${body.slice(to)}GET /2 HTTP/1.1\r\n\r\n`],
        ],
        context,
      )
      assert.deepEqual(
        fed.messages.map(({ message }) => (message as { path: string }).path),
        ['/1', '/2'],
      )
    }),
  )
})

describe('hostile input takes time in proportion to its length', () => {
  const drip = (side: Side, wire: Uint8Array, step = 1) => {
    const parser = http.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)[side]
    let calls = 0
    let need = 1
    let at = 0
    for (let end = step; end <= wire.length; end += step) {
      for (; at < end && end - at >= need; ) {
        calls++
        const answer = parser.next(wire, at, end)
        if (answer.kind === 'invalid') return calls
        need = answer.kind === 'incomplete' ? answer.need : 1
        if (answer.kind !== 'incomplete') at += answer.length
        else break
      }
    }
    return calls
  }

  for (const [name, side, text, step] of [
    ['a head byte by byte', 'client', `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(40_000)}`, 1],
    ['a first line byte by byte', 'client', `GET /${'a'.repeat(250_000)}`, 1],
    ['heads that end in bare line feeds', 'client', 'GET / HTTP/1.0\n\n'.repeat(60_000), 1 << 20],
    [
      'heads of both kinds',
      'client',
      'GET / HTTP/1.0\nA: b\r\n\nGET / HTTP/1.0\n\r\n'.repeat(25_000),
      1 << 20,
    ],
    [
      'tiny chunks',
      'server',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\na\r\n'.repeat(150_000)}`,
      1 << 20,
    ],
    ['a body byte by byte', 'server', `HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(300_000)}`, 1],
    ['blank lines', 'client', '\r\n'.repeat(300_000), 1],
  ] as const)
    test(name, () => {
      const started = process.cpuUsage()
      const wire = Buffer.from(text, 'latin1')
      assert.ok(drip(side, wire, Math.min(step, wire.length)) > 0)
      // Some ten milliseconds; what is quadratic takes minutes.
      assert.ok(cpuMsSince(started) < 5000)
    })

  const zeros = Buffer.alloc(32 << 20)
  const brotli = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 24 }
  const bombs = {
    gzip: gzipSync(zeros.subarray(0, 8 << 20)),
    br: brotliCompressSync(zeros, { params: brotli }),
  }
  for (const type of ['application/json', 'application/dns-message'])
    for (const coding of ['gzip', 'br'] as const)
      test(`bodies that become far longer, which nobody wants: ${type}, ${coding}`, () => {
        const body = bombs[coding]
        const head = `POST / HTTP/1.1\r\nContent-Type: ${type}\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`
        const one = Buffer.concat([Buffer.from(head), body])
        const wire = Buffer.concat(Array.from({ length: 50 }, () => one))
        const started = process.cpuUsage()
        const requests = readRequests(wire, { wantsBodies: false, maxBody: 1 << 20 })
        assert.equal(requests.length, 50)
        assert.ok(
          requests.every((request) => request.graphql === null && innerDns(request, null) === undefined),
        )
        // Some ten milliseconds; to look for how much of them can be decompressed takes seconds.
        assert.ok(cpuMsSince(started) < 2000)
      })

  test('what is read on demand', () => {
    const head = `GET /${'%41'.repeat(20_000)}?${'a=%42&'.repeat(10_000)} HTTP/1.1\r\n${'x: y\r\n'.repeat(5_000)}Cookie: ${'a=b;'.repeat(5_000)}\r\n`
    const started = process.cpuUsage()
    seen([
      [
        'client',
        `${head}Content-Type: multipart/form-data; boundary=a\r\nContent-Length: 600000\r\n\r\n${'--a\r\n\r\n'.repeat(100_000)}`,
      ],
    ])
    assert.ok(cpuMsSince(started) < 5000)
  })
})
