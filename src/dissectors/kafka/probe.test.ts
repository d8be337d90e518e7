import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { kafka } from './dissector.ts'
import { framed, requestFrame, responseFrame, Writer } from './test-messages.ts'

const client = (bytes: Uint8Array, end = bytes.length) => kafka.probe(bytes, 0, end, 'client')
const server = (bytes: Uint8Array) => kafka.probe(bytes, 0, bytes.length, 'server')
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

const heartbeat = new Writer().string('group').int(1, 4).string('me').bytes
const named = requestFrame(12, 0, 1, heartbeat, { clientId: 'shop' })
const unnamed = requestFrame(12, 0, 1, heartbeat, { clientId: null })

describe('Kafka is recognised', () => {
  test('by a request, as soon as its header is here', () => {
    for (let end = 1; end < named.length; end++)
      assert.equal(client(named, end), end < 18 ? 'unsure' : 'match', `${end} bytes`)
    assert.equal(client(named), 'match')
  })

  test('by a request without a name of the client when all of it is here', () => {
    for (let end = 1; end < unnamed.length; end++)
      assert.equal(client(unnamed, end), 'unsure', `${end} bytes`)
    assert.equal(client(unnamed), 'match')
    assert.equal(client(requestFrame(18, 0, 1, Buffer.alloc(0), { clientId: null })), 'match')
    assert.equal(client(requestFrame(18, 0, 1, Buffer.alloc(0), { clientId: '' })), 'match')
  })

  test('by requests one after another', () => {
    assert.equal(client(Buffer.concat([unnamed, named])), 'match')
    assert.equal(client(Buffer.concat([unnamed, named]), unnamed.length + 5), 'match')
    assert.equal(client(Buffer.concat([unnamed, Buffer.alloc(20, 0xff)])), 'reject')
  })

  test('not by replies alone, which may be anything', () => {
    const reply = responseFrame(7, Buffer.alloc(6))
    assert.equal(server(reply), 'unsure')
    assert.equal(server(Buffer.concat([reply, reply])), 'unsure')
    assert.equal(server(reply.subarray(0, 12)), 'reject')
    assert.equal(server(Buffer.from('HTTP/1.1 200 OK')), 'reject')
  })
})

describe('what looks like Kafka at first is not taken for it', () => {
  const near: readonly (readonly [string, Uint8Array])[] = [
    ['a key that there is not', requestFrame(95, 0, 1, heartbeat)],
    ['a version that there is not', requestFrame(12, 9, 1, heartbeat)],
    ['a negative correlation id', requestFrame(12, 0, -2, heartbeat)],
    ['a name with control characters', requestFrame(12, 0, 1, heartbeat, { clientId: 'a\0b' })],
    ['a name that is too long', requestFrame(12, 0, 1, heartbeat, { clientId: 'x'.repeat(1000) })],
    ['content that is too long', requestFrame(12, 0, 1, Buffer.concat([heartbeat, Buffer.alloc(3)]))],
    ['content that is too short', requestFrame(12, 0, 1, heartbeat.subarray(0, 5))],
    ['a length that is too short', framed(hex('000c 0000 0000 0001'))],
    ['nothing but zeros', Buffer.alloc(64)],
    [
      'PostgreSQL, the start of a connection',
      framed(Buffer.concat([hex('00030000'), Buffer.from('user\0a\0database\0shop\0\0')])),
    ],
    ['PostgreSQL, the wish for TLS', hex('00000008 04d2162f')],
    [
      'ZooKeeper',
      framed(hex(`00000000 ${'00'.repeat(8)} 00007530 ${'00'.repeat(8)} 00000010 ${'00'.repeat(16)} 00`)),
    ],
    ['SMB', framed(Buffer.concat([hex('fe534d42 4000'), Buffer.alloc(60)]))],
    ['Thrift', framed(Buffer.concat([hex('80010001 00000004'), Buffer.from('ping'), hex('00000000 00')]))],
    [
      'DNS over TCP',
      hex('001d 1234 0100 0001 0000 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001'),
    ],
    ['SOCKS', hex('050100')],
  ]
  for (const [name, bytes] of near) test(name, () => assert.equal(client(bytes), 'reject'))

  test('frames of HTTP/2, of which it takes some to tell', () => {
    const frames = hex('000408 00 00000000 000f0001 000004 01 00000000 000006 04 00 00000000 000400000064')
    assert.equal(client(frames), 'unsure')
    assert.notEqual(client(Buffer.concat([frames, Buffer.from('and what they carry')])), 'match')
  })
})
