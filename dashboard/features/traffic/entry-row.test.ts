import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goldenEntries } from '../../../src/testing/entry-json.ts'
import { ODD_ENTRIES } from '../../../src/testing/filters.ts'
import { rowOf, tagsOf } from './entry-row.ts'

const HTTP = {
  id: 'w/1.pcap-0',
  stream: '1.pcap',
  timestamp: 1000,
  protocol: { abbr: 'HTTP', longName: 'Hypertext', backgroundColor: '#326de6', foregroundColor: '#ffffff' },
  src: { ip: '10.0.0.1', port: '5000', name: '' },
  dst: { ip: '::1', port: '80', name: 'cart', namespace: 'shop' },
  request: {},
  response: { status: 404 },
  base: { method: 'GET', summary: '/a', status: 404, statusQuery: 'response.status == 404' },
  size: 10,
  elapsedTime: 1500,
  passed: true,
  tags: ['slow'],
}

const row = (change: object) => rowOf(JSON.stringify({ ...HTTP, ...change }))

test('a row says what people look for', () => {
  const { protocol, source, destination, ...rest } = row({}) ?? {}
  assert.deepEqual(rest, {
    method: 'GET',
    summary: '/a',
    status: { text: '404', tone: 'warning' },
    size: 10,
    elapsed: 1500,
    at: 1000,
    mark: 'passed',
    tags: ['slow'],
    isTls: false,
    half: undefined,
    error: '',
    stream: '1.pcap',
    node: '',
  })
  assert.equal(protocol?.label, 'HTTP')
  assert.deepEqual(source, {
    name: '10.0.0.1:5000',
    namespace: '',
    address: '10.0.0.1:5000',
    isResolved: false,
  })
  assert.deepEqual(destination, { name: 'cart', namespace: 'shop', address: '[::1]:80', isResolved: true })
})

test('a request without its reply has no time that it took, and a mark wins over none', () => {
  assert.equal(row({ response: null, elapsedTime: 0 })?.elapsed, undefined)
  assert.equal(row({ response: null })?.half, 'no reply')
  assert.equal(row({ request: null })?.half, 'no request')
  assert.equal(row({ failed: true })?.mark, 'failed')
})

test('whether it went well is told by what fields are called', () => {
  const tone = (base: object, response: object = {}) => row({ base, response })?.status?.tone
  assert.equal(tone({ status: 503, statusQuery: 'response.status == 503' }), 'bad')
  assert.equal(tone({ status: 204, statusQuery: 'response.status == 204' }), 'good')
  assert.equal(tone({ status: 35, statusQuery: 'response.errorCode == 35' }), 'bad')
  assert.equal(tone({ status: 0, statusQuery: 'response.errorCode == 0' }), 'good')
  assert.equal(tone({ status: 14, statusQuery: 'response.grpcStatus == 14' }), 'bad')
  assert.equal(tone({ status: 2001, statusQuery: 'response.resultCode == 2001' }), 'plain')
  assert.equal(tone({ status: 1, statusQuery: 'response.statusCode == 1' }, { success: false }), 'bad')
  assert.equal(tone({ status: 0, statusQuery: '' }), undefined)
})

test('texts are cut and harmless, and nothing but a colour gets into a style', () => {
  const base = { method: 'G\u001b[2JET', summary: `/${'x'.repeat(1e6)}`, status: 0 }
  const hostile = row({
    base,
    protocol: { abbr: 'A'.repeat(50), backgroundColor: 'red;background:url(//evil)' },
  })
  assert.equal(hostile?.method, 'G␛[2JET')
  assert.ok((hostile?.summary.length ?? 0) < 500)
  assert.equal(hostile?.protocol.background, '#606060')
  assert.ok((hostile?.protocol.label.length ?? 0) <= 10)
})

test('a badge can be read, whatever its protocol wants', () => {
  const colours = (backgroundColor: string) =>
    row({ protocol: { abbr: 'A', backgroundColor, foregroundColor: '#ffffff' } })?.protocol.foreground
  assert.equal(colours('#326de6'), '#ffffff')
  assert.equal(colours('#ff6600'), '#000000')
  assert.equal(colours('#000000'), '#ffffff')
})

test('tags are a list, or names with values', () => {
  assert.deepEqual(tagsOf(['a', 5]), ['a', '5'])
  assert.deepEqual(tagsOf({ slow: true, team: 'cart', deep: { a: 1 } }), [
    'slow',
    'team: cart',
    'deep: {"a":1}',
  ])
  for (const none of [null, undefined, 5, '']) assert.deepEqual(tagsOf(none), [])
})

test('every entry of every protocol has a row, and what is odd does no harm', async () => {
  for (const text of await goldenEntries()) {
    const each = rowOf(text)
    assert.ok(each !== undefined && each.protocol.label !== '?' && each.destination.address !== '', text)
  }
  for (const text of ODD_ENTRIES) rowOf(text)
})
