import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { tls } from './dissector.ts'
import {
  alpn,
  bytesOf,
  clientHello,
  clientHelloBody,
  extension,
  groups,
  handshake,
  record,
  serverHello,
  serverHelloBody,
  signatures,
  sni,
  u16s,
  vector,
  versions,
} from './test-hellos.ts'

type Chunk = readonly [Side, Uint8Array | string | number | null]
type Fields = Readonly<Record<string, unknown>>

/** All fields of all messages as plain values. */
function read(...chunks: Chunk[]) {
  const { messages, invalid } = feed(tls, chunks)
  const rows = messages.map(({ side, message, id }): Fields => {
    const shape = side === 'client' ? tls.request : tls.response
    const fields = Object.keys(shape.fields).map((name) => [name, (message as Fields)[name]])
    return { side, id, ...(Object.fromEntries(fields) as Fields) }
  })
  return { rows, invalid }
}

const changeCipher = record(20, 1)
const applicationData = record(23, new Uint8Array(1000))
const retryRandom = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex')

const offer = clientHello({
  session: [1, 2, 0xff],
  ciphers: [0x1a1a, 0x1301, 0xc02f, 0x00ff, 0xabcd],
  extensions: [
    sni('shop.example'),
    alpn('h2', 'http/1.1'),
    groups(0x4588, 29, 0x11ec, 0x2a2a),
    signatures(0x0403, 0x0804, 0x9999),
    versions(0x2a2a, 0x0304, 0x7f1c, 0x0303),
  ],
})
const choice = serverHello({
  session: [1, 2, 0xff],
  ciphers: [0x1301],
  extensions: [extension(43, u16s(0x0304))],
})

describe('a ClientHello', () => {
  test('tells what the client offers', () => {
    const { rows } = read(['client', offer])
    const { ja3, ja3Full, ja4, ...hello } = rows[0] ?? {}
    assert.deepEqual(hello, {
      side: 'client',
      id: undefined,
      type: 'ClientHello',
      version: 'TLS 1.3',
      sni: 'shop.example',
      alpn: ['h2', 'http/1.1'],
      cipherSuites: [
        'GREASE (0x1a1a)',
        'TLS_AES_128_GCM_SHA256',
        'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
        'TLS_EMPTY_RENEGOTIATION_INFO_SCSV',
        '0xabcd',
      ],
      supportedVersions: ['GREASE (0x2a2a)', 'TLS 1.3', 'TLS 1.3 (draft 28)', 'TLS 1.2'],
      groups: ['0x4588', 'x25519', 'X25519MLKEM768', 'GREASE (0x2a2a)'],
      signatureAlgorithms: ['ecdsa_secp256r1_sha256', 'rsa_pss_rsae_sha256', '0x9999'],
      sessionId: '0102ff',
      alert: null,
    })
    assert.equal(ja3Full, '771,4865-49199-255-43981,0-16-10-13-43,17800-29-4588,')
    assert.equal(ja3, createHash('md5').update(String(ja3Full)).digest('hex'))
    // JA4 has no name for drafts, which are the highest value offered here.
    assert.match(String(ja4), /^t00d0405h2_[0-9a-f]{12}_[0-9a-f]{12}$/)
  })

  test('of old clients has no extensions', () => {
    const [hello] = read(['client', clientHello({ version: 0x0300, ciphers: [4] })]).rows
    assert.deepEqual(
      [hello?.version, hello?.sni, hello?.alpn, hello?.supportedVersions, hello?.cipherSuites],
      ['SSL 3.0', '', [], [], ['TLS_RSA_WITH_RC4_128_MD5']],
    )
  })

  test('with broken extensions tells what stands before the break', () => {
    const broken = [
      [sni('a.example'), u16s(16, 999)],
      [sni('a.example'), extension(16, u16s(999))],
      [sni('a.example'), extension(43, [200, 3, 4]), extension(0)],
    ]
    for (const extensions of broken) {
      const [hello] = read(['client', clientHello({ extensions })]).rows
      assert.deepEqual([hello?.sni, hello?.alpn, hello?.version], ['a.example', [], 'TLS 1.2'])
    }
    assert.equal(
      read(['client', clientHello({ extensions: [extension(0, u16s(4), 0, u16s(99))] })]).rows[0]?.sni,
      '',
    )
  })

  test('that does not fit into itself ends the connection', () => {
    const tooMany = bytesOf(clientHelloBody().subarray(0, 35), u16s(999), new Uint8Array(20))
    assert.equal(read(['client', record(22, handshake(1, tooMany))]).invalid, 'malformed hello')
  })

  test('may come in pieces over many records and segments', () => {
    const message = handshake(1, offer.subarray(9))
    const whole = read(['client', offer])
    for (const size of [1, 2, 3, 7, 100]) {
      const records: Uint8Array[] = []
      for (let at = 0; at < message.length; at += size)
        records.push(record(22, message.subarray(at, at + size)))
      assert.deepEqual(read(['client', bytesOf(...records)]), whole, `records of ${size}`)
    }
  })

  test('that stops for another record is given up', () => {
    const message = offer.subarray(5)
    const { rows, invalid } = read([
      'client',
      bytesOf(record(22, message.subarray(0, 50)), changeCipher, offer),
    ])
    assert.deepEqual([rows.length, invalid], [1, undefined])
  })
})

describe('a ServerHello', () => {
  test('tells what the server chose', () => {
    const { ja3s, ...hello } = read(['server', choice]).rows[0] ?? {}
    assert.deepEqual(hello, {
      side: 'server',
      id: undefined,
      type: 'ServerHello',
      version: 'TLS 1.3',
      cipherSuite: 'TLS_AES_128_GCM_SHA256',
      alpn: '',
      ja3sFull: '771,4865,43',
      sessionId: '0102ff',
      helloRetryRequest: false,
      alert: null,
    })
    assert.equal(ja3s, 'cce84e7a8b742462e40afb585a3e3ccc')
  })

  test('before TLS 1.3 has its version in the open, and the protocol', () => {
    const hello = serverHelloBody({ version: 0x0302, ciphers: [0xc014], extensions: [alpn('http/1.1')] })
    const [row] = read(['server', record(22, handshake(2, hello), handshake(11, new Uint8Array(500)))]).rows
    assert.deepEqual(
      [row?.version, row?.alpn, row?.cipherSuite],
      ['TLS 1.1', 'http/1.1', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA'],
    )
  })

  test('may ask for another ClientHello, which makes two exchanges', () => {
    const retry = serverHello({ random: retryRandom, extensions: [extension(43, u16s(0x0304))] })
    const { rows } = read(
      ['client', offer],
      ['server', bytesOf(retry, changeCipher)],
      ['client', bytesOf(changeCipher, offer)],
      ['server', bytesOf(choice, applicationData)],
    )
    assert.deepEqual(
      rows.map(({ type, helloRetryRequest, id }) => [type, helloRetryRequest, id]),
      [
        ['ClientHello', undefined, undefined],
        ['ServerHello', true, undefined],
        ['ClientHello', undefined, undefined],
        ['ServerHello', false, undefined],
      ],
    )
  })
})

describe('an alert', () => {
  const failure = record(21, 2, 40)

  test('in place of a ServerHello is the reply', () => {
    const [, alert] = read(['client', offer], ['server', failure]).rows
    assert.deepEqual(
      [alert?.type, alert?.id, alert?.alert, alert?.version, alert?.ja3s],
      ['Alert', undefined, { level: 'fatal', description: 'handshake_failure' }, '', ''],
    )
  })

  test('after it, or from the client, is an entry of its own', () => {
    const { rows } = read(
      ['client', offer],
      ['server', bytesOf(choice, record(21, 1, 112), record(21, 2, 200))],
      ['client', record(21, 2, 48)],
    )
    assert.deepEqual(
      rows.slice(2).map(({ id, alert }) => [id, alert]),
      [
        ['push', { level: 'warning', description: 'unrecognized_name' }],
        ['push', { level: 'fatal', description: '200' }],
        ['no-reply', { level: 'fatal', description: 'unknown_ca' }],
      ],
    )
  })

  test('that is encrypted is not seen', () => {
    assert.equal(
      read(['client', bytesOf(offer, record(21, new Uint8Array(26)), record(21, 9, 9))]).rows.length,
      1,
    )
  })
})

describe('the rest of a TLS connection', () => {
  test('passes by unread, holes included', () => {
    const { client } = tls.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const step = client.next(bytesOf(23, u16s(0x0303, 16_000)), 0, 5)
    assert.deepEqual(step, { kind: 'skip', length: 16_005 })
    const { rows, invalid } = read(
      ['client', bytesOf(offer, 23, u16s(0x0303, 16_000), new Uint8Array(100))],
      ['client', 15_000],
      ['client', bytesOf(new Uint8Array(900), record(22, new Uint8Array(40).fill(1)), record(23), offer)],
    )
    assert.deepEqual([rows.length, invalid], [2, undefined])
  })

  test('that is no TLS ends it', () => {
    for (const bad of [
      bytesOf('GET / HTTP/1.1\r\n'),
      bytesOf(23, u16s(0x0203, 5)),
      bytesOf(23, u16s(0x0303, 20_000)),
      bytesOf(25, u16s(0x0303, 1)),
      bytesOf(22, u16s(0x0303, 0)),
    ])
      assert.equal(read(['client', bytesOf(offer, bad)]).invalid, 'not a TLS record')
  })
})

describe('TLS is recognised', () => {
  const probe = (bytes: Uint8Array, from: Side, end = bytes.length) => tls.probe(bytes, 0, end, from)

  test('by its hellos, each from its side', () => {
    assert.deepEqual([probe(offer, 'client'), probe(offer, 'server')], ['match', 'reject'])
    assert.deepEqual([probe(choice, 'server'), probe(choice, 'client')], ['match', 'reject'])
    assert.equal(probe(record(22, 1), 'client'), 'match')
  })

  test('for any prefix of a hello, or not yet', () => {
    for (let end = 1; end < 10; end++) assert.equal(probe(offer, 'client', end), 'unsure')
    assert.equal(probe(offer, 'client', 10), 'match')
  })

  test('not by what others send', () => {
    const others = [
      bytesOf('GET / HTTP/1.1\r\n'),
      bytesOf(0x80, 0x2e, 1, 3, 1, 0, 0x15, new Uint8Array(40)), // SSL 2.0
      bytesOf(22, u16s(0x0505, 100), 1),
      bytesOf(22, u16s(0x0303, 30_000), 1),
      bytesOf(22, u16s(0x0303, 100), 1, vector(3, 1, 2, 3)),
      bytesOf(22, u16s(0x0303, 100), 1, 1, 0, 0, 3),
      bytesOf(22, u16s(0x0303, 100), 1, 0, 0, 90, 9),
      bytesOf(22, 0xfe, 0xfd),
      applicationData,
    ]
    for (const bytes of others)
      assert.equal(probe(bytes, 'client'), 'reject', Buffer.from(bytes).toString('hex', 0, 12))
  })
})

describe('TLS parsers', () => {
  const conversation = [
    [
      'client',
      bytesOf(offer, changeCipher, applicationData.subarray(0, 60), new Uint8Array(945), record(21, 2, 42)),
    ],
    ['server', bytesOf(choice, changeCipher, record(23, new Uint8Array(30)), record(21, 1, 0))],
  ] as const

  test('read the same however the bytes are cut', () => {
    const whole = read(...conversation)
    assert.equal(whole.rows.length, 4)
    for (let cut = 1; cut < 400; cut++) {
      const chunks = conversation.flatMap(([side, bytes]): Chunk[] => [
        [side, bytes.subarray(0, cut)],
        [side, bytes.subarray(cut)],
      ])
      assert.deepEqual(read(...chunks), whole, `cut at ${cut}`)
    }
    const single = conversation.flatMap(([side, bytes]) =>
      [...bytes].map((byte): Chunk => [side, Uint8Array.of(byte)]),
    )
    assert.deepEqual(read(...single), whole)
  })

  test('answer any bytes without throwing, and hellos with a byte changed', () => {
    const sides = fc.constantFrom<Side>('client', 'server')
    const changed = fc
      .tuple(fc.constantFrom(offer, choice), fc.nat(), fc.nat(255))
      .map(([hello, at, byte]) =>
        Uint8Array.from(hello).fill(byte, at % hello.length, (at % hello.length) + 1),
      )
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), changed), sides, (bytes, side) => {
        read([side, bytes], [side, null])
        if (bytes.length > 0) tls.probe(bytes, 0, bytes.length, side)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the row of a TLS entry', () => {
  test('shows the server that is asked for', () => {
    const [ask, answer] = feed(tls, [
      ['client', offer],
      ['server', choice],
    ]).messages
    const row = tls.summarize(ask?.message as never, answer?.message as never)
    assert.deepEqual(row, {
      method: 'ClientHello',
      methodQuery: 'request.type == "ClientHello"',
      summary: 'shop.example',
      summaryQuery: 'request.sni == "shop.example"',
      status: 0,
      statusQuery: '',
    })
    assert.equal(tls.summarize(null, answer?.message as never).method, 'ServerHello')
  })

  test('shows what an alert says', () => {
    const [alert] = feed(tls, [['client', record(21, 2, 48)]]).messages
    const row = tls.summarize(alert?.message as never, null)
    assert.deepEqual(
      [row.method, row.summary, row.summaryQuery],
      ['Alert', 'unknown_ca', 'request.alert.description == "unknown_ca"'],
    )
  })
})
