import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textQuery } from './text-query.ts'

test('a text is selected whole, and a long one by how it begins', () => {
  assert.equal(textQuery('request.key', 'a"b'), 'request.key == "a\\"b"')
  assert.equal(textQuery('request.key', 'abc', 3), 'request.key == "abc"')
  assert.equal(textQuery('request.key', 'abcd', 3), 'request.key.startsWith("abc")')
})
