import assert from 'node:assert/strict'
import { describe as group, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { postgresql } from './dissector.ts'
import {
  authentication,
  bind,
  both,
  bound,
  columns,
  describe,
  execute,
  failure,
  m,
  noData,
  parse,
  parsed,
  query,
  ready,
  row,
  setting,
  startup,
  sync,
  tag,
  terminate,
  u16s,
  u32s,
  untyped,
  values,
} from './test-messages.ts'

const probe = (side: Side, bytes: Uint8Array | string) => {
  const wire = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return postgresql.probe(wire, 0, wire.length, side)
}

group('a connection is recognised', () => {
  test('by its first message, and not before that is whole', () => {
    const firsts = [
      startup('user', 'ann'),
      untyped(0x30002, 'client_encoding', 'UTF8', 'user', 'ann', '_pq_.x', '', ''),
      untyped(80877102, u32s(1, 2)),
      untyped(80877103),
      untyped(80877104),
    ]
    for (const first of firsts) {
      assert.equal(probe('client', first), 'match')
      for (let end = 1; end < Math.min(first.length, 16); end++)
        assert.notEqual(probe('client', first.subarray(0, end)), 'reject', `${end} bytes`)
    }
    assert.equal(probe('client', startup('user', 'ann').subarray(0, 14)), 'unsure')
  })

  test('midway by what a client says', () => {
    for (const said of [
      query('select 1'),
      query(`insert into t values ('${'x'.repeat(5000)}')`).subarray(0, 1460),
      both(parse('', 'select $1', 23), bind('', '', values('x')), sync),
      both(bind('', 'S_1', values(u32s(1)), [1]), describe('P'), execute(), sync),
      both(sync, sync),
      both(m('c'), sync),
      both(m('d', Buffer.alloc(9)), m('d', Buffer.alloc(9)), m('d', Buffer.alloc(9))),
    ])
      assert.equal(probe('client', said), 'match', Buffer.from(said).toString('latin1', 0, 40))
    for (const said of [sync, terminate, m('p', 'geheim')]) assert.equal(probe('client', said), 'unsure')
  })

  test('midway by what a server says', () => {
    for (const said of [
      ready(),
      authentication(0),
      authentication(5, u32s(9)),
      authentication(10, 'SCRAM-SHA-256', ''),
      both(columns(['a', 23]), row('1'), tag('SELECT 1'), ready()),
      both(parsed, bound, noData, tag('INSERT 0 1'), ready()),
      both(parsed, bound),
      row('1', 'two', null),
      both(row('x'.repeat(3000)), row('y'.repeat(3000))).subarray(0, 4000),
      failure('42601', 'syntax error'),
      tag('SELECT 1'),
      setting('TimeZone', 'UTC'),
      m('G', Buffer.from([0]), u16s(2, 0, 0)),
      both(m('d', Buffer.alloc(9)), m('d', Buffer.alloc(9)), m('d', Buffer.alloc(9))),
    ])
      assert.equal(probe('server', said), 'match', Buffer.from(said).toString('latin1', 0, 40))
    assert.equal(probe('server', parsed), 'unsure')
  })
})

group('something else is not', () => {
  const ascii = (text: string) => Buffer.from(text, 'latin1')
  for (const [name, bytes] of [
    ['a request of HTTP', ascii('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['a POST', ascii('POST /a HTTP/1.1\r\n\r\n')],
    ['a reply of HTTP', ascii('HTTP/1.1 200 OK\r\n\r\n')],
    ['SIP', ascii('INVITE sip:a@b SIP/2.0\r\n')],
    ['a greeting of SSH', ascii('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a greeting of SMTP', ascii('220 mx ESMTP\r\n')],
    ['a hello of TLS', ascii('\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03')],
    ['a query of MySQL', ascii(`\x51\0\0\0\x03select ${'x'.repeat(73)}`)],
    ['a statement of MySQL', ascii(`\x51\0\0\0\x16select ${'x'.repeat(73)}`)],
    ['what asks MySQL for fields', ascii(`S\0\0\0\x04t${'\0'.repeat(1)}${'x'.repeat(80)}`)],
    ['a message of MongoDB', both(ascii('Q\0\0\0'), Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0]))],
    ['what asks Kafka for metadata', both(u32s(19), u16s(3, 0), u32s(1), u16s(5), ascii('admin'), u32s(0))],
    [
      'what asks Kafka, with a name for a number',
      both(u32s(19), u16s(3, 0), ascii('abcd'), u16s(5), ascii('admin'), u32s(0)),
    ],
    ['a message of SMB', ascii('\0\0\0\x2d\xffSMBr\0\0\0\0\x18')],
    ['RDP', ascii('\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0')],
    ['version 2 of the protocol', untyped(0x20000, Buffer.alloc(288))],
    ['a startup packet without a user', startup('database', 'a')],
    ['a query with a NUL in it', m('Q', 'select\0 1')],
    ['a row that is too short', m('D', u16s(2), u32s(1), Buffer.from('a'))],
    ['a state that there is not', m('Z', Buffer.from('X'))],
  ] as const)
    test(name, () => {
      assert.equal(probe('client', bytes), 'reject')
      assert.equal(probe('server', bytes), 'reject')
    })

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 200 }), (bytes) => {
        assert.notEqual(probe('client', bytes), 'match')
        assert.notEqual(probe('server', bytes), 'match')
      }),
      { numRuns: 2000 },
    )
  })
})
