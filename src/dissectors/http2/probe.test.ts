import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { FLAG, FRAME, PREFACE } from './frames.ts'
import { beginsFrame, probe } from './probe.ts'
import {
  data,
  frame,
  get,
  goaway,
  headers,
  preface,
  reset,
  settings,
  status,
  TestEncoder,
  u32,
} from './test-frames.ts'

const verdict = (bytes: Uint8Array, from: Side) => probe(bytes, 0, bytes.length, from)
/** As the client's, and as the server's. */
const verdicts = (bytes: Uint8Array) => [verdict(bytes, 'client'), verdict(bytes, 'server')]

const request = headers(1, get('/a'), { ends: true })
const reply = headers(1, status(200, ['content-type', 'text/plain']))
const ping = frame(FRAME.ping, 0, 0, 'abcdefgh')
const update = frame(FRAME.windowUpdate, 0, 0, u32(1000))

describe('HTTP/2 is recognised', () => {
  test('by its preface, however it is cut', () => {
    assert.deepEqual(verdicts(preface), ['match', 'reject'])
    for (let at = 1; at < PREFACE.length; at++)
      assert.equal(verdict(PREFACE.subarray(0, at), 'client'), 'unsure')
    assert.deepEqual(verdicts(Buffer.from('PRI * HTTP/2.1\r\n')), ['reject', 'reject'])
    assert.deepEqual(verdicts(Buffer.from('POST / HTTP/1.1\r\n')), ['reject', 'reject'])
  })

  test('midway by the head of a message, which tells who sent it', () => {
    for (const before of [[], [settings([1, 4096], [4, 65535])], [ping, update], [data(1, 'body', true)]]) {
      assert.deepEqual(verdicts(Buffer.concat([...before, request])), ['match', 'reject'])
      assert.deepEqual(verdicts(Buffer.concat([...before, reply])), ['reject', 'match'])
    }
  })

  test('by a head with padding and priority', () => {
    const block = new TestEncoder().block(get('/a'), () => 'plain')
    const payload = Buffer.concat([Buffer.of(3, 0, 0, 0, 0, 15), block, Buffer.alloc(3)])
    const flags = FLAG.endHeaders | FLAG.padded | FLAG.priority
    assert.deepEqual(verdicts(frame(FRAME.headers, flags, 1, payload)), ['match', 'reject'])
  })

  test('by a head of which enough is here', () => {
    const block = new TestEncoder().block([...get('/a'), ['x', 'y'.repeat(3000)]], () => 'plain')
    const long = frame(FRAME.headers, FLAG.endHeaders, 1, block)
    assert.deepEqual(verdicts(long.subarray(0, 1000)), ['match', 'reject'])
    assert.deepEqual(verdicts(long.subarray(0, 11)), ['unsure', 'unsure'])
    const continued = frame(FRAME.headers, 0, 1, block.subarray(0, 100))
    assert.deepEqual(verdicts(continued), ['match', 'reject'])
  })

  test('by nothing that either side may send', () => {
    for (const each of [
      settings([3, 100]),
      settings(),
      ping,
      update,
      data(1, 'x', true),
      goaway(1, 0),
      reset(1, 8),
    ])
      assert.deepEqual(verdicts(each), ['unsure', 'unsure'])
    const trailers = headers(1, [['grpc-status', '0']], { ends: true })
    assert.deepEqual(verdicts(trailers), ['unsure', 'unsure'])
    for (const few of ['8188', '88', '81', '8284'])
      for (const flags of [0, FLAG.endHeaders])
        assert.ok(!verdicts(frame(FRAME.headers, flags, 1, Buffer.from(few, 'hex'))).includes('match'), few)
  })
})

describe('what is not HTTP/2', () => {
  const others: Readonly<Record<string, string>> = {
    'a DNS message over TCP': '002c0000010000010000000000000377777707657861',
    'NetBIOS and SMB': '00000085ff534d4272000000001853c80000000000000000',
    SMB2: '00000040fe534d4240000100000000000000000000000000',
    'TPKT of RDP': '030000130ee000000000000100080003000000',
    'a ClientHello': '16030100f1010000ed0303000102030405060708090a0b0c',
    'MySQL, a command': '0f0000000353454c45435420317878787878787878',
    'a Kafka request': '0000001c00030001000000010007636c69656e74000000',
    'PostgreSQL, a startup': '0000000804d2162f00000000',
    'LDAP, an unbind': '30050201034200',
    'LDAP, a reply': '300c02010161070a010004000400',
    zeros: '00'.repeat(64),
    'a DATA frame of zeros on no stream': '000010000000000000',
    AMQP: '414d51500000090100000000000000000000',
    SSH: '5353482d322e302d4f70656e5353485f392e320d0a',
    'frames whose settings are none': '000012040000000000abcd00000001ffff00000002000900000003',
  }
  for (const [name, hex] of Object.entries(others))
    test(name, () => {
      const bytes = Buffer.from(hex, 'hex')
      assert.deepEqual(verdicts(bytes), ['reject', 'reject'])
    })

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 9, maxLength: 200 }), (bytes) => {
        assert.ok(!verdicts(bytes).includes('match'))
      }),
      { numRuns: 5000 },
    )
  })
})

test('after a loss a frame is found where one may begin, if what follows it may be another', () => {
  const resumes = (bytes: Uint8Array) => beginsFrame(bytes, 0, bytes.length)
  for (const each of [
    request,
    reply,
    ping,
    update,
    data(7, 'x'),
    frame(FRAME.continuation, FLAG.endHeaders, 1, 'x'),
  ])
    assert.equal(resumes(each), true)
  assert.equal(resumes(Buffer.concat([ping, update])), true)
  assert.equal(resumes(Buffer.concat([ping, Buffer.from('no frame here')])), false)
  assert.equal(resumes(ping.subarray(0, 8)), false)
  assert.equal(resumes(Buffer.from('{"a":1,"b":2,"c":3}')), false)
})
