import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutText, visibleLine, visibleText } from './visible-text.ts'

test('plain text stays as it is, in any script', () => {
  for (const text of ['', 'GET /a?b=1', 'żółć 漢字 😀', 'a\tb\nc']) assert.equal(visibleText(text), text)
})

test('escapes of terminals, marks of direction and lone surrogates are shown as signs', () => {
  assert.equal(visibleText('\u001b[2J\u0000'), '␛[2J␀')
  assert.equal(visibleText('a\u202egpj.exe'), 'a‹U+202E›gpj.exe')
  assert.equal(visibleText('\ud800x'), '‹U+D800›x')
  assert.equal(visibleLine('a\r\nb'), 'a␍␊b')
})

test('a cut never leaves half of a character', () => {
  assert.deepEqual(cutText('a😀b', 2), { text: 'a', isWhole: false })
  assert.deepEqual(cutText('a😀b', 3), { text: 'a😀', isWhole: false })
  assert.deepEqual(cutText('abc', 3), { text: 'abc', isWhole: true })
})
