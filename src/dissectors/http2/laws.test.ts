import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { AT_THE_START } from '../../testing/feed.ts'
import { firstReply, firstRequest } from '../http/test-messages.ts'
import { Upgrade } from '../http/upgrade.ts'
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
} from './test-frames.ts'
import { MIDWAY, seen } from './test-session.ts'

const ends = { ends: true }
const encoder = new TestEncoder()
const long = encoder.block([...get('/long'), ['x', 'y'.repeat(600)]], () => 'insert')
const grpcMessage = Buffer.concat([Buffer.of(0, 0, 0, 0, 7), Buffer.from('0a0568656c6c6f', 'hex')])

/** What both sides say, with something of every kind in it. */
const client = Buffer.concat([
  preface,
  headers(1, get('/a'), ends),
  frame(
    FRAME.headers,
    FLAG.endStream | FLAG.padded,
    3,
    Buffer.concat([Buffer.of(2), long.subarray(0, 100), Buffer.alloc(2)]),
  ),
  frame(FRAME.continuation, FLAG.endHeaders, 3, long.subarray(100)),
  headers(5, post('/svc/Call', ['content-type', 'application/grpc'])),
  data(5, grpcMessage.subarray(0, 3)),
  frame(FRAME.windowUpdate, 0, 0, u32(5)),
  data(5, Buffer.concat([grpcMessage.subarray(3), grpcMessage]), true),
  headers(7, post('/up')),
  frame(FRAME.data, FLAG.padded, 7, Buffer.concat([Buffer.of(9), Buffer.from('body'), Buffer.alloc(9)])),
  headers(7, [['x-trailer', '1']], ends),
  headers(9, get('/canceled'), ends),
  reset(9, 8),
])
const server = Buffer.concat([
  settings([1, 4096], [3, 100]),
  frame(FRAME.settings, FLAG.ack, 0),
  headers(1, status(103)),
  frame(
    FRAME.pushPromise,
    FLAG.endHeaders,
    1,
    Buffer.concat([u32(2), new TestEncoder().block(get('/pushed'), () => 'plain')]),
  ),
  headers(3, status(404), ends),
  headers(1, status(200, ['content-type', 'text/plain'])),
  data(1, 'hello'),
  headers(2, status(200)),
  data(2, 'pushed', true),
  data(1, ' world', true),
  frame(FRAME.ping, 0, 0, '12345678'),
  headers(5, status(200, ['content-type', 'application/grpc'])),
  data(5, grpcMessage),
  headers(5, [['grpc-status', '0']], ends),
  goaway(5, 2),
])
const contexts = [
  { wantsBodies: true, maxBody: 1 << 20 },
  { wantsBodies: true, maxBody: 2 },
  { wantsBodies: false, maxBody: 1 << 20 },
]

describe('exchanges are the same however the bytes are cut', () => {
  for (const context of contexts)
    test(JSON.stringify(context), () => {
      const whole = seen(
        [
          ['client', client],
          ['server', server],
        ],
        context,
      )
      const cut = (bytes: Uint8Array, from: Side, at: number) =>
        [
          [from, bytes.subarray(0, at)],
          [from, bytes.subarray(at)],
        ] as const
      for (let at = 1; at < client.length; at++)
        assert.deepEqual(
          seen([...cut(client, 'client', at), ['server', server]], context),
          whole,
          `client at ${at}`,
        )
      for (let at = 1; at < server.length; at++)
        assert.deepEqual(
          seen([['client', client], ...cut(server, 'server', at)], context),
          whole,
          `server at ${at}`,
        )
      const bytes = (from: Side, all: Uint8Array) =>
        Array.from(all, (byte) => [from, Uint8Array.of(byte)] as const)
      assert.deepEqual(
        seen([...bytes('client', client), ...bytes('server', server)], context),
        whole,
        'byte by byte',
      )
    })
})

test('any mixture of cuts, holes, changed bytes and ends is read without an exception', () => {
  const piece = (all: Uint8Array) =>
    fc
      .tuple(fc.nat(all.length), fc.nat(all.length), fc.option(fc.tuple(fc.nat(all.length - 1), fc.nat(255))))
      .map(([a, b, change]) => {
        const bytes = Buffer.from(all)
        if (change !== null) bytes[change[0]] = change[1]
        return bytes.subarray(Math.min(a, b), Math.max(a, b))
      })
  const header = fc
    .tuple(fc.nat(11), fc.nat(255), fc.nat(9), fc.uint8Array({ maxLength: 20 }))
    .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload))
  const chunk = fc.tuple(
    fc.constantFrom<Side[]>('client', 'server'),
    fc.oneof(
      piece(client),
      piece(server),
      header,
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 1, max: 300 }),
    ),
  )
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 25 }),
      fc.constantFrom(...contexts),
      fc.boolean(),
      (chunks, context, isWhole) => {
        const all = [...chunks, ['client', null], ['server', null]] as const
        seen(all, context, isWhole ? undefined : MIDWAY)
      },
    ),
    { numRuns: 1500 },
  )
})

test('what is kept adds up, and nothing is left when all is over', () => {
  // A field counts for up to so many bytes more than it has on the wire, and there are fewer than so many.
  const fieldsMemory = 60 * 150
  const upgrade = `POST /up HTTP/1.1\r\nUpgrade: h2c\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5000)}`
  const switched = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n'
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(client.length), fc.nat(server.length)), { maxLength: 4 }),
      fc.boolean(),
      (stops, isUpgraded) => {
        const request = firstRequest(upgrade)
        const handover = isUpgraded ? new Upgrade(request, firstReply(switched), undefined) : undefined
        const parsers = http2.open({ wantsBodies: true, maxBody: 1 << 20 }, { ...AT_THE_START, handover })
        const at = { client: 0, server: 0 }
        const read = (side: Side, all: Uint8Array, end: number) => {
          while (at[side] < end) {
            const step = parsers[side].next(all, at[side], end)
            if (step.kind !== 'partial' && step.kind !== 'exchange') throw new Error(step.kind)
            at[side] += step.length
          }
          while (parsers[side].next(all, end, end).kind === 'exchange');
        }
        for (const [one, other] of stops) {
          read('client', client, Math.max(one, at.client))
          read('server', server, Math.max(other, at.server))
          assert.ok((parsers.client.held ?? -1) >= 0 && (parsers.server.held ?? -1) >= 0)
          const held = (parsers.client.held ?? 0) + (parsers.server.held ?? 0)
          const came = client.length + server.length + (isUpgraded ? upgrade.length : 0)
          assert.ok(held <= came + fieldsMemory)
          assert.ok(!isUpgraded || at.server > 0 || (parsers.client.held ?? 0) >= upgrade.length)
        }
        read('client', client, client.length)
        read('server', server, server.length)
        while (parsers.abandon?.() !== undefined);
        assert.deepEqual([parsers.client.held, parsers.server.held], [0, 0])
      },
    ),
  )
})

describe('hostile input', () => {
  const MOST_HEADS = 8 << 20
  const read = (bytes: Uint8Array, step: number, side: Side = 'client') => {
    const parsers = http2.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    let at = 0
    for (
      let end = Math.min(step, bytes.length);
      at < bytes.length;
      end = Math.min(end + step, bytes.length)
    ) {
      while (at < end) {
        const answer = parsers[side].next(bytes, at, end)
        if (answer.kind === 'invalid') return { held: parsers[side].held ?? 0, reason: answer.reason }
        if (answer.kind === 'incomplete') break
        at += answer.length
      }
    }
    return { held: parsers[side].held ?? 0, reason: undefined }
  }
  const part = frame(FRAME.continuation, 0, 1, 'x'.repeat(100))
  const block = Buffer.concat(Array.from({ length: 100_000 }, () => part))
  const opened = Buffer.concat(
    Array.from({ length: 60_000 }, (_, at) =>
      frame(FRAME.headers, FLAG.endHeaders, at * 2 + 1, Buffer.of(0x82, 0x84, 0x86)),
    ),
  )
  const trailers = Buffer.concat(
    Array.from({ length: 120_000 }, () => frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.of(0x84))),
  )
  const resets = Buffer.concat(
    Array.from({ length: 30_000 }, (_, at) => [
      frame(FRAME.headers, FLAG.endHeaders, at * 2 + 1, Buffer.of(0x82)),
      reset(at * 2 + 1, 8),
    ]).flat(),
  )
  const long = Buffer.concat(
    Array.from({ length: 1500 }, (_, at) => headers(at * 2 + 1, [...get('/'), ['x', 'y'.repeat(15_000)]])),
  )
  const references = Buffer.concat(
    Array.from({ length: 1500 }, (_, at) =>
      frame(FRAME.headers, FLAG.endHeaders, at * 2 + 1, Buffer.alloc(2000, 0x90)),
    ),
  )
  const body = Buffer.concat(Array.from({ length: 700 }, () => data(1, 'x'.repeat(16_000))))
  const large = Buffer.alloc(9)
  large.writeUIntBE(16_384, 0, 3)
  large[3] = FRAME.headers
  large[8] = 1
  test('what heads of open streams take is counted, and the oldest do not wait any longer', () => {
    for (const [name, bytes] of Object.entries({ long, references })) {
      const parsers = http2.open({ wantsBodies: false, maxBody: 1 << 20 }, AT_THE_START)
      const wire = Buffer.concat([preface, bytes])
      let told = 0
      for (let at = 0; ; ) {
        const step = parsers.client.next(wire, at, wire.length)
        if (step.kind === 'exchange') {
          assert.equal(step.error?.msg, 'the reply was not captured')
          told++
        } else if (step.kind !== 'partial') break
        at += step.length
      }
      const held = parsers.client.held ?? 0
      assert.ok(held <= MOST_HEADS && held > MOST_HEADS - (1 << 20), `${name}: ${held}`)
      while (parsers.abandon?.() !== undefined) told++
      assert.deepEqual([told, parsers.client.held], [1500, 0], name)
    }
  })

  for (const [name, bytes, step] of [
    [
      'a header block without end',
      Buffer.concat([preface, headers(3, get('/')), frame(FRAME.headers, 0, 1, 'x'), block]),
      1 << 20,
    ],
    ['streams without end', Buffer.concat([preface, opened]), 1 << 20],
    ['the same in small pieces', Buffer.concat([preface, opened]), 7],
    ['streams with long heads', Buffer.concat([preface, long]), 1 << 20],
    ['streams with heads of references', Buffer.concat([preface, references]), 1 << 20],
    ['heads of one stream without end', Buffer.concat([preface, trailers]), 1 << 20],
    ['streams that are reset at once', Buffer.concat([preface, resets]), 1 << 20],
    [
      'a body byte by byte',
      Buffer.concat([
        preface,
        headers(1, post('/')),
        data(1, 'x'.repeat(16_000)),
        data(1, 'x'.repeat(16_000)),
      ]),
      1,
    ],
    ['a body without end', Buffer.concat([preface, headers(1, post('/')), body]), 1 << 20],
    [
      'empty frames',
      Buffer.concat([preface, headers(1, post('/')), ...Array.from({ length: 60_000 }, () => data(1, ''))]),
      1 << 20,
    ],
    ['a frame that never comes', Buffer.concat([preface, large]), 1 << 20],
  ] as const)
    test(`${name} takes time in proportion to its length, and little memory`, () => {
      const started = process.cpuUsage()
      assert.ok(read(bytes, step).held < MOST_HEADS + (2 << 20))
      // Some ten milliseconds; what is quadratic takes minutes.
      assert.ok(cpuMsSince(started) < 5000)
    })
})
