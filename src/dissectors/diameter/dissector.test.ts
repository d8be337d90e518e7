import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { compileFilter } from '../../filter/index.ts'
import { avp, diameterMessage, groupedAvp } from '../../testing/diameter-messages.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { follow } from '../../testing/follow.ts'
import type { Avp } from './avps.ts'
import { diameter, diameterSctp } from './dissector.ts'
import type { DiameterMessage } from './message.ts'

const TGPP = 10415

const SESSION = avp(263, 'a;b;c')
const REQUEST = diameterMessage([SESSION, avp(264, 'a.example'), avp(416, 1)])
const ANSWER = diameterMessage([SESSION, avp(268, 2001)], { flags: 0x40 })

function read(bytes: Uint8Array, side: Side = 'client'): DiameterMessage {
  return feed(diameter, [[side, bytes]]).messages[0]?.message as DiameterMessage
}

const first = (bytes: Buffer): Avp | undefined => read(diameterMessage([SESSION, bytes])).avps[1]

describe('the AVPs of Diameter', () => {
  test('have their names, and values by their types', () => {
    for (const [bytes, name, value] of [
      [avp(1, 'bob'), 'User-Name', 'bob'],
      [avp(2, 'secret'), 'User-Password', '[REDACTED]'],
      [avp(1450, Buffer.alloc(32, 7), TGPP), 'KASME', '[REDACTED]'],
      [avp(27, 3600), 'Session-Timeout', 3600],
      [avp(416, 1), 'CC-Request-Type', 'INITIAL_REQUEST'],
      [avp(416, 99), 'CC-Request-Type', 99],
      [avp(55, 0xe8f5a600), 'Event-Timestamp', '2023-11-08T06:15:28Z'],
      [avp(55, 1), 'Event-Timestamp', '2036-02-07T06:28:17Z'],
      [avp(257, Buffer.from('00017f000001', 'hex')), 'Host-IP-Address', '127.0.0.1'],
      [avp(257, Buffer.from(`0002${'00'.repeat(15)}01`, 'hex')), 'Host-IP-Address', '::1'],
      [avp(8, 0x0a000001), 'Framed-IP-Address', '10.0.0.1'],
      [avp(97, Buffer.from('002020010db8', 'hex')), 'Framed-IPv6-Prefix', '2001:db8::/32'],
      [avp(421, Buffer.from('0000000100000000', 'hex')), 'CC-Total-Octets', 2 ** 32],
      [avp(421, Buffer.from('ffffffffffffffff', 'hex')), 'CC-Total-Octets', '18446744073709551615'],
      [avp(701, Buffer.from('94710163f5', 'hex'), TGPP), 'MSISDN', '491710365'],
      [avp(1407, Buffer.from('62f210', 'hex'), TGPP), 'Visited-PLMN-Id', '262-01'],
      [avp(25, Buffer.from([0, 255])), 'Class', '0x00ff'],
      [avp(60_000, 'x', 99), 'AVP-60000', 'x'],
      // Of the wrong length: as bytes.
      [avp(27, Buffer.from([1])), 'Session-Timeout', '0x01'],
    ] as const) {
      const found = first(bytes)
      assert.deepEqual([found?.name, found?.value], [name, value])
    }
  })

  test('may be in one another, within limits', () => {
    const used = groupedAvp(456, [groupedAvp(446, [avp(420, 60)]), avp(432, 5)])
    assert.deepEqual(first(used)?.value, [
      {
        ...{ code: 446, name: 'Used-Service-Unit', vendorId: 0, flags: '-M-', length: 20 },
        value: [{ code: 420, name: 'CC-Time', vendorId: 0, flags: '-M-', length: 12, value: 60 }],
      },
      { code: 432, name: 'Rating-Group', vendorId: 0, flags: '-M-', length: 12, value: 5 },
    ])
    let deep = avp(1, 'x')
    for (let depth = 0; depth < 200; depth++) deep = groupedAvp(456, [deep])
    assert.ok(JSON.stringify(first(deep)).length > 0)
    assert.ok(read(diameterMessage(Array.from({ length: 10_000 }, () => avp(1, '')))).avps.length < 10_000)
  })

  test('say what became of a request, also those of a vendor', () => {
    const failed = groupedAvp(297, [avp(266, TGPP), avp(298, 5001)])
    const { resultCode, resultName, resultVendorId } = read(
      diameterMessage([SESSION, failed], { flags: 0 }),
      'server',
    )
    assert.deepEqual([resultCode, resultName, resultVendorId], [5001, 'DIAMETER_ERROR_USER_UNKNOWN', TGPP])
    const refused = read(diameterMessage([avp(268, 3002)], { flags: 0x20 }), 'server')
    assert.deepEqual([refused.resultName, refused.flags], ['DIAMETER_UNABLE_TO_DELIVER', '--E-'])
  })
})

describe('messages of Diameter', () => {
  test('have names, pair by hop-by-hop identifier, and come from both ends', () => {
    const asked = diameterMessage([avp(264, 'b.example')], { code: 280, flags: 0x80 })
    const { messages } = feed(diameter, [
      ['client', Buffer.concat([REQUEST, diameterMessage([avp(264, 'a')], { code: 280, flags: 0 })])],
      ['server', Buffer.concat([asked, ANSWER])],
    ])
    assert.deepEqual(
      messages.map(({ message, id }) => [(message as DiameterMessage).command, id]),
      [
        ['CCR', 'c7'],
        ['DWA', 's7'],
        ['DWR', 's7'],
        ['CCA', 'c7'],
      ],
    )
    const { method, applicationName, hopByHopId, endToEndId, flags } = read(REQUEST)
    assert.deepEqual(
      [method, applicationName, hopByHopId, endToEndId, flags],
      ['Credit-Control', 'Credit Control', 7, 8, 'RP--'],
    )
    assert.equal(read(diameterMessage([SESSION], { code: 999 })).method, 'Unknown')
  })

  test('are the same however they are cut', () => {
    const stream = Buffer.concat([REQUEST, REQUEST, ANSWER])
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length]
        const chunks = at
          .slice(1)
          .map((end, index): [Side, Uint8Array] => ['client', stream.subarray(at[index], end)])
        const { messages } = feed(diameter, chunks)
        assert.deepEqual(
          messages.map(({ message }) => (message as DiameterMessage).command),
          ['CCR', 'CCR', 'CCA'],
        )
      }),
    )
  })

  test('that are very long are kept in part', () => {
    const long = diameterMessage([SESSION, avp(25, Buffer.alloc(1_000_000, 7))])
    const { messages } = feed(diameter, [['client', Buffer.concat([long, REQUEST])]])
    const [cut, whole] = messages.map(({ message }) => message as DiameterMessage)
    assert.deepEqual([cut?.truncated, cut?.length, cut?.sessionId], [true, long.length, 'a;b;c'])
    assert.equal(whole?.truncated, false)
  })

  test('that are very long are let go of when their side loses its place', () => {
    const { client } = diameter.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const long = diameterMessage([SESSION, avp(25, Buffer.alloc(1_000_000, 7))])
    client.next(long, 0, 300_000)
    assert.ok((client.held ?? 0) > 0)
    client.end?.(false)
    assert.equal(client.held, 0)
  })

  test('are requests or answers as they say, over both transports', () => {
    // A reserved bit of an AVP, which is not what a message is recognised by, and which receivers ignore (RFC 6733 §4.1).
    const odd = avp(25, 'x')
    odd[4] = 0x41
    const host = avp(264, 'a.example')
    for (const [dissector, protocol] of [
      [diameter, 6],
      [diameterSctp, 132],
    ] as const) {
      const { exchanges } = follow(
        [dissector],
        [
          ['client', diameterMessage([host], { code: 280, flags: 0x80, id: 1 })],
          ['server', diameterMessage([host], { code: 280, flags: 0, id: 1 })],
          ['client', diameterMessage([SESSION, odd], { id: 2 })],
          ['server', diameterMessage([SESSION, avp(268, 2001)], { flags: 0x40, id: 2 })],
        ],
        { port: 3868, protocol },
      )
      const commands = exchanges.map(({ request, response }) =>
        [request, response].map((each) => (each as DiameterMessage | null)?.command),
      )
      assert.deepEqual(commands, [
        ['DWR', 'DWA'],
        ['CCR', 'CCA'],
      ])
    }
  })

  test('say what, of which session, and how it ended', () => {
    const { messages } = feed(diameter, [
      ['client', REQUEST],
      ['server', ANSWER],
    ])
    const [request, response] = messages.map(({ message }) => message as DiameterMessage)
    assert.ok(request && response)
    const base = diameter.summarize(request, response)
    assert.deepEqual([base.method, base.summary, base.status], ['Credit-Control', 'a;b;c', 2001])
    const entry = { protocol: diameter.protocols[0], request, response, base }
    for (const query of [base.methodQuery, base.summaryQuery, base.statusQuery, 'diameter'])
      assert.equal(compileFilter(query, { prefer: 'kfl1' }).matches(entry), true, query)
    for (const query of [
      'diameter && diameter_method == "Credit-Control" && diameter_summary == "a;b;c"',
      'diameter_result_code == 2001 && diameter_command_code == 272 && diameter_application_id == 4',
    ])
      assert.equal(compileFilter(query, { prefer: 'kfl2' }).matches(entry), true, query)
  })
})

describe('recognising Diameter', () => {
  const probe = (bytes: Uint8Array, from: Side = 'client') => diameter.probe(bytes, 0, bytes.length, from)

  test('takes what begins like a message', () => {
    assert.equal(probe(REQUEST), 'match')
    assert.equal(probe(REQUEST.subarray(0, 30)), 'match')
    assert.equal(probe(REQUEST.subarray(0, 20)), 'unsure')
    assert.equal(probe(ANSWER, 'server'), 'match')
    assert.equal(probe(REQUEST, 'server'), 'match')
    assert.equal(probe(ANSWER), 'unsure')
    assert.equal(diameter.resumes?.(ANSWER, 0, ANSWER.length, 'client'), true)
    assert.equal(diameterSctp.probe(ANSWER, 0, ANSWER.length, 'client'), 'reject')
  })

  test('takes messages whose first AVP is not known, if they are whole', () => {
    const strange = diameterMessage([avp(60_000, 'x', 99), avp(60_001, 'y', 99)])
    assert.equal(probe(strange), 'match')
    assert.equal(probe(strange.subarray(0, 40)), 'reject')
  })

  test('takes nothing else', () => {
    for (const change of [
      (bytes: Buffer) => bytes.writeUInt8(2, 0),
      (bytes: Buffer) => bytes.writeUInt8(0xa0, 4),
      (bytes: Buffer) => bytes.writeUInt8(0x81, 4),
      (bytes: Buffer) => bytes.writeUInt8((bytes[3] as number) + 1, 3),
      (bytes: Buffer) => bytes.writeUInt8(0x41, 24),
      (bytes: Buffer) => bytes.writeUInt32BE(0x40ffffff, 24),
    ]) {
      const bytes = Buffer.from(REQUEST)
      change(bytes)
      assert.equal(probe(bytes), 'reject')
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 28, maxLength: 64 }), (bytes) => probe(bytes) === 'reject'),
    )
  })
})

test('any bytes can be read', () => {
  const change = fc.tuple(fc.nat(REQUEST.length - 1), fc.nat(255))
  const source = diameterMessage([
    SESSION,
    groupedAvp(456, [groupedAvp(446, [avp(420, 60)])]),
    groupedAvp(297, [avp(298, 1)]),
  ])
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const bytes = Buffer.from(source)
      for (const [at, value] of changes) bytes[at] = value
      for (const dissector of [diameter, diameterSctp])
        for (const { message } of feed(dissector, [['client', bytes]]).messages) {
          const { avps, sessionId, resultCode, resultName, command } = message as DiameterMessage
          assert.ok(JSON.stringify([avps, sessionId, resultCode, resultName, command]).length > 0)
        }
    }),
    { numRuns: 500 },
  )
})
