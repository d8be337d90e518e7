import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Side } from '../../dissect/dissector.ts'
import { mysql } from './dissector.ts'
import {
  bytes,
  column,
  command,
  eof,
  error,
  execute,
  frame,
  greeting,
  lenenc,
  login,
  ok,
  packets,
  prepared,
  query,
  resultSet,
  u16,
  u32,
} from './test-packets.ts'

const probe = (content: Uint8Array | string, from: Side) => {
  const made = bytes(content)
  return mysql.probe(made, 0, made.length, from)
}
const client = (content: Uint8Array | string) => probe(content, 'client')
const server = (content: Uint8Array | string) => probe(content, 'server')
const ssl = packets(1, bytes(u32(0x0008aa8d), u32(1 << 24), 45, new Uint8Array(23)))

const ofClients: readonly (readonly [name: string, content: Uint8Array])[] = [
  ['a login', login()],
  ['a login with MariaDB’s flags', login({ extended: 0x1f })],
  ['a request for TLS', ssl],
  ['a request for TLS and what follows at once', bytes(ssl, 22, 3, 1, u16(512))],
  ['a query', query('select 1')],
  ['a query behind a comment', query('/* app=shop */ -- x\n # y\n (SELECT 1)')],
  ['a query for newer servers', query('/*!40101 SET NAMES utf8 */')],
  ['a query for newer servers of MariaDB', query('/*M!100100 SET @@a=1 */')],
  ['a query with a NUL at its end', query('select 1\0')],
  ['a query with attributes', command(3, 1, 1, 0, 1, u16(254), lenenc('n'), lenenc('v'), 'select now()')],
  ['a query with no attributes', command(3, 0, 1, 'select now()')],
  [
    'the beginning of a long query',
    query(`insert into t values ('${'x'.repeat(20_000)}')`).subarray(0, 1448),
  ],
  ['a statement that is prepared', command(22, 'select * from t where a = ?')],
  ['a statement that is run', execute(7, [[253, lenenc('x')]])],
  ['a statement that is closed before another one', bytes(command(25, u32(7)), command(22, 'select 1'))],
  ['a compressed query', frame(0, query(`select ${'1, '.repeat(40)}2`), 'zlib')],
  ['a query that was too short to compress', frame(0, query('select 1'), 'plain')],
]

const ofServers: readonly (readonly [name: string, content: Uint8Array])[] = [
  ['a greeting', greeting()],
  ['a greeting of MariaDB', greeting({ version: '5.5.5-10.11.6-MariaDB-log', extended: 0x1d })],
  [
    'a greeting of old',
    packets(0, bytes(10, '4.0.18', 0, u32(5), 'saltsalt', 0, u16(0x2c), 8, u16(2), new Uint8Array(13))),
  ],
  [
    'a refusal',
    packets(0, bytes(0xff, u16(1130), "Host 'a' is not allowed to connect to this MySQL server")),
  ],
  ['an OK', packets(1, ok({ affected: 2, info: 'Rows matched: 2' }))],
  ['an OK with what has changed', packets(1, ok({ database: 'shop' }))],
  ['an error', packets(1, error(1054, '42S22', "Unknown column 'a' in 'field list'"))],
  ['a result', packets(1, ...resultSet(['a'], [['x']]))],
  ['a statement', packets(1, ...prepared(1, 1, [column('a')]))],
  ['a statement without anything', packets(1, ...prepared(1, 0, []))],
  ['an EOF', packets(1, eof())],
  ['a compressed result', frame(1, packets(1, ...resultSet(['a'], [['x'.repeat(99)]])), 'zlib')],
]

describe('MySQL is recognised', () => {
  for (const [name, content] of ofClients)
    test(`by ${name}`, () => {
      assert.equal(client(content), 'match')
      for (let at = 1; at < content.length; at++)
        assert.notEqual(client(content.subarray(0, at)), 'reject', `${at}`)
      assert.equal(server(content), 'reject')
    })
  for (const [name, content] of ofServers)
    test(`by ${name}`, () => {
      assert.equal(server(content), 'match')
      assert.notEqual(client(content), 'match')
    })
})

describe('MySQL is not recognised by little', () => {
  const little: readonly (readonly [name: string, content: Uint8Array])[] = [
    ['a ping', command(14)],
    ['the end', command(1)],
    ['a database', command(2, 'shop')],
    ['a statement that is closed', command(25, u32(7))],
    ['the first bytes of a query', query('select 1').subarray(0, 9)],
  ]
  for (const [name, content] of little) test(name, () => assert.equal(client(content), 'unsure'))
})

describe('others are not taken for MySQL', () => {
  const pg = (type: string, ...parts: (string | number | Uint8Array)[]) => {
    const content = bytes(...parts)
    return bytes(type, 0, 0, 0, content.length + 4, content)
  }
  const mongo = (requestId: number) =>
    bytes(u32(58), u32(requestId), u32(0), u32(2013), u32(0), 0, u32(37), 'x'.repeat(32))
  const others: readonly (readonly [name: string, content: Uint8Array | string])[] = [
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2p1\r\n'],
    ['Redis', '*1\r\n$4\r\nPING\r\n'],
    ['SMTP', '220 mail.example.com ESMTP\r\n'],
    ['TLS', bytes(22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, new Uint8Array(40))],
    ['SMB', bytes(0, 0, 0, 0x54, 0xfe, 'SMB', 0x40, 0, new Uint8Array(70))],
    ['RDP', bytes(3, 0, 0, 0x13, 0x0e, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0)],
    ['Kafka', bytes(0, 0, 0, 30, 0, 3, 0, 9, 0, 0, 0, 1, 0, 5, 'admin', 'x'.repeat(15))],
    ['AMQP', 'AMQP\0\0\x09\x01'],
    // The length of the query is where MySQL has COM_STMT_PREPARE.
    ['a query of PostgreSQL', pg('Q', 'select now() + 1;', 0)],
    [
      'several messages of PostgreSQL',
      bytes(pg('P', 0, 'select now()', 0, 0, 0), pg('B', 0, 0, 0, 0), pg('E', 0, u32(0)), pg('S')),
    ],
    ['MongoDB', mongo(3)],
    ['MongoDB, its 22nd message', mongo(22)],
    ['MongoDB, its 23rd message', mongo(23)],
    ['zeroes', new Uint8Array(100)],
    ['a length and text', bytes(u32(20), 'select 1 from nowhere')],
  ]
  for (const [name, content] of others)
    test(name, () => {
      for (const from of ['client', 'server'] as const) {
        assert.notEqual(probe(content, from), 'match')
        assert.equal(mysql.resumes?.(bytes(content), 0, bytes(content).length, 'server'), false)
      }
    })
})
