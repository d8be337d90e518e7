import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Side } from '../../dissect/dissector.ts'
import type { Exchange } from '../../entry/entry.ts'
import { type Chunk, follow } from '../../testing/follow.ts'
import { dissectors } from '../index.ts'
import type { Frame } from './messages.ts'
import { beginsFrames, probe } from './probe.ts'
import { deflated, frame, masked } from './test-frames.ts'

const server = (...frames: Buffer[]) =>
  probe(Buffer.concat(frames), 0, Buffer.concat(frames).length, 'server')
const client = (...frames: Buffer[]) =>
  probe(Buffer.concat(frames), 0, Buffer.concat(frames).length, 'client')

describe('without a handshake', () => {
  test('three frames are recognised when two of them are texts', () => {
    assert.equal(
      server(frame('text', '{"a":1}'), frame('ping', 'x'), frame('text', '{"a":2,"b":3}')),
      'match',
    )
    assert.equal(
      client(masked('text', '{"a":1}'), masked('text', '{"b":1}'), masked('text', '{"c":1}')),
      'match',
    )
  })

  test('one frame is not enough, nor are many that say nothing', () => {
    assert.equal(server(frame('text', '{"a":1,"b":[1,2,3,4,5,6,7,8,9]}')), 'unsure')
    assert.equal(server(...Array.from({ length: 50 }, () => frame('binary', 'abcdef'))), 'reject')
    assert.equal(server(...Array.from({ length: 50 }, () => frame('ping'))), 'unsure')
  })

  test('masks are on the side on which they belong', () => {
    const texts = ['{"a":1}', '{"b":1}', '{"c":1}']
    assert.equal(server(...texts.map((text) => masked('text', text))), 'reject')
    assert.equal(client(...texts.map((text) => frame('text', text))), 'reject')
  })

  for (const [what, bytes] of [
    ['zeroes', Buffer.alloc(64)],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['a MySQL packet of 129 bytes', Buffer.from('81000000035345', 'hex')],
    ['a MongoDB message of 130 bytes', Buffer.from('8200000001000000', 'hex')],
    ['a NetBIOS session request', Buffer.from('8100004420434b', 'hex')],
    ['a NetBIOS reply', Buffer.from('82000000', 'hex')],
    ['RTMP', Buffer.from('0300000000000000', 'hex')],
    ['Diameter', Buffer.from('0100004880000101', 'hex')],
    ['a length that could have been shorter', Buffer.from('827e0010', 'hex')],
    ['a text that is none', frame('text', Buffer.from('fffefdfc', 'hex'))],
  ] as const)
    test(`${what} is something else`, () => {
      assert.equal(probe(bytes, 0, bytes.length, 'server'), 'reject')
      assert.equal(probe(bytes, 0, bytes.length, 'client'), 'reject')
    })

  test('MQTT subscriptions, which chain as binary frames do, are not claimed', () => {
    const subscribe = Buffer.from('820a00010005612f622f6300', 'hex')
    assert.notEqual(server(...Array.from({ length: 20 }, () => subscribe)), 'match')
  })

  test('noise is not claimed', () => {
    for (let round = 0; round < 20_000; round++) {
      const noise = randomBytes(64)
      noise[0] = [0x81, 0x82, 0x89, 0x01][round % 4] as number
      for (const side of ['client', 'server'] as const) assert.notEqual(probe(noise, 0, 64, side), 'match')
    }
  })
})

describe('after a loss', () => {
  const begins = (bytes: Uint8Array, side: 'client' | 'server' = 'server') =>
    beginsFrames(bytes, 0, bytes.length, side)

  test('frames that fill a segment are frames', () => {
    assert.ok(begins(frame('text', 'hello')))
    assert.ok(begins(frame('pong')))
    assert.ok(begins(masked('binary', 'abc'), 'client'))
    assert.ok(begins(Buffer.concat([frame('continuation', 'end'), frame('text', 'next')])))
  })

  test('so are a long text and a very long message, of which a segment shows the beginning', () => {
    assert.ok(begins(frame('text', 'x'.repeat(5000)).subarray(0, 1448)))
    assert.ok(begins(frame('binary', randomBytes(70_000)).subarray(0, 1448)))
  })

  test('the middle of a message is no frame', () => {
    assert.ok(!begins(Buffer.from('"text":"in the middle","more":[1,2,3]}')))
    assert.ok(!begins(Buffer.from(' in the middle of é', 'utf8').subarray(0, 18)))
    assert.ok(
      !begins(frame('binary', randomBytes(5000)).subarray(0, 1448)),
      'it may be one, and shows no sign',
    )
  })

  test('the middle of a large upload is taken for frames hardly ever', () => {
    const noise = randomBytes(16 << 20)
    let taken = 0
    for (let at = 0; at + 1448 <= noise.length; at += 1448)
      for (const side of ['client', 'server'] as const) if (beginsFrames(noise, at, at + 1448, side)) taken++
    assert.ok(taken <= 1, `${taken} times`)
  })
})

describe('a connection', () => {
  const upgrade = [
    ['client', 'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n'],
    ['server', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'],
  ] as const
  const talk = [
    ['client', masked('text', '{"id":1,"say":"hello"}')],
    ['server', frame('text', '{"id":1,"say":"hello"}')],
    ['client', masked('text', '{"id":2,"say":"how are you"}')],
    ['server', frame('text', '{"id":2,"say":"well"}')],
    ['client', masked('ping', 'a')],
    ['server', frame('pong', 'a')],
    ['server', frame('text', '{"id":3,"say":"bye"}')],
    ['client', masked('close', '\x03\xe8')],
  ] as const

  test('is followed from the handshake on', () => {
    assert.deepEqual(told([...upgrade, ...talk]), [
      'http GET 101',
      ...['>text', '<text', '>text', '<text', '>ping', '<pong', '<text', '>close'],
    ])
  })

  test('that is joined midway is recognised when enough of it was seen', () => {
    // What was held back until then comes side by side.
    for (const isFlipped of [false, true])
      assert.deepEqual(told(talk, { isMidway: true, isFlipped }), [
        ...['>text', '>text', '>ping', '<text', '<text'],
        ...['<pong', '<text', '>close'],
      ])
  })

  test('that was opened without a handshake is not claimed for one frame a side', () => {
    assert.deepEqual(told(talk.slice(0, 2), { isMidway: true }), [])
  })

  test('is read again after a loss on one side', () => {
    const lossy = [...upgrade, talk[0], talk[1], ['server', 40], talk[3], ...talk.slice(4)] as Script
    assert.deepEqual(told(lossy).slice(1), ['>text', '<text', '<text', '>ping', '<pong', '<text', '>close'])
  })

  test('keeps its place when memory runs out', async () => {
    const [one, two] = await deflated(['the same again', 'the same again'])
    const large = frame('binary', randomBytes(5000))
    const script: Script = [
      upgrade[0],
      ['server', `${upgrade[1][1].slice(0, -2)}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`],
      ['server', frame('text', one, { rsv: 4 })],
      ['server', EVICT],
      ...[large.subarray(0, 1448), large.subarray(1448)].map((part) => ['server', part] as const),
      ['server', frame('text', two, { rsv: 4 })],
    ]
    assert.deepEqual(told(script).slice(1), ['<text', '<binary', '<text'])
  })
})

const EVICT = 'evict'
type Script = readonly (readonly [Side, Uint8Array | number | string])[]

/** What the engine makes of it, a line an exchange. `isFlipped`: the server was seen first. */
function told(script: Script, { isMidway = false, isFlipped = false } = {}): string[] {
  const chunks = script.map(([from, chunk]): Chunk => {
    const side = isFlipped ? (from === 'client' ? 'server' : 'client') : from
    return [side, typeof chunk !== 'string' ? chunk : chunk === EVICT ? EVICT : Buffer.from(chunk, 'latin1')]
  })
  const { exchanges } = follow(dissectors, chunks, { isMidway })
  return exchanges.map(({ dissector, request, response }) => {
    if (dissector.name !== 'ws')
      return `${dissector.name} ${JSON.stringify(summaryOf(dissector, request, response))}`.replaceAll(
        '"',
        '',
      )
    const { opcode, path } = (request ?? response) as Frame
    assert.equal(path, isMidway ? '' : '/chat')
    return `${request === null ? '<' : '>'}${opcode}`
  })
}

function summaryOf(
  dissector: Exchange['dissector'],
  request: object | null,
  response: object | null,
): string {
  const { method, status } = dissector.summarize(request as never, response as never, null as never)
  return `${method} ${status}`
}
