import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { AT_THE_START } from '../../testing/feed.ts'
import { dtls } from './dtls.ts'
import {
  bytesOf,
  clientHelloBody,
  extension,
  serverHelloBody,
  sni,
  u16s,
  vector,
  versions,
} from './test-hellos.ts'

const u24 = (number: number) => bytesOf(number >> 16, u16s(number & 0xffff))

/** A record with a fragment of a handshake message. */
function fragment(
  type: number,
  sequence: number,
  body: Uint8Array,
  start = 0,
  end = body.length,
): Uint8Array {
  const piece = bytesOf(
    type,
    u24(body.length),
    u16s(sequence),
    u24(start),
    u24(end - start),
    body.subarray(start, end),
  )
  return bytesOf(22, u16s(0xfefd), new Uint8Array(8), vector(2, piece))
}

const hello = clientHelloBody({
  version: 0xfefd,
  cookie: [],
  extensions: [sni('voip.example'), versions(0xfefc, 0xfefd)],
})
const answer = serverHelloBody({ version: 0xfefd, ciphers: [0xc02b], extensions: [extension(23)] })

/** What the parser of the side that the bytes show makes of each datagram. */
function read(...datagrams: Uint8Array[]) {
  const parsers = dtls.open({ wantsBodies: false, maxBody: 0 }, AT_THE_START)
  return datagrams.map((bytes) => {
    const isClient = dtls.probe(bytes, 0, bytes.length, 'client') === 'match'
    const step = (isClient ? parsers.client : parsers.server).next(bytes, 0, bytes.length)
    return step.kind === 'message'
      ? [step.id, step.message.type, step.message.version, step.length]
      : step.kind
  })
}

describe('DTLS', () => {
  test('hellos find their replies by the sequence number of the message', () => {
    const verify = fragment(3, 0, bytesOf(u16s(0xfeff), vector(1, [1, 2, 3])))
    const second = fragment(1, 1, clientHelloBody({ version: 0xfefd, cookie: [1, 2, 3] }))
    const last = bytesOf(fragment(2, 1, answer), fragment(11, 2, new Uint8Array(300)))
    assert.deepEqual(read(fragment(1, 0, hello), verify, second, last), [
      [0, 'ClientHello', 'DTLS 1.3', 25 + hello.length],
      [0, 'HelloVerifyRequest', 'DTLS 1.0', verify.length],
      [1, 'ClientHello', 'DTLS 1.2', second.length],
      [1, 'ServerHello', 'DTLS 1.2', last.length],
    ])
  })

  test('hellos may come in fragments, of which some are sent again', () => {
    const pieces = [
      fragment(1, 0, hello, 0, 30),
      fragment(1, 0, hello, 0, 30),
      fragment(1, 0, hello, 60),
      fragment(1, 0, hello, 20, 60),
      fragment(1, 0, hello, 60),
    ]
    assert.deepEqual(
      read(...pieces).map((each) => (typeof each === 'string' ? each : each[1])),
      ['skip', 'skip', 'skip', 'skip', 'ClientHello'],
    )
  })

  test('hellos have a JA4 of their own', () => {
    const step = dtls
      .open({ wantsBodies: false, maxBody: 0 }, AT_THE_START)
      .client.next(fragment(1, 0, hello), 0, 25 + hello.length)
    assert.ok(step.kind === 'message')
    assert.match(step.message.ja4, /^dd2d010200_/)
    assert.equal(step.message.sni, 'voip.example')
  })

  test('records that are encrypted, cut off or of something else are none', () => {
    const encrypted = Uint8Array.from(fragment(1, 0, hello)).fill(1, 4, 5)
    const cutOff = fragment(1, 0, hello).subarray(0, -1)
    for (const bytes of [
      encrypted,
      cutOff,
      fragment(11, 0, hello),
      fragment(1, 0, hello, 0, 30).fill(0xff, 22, 25),
      bytesOf('\x12\x34\x01\x00'),
    ]) {
      assert.equal(dtls.probe(bytes, 0, bytes.length, 'client'), 'reject')
      assert.deepEqual(read(bytes), ['skip'])
    }
  })

  test('parsers answer any bytes without throwing', () => {
    const changed = fc
      .tuple(fc.constantFrom(fragment(1, 0, hello), fragment(2, 1, answer)), fc.nat(), fc.nat(255))
      .map(([bytes, at, byte]) =>
        Uint8Array.from(bytes).fill(byte, at % bytes.length, (at % bytes.length) + 1),
      )
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 100 }), changed),
        fc.constantFrom<Side>('client', 'server'),
        (bytes, side) => {
          dtls.probe(bytes, 0, bytes.length, side)
          read(bytes)
        },
      ),
      { numRuns: 500 },
    )
  })
})
