import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Dissection } from '../../dissect/engine.ts'
import { Packet } from '../../packet/packet.ts'
import { Connection, type ConnectionHandler } from '../../reassembly/connection.ts'
import { data, headers, post, preface, settings, status } from '../http2/test-frames.ts'
import { dissectors } from '../index.ts'

/** Is there a.test, A? And 192.0.2.1. */
const question = Buffer.from('000001000001000000000000 0161 04746573740000010001'.replaceAll(' ', ''), 'hex')
const answer = Buffer.from(
  '000081800001000100000000 0161 04746573740000010001 c00c 0001 0001 0000003c 0004 c0000201'.replaceAll(
    ' ',
    '',
  ),
  'hex',
)

type Said = readonly (readonly [from: 0 | 1, bytes: Uint8Array | string])[]

/** The entries of a connection, a line each. */
function entriesOf(said: Said, { wantsBodies = false, without = '' } = {}): string[] {
  const entries: string[] = []
  const dissection = new Dissection({
    dissectors: dissectors.filter(({ name }) => name !== without),
    ports: new Map(),
    context: { wantsBodies, maxBody: 10 },
    replyTimeout: 10,
    memory: 1 << 20,
    conversation: () => {},
    reportEvery: 60,
    exchange: ({ dissector, request, response, requestSize, responseSize, elapsedTime }) => {
      const { questions } = (request ?? {}) as { questions?: readonly { name: string }[] }
      const { answers } = (response ?? {}) as { answers?: readonly { ip: string }[] }
      const dns = `${questions?.[0]?.name} ${answers?.[0]?.ip} ${requestSize} ${responseSize} ${elapsedTime}`
      entries.push(`${dissector.name}${dissector.name === 'dns' ? ` ${dns}` : ''}`)
    },
  })
  const packet = new Packet()
  Object.assign(packet, { protocol: 6, ipVersion: 4, srcPort: 40_000, dstPort: 4000 })
  const connection = new Connection(0, packet, 0, undefined as unknown as ConnectionHandler)
  connection.opener = 0
  const handler = dissection.open(connection)
  for (const [from, text] of said) {
    connection.seconds++
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    handler.data(from, bytes, 0, bytes.length)
  }
  handler.close('closed')
  return entries
}

const TYPE = 'Content-Type: application/dns-message\r\n'
const http1 = (line: string, body: Uint8Array, more = TYPE) =>
  Buffer.concat([Buffer.from(`${line}\r\n${more}Content-Length: ${body.length}\r\n\r\n`), body])
const type = ['content-type', 'application/dns-message'] as const

describe('DNS over HTTPS', () => {
  test('is an entry of its own, though nobody wants bodies', () => {
    const both: Said = [
      [0, http1('POST /dns-query HTTP/1.1', question)],
      [1, http1('HTTP/1.1 200 OK', answer)],
    ]
    assert.deepEqual(entriesOf(both), ['http', 'dns a.test 192.0.2.1 24 40 1000000'])
    assert.deepEqual(entriesOf(both, { wantsBodies: true }), ['http', 'dns a.test 192.0.2.1 24 40 1000000'])
    assert.deepEqual(entriesOf(both, { without: 'dns' }), ['http'])
    assert.deepEqual(
      entriesOf([
        [0, Buffer.concat([preface, headers(1, post('/dns-query', type)), data(1, question, true)])],
        [1, Buffer.concat([settings(), headers(1, status(200, type)), data(1, answer, true)])],
      ]),
      ['http2', 'dns a.test 192.0.2.1 24 40 1000000'],
    )
  })

  test('may ask in the query of a GET', () => {
    const get = `GET /dns-query?a=b&dns=${question.toString('base64url')} HTTP/1.1\r\nAccept: application/dns-message\r\n\r\n`
    assert.deepEqual(
      entriesOf([
        [0, get],
        [1, http1('HTTP/1.1 200 OK', answer)],
      ]),
      ['http', 'dns a.test 192.0.2.1 24 40 1000000'],
    )
    assert.deepEqual(
      entriesOf([
        [0, get],
        [1, 'HTTP/1.1 415 No\r\nContent-Length: 0\r\n\r\n'],
      ]),
      ['http', 'dns a.test undefined 24 0 0'],
    )
    for (const other of ['dns=8.8.8.8', 'dns=', 'xdns=AAAA', `dns=${'A'.repeat(30)}`])
      assert.deepEqual(entriesOf([[0, `GET /?${other} HTTP/1.1\r\n\r\n`]]), ['http'], other)
  })

  test('may be compressed, but must be whole, and be DNS', () => {
    const reply = (body: Uint8Array, more = TYPE): Said => [
      [0, http1('POST /dns-query HTTP/1.1', question)],
      [1, http1('HTTP/1.1 200 OK', body, more)],
    ]
    const asked = 'dns a.test undefined 24 0 0'
    assert.deepEqual(
      entriesOf(reply(gzipSync(answer), `${TYPE}Content-Encoding: gzip\r\n`))[1],
      'dns a.test 192.0.2.1 24 40 1000000',
    )
    assert.deepEqual(entriesOf(reply(answer, 'Content-Type: text/plain\r\n'))[1], asked)
    assert.deepEqual(entriesOf(reply(Buffer.from('what is this?')))[1], asked)
    const cut = http1('HTTP/1.1 200 OK', answer).subarray(0, -3)
    assert.deepEqual(
      entriesOf([
        [0, http1('POST /dns-query HTTP/1.1', question)],
        [1, cut],
      ])[1],
      asked,
    )
    assert.deepEqual(entriesOf([[0, http1('POST /dns-query HTTP/1.1', Buffer.from('none of it'))]]), ['http'])
  })
})
