import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onOneLine, textQuery } from './text-query.ts'

test('a text is selected whole, and a long one by how it begins', () => {
  assert.equal(textQuery('request.key', 'a"b'), 'request.key == "a\\"b"')
  assert.equal(textQuery('request.key', 'abc', 3), 'request.key == "abc"')
  assert.equal(textQuery('request.key', 'abcd', 3), 'request.key.startsWith("abc")')
})

test('a text is selected by how it begins up to what a filter cannot say', () => {
  assert.equal(textQuery('request.key', 'a\x1b[0m'), 'request.key.startsWith("a")')
  assert.equal(textQuery('request.key', 'a\tb\x7f'), 'request.key == "a\\tb\x7f"')
  assert.equal(textQuery('request.key', 'ab😀', 3), 'request.key.startsWith("ab")')
  assert.equal(textQuery('request.key', 'a😀', 3), 'request.key == "a😀"')
})

test('a row shows a text on one line, and no half of a character', () => {
  assert.equal(onOneLine(' select\n\t1 '), 'select 1')
  assert.equal(onOneLine(`${'a'.repeat(255)}😀`), 'a'.repeat(255))
})
