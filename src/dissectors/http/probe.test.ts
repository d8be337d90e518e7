import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { http } from './dissector.ts'

function probe(text: string, from: Side): string {
  // In the midst of a larger buffer: only what lies between start and end counts.
  const bytes = Buffer.from(`~~${text}\r\n HTTP/1.1\r\n`, 'latin1')
  return http.probe(bytes, 2, 2 + text.length, from)
}

describe('a client that speaks HTTP', () => {
  for (const line of [
    'GET / HTTP/1.1\r\n',
    'get /lower HTTP/1.1\r\n',
    '\r\n\nGET / HTTP/1.1\r\n',
    'POST http://shop.test/a?b HTTP/1.0\r\n\r\n',
    'CONNECT shop.test:443 HTTP/1.1\r\n',
    'OPTIONS * HTTP/1.1\n',
    'PROPFIND /dav HTTP/1.1\r\nDepth: 1\r\n',
    'M-SEARCH * HTTP/1.1\r\n',
    'CCM_POST / HTTP/1.1\r\n',
    'GET /a b HTTP/1.1\r\n',
    `GET /${'a'.repeat(3000)}`,
  ])
    test(`is recognised: ${JSON.stringify(line.slice(0, 40))}`, () =>
      assert.equal(probe(line, 'client'), 'match'))

  test('is never refused on part of its first line', () => {
    for (const line of [
      'GET /a HTTP/1.1\r\n',
      'CCM_POST http://x/ HTTP/1.0\n',
      'CONNECT [::1]:1 HTTP/1.1\r\n',
      'OPTIONS * HTTP/1.1\r\n',
      '\r\n\r\nGET / HTTP/1.1\r\n',
    ])
      for (let length = 1; length < line.length; length++)
        assert.equal(probe(line.slice(0, length), 'client'), 'unsure', line.slice(0, length))
  })
})

describe('a server that speaks HTTP', () => {
  test('is recognised by its status line, and not before', () => {
    const line = 'HTTP/1.0 404 Not Found\r\n'
    for (let length = 1; length < 12; length++) assert.equal(probe(line.slice(0, length), 'server'), 'unsure')
    assert.equal(probe(line, 'server'), 'match')
    assert.equal(probe('HTTP/1.1 200', 'server'), 'match')
  })
})

describe('other protocols are refused', () => {
  for (const [name, text] of [
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['the beginning of HTTP/2', 'PRI * HT'],
    ['RTSP', 'OPTIONS rtsp://cam/1 RTSP/1.0\r\n'],
    ['the beginning of RTSP', 'OPTIONS rtsp://c'],
    ['SIP', 'INVITE sip:bob@example.org SIP/2.0\r\n'],
    ['the beginning of SIP', 'INVITE sip:bob'],
    ['Redis', '*1\r\n$4\r\nPING\r\n'],
    ['Redis inline', 'GET key\r\n'],
    ['the beginning of Redis inline', 'SET key '],
    ['SMTP', 'EHLO mail.test\r\n'],
    ['the beginning of SMTP', 'MAIL FROM:'],
    ['IMAP', 'a1 LOGIN x y\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00'],
    ['HTTP/0.9', 'GET /index.html\r\n'],
    ['a reply', 'HTTP/1.1 200 OK\r\n'],
    ['the beginning of a reply', 'HTTP/'],
    ['a long word', 'A'.repeat(40)],
    ['bytes', '\x00\x00\x00\x05'],
  ] as const)
    test(`from a client: ${name}`, () => assert.equal(probe(text, 'client'), 'reject'))

  for (const [name, text] of [
    ['ICY', 'ICY 200 OK\r\n'],
    ['RTSP', 'RTSP/1.0 200 OK\r\n'],
    ['SIP', 'SIP/2.0 200 OK\r\n'],
    ['HTTP/2', '\x00\x00\x12\x04\x00'],
    ['HTTP/2 as text', 'HTTP/2.0 200 OK\r\n'],
    ['a request', 'GET / HTTP/1.1\r\n'],
    ['SMTP', '220 mail.test ESMTP\r\n'],
    ['a word', 'HTTPS'],
    ['a status that is none', 'HTTP/1.1 abc\r\n'],
  ] as const)
    test(`from a server: ${name}`, () => assert.equal(probe(text, 'server'), 'reject'))
})

test('what one role matches the other refuses, whatever the bytes', () => {
  const text = fc.oneof(
    fc.string({ minLength: 1, maxLength: 60 }),
    fc.string({ maxLength: 20 }).map((each) => `GET /${each} HTTP/1.1\r\n`),
    fc.string({ maxLength: 20 }).map((each) => `HTTP/1.1 200 ${each}\r\n`),
  )
  fc.assert(
    fc.property(text, (each) => {
      const verdicts = [probe(each, 'client'), probe(each, 'server')]
      if (verdicts.includes('match')) assert.ok(verdicts.includes('reject'), verdicts.join())
    }),
  )
})
