import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { compileFilter } from '../../filter/index.ts'
import { feed } from '../../testing/feed.ts'
import { radius, radiusTcp } from './dissector.ts'
import type { RadiusMessage } from './message.ts'

const ACCESS_REQUEST = 1
const ACCESS_ACCEPT = 2

/** An attribute: its number, and its value as text, a number of four bytes, or bytes. */
function attribute(type: number, value: string | number | Uint8Array): Buffer {
  const bytes =
    typeof value === 'number'
      ? Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])
      : Buffer.from(value as Uint8Array)
  return Buffer.concat([Buffer.from([type, bytes.length + 2]), bytes])
}

function vendor(id: number, ...attributes: Uint8Array[]): Buffer {
  return attribute(26, Buffer.concat([Buffer.from([id >>> 24, id >>> 16, id >>> 8, id]), ...attributes]))
}

function message(code: number, id: number, attributes: readonly Uint8Array[] = [], salt = 0): Buffer {
  const body = Buffer.concat(attributes)
  const head = Buffer.from(Array.from({ length: 20 }, (_, at) => (at * 37 + salt + code) & 0xff))
  head[0] = code
  head[1] = id
  head.writeUInt16BE(20 + body.length, 2)
  return Buffer.concat([head, body])
}

function read(...attributes: Uint8Array[]): RadiusMessage {
  const { messages } = feed(radius, [['client', message(ACCESS_REQUEST, 1, attributes)]])
  return messages[0]?.message as RadiusMessage
}

const only = (attribute: Uint8Array) => Object.entries(read(attribute).attributes)[0]

describe('the attributes of RADIUS', () => {
  test('have their names, and values by their types', () => {
    for (const [bytes, name, value] of [
      [attribute(1, 'bob'), 'User-Name', 'bob'],
      [attribute(4, 0x7f000001), 'NAS-IP-Address', '127.0.0.1'],
      [attribute(5, 0xffffffff), 'NAS-Port', 4294967295],
      [attribute(6, 2), 'Service-Type', 'Framed'],
      [attribute(6, 99), 'Service-Type', 99],
      [attribute(55, 0), 'Event-Timestamp', '1970-01-01T00:00:00Z'],
      [attribute(25, 'gold'), 'Class', 'gold'],
      [attribute(25, Buffer.from([0, 255])), 'Class', '0x00ff'],
      [attribute(95, Buffer.from(`fe80${'00'.repeat(13)}01`, 'hex')), 'NAS-IPv6-Address', 'fe80::1'],
      [attribute(97, Buffer.from('002020010db8', 'hex')), 'Framed-IPv6-Prefix', '2001:db8::/32'],
      [attribute(155, Buffer.from('00180a000000', 'hex')), 'PMIP6-Home-IPv4-HoA', '10.0.0.0/24'],
      [attribute(96, Buffer.from('0000000000000001', 'hex')), 'Framed-Interface-Id', '0000:0000:0000:0001'],
      [attribute(101, 503), 'Error-Cause', 'Session Context Not Found'],
      [attribute(240, 'x'), 'Attr-240', 'x'],
      // Of the wrong length: as bytes.
      [attribute(5, Buffer.from([1, 2])), 'NAS-Port', '0x0102'],
    ] as const)
      assert.deepEqual(only(bytes), [name, value])
  })

  test('of vendors have theirs', () => {
    assert.deepEqual(read(vendor(9, attribute(1, 'a=b'), attribute(1, 'c=d'))).attributes, {
      'Cisco-AVPair': ['a=b', 'c=d'],
    })
    assert.deepEqual(only(vendor(311, attribute(7, 2))), ['MS-MPPE-Encryption-Policy', 'Encryption-Required'])
    assert.deepEqual(only(vendor(10415, attribute(1, '262011234567890'))), ['3GPP-IMSI', '262011234567890'])
    assert.deepEqual(read(vendor(9, attribute(200, 'x'))).attributeList, [
      { type: '26.9.200', name: 'Attr-26.9.200', value: 'x', vendor: 'Cisco', tag: 0 },
    ])
    // What is no list of attributes is shown as a whole.
    assert.deepEqual(only(vendor(9, Buffer.from('odd'))), ['Attr-26.9', 'odd'])
    // Starent has two bytes for each, the number and the length.
    assert.deepEqual(only(vendor(8164, Buffer.from([0, 3, 0, 5, 0x41]))), ['Attr-26.8164.3', 'A'])
  })

  test('may be about one of several tunnels', () => {
    const { attributeList } = read(
      attribute(64, 0x01000003),
      attribute(81, Buffer.from('\x01100')),
      attribute(81, '200'),
      attribute(69, Buffer.from([1, 0x80, 1, 2, 3])),
    )
    assert.deepEqual(
      attributeList.map(({ name, value, tag }) => [name, value, tag]),
      [
        ['Tunnel-Type', 'L2TP', 1],
        ['Tunnel-Private-Group-ID', '100', 1],
        ['Tunnel-Private-Group-ID', '200', 0],
        ['Tunnel-Password', '[REDACTED]', 1],
      ],
    )
  })

  test('that are secret are masked', () => {
    const { attributes } = read(
      attribute(2, Buffer.alloc(16, 7)),
      attribute(3, Buffer.alloc(17, 7)),
      vendor(311, attribute(25, Buffer.alloc(50, 7)), attribute(16, Buffer.alloc(34, 7))),
    )
    assert.deepEqual(new Set(Object.values(attributes)), new Set(['[REDACTED]']))
    assert.equal(Object.keys(attributes).length, 4)
  })

  test('that are secret in a pair are masked there', () => {
    for (const [pair, shown] of [
      ['psk=hunter2\nhunter2', 'psk=[REDACTED]'],
      ['vpdn:l2tp-tunnel-password=hunter2', 'vpdn:l2tp-tunnel-password=[REDACTED]'],
      ['Password*a=b', 'Password*[REDACTED]'],
      ['psk-mode=ascii', 'psk-mode=ascii'],
      ['url-redirect=http://a/?key=1', 'url-redirect=http://a/?key=1'],
      ['no pair', 'no pair'],
    ] as const)
      assert.deepEqual(only(vendor(9, attribute(1, pair))), ['Cisco-AVPair', shown])
    assert.deepEqual(only(vendor(25053, attribute(142, 'hunter2'))), ['Ruckus-Dpsk', '[REDACTED]'])
  })

  test('may be extended, and go on in the next one', () => {
    assert.deepEqual(only(attribute(241, Buffer.from([1, 0, 0, 0, 2]))), ['Frag-Status', 'More-Data-Pending'])
    assert.deepEqual(
      read(
        attribute(245, Buffer.from([1, 0x80, ...Buffer.from('<saml')])),
        attribute(245, Buffer.from([1, 0, ...Buffer.from('/>')])),
      ).attributes,
      { 'SAML-Assertion': '<saml/>' },
    )
    assert.deepEqual(read(attribute(241, Buffer.from([5, 2, 6, 0, 0, 0, 9, 3, 6, 10, 0, 0, 1]))).attributes, {
      'IP-Port-Limit': 9,
      'IP-Port-Ext-IPv4-Addr': '10.0.0.1',
    })
    assert.deepEqual(only(attribute(244, Buffer.from([26, 0, 0, 0, 9, 7, 0x41]))), ['Attr-244.26.9.7', 'A'])
  })

  test('carry EAP', () => {
    const packet = Buffer.from('\x02\x66\x00\x0a\x01steve', 'latin1')
    const { eap, attributes, attributeList } = read(
      attribute(1, 'steve'),
      attribute(79, packet.subarray(0, 6)),
      attribute(79, packet.subarray(6)),
      attribute(5, 1),
    )
    assert.deepEqual(eap, {
      code: 'Response',
      identifier: 102,
      length: 10,
      type: 'Identity',
      identity: 'steve',
    })
    assert.equal(attributes['EAP-Message'], 'Response Identity')
    assert.deepEqual(attributeList[1], {
      type: '79',
      name: 'EAP-Message',
      value: 'Response Identity',
      vendor: '',
      tag: 0,
    })
    assert.deepEqual(
      attributeList.map(({ name }) => name),
      ['User-Name', 'EAP-Message', 'NAS-Port'],
    )
    assert.equal(read(attribute(79, Buffer.from([3, 1, 0, 4]))).attributes['EAP-Message'], 'Success')
    assert.equal(read(attribute(79, Buffer.from([3]))).attributes['EAP-Message'], '0x03')
    assert.equal(read(attribute(1, 'a')).eap, null)
  })

  test('that are there several times are a list', () => {
    assert.deepEqual(read(attribute(18, 'a'), attribute(18, 'b'), attribute(18, 'c')).attributes, {
      'Reply-Message': ['a', 'b', 'c'],
    })
  })
})

describe('messages of RADIUS', () => {
  test('pair by identifier; what is sent again stands alone', () => {
    const request = message(ACCESS_REQUEST, 7, [attribute(1, 'bob')])
    const reply = message(ACCESS_ACCEPT, 7)
    const next = message(ACCESS_REQUEST, 7, [attribute(1, 'bob')], 1)
    const { messages } = feed(radius, [
      ['client', request],
      ['client', request],
      ['server', reply],
      ['server', reply],
      ['client', next],
      ['server', message(ACCESS_ACCEPT, 7, [], 1)],
    ])
    assert.deepEqual(
      messages.map(({ message, id }) => [(message as RadiusMessage).retransmission, id]),
      [
        [false, 7],
        [true, undefined],
        [false, 7],
        [true, undefined],
        [false, 7],
        [false, 7],
      ],
    )
  })

  test('over TCP follow one another, however they are cut, from both ends', () => {
    const stream = Buffer.concat([
      message(ACCESS_REQUEST, 1, [attribute(1, 'bob')]),
      message(ACCESS_REQUEST, 2, [attribute(1, 'ann')]),
      message(44, 1),
    ])
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length]
        const chunks = at
          .slice(1)
          .map((end, index): [Side, Uint8Array] => ['client', stream.subarray(at[index], end)])
        assert.deepEqual(
          feed(radiusTcp, chunks).messages.map(({ message, id }) => [
            (message as RadiusMessage).userName,
            id,
          ]),
          [
            ['bob', 'c1'],
            ['ann', 'c2'],
            ['', 's1'],
          ],
        )
      }),
    )
  })

  test('say who, what, and how it ended', () => {
    const { messages } = feed(radius, [
      ['client', message(ACCESS_REQUEST, 1, [attribute(1, 'bob')])],
      ['server', message(ACCESS_ACCEPT, 1)],
    ])
    const [request, response] = messages.map(({ message }) => message as RadiusMessage)
    assert.ok(request && response)
    const base = radius.summarize(request, response)
    assert.deepEqual([base.method, base.summary, base.status], ['Access-Request', 'bob', 2])
    const entry = { protocol: radius.protocols[0], request, response, base }
    for (const query of [base.methodQuery, base.summaryQuery, base.statusQuery, 'radius'])
      assert.equal(compileFilter(query, { prefer: 'kfl1' }).matches(entry), true, query)
    for (const query of [
      'radius && radius_code == 1 && radius_code_name == "Access-Request"',
      `radius_request_authenticator == "${request.authenticator}"`,
      'radius_request.attributes["User-Name"] == "bob"',
    ])
      assert.equal(compileFilter(query, { prefer: 'kfl2' }).matches(entry), true, query)
  })
})

describe('recognising RADIUS', () => {
  const whole = message(ACCESS_REQUEST, 1, [attribute(1, 'bob'), attribute(5, 1), attribute(44, 'x')])
  const probe = (bytes: Uint8Array, from: Side = 'client') => radius.probe(bytes, 0, bytes.length, from)

  test('takes a message that fits, and one that the capture cut off', () => {
    assert.equal(probe(whole), 'match')
    assert.equal(probe(whole.subarray(0, 34)), 'match')
    assert.equal(probe(whole, 'server'), 'reject')
    assert.equal(probe(message(ACCESS_ACCEPT, 1), 'server'), 'match')
    assert.equal(probe(Buffer.concat([whole, Buffer.alloc(4)])), 'match')
  })

  test('takes a message that breaks off behind a name', () => {
    const broken = message(ACCESS_REQUEST, 1, [attribute(1, 'testuser'), Buffer.from([0, 2, 12, 0])])
    assert.equal(probe(broken), 'match')
    const [found] = feed(radius, [['client', broken]]).messages
    const { malformed, attributes } = (found as NonNullable<typeof found>).message as RadiusMessage
    assert.deepEqual([malformed, attributes['User-Name']], [true, 'testuser'])
  })

  test('takes nothing else', () => {
    assert.equal(probe(Buffer.concat([whole, Buffer.from([1])])), 'reject')
    assert.equal(probe(Buffer.from(`02010014${'00'.repeat(16)}`, 'hex'), 'server'), 'reject')
    assert.equal(probe(message(ACCESS_REQUEST, 1, [attribute(0, 'x')])), 'reject')
    // Capabilities-Exchange of Diameter: as code, identifier and length they fit, but no attribute does.
    const diameter = Buffer.from(
      `0100002880000101${'00'.repeat(4)}${'11'.repeat(8)}000001084000000c41424344`,
      'hex',
    )
    assert.equal(radiusTcp.probe(diameter, 0, diameter.length, 'client'), 'reject')
    // Cut off, behind attributes of known types whose values are octets: that much chance makes, too.
    const octets = message(ACCESS_REQUEST, 1, [
      attribute(24, '\xce\x01\x02'),
      attribute(79, '\x02\xf0'),
      attribute(1, 'bob'),
    ])
    assert.equal(probe(octets.subarray(0, 32)), 'reject')
    assert.equal(probe(octets), 'match')
    const text = Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n')
    assert.equal(radiusTcp.probe(text, 0, text.length, 'server'), 'reject')
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => probe(bytes) === 'reject'))
  })

  test('over TCP waits for the whole of it', () => {
    assert.equal(radiusTcp.probe(whole, 0, whole.length, 'client'), 'match')
    assert.equal(radiusTcp.probe(whole, 0, whole.length - 1, 'client'), 'unsure')
    assert.equal(radiusTcp.probe(whole, 0, 3, 'client'), 'unsure')
  })
})

test('any bytes can be read', () => {
  const any = fc.tuple(fc.constantFrom(1, 2, 4, 40), fc.uint8Array({ maxLength: 300 }))
  fc.assert(
    fc.property(any, fc.boolean(), ([code, body], isStream) => {
      const bytes = message(code, 1, [body])
      for (const { message } of feed(isStream ? radiusTcp : radius, [['client', bytes]]).messages) {
        const { attributes, eap, userName, attributeList } = message as RadiusMessage
        assert.ok(JSON.stringify([attributes, eap, userName, attributeList]).length > 0)
      }
    }),
    { numRuns: 500 },
  )
})
