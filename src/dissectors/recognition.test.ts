import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '../entry/entry.ts'
import { type Chunk, follow } from '../testing/follow.ts'
import { get, headers, preface, settings, status } from './http2/test-frames.ts'
import { dissectors } from './index.ts'

import * as ldap from './ldap/test-messages.ts'
import { opMsg } from './mongodb/test-messages.ts'

import * as mysql from './mysql/test-packets.ts'

import * as pg from './postgresql/test-messages.ts'
import { bytesOf, clientHello, clientHelloBody, u16s, vector } from './tls/test-hellos.ts'

type Script = readonly (readonly ['client' | 'server', string | Uint8Array])[]

const hello = clientHello()
const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const call = Buffer.concat([preface, headers(1, get('/'), { ends: true })])
const reply = Buffer.concat([settings(), headers(1, status(200), { ends: true })])
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

const conversations: readonly (readonly [
  name: string,
  script: Script,
  expected: readonly string[],
  port?: number,
])[] = [
  ['a typed command of Redis', [c('SET a b\r\n'), s('+OK\r\n')], ['redis SET+reply']],
  ['a typed command that counts', [c('PUBLISH a b\r\n'), s(':2\r\n')], ['redis PUBLISH+reply']],
  [
    'HTTP behind the line of a load balancer',
    [c(`PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\n${request}`), s(ok)],
    ['http GET+reply'],
  ],
  [
    'TLS behind the binary header of a load balancer',
    [c(bytesOf('\r\n\r\n\0\r\nQUIT\n', 0x21, 0x11, u16s(12), new Uint8Array(12))), c(hello)],
    ['tls ClientHello'],
  ],
  [
    'HTTP/2 behind the line of a load balancer',
    [c(Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\n'), call])), s(reply)],
    ['http2 GET+reply'],
  ],
  [
    'HTTP/2 whose server speaks first',
    [s(reply.subarray(0, 9)), c(call), s(reply.subarray(9))],
    ['http2 GET+reply'],
  ],
  [
    'HTTP/2 in a tunnel',
    [c('CONNECT a:80 HTTP/1.1\r\n\r\n'), s('HTTP/1.1 200 OK\r\n\r\n'), c(call), s(reply)],
    ['http CONNECT+reply', 'http2 GET+reply'],
  ],
  [
    'PostgreSQL',
    [
      c(pg.startup('user', 'ann')),
      s(pg.both(pg.authentication(0), pg.ready())),
      c(pg.query('select 1')),
      s(pg.both(pg.tag('SELECT 1'), pg.ready())),
    ],
    ['postgresql StartupMessage+reply', 'postgresql Query+reply'],
  ],
  [
    'PostgreSQL that goes over to TLS',
    [c(pg.untyped(80877103)), s('S'), c(hello)],
    ['postgresql SSLRequest+reply', 'tls ClientHello'],
  ],
  [
    'PostgreSQL that refuses TLS',
    [c(pg.untyped(80877103)), s('N'), c(pg.startup('user', 'ann')), s(pg.authentication(3))],
    ['postgresql SSLRequest+reply', 'postgresql StartupMessage+reply'],
  ],
  ['memcached', [c('get a\r\n'), s('VALUE a 0 1\r\nx\r\nEND\r\n')], ['memcached get+reply']],
  ['memcached, where neither side is sure', [c('get a\r\n'), s('END\r\n')], ['memcached get+reply']],
  [
    'a typed command of Redis that memcached has, too',
    [c('get a\r\n'), s('$1\r\nx\r\n')],
    ['redis GET+reply'],
  ],
  [
    'beanstalkd',
    [
      c('use jobs\r\n'),
      s('USING jobs\r\n'),
      c('put 0 0 60 2\r\nhi\r\n'),
      s('INSERTED 1\r\n'),
      c('delete 1\r\n'),
      s('DELETED\r\n'),
    ],
    [],
  ],
  ['what only looks like a load balancer', [c('PROXY of something\r\n'), s('PROXY TCP4\r\n')], []],
  ['replies without commands, on the port of Redis', [s('+OK\r\n')], ['redis +reply'], 6379],
  ['replies without commands, on another port', [s('+OK\r\n')], []],
  ['mail on the port of Redis', [c('USER a\r\n'), s('+OK\r\n')], [], 6379],
  ['a command of Redis in pieces', [c('*1\r\n$4\r\nPI'), c('NG\r\n'), s('+PONG\r\n')], ['redis PING+reply']],
  ['POP3', [s('+OK\r\n'), c('AUTH\r\n'), s('-ERR Unknown command.\r\n'), c('USER a\r\n'), s('+OK\r\n')], []],
  [
    'POP3 with capabilities',
    [
      s('+OK Dovecot ready.\r\n'),
      c('CAPA\r\n'),
      s('+OK\r\nCAPA\r\nTOP\r\n.\r\n'),
      c('QUIT\r\n'),
      s('+OK\r\n'),
    ],
    [],
  ],
  ['NATS', [s('INFO {}\r\n'), c('CONNECT {}\r\n'), s('+OK\r\n'), c('PING\r\n'), s("-ERR 'x'\r\n")], []],
  [
    'AMQP',
    [c('AMQP\0\0\x09\x01'), s('\x01\0\0\0\0\0\x0c\0\x0a\0\x1e\x07\xff\0\x02\0\0\0\x3c\xce')],
    ['amqp connection tune'],
  ],
  ['AMQP 1.0', [c('AMQP\0\x01\0\0'), s('AMQP\0\x01\0\0')], []],
  ['MQTT', [c('\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02me'), s('\x20\x02\0\0')], ['mqtt CONNECT+reply']],
  ['what only begins like MQTT', [c('\x10\x0e\0\x04MQTX\x04\x02'), s('\x20\x02\0\0')], []],
  ['a host name on a line', [c('www.example.com\r\n'), s('Domain: example.com\r\n')], []],
  ['metrics', [c('local.random 4 1700000000\n'), c('local.load 1 1700000000\n')], []],
  [
    'STARTTLS',
    [
      s('220 mx\r\n'),
      c('EHLO client.example.com\r\n'),
      s('250 STARTTLS\r\n'),
      c('STARTTLS\r\n'),
      s('220 go\r\n'),
      c(hello),
    ],
    ['tls ClientHello'],
  ],
  [
    'LDAP with StartTLS',
    [
      c(ldap.message(1, 0x77, [ldap.element(0x80, '1.3.6.1.4.1.1466.20037')])),
      s(ldap.result(1, 0x78)),
      c(hello),
    ],
    ['ldap Extended Request+reply', 'tls ClientHello'],
  ],
  [
    'MongoDB behind the line of a load balancer, on any port',
    [
      c(bytesOf('PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\n', opMsg({ ping: 1, $db: 'admin' }))),
      s(opMsg({ ok: 1 }, { responseTo: 1 })),
    ],
    ['mongodb ping+reply'],
  ],
  [
    'MySQL, in which the server begins',
    [...mysql.session(), c(mysql.query('select 1')), s(mysql.packets(1, mysql.ok()))],
    ['mysql Login+reply', 'mysql COM_QUERY+reply'],
  ],
  ['MySQL that refuses to listen', [s('\x0d\0\0\0\xff\x10\x04Too many c')], ['mysql Login+reply']],
  [
    'a query of PostgreSQL',
    [c('Q\0\0\0\x16select now() + 1;\0'), s('C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I')],
    ['postgresql Query+reply'],
  ],
  ['a length and a byte', [c('\x01\0\0\0\x0e'), s('\x01\0\0\0\x0f')], []],
  [
    'HTTP through SOCKS',
    [
      c('\x05\x01\x00'),
      s('\x05\x00'),
      c('\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50'),
      s('\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50'),
      c(request),
      s(ok),
    ],
    ['http GET+reply'],
  ],
]

for (const [name, script, expected, port] of conversations)
  test(name, () => assert.deepEqual(read(script, port), expected))

test('what was held has the time at which it came', () => {
  const exchanges = exchangesOf([c('PING\r\nPING\r\n'), s('+PONG\r\n+PONG\r\n')])
  assert.deepEqual(
    exchanges.map(({ seconds, elapsedTime }) => [seconds, elapsedTime]),
    [
      [1, 1e6],
      [1, 1e6],
    ],
  )
})

test('DTLS behind the STUN of WebRTC', () => {
  const stun = Buffer.from('000100002112a442000102030405060708090a0b', 'hex')
  const fragment = bytesOf(1, vector(3, clientHelloBody({ version: 0xfefd, cookie: [] })))
  const length = fragment.subarray(1, 4)
  const rest = bytesOf(1, length, u16s(0), 0, 0, 0, length, fragment.subarray(4))
  const dtlsHello = bytesOf(22, u16s(0xfefd), new Uint8Array(8), vector(2, rest))
  const script = [...Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? c(stun) : s(stun))), c(dtlsHello)]
  assert.deepEqual(
    exchangesOf(script, { port: 4000, protocol: 17 }).map(({ dissector }) => dissector.name),
    ['dtls'],
  )
})

/** What is made of a TCP connection that is seen from its beginning, one chunk after another. */
function read(script: Script, port?: number): string[] {
  return exchangesOf(script, { port }).map((exchange) => {
    const { method } = exchange.dissector.summarize(
      exchange.request as never,
      exchange.response as never,
      null as never,
    )
    return `${exchange.dissector.name} ${method}${exchange.response === null ? '' : '+reply'}`
  })
}

function exchangesOf(
  script: Script,
  options: { port?: number | undefined; protocol?: number } = {},
): readonly Exchange[] {
  const chunks = script.map(([from, text]): Chunk => [from, Buffer.from(text as string, 'latin1')])
  return follow(dissectors, chunks, options).exchanges
}

function c(text: string | Uint8Array) {
  return ['client', text] as const
}

function s(text: string | Uint8Array) {
  return ['server', text] as const
}
