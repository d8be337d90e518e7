import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CompletionSource, complete, type FilterField } from './completion.ts'

const FIELDS: readonly FilterField[] = [
  { path: 'http', kind: 'word', doc: 'HTTP/1' },
  { path: 'request.path', kind: 'text', doc: 'Path' },
  { path: 'request.method', kind: 'text', doc: 'Method', values: ['GET', 'POST'] },
  { path: 'response.status', kind: 'number', doc: 'Status', language: 'kfl1' },
  { path: 'status_code', kind: 'number', doc: 'Status', language: 'kfl2' },
  { path: 'tls', kind: 'flag', doc: 'Encrypted' },
]
const source = (language: CompletionSource['language']): CompletionSource => ({
  fields: FIELDS,
  language,
  valuesOf: (path) => (path === 'request.path' ? ['/a"b', '/c'] : []),
})

/** `|` is the cursor. */
function at(text: string, language: CompletionSource['language'] = 'kfl1') {
  const cursor = text.indexOf('|')
  const whole = text.replace('|', '')
  const { from, to, items } = complete(whole, cursor, source(language))
  return {
    labels: items.map(({ label }) => label),
    first: items[0] === undefined ? whole : whole.slice(0, from) + items[0].insert + whole.slice(to),
  }
}

test('at the beginning of an operand there are fields and words of the language', () => {
  assert.deepEqual(at('|').labels, ['http', 'request.path', 'request.method', 'response.status', 'tls'])
  assert.ok(at('|', 'kfl2').labels.includes('status_code'))
  assert.deepEqual(at('http and meth|').first, 'http and request.method')
  assert.deepEqual(at('!(sta|').labels, ['response.status'])
  assert.deepEqual(at('kfl1:tl|').first, 'kfl1:tls')
})

test('the word around the cursor is replaced as a whole', () => {
  assert.equal(at('re|quest.met == "GET"').first, 'request.path == "GET"')
})

test('behind a field come operators that fit it, behind an operand what joins', () => {
  assert.deepEqual(at('request.path |').labels, ['==', '!=', 'and', 'or'])
  assert.ok(at('response.status |').labels.includes('>='))
  assert.deepEqual(at('http |').labels, ['and', 'or'])
  assert.deepEqual(at('status_code == 500 |', 'kfl2').labels, ['&&', '||'])
  assert.equal(at('http o|').first, 'http or ')
})

test('behind an operator come values that were seen, quoted', () => {
  assert.deepEqual(at('request.path == |').labels, ['"/a\\"b"', '"/c"'])
  assert.equal(at('request.method == "P|').first, 'request.method == "POST"')
  assert.deepEqual(at('tls == |').labels, ['true', 'false'])
})

test('a field of text has tests of its own', () => {
  assert.equal(at('request.path.con|').first, 'request.path.contains("')
  assert.deepEqual(at('response.status.con|').labels, [])
})

test('in a text that is compared with nothing known there is nothing', () => {
  assert.deepEqual(at('"abc|').labels, [])
  assert.deepEqual(at('unknown == "a|').labels, [])
})

test('any text at any cursor is answered, with places inside it', () => {
  const texts = fc.array(
    fc.oneof(
      fc.constantFrom('request.path', '==', '"', 'and', '(', '||', ' ', "'", '[', '.', 'kfl2:', '\\'),
      fc.string({ maxLength: 4 }),
    ),
  )
  fc.assert(
    fc.property(texts, fc.nat(), (parts, place) => {
      const text = parts.join('')
      const cursor = place % (text.length + 1)
      const { from, to } = complete(text, cursor, source('kfl1'))
      assert.ok(0 <= from && from <= cursor && cursor <= to && to <= text.length)
    }),
  )
})
