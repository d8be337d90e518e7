import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { JOINED } from '../../dissect/dissector.ts'
import { compileFilter } from '../../filter/index.ts'
import { feed } from '../../testing/feed.ts'
import { firstReply } from '../http/test-messages.ts'
import { Upgrade } from '../http/upgrade.ts'
import { ws } from './dissector.ts'
import { readExtensions } from './handshake.ts'
import { Inflater } from './inflater.ts'
import type { Frame } from './messages.ts'
import { agreed, deflated, feedFrames, frame, framesFrom, framesOf, masked, plain } from './test-frames.ts'

const DEFLATE = 'permessage-deflate'
const RSV1 = { rsv: 4 }

describe('a frame', () => {
  test('has what it says of itself, and what was agreed on before', () => {
    const fed = feed(ws, [['client', masked('text', 'héllo')]], undefined, { handover: agreed('', 'chat') })
    assert.deepEqual(framesOf(fed).map(plain), [
      {
        opcode: 'text',
        opcodeNumber: 1,
        fin: true,
        masked: true,
        payloadLength: 6,
        payloadData: 'héllo',
        encoding: '',
        truncated: false,
        incomplete: false,
        messageType: 'text',
        messageSize: 6,
        fragments: 1,
        compressed: false,
        closeCode: 0,
        closeReason: '',
        path: '/chat',
        subprotocol: 'chat',
      },
    ])
  })

  for (const length of [0, 1, 125, 126, 65535, 65536, 70_000])
    test(`of ${length} bytes is read from both sides`, () => {
      const text = 'x'.repeat(length)
      for (const [side, make] of [
        ['client', masked],
        ['server', frame],
      ] as const) {
        const [first, second, ...rest] = framesFrom(side, [make('text', text), make('binary', 'after')])
        assert.equal(first?.payloadData, text)
        assert.equal(second?.payloadData, btoa('after'))
        assert.equal(second?.encoding, 'base64')
        assert.deepEqual(rest, [])
      }
    })

  test('that is masked by a server, or not by a client, is shown all the same', () => {
    assert.equal(framesFrom('server', [masked('text', 'a')])[0]?.payloadData, 'a')
    assert.deepEqual(
      [
        framesFrom('client', [frame('text', 'b')])[0]?.payloadData,
        framesFrom('client', [frame('text', 'b')])[0]?.masked,
      ],
      ['b', false],
    )
  })

  test('of text that is not UTF-8 is shown as base64', () => {
    const [shown] = framesFrom('server', [frame('text', Buffer.from('ff616263', 'hex'))])
    assert.deepEqual([shown?.payloadData, shown?.encoding, shown?.opcode], ['/2FiYw==', 'base64', 'text'])
  })

  test('with a replacement character in it is text', () => {
    assert.equal(framesFrom('server', [frame('text', 'a\ufffdb')])[0]?.payloadData, 'a\ufffdb')
  })

  for (const [what, bytes] of [
    ['a reserved opcode', frame(3)],
    ['a reserved control opcode', frame(11)],
    ['reserved bits', frame('text', 'a', { rsv: 1 })],
    ['compression that was not agreed on', frame('text', 'a', RSV1)],
    ['a control frame in pieces', frame('ping', 'a', { fin: false })],
    ['a control frame of more than 125 bytes', frame('ping', 'a'.repeat(126))],
    ['a length of more than 2^53', Buffer.from('827fffffffffffffffff', 'hex')],
  ] as const)
    test(`is none with ${what}`, () => assert.notEqual(feedFrames([['server', bytes]]).invalid, undefined))

  test('is none of a draft that had others', () => {
    const reply = firstReply(
      'HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nSec-WebSocket-Location: ws://a/\r\n\r\n',
    )
    const fed = feed(ws, [['server', '\x00\x05hello\xff']], undefined, {
      handover: new Upgrade(undefined, reply, undefined),
    })
    assert.deepEqual([fed.messages, fed.invalid], [[], 'frames of an old draft'])
  })

  test('may use reserved bits where an extension was agreed on that is not known', () => {
    const [shown] = framesFrom('server', [frame('text', 'abc', { rsv: 6 })], 'x-other')
    assert.deepEqual([shown?.payloadData, shown?.encoding, shown?.truncated], [btoa('abc'), 'base64', true])
  })
})

describe('a close frame', () => {
  for (const [payload, code, reason, summary] of [
    ['', 1005, '', 'No Status Rcvd'],
    ['\x03\xe8', 1000, '', 'Normal Closure'],
    ['\x03\xf1too much \xc3\xa9', 1009, 'too much é', 'too much é'],
    ['\x0f\xa0app', 4000, 'app', 'app'],
    ['\x03', 0, '', ''],
  ] as const)
    test(`with ${JSON.stringify(payload)} has the code ${code}`, () => {
      const [closed] = framesFrom('client', [masked('close', Buffer.from(payload, 'latin1'))], '', NO_BODIES)
      assert.deepEqual([closed?.closeCode, closed?.closeReason, closed?.payloadData], [code, reason, reason])
      const row = ws.summarize(closed as Frame, null)
      assert.deepEqual([row.method, row.status, row.summary], ['close', code, summary])
    })
})

describe('a message in several frames', () => {
  const pieces = [
    masked('text', Buffer.from('caf\xc3', 'latin1'), { fin: false }),
    masked('ping', 'in between'),
    masked('continuation', Buffer.from('\xa9 ', 'latin1'), { fin: false }),
    masked('continuation', 'au lait'),
    masked('text', 'next'),
  ]

  test('is whole with the last one, and characters may be cut', () => {
    assert.deepEqual(
      framesFrom('client', pieces).map((each) => [
        each.opcode,
        each.payloadData,
        each.fragments,
        each.messageType,
        each.messageSize,
        each.fin,
      ]),
      [
        ['text', '', 1, 'text', 0, false],
        ['ping', 'in between', 1, '', 10, true],
        ['continuation', '', 2, 'text', 0, false],
        ['continuation', 'café au lait', 3, 'text', 13, true],
        ['text', 'next', 1, 'text', 4, true],
      ],
    )
  })

  test('may be compressed as a whole', async () => {
    const [first, second] = (await deflated(['a message that goes on', 'a message that goes on and on'])) as [
      Buffer,
      Buffer,
    ]
    const frames = framesFrom(
      'server',
      [
        frame('text', first.subarray(0, 5), { ...RSV1, fin: false }),
        frame('continuation', first.subarray(5, 9), { fin: false }),
        frame('ping'),
        frame('continuation', first.subarray(9)),
        frame('text', second, RSV1),
      ],
      DEFLATE,
    )
    assert.deepEqual(
      frames.map(({ payloadData, compressed }) => [payloadData, compressed]),
      [
        ['', true],
        ['', true],
        ['', false],
        ['a message that goes on', true],
        ['a message that goes on and on', true],
      ],
    )
  })

  test('that goes on without a beginning is marked', () => {
    const [rest, next] = framesFrom('server', [frame('continuation', 'rest'), frame('text', 'whole')])
    assert.deepEqual([rest?.messageType, rest?.truncated, rest?.payloadData], ['', true, 'rest'])
    assert.deepEqual([next?.truncated, next?.payloadData], [false, 'whole'])
  })
})

describe('compression', () => {
  const texts = Array.from({ length: 40 }, (_, at) => `{"id":${at},"text":"${'the same again '.repeat(at)}"}`)

  for (const [what, extensions, takeover, bits] of [
    ['with context', DEFLATE, true],
    ['without context', `${DEFLATE}; server_no_context_takeover; client_no_context_takeover`, false],
    ['with context that was not agreed on', `${DEFLATE}; client_no_context_takeover`, true],
    ['with a smaller window', `${DEFLATE}; server_max_window_bits=10; client_max_window_bits=10`, true, 10],
  ] as const)
    test(`${what} is undone on both sides, each by itself`, async () => {
      const client = (await deflated(texts, takeover, bits)).map(
        (each) => ['client', masked('text', each, RSV1)] as const,
      )
      const server = (await deflated([...texts].reverse(), takeover, bits)).map(
        (each) => ['server', frame('text', each, RSV1)] as const,
      )
      const fed = feedFrames(
        client.flatMap((each, at) => [each, server[at] as (typeof server)[0]]),
        extensions,
      )
      const from = (side: string) =>
        fed.messages.filter((each) => each.side === side).map(({ message }) => (message as Frame).payloadData)
      assert.deepEqual(from('client'), texts)
      assert.deepEqual(from('server'), [...texts].reverse())
    })

  test('is no matter of messages that were sent as they are', async () => {
    const [one, two] = (await deflated(['again and again', 'again and again'])) as [Buffer, Buffer]
    const frames = framesFrom(
      'server',
      [frame('text', one, RSV1), frame('text', 'plain'), frame('text', two, RSV1)],
      DEFLATE,
    )
    assert.deepEqual(
      frames.map(({ payloadData }) => payloadData),
      ['again and again', 'plain', 'again and again'],
    )
  })

  test('remembers 32 KiB and no more', async () => {
    const noise = randomBytes(20_000)
    const messages = [noise, randomBytes(3000), noise, randomBytes(50_000), noise, noise]
    const frames = framesFrom(
      'server',
      (await deflated(messages)).map((each) => frame('binary', each, RSV1)),
      DEFLATE,
    )
    assert.deepEqual(
      frames.map(({ payloadData }) => payloadData),
      messages.map((each) => each.toString('base64')),
    )
  })

  test('goes on after a block that is marked as the last', () => {
    const last = deflateRawSync('Hello')
    const padded = Buffer.concat([last, Buffer.from([0])])
    const two = Buffer.concat([last, deflateRawSync(', world'), Buffer.from([0])])
    const frames = framesFrom(
      'server',
      [padded, two, last].map((each) => frame('text', each, RSV1)),
      DEFLATE,
    )
    assert.deepEqual(
      frames.map(({ payloadData }) => payloadData),
      ['Hello', 'Hello, world', 'Hello'],
    )
  })

  test('goes on so with what came before, however long that is, and what is long is not copied each time', (t) => {
    const noise = randomBytes(100_000)
    const parts = [10, 20_000, 20_000, 100, 40_000, 300].map((length) => noise.subarray(0, length))
    let all = Buffer.alloc(0)
    const blocks = parts.map((part) => {
      const dictionary = all.subarray(-(32 << 10))
      all = Buffer.concat([all, part])
      return deflateRawSync(part, dictionary.length === 0 ? {} : { dictionary })
    })
    const referring = Buffer.concat([...blocks, Buffer.of(0)])
    assert.ok(referring.length < 60_000)
    assert.ok(Buffer.from(new Inflater(32 << 10).inflate(referring, false).bytes).equals(all))

    const long = deflateRawSync(Buffer.alloc((8 << 20) - 2000))
    const message = (blocksBehind: number) => {
      const behind = Array.from({ length: blocksBehind }, () => deflateRawSync('x'))
      return Buffer.concat([long, ...behind, Buffer.of(0)])
    }
    const concat = t.mock.method(Buffer, 'concat')
    const copied = (bytes: Buffer) => {
      concat.mock.resetCalls()
      assert.equal(new Inflater(32 << 10).inflate(bytes, false).isWhole, true)
      return concat.mock.calls.reduce((sum, { result }) => sum + (result?.length ?? 0), 0)
    }
    const [alone, followed] = [copied(message(0)), copied(message(14))]
    // All once, to join it, and what may be referred to for each.
    assert.ok(followed - alone <= (8 << 20) + 14 * (33 << 10), `${followed} and ${alone}`)
  })

  test('that refers to what was lost is shown as it came, and what does not is read', async () => {
    const repeated = 'The same again, and again the same.'
    const fresh = randomBytes(40_000).map((byte) => byte | 0x80)
    const end = Buffer.concat([Buffer.from('after '), fresh.subarray(-300)])
    const wire = (await deflated([repeated, repeated, fresh, end])).map((each) => frame('binary', each, RSV1))
    const [first, ...rest] = wire as [Buffer, ...Buffer[]]
    const [lost, second, third, fourth] = framesFrom(
      'server',
      [first.subarray(0, 20), first.length - 20, ...rest],
      DEFLATE,
    ).map(({ payloadData, incomplete, truncated }) => ({
      incomplete,
      truncated,
      bytes: Buffer.from(payloadData, 'base64'),
    }))
    assert.deepEqual([lost?.incomplete, lost?.truncated], [true, true])
    assert.deepEqual([second?.truncated, second?.bytes], [true, rest[0]?.subarray(2)])
    assert.equal(third?.truncated === false && third.bytes.equals(fresh), true)
    assert.equal(fourth?.truncated === false && fourth.bytes.equals(end), true)
  })

  test('that is broken is shown as it came', () => {
    const [shown, after] = framesFrom(
      'server',
      [frame('text', Buffer.from('07ffffff', 'hex'), RSV1), frame('text', 'b')],
      DEFLATE,
    )
    assert.deepEqual([shown?.payloadData, shown?.truncated, shown?.messageSize], ['B////w==', true, 4])
    assert.equal(after?.payloadData, 'b')
  })

  test('of a bomb is not undone', async () => {
    const bomb = Buffer.alloc(64 << 20)
    const [shown] = framesFrom('server', [frame('binary', deflateRawSync(bomb), RSV1)], DEFLATE)
    assert.deepEqual([shown?.truncated, shown?.messageSize], [true, shown?.payloadLength])
  })

  test('is read out of the header as agreed', () => {
    assert.deepEqual(
      readExtensions('foo; a=b, Permessage-Deflate ; client_no_context_takeover; server_max_window_bits=12'),
      {
        deflate: { client: 1 << 15, server: 1 << 12 },
        hasOthers: true,
      },
    )
    assert.deepEqual(
      readExtensions('permessage-deflate; client_max_window_bits="9"; server_max_window_bits=99').deflate,
      { client: 1 << 9, server: 1 << 15 },
    )
    assert.deepEqual(readExtensions(''), { deflate: undefined, hasOthers: false })
  })
})

describe('what is kept', () => {
  test('is the beginning of a long message, and its size stays true', () => {
    const text = 'é'.repeat(100)
    const [cut, next] = framesFrom('client', [masked('text', text), masked('text', 'next')], '', {
      wantsBodies: true,
      maxBody: 25,
    })
    assert.deepEqual(
      [cut?.payloadData, cut?.truncated, cut?.payloadLength, cut?.messageSize, cut?.incomplete],
      ['é'.repeat(12), true, 200, 200, false],
    )
    assert.equal(next?.payloadData, 'next')
  })

  test('is less when memory runs out, and frames go on', async () => {
    const wire = (await deflated(['the same again', 'the same again', '0123456789'])).map((each) =>
      frame('text', each, RSV1),
    )
    const { server } = ws.open(
      { wantsBodies: true, maxBody: 1 << 20 },
      { ...JOINED, handover: agreed(DEFLATE) },
    )
    const texts = wire.map((each, at) => {
      const step = server.next(each, 0, each.length)
      if (at === 0) {
        assert.ok((server.held ?? 0) > 0)
        server.shed?.()
        assert.equal(server.held, 0)
      }
      return step.kind === 'message' ? [step.message.payloadData, step.message.truncated] : step.kind
    })
    server.next(wire[2] as Buffer, 0, 5)
    server.shed?.()
    assert.equal(server.held, 0, 'of an unfinished message')
    assert.deepEqual(texts, [
      ['the same again', false],
      [wire[1]?.toString('base64', 2), true],
      ['0123456789', false],
    ])
  })

  test('is nothing where nobody reads it, and control frames', async () => {
    const [packed] = (await deflated(['packed'])) as [Buffer]
    const wire = [
      frame('text', 'a'),
      frame('text', packed, RSV1),
      frame('ping', 'p'),
      frame('binary', Buffer.alloc(100_000)),
    ]
    const frames = framesFrom('server', wire, DEFLATE, NO_BODIES)
    assert.deepEqual(
      frames.map(({ payloadData, payloadLength, truncated }) => [payloadData, payloadLength, truncated]),
      [
        ['', 1, true],
        ['', packed.length, true],
        ['p', 1, false],
        ['', 100_000, true],
      ],
    )
  })

  test('is what was captured before a hole, and what comes after the message is read', () => {
    const wire = masked('text', 'x'.repeat(1000))
    const [holed, next] = framesFrom('client', [
      wire.subarray(0, 108),
      500,
      wire.subarray(608),
      masked('text', 'next'),
    ])
    assert.deepEqual(
      [holed?.payloadData, holed?.incomplete, holed?.truncated, holed?.payloadLength],
      ['x'.repeat(100), true, true, 1000],
    )
    assert.deepEqual([next?.payloadData, next?.incomplete], ['next', false])
  })

  test('is what came of a message that is cut off', () => {
    const [cut] = framesFrom('server', [frame('text', 'x'.repeat(1000)).subarray(0, 54), null])
    assert.deepEqual([cut?.payloadData, cut?.incomplete, cut?.payloadLength], ['x'.repeat(50), true, 1000])
  })

  test('costs a peer bytes: announcing is not enough', () => {
    const parsers = ws.open({ wantsBodies: true, maxBody: 1 << 20 }, { ...JOINED, handover: agreed() })
    const announced = Buffer.from('827f0000ffffffffffff61', 'hex')
    assert.deepEqual(parsers.server.next(announced, 0, announced.length), {
      kind: 'partial',
      length: announced.length,
    })
    assert.equal(parsers.server.held, 1)
  })
})

describe('however the bytes are cut', () => {
  test('frames are the same', async () => {
    const packed = await deflated(['once upon a time', 'once upon a time there was', 'x'.repeat(5000)])
    const wire = Buffer.concat([
      masked('text', 'plain'),
      masked('text', packed[0], { ...RSV1, fin: false }),
      masked('ping', 'ping'),
      masked('continuation', ''),
      masked('text', packed[1], RSV1),
      masked('binary', Buffer.alloc(300, 7)),
      masked('text', packed[2], RSV1),
      masked('close', '\x03\xe8bye'),
    ])
    for (const context of [undefined, NO_BODIES]) {
      const whole = framesFrom('client', [wire], DEFLATE, context).map(plain)
      assert.equal(whole.length, 8)
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }), (sizes) => {
          const chunks: Buffer[] = []
          for (let at = 0, n = 0; at < wire.length; at += sizes[n++ % sizes.length] as number)
            chunks.push(wire.subarray(at, at + (sizes[n % sizes.length] as number)))
          assert.deepEqual(framesFrom('client', chunks, DEFLATE, context).map(plain), whole)
        }),
        { numRuns: 60 },
      )
    }
  })

  test('nothing is thrown, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 300 }), fc.constant(null)),
          { maxLength: 12 },
        ),
        fc.constantFrom('', DEFLATE, 'other', `${DEFLATE}; server_no_context_takeover`),
        fc.constantFrom('client' as const, 'server' as const),
        (chunks, extensions, side) => {
          for (const each of framesFrom(side, chunks, extensions)) plain(each)
        },
      ),
    )
  })

  test('nothing is thrown when good bytes go bad', async () => {
    const packed = await deflated(['abc '.repeat(100), 'abc '.repeat(200)])
    const wire = Buffer.concat(packed.map((each) => frame('text', each, RSV1)))
    fc.assert(
      fc.property(fc.nat({ max: wire.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const bad = Buffer.from(wire)
        bad[at] = byte
        for (const each of framesFrom('server', [bad, null], DEFLATE)) plain(each)
      }),
    )
  })
})

describe('rows', () => {
  test('select entries like theirs', async () => {
    const long = 'x'.repeat(1000)
    for (const make of [
      frame('text', 'say "hi"'),
      frame('text', long),
      frame('binary', 'abc'),
      frame('close', '\x03\xe8'),
      frame('ping', 'x'),
    ]) {
      const [message] = framesFrom('server', [make])
      const row = ws.summarize(null, message as Frame)
      const entry = { protocol: ws.protocols[0], request: null, response: plain(message as Frame) }
      for (const query of [row.methodQuery, row.summaryQuery, row.statusQuery, 'ws'])
        assert.equal(compileFilter(query, { prefer: 'kfl1' }).matches(entry), true, query)
      assert.equal(
        compileFilter(row.methodQuery, { prefer: 'kfl1' }).matches({
          ...entry,
          response: { opcode: 'other' },
        }),
        false,
      )
    }
  })

  test('can be selected by the variables of CEL', () => {
    const [asked] = framesFrom('client', [masked('text', 'question')])
    const [told] = framesFrom('server', [frame('binary', 'abc')])
    const entries = [
      {
        protocol: ws.protocols[0],
        request: plain(asked as Frame),
        response: null,
        base: { summary: 'question' },
      },
      { protocol: ws.protocols[0], request: null, response: plain(told as Frame) },
    ]
    const selected = (query: string) =>
      entries.map((entry) => compileFilter(query, { prefer: 'kfl2' }).matches(entry))
    assert.deepEqual(selected('ws && ws_opcode == "text"'), [true, false])
    assert.deepEqual(selected('ws_opcode == "binary"'), [false, true])
    assert.deepEqual(selected('ws_request_payload_data.contains("quest")'), [true, false])
    assert.deepEqual(selected('ws_request_payload_length == 8'), [true, false])
    assert.deepEqual(selected('ws_response_payload_length == 3'), [false, true])
    assert.deepEqual(selected('ws_response.opcode == "binary" && !http'), [false, true])
  })
})

const NO_BODIES = { wantsBodies: false, maxBody: 1 << 20 }
