import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { DissectContext } from '../../../dissect/dissector.ts'
import { cpuMsSince } from '../../../testing/cpu-time.ts'
import { feed } from '../../../testing/feed.ts'
import { http2 } from '../../http2/dissector.ts'
import { data, headers, post, preface, settings, status, type TestField } from '../../http2/test-frames.ts'
import { http } from '../dissector.ts'
import { firstReply, firstRequest } from '../test-messages.ts'
import { GrpcBody, type GrpcMessage } from './body.ts'

const ends = { ends: true }
const KEEP: DissectContext = { wantsBodies: true, maxBody: 1 << 20 }
/** Field 1 is "hello", field 1 is "x". */
const hello = Buffer.from('0a0568656c6c6f', 'hex')
const short = Buffer.from('0a0178', 'hex')

function message(bytes: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flags
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

type Call = readonly [side: 'client' | 'server', bytes: Uint8Array | number]
interface Fields {
  readonly [name: string]: unknown
}

/** A call: what both sides say after its heads. */
function call(
  said: readonly Call[],
  context = KEEP,
  more: readonly TestField[] = [],
  type = 'application/grpc',
) {
  const [exchange] = feed(
    http2,
    [
      [
        'client',
        Buffer.concat([preface, headers(1, post('/shop.v1.Catalog/Get', ['content-type', type], ...more))]),
      ],
      ['server', Buffer.concat([settings(), headers(1, status(200, ['content-type', type], ...more))])],
      ...said,
    ],
    context,
  ).exchanges
  const { request, response } = exchange ?? {}
  return {
    asked: (request?.message ?? {}) as Fields & { readonly grpcMessages: readonly GrpcMessage[] },
    answered: (response?.message ?? {}) as Fields & { readonly grpcMessages: readonly GrpcMessage[] },
  }
}

function messagesOf(messages: readonly GrpcMessage[]): unknown[] {
  return messages.map((each) => [each.size, (each.message as Fields | null)?.['1'] ?? null])
}

const trailers = (...fields: readonly TestField[]) => headers(1, fields, ends)
const done: Call = ['server', trailers(['grpc-status', '0'])]

describe('a call', () => {
  test('has service, method, status, and the messages of both sides', () => {
    const { asked, answered } = call([
      ['client', data(1, Buffer.concat([message(hello), message(short)]), true)],
      ['server', data(1, message(short))],
      ['server', trailers(['grpc-status', '5'], ['grpc-message', 'not%20found: %e2%98%ba'])],
    ])
    assert.deepEqual(
      [asked.grpcService, asked.grpcMethod, asked.grpcMessageCount],
      ['shop.v1.Catalog', 'Get', 2],
    )
    assert.deepEqual(JSON.parse(JSON.stringify(asked.grpcMessages)), [
      { size: 7, compressed: false, type: '', message: { 1: 'hello' }, wireTypes: { 1: 'len' } },
      { size: 3, compressed: false, type: '', message: { 1: 'x' }, wireTypes: { 1: 'len' } },
    ])
    assert.deepEqual([answered.grpcStatus, answered.grpcMessage], [5, 'not found: ☺'])
    assert.deepEqual(messagesOf(answered.grpcMessages), [[3, 'x']])
    assert.equal(http2.protocols[http2.variant?.(asked as never, answered as never) ?? 0]?.abbr, 'gRPC')
    const { method, status: shown, statusQuery } = http2.summarize(asked as never, answered as never)
    assert.deepEqual([method, shown, statusQuery], ['POST', 5, 'response.grpcStatus == 5'])
  })

  test('may be answered by nothing but headers', () => {
    const type: TestField = ['content-type', 'application/grpc']
    const fields = [type, ['grpc-status', '12'], ['grpc-message', 'no such method']] as const
    const { exchanges } = feed(http2, [
      ['client', Buffer.concat([preface, headers(1, post('/a.B/C', type), ends)])],
      ['server', headers(1, status(200, ...fields), ends)],
    ])
    const answered = exchanges[0]?.response?.message as Fields
    assert.deepEqual(
      [answered.grpcStatus, answered.grpcMessage, answered.grpcMessageCount],
      [12, 'no such method', 0],
    )
  })

  test('is told by its status where the capture shows nothing else', () => {
    const { exchanges } = feed(http2, [['server', trailers(['grpc-status', '3'])]], KEEP, { isWhole: false })
    const response = exchanges[0]?.response?.message as never
    assert.equal(http2.variant?.(null, response), 1)
    assert.equal(http2.summarize(null, response).status, 3)
  })

  test('has messages that lie across frames, and frames with several', () => {
    const all = Buffer.concat([message(hello), message(Buffer.alloc(0)), message(short)])
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), all.length]
        const frames = at.slice(1).map((end, index) => data(1, all.subarray(at[index], end)))
        const { answered } = call([['client', data(1, '', true)], ['server', Buffer.concat(frames)], done])
        assert.deepEqual(messagesOf(answered.grpcMessages), [
          [7, 'hello'],
          [0, null],
          [3, 'x'],
        ])
      }),
    )
  })

  test('is counted where nobody wants bodies, and where they are not kept to their end', () => {
    const said: Call[] = [
      ['client', data(1, Buffer.concat([message(hello), message(short)]), true)],
      ['server', data(1, message(short))],
      done,
    ]
    const none = call(said, { wantsBodies: false, maxBody: 1 << 20 })
    assert.deepEqual([none.asked.grpcMessageCount, none.answered.grpcMessageCount], [2, 1])
    assert.deepEqual(messagesOf(none.asked.grpcMessages), [
      [7, null],
      [3, null],
    ])
    assert.deepEqual(messagesOf(call(said, { wantsBodies: true, maxBody: 15 }).asked.grpcMessages), [
      [7, 'hello'],
      [3, null],
    ])
  })

  test('has compressed messages', () => {
    const packed = (coding: string, bytes: Uint8Array) =>
      call([['client', data(1, message(bytes, 1), true)], done], KEEP, [['grpc-encoding', coding]]).asked
        .grpcMessages
    for (const [coding, bytes] of [
      ['gzip', gzipSync(hello)],
      ['deflate', deflateSync(hello)],
      ['identity', hello],
    ] as const) {
      const messages = packed(coding, bytes)
      assert.equal(messages[0]?.compressed, true)
      assert.deepEqual(messagesOf(messages), [[bytes.length, 'hello']])
    }
    assert.equal(packed('gzip', hello)[0]?.message, null, 'it is not')
    assert.equal(packed('zstandard', hello)[0]?.message, null)
    assert.equal(packed('gzip', gzipSync(Buffer.alloc(10 << 20)))[0]?.message, null, 'a bomb')
  })

  test('has compressed messages that are read up to one that fails, in time that has a bound', () => {
    const params = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 24 }
    const bomb = message(brotliCompressSync(Buffer.alloc(32 << 20), { params }), 1)
    const good = message(brotliCompressSync(hello), 1)
    const all = [good, message(hello), ...Array.from({ length: 996 }, () => bomb), message(short), good]
    const body = new GrpcBody(undefined, '')
    const kept = Buffer.concat(all)
    body.seen(kept, 0, kept.length)
    const started = process.cpuUsage()
    const messages = messagesOf(body.read(kept, 'application/grpc', 'br')).map(
      (each) => (each as unknown[])[1],
    )
    assert.deepEqual(
      [messages.slice(0, 3), messages.slice(-2)],
      [
        ['hello', 'hello', null],
        ['x', null],
      ],
    )
    // Some ten milliseconds for one bomb; all of them take minutes.
    assert.ok(cpuMsSince(started) < 5000)
  })

  test('has compressed messages that are not read where their coding is not known', () => {
    const all = Buffer.concat([message(hello, 1), message(gzipSync(hello), 1), message(short)])
    const { asked } = call([['client', data(1, all, true)], done])
    assert.deepEqual(
      messagesOf(asked.grpcMessages).map((each) => (each as unknown[])[1]),
      [null, null, 'x'],
    )
  })

  test('has messages in JSON, or in what nobody knows', () => {
    const text = Buffer.from('{"a":[1]}')
    const of = (type: string) => call([['client', data(1, message(text), true)], done], KEEP, [], type).asked
    assert.deepEqual(of('application/grpc+json').grpcMessages[0]?.message, { a: [1] })
    assert.equal(of('application/grpc+thrift').grpcMessages[0]?.message, null)
    assert.equal(of('application/grpc+proto; charset=x').grpcMessageCount, 1)
    const deep = Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))
    const body = data(1, Buffer.concat([message(deep), message(text)]), true)
    const said: Call[] = [['server', settings([5, 1 << 20])], ['client', body], done]
    const { grpcMessages } = call(said, KEEP, [], 'application/grpc+json').asked
    assert.deepEqual(
      grpcMessages.map((each) => each.message),
      [null, { a: [1] }],
    )
    for (const other of ['application/grpcx', 'application/json', 'application/grpc-web-text'])
      assert.equal(of(other).grpcMessageCount, 0, other)
  })

  test('of which bytes were lost is read as far as it is sure', () => {
    const body = Buffer.concat([message(hello), message(Buffer.concat([short, hello])), message(short)])
    const whole = data(1, body, true)
    const lose = (from: number, length: number) =>
      call([
        ['client', whole.subarray(0, 9 + from)],
        ['client', length],
        ['client', whole.subarray(9 + from + length)],
        done,
      ]).asked
    // In the second message: it is not read, nor what is kept behind the hole; it is counted.
    const inside = lose(18, 4)
    assert.deepEqual([inside.incomplete, inside.grpcMessageCount], [true, 3])
    assert.deepEqual(messagesOf(inside.grpcMessages), [
      [7, 'hello'],
      [10, null],
      [3, null],
    ])
    // Over the beginning of the third one: nobody knows what follows.
    assert.deepEqual(messagesOf(lose(20, 10).grpcMessages), [
      [7, 'hello'],
      [10, null],
    ])
  })

  test('lists so many messages, and counts them all', () => {
    const frames = Array.from({ length: 3000 }, () => data(1, message(short)))
    const { asked } = call([['client', Buffer.concat([...frames, data(1, '', true)])], done])
    assert.deepEqual([asked.grpcMessageCount, asked.grpcMessages.length], [3000, 1000])
  })
})

describe('gRPC-Web', () => {
  test('has its status behind the messages', () => {
    const body = Buffer.concat([
      message(hello),
      message(Buffer.from('grpc-status:7\r\ngrpc-message:go%20away\r\n'), 0x80),
    ])
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: ${body.length}\r\n\r\n`
    for (const context of [KEEP, { wantsBodies: false, maxBody: 1 << 20 }]) {
      const reply = firstReply(Buffer.concat([Buffer.from(head), body]), context)
      assert.deepEqual([reply.grpcStatus, reply.grpcMessage, reply.grpcMessageCount], [7, 'go away', 1])
      assert.equal(http.protocols[http.variant?.(null, reply) ?? 0]?.abbr, 'gRPC')
    }
    const request = firstRequest(
      Buffer.concat([
        Buffer.from(
          'POST /a.B/C HTTP/1.1\r\nContent-Type: application/grpc-web\r\nTransfer-Encoding: chunked\r\n\r\n',
        ),
        Buffer.from(`3\r\n${message(short).subarray(0, 3).toString('latin1')}\r\n5\r\n`, 'latin1'),
        Buffer.concat([message(short).subarray(3), Buffer.from('\r\n0\r\n\r\n')]),
      ]),
    )
    assert.deepEqual([request.grpcService, request.grpcMethod], ['a.B', 'C'])
    assert.deepEqual(messagesOf(request.grpcMessages), [[3, 'x']])
  })
})

test('any bytes are followed without an exception', () => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.nat(50), fc.constant(message(hello)))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const body = new GrpcBody(undefined, '')
      const kept: Uint8Array[] = []
      for (const each of pieces) {
        if (typeof each === 'number') body.missed(each)
        else {
          body.seen(each, 0, each.length)
          kept.push(each)
        }
      }
      JSON.stringify(body.read(Buffer.concat(kept), 'application/grpc', 'gzip'))
    }),
  )
})
