import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readCsv } from './csv.ts'

describe('CSV', () => {
  test('is read with either end of lines, quotes, and commas and line ends within them', () => {
    const rows = [
      ['a', 'b'],
      ['x, y', 'say "hi"'],
      ['two\nlines', ''],
    ]
    const text = 'a,b\r\n"x, y","say ""hi"""\r\n"two\nlines",\r\n'
    assert.deepEqual(readCsv(text), rows)
    assert.deepEqual(readCsv(`\ufeff${text.replaceAll('\r', '')}`), rows)
    assert.deepEqual(readCsv(text.trimEnd()), rows)
  })

  test('that is broken is read all the same', () => {
    assert.deepEqual(readCsv('a,"b'), [['a', 'b']])
    assert.deepEqual(readCsv('"a"b,c'), [['ab', 'c']])
    assert.deepEqual(readCsv('\n\n'), [[''], ['']])
    assert.deepEqual(readCsv(''), [])
  })

  test('is read as far as it is shown', () => {
    assert.equal(readCsv('a\n'.repeat(100), 10).length, 10)
  })
})
