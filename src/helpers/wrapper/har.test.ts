import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { entryProtocols } from '../../dissectors/index.ts'
import { EntryTexts } from '../../entry/text.ts'
import { readCapture } from '../../testing/read-capture.ts'
import { REPOSITORY } from '../../testing/remora.ts'
import { harOf } from './har.ts'

const ENTRY = {
  id: 'w:1/000000000001.pcap-0',
  stream: '000000000001.pcap',
  protocol: { name: 'http', abbr: 'HTTP' },
  src: { ip: '10.0.0.1', port: '4000' },
  dst: { ip: '10.0.0.2', port: '8080' },
  timestamp: 1_795_416_691_882,
  startTime: '2026-11-23T06:51:31.882063000Z',
  elapsedTime: 11_766,
  request: {
    method: 'POST',
    url: '/orders?a=1&a=2',
    httpVersion: 'HTTP/1.1',
    headers: { Host: 'shop.test:8080', 'X-Many': ['one', 'two'] },
    cookies: { session: 's' },
    queryString: { a: ['1', '2'] },
    bodySize: 9,
    postData: { mimeType: 'application/json', text: '{"n": 1}\n', encoding: '' },
  },
  response: {
    status: 201,
    statusText: 'Created',
    httpVersion: 'HTTP/1.1',
    headers: { 'content-type': 'image/png' },
    cookies: {},
    redirectURL: '/orders/7',
    bodySize: 4,
    content: { size: 4, mimeType: 'image/png', text: 'AAECAw==', encoding: 'base64' },
  },
}

describe('an HTTP archive', () => {
  test('has an entry with its times in milliseconds, its absolute address, and each of several values', () => {
    const [entry] = entriesOf(ENTRY)
    assert.partialDeepStrictEqual(entry, {
      startedDateTime: '2026-11-23T06:51:31.882063000Z',
      time: 11.766,
      timings: { send: 0, wait: 11.766, receive: 0 },
      serverIPAddress: '10.0.0.2',
      connection: '000000000001.pcap',
      request: {
        method: 'POST',
        url: 'http://shop.test:8080/orders?a=1&a=2',
        headers: [
          { name: 'Host', value: 'shop.test:8080' },
          { name: 'X-Many', value: 'one' },
          { name: 'X-Many', value: 'two' },
        ],
        cookies: [{ name: 'session', value: 's' }],
        queryString: [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ],
        bodySize: 9,
        postData: { mimeType: 'application/json', text: '{"n": 1}\n' },
      },
      response: {
        status: 201,
        redirectURL: '/orders/7',
        content: { size: 4, mimeType: 'image/png', text: 'AAECAw==', encoding: 'base64' },
      },
    })
  })

  test('takes the address of the server where no host is named, and those that are absolute as they are', () => {
    const urlOf = (request: object, more: object = {}) =>
      entriesOf({ ...ENTRY, ...more, request: { ...ENTRY.request, ...request } })[0]?.request?.url
    assert.equal(urlOf({ headers: {} }), 'http://10.0.0.2:8080/orders?a=1&a=2')
    assert.equal(
      urlOf({ headers: {} }, { dst: { ip: '2001:db8::1', port: '80' } }),
      'http://[2001:db8::1]/orders?a=1&a=2',
    )
    assert.equal(urlOf({ url: 'https://else.test/x' }), 'https://else.test/x')
    assert.equal(urlOf({ headers: { ':authority': 'h2.test' }, url: '/' }, { tls: true }), 'https://h2.test/')
    assert.equal(urlOf({ url: '*', headers: {} }), 'http://10.0.0.2:8080/*')
  })

  test('has status 0 where no response was seen, and leaves out what is not HTTP', () => {
    const dns = { ...ENTRY, protocol: { name: 'dns' } }
    const entries = entriesOf(
      { ...ENTRY, response: null, elapsedTime: 0 },
      dns,
      { ...ENTRY, request: null },
      7,
      null,
    )
    assert.equal(entries.length, 1)
    assert.partialDeepStrictEqual(entries[0], {
      time: 0,
      response: { status: 0, content: { size: 0 } },
      comment: 'no response was seen',
    })
  })

  test('of a capture has all of its HTTP, the oldest first, whatever agents have left of entries', async () => {
    const { exchanges } = await readCapture(`${REPOSITORY}samples/sample.pcap`)
    const http = exchanges.filter(({ dissector }) => dissector.name === 'http')
    const origin = { worker: 'w:1', node: { ip: '', name: 'n' }, backend: 'pcap', nameOf: () => undefined }
    const writer = new EntryTexts(entryProtocols, origin)
    const texts = http.map((exchange) => writer.of(exchange)).reverse()
    const { log } = harOf(
      texts.map((text) => JSON.parse(text)),
      '1.2.3',
    )
    assert.equal(log.version, '1.2')
    assert.equal(log.entries.length, http.filter(({ request }) => request !== null).length)
    assert.ok(log.entries.length > 30)
    const times = log.entries.map((entry) => Date.parse(String(entry.startedDateTime)))
    assert.deepEqual(times, times.toSorted())
    const spoilt = { protocol: { name: 'http' }, request: { method: 'GET', headers: 7 }, response: 'gone' }
    assert.equal(entriesOf(spoilt).length, 1)
    const [dateless] = entriesOf({ ...ENTRY, timestamp: 8.64e15 + 1, startTime: '' })
    assert.partialDeepStrictEqual(dateless, { startedDateTime: '1970-01-01T00:00:00.000Z' })
  })
})

function entriesOf(
  ...entries: readonly unknown[]
): readonly { readonly request?: { readonly url?: string } }[] {
  return harOf(entries, '1.2.3').log.entries
}
